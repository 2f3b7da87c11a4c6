"""Facts of events: which v2 notification is which, how it is signed, what is encrypted.

v2's notifications have no type, so their fields tell. They are named as in the catalogue. One
that says FAIL, or whose trade failed, ends in ``-failed``, so that it never reaches a handler of
payments that succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.protocol.sensitive import Path
from wechatpay_chain.webhooks.reply import V2, V3

__all__ = [
    "AROUND_REFUND",
    "OF_REFUND",
    "REFUND",
    "UNKNOWN",
    "encrypted",
    "of",
    "protocol_of",
    "sign_type",
]

REFUND = "refund-processed"
OF_REFUND = ("out_refund_no", "refund_id", "refund_status")
"""Fields that every refund notification has inside."""

AROUND_REFUND = ("return_code", "return_msg", "appid", "mch_id", "sub_mch_id", "sub_appid")
"""Fields that it has around that, unencrypted; nothing else from there is taken."""

UNKNOWN = "unknown"
"""The type of a genuine v2 notification that the catalogue does not know."""

_HMAC_ONLY = frozenset({"transactions-risk-occurred", "vehicle-state-changed-for-parking"})

# The first whose fields are all there.
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("combined-transactions-success", ("combine_mch_id", "combine_out_trade_no")),
    ("pap-contract-state-changed", ("contract_id", "change_type", "plan_id")),
    ("vehicle-state-changed-for-parking", ("plate_number", "vehicle_event_createtime")),
    ("transactions-risk-occurred", ("event_code", "risk_level")),
    ("transaction-success", ("transaction_id", "out_trade_no")),
)
_SUCCESS, _FAILED = "-success", "-failed"
_RESULTS = ("return_code", "result_code")

_MEMBER: tuple[Path, ...] = (
    ("phone_number",),
    ("user_information", "common_field_list", "[]", "value"),
    ("user_information", "custom_field_list", "[]", "user_chosen_values", "[]"),
)
_ENCRYPTED: Mapping[str, tuple[Path, ...]] = {
    "BRAND_MEMBER_CARD_SP.USER_CARD.CREATE": _MEMBER,
    "BRAND_MEMBER_CARD_SP.USER_CARD.DELETE": _MEMBER,
    "MEMBERCARDSP.USER_CARD.CREATE": _MEMBER,
    "MEMBERCARDSP.USER_CARD.DELETE": _MEMBER,
    "MCHTRANSFER.QQWALLETBILL.FINISHED": (("user_name",),),
    "MEMBERCARD.ACCEPT_CARD": (("phone_number",),),
}


def of(fields: Mapping[str, Any]) -> str:
    """Return the type of a v2 notification."""
    if fields.get("event_ciphertext"):
        return str(fields.get("event_type") or UNKNOWN)
    for kind, names in _KINDS:
        if all(fields.get(name) for name in names):
            if kind.endswith(_SUCCESS) and not _succeeded(fields):
                return kind.removesuffix(_SUCCESS) + _FAILED
            return kind
    return UNKNOWN


def _succeeded(fields: Mapping[str, Any]) -> bool:
    """Tell whether a payment's notification says so in each of the places where it must."""
    said = [fields.get(name) for name in _RESULTS]
    return {*said, fields.get("trade_state") or "SUCCESS"} == {"SUCCESS"}


def sign_type(kind: str, fields: Mapping[str, Any]) -> str | None:
    """Return the algorithm by which a v2 type is signed always; None if the orders decide."""
    if fields.get("event_ciphertext") or kind in _HMAC_ONLY:
        return hashes.HMAC_SHA256
    return None


def protocol_of(kind: str) -> str | None:
    """Return the protocol that a type's name alone stands for; None for both."""
    if kind.endswith("*"):
        return None
    is_v2 = kind.startswith("CHECK.") or kind == kind.lower()
    return V2 if is_v2 else V3


def encrypted(kind: str) -> tuple[Path, ...]:
    """Return the paths, in a v3 resource, of what is encrypted for the merchant."""
    return _ENCRYPTED.get(kind, ())
