"""A bill of any size needs the same little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.bills import CASES, Case, measure
from wechatpay_chain.sandbox import Sandbox

MIB = 128
MOST = 40.0
"""MiB: less than a third of what holding the bill would need, packed or not."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bill_is_never_held(case: Case, gateway: Sandbox, tmp_path: Path) -> None:
    """128 MiB pass to the disk, and its rows through a loop, in a process with far less."""
    found = measure(gateway, MIB, case, tmp_path)
    stored = found.size / 1024 / 1024
    assert stored >= MIB if case.decompress else stored == pytest.approx(found.wire)
    assert found.wire > MIB / 2 or case.compressible
    assert found.more < MOST
    assert found.rows < MOST
