"""Fields of the XML protocol of which one is wanted (二选一, 四选一).

The catalogue calls each of them required.
"""

from __future__ import annotations

__all__ = ["ALTERNATIVES"]

_ORDER = ("transaction_id", "out_trade_no")
_REFUND = ("transaction_id", "out_trade_no", "out_refund_no", "refund_id")

ALTERNATIVES: dict[str, tuple[str, ...]] = {
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
"""The names of such fields, by the operation's path."""
