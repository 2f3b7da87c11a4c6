"""Answers on their way out: drafted, signed, and put on the wire.

A `Draft` is what WeChat Pay means to say and with which key; `signed` makes it
an `Answer`, the very headers and bytes. Misbehaviour changes the one or the
other, and never anything else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.sandbox.bill_files import BillFile
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.ledger import Reply
from wechatpay_chain.sandbox.signing import Cover, answer_message, digest, sign

__all__ = ["SIGNATURE_HEADERS", "Answer", "Cut", "Draft", "draft", "json_bytes", "signed"]

SIGNATURE_HEADERS = {
    "timestamp": "Wechatpay-Timestamp",
    "nonce": "Wechatpay-Nonce",
    "serial": "Wechatpay-Serial",
    "signature": "Wechatpay-Signature",
}
SCHEME_HEADER = "Wechatpay-Signature-Type"
STATEMENT_HEADER = "Wechatpay-Statement-Sha1"


class Cut(Enum):
    """Where the connection is closed: not at all, or before, in or after something."""

    NOWHERE = "the answer is sent whole"
    BEFORE_READING = "closed before the body of the request was read"
    BEFORE_ANSWER = "closed after the request was carried out, without a byte of an answer"
    IN_HEADERS = "closed in the middle of the headers"
    IN_BODY = "closed before as many bytes were sent as Content-Length says"


@dataclass(frozen=True)
class Draft:
    """An answer before it is signed: what is said, and what it will claim on itself."""

    identity: Identity
    status: int
    body: bytes
    timestamp: str
    nonce: str
    serial: str
    key: RSAPrivateKey = field(repr=False)
    scheme: str
    content_type: str = "application/json; charset=utf-8"
    cover: Cover = Cover.BODY
    headers: tuple[tuple[str, str], ...] = ()
    stream: BillFile | None = None


@dataclass(frozen=True)
class Answer:
    """An answer as it goes over the wire, and how much of it does."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    delay: float = 0.0
    cut: Cut = Cut.NOWHERE
    stream: BillFile | None = None

    @property
    def beginning(self) -> bytes:
        """The bytes that still go out before a cut."""
        lines = [f"HTTP/1.1 {self.status} ", *(f"{k}: {v}" for k, v in self.headers)]
        if self.cut is Cut.IN_HEADERS:
            head = "\r\n".join(lines).encode()
            return head[: len(head) // 2]
        if self.cut is Cut.IN_BODY:
            # One byte more than there is, at the least: an empty body is truncated as well.
            lines += [f"Content-Length: {len(self.body) + 1}", "", ""]
            return "\r\n".join(lines).encode() + self.body[: len(self.body) // 2]
        return b""


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write a document as WeChat Pay does: compact, UTF-8, nothing escaped without need."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def draft(
    identity: Identity, status: int, reply: Reply, *, serial: str | None, now: float
) -> Draft:
    """Draft an answer, to be signed by the key that the request's Wechatpay-Serial named."""
    key = identity.platform_key(serial)
    body = reply.file
    if body is None:
        body = b"" if reply.document is None else json_bytes(reply.document)
    return Draft(
        identity=identity,
        status=status,
        body=body,
        timestamp=str(int(now)),
        nonce=secrets.token_hex(16),
        serial=key.serial,
        key=key.private_key,
        scheme=identity.scheme,
        content_type=reply.content_type,
        cover=reply.cover,
        stream=reply.stream,
    )


def signed(draft: Draft) -> Answer:
    """Sign a draft over exactly the bytes of its body, or over what else its kind is signed."""
    # A body that was put in a stream's place is what was meant.
    stream = draft.stream if not draft.body and draft.status == 200 else None
    return Answer(
        status=draft.status,
        headers=(
            *([("Content-Type", draft.content_type)] if draft.body or stream else []),
            ("Request-ID", secrets.token_hex(16).upper()),
            *_signature(draft),
            *draft.headers,
        ),
        body=draft.body,
        stream=stream,
    )


def _signature(draft: Draft) -> tuple[tuple[str, str], ...]:
    cover = draft.cover if 200 <= draft.status < 300 else Cover.BODY
    if cover is Cover.NOTHING:
        return ()
    covered, told = draft.body, []
    if cover is Cover.DIGEST:
        told = [(STATEMENT_HEADER, digest(draft.body))]
        covered = json_bytes({"sha1": digest(draft.body)})
    signature = sign(draft.key, answer_message(draft.timestamp, draft.nonce, covered))
    return (
        (SIGNATURE_HEADERS["timestamp"], draft.timestamp),
        (SIGNATURE_HEADERS["nonce"], draft.nonce),
        (SIGNATURE_HEADERS["serial"], draft.serial),
        (SIGNATURE_HEADERS["signature"], signature),
        (SCHEME_HEADER, draft.scheme),
        *told,
    )
