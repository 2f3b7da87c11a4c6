"""What an XML document may do to its reader, as changes to its bytes."""

from __future__ import annotations

import re

__all__ = [
    "declare",
    "insert",
    "laugh",
    "nest",
    "read_file",
    "repeat_sign",
    "spoil_text",
    "tamper",
    "unsign",
]

_END = b"</xml>"
_DEPTH = 100_000


def insert(body: bytes, piece: bytes) -> bytes:
    """Put something behind the last field, where there are fields."""
    if not body.endswith(_END):
        return body + piece
    return body.removesuffix(_END) + piece + _END


def tamper(body: bytes) -> bytes:
    """Add a field: it is good XML still, and nothing but the sign gives it away."""
    return insert(body, b"<tampered>1</tampered>")


def spoil_text(body: bytes) -> bytes:
    """Add bytes that are not UTF-8."""
    return insert(body, b"<message>\xff\xfe</message>")


def declare(body: bytes) -> bytes:
    """Declare a document type."""
    return b"<!DOCTYPE xml>" + body


def laugh(body: bytes) -> bytes:
    """Declare ten entities, each ten times the one before: the last one is a thousand million."""
    entities = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (number, b"&a%d;" % (number - 1) * 10) for number in range(1, 10)
    )
    return _with_entities(body, entities, b"<laugh>&a9;</laugh>")


def read_file(body: bytes, url: str) -> bytes:
    """Declare an entity that reads a URL."""
    return _with_entities(
        body, f'<!ENTITY file SYSTEM "{url}">'.encode(), b"<attach>&file;</attach>"
    )


def nest(body: bytes) -> bytes:
    """Nest elements too deep for any reader that calls itself."""
    return insert(body, b"<d>" * _DEPTH + b"</d>" * _DEPTH)


def unsign(body: bytes) -> bytes:
    """Take the sign away."""
    return re.sub(rb"<sign>.*?</sign>\n?", b"", body)


def repeat_sign(body: bytes) -> bytes:
    """Put the sign there twice, and what stands behind it."""
    begin = body.find(b"<sign>")
    return body if begin == -1 else insert(body, body[begin:].removesuffix(_END))


def _with_entities(body: bytes, entities: bytes, piece: bytes) -> bytes:
    return b"<!DOCTYPE xml [" + entities + b"]>" + insert(body, piece)
