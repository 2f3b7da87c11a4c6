"""Encrypt single values for one key of WeChat Pay's (敏感信息加密)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import rsa
from wechatpay_chain.protocol.sensitive import Path, dotted

__all__ = ["Seal"]

_KEY_SIZES = (2048, 3072, 4096)


class Seal:
    """One key, and whether it was used."""

    def __init__(self, key: RSAPublicKey | None, missing: str) -> None:
        """Encrypt for a key; without one, `missing` says in an error what that comes from."""
        self._key = key
        self._missing = missing
        self.used = False

    def __call__(self, value: Any, at: Path) -> Any:
        """Return the ciphertext of a field's value; ciphertext and None are left alone.

        Raises:
            RequestError: the value is no text, or too long, or there is no key.
        """
        if value is None:
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise RequestError(
                f"{dotted(at)} is sensitive, so it must be a string, not {type(value).__name__}"
            )
        text = str(value)
        if self._key is None:
            if any(rsa.is_ciphertext(text, key_size) for key_size in _KEY_SIZES):
                return value
            raise RequestError(f"{dotted(at)} must be encrypted, but {self._missing}")
        if rsa.is_ciphertext(text, self._key.key_size):
            return value
        self._check_length(len(text.encode("utf-8", "replace")), at)
        self.used = True
        return rsa.encrypt(text, self._key)

    def _check_length(self, size: int, at: Path) -> None:
        longest = rsa.longest_plaintext(self._key) if self._key else 0
        if size > longest:
            raise RequestError(
                f"{dotted(at)} has {size} bytes; at most {longest} can be encrypted with this key"
            )
