"""The PHP SDK's ``Formatter`` in Python's spelling: nonces, and the texts that are signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import formatter
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.text import scalar

__all__ = ["Formatter"]


class Formatter:
    """The texts that are signed, and the header that carries a signature."""

    @staticmethod
    def nonce(size: int = 32) -> str:
        """Return random letters and digits, each equally likely.

        Raises:
            RequestError: there cannot be so few.
        """
        if size < 1:
            raise RequestError(f"a nonce must have at least one character, not {size}")
        return formatter.nonce(secrets.token_bytes, size)

    @staticmethod
    def timestamp() -> int:
        """Return this moment in seconds, as WeChat Pay counts them."""
        return int(time.time())

    @staticmethod
    def authorization(
        mchid: str, nonce: str, signature: str, timestamp: str | int, serial: str
    ) -> str:
        """Return the value of the Authorization header; `serial` is the merchant's."""
        return formatter.authorization(Scheme.RSA, mchid, nonce, signature, timestamp, serial)

    @staticmethod
    def request(
        method: str, uri: str, timestamp: str | int, nonce: str, body: str | bytes = ""
    ) -> str:
        """Return what a request's signature covers; `uri` is path and query as they are sent."""
        return Formatter.joined_by_line_feed(method, uri, timestamp, nonce, body)

    @staticmethod
    def response(timestamp: str | int, nonce: str, body: str | bytes = "") -> str:
        """Return what the signature of an answer or a callback covers.

        Give the body's raw bytes: what is no UTF-8 in them comes through to `Rsa.verify`.
        """
        return Formatter.joined_by_line_feed(timestamp, nonce, body)

    @staticmethod
    def joined_by_line_feed(*pieces: object) -> str:
        """Return each piece followed by one line feed; None is an empty piece.

        Raises:
            RequestError: a piece is no text, bytes, number or boolean.
        """
        return formatter.joined_by_line_feed(*map(_piece, pieces))

    @staticmethod
    def ksort(thing: Mapping[str, object]) -> dict[str, object]:
        """Return a mapping sorted by its keys, as texts: ``"10"`` stands before ``"9"``."""
        return formatter.ksort(thing)

    @staticmethod
    def query_string_like(thing: Mapping[str, object]) -> str:
        """Return the ``k=v`` pairs that v2 signs: ``sign``, None and ``""`` left out.

        Raises:
            RequestError: a value is no text, number or boolean.
        """
        return formatter.query_string_like(thing)


def _piece(piece: object) -> str:
    if isinstance(piece, (bytes, bytearray)):
        # PHP's texts are bytes; so a body's survive, whatever they are.
        return piece.decode("utf-8", "surrogateescape")
    return "" if piece is None else scalar(piece, "a piece")
