"""How the parts of a multipart body are framed (RFC 7578), to the letter as the PHP SDK does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.binary import octets

__all__ = ["CONTENT_TYPE", "boundary", "check_name", "disposition", "end", "head"]

CONTENT_TYPE = "multipart/form-data"

# A line break in a name would let it write headers of its own.
_BROKEN = re.compile(r"[\x00-\x1f\x7f]")


def boundary(random: Callable[[int], bytes]) -> str:
    """Return a boundary that stands in no content, from a source of random bytes."""
    return random(20).hex()


def head(boundary: str, headers: Iterable[tuple[str, str]], first: bool) -> bytes:
    """Return what stands before a part's content."""
    lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return (b"" if first else b"\r\n") + "\r\n".join(lines).encode()


def end(boundary: str) -> bytes:
    """Return what stands behind the last part's content."""
    return f"\r\n--{boundary}--\r\n".encode()


def disposition(name: str, filename: str | None) -> str:
    """Return the value of a part's Content-Disposition; a file's name stays UTF-8."""
    text = f'form-data; name="{_quoted(name)}"'
    return text if filename is None else f'{text}; filename="{_quoted(filename)}"'


def check_name(name: object, what: str) -> str:
    """Return a name of a part or of a file, checked.

    Raises:
        RequestError: it is no text, empty, or holds a control character.
    """
    if not isinstance(name, str) or not name:
        raise RequestError(f"{what} must be a text that is not empty")
    if _BROKEN.search(name):
        raise RequestError(f"{what} holds a line break or another control character")
    octets(name, what)
    return name


def _quoted(name: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/#multipart-form-data
    return name.replace('"', "%22")
