"""Open an encrypted bill (加密账单) piece by piece: AEAD_AES_256_GCM, the tag at the end.

What comes out is not to be trusted before `finish` has returned.

Source: https://pay.weixin.qq.com/doc/v3/partner/4012710630
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wechatpay_chain.errors import ConfigurationError, DecryptError
from wechatpay_chain.protocol import aes, rsa
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Unsealing"]

_TAG = 16
"""Bytes of the tag."""

_PROBLEM = "the encrypted bill does not open with the merchant's private_key"


class Unsealing:
    """One encrypted file on its way in."""

    @without_frames
    def __init__(
        self, encrypt_key: str, nonce: str, private: Sensitive[RSAPrivateKey | None]
    ) -> None:
        """Open with the file's own key, which is encrypted for the merchant.

        Raises:
            ConfigurationError: the private key is out of reach of this program.
            DecryptError: it does not open the file's key.
        """
        key = private.reveal()
        if key is None:
            raise ConfigurationError(
                "an encrypted bill opens with the merchant's private key: give it to Client as "
                "private_key, or as merchant's key"
            )
        try:
            # Bytes: a key of AES need not be text.
            opened = rsa.decrypt_bytes(encrypt_key, key)
        except ValueError:
            opened = b""
        start = nonce.encode("utf-8", "replace")
        if len(opened) != aes.KEY_SIZE or len(start) != aes.GCM_NONCE_SIZE:
            raise DecryptError(_PROBLEM)
        self._stream = Cipher(algorithms.AES256(opened), modes.GCM(start)).decryptor()
        self._held = b""

    def feed(self, part: bytes) -> bytes:
        """Return what more bytes open to; the last ones are held, for they may be the tag."""
        whole = self._held + part
        self._held = whole[-_TAG:]
        return self._stream.update(whole[:-_TAG])

    def finish(self) -> None:
        """Check the tag.

        Raises:
            DecryptError: the file was changed, cut, or sealed with another key.
        """
        try:
            self._stream.finalize_with_tag(self._held)
        except (InvalidTag, ValueError):
            raise DecryptError(_PROBLEM) from None

    def __repr__(self) -> str:
        return "<Unsealing>"
