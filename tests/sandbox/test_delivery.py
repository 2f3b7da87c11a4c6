"""Callbacks on the wire: delivered as they are, judged by the protocol's rules, sent once more."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from aiohttp import web

from tests.sandbox.receiver import Receiver
from tests.support.server import HANG_UP, Answer, Request, accepting, answer, serving
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import FORGERIES, Delivery, Notification, Sandbox

GATEWAY = Sandbox()
SUCCESS = b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>"
FAIL = b"<xml><return_code><![CDATA[FAIL]]></return_code></xml>"


def deliver(respond: Answer, event: Any, **options: Any) -> tuple[Delivery, Request]:
    """Deliver a callback to a server that answers like that; return what came of it."""
    with serving(respond) as server:
        found = GATEWAY.notify(f"{server.base_uri}hook?a=1%2F2", event, **options)
        (request,) = server.requests
        return found, request


def lines(request: Request) -> list[tuple[str, str]]:
    """Return the headers of a request as they were on the wire."""
    pairs = (line.partition(": ") for line in request.raw_head.decode().split("\r\n")[1:] if line)
    return [(name, value) for name, _, value in pairs]


JUDGED: list[tuple[str, str, bytes, bool]] = [
    ("REFUND.SUCCESS", "200 OK", b"", True),
    ("REFUND.SUCCESS", "204 No Content", b"", True),
    ("REFUND.SUCCESS", "200 OK", b'{"code":"FAIL"}', True),
    ("REFUND.SUCCESS", "201 Created", b"", False),
    ("REFUND.SUCCESS", "302 Found", b"", False),
    ("REFUND.SUCCESS", "401 Unauthorized", b"", False),
    ("REFUND.SUCCESS", "500 Oh", b'{"code":"SUCCESS"}', False),
    ("transaction-success", "200 OK", SUCCESS, True),
    ("transaction-success", "200 OK", FAIL, False),
    ("transaction-success", "200 OK", b"", False),
    ("transaction-success", "200 OK", b"SUCCESS", False),
    ("transaction-success", "200 OK", b"<!DOCTYPE xml>" + SUCCESS, False),
    ("transaction-success", "204 No Content", b"", False),
    ("transaction-success", "500 Oh", SUCCESS, False),
]


@pytest.mark.parametrize(("event", "status", "body", "taken"), JUDGED)
def test_an_answer_is_judged_as_by_wechat_pay(
    event: str, status: str, body: bytes, taken: bool
) -> None:
    """v3 looks at the status alone; v2 wants a 200 and XML that says SUCCESS."""
    found, _ = deliver(lambda request: answer(status, body=body), event)
    assert found.acknowledged is taken
    assert found.status == int(status.split()[0])
    assert found.body == body
    assert ("Content-Length", str(len(body))) in found.headers


def test_the_bytes_are_those_of_the_notification() -> None:
    """A POST with the headers and the body of the notification, to the path and query given."""
    sent = GATEWAY.notification("REFUND.SUCCESS")
    found, request = deliver(lambda request: answer(), sent, exact=True)
    assert (request.method, request.target) == ("POST", "/hook?a=1%2F2")
    assert request.body == sent.body == found.notification.body
    assert [pair for pair in lines(request) if pair in sent.headers] == list(sent.headers)
    assert ("User-Agent", "Mozilla/4.0") in lines(request)


@pytest.mark.parametrize("name", FORGERIES)
def test_every_forgery_gets_onto_the_wire(name: str) -> None:
    """What is wrong with it is still wrong when it arrives, header for header, byte for byte."""
    found, request = deliver(lambda request: answer("401 No"), FORGERIES[name].event, forgery=name)
    assert request.body == found.notification.body
    sent = [(n, v) for n, v in lines(request) if n.startswith(("Wechatpay-", "Content-Type"))]
    meant = [(n, v) for n, v in found.notification.headers if n != "Request-ID"]
    assert sent == meant
    assert not found.acknowledged


@pytest.mark.parametrize("event", ["BRAND_MEMBER_CARD_SP.USER_CARD.CREATE", "CHECK.SUCCESS"])
def test_a_callback_is_sent_once_more_and_signed_anew(event: str) -> None:
    """A redelivery has the same id and resource, but no nonce or signature of the first."""
    first = GATEWAY.notification(event)
    found, _ = deliver(lambda request: answer("500 Oh"), first)
    again = found.notification
    assert (again.id, again.resource) == (first.id, first.resource)
    assert again.body != first.body
    if first.event.protocol == "v3":
        assert again.header("Wechatpay-Nonce") != first.header("Wechatpay-Nonce")
        assert again.header("Wechatpay-Signature") != first.header("Wechatpay-Signature")
        assert json.loads(again.body)["id"] == json.loads(first.body)["id"]
    sign_type = (first.event.sign_types or ("MD5",))[0]
    assert Receiver(GATEWAY, sign_type).open(again)


def test_a_genuine_callback_can_be_forged_and_a_forged_one_stays_so() -> None:
    """The forgery of a redelivery is the one named, else that of the callback itself."""
    first = GATEWAY.notification("REFUND.SUCCESS")
    forged, _ = deliver(lambda request: answer(), first, forgery="probe")
    assert forged.notification.id == first.id
    assert forged.notification.forgery == "probe"
    again, _ = deliver(lambda request: answer(), forged.notification)
    signature = again.notification.header("Wechatpay-Signature") or ""
    assert signature.startswith("WECHATPAY/SIGNTEST/")


def hang_up(request: Request) -> bytes:
    return HANG_UP


def babble(request: Request) -> bytes:
    return b"no HTTP at all\r\n\r\n"


@pytest.mark.parametrize(
    ("respond", "problem"), [(hang_up, "RemoteDisconnected"), (babble, "BadStatusLine")]
)
def test_no_answer_is_no_acknowledgement(respond: Answer, problem: str) -> None:
    """A server that hangs up or speaks no HTTP has not taken the callback."""
    found, _ = deliver(respond, "REFUND.SUCCESS")
    assert (found.status, found.acknowledged) == (0, False)
    assert problem in found.problem


def test_nobody_there_is_no_acknowledgement() -> None:
    """Without a server there is no answer either, and no exception."""
    with serving(lambda request: answer()) as server:
        url = server.base_uri
    found = GATEWAY.notify(url, "REFUND.SUCCESS")
    assert (found.status, found.acknowledged) == (0, False)
    assert "ConnectionRefusedError" in found.problem


def test_a_slow_answer_is_not_waited_for() -> None:
    """What does not answer in time has failed, also if it sends a byte now and then."""
    release = threading.Event()

    def drip(connection: Any) -> None:
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            while not release.wait(0.02):
                connection.sendall(b"x")

    with accepting(drip) as port:
        found = GATEWAY.notify(f"http://127.0.0.1:{port}/", "REFUND.SUCCESS", timeout=0.2)
        release.set()
    assert (found.status, found.acknowledged) == (0, False)
    assert "no answer within 0.2 s" in found.problem


def test_a_server_may_refuse_before_it_has_read_all() -> None:
    """An early refusal of something large is seen, though the rest could not be sent."""

    def refuse(connection: Any) -> None:
        with connection:
            connection.recv(1024)
            connection.sendall(answer("413 Too Large", Connection="close"))
            connection.shutdown(1)
            while connection.recv(65536):
                pass

    with accepting(refuse) as port:
        found = GATEWAY.notify(f"http://127.0.0.1:{port}/", "REFUND.SUCCESS", forgery="too-large")
    assert found.status == 413


@pytest.mark.asyncio
async def test_nothing_blocks_the_event_loop() -> None:
    """A server on the very loop that sends the callback can answer it."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        _, port = runner.addresses[0]
        found = await GATEWAY.notify_async(f"http://127.0.0.1:{port}/hook", "REFUND.SUCCESS")
    finally:
        await runner.cleanup()
    assert found.acknowledged
    assert taken == [found.notification.body]


URLS = ["", "hook", "ftp://127.0.0.1/", "http://", "//127.0.0.1/", "http://a:99999/", "http://a/退"]


@pytest.mark.parametrize("url", URLS)
def test_a_callback_goes_to_a_url(url: str) -> None:
    """Anything but an absolute http or https URL is an error."""
    with pytest.raises(ConfigurationError, match="absolute http"):
        GATEWAY.notify(url, "REFUND.SUCCESS")


@pytest.mark.parametrize("options", [{"key": "certificate"}, {"exact": True, "forgery": "probe"}])
def test_a_callback_that_exists_is_not_made_anew(options: dict[str, Any]) -> None:
    """What only a new callback can have is refused for one that exists."""
    sent = GATEWAY.notification("REFUND.SUCCESS")
    with pytest.raises(ConfigurationError):
        GATEWAY.notify("http://127.0.0.1:1/", sent, **options)


def test_a_payment_is_told_to_its_notify_url() -> None:
    """An order's own notify_url hears of its payment, in what the order was made of."""
    with Sandbox() as gateway, serving(lambda request: answer()) as server:
        with gateway.client() as client:
            client.v3.pay.transactions.native.post(
                json={
                    "appid": "wx8888888888888888",
                    "mchid": gateway.identity.merchant.mchid,
                    "description": "coffee",
                    "out_trade_no": "native_0001",
                    "notify_url": f"{server.base_uri}paid",
                    "amount": {"total": 321},
                }
            )
        transaction_id = gateway.pay("native_0001", notify=True)
        (delivery,) = gateway.deliveries
        assert delivery.acknowledged
        assert [request.target for request in server.requests] == ["/paid"]
        opened = Receiver(gateway).open(delivery.notification)
        assert opened["transaction_id"] == transaction_id
        assert opened["amount"] == {
            "total": 321, "currency": "CNY", "payer_total": 321, "payer_currency": "CNY",
        }  # fmt: skip
        gateway.clear()
        assert gateway.deliveries == []


def test_a_payment_of_v2_is_told_in_xml() -> None:
    """An order of v2 has its callback in v2, with what was paid."""
    with Sandbox() as gateway, serving(lambda request: answer(body=SUCCESS)) as server:
        with gateway.client() as client:
            client.v2.pay.unifiedorder.post(
                xml={
                    "appid": "wx8888888888888888",
                    "mch_id": gateway.identity.merchant.mchid,
                    "body": "coffee",
                    "out_trade_no": "native_0002",
                    "total_fee": 123,
                    "spbill_create_ip": "127.0.0.1",
                    "notify_url": f"{server.base_uri}paid",
                    "trade_type": "NATIVE",
                    "product_id": "1",
                }
            )
        gateway.pay("native_0002", notify=True)
        (delivery,) = gateway.deliveries
        assert delivery.acknowledged
        opened = Receiver(gateway).open(delivery.notification)
        assert (opened["total_fee"], opened["return_code"]) == ("123", "SUCCESS")


def test_a_delivery_is_quiet_about_what_it_brought() -> None:
    """The repr of a delivery has no content of either side."""
    found = Delivery(GATEWAY.notification("REFUND.SUCCESS", id="1"), 200, body=b"hidden")
    assert isinstance(found.notification, Notification)
    assert "hidden" not in repr(found)
    assert "<Notification v3 REFUND.SUCCESS 1>" in repr(found)


def test_a_thread_can_notify_while_a_loop_runs() -> None:
    """The sync call works in any thread, one with a running loop included."""

    async def main(url: str) -> Delivery:
        return GATEWAY.notify(url, "REFUND.SUCCESS")

    with serving(lambda request: answer()) as server:
        assert asyncio.run(main(server.base_uri)).acknowledged
