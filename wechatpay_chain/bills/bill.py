"""A bill that was downloaded: where it is, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wechatpay_chain.bills.reading import Rows, rows
from wechatpay_chain.errors import RequestError

__all__ = ["Bill"]


@dataclass(frozen=True)
class Bill:
    """A bill (账单), complete and checked as far as WeChat Pay lets it be checked.

    Attributes:
        path: where it is; None if it was written to a stream.
        size: bytes that were written.
        sha1: hexadecimal SHA-1 over the decompressed bytes.
        packed: whether what was written is gzip still (``decompress=False``).
        verified: whether the bytes have the hash that WeChat Pay promised or signed. False
            where it promises none: v2's bills, and an address without `hash_value`.
        files: how many files WeChat Pay gave it in.
    """

    path: Path | None
    size: int
    sha1: str
    packed: bool
    verified: bool
    files: int = 1

    def rows(self, *, totals: bool = True, encoding: str = "utf-8") -> Rows:
        """Return the bill's rows; see `wechatpay_chain.bills.rows`.

        Raises:
            RequestError: it was written to a stream.
        """
        if self.path is None:
            raise RequestError("the bill went to a stream: give what that holds to bills.rows")
        return rows(self.path, totals=totals, encoding=encoding)
