"""Read a bill row by row, in constant memory: details first, totals told apart.

::

    交易时间,公众账号ID,…          a head: no back-ticks
    `2026-11-01 10:00:00,`wx…,…    a detail; each value begins with a back-tick
    总交易单数,应结订单总金额,…    the head of the totals
    `1,`0.01,…                     the totals, which end every bill

The back-tick keeps spreadsheets from taking a number for a number, and tells a
comma that parts two values from one inside a value; a line break inside a value
is read as one, whichever it was. Amounts stay text; `Row.money`
makes exact decimals of them. Nothing here ever makes a float.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012551932,
    https://pay.weixin.qq.com/doc/v2/merchant/4011935219
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeGuard

import aiohttp

from wechatpay_chain.errors import DecodeError, RequestError
from wechatpay_chain.middleware.body import Unpacker
from wechatpay_chain.protocol.text import one_line

__all__ = ["Row", "Rows", "Source", "rows"]

LONGEST_LINE = 1024 * 1024
"""Bytes of the longest line that is taken for one."""

MOST_BREAKS = 100
"""Lines that one row may take, where there are line breaks in its values."""

MOST_TOTALS = 10_000
"""Rows of totals that are kept at most."""

_STEP = 64 * 1024
_TICKS = ("`", '"`')
_ALONE = "line {} is neither a row nor the head of any: a value may have a line break at its end"
_TOTALS = re.compile(r"总|合计|汇总|笔数|单数|total|summary", re.IGNORECASE)
_AMOUNT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)

Source: TypeAlias = "str | os.PathLike[str] | BinaryIO | Iterable[bytes] | Iterable[str]"
"""A path, a binary or text file, or an iterable of lines."""


class Row(dict[str, str]):
    """One row: values by the names of their columns, without the back-ticks.

    Attributes:
        line: its number in the bill, from 1 on.
    """

    __slots__ = ("line",)

    def __init__(self, names: Iterable[str], values: Iterable[str], line: int) -> None:
        super().__init__(zip(names, values, strict=True))
        self.line = line

    def money(self, name: str) -> Decimal:
        """Return an amount, exactly as it is written.

        Raises:
            DecodeError: it is no number.
            KeyError: there is no such column.
        """
        text = self[name].strip()
        if not _AMOUNT.fullmatch(text):
            raise DecodeError(f"line {self.line}: {one_line(name, 40)} is no amount")
        return Decimal(text)


class Rows(Iterator[Row]):
    """The details of a bill, one after the other; `totals` is there at the end."""

    def __init__(self, source: Source, *, totals: bool, encoding: str) -> None:
        """Read a source; `rows` says how."""
        self._lines = _Lines(_lines_of(source), encoding)
        self._wants_totals = totals
        self._totals: list[Row] = []
        self._ended = False
        self._rows = self._read()

    def __iter__(self) -> Rows:
        return self

    def __next__(self) -> Row:
        return next(self._rows)

    @property
    def totals(self) -> Row:
        """The bill's totals (汇总), of several blocks the last one's.

        Raises:
            RequestError: the details were not read to their end.
            DecodeError: the bill has none.
        """
        every = self.every_total
        if not every:
            raise DecodeError("the bill has no totals")
        return every[-1]

    @property
    def every_total(self) -> tuple[Row, ...]:
        """The totals of each block.

        Raises:
            RequestError: the details were not read to their end.
        """
        if not self._ended:
            raise RequestError("a bill's totals stand at its end: read all rows first")
        return tuple(self._totals)

    def close(self) -> None:
        """Close the file, if the bill is not read to its end."""
        self._rows.close()
        self._lines.close()

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Generator[Row, None, None]:
        names: list[str] = []
        details: list[str] = []
        is_ticked = in_totals = False
        alone = 0
        end = ""
        counted = True
        with closing(self._lines) as lines:
            for number, line in lines:
                ticked = line.startswith(_TICKS)
                if not names and ticked:
                    raise DecodeError(f"line {number}: a row before any head")
                if not ticked and line.lstrip().startswith("<"):
                    raise DecodeError(f"line {number}: XML, which is an error and no bill")
                if not ticked:
                    cells, commas = _head(line, number)
                    starts_totals = bool(_TOTALS.search(cells[0]))
                    if not names or starts_totals or is_ticked or cells == details:
                        if not counted:
                            raise DecodeError(f"line {number}: a head, but the totals are missing")
                        if alone:
                            raise DecodeError(_ALONE.format(alone))
                        # What follows a row may also be the rest of its last value.
                        alone = number * (is_ticked and not starts_totals and cells != details)
                        names, in_totals, is_ticked = _distinct(cells), starts_totals, False
                        end = commas
                        counted = not in_totals
                        details = details if in_totals else cells
                        continue
                is_ticked, alone = is_ticked or ticked, 0
                row = Row(names, _read_row(line, number, lines, len(names), end), number)
                if not in_totals:
                    yield row
                    continue
                counted = True
                self._totals.append(row)
                if len(self._totals) > MOST_TOTALS:
                    raise DecodeError(f"line {number}: more than {MOST_TOTALS} rows of totals")
        if alone:
            raise DecodeError(_ALONE.format(alone))
        if self._wants_totals and not (in_totals and counted):
            raise DecodeError(
                f"the bill ends at line {lines.number} without totals, so it is not complete: "
                "download it again; totals=False reads a kind that has none"
            )
        self._ended = True


def rows(source: Source, *, totals: bool = True, encoding: str = "utf-8") -> Rows:
    """Return an iterator over the details of a bill.

    Args:
        source: a path, a binary or text file, or an iterable of lines. What is gzip is
            unpacked on the way, except from lines.
        totals: whether a bill without totals at its end is an error, as it must be for
            bills of trades and funds; some others have none.
        encoding: of the text; WeChat Pay writes UTF-8.

    Raises, while it is iterated:
        DecodeError: it is no bill, has a row with more or fewer values than columns, or is
            not complete. It says on which line.
        OSError: it cannot be read.
    """
    return Rows(source, totals=totals, encoding=encoding)


class _Lines(Iterator["tuple[int, str]"]):
    """Numbered lines of text, without their ends; empty ones are left out."""

    def __init__(self, lines: Generator[bytes | str, None, None], encoding: str) -> None:
        self.number = 0
        self._lines = lines
        self._encoding = encoding

    def __next__(self) -> tuple[int, str]:
        while True:
            line = next(self._lines)
            self.number += 1
            if not isinstance(line, (bytes, str)):
                raise RequestError(f"a bill's lines are bytes or text, not {type(line).__name__}")
            if len(line) > LONGEST_LINE:
                raise DecodeError(f"line {self.number} is longer than any line of a bill")
            text = self._decode(line).rstrip("\r\n").removeprefix("\ufeff")
            if text.strip():
                return self.number, text

    def close(self) -> None:
        """Close the file that they come from."""
        self._lines.close()

    def _decode(self, line: bytes | str) -> str:
        if isinstance(line, str):
            return line
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            raise DecodeError(f"line {self.number} is not {self._encoding}") from None
        except LookupError:
            raise RequestError(f"there is no encoding {one_line(self._encoding, 40)!r}") from None


def _lines_of(source: Source) -> Generator[bytes | str, None, None]:
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            yield from _split(_plain(file))
    elif isinstance(source, bytes):
        raise RequestError("a bill's bytes are read from io.BytesIO(…), a path, or lines")
    elif not isinstance(source, io.TextIOBase) and _is_binary(source):
        yield from _split(_plain(source))
    else:
        yield from source


def _is_binary(source: object) -> TypeGuard[BinaryIO]:
    return callable(getattr(source, "read", None))


def _plain(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked if they are gzip."""
    unpacker = Unpacker()
    try:
        while part := file.read(_STEP):
            yield from unpacker.feed(part)
        yield unpacker.finish()
    except aiohttp.ClientPayloadError:
        raise DecodeError("the bill's gzip is damaged or ends too early") from None


def _split(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines; one that does not end is given up on before it fills the memory."""
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest


def _read_row(
    line: str, number: int, lines: Iterator[tuple[int, str]], count: int, end: str
) -> list[str]:
    """Return a row's values; while it has too few, what follows is behind a line break in one."""
    try:
        return _values(line.removesuffix(end), number, count)
    except DecodeError as error:
        problem = error
    for _ in range(MOST_BREAKS if line.startswith(_TICKS) else 0):
        _, more = next(lines, (0, _TICKS[0]))
        if more.startswith(_TICKS) or len(line) > LONGEST_LINE:
            break
        line = f"{line}\n{more}"
        with suppress(DecodeError):
            return _values(line.removesuffix(end), number, count)
    raise problem


def _head(line: str, number: int) -> tuple[list[str], str]:
    """Return the names of columns, and the commas at the end of the line, as rows have them."""
    cells = [cell.strip() for cell in _cells(line, number)]
    count = len(cells)
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return cells, "," * (count - len(cells))


def _distinct(names: list[str]) -> list[str]:
    """Return the names of columns, each once, so that no value hides another."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return found


def _values(line: str, number: int, count: int) -> list[str]:
    """Return a row's values, of which there must be as many as columns."""
    values = line[1:].split(",`") if line.startswith("`") else None
    if values is None or len(values) != count:
        # Quoted, or with values that have no back-tick.
        cells = [cell.removeprefix("`") for cell in _cells(line, number)]
        while len(cells) > count and not cells[-1]:
            cells.pop()
        if len(cells) == count:
            return cells
        values = cells if values is None else values
    if len(values) != count:
        raise DecodeError(f"line {number}: {len(values)} values in a bill of {count} columns")
    return values


def _cells(line: str, number: int) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        raise DecodeError(f"line {number} has quotes that do not close") from None
