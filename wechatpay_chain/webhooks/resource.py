"""What is encrypted in a callback, and opening it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.errors import DecodeError, Reason, WebhookDecryptError
from wechatpay_chain.protocol import aes, document, rsa
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Path, Sensitive, dotted, replace
from wechatpay_chain.webhooks import kinds

__all__ = ["Opener", "Sealed", "SealedFields"]


@dataclass(frozen=True, repr=False)
class Sealed:
    """Something encrypted under the APIv3密钥, as a callback carries it."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str
    where: str


class Opener:
    """Opens resources with the APIv3密钥."""

    def __init__(self, key: Sensitive[Any], protocol: str = "v3") -> None:
        self._key = key
        self._protocol = protocol

    @without_frames
    def open(self, sealed: Sealed) -> dict[str, Any]:
        """Return the fields in a resource.

        Raises:
            WebhookDecryptError: it cannot be opened, or what is inside is no JSON object.
        """
        # There is no other; what a callback names never chooses one.
        if sealed.algorithm != aes.GCM:
            raise self._error(
                f"the algorithm of {sealed.where} is not {aes.GCM}", Reason.UNKNOWN_ALGORITHM
            )
        key = self._key.reveal()
        if key is None:
            raise self._error(
                f"{sealed.where} is encrypted with the APIv3密钥, which is not configured: give "
                "apiv3_key",
                Reason.NOT_CONFIGURED,
            )
        raw = key.encode() if isinstance(key, str) else key
        nonce = sealed.nonce.encode("utf-8", "replace")
        associated = sealed.associated_data.encode("utf-8", "replace")
        if len(nonce) != aes.GCM_NONCE_SIZE:
            raise self._error(f"the nonce of {sealed.where} has not {aes.GCM_NONCE_SIZE} bytes")
        try:
            plain = aes.gcm_decrypt(sealed.ciphertext, raw, nonce, associated)
        except ValueError:
            raise self._error(
                f"{sealed.where} does not open with this APIv3密钥: it is another one, or has "
                "changed on WeChat Pay's website"
            ) from None
        try:
            fields = document.loads(plain)
        except DecodeError:
            fields = None
        if not isinstance(fields, dict):
            raise self._error(f"what is inside {sealed.where} is no JSON object")
        return fields

    def __repr__(self) -> str:
        return "<Opener>"

    def _error(self, message: str, reason: Reason = Reason.NOT_OPENED) -> WebhookDecryptError:
        return WebhookDecryptError(message, reason=reason, protocol=self._protocol)


class SealedFields:
    """Opens the fields inside a resource that are encrypted for the merchant."""

    def __init__(
        self,
        key: Sensitive[Any],
        fields: Callable[[str], Iterable[Path]] = kinds.encrypted,
    ) -> None:
        self._key = key
        self._fields = fields

    @without_frames
    def open(self, kind: str, resource: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return a resource with its fields opened, and the paths of those that are not.

        Raises:
            WebhookDecryptError: a field does not open with the merchant's private key.
        """
        still: list[str] = []
        for path in self._fields(kind):
            resource = replace(resource, path, lambda value, at: self._opened(value, at, still))
        return resource, tuple(still)

    def __repr__(self) -> str:
        return "<SealedFields>"

    def _opened(self, value: Any, at: Path, still: list[str]) -> Any:
        if value is None or value == "":
            return value
        key = self._key.reveal()
        if key is None:
            still.append(dotted(at))
            return value
        try:
            return rsa.decrypt(value, key)
        except (TypeError, ValueError, AttributeError):
            pass
        # Out here, so that what failed is not its context.
        raise WebhookDecryptError(
            f"{dotted(at)} cannot be decrypted: it was not encrypted for this merchant's "
            "certificate",
            reason=Reason.SEALED_FIELD,
        )
