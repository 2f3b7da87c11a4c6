"""A server of raw sockets: it shows the very bytes that came, and sends the very bytes it is told.

A thread for each connection, so that it serves sync and async callers, threads and forks alike.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from typing import Any

HANG_UP = b""
"""An answer of no bytes: the connection is closed instead."""


@dataclass
class Request:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    raw_head: bytes = field(repr=False, default=b"")

    @property
    def json(self) -> Any:
        """The body's JSON value."""
        return json.loads(self.body)


Answer = Callable[[Request], "bytes | list[bytes]"]


def answer(
    status: str = "200 OK", headers: dict[str, str] | None = None, body: bytes = b"", **more: str
) -> bytes:
    """Return the bytes of an answer, with its right length unless the headers say otherwise."""
    fields = {"Content-Length": str(len(body)), **(headers or {}), **more}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Server:
    """Listens on a port of its own until it is closed."""

    def __init__(
        self, respond: Answer, backlog: int = 512, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._respond = respond
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self._tls = tls
        self.base_uri = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}/"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening, hang up on everybody and wait for the threads."""
        # shutdown wakes the thread that waits in accept; close alone would not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                number = self.connections
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw = connection
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open.add(connection)
            with connection.makefile("rb") as stream:
                while request := _read(stream, number):
                    with self._lock:
                        self.requests.append(request)
                    parts = self._respond(request)
                    for part in [parts] if isinstance(parts, bytes) else parts:
                        if part == HANG_UP:
                            if isinstance(connection, ssl.SSLSocket):
                                say_goodbye(connection)
                            return
                        connection.sendall(part)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= {connection, raw}
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def say_goodbye(connection: ssl.SSLSocket) -> None:
    """Send TLS's close_notify without waiting for the other side's, as web servers do."""
    connection.settimeout(0)
    with suppress(OSError):
        connection.unwrap()


def _read(stream: Any, number: int) -> Request | None:
    line = stream.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    head = b""
    while (more := stream.readline()) not in (b"\r\n", b""):
        head += more
    headers = dict(BytesHeaderParser().parsebytes(head).items())
    body = stream.read(int(headers.get("Content-Length", 0)))
    return Request(method, target, headers, body, number, line + head)


@contextmanager
def accepting(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hand each connection to a function, one after the other; give the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            handle(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        # shutdown wakes the thread that waits in accept; close alone would not.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def serving(respond: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server = Server(respond, tls=tls)
    try:
        yield server
    finally:
        server.close()
