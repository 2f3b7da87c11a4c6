"""What goes into a signed text, checked: one field can never pass for two.

A signature joins its fields by line feeds or ``&``. Somebody who can put one of
these into a field could move the border between fields and keep the signature;
and what is no text at all (an answer instead of its ``prepay_id``) would be
signed as Python prints it.
"""

from __future__ import annotations

import re

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.text import encode, scalar

__all__ = ["WEB", "identifier", "number", "opaque", "plain", "query_string", "text", "url"]

WEB = ("https", "http")
"""The schemes of what a browser opens."""

_IDENTIFIER = re.compile(r"[0-9A-Za-z_.|*@-]+")
_OPAQUE = re.compile(r"[!-%'-~]+")
_VISIBLE = re.compile(r"[!-~]+")
_DIGITS = re.compile(r"[0-9]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")


def identifier(value: object, name: str) -> str:
    """Return an id or number that is written in letters, digits and ``_-.|*@``.

    Raises:
        RequestError: it is missing, or something else; the message names the field.
    """
    written = plain(value, name)
    if not _IDENTIFIER.fullmatch(written):
        raise RequestError(f"{name} may hold only letters, digits and _ - . | * @")
    return written


def opaque(value: object, name: str, *, pairs: bool = False) -> str:
    """Return what WeChat Pay made up, and only it understands: visible ASCII.

    With `pairs` it may hold several values that are joined by ``&``.

    Raises:
        RequestError: it is missing, or something else; the message names the field.
    """
    written = plain(value, name)
    if not (_VISIBLE if pairs else _OPAQUE).fullmatch(written):
        raise RequestError(
            f"{name} may hold only visible ASCII characters{'' if pairs else ' other than &'}: "
            "give it as WeChat Pay answered it"
        )
    return written


def number(value: object, name: str) -> str:
    """Return a whole number, given as one or in digits.

    Raises:
        RequestError: it is missing, or something else; the message names the field.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = scalar(value, name)
    digits = plain(value, name)
    if not _DIGITS.fullmatch(digits):
        raise RequestError(f"{name} may hold only digits")
    return digits


def text(value: object, name: str) -> str:
    """Return words for people, in one line and without ``&``.

    Raises:
        RequestError: they are missing, or something else; the message names the field.
    """
    words = plain(value, name)
    if not words.isprintable() or "&" in words:
        raise RequestError(f"{name} must be one line, without & and control characters")
    return words


def url(value: object, name: str, schemes: tuple[str, ...] = ()) -> str:
    """Return an absolute address, by one of some schemes or, if none are named, by any.

    Raises:
        RequestError: it is missing, or something else; the message names the field.
    """
    address = plain(value, name)
    wanted = " or ".join(f"{scheme}://" for scheme in schemes) or "https:// or an app's scheme"
    found = _SCHEME.match(address)
    scheme, host = (found[1].lower(), found[2]) if found else ("", "")
    is_right = scheme in schemes if schemes else bool(scheme)
    if not is_right or (not host and scheme in WEB):
        raise RequestError(f"{name} must be an address that begins with {wanted}")
    if " " in address or not address.isprintable():
        raise RequestError(f"{name} holds characters that no address has")
    return address


def plain(value: object, name: str) -> str:
    """Return what is text, and not empty.

    Raises:
        RequestError: it is something else; the message names the field.
    """
    if not isinstance(value, str):
        given = "None" if value is None else type(value).__name__
        raise RequestError(f"{name} must be text, not {given}")
    if not value:
        raise RequestError(f"{name} is empty")
    # A member of an enum, or of another subclass, may print as something else than it holds.
    return str.__str__(value)


def query_string(fields: dict[str, str]) -> str:
    """Return fields as ``name=value`` pairs, percent-encoded, in their order."""
    return "&".join(f"{encode(name, name)}={encode(value, name)}" for name, value in fields.items())
