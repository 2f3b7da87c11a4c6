"""The program's streams: made fit for any letter, complained on, and given up when full."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from wechatpay_chain.protocol import text as protocol_text

__all__ = [
    "complain",
    "discard_rest",
    "note",
    "one_line",
    "prepare_streams",
    "progress",
    "takes_letters",
]

_RED, _DIM, _END = "\x1b[31m", "\x1b[2m", "\x1b[0m"
# To the line's beginning; and all that stands in it gone.
_HOME, _ERASE = "\r", "\x1b[2K\r"


def prepare_streams() -> None:
    """Send each line on at once, and never fail over a letter that the encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="replace")


def takes_letters() -> bool:
    """Tell whether stdout can carry any letter; where it cannot, JSON is written in escapes."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")


def complain(problem: object) -> None:
    """Print one line on stderr, red on a terminal."""
    line = f"wechatpay-chain: {one_line(problem)}"
    in_colour = _takes_codes() and not os.environ.get("NO_COLOR")
    _tell(f"{_RED}{line}{_END}" if in_colour else line)


def note(words: object) -> None:
    """Print one line on stderr that is no complaint, so that stdout holds the result alone."""
    _tell(one_line(words))


@contextmanager
def progress(words: str) -> Iterator[None]:
    """Show on a terminal what takes a while, until it is done; a line that is printed covers it."""
    is_shown = _takes_codes()
    if is_shown:
        _tell(f"{_DIM}{words} …{_END}", end=_HOME)
    try:
        yield
    finally:
        if is_shown:
            _tell(_ERASE, end="")


def discard_rest() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not trip over it at exit.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    if sys.stdout is not None:
        _to_nowhere(sys.stdout)


def one_line(text: object) -> str:
    """Return somebody else's words as a part of one line, all of them."""
    return protocol_text.one_line(str(text), None)


def _takes_codes() -> bool:
    """Tell whether stderr is a terminal that knows control codes."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return is_terminal and os.environ.get("TERM") != "dumb" and os.name != "nt"


def _tell(text: str, end: str = "\n") -> None:
    """Print on stderr; that nobody can read it there must not change what a command comes to."""
    if sys.stderr is None:
        return
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        _to_nowhere(sys.stderr)


def _to_nowhere(stream: TextIO) -> None:
    try:
        descriptor = stream.fileno()
    except io.UnsupportedOperation:
        # A stream of whoever called `main`, which is theirs to close.
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
