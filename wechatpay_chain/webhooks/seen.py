"""Callbacks that were handled before: claimed by one, finished, and remembered.

WeChat Pay sends a callback until it is acknowledged, and may send it twice at once. Whoever
claims it first handles it; the others are told that it is at work, or done.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from wechatpay_chain import loops
from wechatpay_chain.errors import ConfigurationError

__all__ = [
    "LEASE",
    "REMEMBERED",
    "Claim",
    "Hook",
    "MemorySeen",
    "Seen",
    "check_hook",
    "check_numbers",
]

LEASE = 60.0
"""Seconds for which one that claimed a callback may work on it; WeChat Pay waits for 5."""

REMEMBERED = 48 * 3600.0
"""Seconds for which a handled callback is remembered; the last resend comes after 24 h 4 min."""


class Claim(StrEnum):
    """What came of claiming a callback."""

    MINE = "mine"
    BUSY = "busy"
    DONE = "done"


@runtime_checkable
class Seen(Protocol):
    """Remembers callbacks. Each method may be async, too.

    `owner` is a name that each attempt to handle a callback has to itself, so that one whose
    lease has ended cannot speak for the next.
    """

    def claim(self, id: str, owner: str, /) -> Claim | Awaitable[Claim]:  # noqa: A002
        """Claim a callback for a while, if nobody has it and it is not done."""
        ...

    def finish(self, id: str, owner: str, /) -> bool | Awaitable[bool]:  # noqa: A002
        """Remember it as done; return False if another has claimed it meanwhile."""
        ...

    def release(self, id: str, owner: str, /) -> bool | Awaitable[bool]:  # noqa: A002
        """Let others claim it; return False if another has claimed it meanwhile."""
        ...


Hook: TypeAlias = Seen | Callable[[str], Any]
"""A `Seen`, or a function, sync or async, that tells whether an id was seen before."""


def check_hook(hook: Hook | None) -> Hook | None:
    """Return a duplicate hook, if it is one.

    Raises:
        ConfigurationError: it is something else.
    """
    if hook is None or (not isinstance(hook, type) and (isinstance(hook, Seen) or callable(hook))):
        return hook
    raise ConfigurationError(
        "seen must be MemorySeen(), RedisSeen(…), a function of an id, or have the methods claim, "
        "finish and release"
    )


class MemorySeen:
    """Remembers callbacks in this process: for one process, and until it ends.

    Its size is bounded: beyond `size` the oldest that are done are forgotten.
    """

    def __init__(
        self,
        *,
        size: int = 100_000,
        lease: float = LEASE,
        remembered: float = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember nothing yet.

        Args:
            size: how many callbacks that are done are remembered.
            lease: seconds for which one that claimed a callback may work on it.
            remembered: seconds for which a callback that is done is remembered.
            clock: seconds that only grow.

        Raises:
            ConfigurationError: a number is not above zero.
        """
        check_numbers(size=size, lease=lease, remembered=remembered)
        self._size = size
        self._lease = lease
        self._remembered = remembered
        self._clock = clock
        self._busy: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._done: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        _all.add(self)

    def claim(self, id: str, owner: str, /) -> Claim:  # noqa: A002
        """Claim a callback for a while, if nobody has it and it is not done."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            if id in self._done:
                return Claim.DONE
            if id in self._busy:
                return Claim.BUSY
            self._busy[id] = (owner, now + self._lease)
            return Claim.MINE

    def finish(self, id: str, owner: str, /) -> bool:  # noqa: A002
        """Remember it as done; return False if another has claimed it meanwhile."""
        with self._lock:
            if not self._is_free(id, owner):
                return False
            self._busy.pop(id, None)
            self._done[id] = self._clock() + self._remembered
            if len(self._done) > self._size:
                self._done.popitem(last=False)
            return True

    def release(self, id: str, owner: str, /) -> bool:  # noqa: A002
        """Let others claim it; return False if another has claimed it meanwhile."""
        with self._lock:
            is_free = self._is_free(id, owner)
            if is_free:
                self._busy.pop(id, None)
            return is_free

    def __repr__(self) -> str:
        return f"<MemorySeen {len(self._done)} done>"

    def renew(self) -> object:
        """In a forked child: take a new lock, for a thread that is not here may hold the old."""
        old, self._lock = self._lock, threading.Lock()
        return old

    def _is_free(self, id: str, owner: str) -> bool:  # noqa: A002
        return id not in self._done and self._busy.get(id, (owner, 0.0))[0] == owner

    def _forget(self, now: float) -> None:
        # Both are in the order in which they end.
        while self._busy and next(iter(self._busy.values()))[1] <= now:
            self._busy.popitem(last=False)
        while self._done and next(iter(self._done.values())) <= now:
            self._done.popitem(last=False)


_all: weakref.WeakSet[MemorySeen] = weakref.WeakSet()
loops.at_fork(lambda: [seen.renew() for seen in _all])


def check_numbers(**numbers: float) -> None:
    """Want numbers above zero.

    Raises:
        ConfigurationError: one is not; the message names it.
    """
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ConfigurationError(f"{name} must be a number above zero")
