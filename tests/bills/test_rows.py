"""A bill is read row by row: details and totals apart, nothing guessed, nothing held."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import DecodeError, RequestError
from wechatpay_chain.bills import rows

HEAD = "交易时间,商户订单号,商品名称,订单金额"
TOTALS = "总交易单数,订单总金额"
BILL = (
    f"\ufeff{HEAD}\r\n"
    "`2026-11-01 10:00:00,`order-1,`苹果,梨,`0.10\r\n"
    "`2026-11-01 11:00:00,`order-2,`,`-1.00\r\n"
    f"{TOTALS}\r\n"
    "`2,`-0.90\r\n"
)
NAMES = HEAD.split(",")
DETAILS = [
    dict(zip(NAMES, ["2026-11-01 10:00:00", "order-1", "苹果,梨", "0.10"], strict=True)),
    dict(zip(NAMES, ["2026-11-01 11:00:00", "order-2", "", "-1.00"], strict=True)),
]


def as_path(text: str, directory: Path) -> Any:
    """Write a bill, and return its path."""
    (directory / "bill.csv").write_bytes(text.encode())
    return directory / "bill.csv"


def as_gzip(text: str, directory: Path) -> Any:
    """Write a packed bill in two streams, and return its path as text."""
    raw = text.encode()
    (directory / "bill").write_bytes(gzip.compress(raw[:50]) + gzip.compress(raw[50:]))
    return str(directory / "bill")


SOURCES: dict[str, Callable[[str, Path], Any]] = {
    "path": as_path,
    "packed path": as_gzip,
    "binary file": lambda text, directory: io.BytesIO(text.encode()),
    "packed file": lambda text, directory: io.BytesIO(gzip.compress(text.encode())),
    "text file": lambda text, directory: io.StringIO(text, newline=""),
    "lines": lambda text, directory: text.splitlines(),
    "lines with ends": lambda text, directory: iter(text.splitlines(keepends=True)),
    "lines of bytes": lambda text, directory: text.encode().splitlines(keepends=True),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_bill_has_details_and_totals(source: str, end: str, tmp_path: Path) -> None:
    """Back-ticks go, commas in values stay, and totals are no detail."""
    found = rows(SOURCES[source](BILL.replace("\r\n", end), tmp_path))
    assert list(found) == DETAILS
    assert found.totals == {"总交易单数": "2", "订单总金额": "-0.90"}
    assert found.every_total == (found.totals,)


def test_rows_know_their_line_and_money() -> None:
    """An amount is an exact decimal, on request; what is no number is an error with its line."""
    first, second = rows(BILL.splitlines())
    assert (first.line, second.line) == (2, 3)
    assert (first.money("订单金额"), second.money("订单金额")) == (
        Decimal("0.10"),
        Decimal("-1.00"),
    )
    with pytest.raises(DecodeError, match="line 2: 商户订单号 is no amount"):
        first.money("商户订单号")
    for text in ("", "NaN", "1e5", "Infinity", "1_0", "１", "0x1", "1,000.00", "."):
        line = f"`t,`o,`n,`{text}"
        row = next(rows([HEAD, line], totals=False))
        with pytest.raises(DecodeError, match="is no amount"):
            row.money("订单金额")
    with pytest.raises(KeyError):
        first.money("nothing")


FORMS: dict[str, tuple[str, list[list[str]]]] = {
    "quoted": ('a,b\n"`1","`2,3"\n', [["1", "2,3"]]),
    "quotes around a comma": ('a,b\n`1,"`2,3"\n', [["1", "2,3"]]),
    "quotes inside a value": ('a,b\n`1,`say "hi"\n', [["1", 'say "hi"']]),
    "a quote that does not close": ('a,b\n`1,`5" wide\n', [["1", '5" wide']]),
    "a back-tick inside": ("a,b\n`1,`2`3\n", [["1", "2`3"]]),
    "two back-ticks": ("a,b\n`1,``2\n", [["1", "`2"]]),
    "no back-ticks": ("a,b\n1,2\n3,4\n", [["1", "2"], ["3", "4"]]),
    "some back-ticks": ("a,b,c\n`1,2,`3\n", [["1", "2", "3"]]),
    "empty values": ("a,b\n`,`\n", [["", ""]]),
    "a comma at each end": ("a,b,\n`1,`2,\n", [["1", "2"]]),
    "blank lines": ("a,b\n\n`1,`2\n \n\n", [["1", "2"]]),
    "no end of line": ("a,b\n`1,`2", [["1", "2"]]),
    "two blocks": ("a,b\n`1,`2\nc\n`3\n", [["1", "2"], ["3"]]),
    "the head again": ("a,b\n1,2\na,b\n3,4\n", [["1", "2"], ["3", "4"]]),
    "a name twice": ("a,a\n`1,`2\n", [["1", "2"]]),
    "one column": ("a\n`1\n`2\n", [["1"], ["2"]]),
    "a line break inside": (
        "a,b,c\n`1,`x\r\ny,z,`3\n`4,`5,`6\n",
        [["1", "x\ny,z", "3"], ["4", "5", "6"]],
    ),
    "line breaks in quotes": ('a,b\n"`1","`x\ny"\n', [["1", "x\ny"]]),
    "a break before a comma at the end": ("a,b,\n`x,\ny,`2,\n", [["x,\ny", "2"]]),
    "a line separator inside": ("a,b\n`1\u2028x,`2\x0b3\n", [["1\u2028x", "2\x0b3"]]),
}


@pytest.mark.parametrize("name", FORMS)
def test_values_are_told_apart(name: str) -> None:
    """However a row is written, each value is in its column."""
    text, expected = FORMS[name]
    found = [list(row.values()) for row in rows(io.BytesIO(text.encode()), totals=False)]
    assert found == expected


def test_a_last_line_is_never_lost() -> None:
    """The rest of a last value, behind a line break, is no head: it would be gone unseen."""
    with pytest.raises(DecodeError, match="line 3 is neither"):
        list(rows(["a,b", "`1,`2", "x"], totals=False))


def test_several_blocks_have_several_totals() -> None:
    """Bills put behind each other are read as one; the totals of each are kept."""
    found = rows((BILL + BILL).encode().splitlines())
    assert list(found) == DETAILS * 2
    assert len(found.every_total) == 2


def test_a_day_without_trade_has_totals_only() -> None:
    """No details, with or without their head, is a complete bill."""
    for text in (f"{HEAD}\n{TOTALS}\n`0,`0.00\n", f"{TOTALS}\n`0,`0.00\n"):
        found = rows(text.splitlines())
        assert list(found) == []
        assert found.totals["总交易单数"] == "0"


BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "ends at line 0 without totals"),
    "no totals": (f"{HEAD}\n`1,`2,`3,`4\n".encode(), "ends at line 2 without totals"),
    "a head of totals only": (f"{HEAD}\n{TOTALS}\n".encode(), "without totals"),
    "totals that are cut": (f"{HEAD}\n{TOTALS}\n`2\n".encode(), "line 3: 1 values in a bill of 2"),
    "too few values": (f"{HEAD}\n`1,`2\n".encode(), "line 2: 2 values in a bill of 4 columns"),
    "too many values": (f"{HEAD}\n`1,`2,`3,`4,`5\n".encode(), "line 2: 5 values"),
    "no head": (b"`1,`2\n", "line 1: a row before any head"),
    "an error in XML": (b"<xml><return_code>FAIL</return_code></xml>", "line 1: XML"),
    "no UTF-8": (f"{HEAD}\n".encode() + b"`\xff,`2,`3,`4\n", "line 2 is not utf-8"),
    "half a gzip": (gzip.compress(BILL.encode())[:-9], "gzip is damaged or ends too early"),
    "garbage behind gzip": (gzip.compress(BILL.encode()) + b"xx", "gzip is damaged"),
    "blocks without totals": (f"{HEAD}\n{TOTALS}\n{HEAD}\n".encode(), "the totals are missing"),
    "a page": (b"<html><body>", "line 1: XML"),
    "a break in a last value": (
        f"{HEAD}\n`1,`2,`3,`4\nx\n{TOTALS}\n`1,`4\n".encode(),
        "line 3 is neither a row nor the head",
    ),
    "a break before a back-tick": (f"{HEAD}\n`1,`2,`3\n`x,`4\n".encode(), "line 2: 3 values"),
    "breaks without end": (f"{HEAD}\n`1,`2".encode() + b"\nx" * 500_000, "line 2: 2 values"),
    "an endless line": (b"`" * 3_000_000, "line 1 is longer"),
    "an open quote": (b'a,b\n"1,2\n', "line 2 has quotes that do not close"),
    "details behind totals": (BILL.encode() + f"{HEAD}\n`1,`2,`3,`4\n".encode(), "without totals"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_complete_bill_is_an_error(name: str) -> None:
    """A bill that is cut or damaged is never read as a shorter one."""
    content, words = BAD[name]
    with pytest.raises(DecodeError, match=words):
        list(rows(io.BytesIO(content)))


@pytest.mark.parametrize("length", range(len(BILL.encode()) - 10))
def test_a_bill_that_is_cut_anywhere_is_an_error(length: int) -> None:
    """Wherever it is cut, up to its last row, that is noticed."""
    with pytest.raises(DecodeError):
        list(rows(io.BytesIO(BILL.encode()[:length])))


def test_totals_are_there_at_the_end_only() -> None:
    """Whoever looks too early is told; a kind without totals says so."""
    found = rows(BILL.splitlines())
    next(found)
    with pytest.raises(RequestError, match="read all rows first"):
        _ = found.totals
    found = rows([HEAD], totals=False)
    assert list(found) == []
    with pytest.raises(DecodeError, match="has no totals"):
        _ = found.totals


def test_other_encodings_can_be_read() -> None:
    """UTF-8 is what WeChat Pay writes; another is to be named."""
    found = rows(io.BytesIO(BILL.removeprefix("\ufeff").encode("gb18030")), encoding="gb18030")
    assert list(found) == DETAILS
    with pytest.raises(RequestError, match="no encoding"):
        list(rows(io.BytesIO(BILL.encode()), encoding="nonsense"))


def test_bytes_are_not_taken_for_lines() -> None:
    """A whole bill in bytes would be an iterable of numbers."""
    with pytest.raises(RequestError, match=r"io\.BytesIO"):
        list(rows(BILL.encode()))
    with pytest.raises(RequestError, match="not int"):
        list(rows([1, 2]))


def test_a_file_is_closed(tmp_path: Path) -> None:
    """Read to its end or not, the file is closed; else Python would warn, which is an error."""
    path = as_path(BILL, tmp_path)
    list(rows(path))
    with rows(path) as found:
        next(found)
    with pytest.raises(DecodeError):
        list(rows(as_path("`", tmp_path)))


def test_a_large_bill_is_read_in_constant_memory() -> None:
    """Half a million rows pass with a few hundred KiB."""

    def lines() -> Iterator[str]:
        yield HEAD
        for number in range(100_000):
            yield f"`t,`order-{number},`name,`0.01"
        yield from (TOTALS, "`100000,`1000.00")

    tracemalloc.start()
    try:
        found = rows(lines())
        count = sum(1 for _ in found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, found.totals["总交易单数"]) == (100_000, "100000")
    assert peak < 512 * 1024


def test_a_bomb_is_read_in_constant_memory() -> None:
    """A gzip that unpacks to one endless line is refused early, with little held."""
    bomb = gzip.compress(b"a" * (64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="longer"):
            list(rows(io.BytesIO(bomb)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_a_head_of_many_columns_takes_no_time() -> None:
    """Half a million columns of one name are named at once."""
    head = "a," * 500_000 + "b"
    with pytest.raises(DecodeError, match="1 values"):
        list(rows([head, "`1"]))
