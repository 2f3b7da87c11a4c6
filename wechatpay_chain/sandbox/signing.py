"""The sandbox's own RSA work: sign, verify, encrypt, decrypt.

Written a second time on purpose. The client has its own code for the same
rules; two honest halves that are tested against each other find what one half
shared by both would hide.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from enum import Enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "Cover",
    "answer_message",
    "decrypt",
    "digest",
    "encrypt",
    "longest_plaintext",
    "request_message",
    "seal",
    "sign",
    "verify",
]

# SHA-1 is WeChat Pay's choice, and is not broken for this use.
_OAEP = padding.OAEP(
    mgf=padding.MGF1(algorithm=hashes.SHA1()),  # noqa: S303
    algorithm=hashes.SHA1(),  # noqa: S303
    label=None,
)
_SHA1_SIZE = 20


class Cover(Enum):
    """What the signature of a success covers; a refusal is always signed over its body."""

    BODY = "the body"
    DIGEST = "the SHA-1 of the body, as a statement's does"
    NOTHING = "nothing: there is no signature, as of most files"


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Return what a merchant signs: method, target as on the wire, time, nonce and body."""
    head = f"{method}\n{target}\n{timestamp}\n{nonce}\n"
    # aiohttp decodes a request line with surrogateescape; this gives the bytes of the wire back.
    return head.encode("utf-8", "surrogateescape") + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """Return what WeChat Pay signs: time, nonce and body, each followed by a line feed."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def digest(body: bytes) -> str:
    """Return the SHA-1 of a statement, in hexadecimal, that is signed in its place."""
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """Sign with RSASSA-PKCS1-v1_5 over SHA-256; return base64."""
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Tell whether `signature`, in strict base64, is that of `message`."""
    try:
        key.verify(_strict_base64(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def encrypt(key: RSAPublicKey, text: str) -> str:
    """Encrypt a sensitive field (敏感信息加密) with RSAES-OAEP over SHA-1; return base64."""
    return base64.b64encode(key.encrypt(text.encode(), _OAEP)).decode()


def longest_plaintext(key: RSAPublicKey) -> int:
    """Return how many bytes `encrypt` takes at most (RFC 8017, 7.1.1)."""
    return key.key_size // 8 - 2 * _SHA1_SIZE - 2


def decrypt(key: RSAPrivateKey, ciphertext: str) -> str:
    """Decrypt a sensitive field; raise ValueError, which names no content, if that fails."""
    try:
        return key.decrypt(_strict_base64(ciphertext), _OAEP).decode("utf-8")
    except UnicodeDecodeError:
        # That error would carry the decrypted bytes along.
        raise ValueError("the decrypted value is not UTF-8") from None


def seal(apiv3_key: str, nonce: str, associated_data: str, text: str) -> str:
    """Encrypt a resource with AEAD_AES_256_GCM under the APIv3 key; return base64."""
    sealed = AESGCM(apiv3_key.encode()).encrypt(
        nonce.encode(), text.encode(), associated_data.encode()
    )
    return base64.b64encode(sealed).decode()


def _strict_base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None
    # The decoder lets stray bits and surplus padding pass; one value has one spelling here.
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("it is not canonical base64")
    return decoded
