"""How much memory a bill of any size needs above an idle client, and how long it takes.

    python -m tests.benchmarks.bills --mib 1024

The gateway makes the bill while it sends it. The client is a process of its own, one for
each measurement; what is printed is the growth of the peak of its resident memory (VmHWM)
over what it had after a small bill.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.memory import MIB, MOST, grown
from tests.bills.downloader import DAY, settings_of, start
from wechatpay_chain import Client
from wechatpay_chain.bills import Bill
from wechatpay_chain.sandbox import Sandbox


class Case(NamedTuple):
    """What is measured: a face, and what is stored of a bill that packs well or badly."""

    face: str
    compressible: bool
    decompress: bool


CASES = [
    Case("sync", compressible=True, decompress=True),
    Case("async", compressible=False, decompress=True),
    Case("sync", compressible=False, decompress=False),
]


class Figures(NamedTuple):
    """What a measurement gives: MiB and seconds, and MiB that went over the wire."""

    more: float
    rows: float
    seconds: float
    wire: float
    size: int


def measure(gateway: Sandbox, mib: int, case: Case, directory: Path) -> Figures:
    """Download a bill of so many MiB, read its rows, and return what that needed."""
    gateway.bill(mib * MIB, compressible=case.compressible)
    target = directory / "bill.csv"
    with start("tests.benchmarks.bills", settings_of(gateway), str(target), *map(str, case)) as run:
        told, complaint = run.communicate()
    target.unlink(missing_ok=True)
    if run.returncode:
        raise SystemExit(complaint)
    return Figures(*json.loads(told))


def work(settings: dict[str, Any], target: Path, case: Case) -> None:
    """Download and read, and print what it needed: in the client's process."""
    wire = 0

    def progress(done: int, total: int | None) -> None:
        nonlocal wire
        wire = done

    with Client(**settings) as client:
        # Another bill than the large one, so that all code is loaded.
        client.bills.statement(DAY).download(target, progress=progress)
        list(client.bills.rows(target))
        bills: list[Bill] = []

        def download() -> None:
            request = client.bills.trade(DAY, gzip=True)
            options: dict[str, Any] = {"decompress": case.decompress, "progress": progress}
            if case.face == "sync":
                bills.append(request.download(target, **options))
            else:
                bills.append(asyncio.run(request.download_async(target, **options)))

        def read() -> None:
            for row in bills[0].rows():
                if row.line > 200_000:
                    break

        more, seconds = grown(download)
        rows, _ = grown(read)
    print(json.dumps([more, rows, seconds, wire / MIB, bills[0].size]))


def main() -> int:
    """Measure and print; return 1 if anything needed more than is promised."""
    parser = argparse.ArgumentParser(description="Measure the memory of large bills.")
    parser.add_argument("--mib", type=int, default=1024, help="size of the bill, unpacked")
    mib = parser.parse_args().mib
    worst = 0.0
    with Sandbox() as gateway, tempfile.TemporaryDirectory() as directory:
        for case in CASES:
            found = measure(gateway, mib, case, Path(directory))
            worst = max(worst, found.more, found.rows)
            print(
                f"{case.face:5} {mib} MiB, {found.wire:6.1f} MiB of gzip, "
                f"{found.size / MIB:6.1f} MiB stored, in {found.seconds:5.1f} s: "
                f"peak + {found.more:4.1f} MiB, reading rows + {found.rows:4.1f} MiB",
                flush=True,
            )
    return int(worst > MOST)


if __name__ == "__main__":
    if len(sys.argv) == 6:
        told = Case(sys.argv[3], sys.argv[4] == "True", sys.argv[5] == "True")
        work(json.loads(sys.argv[1]), Path(sys.argv[2]), told)
    else:
        raise SystemExit(main())
