"""Where the commands write: a terminal in colour, or a pipe in plain lines."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

from rich.console import Console
from rich.text import Text

__all__ = ["Output", "complain", "discard_rest", "one_line", "prepare_streams"]


class Output(Console):
    """A console that leaves it to `run` what happens when nobody reads on."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error that is being handled; rich's own way would end the program here."""
        raise BrokenPipeError


def prepare_streams() -> None:
    """Send each line on at once, and never fail over a letter that the encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="replace")


def complain(problem: object) -> None:
    """Print one line on stderr, red on a terminal."""
    line = Text(f"wechatpay-chain: {one_line(problem)}", style="red")
    Output(stderr=True).print(line, soft_wrap=True)


def discard_rest() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not trip over it at exit.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def one_line(text: object) -> str:
    """Return somebody else's words as a part of one line, without a terminal's control codes."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))
