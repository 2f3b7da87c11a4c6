"""Refunds of the v2 protocol (申请退款, 查询退款), kept with those of v3."""

from __future__ import annotations

from datetime import datetime

from wechatpay_chain.sandbox import refunds
from wechatpay_chain.sandbox.ledger import Refund
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.xml_answers import BusinessFailure
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply

__all__ = ["query", "refund"]

# Refunds that one query describes at most; `offset` says from which on.
_PAGE = 10


def refund(call: XmlCall) -> XmlReply:
    """Give a part or all of a paid order back (申请退款); repeated, it is the same refund."""
    amount = {
        "refund": call.fen("refund_fee"),
        "total": call.fen("total_fee"),
        "currency": call.text("refund_fee_type") or "CNY",
    }
    asked: JsonObject = {"out_refund_no": call.text("out_refund_no"), "amount": amount}
    for name in ("transaction_id", "out_trade_no"):
        if call.text(name):
            asked[name] = call.text(name)
    made = call.through(refunds.refund, asked)
    return XmlReply(
        {
            "result_code": "SUCCESS",
            "transaction_id": made["transaction_id"],
            "out_trade_no": made["out_trade_no"],
            "out_refund_no": made["out_refund_no"],
            "refund_id": made["refund_id"],
            "refund_fee": str(made["amount"]["refund"]),
            "total_fee": str(made["amount"]["total"]),
            "cash_fee": str(made["amount"]["total"]),
            "cash_refund_fee": str(made["amount"]["refund"]),
        }
    )


def query(call: XmlCall) -> XmlReply:
    """Answer what became of the refunds that a number names (查询退款); asking settles them."""
    found = [refund for refund in call.ledger.refunds.values() if _is_asked_for(call, refund)]
    if not found:
        raise BusinessFailure("REFUNDNOTEXIST", "There is no such refund")
    offset = call.text("offset") or "0"
    if not (offset.isascii() and offset.isdigit() and len(offset) < 6):
        raise BusinessFailure("PARAM_ERROR", "offset is not a number")
    page = found[int(offset) : int(offset) + _PAGE]
    order = found[0].order
    fields = {
        "result_code": "SUCCESS",
        "transaction_id": str(order.transaction_id),
        "out_trade_no": str(order.asked["out_trade_no"]),
        "total_fee": str(order.total),
        "cash_fee": str(order.total),
        "total_refund_count": str(len(found)),
        "refund_count": str(len(page)),
    }
    for number, one in enumerate(page):
        numbers = {"out_refund_no": one.answer["out_refund_no"]}
        settled = call.through(refunds.query, {}, numbers)
        fields |= {f"{name}_{number}": text for name, text in _description(settled).items()}
    return XmlReply(fields)


def _is_asked_for(call: XmlCall, refund: Refund) -> bool:
    """Tell whether the most precise number that was given names this refund."""
    given = ("refund_id", "out_refund_no", "transaction_id", "out_trade_no")
    name = next(name for name in given if call.text(name))
    return bool(refund.answer[name] == call.text(name))


def _description(refund: JsonObject) -> dict[str, str]:
    succeeded = datetime.fromisoformat(refund["success_time"])
    return {
        "out_refund_no": refund["out_refund_no"],
        "refund_id": refund["refund_id"],
        "refund_channel": "ORIGINAL",
        "refund_fee": str(refund["amount"]["refund"]),
        "refund_status": refund["status"],
        "refund_recv_accout": refund["user_received_account"],
        "refund_success_time": succeeded.strftime("%Y-%m-%d %H:%M:%S"),
    }
