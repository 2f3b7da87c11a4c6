"""Deliver a callback over HTTP as WeChat Pay does, and judge the answer by the protocol's rules.

Nothing is followed, and nothing sent again: what is not acknowledged within five seconds has
failed, and WeChat Pay would send it again later.
"""

from __future__ import annotations

import http.client
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox.notifications import Notification
from wechatpay_chain.sandbox.xml_document import parse_xml

__all__ = ["TIMEOUT", "Delivery", "deliver"]

TIMEOUT = 5.0
"""Seconds that WeChat Pay waits for an answer."""

_LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True)
class Delivery:
    """What became of one delivery.

    Attributes:
        notification: what was sent, byte for byte.
        status: the HTTP status of the answer; 0 if none came.
        headers: the answer's, in order.
        body: the answer's, of a large one the beginning.
        problem: why no answer came; empty if one did.
    """

    notification: Notification
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(repr=False, default=b"")
    problem: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether WeChat Pay would take this for a yes, and not send the callback again.

        In v3 that is a 200 or 204; in v2 a 200 with XML that says ``return_code`` SUCCESS.
        """
        if self.notification.event.protocol == "v3":
            return self.status in (200, 204)
        try:
            return self.status == 200 and parse_xml(self.body).get("return_code") == "SUCCESS"
        except ValueError:
            return False


_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


def deliver(url: str, notification: Notification, timeout: float = TIMEOUT) -> Delivery:
    """POST a callback to a URL.

    Raises:
        ConfigurationError: it is no http or https URL.
    """
    connection, path, query = _connection(url, timeout)
    try:
        return _deliver(connection, path, query, notification, timeout)
    except TimeoutError:
        problem = f"no answer within {timeout:g} s; on the server's own event loop, notify_async"
    except (OSError, http.client.HTTPException) as error:
        problem = f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return Delivery(notification, 0, problem=problem)


def _connection(url: str, timeout: float) -> tuple[http.client.HTTPConnection, str, str]:
    """Return a connection to a URL's host, not made yet, and the URL's path and query."""
    with suppress(KeyError, ValueError):
        parts = urlsplit(url)
        kind, host, port = _CONNECTIONS[parts.scheme], parts.hostname, parts.port
        if host and url.isascii():
            return kind(host, port, timeout=timeout), parts.path or "/", parts.query
    raise ConfigurationError("a callback goes to an absolute http or https URL, in ASCII")


def _deliver(
    connection: http.client.HTTPConnection,
    path: str,
    query: str,
    notification: Notification,
    timeout: float,
) -> Delivery:
    end = time.monotonic() + timeout
    connection.putrequest("POST", f"{path}?{query}" if query else path, skip_accept_encoding=True)
    for name, value in (
        ("User-Agent", "Mozilla/4.0"),
        ("Accept", "*/*"),
        ("Content-Length", str(len(notification.body))),
        # One at a time, as a mapping could not hold a header twice.
        *notification.headers,
    ):
        connection.putheader(name, value.encode())
    try:
        connection.endheaders(notification.body)
    except (BrokenPipeError, ConnectionResetError):
        # A server may refuse what is too large before it has read it all.
        if connection.sock is None:
            raise
    _wait_until(connection, end)
    with connection.getresponse() as response:
        body = b""
        while len(body) < _LARGEST_ANSWER:
            _wait_until(connection, end)
            piece = response.read1(_LARGEST_ANSWER - len(body))
            if not piece:
                break
            body += piece
        return Delivery(notification, response.status, tuple(response.getheaders()), body)


def _wait_until(connection: http.client.HTTPConnection, end: float) -> None:
    """Let the next wait for bytes last no longer than there is time."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    # Gone when the answer has closed the connection: what is left of it is buffered.
    if connection.sock is not None:
        connection.sock.settimeout(left)
