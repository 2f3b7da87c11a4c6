"""The documented rules of signatures, written a second time: nothing here comes from the package.

v3: RSASSA-PKCS1-v1_5 with SHA-256, over lines that each end with a line feed.
v2: the fields sorted by name, ``name=value`` joined by ``&``, then ``&key=`` and the secret;
MD5 or HMAC-SHA256 of it, in upper-case hexadecimal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.support.merchant import private

__all__ = ["md5", "sha256", "verify"]


def verify(signature: str, *lines: str) -> None:
    """Verify a v3 signature of some lines with the merchant's public key."""
    message = b"".join(line.encode("utf-8") + b"\n" for line in lines)
    private("mch_key").public_key().verify(
        base64.b64decode(signature, validate=True), message, padding.PKCS1v15(), hashes.SHA256()
    )


def md5(fields: Mapping[str, str], secret: str) -> str:
    """Return the v2 sign with MD5."""
    return hashlib.md5(_joined(fields, secret)).hexdigest().upper()


def sha256(fields: Mapping[str, str], secret: str) -> str:
    """Return the v2 sign with HMAC-SHA256."""
    return hmac.new(secret.encode(), _joined(fields, secret), hashlib.sha256).hexdigest().upper()


def _joined(fields: Mapping[str, str], secret: str) -> bytes:
    pairs = sorted(fields.items(), key=lambda pair: pair[0].encode())
    return ("&".join(f"{name}={value}" for name, value in pairs) + f"&key={secret}").encode()
