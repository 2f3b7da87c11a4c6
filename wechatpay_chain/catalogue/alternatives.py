"""Fields that are listed as required one by one, where one of them is enough (二选一, 四选一)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ALTERNATIVES"]

_ORDER = ("transaction_id", "out_trade_no")
_REFUND = (*_ORDER, "out_refund_no", "refund_id")

ALTERNATIVES: Mapping[str, tuple[str, ...]] = {
    "v2/cgi-bin/mch/customs/customdeclarequery": (*_ORDER, "sub_order_no", "sub_order_id"),
    "v2/deposit/consume": _ORDER,
    "v2/deposit/orderquery": _ORDER,
    "v2/deposit/refund": _ORDER,
    "v2/deposit/refundquery": _REFUND,
    "v2/pay/facepayquery": _ORDER,
    "v2/pay/orderquery": _ORDER,
    "v2/pay/paporderquery": _ORDER,
    "v2/pay/partner/paporderquery": _ORDER,
    "v2/pay/refundquery": _REFUND,
    "v2/pay/refundqueryv2": _REFUND,
    "v2/secapi/pay/refund": _ORDER,
    "v2/secapi/pay/refundv2": _ORDER,
}
"""By path: any one of these is wanted, and no single one is."""
