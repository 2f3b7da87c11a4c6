"""Where results go: lines and tables to a terminal or a pipe, one JSON document to a program."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from wechatpay_chain.cli.paper import Paper, Surface
from wechatpay_chain.cli.streams import takes_letters

__all__ = ["document", "is_terminal", "print_document", "printable", "surface"]


def is_terminal() -> bool:
    """Tell whether a person reads the results, or wants them as if."""
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout is not None and sys.stdout.isatty())


def surface() -> Surface:
    """Return where to show things: a terminal, or a pipe."""
    # In a pipe rich would cost a third of the time, and change nothing.
    if is_terminal():
        try:
            from wechatpay_chain.cli.screen import Screen
        except ModuleNotFoundError:
            return Paper()
        return Screen()
    return Paper()


def document(value: Any, indent: int | None = 2) -> str:
    """Return JSON, in letters where the output can carry them, without a terminal's control codes.

    Args:
        value: what it is of.
        indent: columns of each level; None puts all of it on one line.
    """
    return printable(json.dumps(value, ensure_ascii=not takes_letters(), indent=indent))


def printable(text: str) -> str:
    """Return somebody else's text with a terminal's control codes as JSON writes them."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text
    )


def print_document(value: Any) -> None:
    """Print a JSON document."""
    print(document(value))
