"""Lines and tables in colour, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from wechatpay_chain.catalogue.layout import STYLES, Line, Span
from wechatpay_chain.cli.console import Output

__all__ = ["Screen"]

_WIDEST = 120
"""Columns beyond which lines are hard to read."""


class Screen:
    """A terminal: in colour, and no wider than it is."""

    def __init__(self) -> None:
        self._console = Output(highlight=False, markup=False, emoji=False)
        self.columns = min(self._console.width, _WIDEST)

    def lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            # Not broken: pages and samples are there to be copied.
            self._console.print(Text.assemble(*map(_coloured, line)), soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Span]]) -> None:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(Text.assemble(_coloured(span)) for span in row))
        self._console.print(table)


def _coloured(span: Span) -> tuple[str, str]:
    role, text = span
    return text, STYLES.get(role, "")
