"""Multipart bodies that are streamed from files, of which only the meta part is signed.

WeChat Pay's uploads sign nothing but the JSON in the part named ``meta``; it
holds the file's digest. So a file of any size passes in small steps.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012069527
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter
from cryptography.hazmat.primitives import hashes

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import multipart

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
        self._content = content
        if isinstance(content, str):
            self._content = content.encode()
        if isinstance(self._content, (bytes, bytearray, memoryview)):
            self._content = bytes(self._content)
            self.size = len(self._content)
        elif isinstance(content, os.PathLike):
            self.size = _file_size(Path(content), what)
        elif callable(getattr(content, "read", None)):
            self._content = _seekable(content, what)
            if self._content is not content:
                weakref.finalize(self, self._content.close)
            self.size = self._content.seek(0, os.SEEK_END)
        else:
            raise RequestError(
                f"{what} must be a path, bytes or a binary file, not {type(content).__name__}"
            )

    @property
    def name(self) -> str | None:
        """The name of the file that it is read from, if there is one."""
        path = self._content if isinstance(self._content, os.PathLike) else None
        path = getattr(self._content, "name", None) if path is None else path
        return Path(path).name if isinstance(path, (str, os.PathLike)) else None

    def digest(self, algorithm: str = "SHA256") -> str:
        """Return the hexadecimal digest of the content, by SHA256 or SM3."""
        hashed = _hash(algorithm)
        with self._open() as file:
            while part := file.read(STEP):
                hashed.update(part)
        digest: bytes = hashed.finalize()
        return digest.hex()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the content in small steps; files are read in a thread.

        Raises:
            OSError: the file cannot be read, or is not as long as it was.
        """
        left = self.size
        with self._open() as file:
            in_memory = isinstance(file, io.BytesIO)
            while left:
                size = min(left, STEP)
                part = file.read(size) if in_memory else await asyncio.to_thread(file.read, size)
                if not part:
                    raise OSError("the file that is sent became shorter meanwhile")
                left -= len(part)
                yield part

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        if isinstance(self._content, bytes):
            yield io.BytesIO(self._content)
        elif isinstance(self._content, os.PathLike):
            with Path(self._content).open("rb") as file:
                yield file
        else:
            # The caller's own file stays open, and is read from its start each time.
            self._content.seek(0)
            yield self._content


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
        """Its headers, in the PHP SDK's order."""
        lines = [*self.headers, ("Content-Disposition", self._disposition)]
        if self.name != META:
            lines.append(("Content-Length", str(self.source.size)))
        given = {name.lower() for name, _ in self.headers}
        if self.content_type is not None and "content-type" not in given:
            lines.append(("Content-Type", self.content_type))
        return tuple(lines)

    @property
    def _disposition(self) -> str:
        return multipart.disposition(self.name, self.filename)


class Multipart(Payload):
    """A multipart body, for ``data=`` of any aiohttp session or ``body=`` of a call."""

    # A file is open only while it is read, so there is nothing to close.
    _autoclose = True

    def __init__(self, parts: tuple[Part, ...], boundary: str) -> None:
        """Frame some parts; nothing is read before it is sent."""
        super().__init__(parts, content_type=f"{multipart.CONTENT_TYPE}; boundary={boundary}")
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
        # Closed here and not when it is garbage, so that no file stays open meanwhile.
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                await writer.write(piece)

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


async def signed_bytes(body: Payload | bytes) -> bytes:
    """Return what of a request's body its signature covers: all of it, or an upload's meta."""
    meta = await body.meta() if isinstance(body, Multipart) else None
    if meta is not None:
        return meta
    return await body.as_bytes() if isinstance(body, Payload) else body


async def _whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _file_size(path: Path, what: str) -> int:
    try:
        if path.is_file():
            return path.stat().st_size
    except (OSError, ValueError):
        pass
    raise RequestError(f"{what}: {path} is no file that can be read")


def _seekable(file: Any, what: str) -> BinaryIO:
    """Return a file that can be read twice: for its digest, and to be sent."""
    try:
        if file.seekable():
            if not isinstance(file.read(0), bytes):
                raise RequestError(f"{what} must be opened as binary, with 'rb'")
            return file  # type: ignore[no-any-return]
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source it becomes
        shutil.copyfileobj(file, spool, STEP)
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise RequestError(f"{what} cannot be read: {type(error).__name__}") from None
    return spool


def _hash(algorithm: str) -> Any:
    return hashes.Hash({"SHA256": hashes.SHA256, "SM3": hashes.SM3}[algorithm]())
