"""RSA as WeChat Pay uses it: PKCS#1 v1.5 with SHA-256 to sign, OAEP with SHA-1 to encrypt.

OAEP's SHA-1 and PKCS#1 v1.5 are the protocol's choice, not ours.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from wechatpay_chain.protocol import binary

__all__ = [
    "PADDINGS",
    "PKCS1_OAEP_PADDING",
    "PKCS1_PADDING",
    "decrypt",
    "decrypt_bytes",
    "encrypt",
    "is_ciphertext",
    "longest_plaintext",
    "sign",
    "verify",
    "verify_digest",
]

_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()
_SHA1 = hashes.SHA1()  # noqa: S303 - OAEP with SHA-1 is what WeChat Pay specifies
_OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=_SHA1), algorithm=_SHA1, label=None)

PKCS1_PADDING, PKCS1_OAEP_PADDING = 1, 4
"""OpenSSL's numbers of the two paddings."""

PADDINGS: Mapping[int, tuple[padding.AsymmetricPadding, int]] = {
    PKCS1_PADDING: (_PKCS1, 11),
    PKCS1_OAEP_PADDING: (_OAEP, 2 * _SHA1.digest_size + 2),
}
"""Each padding's number: what it is, and how many bytes of a block it takes."""


def sign(message: bytes, key: RSAPrivateKey) -> bytes:
    """Return the signature of a message."""
    return key.sign(message, _PKCS1, _SHA256)


def verify(message: bytes, signature: bytes, key: RSAPublicKey) -> bool:
    """Tell whether a signature is that key's, over that message."""
    return _holds(message, signature, key, _SHA256)


def verify_digest(digest: bytes, signature: bytes, key: RSAPublicKey) -> bool:
    """Tell whether a signature is that key's, over a message with that SHA-256."""
    return _holds(digest, signature, key, Prehashed(_SHA256))


def encrypt(plaintext: str | bytes, key: RSAPublicKey, padding: int = PKCS1_OAEP_PADDING) -> str:
    """Return the base64 ciphertext of a text of at most `longest_plaintext` UTF-8 bytes."""
    raw = plaintext.encode() if isinstance(plaintext, str) else plaintext
    return base64.b64encode(key.encrypt(raw, PADDINGS[padding][0])).decode("ascii")


def decrypt(ciphertext: str, key: RSAPrivateKey, padding: int = PKCS1_OAEP_PADDING) -> str:
    """Return the text inside a base64 ciphertext.

    Raises:
        ValueError: not base64, not for this key, or not UTF-8 inside.
    """
    return decrypt_bytes(ciphertext, key, padding).decode()


def decrypt_bytes(ciphertext: str, key: RSAPrivateKey, padding: int = PKCS1_OAEP_PADDING) -> bytes:
    """Return the bytes inside a base64 ciphertext, such as another key's.

    Raises:
        ValueError: not base64, or not for this key.
    """
    return key.decrypt(binary.decode(ciphertext), PADDINGS[padding][0])


def longest_plaintext(key: RSAPublicKey, padding: int = PKCS1_OAEP_PADDING) -> int:
    """Return how many bytes fit into one ciphertext: 214 for a key of 2048 bits and OAEP."""
    return key.key_size // 8 - PADDINGS[padding][1]


def _holds(
    data: bytes, signature: bytes, key: RSAPublicKey, algorithm: hashes.HashAlgorithm | Prehashed
) -> bool:
    try:
        key.verify(signature, data, _PKCS1, algorithm)
    except InvalidSignature:
        return False
    return True


def is_ciphertext(text: str, bits: int) -> bool:
    """Tell whether a text has the form of a ciphertext for a key of so many bits.

    No plaintext can be mistaken for one: it would be too long to be encrypted.
    """
    size = bits // 8
    if len(text) != 4 * ((size + 2) // 3):
        return False
    try:
        return len(binary.decode(text)) == size
    except ValueError:
        return False
