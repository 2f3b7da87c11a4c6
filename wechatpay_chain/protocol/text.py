"""Scalars → the text that PHP would make of them, and text → percent-encoding.

Templates, queries and forms share these two, so that a boolean or a float is
spelled the same wherever it stands.
"""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import quote

from wechatpay_chain.errors import RequestError

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["encode", "is_decimal", "keep_reserved", "one_line", "scalar"]

# RFC 3986, section 2.2, less the brackets, which only an IPv6 host may hold.
_RESERVED = "!#$&'()*+,/:;=?@"
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def scalar(value: object, where: str) -> str:
    """Return a string, number or boolean as PHP prints it: True is ``1``, False is empty.

    Raises:
        RequestError: the value is something else.
    """
    # Not str(value): a member of an enum would say its name.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int):
        return _integer(value, where)
    if isinstance(value, float) and math.isfinite(value):
        return _float(value)
    if is_decimal(value) and value.is_finite():
        return format(value, "f")
    raise RequestError(f"{where} must be a string, a number or a boolean, not {_kind(value)}")


def is_decimal(value: object) -> TypeGuard[Decimal]:
    """Tell whether a value is a Decimal."""
    # Where its module was not loaded, there can be none.
    module = sys.modules.get("decimal")
    return module is not None and isinstance(value, module.Decimal)


def encode(text: str, where: str) -> str:
    """Percent-encode all but RFC 3986's unreserved characters.

    Raises:
        RequestError: the text is no Unicode (a lone surrogate).
    """
    try:
        return quote(text, safe="~")
    except UnicodeEncodeError:
        raise RequestError(f"{where} holds half a surrogate pair, which no URL can") from None


def keep_reserved(text: str, where: str) -> str:
    """Percent-encode what no URL may hold, leaving delimiters and ``%XX`` as they are."""
    try:
        return quote(_LONE_PERCENT.sub("%25", text), safe="~%" + _RESERVED)
    except UnicodeEncodeError:
        raise RequestError(f"{where} holds half a surrogate pair, which no URL can") from None


def one_line(text: object, longest: int | None = 200) -> str:
    """Return somebody else's words as a part of one line, cut where they grow long.

    No control code of a terminal is left in them.
    """
    words = str(text or "")
    if not words.isprintable():
        words = "".join(letter if letter.isprintable() else " " for letter in words)
    return words if longest is None or len(words) <= longest else words[:longest] + "…"


def _integer(value: int, where: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError:
        raise RequestError(f"{where} is a number of too many digits") from None


def _float(value: float) -> str:
    text = float.__repr__(value).removesuffix(".0")
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")
    digits = digits if "." in digits else digits + ".0"
    return f"{digits}E{int(exponent):+d}"


def _kind(value: object) -> str:
    if isinstance(value, float) or is_decimal(value):
        return "one that is not finite"
    return "None" if value is None else type(value).__name__
