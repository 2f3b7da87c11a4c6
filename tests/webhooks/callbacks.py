"""Callbacks made by hand, from documented algorithms: nothing here comes from the package."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tests.support import xml
from tests.support.merchant import MCHID, PLATFORM_ID, pem, private, sign
from wechatpay_chain.webhooks import Webhooks

NOW = 1_763_970_000
APIV3 = "0123456789abcdef0123456789ABCDEF"
SECRET = xml.SECRET
SEALED_NONCE = "fdasflkja484"
PAYMENT: dict[str, Any] = {
    "mchid": MCHID,
    "out_trade_no": "native12177525012",
    "transaction_id": "1217752501201407033233368018",
    "trade_state": "SUCCESS",
    "amount": {"total": 100, "currency": "CNY"},
}


def webhooks(**overrides: Any) -> Webhooks:
    """Return a receiver with the vectors' keys, and a clock that stands still."""
    settings: dict[str, Any] = {
        "keys": {PLATFORM_ID: pem("plat_pub")},
        "apiv3_key": APIV3,
        "secret": SECRET,
        "clock": lambda: float(NOW),
    }
    return Webhooks(**(settings | overrides))


def gcm(plain: bytes, key: str = APIV3, nonce: str = SEALED_NONCE, aad: str = "") -> str:
    """Return AEAD_AES_256_GCM's base64."""
    sealed = AESGCM(key.encode()).encrypt(nonce.encode(), plain, aad.encode())
    return base64.b64encode(sealed).decode()


def ecb(plain: bytes, secret: str = SECRET) -> str:
    """Return AES-256-ECB's base64, under the lower-case MD5 of the secret."""
    key = hashlib.md5(secret.encode()).hexdigest().encode()
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES256(key), ECB()).encryptor()  # noqa: S305 - the protocol's choice
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def oaep(text: str, key: str = "mch_key") -> str:
    """Return a text encrypted for the merchant."""
    scheme = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    return base64.b64encode(private(key).public_key().encrypt(text.encode(), scheme)).decode()


@dataclass(frozen=True)
class Callback:
    """A v3 callback, honest unless told otherwise."""

    resource: Any = field(default_factory=lambda: PAYMENT)
    type: str = "TRANSACTION.SUCCESS"
    id: str = "EV-2018022511223320873"
    key: str = APIV3
    aad: str = "transaction"
    nonce: str = SEALED_NONCE
    envelope: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    timestamp: str = str(NOW)
    signing_key: str = "plat_key"

    @property
    def body(self) -> bytes:
        """The body's bytes."""
        if self.content is not None:
            return self.content
        plain = self.resource
        if not isinstance(plain, bytes):
            plain = json.dumps(plain, ensure_ascii=False).encode()
        sealed: dict[str, Any] = {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": gcm(plain, self.key, self.nonce, self.aad),
            "associated_data": self.aad,
            "nonce": self.nonce,
        }
        envelope: dict[str, Any] = {
            "id": self.id,
            "create_time": "2025-11-24T15:40:00+08:00",
            "resource_type": "encrypt-resource",
            "event_type": self.type,
            "summary": "支付成功",
            "resource": less(sealed | dict(self.sealed)),
        }
        return json.dumps(less(envelope | dict(self.envelope)), ensure_ascii=False).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers that sign it."""
        nonce = "0123456789abcdefghijABCDEFGHIJ01"
        covered = f"{self.timestamp}\n{nonce}\n".encode() + self.body + b"\n"
        return {
            "Wechatpay-Timestamp": self.timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": PLATFORM_ID,
            "Wechatpay-Signature": sign(covered, self.signing_key),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Content-Type": "application/json",
        }

    def but(self, **changes: Any) -> Callback:
        """Return another one."""
        return replace(self, **changes)

    @property
    def sent(self) -> tuple[dict[str, str], bytes]:
        """Headers and body."""
        return self.headers, self.body


def less(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what is not ``...``."""
    return {name: value for name, value in fields.items() if value is not ...}


XML_PAYMENT = {
    "return_code": "SUCCESS",
    "result_code": "SUCCESS",
    "appid": "wx1",
    "mch_id": MCHID,
    "nonce_str": "n1",
    "openid": "o1",
    "out_trade_no": "T1",
    "transaction_id": "42",
    "total_fee": "1",
    "is_subscribe": "N",
    "trade_type": "JSAPI",
}
REFUND = {
    "out_refund_no": "R1",
    "out_trade_no": "T1",
    "refund_id": "50",
    "refund_status": "SUCCESS",
    "refund_fee": "1",
    "total_fee": "1",
}


def xml_callback(
    fields: Mapping[str, str] = XML_PAYMENT, sign_type: str = "MD5", **more: Any
) -> bytes:
    """Return a v2 notification with its sign, or another one, or none."""
    said = less({**fields, **more})
    if "sign" not in more:
        said["sign"] = xml.sign(said, sign_type)
    return xml.xml(said)


def refund(inside: Mapping[str, str] = REFUND, secret: str = SECRET, **more: Any) -> bytes:
    """Return a v2 refund notification."""
    plain = xml.xml(inside).replace(b"xml>", b"root>")
    around = {"return_code": "SUCCESS", "appid": "wx1", "mch_id": MCHID, "nonce_str": "n"}
    return xml.xml(less({**around, "req_info": ecb(plain, secret), **more}))


def payscore(**more: Any) -> bytes:
    """Return one of v2's pay score notifications."""
    inside = {"state": "USER_PAID", "out_order_no": "P1", "total_amount": "100"}
    fields = {
        "mch_id": MCHID,
        "appid": "wx1",
        "algorithm": "HMAC-SHA256",
        "nonce_str": "n",
        "event_id": "E1",
        "event_create_time": "20251124154000",
        "event_type": "TRANSACTION.SUCCESS",
        "event_algorithm": "AEAD_AES_256_GCM",
        "event_nonce": SEALED_NONCE,
        "event_associated_data": "payscore",
        "event_ciphertext": gcm(json.dumps(inside).encode(), aad="payscore"),
    }
    return xml_callback(fields, **{"sign_type": "HMAC-SHA256", **more})
