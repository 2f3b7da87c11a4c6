"""RSA as WeChat Pay uses it: PKCS#1 v1.5 with SHA-256 to sign, OAEP with SHA-1 to encrypt.

OAEP's SHA-1 and PKCS#1 v1.5 are the protocol's choice, not ours.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = [
    "decrypt",
    "encrypt",
    "is_ciphertext",
    "longest_plaintext",
    "sign",
    "verify",
]

_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()
_SHA1 = hashes.SHA1()  # noqa: S303 - OAEP with SHA-1 is what WeChat Pay specifies
_OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=_SHA1), algorithm=_SHA1, label=None)


def sign(message: bytes, key: RSAPrivateKey) -> bytes:
    """Return the signature of a message."""
    return key.sign(message, _PKCS1, _SHA256)


def verify(message: bytes, signature: bytes, key: RSAPublicKey) -> bool:
    """Tell whether a signature is that key's, over that message."""
    try:
        key.verify(signature, message, _PKCS1, _SHA256)
    except InvalidSignature:
        return False
    return True


def encrypt(plaintext: str, key: RSAPublicKey) -> str:
    """Return the base64 ciphertext of a text of at most `longest_plaintext` UTF-8 bytes."""
    return base64.b64encode(key.encrypt(plaintext.encode(), _OAEP)).decode("ascii")


def decrypt(ciphertext: str, key: RSAPrivateKey) -> str:
    """Return the text inside a base64 ciphertext.

    Raises:
        ValueError: not base64, not for this key, or not UTF-8 inside.
    """
    raw = binascii.a2b_base64(ciphertext.encode("ascii"), strict_mode=True)
    return key.decrypt(raw, _OAEP).decode()


def longest_plaintext(key: RSAPublicKey) -> int:
    """Return how many bytes fit into one ciphertext: 214 for a key of 2048 bits."""
    return key.key_size // 8 - 2 * _SHA1.digest_size - 2


def is_ciphertext(text: str, bits: int) -> bool:
    """Tell whether a text has the form of a ciphertext for a key of so many bits.

    No plaintext can be mistaken for one: it would be too long to be encrypted.
    """
    size = bits // 8
    if len(text) != 4 * ((size + 2) // 3):
        return False
    try:
        return len(binascii.a2b_base64(text.encode("ascii"), strict_mode=True)) == size
    except ValueError:
        return False
