"""Text ↔ bytes: base64 read strictly, and texts that stand for bytes as PHP's do."""

from __future__ import annotations

import base64
import binascii

from wechatpay_chain.errors import RequestError

__all__ = ["decode", "octets"]


def decode(text: str) -> bytes:
    """Return the bytes of base64, of which each has exactly one spelling.

    Raises:
        ValueError: a letter of another alphabet, white space, too little or too much
            padding, or bits behind the last byte that are not zero.
    """
    raw = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    # Python's strict mode lets through what stands in the last letter's unused bits, so
    # that one signature could be spelled in sixteen ways.
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError("its last letter holds bits that are not used")
    return raw


def octets(
    value: str | bytes | bytearray | memoryview, where: str, errors: str = "strict"
) -> bytes:
    """Return the bytes of a text, or of bytes.

    Args:
        value: a text, or bytes.
        where: what it is, for the error.
        errors: ``surrogateescape`` for a text whose bytes may be no UTF-8, as a header's.

    Raises:
        RequestError: the text is no Unicode, or the value no text.
    """
    if isinstance(value, str):
        try:
            return value.encode("utf-8", errors)
        except UnicodeEncodeError:
            raise RequestError(f"{where} holds half a surrogate pair, which is no text") from None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise RequestError(f"{where} must be text or bytes, not {type(value).__name__}")
