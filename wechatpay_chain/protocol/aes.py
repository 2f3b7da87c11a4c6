"""AES-256 as WeChat Pay uses it: GCM for v3's resources, ECB for v2's refund notifications.

ECB is the protocol's choice, not ours. Every failure to decrypt is one `ValueError`
without a word on why: which padding or tag was wrong is what an attacker wants to know.
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from wechatpay_chain.protocol import binary

__all__ = [
    "GCM",
    "GCM_NONCE_SIZE",
    "KEY_SIZE",
    "ecb_decrypt",
    "ecb_encrypt",
    "gcm_decrypt",
    "gcm_encrypt",
]

KEY_SIZE = 32
"""Bytes of a key."""

GCM = "AEAD_AES_256_GCM"
"""What WeChat Pay calls AES-256-GCM."""

GCM_NONCE_SIZE = 12
"""Bytes of its nonce."""

_BLOCK_BITS = 128
_FAILED = "it cannot be decrypted with this key"


def gcm_encrypt(plaintext: bytes, key: bytes, nonce: bytes, associated_data: bytes) -> str:
    """Return the base64 of ciphertext and tag (AEAD_AES_256_GCM)."""
    return base64.b64encode(AESGCM(key).encrypt(nonce, plaintext, associated_data)).decode("ascii")


def gcm_decrypt(ciphertext: str, key: bytes, nonce: bytes, associated_data: bytes) -> bytes:
    """Return the plaintext of the base64 of ciphertext and tag.

    Raises:
        ValueError: not base64, or not made with this key, nonce and associated data.
    """
    try:
        return AESGCM(key).decrypt(nonce, _decode(ciphertext), associated_data)
    except InvalidTag:
        raise ValueError(_FAILED) from None


def ecb_encrypt(plaintext: bytes, key: bytes) -> str:
    """Return the base64 ciphertext of a plaintext, padded by PKCS#7."""
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(AES256(key), ECB()).encryptor()  # noqa: S305 - the protocol's choice
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")


def ecb_decrypt(ciphertext: str, key: bytes) -> bytes:
    """Return the plaintext of a base64 ciphertext.

    Raises:
        ValueError: not base64, not whole blocks, or not made with this key.
    """
    raw = _decode(ciphertext)
    decryptor = Cipher(AES256(key), ECB()).decryptor()  # noqa: S305
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    try:
        padded = decryptor.update(raw) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise ValueError(_FAILED) from None


def _decode(ciphertext: str) -> bytes:
    try:
        return binary.decode(ciphertext)
    except ValueError:
        raise ValueError("it is not base64") from None
