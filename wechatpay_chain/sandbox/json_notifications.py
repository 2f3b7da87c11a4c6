"""Callbacks of v3 (回调通知): a resource under the APIv3 key, in JSON that WeChat Pay signs.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012071382 (解密),
https://pay.weixin.qq.com/doc/v3/merchant/4013053420 (验签)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.sandbox.answers import SCHEME_HEADER, SIGNATURE_HEADERS, json_bytes
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.resources import sealed
from wechatpay_chain.sandbox.signing import answer_message, seal, sign

__all__ = ["JsonDraft", "document", "fresh", "written"]

_NONCE_SIZE = 12


@dataclass(frozen=True)
class JsonDraft:
    """A callback before it is signed: what it brings, under which keys, and what it claims.

    With a `body` that one is signed; with a `plaintext` that one is what the resource holds.
    """

    event: EventFacts
    identity: Identity
    id: str
    create_time: str
    event_type: str
    original_type: str
    summary: str
    resource: JsonObject = field(repr=False)
    associated_data: str
    serial: str
    key: RSAPrivateKey = field(repr=False)
    field_key: RSAPublicKey = field(repr=False)
    apiv3_key: str = field(repr=False)
    timestamp: str = ""
    nonce: str = ""
    resource_nonce: str = ""
    plaintext: str | None = field(repr=False, default=None)
    body: bytes | None = field(repr=False, default=None)

    @property
    def protocol(self) -> str:
        return "v3"


def fresh(draft: JsonDraft, now: float) -> JsonDraft:
    """Return the same callback for one more delivery: its time and nonces are new."""
    return replace(
        draft,
        timestamp=str(int(now)),
        nonce=secrets.token_hex(16),
        resource_nonce=secrets.token_hex(_NONCE_SIZE // 2),
    )


def document(draft: JsonDraft) -> JsonObject:
    """Return the callback as a document, its resource sealed with AEAD_AES_256_GCM."""
    plaintext = draft.plaintext
    if plaintext is None:
        opened = sealed(draft.resource, draft.event.encrypted, draft.field_key)
        plaintext = json_bytes(opened).decode()
    ciphertext = seal(draft.apiv3_key, draft.resource_nonce, draft.associated_data, plaintext)
    return {
        "id": draft.id,
        "create_time": draft.create_time,
        "resource_type": "encrypt-resource",
        "event_type": draft.event_type,
        "summary": draft.summary,
        "resource": {
            "original_type": draft.original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext,
            "associated_data": draft.associated_data,
            "nonce": draft.resource_nonce,
        },
    }


def written(draft: JsonDraft) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Return the headers and the body, signed over just those bytes."""
    body = json_bytes(document(draft)) if draft.body is None else draft.body
    signature = sign(draft.key, answer_message(draft.timestamp, draft.nonce, body))
    headers = (
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Request-ID", secrets.token_hex(16).upper()),
        (SIGNATURE_HEADERS["timestamp"], draft.timestamp),
        (SIGNATURE_HEADERS["nonce"], draft.nonce),
        (SIGNATURE_HEADERS["serial"], draft.serial),
        (SIGNATURE_HEADERS["signature"], signature),
        (SCHEME_HEADER, draft.identity.scheme),
    )
    return headers, body
