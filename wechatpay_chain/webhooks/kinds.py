"""Which v2 notification is which: they have no type, so their fields tell.

Payments and the like are named as in the catalogue. One that says FAIL, or whose trade failed,
ends in ``-failed``, so that it never reaches a handler of payments that succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.protocol import hash as hashes

__all__ = ["OF_REFUND", "REFUND", "UNKNOWN", "of", "sign_type"]

REFUND = "refund-processed"
OF_REFUND = ("out_refund_no", "refund_id", "refund_status")
"""Fields that every refund notification has."""

UNKNOWN = "unknown"

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
_RESULTS = ("return_code", "result_code", "trade_state")


def of(fields: Mapping[str, Any]) -> str:
    """Return the type of a notification."""
    if fields.get("event_ciphertext"):
        return str(fields.get("event_type") or UNKNOWN)
    for kind, names in _KINDS:
        if all(fields.get(name) for name in names):
            failed = any(fields.get(name, "SUCCESS") != "SUCCESS" for name in _RESULTS)
            return kind.removesuffix(_SUCCESS) + _FAILED if failed else kind
    return UNKNOWN


def sign_type(kind: str, fields: Mapping[str, Any]) -> str | None:
    """Return the algorithm by which a type is signed always; None if the orders decide."""
    if fields.get("event_ciphertext") or kind in _HMAC_ONLY:
        return hashes.HMAC_SHA256
    return None
