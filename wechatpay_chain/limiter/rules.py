"""Which limits a call falls under: those that WeChat Pay documents, and those that the user states.

::

    {"POST v3/pay/transactions/native": "200/minute",   # one operation
     "v3/refund": (300, 60),                            # all below a path, calls and seconds
     "*": ["20/second", "600/minute"]}                  # everything, two limits at once
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.catalogue.index import segments_of
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.protocol.text import one_line

__all__ = ["Documented", "Limit", "Rules", "Stated"]

Documented: TypeAlias = Callable[[str, str], Operation | None]
"""Tells what is documented of an operation, from its method and path."""

Stated: TypeAlias = "str | tuple[int, float] | list[str | tuple[int, float]]"
"""``"200/minute"``, ``"10 per 5 seconds"``, (calls, seconds), or a list of such."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"(\d+) ?(?:/|per) ?(?:(\d+) ?)?(second|minute|hour|day)s?", re.ASCII)
_EVERYTHING = "*"
_MOST = 10**9
"""Calls, or seconds (30 years), beyond which a rate limits nothing."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds, of all that falls under one name."""

    scope: str
    calls: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.calls} calls in {self.seconds:g} s on {self.scope}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A stated limit and what it is for: no method is any, no segments are any path."""

    limit: Limit
    method: str
    segments: tuple[str, ...]
    is_prefix: bool

    def fits(self, method: str, segments: tuple[str, ...]) -> bool:
        if self.method not in ("", method):
            return False
        if len(segments) < len(self.segments):
            return False
        if not self.is_prefix and len(segments) != len(self.segments):
            return False
        # A longer path is cut to the rule's length: that is what a prefix means.
        return all(
            mine == theirs or mine.startswith("{")
            for mine, theirs in zip(self.segments, segments, strict=False)
        )


class Rules:
    """All limits that one limiter knows."""

    def __init__(self, stated: Mapping[str, Stated], documented: Documented | None) -> None:
        """Read the user's limits.

        Raises:
            ConfigurationError: one cannot be understood; it says which.
        """
        self._documented = documented
        self._stated = [
            _rule(scope, rate) for scope, rates in stated.items() for rate in _several(rates)
        ]
        self.applying = lru_cache(maxsize=1024)(self._applying)
        """Return the limits that a call falls under, from its method and path."""

    def _applying(self, method: str, path: str) -> tuple[Limit, ...]:
        segments = segments_of(path)
        found = [rule.limit for rule in self._stated if rule.fits(method, segments)]
        operation = None if self._documented is None else self._documented(method, path)
        official = None if operation is None else operation.rate_limit
        if official is not None:
            found.append(Limit(str(operation), official.calls, official.seconds))
        return tuple(found)


def _several(rates: object) -> list[object]:
    return rates if isinstance(rates, list) else [rates]


def _rule(scope: object, rate: object) -> _Rule:
    words = scope.split() if isinstance(scope, str) else []
    where = f"limits[{one_line(str(scope))!r}]"
    method = words.pop(0).upper() if len(words) == 2 else ""
    segments = segments_of(words[0]) if len(words) == 1 else ()
    if not segments or words[0].upper() in METHODS or (method and method not in METHODS):
        raise ConfigurationError(
            f"{where}: name an operation such as 'POST v3/pay/transactions/native', the beginning "
            "of a path such as 'v3/refund', or '*' for everything"
        )
    name = "/".join(segments)
    segments = () if name == _EVERYTHING else segments
    calls, seconds = _rate(rate, where)
    limit = Limit(f"{method} {name}".strip(), calls, seconds)
    return _Rule(limit, method, segments, is_prefix=not (method and segments))


def _rate(rate: object, where: str) -> tuple[int, float]:
    if isinstance(rate, str):
        found = _RATE.fullmatch(rate.strip())
        pair = found and (int(found[1]), int(found[2] or 1) * _SECONDS[found[3]])
    else:
        pair = rate if isinstance(rate, tuple) and len(rate) == 2 else None
    if pair:
        calls, seconds = pair
        if _is_number(calls, int) and _is_number(seconds, (int, float)):
            return calls, float(seconds)
    raise ConfigurationError(
        f"{where} must be a rate such as '200/minute', '10 per 5 seconds' or (200, 60), calls and "
        "seconds, or a list of such"
    )


def _is_number(value: object, kind: type[int] | tuple[type[int], type[float]]) -> bool:
    return (
        isinstance(value, kind)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 < value <= _MOST
    )
