"""Multipart bodies that are streamed from files, of which only the meta part is signed.

WeChat Pay's uploads sign nothing but the JSON in the part named ``meta``; it
holds the file's digest. So a file of any size passes in small steps.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012069527
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter
from cryptography.hazmat.primitives import hashes

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import multipart
from wechatpay_chain.protocol.binary import octets

__all__ = ["META", "Multipart", "Part", "Source", "signed_bytes"]

STEP = 256 * 1024
"""Bytes of a file that are held at a time."""

META = "meta"
"""The name of the part that is signed."""


class Source:
    """What a part is filled with: bytes, or a file that is opened when it is read."""

    def __init__(self, content: Any, what: str) -> None:
        """Look at some content without reading it.

        Args:
            content: bytes, text, a path (as a `pathlib.Path`), or a binary file.
            what: what to call it in a message.

        Raises:
            RequestError: it is none of these, or there is no such file.
        """
        self._lock = threading.Lock()
        self._content: Any = content
        if isinstance(content, (str, bytes, bytearray, memoryview)):
            self._content = octets(content, what)
        elif isinstance(content, os.PathLike):
            _check_file(Path(content), what)
        elif callable(getattr(content, "read", None)):
            _check_binary(content, what)
        else:
            raise RequestError(
                f"{what} must be a path, bytes or a binary file, not {type(content).__name__}"
            )

    @cached_property
    def size(self) -> int:
        """How many bytes it has; what can be read only once is kept in a file for that.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(self._content, bytes):
            return len(self._content)
        if isinstance(self._content, os.PathLike):
            return Path(self._content).stat().st_size
        if not self._content.seekable():
            spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source
            weakref.finalize(self, spool.close)
            shutil.copyfileobj(self._content, spool, STEP)
            self._content = spool
        size: int = self._content.seek(0, os.SEEK_END)
        return size

    @property
    def name(self) -> str | None:
        """The name of the file that it is read from, if there is one."""
        path = self._content if isinstance(self._content, os.PathLike) else None
        path = getattr(self._content, "name", None) if path is None else path
        return Path(path).name if isinstance(path, (str, os.PathLike)) else None

    def digest(self, algorithm: str = "SHA256") -> str:
        """Return the hexadecimal digest of the content, by SHA256 or SM3.

        Raises:
            OSError: the file cannot be read, or is not as long as it was.
        """
        hashed = _hash(algorithm)
        at, size = 0, self.size
        with self._opened() as read:
            while at < size:
                part = _some(read(at, min(STEP, size - at)))
                hashed.update(part)
                at += len(part)
        digest: bytes = hashed.finalize()
        return digest.hex()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the content in small steps; files are read in a thread.

        Raises:
            OSError: the file cannot be read, or is not as long as it was.
        """
        if isinstance(self._content, bytes):
            for at in range(0, len(self._content), STEP):
                yield self._content[at : at + STEP]
            return
        at, size = 0, self.size
        with self._opened() as read:
            while at < size:
                part = _some(await asyncio.to_thread(read, at, min(STEP, size - at)))
                at += len(part)
                yield part

    @contextmanager
    def _opened(self) -> Iterator[Callable[[int, int], bytes]]:
        """Give a function of position and size that reads."""
        content = self._content
        if isinstance(content, bytes):
            yield lambda at, size: content[at : at + size]
        elif isinstance(content, os.PathLike):
            with Path(content).open("rb") as file:
                yield lambda at, size: file.read(size)
        else:
            # The caller's own file stays open; it may be sent several times at once.
            yield self._read_shared

    def _read_shared(self, at: int, size: int) -> bytes:
        with self._lock:
            self._content.seek(at)
            part: bytes = self._content.read(size)
        return part


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    name: str
    source: Source
    filename: str | None = None
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def header_lines(self) -> tuple[tuple[str, str], ...]:
        """Its headers, in the PHP SDK's order; one that is given takes the place of its own."""
        own = [("Content-Disposition", multipart.disposition(self.name, self.filename))]
        if self.name != META:
            own.append(("Content-Length", str(self.source.size)))
        if self.content_type is not None:
            own.append(("Content-Type", self.content_type))
        given = {name.lower() for name, _ in self.headers}
        return (*self.headers, *(line for line in own if line[0].lower() not in given))


class Multipart(Payload):
    """A multipart body, for ``data=`` of any aiohttp session or ``body=`` of a call."""

    # A file is open only while it is read, so there is nothing to close.
    _autoclose = True

    def __init__(self, parts: tuple[Part, ...], boundary: str) -> None:
        """Frame some parts; nothing is read before it is sent."""
        super().__init__(parts, content_type=f"{multipart.CONTENT_TYPE}; boundary={boundary}")
        self.on_progress: Callable[[], None] = lambda: None
        """Called each time that the wire has taken a piece."""

        self._parts = parts
        self._boundary = boundary
        self._size = sum(len(self._head(i)) + part.source.size for i, part in enumerate(parts))
        self._size += len(multipart.end(boundary))

    async def meta(self) -> bytes | None:
        """Return the content of the part named ``meta``, which is all that is signed."""
        found = next((part for part in self._parts if part.name == META), None)
        return None if found is None else await _whole(found.source.parts())

    def with_meta(self, meta: bytes) -> Multipart:
        """Return the same body with another meta part."""
        parts = tuple(
            Part(part.name, Source(meta, META), part.filename, part.content_type, part.headers)
            if part.name == META
            else part
            for part in self._parts
        )
        return Multipart(parts, self._boundary)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body to the wire; for aiohttp."""
        transport = getattr(writer, "transport", None)
        _keep_little_unsent(transport)
        try:
            # Closed here and not when it is garbage, so that no file stays open meanwhile.
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    await writer.write(piece)
                    self.on_progress()
        except BaseException:
            # Closing would wait for a peer that takes nothing more, perhaps for ever.
            if transport is not None:
                transport.abort()
            raise

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the whole body, files and all, in memory."""
        return await _whole(self._pieces())

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: a file is no text."""
        raise TypeError("a multipart body has no text: await as_bytes()")

    def __repr__(self) -> str:
        return f"<Multipart {', '.join(part.name for part in self._parts)}, {self._size} bytes>"

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        for index, part in enumerate(self._parts):
            yield self._head(index)
            async with aclosing(part.source.parts()) as pieces:
                async for piece in pieces:
                    yield piece
        yield multipart.end(self._boundary)

    def _head(self, index: int) -> bytes:
        return multipart.head(self._boundary, self._parts[index].header_lines, index == 0)


def _keep_little_unsent(transport: asyncio.Transport | None) -> None:
    """Let the system buffer no more than a slow line sends in some seconds.

    It would take megabytes at once, and nobody could tell a slow line from a dead one.
    """
    raw = None if transport is None else transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STEP)


async def signed_bytes(body: Payload | bytes) -> bytes:
    """Return what of a request's body its signature covers: all of it, or an upload's meta."""
    meta = await body.meta() if isinstance(body, Multipart) else None
    if meta is not None:
        return meta
    return await body.as_bytes() if isinstance(body, Payload) else body


async def _whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _check_file(path: Path, what: str) -> None:
    try:
        if path.is_file():
            return
    except (OSError, ValueError):
        pass
    raise RequestError(f"{what}: {path} is no file that can be read")


def _check_binary(file: Any, what: str) -> None:
    try:
        is_binary = isinstance(file.read(0), bytes)
        file.seekable()
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise RequestError(f"{what} cannot be read: {type(error).__name__}") from None
    if not is_binary:
        raise RequestError(f"{what} must be opened as binary, with 'rb'")


def _some(part: bytes) -> bytes:
    if not part:
        raise OSError("the file became shorter meanwhile")
    return part


def _hash(algorithm: str) -> Any:
    return hashes.Hash({"SHA256": hashes.SHA256, "SM3": hashes.SM3}[algorithm]())
