"""An HTTP server on its own event loop in a thread of its own.

It knows nothing of WeChat Pay. Callers may be synchronous, asynchronous, in
other threads or in forked children; none of them can block it, nor it them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from aiohttp import web

__all__ = ["Handler", "Server"]

Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# How long requests in progress may go on when the server stops. What still sleeps
# then is a delay that a test asked for and no longer waits for.
_GRACE = 0.05


class Server:
    """Serve `handler` from `start` to `stop`."""

    def __init__(self, handler: Handler, host: str, port: int, keepalive_timeout: float) -> None:
        self.connections = 0
        self._handler = handler
        self._host = host
        self._port = port
        self._keepalive_timeout = keepalive_timeout
        self._running: tuple[threading.Thread, Future[Callable[[], object]]] | None = None
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    def start(self) -> int:
        """Begin to serve; return the port. Connections are accepted from now on."""
        if self._running is not None:
            raise RuntimeError("the server has been started already")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=1024)
        listener.setblocking(False)
        port: int = listener.getsockname()[1]
        stopper: Future[Callable[[], object]] = Future()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, stopper)),
            name="wechatpay-sandbox",
            daemon=True,
        )
        self._running = thread, stopper
        thread.start()
        return port

    def stop(self) -> None:
        """Stop serving, close every connection and end the thread; stopped twice is no error."""
        if self._running is not None:
            thread, stopper = self._running
            stopper.result()()
            thread.join()
            self._running = None

    async def _serve(self, listener: socket.socket, stopper: Future[Callable[[], object]]) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = web.Server(
            self._handle,
            keepalive_timeout=self._keepalive_timeout,
            access_log=None,
            # What is checked is what was on the wire.
            auto_decompress=False,
            # A query with ciphertext makes a long line.
            max_line_size=65536,
            max_field_size=65536,
        )
        accepted: set[asyncio.Task[Any]] = set()

        # The loop's own `create_server` leaks a connection that arrives while it is closed.
        def accept() -> None:
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            self.connections += 1
            task = loop.create_task(loop.connect_accepted_socket(server, connection))
            accepted.add(task)
            task.add_done_callback(accepted.discard)

        loop.add_reader(listener, accept)
        stopper.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
        loop.remove_reader(listener)
        listener.close()
        await asyncio.gather(*accepted, return_exceptions=True)
        server.pre_shutdown()
        # Idle connections see in the next turn of the loop that they are to close.
        await asyncio.sleep(0)
        await server.shutdown(_GRACE)
        # A client that never reads keeps a closing transport alive; the loop must not outlive it.
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            self._transports.add(request.transport)
        return await self._handler(request)
