"""Refunds (退款) of paid orders: ask for one, query one."""

from __future__ import annotations

from wechatpay_chain.sandbox.ledger import Call, Order, Refund, Reply
from wechatpay_chain.sandbox.orders import by_transaction_id
from wechatpay_chain.sandbox.records import JsonObject, Refusal

__all__ = ["query", "refund"]


def refund(call: Call) -> Reply:
    """Give a part or all of a paid order back (申请退款).

    The same number with the same order and amount is the same refund, which is
    how a client repeats after an unknown outcome.
    """
    call.want_texts("out_refund_no")
    asked = call.document
    amount = asked["amount"]
    for name in ("refund", "total"):
        if type(amount[name]) is not int or amount[name] < 1:
            issue = "it is not a positive number of fen"
            raise _wrong("PARAM_ERROR", f"/amount/{name}", issue)
    order = _order(call)
    known = call.ledger.refunds.get(asked["out_refund_no"])
    if known is not None:
        if known.order is not order or _sums(known.asked) != _sums(asked):
            issue = "the out_refund_no was used for another refund"
            raise _wrong("INVALID_REQUEST", "/out_refund_no", issue)
        return Reply(known.answer)
    if order.transaction_id is None:
        raise Refusal(403, "TRADE_ERROR", "The order is not paid, so there is nothing to refund")
    if amount["total"] != order.total or amount["currency"] != "CNY":
        raise _wrong("INVALID_REQUEST", "/amount/total", "it is not the amount of the order")
    refunded = sum(r.amount for r in call.ledger.refunds.values() if r.order is order)
    if refunded + amount["refund"] > order.total:
        raise _wrong("INVALID_REQUEST", "/amount/refund", "more than is left of the order")
    order.trade_state = "REFUND"
    made = Refund(order, asked, _answer(call, order))
    call.ledger.refunds[asked["out_refund_no"]] = made
    return Reply(made.answer)


def query(call: Call) -> Reply:
    """Answer what became of a refund (查询单笔退款); asking settles it."""
    known = call.ledger.refunds.get(call.variables["out_refund_no"])
    if known is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such refund")
    known.answer = {"success_time": call.time, **known.answer, "status": "SUCCESS"}
    return Reply(known.answer)


def _order(call: Call) -> Order:
    asked, ledger = call.document, call.ledger
    number, transaction_id = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not transaction_id:
        issue = "neither it nor transaction_id is there"
        raise _wrong("PARAM_ERROR", "/out_trade_no", issue)
    if transaction_id:
        order = by_transaction_id(ledger, transaction_id)
    else:
        order = ledger.orders.get(str(number))
    if order is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such order")
    if number and order.asked["out_trade_no"] != number:
        issue = "it and transaction_id name different orders"
        raise _wrong("INVALID_REQUEST", "/out_trade_no", issue)
    return order


def _sums(asked: JsonObject) -> tuple[object, ...]:
    amount = asked["amount"]
    return amount["refund"], amount["total"], amount["currency"]


def _answer(call: Call, order: Order) -> JsonObject:
    asked = call.document
    sums, given = asked["amount"], asked["amount"]["refund"]
    return {
        "refund_id": call.ledger.number("5030", call.now),
        "out_refund_no": asked["out_refund_no"],
        "transaction_id": order.transaction_id,
        "out_trade_no": order.asked["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": call.time,
        "status": "PROCESSING",
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order.total,
            "refund": given,
            **({"from": sums["from"]} if "from" in sums else {}),
            "payer_total": order.total,
            "payer_refund": given,
            "settlement_refund": given,
            "settlement_total": order.total,
            "discount_refund": 0,
            "currency": "CNY",
        },
    }


def _wrong(code: str, field: str, issue: str) -> Refusal:
    message = "The refund cannot be made as asked"
    return Refusal(400, code, message, field=field, issue=issue, location="body")
