"""What a signal's handler raises ends a sync call between two steps of its loop, not inside one.

Ctrl-C raises wherever the thread happens to be. Inside an event loop that can
be after it took a task's turn from its list and before it gave it, and then
nothing ever wakes that task again, not even to clean up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["deferred"]

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
    if hasattr(signal, name)
)


@contextmanager
def deferred(cancel: Callable[[], object]) -> Iterator[Sequence[BaseException]]:
    """Call `cancel` when a signal's handler raises, and raise that at the end of the block.

    Handlers run when they always do; only what they raise waits, in the list that is
    given. The second time one raises, nothing waits: somebody insists.
    """
    raised: list[BaseException] = []
    if threading.current_thread() is not threading.main_thread():
        # Python runs handlers on the main thread only.
        yield raised
        return
    taken: dict[int, tuple[Any, Any]] = {}
    try:
        for number in _SIGNALS:
            if callable(theirs := signal.getsignal(number)):
                # Noted before it is set: one that is not set yet may raise at once.
                taken[number] = theirs, _holding(theirs, raised, cancel)
                signal.signal(number, taken[number][1])
        yield raised
    finally:
        while True:
            try:
                _set_back(taken)
                break
            except BaseException as error:  # noqa: BLE001 - of a handler that is back already
                raised.append(error)
        if raised:
            raise raised[0]


def _set_back(taken: dict[int, tuple[Any, Any]]) -> None:
    for number, (theirs, ours) in taken.items():
        # A handler may have set another one.
        if signal.getsignal(number) is ours:
            signal.signal(number, theirs)


def _holding(
    handler: Callable[[int, FrameType | None], Any],
    raised: list[BaseException],
    cancel: Callable[[], object],
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException as error:
            if raised:
                raise
            raised.append(error)
            cancel()

    return handle
