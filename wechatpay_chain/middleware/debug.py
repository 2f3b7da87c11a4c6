"""The ``debug`` option: show what leaves and what comes back, less what must not be seen.

The innermost middleware of the call that asked for it, so it sees the very headers
that leave. Authorization, a query's values and bodies are never shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import REDACTED

__all__ = ["Debug"]

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})


class Debug:
    """An aiohttp client middleware that writes requests and answers to a text stream."""

    def __init__(self, stream: Any) -> None:
        """Write to a stream's ``write``."""
        self._stream = stream

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Show the request, send it on, and show its answer."""
        size = 0 if request.body is None else getattr(request.body, "size", 0)
        self._write(">", f"{request.method} {_target(request)} HTTP/1.1", request.headers, size)
        begin = time.monotonic()
        answer = await handler(request)
        took = f"{answer.status} {answer.reason or ''} after {time.monotonic() - begin:.3f} s"
        self._write("<", f"HTTP/1.1 {took}", answer.headers, answer.content_length)
        return answer

    def _write(self, mark: str, first: str, headers: Mapping[str, str], size: int | None) -> None:
        lines = [first, *_shown(headers), f"(body: {'unknown' if size is None else size} bytes)"]
        # A terminal that has gone away must not cost the answer to a payment.
        with suppress(OSError, ValueError):
            self._stream.write("".join(f"{mark} {line}\n" for line in lines))


def _target(request: ClientRequest) -> str:
    # A value of the query may be a name, a token, or v2's sign.
    names = [pair.partition("=")[0] for pair in request.url.raw_query_string.split("&")]
    query = "&".join(f"{name}=…" for name in names if name)
    return f"{request.url.raw_path}?{query}" if query else request.url.raw_path


def _shown(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        yield f"{name}: {REDACTED if name.lower() in _SECRET else one_line(value, 8192)}"
