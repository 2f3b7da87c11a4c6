"""Lines of text whose parts say what they are, so that one layout serves paper, terminal and page.

A Chinese letter is two columns wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias
from unicodedata import east_asian_width

__all__ = ["STYLES", "Line", "Span", "html", "pad", "plain", "width", "wrap"]

Span: TypeAlias = tuple[str, str]
"""(role, text); a role is one of `STYLES`, or empty."""
Line: TypeAlias = tuple[Span, ...]

STYLES: dict[str, str] = {
    "title": "bold",
    "heading": "bold",
    "method": "bold green",
    "path": "cyan",
    "label": "dim",
    "required": "bold red",
    "type": "blue",
    "encrypted": "yellow",
    "warning": "yellow",
    "enum": "dim",
    "code": "cyan",
}
"""How a terminal shows each role, in rich's words."""

_CSS = {
    "title": "font-weight:bold",
    "heading": "font-weight:bold",
    "method": "font-weight:bold",
    "required": "color:#c00",
    "encrypted": "color:#a60",
    "warning": "color:#a60",
    "enum": "opacity:.7",
    "label": "opacity:.7",
}


def width(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def pad(text: str, columns: int) -> str:
    """Return a text with spaces behind it, to so many columns."""
    return text + " " * (columns - width(text))


def wrap(words: Iterable[str], columns: int, separator: str) -> Iterator[str]:
    """Yield lines of words with separators between them, none wider than asked if words fit."""
    line, end = "", separator.rstrip()
    for word in words:
        longer = f"{line}{separator}{word}" if line else word
        if line and width(longer + end) > columns:
            yield line + end
            longer = word
        line = longer
    if line:
        yield line


def plain(lines: Iterable[Line]) -> str:
    """Return lines as mere text."""
    return "\n".join("".join(text for _, text in line).rstrip() for line in lines)


def html(lines: Iterable[Line]) -> str:
    """Return lines as a block of HTML."""
    return f'<pre style="line-height:1.3">{"".join(map(_row, lines))}</pre>'


def _row(line: Line) -> str:
    return "".join(map(_span, line)) + "\n"


def _span(span: Span) -> str:
    from html import escape  # with its table of entities, for notebooks alone

    role, text = span
    style = _CSS.get(role)
    return f'<span style="{style}">{escape(text)}</span>' if style else escape(text)
