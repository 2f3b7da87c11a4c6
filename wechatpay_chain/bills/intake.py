"""A bill's bytes on their way in: opened, unpacked, hashed, counted, written.

Nothing is held but the piece at hand. Whatever goes wrong in here is kept and
raised by `Intake.failure`'s reader, so that an error of the disk or of a
callback is not taken for one of the connection.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias

import aiohttp
from aiohttp import ClientResponse

from wechatpay_chain import sinks
from wechatpay_chain.bills.digest import Digest, PromisedHash
from wechatpay_chain.bills.unsealing import Unsealing
from wechatpay_chain.errors import DecodeError, Reason, UnverifiedError
from wechatpay_chain.middleware.body import GZIP, WRAPPERS, Decoder

__all__ = ["LIMIT", "Intake", "Progress", "Stopped", "Writable"]

LIMIT = 64 * 1024**3
"""Bytes that a bill may have, packed or not; what is larger is taken for an attack."""

REPORTS = 10
"""How often in a second progress is told at most."""

_HEAD = 16
"""Bytes by which a file is known: as gzip, as PDF, or as an error in XML."""

_LARGEST_ERROR = 64 * 1024

Progress: TypeAlias = Callable[[int, int | None], Awaitable[None] | None]
"""Called with the bytes that came so far, and how many there will be if that is known."""


class Writable(Protocol):
    """A binary stream to write to; its ``write`` may be async."""

    def write(self, data: bytes, /) -> Any: ...


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """Tells that the intake has failed; `Intake.failure` says how."""


class Intake(sinks.Sink):
    """What a download is poured into."""

    def __init__(
        self,
        out: Writable,
        *,
        places: bool,
        decompress: bool,
        limit: int,
        progress: Progress | None,
        may_be_error: bool,
        tells_total: bool,
    ) -> None:
        self.places = places
        self.failure: Exception | None = None
        self.head = b""
        self.error = b""
        self.size = 0
        self.packed = False
        self._out = out
        self._decompress = decompress
        self._limit = limit
        self._progress = progress
        self._may_be_error = may_be_error
        self._tells_total = tells_total
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._plain = self._received = 0
        self._total: int | None = None
        self._next_report = 0.0
        self.start(None, None)

    def start(self, promise: PromisedHash | None, unsealing: Unsealing | None) -> None:
        """Get ready for the next file of the bill."""
        self._promise, self._unsealing = promise, unsealing
        self._digest: Digest | None = None if promise is None else promise.begin()
        self._decoder: Decoder | None = None
        self._waiting: bytes | None = b""
        self._is_error = False

    @property
    def sha1(self) -> str:
        """Hexadecimal SHA-1 of all that came, decompressed."""
        return self._sha1.hexdigest()

    def begin(self, answer: ClientResponse) -> None:
        """Note how many bytes will come."""
        is_encoded = "Content-Encoding" in answer.headers
        self._total = answer.content_length if self._tells_total and not is_encoded else None

    async def write(self, part: bytes) -> None:
        """Take the next bytes, as they came.

        Raises:
            Stopped: they are refused, or cannot be written.
        """
        try:
            self._received += len(part)
            self._check_size(self._received)
            opened = part if self._unsealing is None else self._unsealing.feed(part)
            await self._recognise(opened)
            await self._report()
        except Exception as error:  # noqa: BLE001 - it is raised again, out of the connection's way
            self.failure = error
        if self.failure is not None:
            raise Stopped

    async def finish(self) -> None:
        """Check that the file is whole and what was promised.

        Raises:
            UnverifiedError: it is not.
            DecryptError: it was sealed with another key, or changed.
        """
        if self._unsealing is not None:
            self._unsealing.finish()
        await self._recognise(b"", at_end=True)
        if self._may_be_error and not (self._plain or self.error):
            raise DecodeError("the answer is empty, and no bill")
        if self._decoder is not None:
            try:
                self._decoder.finish()
            except aiohttp.ClientPayloadError:
                raise _damaged("ends too early") from None
        if self._promise is not None and self._digest is not None:
            self._promise.check(self._digest)

    async def end(self) -> None:
        """Tell the progress for the last time."""
        self._next_report = 0.0
        await self._report()

    async def _recognise(self, part: bytes, *, at_end: bool = False) -> None:
        """Hold the first bytes back until it is known what they begin."""
        if self._waiting is not None:
            part = self._waiting + part
            if len(part) < _HEAD and not at_end:
                self._waiting = part
                return
            self._waiting = None
            if part.startswith(GZIP):
                self._decoder = Decoder(WRAPPERS["gzip"])
                self.packed = not self._decompress
            elif self._may_be_error:
                self._is_error = part.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")
        if part:
            await self._unpack(part)

    async def _unpack(self, part: bytes) -> None:
        if self._is_error:
            self.error += part
            if len(self.error) > _LARGEST_ERROR:
                raise _damaged("is an error of more than 64 KiB", what="the answer")
            return
        if self._decoder is not None and not self._decompress:
            await self._put(part)
        for plain in self._plain_pieces(part):
            self._plain += len(plain)
            self._check_size(self._plain)
            self._sha1.update(plain)
            if self._digest is not None:
                self._digest.update(plain)
            if self._decoder is None or self._decompress:
                await self._put(plain)
            # A little gzip may unpack to very much; others on this loop want their turn.
            await asyncio.sleep(0)

    def _plain_pieces(self, part: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            yield part
            return
        try:
            yield from self._decoder.feed(part)
        except aiohttp.ClientPayloadError:
            raise _damaged("is damaged, or has something behind its end") from None

    async def _put(self, data: bytes) -> None:
        if len(self.head) < _HEAD:
            self.head = (self.head + data[:_HEAD])[:_HEAD]
        await sinks.put(self._out, data)
        self.size += len(data)

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise UnverifiedError(
                f"it is larger than {self._limit} bytes: if a bill can be, give a larger limit",
                reason=Reason.TOO_LARGE,
            )

    async def _report(self) -> None:
        if self._progress is None:
            return
        now = asyncio.get_running_loop().time()
        if now >= self._next_report:
            self._next_report = now + 1 / REPORTS
            told = self._progress(self._received, self._total)
            if isawaitable(told):
                await told


def _damaged(problem: str, what: str = "its gzip") -> UnverifiedError:
    return UnverifiedError(f"{what} {problem}", reason=Reason.UNREADABLE)
