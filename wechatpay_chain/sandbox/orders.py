"""Orders (订单): create, query, close; and the payer's part, which is to pay."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wechatpay_chain.sandbox.ledger import Call, Ledger, Order, Reply, rfc3339
from wechatpay_chain.sandbox.records import JsonObject, Refusal

__all__ = [
    "STATE_TEXTS",
    "by_transaction_id",
    "close",
    "create",
    "describe",
    "pay",
    "place",
    "query",
    "query_by_transaction_id",
]

# Trade type → the one field of the answer to its creation, made from the prepay_id.
_INVITATIONS: dict[str, tuple[str, str]] = {
    "NATIVE": ("code_url", "weixin://wxpay/bizpayurl?pr={0}"),
    "JSAPI": ("prepay_id", "{0}"),
    "APP": ("prepay_id", "{0}"),
    "MWEB": ("h5_url", "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={0}"),
}

# State of an order → why it cannot be created once more.
_ENDED: dict[str, tuple[str, str]] = {
    "SUCCESS": ("ORDERPAID", "The order is paid already"),
    "REFUND": ("ORDERPAID", "The order is paid already"),
    "CLOSED": ("ORDER_CLOSED", "The order is closed"),
}

STATE_TEXTS = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "CLOSED": "订单已关闭",
    "REFUND": "订单发生过退款",
}

# Fields of the creation that a query gives back as they were.
_REMEMBERED = (
    "appid",
    "mchid",
    "description",
    "attach",
    "out_trade_no",
    "time_expire",
    "notify_url",
    "goods_tag",
    "limit_pay",
    "support_fapiao",
    "detail",
    "scene_info",
)

_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_PAYER = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


def create(trade_type: str) -> Callable[[Call], Reply]:
    """Return the operation that creates orders of `trade_type` (下单)."""

    def create_order(call: Call) -> Reply:
        call.want_own_mchid()
        _check(call.document)
        order = place(call, trade_type)
        name, template = _INVITATIONS[trade_type]
        return Reply({name: template.format(order.prepay_id)})

    return create_order


def place(call: Call, trade_type: str) -> Order:
    """Return the order that is asked for: a new one, or the same if it was asked for before."""
    asked = call.document
    order = call.ledger.orders.get(asked["out_trade_no"])
    if order is None:
        prepay_id = call.ledger.number("wx", call.now, width=36)
        order = call.ledger.orders[asked["out_trade_no"]] = Order(trade_type, asked, prepay_id)
    elif order.trade_state in _ENDED:
        raise Refusal(400, *_ENDED[order.trade_state])
    elif (order.trade_type, order.asked) != (trade_type, asked):
        raise Refusal(403, "OUT_TRADE_NO_USED", "The out_trade_no was used with other parameters")
    return order


def query(call: Call) -> Reply:
    """Answer what became of an order, by the merchant's number (商户订单号查询)."""
    call.want_own_mchid()
    return Reply(describe(_find(call)))


def query_by_transaction_id(call: Call) -> Reply:
    """Answer what became of an order, by WeChat Pay's number (微信支付订单号查询)."""
    call.want_own_mchid()
    order = by_transaction_id(call.ledger, call.variables["transaction_id"])
    if order is None:
        raise Refusal(404, "ORDER_NOT_EXIST", "There is no such order")
    return Reply(describe(order))


def close(call: Call) -> Reply:
    """Close an unpaid order (关单); closing it again changes nothing."""
    call.want_own_mchid()
    order = _find(call)
    if order.transaction_id is not None:
        raise Refusal(400, *_ENDED["SUCCESS"])
    order.trade_state = "CLOSED"
    return Reply(None)


def pay(ledger: Ledger, out_trade_no: str, now: float, openid: str | None = None) -> Order:
    """Play the payer: pay the order, as nobody but a payer can do on the real gateway."""
    with ledger.lock:
        order = ledger.orders.get(out_trade_no)
        if order is None:
            raise LookupError(f"no order was created with out_trade_no {out_trade_no!r}")
        if order.trade_state != "NOTPAY":
            raise ValueError(f"the order {out_trade_no!r} is {order.trade_state}, not NOTPAY")
        order.trade_state = "SUCCESS"
        order.transaction_id = ledger.number("4200", now)
        order.success_time = rfc3339(now)
        order.openid = openid or order.asked.get("payer", {}).get("openid") or _PAYER
        return order


def by_transaction_id(ledger: Ledger, transaction_id: str) -> Order | None:
    """Return the paid order of that number, if there is one."""
    return next((o for o in ledger.orders.values() if o.transaction_id == transaction_id), None)


def _find(call: Call) -> Order:
    order = call.ledger.orders.get(call.variables["out_trade_no"])
    if order is None:
        raise Refusal(404, "ORDER_NOT_EXIST", "There is no such order")
    return order


def _check(asked: JsonObject) -> None:
    """Check the values that the catalogue says nothing about: numbers and amounts."""
    number, amount = asked["out_trade_no"], asked["amount"]
    if not isinstance(number, str) or not _OUT_TRADE_NO.fullmatch(number):
        raise _wrong("/out_trade_no", "it is not 6 to 32 letters, digits or _-|*")
    if type(amount["total"]) is not int or amount["total"] < 1:
        raise _wrong("/amount/total", "it is not a positive number of fen")
    if amount.get("currency", "CNY") != "CNY":
        raise _wrong("/amount/currency", "it is not CNY")


def _wrong(field: str, issue: str) -> Refusal:
    message = "A parameter of the request is wrong"
    return Refusal(400, "PARAM_ERROR", message, field=field, issue=issue, location="body")


def describe(order: Order) -> JsonObject:
    """Return an order as a query and a callback tell of it."""
    asked = order.asked
    amount: JsonObject = {"total": order.total, "currency": "CNY"}
    description: dict[str, Any] = {
        **{name: asked[name] for name in _REMEMBERED if name in asked},
        "amount": amount,
        "trade_type": order.trade_type,
        "trade_state": order.trade_state,
        "trade_state_desc": STATE_TEXTS[order.trade_state],
    }
    if order.transaction_id is not None:
        amount |= {"payer_total": order.total, "payer_currency": "CNY"}
        description |= {
            "transaction_id": order.transaction_id,
            "success_time": order.success_time,
            "bank_type": "OTHERS",
            "payer": {"openid": order.openid},
        }
    return description
