"""Facts of events: which v2 notification is which, how it is signed, what is encrypted.

v2's notifications have no type, so their fields tell. They are named as in the catalogue. One
that says FAIL, or whose trade failed, ends in ``-failed``, so that it never reaches a handler of
payments that succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from wechatpay_chain.catalogue import FieldPath, events
from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.webhooks.reply import V2, V3

__all__ = [
    "AROUND_REFUND",
    "OF_REFUND",
    "REFUND",
    "UNKNOWN",
    "documented",
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

# The first whose fields are all there.
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("combined-transactions-success", ("combine_mch_id", "combine_out_trade_no")),
    ("pap-contract-state-changed", ("contract_id", "change_type", "plan_id")),
    ("vehicle-state-changed-for-parking", ("plate_number", "vehicle_event_createtime")),
    ("transactions-risk-occurred", ("event_code", "risk_level")),
    # An answer to a refund is signed with the same secret, and is no payment.
    (UNKNOWN, ("refund_id",)),
    ("transaction-success", ("transaction_id", "out_trade_no")),
)
_SUCCESS, _FAILED = "-success", "-failed"
_RESULTS = ("return_code", "result_code")


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
    if fields.get("event_ciphertext"):
        # All of pay score's, also those of tomorrow.
        return hashes.HMAC_SHA256
    facts = events.find(kind, V2)
    return facts.sign_types[0] if facts is not None and len(facts.sign_types) == 1 else None


def protocol_of(kind: str) -> str | None:
    """Return the protocol that a type's name alone stands for; None for both.

    A handler of v3's events must not get what only shares their name.
    """
    facts = events.find(kind)
    return None if facts is None else facts.protocol


@cache
def documented() -> frozenset[str]:
    """Return the names of all fields that v2 notifications are documented to arrive with."""
    return frozenset(field.name for facts in events.events(V2) for field in facts.envelope)


def encrypted(kind: str) -> tuple[FieldPath, ...]:
    """Return the paths, in a v3 resource, of what is encrypted for the merchant."""
    facts = events.find(kind, V3)
    return () if facts is None else facts.encrypted
