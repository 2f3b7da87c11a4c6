"""Callbacks of v2 (支付结果通知, 退款结果通知, 支付分): XML with a sign, or with a part encrypted.

Sources: https://pay.weixin.qq.com/doc/v2/merchant/4011985891 (支付结果通知),
https://pay.weixin.qq.com/doc/v2/merchant/4011985917 (退款结果通知)
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.sandbox.answers import json_bytes
from wechatpay_chain.sandbox.identity import Merchant
from wechatpay_chain.sandbox.signing import seal
from wechatpay_chain.sandbox.xml_document import write_xml
from wechatpay_chain.sandbox.xml_signing import seal_refund, xml_sign

__all__ = ["REFUND_CIPHER", "XmlDraft", "fresh", "written"]

REFUND_CIPHER = "req_info"
"""The field that is encrypted under the merchant's secret; any other is under the APIv3 key."""

_NONCE_SIZE = 12


@dataclass(frozen=True)
class XmlDraft:
    """A callback before it is signed: its fields, those that will be encrypted, and its keys.

    With a `body` that one is sent.
    """

    event: EventFacts
    merchant: Merchant
    id: str
    fields: Mapping[str, str] = field(repr=False)
    inside: Mapping[str, str] = field(repr=False)
    sign_type: str
    secret: str = field(repr=False)
    refund_secret: str = field(repr=False)
    apiv3_key: str = field(repr=False)
    nonce: str = ""
    event_nonce: str = ""
    body: bytes | None = field(repr=False, default=None)

    @property
    def protocol(self) -> str:
        return "v2"


def fresh(draft: XmlDraft, now: float) -> XmlDraft:
    """Return the same callback for one more delivery: its nonces are new."""
    return replace(
        draft, nonce=secrets.token_hex(16), event_nonce=secrets.token_hex(_NONCE_SIZE // 2)
    )


def written(draft: XmlDraft) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Return the headers and the body, with a sign where the event has one."""
    headers = (
        ("Content-Type", "text/xml; charset=UTF-8"),
        ("Request-ID", secrets.token_hex(16).upper()),
    )
    return headers, write_xml(_fields(draft)) if draft.body is None else draft.body


def _fields(draft: XmlDraft) -> dict[str, str]:
    """Return all fields in the order in which they are documented, the sign last."""
    has = {one.name for one in draft.event.envelope}
    fields = dict(draft.fields)
    if "nonce_str" in has:
        fields["nonce_str"] = draft.nonce
    cipher = draft.event.cipher
    if cipher == REFUND_CIPHER:
        inside = write_xml(draft.inside).removeprefix(b"<xml>").removesuffix(b"</xml>")
        fields[cipher] = seal_refund(draft.refund_secret, b"<root>" + inside + b"</root>")
    elif cipher is not None:
        fields["event_nonce"] = draft.event_nonce
        fields[cipher] = seal(
            draft.apiv3_key,
            draft.event_nonce,
            fields.get("event_associated_data", ""),
            json_bytes(draft.inside).decode(),
        )
    if draft.event.is_signed:
        fields["sign"] = xml_sign(fields, draft.secret, draft.sign_type)
    return fields
