"""Write an answer to a path or a stream, without ever holding it in memory.

A path holds the old file or the whole new one, never half of it: the bytes go
to a temporary file beside it, which takes its place when all of them are there
and proved to be what was signed, if they were.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from inspect import isawaitable
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import ClientResponse

from wechatpay_chain.errors import RequestError
from wechatpay_chain.middleware.body import parts
from wechatpay_chain.middleware.call import Proof

__all__ = ["check", "pour"]


def check(sink: Any) -> None:
    """Check, before anything is sent, that a path can be written to.

    Raises:
        RequestError: its directory is not there, or it is a directory itself.
    """
    if not isinstance(sink, (str, os.PathLike)):
        return
    path = Path(sink)
    if path.is_dir():
        raise RequestError(f"sink {path} is a directory: name a file in it")
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
    pieces = _pieces(answer, body)
    if isinstance(sink, (str, os.PathLike)):
        await _to_path(pieces, Path(sink), proof)
    else:
        await _to_stream(pieces, sink, proof)


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
        written = stream.write(part)
        if isawaitable(written):
            await written
    if proof is not None:
        proof.finish()


async def _to_path(pieces: AsyncIterator[bytes], path: Path, proof: Proof | None) -> None:
    name = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}.part")
    try:
        with _create(name) as file:
            await _to_stream(pieces, file, proof)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        _place(name, path)
    except BaseException:
        _discard(name)
        raise


def _create(name: Path) -> BinaryIO:
    # "x": a file or link that somebody else put there is never written to.
    return name.open("xb")


def _place(name: Path, path: Path) -> None:
    if path.exists():
        name.chmod(path.stat().st_mode & 0o777)
    name.replace(path)


def _discard(name: Path) -> None:
    name.unlink(missing_ok=True)
