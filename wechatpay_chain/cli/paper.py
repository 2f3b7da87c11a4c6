"""Plain lines and tables, for a pipe; `screen` has the same for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from wechatpay_chain.catalogue.layout import Line, Span, pad, plain, width

__all__ = ["Paper", "Surface"]


class Surface(Protocol):
    """Where lines and tables go."""

    columns: int

    def lines(self, lines: Iterable[Line]) -> None:
        """Show lines."""

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Span]]) -> None:
        """Show a table with a head."""


class Paper:
    """A pipe: no colour, no frames, a row a line, none of them broken."""

    columns = 100

    def lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            print(plain([line]))

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Span]]) -> None:
        texts = [tuple(text for _, text in row) for row in rows]
        widths = [max(map(width, column)) for column in zip(*texts, strict=True)]
        for row in texts:
            print("  ".join(map(pad, row, widths)).rstrip())
