"""Write an answer to a path or a stream, without ever holding it in memory.

A path holds the old file or the whole new one, never half of it: the bytes
take its place (see `placement`) when all of them are there and proved to be
what was signed, if they were.
"""

from __future__ import annotations

import errno
import io
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse

from wechatpay_chain.errors import RequestError
from wechatpay_chain.middleware.body import parts
from wechatpay_chain.middleware.call import Proof
from wechatpay_chain.placement import Placement, is_replaceable

__all__ = ["Sink", "check", "is_placed", "pour", "put"]


class Sink(ABC):
    """A sink of the package's own: it is told of an answer before it gets its bytes."""

    places: bool = False
    """Whether nothing is seen of the bytes before all of them are verified."""

    @abstractmethod
    def begin(self, answer: ClientResponse) -> None:
        """Get ready for an answer's bytes."""

    @abstractmethod
    async def write(self, part: bytes) -> None:
        """Take the next ones."""


def is_placed(sink: Any) -> bool:
    """Tell whether nothing is seen at a sink before all of it is verified."""
    return isinstance(sink, (str, os.PathLike)) or (isinstance(sink, Sink) and sink.places)


def check(sink: Any) -> None:
    """Check, before anything is sent, that a path can be written to.

    Raises:
        RequestError: its directory is not there, or it is a directory itself, or a device.
    """
    if not isinstance(sink, (str, os.PathLike)):
        return
    path = Path(sink)
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise RequestError("sink has a NUL or half a letter in its name, which no file can have")
    if path.is_dir():
        raise RequestError(f"sink {path} is a directory: name a file in it")
    if not is_replaceable(path):
        raise RequestError(f"sink {path} is a device or pipe, and no file: give a stream for it")
    if not os.access(path.parent, os.W_OK):
        raise RequestError(f"sink {path} cannot be written: its directory must be there, writable")


async def pour(answer: ClientResponse, body: bytes | None, sink: Any, proof: Proof | None) -> None:
    """Write an answer to a sink.

    Args:
        answer: aiohttp's answer, unread unless `body` is given.
        body: what was read of it already.
        sink: a path, or a stream whose ``write`` may be async.
        proof: what the bytes must hold to, or None.

    Raises:
        UnverifiedError: they do not; a path is left as it was.
        OSError: the path or stream cannot be written.
    """
    if isinstance(sink, Sink):
        sink.begin(answer)
    pieces = _pieces(answer, body)
    if isinstance(sink, (str, os.PathLike)):
        await _to_path(pieces, Path(sink), proof)
    else:
        await _to_stream(pieces, sink, proof)


async def put(stream: Any, part: bytes) -> None:
    """Write all of a part to a stream, whose ``write`` may be async.

    Raises:
        OSError: it cannot be written.
    """
    while True:
        written = stream.write(part)
        if isawaitable(written):
            written = await written
        # One without a buffer takes what fits, and says how much that was.
        if not isinstance(stream, io.RawIOBase) or written == len(part):
            return
        if not written:
            raise BlockingIOError(errno.EAGAIN, "the stream takes no more now: give a buffered one")
        part = part[written:]


async def _pieces(answer: ClientResponse, body: bytes | None) -> AsyncIterator[bytes]:
    if body is not None:
        yield body
        return
    async for part in parts(answer, decode=True):
        yield part


async def _to_stream(pieces: AsyncIterator[bytes], stream: Any, proof: Proof | None) -> None:
    async for part in pieces:
        if proof is not None:
            proof.update(part)
        await put(stream, part)
    if proof is not None:
        proof.finish()


async def _to_path(pieces: AsyncIterator[bytes], path: Path, proof: Proof | None) -> None:
    with Placement(path) as placement:
        await _to_stream(pieces, placement.file, proof)
        await placement.place()
