"""Open the fields of an answer that are encrypted for the merchant (敏感信息解密)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.catalogue import FieldPath, Operation
from wechatpay_chain.errors import DecryptError
from wechatpay_chain.protocol import rsa
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Path, Sensitive, dotted, replace

__all__ = ["Opening"]

_AS_THEY_CAME = "decrypt=False gives the fields as they came"


class Opening:
    """One operation's answer, opened with the merchant's private key."""

    def __init__(self, key: Sensitive[RSAPrivateKey | None], fields: tuple[FieldPath, ...]) -> None:
        self._key = key
        self._fields = fields

    @classmethod
    def of(
        cls, operation: Operation | None, key: Sensitive[RSAPrivateKey | None]
    ) -> Opening | None:
        """Return what opens an operation's answers; None if there is nothing to open."""
        fields = () if operation is None else operation.encrypted_answer
        return cls(key, fields) if fields else None

    @without_frames
    def __call__(self, answer: Any) -> Any:
        """Return the answer with its fields opened; what is not there, or empty, stays so.

        Raises:
            DecryptError: a field cannot be opened.
        """
        for path in self._fields:
            answer = replace(answer, path, self._open)
        return answer

    def __repr__(self) -> str:
        return "<Opening>"

    def _open(self, value: Any, at: Path) -> Any:
        if value is None or value == "":
            return value
        key = self._key.reveal()
        if key is None:
            raise DecryptError(
                f"{dotted(at)} is encrypted for the merchant, whose private key this client does "
                f"not hold; {_AS_THEY_CAME}"
            )
        try:
            return rsa.decrypt(value, key)
        except (TypeError, ValueError, AttributeError):
            pass
        # Out here, so that what failed is not its context.
        raise DecryptError(
            f"{dotted(at)} cannot be decrypted: it was not encrypted for this merchant's "
            f"certificate, or was changed; {_AS_THEY_CAME}"
        )
