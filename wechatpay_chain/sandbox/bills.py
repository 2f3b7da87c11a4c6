"""Bills (对账单) of v2: one day's paid orders, or movements of funds, as text."""

from __future__ import annotations

import gzip
import re

from wechatpay_chain.sandbox.bill_texts import row, yuan
from wechatpay_chain.sandbox.ledger import Order
from wechatpay_chain.sandbox.xml_answers import FormFailure
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply
from wechatpay_chain.sandbox.xml_orders import paid_at

__all__ = ["download", "download_fund_flow"]

_BILL_TYPES = ("ALL", "SUCCESS")
_DATE = re.compile(r"[0-9]{8}")

_COLUMNS = (
    "交易时间,公众账号ID,商户号,微信订单号,商户订单号,"
    "用户标识,交易类型,交易状态,货币种类,应结订单金额"
)
_SUMMARY = "总交易单数,应结订单总金额"

_FLOW_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,收支类型,收支金额（元）,账户结余（元）"
)
_FLOW_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


def download(call: XmlCall) -> XmlReply:
    """Answer one day's bill (下载对账单) as text, or packed if tar_type is GZIP; never signed."""
    _check(call)
    if call.text("bill_type") not in ("", *_BILL_TYPES):
        raise FormFailure(f"bill_type: the sandbox has none but {', '.join(_BILL_TYPES)}")
    day = [
        order
        for order in call.ledger.orders.values()
        if order.success_time and paid_at(order).strftime("%Y%m%d") == call.text("bill_date")
    ]
    if not day:
        raise FormFailure("No Bill Exist")
    total = row([str(len(day)), yuan(sum(order.total for order in day))])
    rows = [_COLUMNS, *map(_describe, day), _SUMMARY, total]
    return _file(call, rows)


def download_fund_flow(call: XmlCall) -> XmlReply:
    """Answer one day's bill of funds (下载资金账单), on which the sandbox has no movements."""
    _check(call)
    return _file(call, [_FLOW_COLUMNS, _FLOW_SUMMARY, row(["0", "0", "0.00", "0", "0.00"])])


def _check(call: XmlCall) -> None:
    if not _DATE.fullmatch(call.text("bill_date")):
        raise FormFailure("bill_date: it is not a date such as 20260131")
    if call.text("tar_type") not in ("", "GZIP"):
        raise FormFailure("tar_type: it is not GZIP")


def _file(call: XmlCall, rows: list[str]) -> XmlReply:
    text = "".join(f"{line}\r\n" for line in rows).encode()
    if call.text("tar_type") == "GZIP":
        return XmlReply({}, gzip.compress(text), "application/x-gzip")
    return XmlReply({}, text)


def _describe(order: Order) -> str:
    return row(
        [
            paid_at(order).strftime("%Y-%m-%d %H:%M:%S"),
            str(order.asked["appid"]),
            str(order.asked["mchid"]),
            str(order.transaction_id),
            str(order.asked["out_trade_no"]),
            str(order.openid),
            order.trade_type,
            "SUCCESS",
            "CNY",
            yuan(order.total),
        ]
    )
