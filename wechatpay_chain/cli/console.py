"""Where the commands write with rich: a terminal in colour, or a pipe in plain lines."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console

__all__ = ["Output"]


class Output(Console):
    """A console that leaves it to `run` what happens when nobody reads on."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error that is being handled; rich's own way would end the program here."""
        raise BrokenPipeError
