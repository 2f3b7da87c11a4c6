"""v2's notifications: XML with a sign over its fields, or, for refunds, without any.

The algorithm of the sign is the receiver's to know. A notification that could choose it would
choose the weaker one.

Sources: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_7 (payments),
    https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16 (refunds)
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping
from typing import Any

from wechatpay_chain.errors import (
    DecodeError,
    Reason,
    WebhookBodyError,
    WebhookDecryptError,
    WebhookKeyError,
    WebhookSignatureError,
)
from wechatpay_chain.protocol import aes, formatter, transformer
from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.webhooks import kinds, resource
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.reply import V2

__all__ = ["Reader"]

OWNERS = ("mch_id", "combine_mch_id")
"""The fields that name the merchant; the first that is there counts."""

SIGN_TYPES = ("sign_type", "algorithm")
"""The fields by which a notification says how it is signed; they are compared, not followed."""

_PAIR = re.compile("&([a-z_]+)=")

_TAKEN_OUT = ("sign", "req_info", "event_ciphertext")


class Reader:
    """Verifies and opens notifications with one merchant's keys."""

    def __init__(
        self,
        secret: Sensitive[Any],
        apiv3_key: Sensitive[Any],
        sign_type: str,
        mchid: str | None,
    ) -> None:
        self._secret = secret
        self._opener = resource.Opener(apiv3_key, V2)
        self._sign_type = sign_type
        self._mchid = mchid

    @without_frames
    def read(self, body: bytes) -> Event[Any]:
        """Return the event of a notification.

        Raises:
            WebhookError: it is not genuine, or cannot be read or opened.
        """
        if self._secret.reveal() is None:
            raise WebhookKeyError(
                "an XML notification cannot be verified, because no APIv2密钥 is configured: give "
                "secret to Webhooks",
                reason=Reason.NOT_CONFIGURED,
                protocol=V2,
            )
        fields = _flat(body)
        # First, because another merchant's has another merchant's sign.
        self._check_owner(fields)
        if fields.get("req_info"):
            return self._refund(fields)
        kind = kinds.of(fields)
        self._check_sign(fields, kinds.sign_type(kind, fields) or self._sign_type)
        return self._event(kind, fields)

    def __repr__(self) -> str:
        return "<Reader>"

    def _event(self, kind: str, fields: Mapping[str, Any]) -> Event[Any]:
        opened = {name: value for name, value in fields.items() if name not in _TAKEN_OUT}
        if fields.get("event_ciphertext"):
            opened |= self._opener.open(
                resource.Sealed(
                    algorithm=fields.get("event_algorithm", ""),
                    ciphertext=fields["event_ciphertext"],
                    nonce=fields.get("event_nonce", ""),
                    associated_data=fields.get("event_associated_data", ""),
                    where="event_ciphertext",
                )
            )
        return Event(
            id=fields.get("event_id") or _digest(fields),
            type=kind,
            create_time=fields.get("event_create_time", ""),
            resource=opened,
            protocol=V2,
        )

    def _refund(self, fields: Mapping[str, Any]) -> Event[Any]:
        """Return the event of a refund notification; only what was encrypted is believed."""
        if fields.get("sign"):
            self._check_sign(fields, self._sign_type)
        opened = self._open_refund(fields["req_info"])
        around = {name: fields[name] for name in kinds.AROUND_REFUND if name in fields}
        return Event(
            # Of what was encrypted alone: whoever changed the rest would have another id.
            id=_digest(opened),
            type=kinds.REFUND,
            resource=around | opened,
            protocol=V2,
            verified=bool(fields.get("sign")),
        )

    def _open_refund(self, sealed: str) -> dict[str, Any]:
        key = hashes.md5(self._secret.reveal()).encode()
        try:
            fields = _flat(aes.ecb_decrypt(sealed, key))
            if all(fields.get(name) for name in kinds.OF_REFUND):
                return fields
        except (ValueError, WebhookBodyError):
            pass
        # One error for all: which it was would help whoever is guessing.
        raise WebhookDecryptError(
            "req_info does not open with this APIv2密钥", reason=Reason.NOT_OPENED, protocol=V2
        )

    def _check_sign(self, fields: Mapping[str, Any], sign_type: str) -> None:
        for name in SIGN_TYPES:
            if fields.get(name, sign_type) not in ("", sign_type):
                raise WebhookSignatureError(
                    f"its {name} is not the configured {sign_type}: give the sign_type of the "
                    "orders to Webhooks, if that is another",
                    reason=Reason.WRONG_SIGN_TYPE,
                    protocol=V2,
                )
        given = fields.get("sign")
        if not given:
            raise WebhookSignatureError("it has no sign", reason=Reason.MISSING_SIGN, protocol=V2)
        text = formatter.query_string_like(formatter.ksort(fields))
        wanted = hashes.sign(sign_type, text, self._secret.reveal())
        if wanted is None or not hashes.equals(wanted, given):
            raise WebhookSignatureError(
                "its sign does not match", reason=Reason.BAD_SIGNATURE, protocol=V2
            )
        _check_bounds(fields)

    def _check_owner(self, fields: Mapping[str, Any]) -> None:
        """Refuse another merchant's; a service provider's has its own number, too."""
        owner = next((fields[name] for name in OWNERS if fields.get(name)), None)
        if self._mchid is None or owner == self._mchid:
            return
        if owner is None:
            raise _malformed("it names no merchant: mch_id is missing")
        raise WebhookBodyError(
            f"it names another merchant than the configured {self._mchid}",
            reason=Reason.FOREIGN_MERCHANT,
            protocol=V2,
        )


def _flat(body: bytes) -> dict[str, Any]:
    """Return the fields of a notification, all texts, none of which is there twice."""
    try:
        fields = transformer.to_array(body)
    except DecodeError as error:
        raise _malformed(str(error)) from None
    for name, value in fields.items():
        if not isinstance(value, str):
            what = f"there {len(value)} times" if isinstance(value, list) else "no text"
            raise _malformed(f"{one_line(name)} is {what}")
    return fields


def _check_bounds(fields: Mapping[str, Any]) -> None:
    """Want no field to be hidden in the one before it.

    The sign covers all in one text, in which ``total_fee=1&trade_state=PAY_FAIL`` are two fields
    or one. A query string in ``attach`` has nothing to fear: its names would have to be
    documented, and to stand between ``attach`` and the next field.
    """
    names = [name for name in sorted(fields) if fields[name] and name != "sign"]
    for name, following in itertools.pairwise([*names, "\uffff"]):
        for hidden in _PAIR.findall(fields[name]):
            if name < hidden < following and hidden in kinds.documented():
                raise _malformed(f"{hidden} is hidden in {one_line(name)}")


def _malformed(message: str) -> WebhookBodyError:
    return WebhookBodyError(message, reason=Reason.MALFORMED_BODY, protocol=V2)


def _digest(fields: Mapping[str, Any]) -> str:
    """Return an id that is the same each time a notification is sent.

    Of the text that the sign covers: an empty field, which it leaves out, or bounds between
    fields that were moved, which it does not see, would give a replay an id of its own.
    """
    lasting = {name: fields[name] for name in fields if name != "nonce_str"}
    text = formatter.query_string_like(formatter.ksort(lasting))
    return f"v2-{hashlib.sha256(text.encode()).hexdigest()}"
