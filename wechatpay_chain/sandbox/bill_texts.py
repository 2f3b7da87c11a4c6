"""What stands in bills (账单): one day's payments and refunds of a ledger, as text.

Each value begins with a back-tick, which keeps spreadsheets from taking a number
for a number; heads have none.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012551932,
    https://pay.weixin.qq.com/doc/v3/merchant/4012551886
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from wechatpay_chain.sandbox.ledger import Ledger, Order, Refund

__all__ = ["FLOW_HEAD", "FLOW_TOTALS", "TRADE_HEAD", "TRADE_TOTALS", "fund_flow", "row", "trade",
           "yuan"]  # fmt: skip

TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FLOW_HEAD = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,"
    "资金变更提交申请人,备注,业务凭证号"
)
FLOW_TOTALS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

_NONE = "0.00"


@dataclass(frozen=True)
class _Event:
    """A payment or a refund, by its time."""

    time: datetime
    order: Order
    refund: Refund | None = None

    @property
    def fen(self) -> int:
        return self.order.total if self.refund is None else -self.refund.amount


def trade(ledger: Ledger, date: str, kind: str) -> str:
    """Return the bill of one day's trade, of kind ALL, SUCCESS or REFUND."""
    wanted = {"ALL": (True, False), "SUCCESS": (False,), "REFUND": (True,)}.get(kind, ())
    events = [
        event
        for event in _events(ledger)
        if _day(event) == date and (event.refund is not None) in wanted
    ]
    paid = sum(event.fen for event in events if event.refund is None)
    refunded = -sum(event.fen for event in events if event.refund is not None)
    sums = [yuan(paid), yuan(refunded), _NONE, "0.00000", yuan(paid), yuan(refunded)]
    totals = [str(len(events)), *sums]
    return _text([TRADE_HEAD, *map(_trade_row, events), TRADE_TOTALS, row(totals)])


def fund_flow(ledger: Ledger, date: str) -> str:
    """Return the bill of one day's movements of funds."""
    rows, balance, counts, sums = [FLOW_HEAD], 0, [0, 0], [0, 0]
    for number, event in enumerate(_events(ledger), 1):
        balance += event.fen
        if _day(event) == date:
            is_out = event.fen < 0
            counts[is_out] += 1
            sums[is_out] += abs(event.fen)
            rows.append(_flow_row(event, number, balance))
    totals = [str(sum(counts)), str(counts[0]), yuan(sums[0]), str(counts[1]), yuan(sums[1])]
    return _text([*rows, FLOW_TOTALS, row(totals)])


def row(values: Iterable[str]) -> str:
    """Write a row of values."""
    return ",".join(f"`{value}" for value in values)


def yuan(fen: int) -> str:
    """Write an amount as bills do."""
    return f"{'-' * (fen < 0)}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _events(ledger: Ledger) -> Iterator[_Event]:
    paid = [
        _Event(datetime.fromisoformat(order.success_time), order)
        for order in ledger.orders.values()
        if order.success_time
    ]
    refunded = [
        _Event(datetime.fromisoformat(str(refund.answer["create_time"])), refund.order, refund)
        for refund in ledger.refunds.values()
    ]
    return iter(sorted([*paid, *refunded], key=lambda event: event.time))


def _day(event: _Event) -> str:
    return event.time.strftime("%Y-%m-%d")


def _trade_row(event: _Event) -> str:
    order, refund, asked = event.order, event.refund, event.order.asked
    is_refund = refund is not None
    total, given = yuan(order.total), _NONE if refund is None else yuan(refund.amount)
    answer = {} if refund is None else refund.answer
    return row(
        [
            event.time.strftime("%Y-%m-%d %H:%M:%S"),
            str(asked["appid"]),
            str(asked["mchid"]),
            "0",
            "",
            str(order.transaction_id),
            str(asked["out_trade_no"]),
            str(order.openid),
            order.trade_type,
            "REFUND" if is_refund else "SUCCESS",
            "OTHERS",
            "CNY",
            _NONE if is_refund else total,
            _NONE,
            str(answer.get("refund_id", "0")),
            str(answer.get("out_refund_no", "0")),
            given,
            _NONE,
            "ORIGINAL" if is_refund else "",
            str(answer.get("status", "")),
            _one_line(asked.get("description")),
            _one_line(asked.get("attach")),
            "0.00000",
            "0.60%",
            _NONE if is_refund else total,
            given,
            "",
        ]
    )


def _flow_row(event: _Event, number: int, balance: int) -> str:
    refund = event.refund
    business = event.order.transaction_id if refund is None else refund.answer["refund_id"]
    return row(
        [
            event.time.strftime("%Y-%m-%d %H:%M:%S"),
            str(business),
            f"{number:020d}",
            "交易" if refund is None else "退款",
            "交易" if refund is None else "退款",
            "收入" if refund is None else "支出",
            yuan(abs(event.fen)),
            yuan(balance),
            "system",
            "结算总金额" if refund is None else "退款总金额",
            str(business),
        ]
    )


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
