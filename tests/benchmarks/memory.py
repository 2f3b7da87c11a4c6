"""How much memory an upload and a download of any size need above an idle client.

    python -m tests.benchmarks.memory --mib 1024

The server runs in a process of its own. What is printed is the growth of the peak of
resident memory (VmHWM) over what the client had after a first, small call.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.drain import draining
from tests.support.merchant import client
from wechatpay_chain import Client

MIB = 1024 * 1024
MOST = 80
"""MiB above idle that are promised."""


def peak() -> int:
    """Return the peak of this process's resident memory in KiB."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def grown(action: Callable[[], Any]) -> tuple[float, float]:
    """Return by how many MiB the peak grew during an action, and how many seconds it took."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
    before, begin = peak(), time.monotonic()
    action()
    return (peak() - before) / 1024, time.monotonic() - begin


def actions(root: Client, source: Path, target: Path, size: int) -> dict[str, Callable[[], Any]]:
    """Return what is measured, by name."""
    media = root.v3.merchant.media.video_upload
    bill = root.v3.billdownload.file
    query = {"token": str(size)}

    async def upload() -> None:
        await media.post_async(upload=source)

    async def download() -> None:
        await bill.get_async(query=query, sink=target)

    return {
        "upload, sync": lambda: media.post(upload=source, timeout=None),
        "upload, async": lambda: asyncio.run(upload()),
        "sink, sync": lambda: bill.get(query=query, sink=target),
        "sink, async": lambda: asyncio.run(download()),
    }


def main() -> int:
    """Measure and print; return 1 if anything needed more than is promised."""
    parser = argparse.ArgumentParser(description="Measure the memory of large transfers.")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    size = parser.parse_args().mib * MIB
    with tempfile.TemporaryDirectory() as directory, draining() as port:
        source, target = Path(directory, "video.mp4"), Path(directory, "bill.csv")
        with source.open("wb") as file:
            file.truncate(size)
        with client(base_uri=f"http://127.0.0.1:{port}/") as root:
            root.v3.merchant.media.upload.post(upload={"file": b"warm", "filename": "warm.jpg"})
            worst = 0.0
            for name, action in actions(root, source, target, size).items():
                more, seconds = grown(action)
                worst = max(worst, more)
                print(f"{name:14} {size // MIB} MiB in {seconds:5.1f} s, peak + {more:5.1f} MiB")
            if target.stat().st_size != size:
                raise SystemExit("the download is not complete")
    return int(worst > MOST)


if __name__ == "__main__":
    raise SystemExit(main())
