"""The moments of calls in the memory of one process, for all its threads and loops."""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

from wechatpay_chain import loops
from wechatpay_chain.limiter.storage import MICROSECONDS, Place, Window

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """Sorted lists of moments; a forked child goes on from a copy of its parent's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Hold nothing yet; `clock` gives seconds that never go backwards."""
        self._clock = clock
        self._moments: dict[str, list[int]] = {}
        self._lock = threading.Lock()
        _all.add(self)

    async def take(self, windows: Sequence[Window], longest: int | None) -> Place:
        """Give a call its moment in all windows at once, if that is within `longest`."""
        with self._lock:
            now = int(self._clock() * MICROSECONDS)
            kept = [self._kept(window, now) for window in windows]
            moment, decisive = now, 0
            settled = False
            while not settled:
                settled = True
                for index, window in enumerate(windows):
                    later = _blocked_until(kept[index], window, moment)
                    if later is not None:
                        moment, decisive, settled = later, index, False
            if longest is not None and moment - now > longest:
                return Place(moment - now, decisive, None)
            for moments in kept:
                insort(moments, moment)
        return Place(moment - now, decisive, str(moment))

    async def give_back(self, windows: Sequence[Window], place: Place) -> None:
        """Forget a moment; of equal ones any will do."""
        if place.name is None:
            return
        moment = int(place.name)
        with self._lock:
            for window in windows:
                moments = self._moments.get(window.key, [])
                at = bisect_left(moments, moment)
                if at < len(moments) and moments[at] == moment:
                    del moments[at]

    def close(self) -> None:
        """Do nothing: nothing is open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def __repr__(self) -> str:
        return "<MemoryStorage>"

    def renew(self) -> object:
        """In a forked child: take a new lock, for a thread that is not here may hold the old."""
        old, self._lock = self._lock, threading.Lock()
        return old

    def _kept(self, window: Window, now: int) -> list[int]:
        moments = self._moments.setdefault(window.key, [])
        # What is a whole window ago can be in no window with a call to come.
        del moments[: bisect_right(moments, now - window.length)]
        return moments


def _blocked_until(moments: list[int], window: Window, moment: int) -> int | None:
    """Return when one more call has no room until, if it has none at a moment.

    It has none where as many others as the window holds stand so close together that
    with it they would be one too many. That ends when the first of them is a window ago.
    """
    begin = bisect_right(moments, moment - window.length)
    end = bisect_left(moments, moment + window.length)
    for first in range(end - window.calls, begin - 1, -1):
        earliest, latest = moments[first], moments[first + window.calls - 1]
        if max(latest, moment) - min(earliest, moment) < window.length:
            return earliest + window.length
    return None


_all: weakref.WeakSet[MemoryStorage] = weakref.WeakSet()
loops.at_fork(lambda: [storage.renew() for storage in _all])
