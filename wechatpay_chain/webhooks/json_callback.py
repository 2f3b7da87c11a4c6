"""v3's callbacks: JSON, signed by WeChat Pay, with an encrypted resource.

The signature is checked over the raw bytes before anything in them is read.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012071382
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.errors import (
    DecodeError,
    Reason,
    UnverifiedError,
    WebhookBodyError,
    WebhookHeaderError,
    WebhookKeyError,
)
from wechatpay_chain.protocol import document, signature
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.webhooks import refusals, resource
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.request import Received

__all__ = ["Reader", "Signed", "not_configured"]


@dataclass(frozen=True, repr=False)
class Signed:
    """What a callback's headers say of it; only their form and the clock are checked."""

    claim: signature.Signed
    is_probe: bool


class Reader:
    """Verifies and opens callbacks with one merchant's keys."""

    def __init__(self, apiv3_key: Sensitive[Any], private_key: Sensitive[Any], scheme: Scheme):
        self._opener = resource.Opener(apiv3_key)
        self._fields = resource.SealedFields(private_key)
        self._scheme = scheme

    @without_frames
    def read_headers(self, headers: Received, now: float) -> Signed:
        """Return what the signature headers say.

        Raises:
            WebhookHeaderError: they are not exactly as they must be.
            WebhookClockError: the timestamp is too far from `now`.
        """
        is_probe = signature.is_probe(headers)
        if headers.malformed:
            raise WebhookHeaderError(
                f"{headers.malformed.title()} holds something else than visible ASCII characters",
                reason=Reason.MALFORMED_HEADER,
                is_probe=is_probe,
            )
        try:
            return Signed(signature.read(headers, now, self._scheme), is_probe)
        except UnverifiedError as error:
            raise refusals.of(error, is_probe=is_probe) from None

    @without_frames
    def read(self, signed: Signed, key: RSAPublicKey | None, body: bytes) -> Event[Any]:
        """Return the event of a callback, given the key that its serial names.

        Raises:
            WebhookError: it is not genuine, or cannot be read or opened.
        """
        try:
            signature.check(signed.claim, lambda serial: key, body)
        except UnverifiedError as error:
            raise refusals.of(error, is_probe=signed.is_probe) from None
        envelope = _object(body, "the body")
        sealed = envelope.get("resource")
        if not isinstance(sealed, Mapping):
            raise _malformed("resource", "no object")
        kind = _text(envelope, "event_type", needed=True)
        opened = self._opener.open(
            resource.Sealed(
                algorithm=_text(sealed, "algorithm", "resource."),
                ciphertext=_text(sealed, "ciphertext", "resource.", needed=True),
                nonce=_text(sealed, "nonce", "resource."),
                associated_data=_text(sealed, "associated_data", "resource."),
                where="resource",
            )
        )
        fields, still = self._fields.open(kind, opened)
        return Event(
            id=_text(envelope, "id", needed=True),
            type=kind,
            summary=_text(envelope, "summary"),
            create_time=_text(envelope, "create_time"),
            resource_type=_text(envelope, "resource_type"),
            original_type=_text(sealed, "original_type", "resource."),
            resource=fields,
            serial=signed.claim.serial,
            sealed=still,
        )


def not_configured() -> WebhookKeyError:
    """Return the error for a receiver without any platform key."""
    return WebhookKeyError(
        "no platform key is configured, so no v3 callback can be verified: give keys to Webhooks",
        reason=Reason.NOT_CONFIGURED,
    )


def _object(body: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = document.loads(body)
    except DecodeError as error:
        raise WebhookBodyError(str(error), reason=Reason.MALFORMED_BODY) from None
    if not isinstance(value, dict):
        raise WebhookBodyError(f"{where} is no JSON object", reason=Reason.MALFORMED_BODY)
    return value


def _text(fields: Mapping[str, Any], name: str, where: str = "", *, needed: bool = False) -> str:
    """Return a text that may be absent, or null, unless it is needed."""
    value = fields.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise _malformed(where + name, "missing or no text")
    return value


def _malformed(name: str, what: str) -> WebhookBodyError:
    return WebhookBodyError(f"{name} is {what}", reason=Reason.MALFORMED_BODY)
