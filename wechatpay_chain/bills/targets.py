"""Where a bill goes: a path, a name of its own in a directory, or a stream."""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from wechatpay_chain import sinks
from wechatpay_chain.bills.intake import Writable
from wechatpay_chain.errors import RequestError
from wechatpay_chain.middleware.body import GZIP
from wechatpay_chain.placement import Placement
from wechatpay_chain.protocol.text import one_line

__all__ = ["Target", "suffix"]

_SUFFIXES = {b"%PDF": ".pdf", b"PK\x03\x04": ".zip", GZIP: ".csv.gz"}
"""Endings of names by how a file begins."""


class Target(NamedTuple):
    """Where a bill goes: a path, a directory, or a stream."""

    path: Path | None
    is_directory: bool = False
    stream: Writable | None = None

    @classmethod
    def of(cls, to: object, stem: str) -> Target:
        """Return the target that a caller means.

        Raises:
            RequestError: nothing can be written to it.
        """
        if to == "":
            raise RequestError("to is empty: give a path, or '.' for this directory")
        if isinstance(to, (str, os.PathLike)):
            path = Path(os.fsdecode(to))
            try:
                is_directory = path.is_dir()
            except OSError as error:
                raise RequestError(f"{one_line(path)} cannot be used: {error.strerror}") from None
            target = path / f"{stem}.csv" if is_directory else path
            sinks.check(target)
            return cls(target, is_directory)
        if isinstance(to, io.TextIOBase) or not callable(getattr(to, "write", None)):
            raise RequestError("to must be a path, a directory, or a binary stream to write to")
        return cls(None, stream=to)  # type: ignore[arg-type]

    def open(self) -> AbstractContextManager[Placement | Writable]:
        """Return what is written to."""
        if self.path is not None:
            return Placement(self.path)
        if self.stream is None:
            raise RequestError("there is nothing to write to")
        return nullcontext(self.stream)


def suffix(head: bytes) -> str:
    """Return the ending of a name for a file that begins so."""
    return next((end for begin, end in _SUFFIXES.items() if head.startswith(begin)), ".csv")
