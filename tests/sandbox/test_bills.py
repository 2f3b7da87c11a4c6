"""The gateway's bills are what its ledger says, lie where it says, for as long as it says."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from wechatpay_chain import Client, ClientError
from wechatpay_chain.bills.requests import CHINA
from wechatpay_chain.sandbox import Sandbox

DAY = datetime(2026, 11, 1, 9, 0, tzinfo=CHINA)


class Clock:
    """A clock that stands still until it is set."""

    now = DAY

    def __call__(self) -> float:
        return self.now.timestamp()


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The clock of gateway and client."""
    return Clock()


@pytest.fixture(scope="module")
def gateway(clock: Clock) -> Iterator[Sandbox]:
    """A gateway with two payments and a refund on one day, and a refund on the next."""
    with Sandbox(clock=clock, mchids=["1900000109", "1900000110"]) as gateway:
        with gateway.client(clock=clock) as client:
            order(gateway, client, "order-1", 100)
            clock.now += timedelta(hours=1)
            order(gateway, client, "order-2", 2_050)
            client.v3.pay.transactions.native.post(json=asked("order-3", 7))
            refund(client, "order-2", "refund-1", 50)
            clock.now += timedelta(days=1)
            refund(client, "order-2", "refund-2", 1_000)
        clock.now += timedelta(days=1)
        yield gateway


@pytest.fixture
def client(gateway: Sandbox, clock: Clock) -> Iterator[Client]:
    """A client of the gateway."""
    with gateway.client(clock=clock) as client:
        yield client


def asked(number: str, total: int) -> dict[str, Any]:
    """Return an order."""
    return {
        "appid": "wx8888888888888888", "mchid": "1900000109", "description": "苹果,\n梨",
        "out_trade_no": number, "notify_url": "https://merchant.example/notify",
        "amount": {"total": total, "currency": "CNY"},
    }  # fmt: skip


def order(gateway: Sandbox, client: Client, number: str, total: int) -> None:
    """Create an order and pay it."""
    client.v3.pay.transactions.native.post(json=asked(number, total))
    gateway.pay(number)


def refund(client: Client, order: str, number: str, amount: int) -> None:
    """Give a part of an order back."""
    client.v3.refund.domestic.refunds.post(
        json={
            "out_trade_no": order,
            "out_refund_no": number,
            "amount": {"refund": amount, "total": 2_050, "currency": "CNY"},
        }
    )


def fetch(client: Client, path: str, **query: str) -> str:
    """Ask for a bill, fetch it and check its hash by hand."""
    told = client.chain(path).get(query=query).json()
    token = told["download_url"].partition("token=")[2]
    body = client.v3.billdownload.file.get(query={"token": token}).body
    text = gzip.decompress(body) if query.get("tar_type") else body
    assert told["hash_type"] == "SHA1"
    assert told["hash_value"] == hashlib.sha1(text).hexdigest()
    return text.decode()


TRADES = {
    ("2026-11-01", "ALL"): (["order-1", "order-2", "order-2"], ["3", "21.50", "0.50"]),
    ("2026-11-01", "SUCCESS"): (["order-1", "order-2"], ["2", "21.50", "0.00"]),
    ("2026-11-01", "REFUND"): (["order-2"], ["1", "0.00", "0.50"]),
    ("2026-11-02", "ALL"): (["order-2"], ["1", "0.00", "10.00"]),
    ("2026-11-03", "ALL"): ([], ["0", "0.00", "0.00"]),
}


@pytest.mark.parametrize("packing", [{}, {"tar_type": "GZIP"}], ids=["text", "gzip"])
@pytest.mark.parametrize(("day", "kind"), TRADES)
def test_a_trade_bill_has_the_days_payments_and_refunds(
    day: str, kind: str, packing: dict[str, str], client: Client
) -> None:
    """Each payment and refund of the day is a row with its amounts; unpaid orders are none."""
    numbers, totals = TRADES[day, kind]
    text = fetch(client, "v3/bill/tradebill", bill_date=day, bill_type=kind, **packing)
    *lines, head, sums = text.removesuffix("\r\n").split("\r\n")
    assert head.startswith("总交易单数,")
    assert sums.split(",`")[:3] == [f"`{totals[0]}", *totals[1:]]
    columns = lines[0].split(",")
    rows = [dict(zip(columns, line[1:].split(",`"), strict=True)) for line in lines[1:]]
    assert [row["商户订单号"] for row in rows] == numbers
    assert all(row["商品名称"] == "苹果, 梨" for row in rows)
    assert all(row["交易时间"].startswith(day) for row in rows)


def test_a_fund_bill_has_a_running_balance(client: Client) -> None:
    """Payments come in, refunds go out, and the balance goes on from the day before."""
    for day, amounts, balances, totals in (
        ("2026-11-01", ["1.00", "20.50", "0.50"], ["1.00", "21.50", "21.00"],
         ["3", "2", "21.50", "1", "0.50"]),
        ("2026-11-02", ["10.00"], ["11.00"], ["1", "0", "0.00", "1", "10.00"]),
    ):  # fmt: skip
        lines = fetch(client, "v3/bill/fundflowbill", bill_date=day).splitlines()
        columns = lines[0].split(",")
        rows = [dict(zip(columns, line[1:].split(",`"), strict=True)) for line in lines[1:-2]]
        assert [row["收支金额（元）"] for row in rows] == amounts
        assert [row["账户结余（元）"] for row in rows] == balances
        assert lines[-1][1:].split(",`") == totals


@pytest.mark.parametrize("date", ["20261101", "2026-02-30", "yesterday", "２026-11-01"])
def test_a_wrong_date_is_refused(date: str, client: Client) -> None:
    """A bill is of a day, in one form."""
    with pytest.raises(ClientError, match="PARAM_ERROR"):
        client.v3.bill.tradebill.get(query={"bill_date": date})


def test_an_address_lives_thirty_seconds(clock: Clock, client: Client) -> None:
    """Within them it serves as often as it is asked; after them no more."""
    told = client.v3.bill.tradebill.get(query={"bill_date": "2026-11-01"}).json()
    query = {"token": told["download_url"].partition("token=")[2]}
    clock.now += timedelta(seconds=30)
    assert client.v3.billdownload.file.get(query=query).body
    clock.now += timedelta(seconds=1)
    with pytest.raises(ClientError, match="expired"):
        client.v3.billdownload.file.get(query=query)


def test_a_bill_belongs_to_its_merchant(gateway: Sandbox, clock: Clock, client: Client) -> None:
    """Another merchant has another ledger, and the address is of no use to it."""
    told = client.v3.bill.tradebill.get(query={"bill_date": "2026-11-01"}).json()
    with gateway.client(mchid="1900000110", clock=clock) as other:
        empty = other.v3.bill.tradebill.get(query={"bill_date": "2026-11-01"}).json()
        assert empty["hash_value"] != told["hash_value"]
        query = {"token": told["download_url"].partition("token=")[2]}
        body = other.v3.billdownload.file.get(query=query).body
    assert hashlib.sha1(body).hexdigest() != told["hash_value"]


def test_a_bill_of_a_tests_own_holds_until_it_is_cleared(clock: Clock) -> None:
    """`bill` gives any content, to every merchant, until `clear`."""
    with Sandbox(clock=clock) as gateway, gateway.client(clock=clock) as client:
        gateway.bill(content=b"own")
        assert fetch(client, "v3/bill/tradebill", bill_date="2026-11-01") == "own"
        assert fetch(client, "v3/bill/fundflowbill", bill_date="2026-11-01") == "own"
        gateway.clear()
        assert fetch(client, "v3/bill/tradebill", bill_date="2026-11-01") != "own"
        with pytest.raises(TypeError):
            gateway.bill(1, no_such_fault=True)
