"""What a web framework has of a request → the headers that sign it, and its raw bytes.

Frameworks hold headers in a dozen ways. Whatever can hold one twice is read so that twice is
seen, because the second one is an attacker's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wechatpay_chain.errors import ConfigurationError, Reason, WebhookBodyError

__all__ = ["Received", "headers", "is_xml", "raw"]

SIGNED = frozenset(
    f"wechatpay-{name}" for name in ("timestamp", "nonce", "serial", "signature", "signature-type")
)
"""The headers that count, in lower case; all others are left alone."""

_MALFORMED = "\ufffd"
"""Stands for a value that no header has."""

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


class Received:
    """The signature headers of one request, each as often as it was there."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}

    def add(self, name: str, value: object) -> None:
        """Add what a container holds under a name."""
        if isinstance(value, (list, tuple)):
            for one in value:
                self.add(name, one)
        elif value is not None:
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if not isinstance(text, str) or not text.isascii() or not text.isprintable():
                # A line break would let a header pass for the beginning of the body.
                text = _MALFORMED
            # WSGI joins what is there twice. None of the five holds a comma by itself.
            self._values.setdefault(name, []).extend(text.split(","))

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return all values of a header."""
        return self._values.get(key.lower(), default)

    @property
    def malformed(self) -> str:
        """The name of a header that holds anything but visible ASCII; empty if none does."""
        return next((name for name, values in self._values.items() if _MALFORMED in values), "")

    def __repr__(self) -> str:
        return f"<Received {', '.join(self._values)}>"


def headers(given: object) -> Received:
    """Return the signature headers of a request.

    Args:
        given: any mapping of names to values, or to lists of them, such as those of aiohttp,
            Starlette, Django, werkzeug, http.client; an iterable of pairs, such as ASGI's; a
            WSGI environ, Django's ``META``, or an ASGI scope. Names and values are text or bytes.

    Raises:
        ConfigurationError: it is none of these.
    """
    # A header of that name would be text, so that no sender makes a scope of a request's headers.
    if isinstance(given, Mapping) and isinstance(given.get("asgi"), Mapping):
        given = given.get("headers", ())
    received = Received()
    for name, value in _pairs(given):
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if isinstance(text, str):
            plain = _plain(text)
            if plain in SIGNED:
                received.add(plain, value)
    return received


def raw(body: object, limit: int) -> bytes:
    """Return the bytes of a request's body.

    Raises:
        ConfigurationError: it is no bytes.
        WebhookBodyError: there are more than `limit`.
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise ConfigurationError(
            f"body must be the raw bytes that were received, not {type(body).__name__}: await "
            "request.read() in aiohttp, await request.body() in Starlette and FastAPI, "
            "request.body in Django, request.get_data() in Flask; decoded and written anew, they "
            "are other bytes than those that were signed"
        )
    size = body.nbytes if isinstance(body, memoryview) else len(body)
    if size > limit:
        error = WebhookBodyError(
            f"the body has more than {limit} bytes, which no callback has",
            reason=Reason.TOO_LARGE,
        )
        error.status = 413
        raise error
    return bytes(body)


def is_xml(body: bytes) -> bool:
    """Tell whether a body is meant for v2.

    The body alone says so, not its Content-Type. Neither way spares a sender anything: XML is
    checked with v2's secret, everything else with v3's signature, before it is read.
    """
    return body.removeprefix(_BOM).lstrip(_SPACE).startswith(b"<")


def _plain(name: str) -> str:
    """Return a header's name in lower case, also where it is spelled as WSGI does."""
    if name.startswith("HTTP_"):
        name = name.removeprefix("HTTP_").replace("_", "-")
    return name.lower()


def _pairs(given: Any) -> Iterable[tuple[object, object]]:
    if callable(getattr(given, "items", None)):
        return _of_two(given.items())
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, bytearray, memoryview)):
        return _of_two(given)
    raise ConfigurationError(
        f"headers must be a mapping or pairs of names and values, not {type(given).__name__}: give "
        "request.headers, environ (WSGI), or scope['headers'] (ASGI)"
    )


def _of_two(pairs: Iterable[Any]) -> Iterable[tuple[object, object]]:
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ConfigurationError("headers must be pairs of names and values")
        yield pair[0], pair[1]
