"""When the sandbox misbehaves: rules told by a test, and the request's own header.

A rule holds for so many requests, or until it is dropped, and may be limited to
a method and to paths. All rules that match act on a request, in the order in
which they were told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox.answers import Answer, Draft, signed
from wechatpay_chain.sandbox.certificate_list import LIST_FAULTS
from wechatpay_chain.sandbox.faults import Drafted, Fault, Options
from wechatpay_chain.sandbox.json_faults import TIMESTAMP_FORMS
from wechatpay_chain.sandbox.misbehaviour import MISBEHAVIOURS, Misbehaviour
from wechatpay_chain.sandbox.xml_answers import XmlDraft, signed_xml

__all__ = ["HEADER", "Chosen", "Rule", "Rules", "choose", "choose_from_headers", "spoil"]

HEADER = "Sandbox-Misbehave"


@dataclass(frozen=True)
class Chosen:
    """A misbehaviour with its options settled."""

    name: str
    misbehaviour: Misbehaviour
    options: Options

    @property
    def reads(self) -> bool:
        """Whether a request is read and carried out all the same."""
        return self.name != "hang-up-before"


@dataclass(eq=False)
class Rule:
    """A chosen misbehaviour, where it applies, and how often still (None: until dropped)."""

    chosen: Chosen
    times: int | None
    path: str | None
    method: str | None

    def matches(self, method: str, path: str, protocol: str) -> bool:
        if protocol not in self.chosen.misbehaviour.protocols:
            # It waits for a request whose answer it can spoil.
            return False
        if self.method not in (None, method):
            return False
        if self.path is None:
            return True
        # A client writes v2/, which does not go over the wire.
        path, pattern = path.strip("/"), self.path.strip("/").removeprefix("v2/")
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

    def take(self, method: str, path: str, protocol: str) -> list[Chosen]:
        """Return what to do to this request, and count it against the rules that match."""
        with self._lock:
            matching = [rule for rule in self._rules if rule.matches(method, path, protocol)]
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
    if settled.get("how", "tampered") not in LIST_FAULTS:
        known = ", ".join(LIST_FAULTS)
        raise ConfigurationError(f"{name}: unknown how {settled['how']!r}; there are {known}")
    return Chosen(name, misbehaviour, settled)


def choose_from_headers(values: Iterable[str], protocol: str) -> list[Chosen]:
    """Read ``Sandbox-Misbehave: delay; seconds=0.2, bad-signature`` from a request."""
    chosen = []
    for piece in ",".join(values).split(","):
        name, *parameters = (part.strip() for part in piece.split(";"))
        if name:
            pairs = (parameter.partition("=") for parameter in parameters)
            asked = choose(name, {key.strip(): value.strip() for key, _, value in pairs})
            if protocol not in asked.misbehaviour.protocols:
                raise ConfigurationError(f"{name} makes no sense in an answer of {protocol}")
            chosen.append(asked)
    return chosen


def spoil(draft: Draft | XmlDraft, chosen: Iterable[Chosen]) -> Answer:
    """Sign a draft, doing to it before and after what was chosen."""
    if isinstance(draft, XmlDraft):
        told = [(one.misbehaviour.xml, one.options) for one in chosen]
        return _spoil(draft, told, signed_xml)
    return _spoil(draft, [(one.misbehaviour.json, one.options) for one in chosen], signed)


def _spoil(
    draft: Drafted,
    told: list[tuple[Fault[Drafted] | None, Options]],
    sign: Callable[[Drafted], Answer],
) -> Answer:
    faults = [(fault, options) for fault, options in told if fault is not None]
    for fault, options in faults:
        draft = fault.draft(draft, options)
    answer = sign(draft)
    for fault, options in faults:
        answer = fault.answer(answer, options)
    return answer
