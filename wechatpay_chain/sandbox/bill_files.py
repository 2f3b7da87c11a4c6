"""Files of any size that are made while they are sent: nobody holds one.

A file is a head, a block that is there so many times, and a tail. Each is
deflated once, so that gigabytes of gzip cost the gateway no time.
"""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wechatpay_chain.sandbox.bill_texts import TRADE_HEAD, TRADE_TOTALS, row, yuan

__all__ = ["BillFile", "BillPlan", "large"]

BLOCK = 1024 * 1024
"""Bytes of a block, about."""

_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@dataclass(frozen=True)
class BillPlan:
    """The bill that a gateway is told to give, and what is to go wrong with it.

    Attributes:
        head: how the text begins, or all of it.
        block: what follows, `count` times.
        tail: how it ends.
        wrong_hash: whether another hash is promised.
        cut: bytes after which the connection is closed.
        lacks: how many of its last bytes the file lacks, though HTTP knows of no more.
        extra: what stands behind its end.
        pause: seconds before each piece.
    """

    head: bytes = b""
    block: bytes = b""
    count: int = 0
    tail: bytes = b""
    wrong_hash: bool = False
    cut: int | None = None
    lacks: int = 0
    extra: bytes = b""
    pause: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.head) + len(self.block) * self.count + len(self.tail)

    @cached_property
    def sha1(self) -> str:
        """Hexadecimal SHA-1 of the text, or of another one if it is to be wrong."""
        digest = hashlib.sha1(usedforsecurity=False)
        for part in self.texts():
            digest.update(part)
        if self.wrong_hash:
            digest.update(b"wrong")
        return digest.hexdigest()

    def texts(self) -> Iterator[bytes]:
        """Yield the text, part by part."""
        yield self.head
        for _ in range(self.count):
            yield self.block
        yield self.tail

    @cached_property
    def _packed(self) -> tuple[bytes, bytes, bytes]:
        """Head, block and tail as parts of one gzip."""
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        # After a full flush a part needs nothing that came before, so it serves again and again.
        head = packer.compress(self.head) + packer.flush(zlib.Z_FULL_FLUSH)
        block = packer.compress(self.block) + packer.flush(zlib.Z_FULL_FLUSH)
        tail = packer.compress(self.tail) + packer.flush()
        checksum = 0
        for part in self.texts():
            checksum = zlib.crc32(part, checksum)
        end = struct.pack("<II", checksum, self.size & 0xFFFFFFFF)
        return _GZIP_HEAD + head, block if self.block else b"", tail + end

    def parts(self, *, is_packed: bool) -> tuple[bytes, bytes, bytes]:
        """Return head, block and tail as they go over the wire."""
        return self._packed if is_packed else (self.head, self.block, self.tail)


@dataclass(frozen=True)
class BillFile:
    """A bill that lies somewhere to be fetched: packed or not, until it expires."""

    plan: BillPlan
    is_packed: bool = False
    expires: float = float("inf")

    @property
    def length(self) -> int:
        """Bytes of the file, as HTTP tells them."""
        head, block, tail = self.plan.parts(is_packed=self.is_packed)
        whole = len(head) + len(block) * self.plan.count + len(tail)
        return max(0, whole - self.plan.lacks) + len(self.plan.extra)

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes, as far as they are sent."""
        extra = self.plan.extra
        left = self.length - len(extra)
        allowed = self.length if self.plan.cut is None else self.plan.cut
        for piece in (*self._whole(), extra):
            part = piece if piece is extra else piece[:left]
            left -= len(part)
            yield part[:allowed]
            allowed -= len(part[:allowed])
            if allowed <= 0:
                return

    def _whole(self) -> Iterator[bytes]:
        head, block, tail = self.plan.parts(is_packed=self.is_packed)
        yield head
        for _ in range(self.plan.count):
            yield block
        yield tail


def large(size: int, *, compressible: bool = True) -> BillPlan:
    """Return a trade bill of at least so many bytes.

    What is not `compressible` is little smaller as gzip.
    """
    chance = random.Random(1)  # noqa: S311 - the same bill each time
    rows: list[str] = []
    length = 0
    while length < min(BLOCK, size):
        number = len(rows)
        noise = "" if compressible else base64.b64encode(chance.randbytes(750)).decode()
        name = noise or f"商品,第{number}种"
        values = ["2026-11-01 10:00:00", "wx8888888888888888", "1900000109", "0", "",
                  f"4200{number:024d}", f"order-{number:08d}", "oUpF8uMuAJO", "NATIVE", "SUCCESS",
                  "OTHERS", "CNY", "0.01", "0.00", "0", "0", "0.00", "0.00", "", "", name, "",
                  "0.00000", "0.60%", "0.01", "0.00", ""]  # fmt: skip
        rows.append(f"{row(values)}\r\n")
        length += len(rows[-1].encode())
    block = "".join(rows).encode()
    count = -(-size // len(block)) if block else 0
    fen = len(rows) * count
    totals = row([str(fen), yuan(fen), "0.00", "0.00", "0.00000", yuan(fen), "0.00"])
    head, tail = f"{TRADE_HEAD}\r\n", f"{TRADE_TOTALS}\r\n{totals}\r\n"
    return BillPlan(head.encode(), block, count, tail.encode())
