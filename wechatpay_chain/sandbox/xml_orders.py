"""Orders of the v2 protocol (统一下单, 付款码支付, 查询订单, 关闭订单), kept with those of v3."""

from __future__ import annotations

import re
from datetime import datetime

from wechatpay_chain.sandbox import orders
from wechatpay_chain.sandbox.ledger import Call, Order, Reply
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.xml_answers import BusinessFailure
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply

__all__ = ["close", "create", "describe", "find", "micropay", "paid_at", "query"]

# Trade type → the field that it needs besides, and the one of the answer made from prepay_id.
_TRADE_TYPES: dict[str, tuple[str | None, str | None, str]] = {
    "NATIVE": ("product_id", "code_url", "weixin://wxpay/bizpayurl?pr={0}"),
    "JSAPI": ("openid", None, ""),
    "APP": (None, None, ""),
    "MWEB": (
        "scene_info",
        "mweb_url",
        "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={0}",
    ),
}

_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,32}")
# A payment code (付款码) begins with 10 to 15 and has 18 digits.
_AUTH_CODE = re.compile(r"1[0-5][0-9]{16}")

# What has a v2 name differs from v3's; everything else is kept under `xml`.
_TRANSLATED = {"body": "description", "attach": "attach", "notify_url": "notify_url"}
# What a query tells, and a payment does not: it has succeeded.
_STATE = ("trade_state", "trade_state_desc")
_LEFT_OUT = ("sign", "sign_type", "nonce_str")


def create(call: XmlCall) -> XmlReply:
    """Create an order (统一下单); the same once more is the same order."""
    trade_type = call.text("trade_type")
    if trade_type not in _TRADE_TYPES:
        known = ", ".join(_TRADE_TYPES)
        raise BusinessFailure("PARAM_ERROR", f"trade_type is none of {known}")
    wanted, name, template = _TRADE_TYPES[trade_type]
    if wanted is not None and not call.text(wanted):
        raise BusinessFailure("PARAM_ERROR", f"{wanted} is required with {trade_type}")
    order = _place(call, trade_type)
    answer = {"trade_type": trade_type, "prepay_id": order.prepay_id}
    return _success(answer if name is None else {**answer, name: template.format(order.prepay_id)})


def micropay(call: XmlCall) -> XmlReply:
    """Take the money of the payer whose payment code was scanned (付款码支付), at once."""
    if not _AUTH_CODE.fullmatch(call.text("auth_code")):
        raise BusinessFailure("AUTH_CODE_INVALID", "auth_code is no payment code")
    order = _place(call, "MICROPAY")
    orders.pay(call.ledger, call.text("out_trade_no"), call.now)
    said = describe(order)
    return _success({name: text for name, text in said.items() if name not in _STATE})


def query(call: XmlCall) -> XmlReply:
    """Answer what became of an order, by either number (查询订单)."""
    return _success(describe(find(call)))


def close(call: XmlCall) -> XmlReply:
    """Close an unpaid order (关闭订单); v2 refuses to close it again."""
    if find(call).trade_state == "CLOSED":
        raise BusinessFailure("ORDERCLOSED", "The order is closed")
    numbers = {"out_trade_no": call.text("out_trade_no")}
    call.through(orders.close, {"mchid": call.merchant.mchid}, numbers)
    return _success({"result_msg": "OK"})


def find(call: XmlCall) -> Order:
    """Return the order that transaction_id or out_trade_no names; the former counts."""
    transaction_id = call.text("transaction_id")
    if transaction_id:
        order = orders.by_transaction_id(call.ledger, transaction_id)
    else:
        order = call.ledger.orders.get(call.text("out_trade_no"))
    if order is None:
        raise BusinessFailure("ORDERNOTEXIST", "There is no such order")
    return order


def paid_at(order: Order) -> datetime:
    """Return when an order was paid, in Chinese time."""
    return datetime.fromisoformat(order.success_time or "")


def _place(call: XmlCall, trade_type: str) -> Order:
    if not _OUT_TRADE_NO.fullmatch(call.text("out_trade_no")):
        raise BusinessFailure("PARAM_ERROR", "out_trade_no is not 1 to 32 letters, digits or _-|*@")
    asked = _translate(call)

    def place(v3: Call) -> Reply:
        orders.place(v3, trade_type)
        return Reply(None)

    call.through(place, asked)
    return call.ledger.orders[call.text("out_trade_no")]


def _translate(call: XmlCall) -> JsonObject:
    """Return the order as v3 would have asked for it, so that either protocol can query it."""
    payer = {"payer": {"openid": call.text("openid")}} if call.text("openid") else {}
    return {
        "appid": call.text("appid"),
        "mchid": call.merchant.mchid,
        "out_trade_no": call.text("out_trade_no"),
        "amount": {"total": call.fen("total_fee"), "currency": "CNY"},
        **{there: call.text(here) for here, there in _TRANSLATED.items() if call.text(here)},
        **payer,
        "xml": {name: text for name, text in call.fields.items() if name not in _LEFT_OUT},
    }


def describe(order: Order) -> dict[str, str]:
    """Return an order as a query and a callback tell of it."""
    description = {
        "out_trade_no": str(order.asked["out_trade_no"]),
        "total_fee": str(order.total),
        "trade_state": order.trade_state,
        "trade_state_desc": orders.STATE_TEXTS[order.trade_state],
        "trade_type": order.trade_type,
        "attach": str(order.asked.get("attach", "")),
    }
    if order.transaction_id is not None:
        description |= {
            "openid": order.openid or "",
            "is_subscribe": "N",
            "bank_type": "OTHERS",
            "fee_type": "CNY",
            "cash_fee": str(order.total),
            "transaction_id": order.transaction_id,
            "time_end": paid_at(order).strftime("%Y%m%d%H%M%S"),
        }
    return {name: text for name, text in description.items() if text}


def _success(fields: dict[str, str]) -> XmlReply:
    return XmlReply({"result_code": "SUCCESS", **fields})
