"""The texts that are signed, and the header that carries a signature."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["authorization", "joined_by_line_feed", "nonce", "request", "response"]

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


def request(method: str, target: str, timestamp: int, nonce_str: str, body: bytes) -> bytes:
    r"""Return what a request's signature covers.

    `target` is path and query exactly as they stand on the request line.

    Source: https://pay.weixin.qq.com/doc/v3/partner/4013059030
    """
    return joined_by_line_feed(method, target, timestamp, nonce_str).encode() + body + b"\n"


def response(timestamp: str, nonce_str: str, body: bytes) -> bytes:
    """Return what an answer's or a callback's signature covers."""
    # Header bytes that are no UTF-8 arrive as lone surrogates; they are signed as they came.
    head = joined_by_line_feed(timestamp, nonce_str).encode("utf-8", "surrogateescape")
    return head + body + b"\n"


def authorization(
    scheme: str, mchid: str, nonce_str: str, signature: str, timestamp: int, serial: str
) -> str:
    """Return the value of the Authorization header."""
    return (
        f'{scheme} mchid="{mchid}",serial_no="{serial}",timestamp="{timestamp}",'
        f'nonce_str="{nonce_str}",signature="{signature}"'
    )
