"""The seed's call, in every spelling, against the gateway: signed, encrypted, verified."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import Builder, Client, ClientError, Sensitive
from wechatpay_chain.sandbox import Sandbox

PATH = "v3/aggracct-bc/wb-channel/control-orders/punish"
PLAINTEXT = "6222020200098765432"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A local WeChat Pay."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(gateway: Sandbox) -> Iterator[Client]:
    """A client of it, for which nothing has happened yet."""
    gateway.clear()
    with gateway.client() as made:
        yield made


def order(number: int = 0) -> dict[str, Any]:
    """Return the seed's options."""
    return {
        "json": {
            "out_request_no": f"example_out_request_no_{number}",
            "mchid": "example_mchid",
            "bal_account_no": PLAINTEXT,
            "punish_scene": 1,
            "punish_reason": "example_punish_reason",
            "punish_end_time": "2015-05-20T13:29:35+08:00",
        }
    }


NODES: dict[str, Any] = {
    "snake_case": lambda c: c.v3.aggracct_bc.wb_channel.control_orders.punish,
    "camelCase": lambda c: c.v3.aggracctBc.wbChannel.controlOrders.punish,
    "chain": lambda c: c.chain(PATH),
    "item": lambda c: c[PATH],
    "mixed": lambda c: (
        c.v3["aggracct-bc"].wbChannel.chain("control_orders".replace("_", "-")).punish
    ),
}


async def gathered(node: Any) -> list[Any]:
    """Make twenty calls at once."""
    return list(await asyncio.gather(*(node.post_async(order(n)) for n in range(20))))


FACES: dict[str, Any] = {
    "sync": lambda node: [node.post(order())],
    "keywords": lambda node: [node.post(**order())],
    "async": lambda node: [asyncio.run(node.post_async(order()))],
    "camel async": lambda node: [asyncio.run(node.postAsync(order()))],
    "then wait": lambda node: [node.postAsync(order()).then(lambda response: response).wait()],
    "gathered": lambda node: asyncio.run(gathered(node)),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("spelling", NODES)
def test_the_seeds_call_reaches_the_gateway(
    spelling: str, face: str, client: Client, gateway: Sandbox
) -> None:
    """In each spelling and face the gateway opens the plaintext, which is nowhere in the body."""
    responses = FACES[face](NODES[spelling](client))
    assert all(response.verified for response in responses)
    assert all(response.json()["wxpay_punish_no"] for response in responses)
    assert len(gateway.requests) == len(responses)
    for request in gateway.requests:
        assert request.problem is None
        assert request.path == f"/{PATH}"
        assert request.opened["bal_account_no"] == PLAINTEXT
        assert PLAINTEXT.encode() not in request.body
        assert request.headers["Wechatpay-Serial"] in gateway.identity.certs


@pytest.mark.parametrize("number", [0, 1])
def test_every_platform_key_serves(number: int, client: Client, gateway: Sandbox) -> None:
    """The public key and the certificate are alive side by side; the serial chooses."""
    serial = list(gateway.identity.certs)[number]
    response = client.chain(PATH).post(order(), headers={"Wechatpay-Serial": serial})
    assert response.headers["Wechatpay-Serial"] == serial
    assert gateway.requests[0].opened["bal_account_no"] == PLAINTEXT


def test_a_factory_makes_the_same_client(gateway: Sandbox) -> None:
    """PHP's array with PHP's names makes a client that works."""
    gateway.clear()
    merchant = gateway.identity.merchant
    config = {
        "mchid": merchant.mchid,
        "serial": merchant.serial,
        "privateKey": merchant.private_key_pem,
        "certs": gateway.identity.certs,
        "base_uri": gateway.base_uri,
    }
    with Builder.factory(config) as instance:
        response = instance.v3.aggracctBc.wbChannel.controlOrders.punish.post(order())
    assert response.verified


def test_an_order_lives(client: Client, gateway: Sandbox) -> None:
    """An order is created, queried, paid, refunded and queried again, and repeats as documented."""
    native = client.v3.pay.transactions.native
    data = {
        "appid": "wxd678efh567hg6787",
        "mchid": "1900000109",
        "description": "Image形象店",
        "out_trade_no": "20261124000001",
        "notify_url": "https://www.example.com/notify",
        "amount": {"total": 100},
    }
    assert native.post(json=data).json()["code_url"].startswith("weixin://")
    assert native.post(json=data).json() == native.post(json=data).json()
    with pytest.raises(ClientError) as caught:
        native.post(json={**data, "amount": {"total": 1}})
    assert caught.value.code == "OUT_TRADE_NO_USED"
    assert caught.value.verified
    query = client.v3.pay.transactions.out_trade_no._out_trade_no_
    options = {"out_trade_no": "20261124000001", "query": {"mchid": "1900000109"}}
    assert query.get(options).json()["trade_state"] == "NOTPAY"
    gateway.pay("20261124000001")
    paid = query.get(options).json()
    assert paid["trade_state"] == "SUCCESS"
    found = client.v3.pay.transactions.id["{transaction_id}"].get(
        transaction_id=paid["transaction_id"], query={"mchid": "1900000109"}
    )
    assert found.json()["out_trade_no"] == "20261124000001"
    refund = {
        "out_trade_no": "20261124000001",
        "out_refund_no": "R1",
        "amount": {"refund": 30, "total": 100, "currency": "CNY"},
    }
    first = client.v3.refund.domestic.refunds.post(json=refund).json()
    assert (
        client.v3.refund.domestic.refunds.post(json=refund).json()["refund_id"]
        == (first["refund_id"])
    )
    got = client.v3.refund.domestic.refunds._out_refund_no_.get(out_refund_no="R1")
    assert got.json()["amount"]["refund"] == 30


def test_a_closed_order_answers_nothing(client: Client) -> None:
    """A close is answered with 204 and no body, and that is verified too."""
    data = {
        "appid": "wx1", "mchid": "1900000109", "description": "d", "out_trade_no": "20261124000002",
        "notify_url": "https://www.example.com/", "amount": {"total": 1},
    }  # fmt: skip
    client.v3.pay.transactions.app.post(json=data)
    closed = client.v3.pay.transactions.out_trade_no["{out_trade_no}"].close.post(
        json={"mchid": "1900000109"}, out_trade_no="20261124000002"
    )
    assert (closed.status, closed.body, closed.verified) == (204, b"", True)


def test_an_unknown_operation_may_be_sensitive(client: Client, gateway: Sandbox) -> None:
    """A path that nobody knows is refused by the gateway, signed; what was marked was encrypted."""
    with pytest.raises(ClientError) as caught:
        client.v3.brand_new.post(json={"name": Sensitive("张三")})
    assert (caught.value.status, caught.value.verified) == (404, True)
    assert "张三".encode() not in gateway.requests[0].body


@pytest.mark.asyncio
async def test_the_gateway_is_async_too() -> None:
    """async with runs a gateway and a client in an async program."""
    async with Sandbox() as gateway, gateway.client() as client:
        response = await client.v3.aggracct_bc.wb_channel.control_orders.punish.post_async(order())
        assert response.verified
