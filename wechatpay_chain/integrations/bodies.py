"""The raw body of a request, read no further than one byte beyond the limit.

That byte is what `Webhooks` refuses as too large. So the limit is `Webhooks`' own, whatever
the framework's is, and a body without an end fills no memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Protocol

__all__ = ["Readable", "read", "read_async"]


class Readable(Protocol):
    """A stream that gives some bytes, and none at its end."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes."""
        ...


def read(stream: Readable, limit: int) -> bytes:
    """Return a stream's bytes, or more than `limit` of them if it has more."""
    body = bytearray()
    # A stream may give less than it was asked for and still not be at its end.
    while len(body) <= limit and (part := stream.read(limit + 1 - len(body))):
        body += part
    return bytes(body)


async def read_async(parts: AsyncIterable[bytes], limit: int) -> bytes:
    """Return all parts as one, or more than `limit` bytes if there are more."""
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > limit:
            break
    return bytes(body[: limit + 1])
