"""An answer's bytes: decoded, whole, and no more than wanted.

aiohttp takes a compressed body that ends early, or turns to garbage, for a
complete one. So the client's own sessions leave bodies as they came, and they
are decoded here, where an early end is an error and every step is bounded.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from http import HTTPStatus

import aiohttp
from aiohttp import ClientResponse
from aiohttp.base_protocol import BaseProtocol

from wechatpay_chain.errors import Reason, UnverifiedError

__all__ = ["GZIP", "LARGEST_ANSWER", "WRAPPERS", "Decoder", "Unpacker", "parts", "read"]

LARGEST_ANSWER = 8 * 1024 * 1024
"""Decoded bytes of the largest answer that is read into memory."""

STEP = 256 * 1024
"""Decoded bytes that are held at a time."""

GZIP = b"\x1f\x8b"
"""What a file begins with that is gzip."""

WRAPPERS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""Window sizes by which zlib knows what wraps the compressed bytes."""


async def read(answer: ClientResponse, limit: int = LARGEST_ANSWER, *, decode: bool) -> bytes:
    """Return an answer's whole decoded body; afterwards `answer.read()` gives it too.

    Args:
        answer: aiohttp's answer.
        limit: bytes that the decoded body may have.
        decode: whether its session left it compressed.

    Raises:
        UnverifiedError: it is larger than the limit.
        aiohttp.ClientPayloadError: it is cut off or damaged.
    """
    if isinstance(answer.content, _Replayed):
        return await answer.read()
    length = answer.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if length is not None and "Content-Encoding" not in answer.headers:
        return await answer.read()
    # Neither a chunked nor a compressed body says how large it will be.
    found: list[bytes] = []
    size = 0
    async with aclosing(parts(answer, decode=decode)) as pieces:
        async for part in pieces:
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            found.append(part)
    answer.content = _Replayed(b"".join(found))
    return await answer.read()


async def parts(answer: ClientResponse, *, decode: bool) -> AsyncGenerator[bytes, None]:
    """Yield an answer's decoded body piece by piece, each of at most `STEP` bytes if compressed.

    Raises:
        aiohttp.ClientPayloadError: it is cut off or damaged.
    """
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    # A 204 has no body that could be compressed, whatever its headers say.
    if not decode or encoding in ("identity", "") or answer.status == HTTPStatus.NO_CONTENT:
        async for part in answer.content.iter_any():
            yield part
        return
    if encoding not in WRAPPERS:
        raise aiohttp.ClientPayloadError(f"the content encoding {encoding[:20]!r} is not known")
    decoder = Decoder(WRAPPERS[encoding])
    async for part in answer.content.iter_any():
        for plain in decoder.feed(part):
            yield plain
    decoder.finish()


class Decoder:
    """Decompresses in bounded steps, and tells a whole stream from half of one."""

    def __init__(self, wrapper: int) -> None:
        self._wrapper = wrapper
        self._stream = zlib.decompressobj(wrapper)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what more bytes unpack to, each piece of at most `STEP` bytes.

        Raises:
            aiohttp.ClientPayloadError: they are damaged.
        """
        while data:
            if self._stream.eof:
                # gzip allows several streams, one after the other.
                self._stream = zlib.decompressobj(self._wrapper)
            try:
                plain = self._stream.decompress(data, STEP)
            except zlib.error:
                raise aiohttp.ClientPayloadError("the compressed body is damaged") from None
            if plain:
                yield plain
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def finish(self) -> None:
        """Check that there was all of it.

        Raises:
            aiohttp.ClientPayloadError: it ends too early.
        """
        if not self._stream.eof:
            raise aiohttp.ClientPayloadError("the compressed body ends too early")


class Unpacker:
    """The plain bytes of a file that may be gzip by itself, whatever HTTP says of it."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._decoder: Decoder | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what more bytes unpack to; the first are held back until they tell what it is.

        Raises:
            aiohttp.ClientPayloadError: they are damaged.
        """
        if self._head is not None:
            data = self._head + data
            if len(data) < len(GZIP):
                self._head = data
                return
            self._head = None
            if data.startswith(GZIP):
                self._decoder = Decoder(WRAPPERS["gzip"])
        if self._decoder is None:
            yield data
        else:
            yield from self._decoder.feed(data)

    def finish(self) -> bytes:
        """Return what is still held back, having checked that there was all of it.

        Raises:
            aiohttp.ClientPayloadError: it ends too early.
        """
        if self._decoder is not None:
            self._decoder.finish()
        return self._head or b""


class _Replayed(aiohttp.StreamReader):
    """A body that was read already, for whoever reads it next."""

    def __init__(self, body: bytes) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(BaseProtocol(loop), len(body) + 1, loop=loop)
        self.feed_data(body, len(body))
        self.feed_eof()


def _too_large(limit: int) -> UnverifiedError:
    return UnverifiedError(
        f"it is larger than {limit} bytes (give downloads a path as sink)", reason=Reason.TOO_LARGE
    )
