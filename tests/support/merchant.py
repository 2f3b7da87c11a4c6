"""The merchant and the platform of the vectors: keys, and a client that has them."""

from __future__ import annotations

import base64
import json
import time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wechatpay_chain import Client

VECTORS = Path(__file__).parent.parent / "vectors"
KEYS = VECTORS / "keys"
MCHID = "1900000109"
MERCHANT_SERIAL = "3775B6A45ACD588826D15E583A95F5DD00000000"
PLATFORM_ID = "PUB_KEY_ID_0114232134912410000000000000"


@cache
def pem(name: str) -> str:
    """Return the text of one of the vectors' keys."""
    return (KEYS / f"{name}.pem").read_text("utf-8")


@cache
def private(name: str) -> RSAPrivateKey:
    """Return one of the vectors' private keys."""
    key = load_pem_private_key(pem(name).encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


@cache
def units() -> dict[str, Any]:
    """Return the recorded units, by group."""
    return json.loads((VECTORS / "php-units.json").read_text("utf-8"))


@cache
def calls() -> list[dict[str, Any]]:
    """Return the recorded calls."""
    lines = (VECTORS / "php-wire.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def client(**overrides: Any) -> Client:
    """Return a client with the vectors' keys."""
    settings: dict[str, Any] = {
        "mchid": MCHID,
        "serial": MERCHANT_SERIAL,
        "private_key": private("mch_key"),
        "certs": {PLATFORM_ID: pem("plat_pub")},
    }
    return Client(**(settings | overrides))


@lru_cache(maxsize=256)
def sign(message: bytes, key: str = "plat_key") -> str:
    """Return a signature that owes nothing to the package."""
    return base64.b64encode(
        private(key).sign(message, padding.PKCS1v15(), hashes.SHA256())
    ).decode()


def signed_headers(body: bytes = b"", **overrides: str | None) -> dict[str, str]:
    """Return the headers of an honest answer, less or other than honest where told so."""
    timestamp = overrides.get("timestamp") or str(int(time.time()))
    nonce = "0123456789abcdefghijABCDEFGHIJ01"
    covered = overrides.pop("covers", None)
    content = covered.encode() if covered is not None else body
    headers: dict[str, str | None] = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": PLATFORM_ID,
        "Wechatpay-Signature": sign(f"{timestamp}\n{nonce}\n".encode() + content + b"\n"),
    }
    for name, value in overrides.items():
        headers[f"Wechatpay-{name.title()}"] = value
    return {name: value for name, value in headers.items() if value is not None}
