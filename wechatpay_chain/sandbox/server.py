"""An HTTP server on its own event loop in a thread of its own.

It knows nothing of WeChat Pay. Callers may be synchronous, asynchronous, in
other threads or in forked children; none of them can block it, nor it them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeAlias

from aiohttp import web

__all__ = ["Handler", "Server"]

Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# How long requests and handshakes in progress may go on when the server stops. What still
# sleeps then is a delay that a test asked for and no longer waits for.
_GRACE = 0.05
# Turns of the loop that connections get to close in when nobody waits for them any more.
_TURNS = 50


class Server:
    """Serve `handler` from `start` to `stop`, over TLS if given a context for it."""

    def __init__(
        self,
        handler: Handler,
        host: str,
        port: int,
        keepalive_timeout: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.connections = 0
        self._handler = handler
        self._host = host
        self._port = port
        self._keepalive_timeout = keepalive_timeout
        self._tls = tls
        self._running: tuple[threading.Thread, Future[Callable[[], object]]] | None = None
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

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
            self._handler,
            keepalive_timeout=self._keepalive_timeout,
            access_log=None,
            # What is checked is what was on the wire.
            auto_decompress=False,
            # A query with ciphertext makes a long line.
            max_line_size=65536,
            max_field_size=65536,
        )
        accepted: set[asyncio.Task[None]] = set()

        async def open_connection(connection: socket.socket) -> None:
            # A handshake that fails is the client's to see; the loop has closed the connection.
            with contextlib.suppress(OSError):
                transport, _ = await loop.connect_accepted_socket(server, connection, ssl=self._tls)
                self._transports.add(transport)

        # The loop's own `create_server` leaks a connection that arrives while it is closed.
        def accept() -> None:
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            self.connections += 1
            self._sockets.add(connection)
            task = loop.create_task(open_connection(connection))
            accepted.add(task)
            task.add_done_callback(accepted.discard)

        loop.add_reader(listener, accept)
        stopper.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
        loop.remove_reader(listener)
        listener.close()
        if accepted:
            _, unfinished = await asyncio.wait(accepted, timeout=_GRACE)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        server.pre_shutdown()
        # Idle connections see in the next turn of the loop that they are to close.
        await asyncio.sleep(0)
        await server.shutdown(_GRACE)
        await self._abort()

    async def _abort(self) -> None:
        """Close what is left: a client that never reads, or says no TLS goodbye, keeps it open."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        for connection in list(self._sockets):
            # A TLS transport that was closed twice no longer hears `abort`.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _ in range(_TURNS):
            if all(connection.fileno() == -1 for connection in list(self._sockets)):
                break
            await asyncio.sleep(0)
