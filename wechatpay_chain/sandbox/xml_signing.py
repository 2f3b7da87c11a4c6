"""The ``sign`` of the v2 protocol (APIv2签名), computed by the sandbox's own hand.

Fields are sorted by name as bytes, ``sign`` and empty values left out, the
secret appended; MD5, or HMAC-SHA256 with the secret as key, in upper case.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

__all__ = ["SIGN_TYPES", "matches", "seal_refund", "xml_sign"]

# MD5 is WeChat Pay's choice and its default.
SIGN_TYPES: dict[str, Callable[[bytes, bytes], str]] = {
    "MD5": lambda text, secret: hashlib.md5(text).hexdigest(),  # noqa: S324
    "HMAC-SHA256": lambda text, secret: hmac.digest(secret, text, "sha256").hex(),
}


def xml_sign(
    fields: Mapping[str, str], secret: str, sign_type: str, kept: Collection[str] = ()
) -> str:
    """Return the signature of fields; those `kept` are signed though they are empty."""
    pairs = [
        (name.encode(), text.encode())
        for name, text in fields.items()
        if name != "sign" and (text or name in kept)
    ]
    text = b"".join(name + b"=" + value + b"&" for name, value in sorted(pairs))
    return SIGN_TYPES[sign_type](text + b"key=" + secret.encode(), secret.encode()).upper()


def matches(
    fields: Mapping[str, str], secret: str, sign_type: str, booleans: Collection[str]
) -> bool:
    """Tell whether the fields bear the right ``sign``.

    The PHP SDK signs ``k=`` for a boolean that is false though it sends an empty
    element, which WeChat Pay takes as well.
    """
    given = fields.get("sign", "").encode()
    right = [xml_sign(fields, secret, sign_type, kept).encode() for kept in ((), booleans)]
    return any(hmac.compare_digest(given, expected) for expected in right)


def seal_refund(secret: str, plaintext: bytes) -> str:
    """Encrypt a refund's ``req_info``: AES-256-ECB, its key the secret's MD5 in lower case."""
    key = hashlib.md5(secret.encode()).hexdigest().encode()  # noqa: S324 - WeChat Pay's choice
    padder = PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - likewise
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
