"""One look at an address, step by step, so that it can be said which step fails.

No client of this package takes part: what is looked at here is the way, and not
what travels on it. Nothing is sent twice and no redirect is followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

__all__ = ["Answered", "Failed", "look"]

T = TypeVar("T")

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Answered:
    """An answer of any kind came; `addresses` are what the name stands for."""

    status: int
    date: float | None
    """What the other side's clock showed, in whole seconds since the epoch."""
    before: float
    after: float
    """What the clock here showed when the request was sent, and when the answer came."""
    addresses: tuple[str, ...]
    tls: str
    """The version of TLS; empty without."""


@dataclass(frozen=True)
class Failed:
    """A step failed: ``name``, ``connection``, ``certificate``, ``tls`` or ``answer``."""

    step: str
    problem: str


def look(
    url: str,
    *,
    clock: Callable[[], float],
    seconds: float,
    context: ssl.SSLContext,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered | Failed:
    """Ask an address once and return what came of it, within so many seconds for each step."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        infos = _within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except TimeoutError:
        return Failed("name", f"{host} could not be resolved within {seconds:g} s")
    except (OSError, UnicodeError):
        return Failed("name", f"{host} cannot be resolved")
    addresses = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
    try:
        connection = _within(seconds, lambda: socket.create_connection((host, port), seconds))
    except TimeoutError:
        return Failed("connection", f"{host}:{port} did not answer within {seconds:g} s")
    except OSError as error:
        return Failed("connection", f"{host}:{port}: {error.strerror or type(error).__name__}")
    opened = [connection]
    try:
        # As a whole too: one who sends a byte now and then never stands still.
        return _within(
            seconds,
            lambda: _ask(opened, url, context, clock, addresses, (method, body, headers or {})),
        )
    except TimeoutError:
        return Failed("answer", f"{host}:{port} did not answer within {seconds:g} s")
    finally:
        for one in opened:
            # A thread that still reads is woken by it.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _ask(
    opened: list[socket.socket],
    url: str,
    context: ssl.SSLContext,
    clock: Callable[[], float],
    addresses: tuple[str, ...],
    request: tuple[str, bytes | None, Mapping[str, str]],
) -> Answered | Failed:
    parts = urlsplit(url)
    connection, version = opened[0], ""
    if parts.scheme == "https":
        try:
            secured = context.wrap_socket(connection, server_hostname=parts.hostname)
        except ssl.SSLCertVerificationError as error:
            words = f"its TLS certificate: {error.verify_message}"
            return Failed("certificate", f"{parts.netloc}: {words}")
        except (OSError, ValueError) as error:
            words = getattr(error, "reason", None) or type(error).__name__
            return Failed("tls", f"{parts.netloc}: no TLS connection could be made ({words})")
        connection, version = secured, secured.version() or ""
        opened.append(secured)
    method, body, headers = request
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = http.client.HTTPConnection(parts.netloc)
    asked.sock = connection
    before = clock()
    try:
        asked.request(method, target, body, dict(headers))
        answer = asked.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Failed("answer", f"{parts.netloc}: no answer came ({type(error).__name__})")
    after = clock()
    with answer:
        date = _date(answer.headers.get("Date"))
        return Answered(answer.status, date, before, after, addresses, version)


def _date(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (OverflowError, TypeError, ValueError):
        return None


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Return what some work returns; it goes on in the dark if it takes too long.

    Raises:
        TimeoutError: it does.
    """
    done: dict[str, Any] = {}

    def run() -> None:
        try:
            done["value"] = work()
        except Exception as error:  # noqa: BLE001 - it is raised again
            done["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in done:
        raise done["error"]
    if "value" not in done:
        raise TimeoutError
    value: T = done["value"]
    return value
