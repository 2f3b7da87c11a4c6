"""The texts that are signed, and the header that carries a signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.text import scalar

__all__ = [
    "authorization",
    "joined_by_line_feed",
    "ksort",
    "nonce",
    "query_string_like",
    "request",
    "response",
    "response_head",
]

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 248 is the largest multiple of 62 below 256: bytes from there on would favour some letters.
_BIASED = bytes(range(248, 256))
_LETTERS = bytes(_ALPHABET[byte % 62] for byte in range(256))


def nonce(random: Callable[[int], bytes], size: int = 32) -> str:
    """Return base62 characters, each equally likely, from a source of random bytes."""
    letters = b""
    while len(letters) < size:
        letters += random(size + 16).translate(_LETTERS, _BIASED)
    return letters[:size].decode("ascii")


def joined_by_line_feed(*pieces: object) -> str:
    """Return every piece followed by one line feed."""
    return "".join(f"{piece}\n" for piece in pieces)


def request(method: str, target: str, timestamp: int | str, nonce_str: str, body: bytes) -> bytes:
    r"""Return what a request's signature covers.

    `target` is path and query exactly as they stand on the request line.

    Source: https://pay.weixin.qq.com/doc/v3/partner/4013059030
    """
    return joined_by_line_feed(method, target, timestamp, nonce_str).encode() + body + b"\n"


def response(timestamp: str, nonce_str: str, body: bytes) -> bytes:
    """Return what an answer's or a callback's signature covers."""
    return response_head(timestamp, nonce_str) + body + b"\n"


def response_head(timestamp: str, nonce_str: str) -> bytes:
    """Return what stands before the body in that."""
    # Header bytes that are no UTF-8 arrive as lone surrogates; they are signed as they came.
    return joined_by_line_feed(timestamp, nonce_str).encode("utf-8", "surrogateescape")


def authorization(
    scheme: Scheme, holder: str, nonce_str: str, signature: str, timestamp: int | str, serial: str
) -> str:
    """Return the value of the Authorization header, by which a holder of keys is known."""
    return (
        f'{scheme.name} {scheme.holder}="{holder}",serial_no="{serial}",timestamp="{timestamp}",'
        f'nonce_str="{nonce_str}",signature="{signature}"'
    )


def ksort(thing: Mapping[str, object]) -> dict[str, object]:
    """Return a mapping sorted by its keys, as texts: ``"10"`` stands before ``"9"``."""
    return {str(key): thing[key] for key in sorted(thing, key=str)}


def query_string_like(thing: Mapping[str, object]) -> str:
    """Return ``k=v`` pairs as the XML protocol signs them: ``sign``, None and ``""`` left out.

    Zero stays; True is ``1``, and False an empty value that is not left out.

    Raises:
        RequestError: a value is no text, number or boolean, so it cannot be signed.
    """
    return "&".join(
        f"{key}={scalar(value, f'the field {key!r}')}"
        for key, value in thing.items()
        if key != "sign" and value is not None and value != ""
    )
