"""Wherever a download ends, the target is absent, or the old file, or the whole new one."""

from __future__ import annotations

import gzip
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.bills.downloader import DAY, settings_of, start
from wechatpay_chain import Client, OutcomeUnknownError
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.sandbox.bill_files import BillFile, large

SIZE = 1024 * 1024
PLAN = large(SIZE, compressible=False)
WHOLE = b"".join(PLAN.texts())
LENGTH = BillFile(PLAN, is_packed=True).length
PART = re.compile(r"\.bill\.csv\.[0-9a-f]{16}\.part")


def test_the_gateways_gzip_is_one() -> None:
    """What the gateway sends is what everybody's gzip unpacks to the same text."""
    packed = b"".join(BillFile(PLAN, is_packed=True).pieces())
    assert len(packed) == LENGTH > SIZE // 2
    assert gzip.decompress(packed) == WHOLE


@pytest.mark.parametrize("before", [None, b"the old bill"], ids=["new", "there already"])
@pytest.mark.parametrize("place", range(50))
def test_a_bill_that_is_cut_is_absent_or_complete(
    place: int, before: bytes | None, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """The gateway hangs up at fifty places, from the first byte to the last but one."""
    cut = round(place * (LENGTH - 1) / 49)
    gateway.bill(SIZE, compressible=False, cut=cut)
    target = tmp_path / "bill.csv"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(OutcomeUnknownError, match="begin again"):
        client.bills.trade(DAY, gzip=True).download(target)
    assert (target.read_bytes() if target.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([target] if before is not None else [])


POINTS: list[Any] = [0, 1, *(LENGTH * step // 8 for step in range(1, 8)), LENGTH,
                     "fsync", "before", "after"]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_program_that_is_killed_leaves_no_half_of_a_bill(
    point: Any, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """kill -9 anywhere: the old file or the new one; what is left over goes the next time."""
    gateway.bill(SIZE, compressible=False)
    target = tmp_path / "bill.csv"
    target.write_bytes(b"the old bill")
    other = tmp_path / ".bill.csv.of-somebody-else.part"
    other.write_bytes(b"")
    with start("tests.bills.downloader", {**settings_of(gateway), "die": point},
               str(target)) as process:  # fmt: skip
        _, complaint = process.communicate()
    assert process.returncode == -signal.SIGKILL, complaint
    assert target.read_bytes() == (WHOLE if point == "after" else b"the old bill")
    left = [path.name for path in tmp_path.iterdir() if path not in (target, other)]
    assert len(left) == (point != "after")
    assert all(PART.fullmatch(name) for name in left)
    client.bills.trade(DAY, gzip=True).download(target)
    assert target.read_bytes() == WHOLE
    assert set(tmp_path.iterdir()) == {target, other}
