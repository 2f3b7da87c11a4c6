"""What a signal's handler raises ends a sync call between two steps of its loop, not inside one.

Ctrl-C raises wherever the thread happens to be. Inside an event loop that can
be after it took a task's turn from its list and before it gave it, and then
nothing ever wakes that task again, not even to clean up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
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
def deferred(cancel: Callable[[], object]) -> Iterator[None]:
    """Call `cancel` when a signal's handler raises, and raise that at the end of the block.

    Handlers run when they always do; only what they raise waits. The second time
    one raises, nothing waits: somebody insists.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python runs handlers on the main thread only.
        yield
        return
    deferral = _Deferral(cancel)
    taken: dict[int, tuple[_Handler, _Handler]] = {}
    try:
        for number in _SIGNALS:
            if callable(theirs := signal.getsignal(number)):
                taken[number] = theirs, (ours := deferral.of(theirs))
                # ValueError: a sub-interpreter may set no handler, and is never interrupted.
                with suppress(ValueError):
                    signal.signal(number, ours)
        yield
    finally:
        deferral.is_over = True
        for number, (theirs, ours) in taken.items():
            # A handler may have set another one.
            if signal.getsignal(number) is ours:
                signal.signal(number, theirs)
        if deferral.raised is not None:
            raise deferral.raised


class _Deferral:
    """Holds what a handler raised; once it is over, handlers raise as if it were not there."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self.raised: BaseException | None = None
        self.is_over = False

    def of(self, handler: _Handler) -> _Handler:
        def handle(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                if self.is_over or self.raised is not None:
                    raise
                self.raised = error
                self._cancel()

        return handle
