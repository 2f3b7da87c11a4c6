"""What a signal's handler raises ends a sync call between two steps of its loop, not inside one.

Ctrl-C raises wherever the thread happens to be. Inside an event loop that can
be after it took a task's turn from its list and before it gave it, and then
nothing ever wakes that task again, not even to clean up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeAlias

__all__ = ["deferred"]

_Handler: TypeAlias = Callable[[int, FrameType | None], Any]

# A handler may raise in any of these: the first three where a program is told to end, by Python
# or its own code; the others under gunicorn, in RQ's time limits, and in Celery's.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGALRM", "SIGUSR1", "SIGUSR2")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


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
    taken: dict[int, tuple[_Handler, _Handler]] = {}
    try:
        for number in _SIGNALS:
            if callable(theirs := signal.getsignal(number)):
                # Noted before it is set: one that is not set yet may raise at once.
                taken[number] = theirs, (ours := _holding(theirs, raised, cancel))
                # ValueError: a sub-interpreter may set no handler, and is never interrupted.
                with suppress(ValueError):
                    signal.signal(number, ours)
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


def _set_back(taken: dict[int, tuple[_Handler, _Handler]]) -> None:
    for number, (theirs, ours) in taken.items():
        # A handler may have set another one.
        if signal.getsignal(number) is ours:
            signal.signal(number, theirs)


def _holding(
    handler: _Handler, raised: list[BaseException], cancel: Callable[[], object]
) -> _Handler:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException as error:
            if raised:
                raise
            raised.append(error)
            cancel()

    return handle
