"""When the sandbox misbehaves: rules told by a test, and the request's own header.

A rule holds for so many requests, or until it is dropped, and may be limited to
a method and to paths. All rules that match act on a request, in the order in
which they were told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox.answers import Answer, Draft
from wechatpay_chain.sandbox.misbehaviour import (
    MISBEHAVIOURS,
    TIMESTAMP_FORMS,
    Misbehaviour,
    Options,
)

__all__ = ["HEADER", "Chosen", "Rules", "choose", "choose_from_headers"]

HEADER = "Sandbox-Misbehave"


@dataclass(frozen=True)
class Chosen:
    """A misbehaviour with its options settled."""

    misbehaviour: Misbehaviour
    options: Options

    def draft(self, draft: Draft) -> Draft:
        return self.misbehaviour.draft(draft, self.options)

    def answer(self, answer: Answer) -> Answer:
        return self.misbehaviour.answer(answer, self.options)


@dataclass(eq=False)
class Rule:
    """A chosen misbehaviour, where it applies, and how often still (None: until dropped)."""

    chosen: Chosen
    times: int | None
    path: str | None
    method: str | None

    def matches(self, method: str, path: str) -> bool:
        if self.method not in (None, method):
            return False
        if self.path is None:
            return True
        path, pattern = path.strip("/"), self.path.strip("/")
        return fnmatchcase(path, pattern) or path.startswith(f"{pattern}/")


class Rules:
    """The rules that hold now; told in one thread, asked in another."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def drop(self, rule: Rule) -> None:
        """Drop a rule; one that is used up or was dropped already is no error."""
        with self._lock:
            self._rules = [other for other in self._rules if other is not rule]

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str) -> list[Chosen]:
        """Return what to do to this request, and count it against the rules that match."""
        with self._lock:
            matching = [rule for rule in self._rules if rule.matches(method, path)]
            for rule in matching:
                if rule.times is not None:
                    rule.times -= 1
            self._rules = [rule for rule in self._rules if rule.times != 0]
        return [rule.chosen for rule in matching]


def choose(name: str, options: Options) -> Chosen:
    """Look a misbehaviour up; raise ConfigurationError for a name or option it does not have."""
    misbehaviour = MISBEHAVIOURS.get(name)
    if misbehaviour is None:
        known = ", ".join(MISBEHAVIOURS)
        raise ConfigurationError(f"unknown misbehaviour {name!r}; there are {known}")
    settled: dict[str, Any] = dict(misbehaviour.options)
    for option, value in options.items():
        if option not in settled:
            known = ", ".join(settled) or "none"
            raise ConfigurationError(f"{name} has no option {option!r}; it has {known}")
        wanted = type(settled[option])
        try:
            settled[option] = wanted(value)
        except (TypeError, ValueError):
            text = f"{name}: {option} must be of type {wanted.__name__}, got {value!r}"
            raise ConfigurationError(text) from None
    if settled.get("form", "plus") not in TIMESTAMP_FORMS:
        known = ", ".join(TIMESTAMP_FORMS)
        raise ConfigurationError(f"{name}: unknown form {settled['form']!r}; there are {known}")
    return Chosen(misbehaviour, settled)


def choose_from_headers(values: Iterable[str]) -> list[Chosen]:
    """Read ``Sandbox-Misbehave: delay; seconds=0.2, bad-signature`` from a request."""
    chosen = []
    for piece in ",".join(values).split(","):
        name, *parameters = (part.strip() for part in piece.split(";"))
        if name:
            pairs = (parameter.partition("=") for parameter in parameters)
            chosen.append(choose(name, {key.strip(): value.strip() for key, _, value in pairs}))
    return chosen
