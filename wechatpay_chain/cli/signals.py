"""Signals that ask the command to end: all of them let it tidy up, and say what became of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ended_as_by_ctrl_c"]


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Let whoever ends the command, or closes its terminal, leave nothing half done behind."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # One that is ignored, as by nohup, stays so.
    taken = [one for one in map(signal.Signals.__getitem__, names)
             if signal.getsignal(one) is signal.SIG_DFL]  # fmt: skip
    if threading.current_thread() is not threading.main_thread():
        taken = []
    for one in taken:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)
