"""Programs that type checkers must find nothing wrong with: each function is one.

They are checked, not run: see `test_programs`.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

from wechatpay_chain import (
    Chain,
    Client,
    MediaUtil,
    Payments,
    Promise,
    Response,
    Sensitive,
    guard,
)
from wechatpay_chain.payments import AppParameters
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.reply import Reply

if TYPE_CHECKING:
    from wechatpay_chain.openapi.event_handlers import Handlers
    from wechatpay_chain.openapi.events import (
        RefundClosed,
        RefundSuccess,
        TransactionSuccess,
        V2PayscoreTransactionSuccess,
        V2RefundProcessed,
    )
    from wechatpay_chain.openapi.v3.pay import TransactionsNativePostAnswer as Answer
    from wechatpay_chain.openapi.v3.pay import TransactionsNativePostJson as Order


def a_call_by_attributes(client: Client) -> None:
    """The call of the README, its document written where it is sent."""
    response = client.v3.pay.transactions.native.post(
        json={
            "appid": "wxd678efh567hg6787",
            "mchid": "1900000109",
            "description": "A cup of coffee",
            "out_trade_no": "native_0001",
            "notify_url": "https://www.example.com/notify",
            "amount": {"total": 100, "currency": "CNY"},
        }
    )
    assert_type(response.json()["code_url"], str)


def a_document_with_its_type(client: Client) -> None:
    """A document in a variable bears the generated type."""
    order: Order = {
        "appid": "wxd678efh567hg6787",
        "mchid": "1900000109",
        "description": "A cup of coffee",
        "out_trade_no": "native_0001",
        "notify_url": "https://www.example.com/notify",
        "amount": {"total": 100},
    }
    order["goods_tag"] = "WXG"
    client.v3.pay.transactions.native.post(json=order)
    client.v3.pay.transactions.native.post(json={**order, "out_trade_no": "native_0002"})


def a_document_from_elsewhere(client: Client, order: Any) -> None:
    """What is Any, as json.loads returns it, may be sent."""
    client.v3.pay.transactions.native.post(json=order)


def camel_case(client: Client) -> None:
    """PHP's spelling leads to the same types."""
    node = client.v3.pay.transactions.outTradeNo._out_trade_no_.close
    node.post(json={"mchid": "1900000109"}, out_trade_no="native_0001")


def by_item(client: Client, order: Order) -> None:
    """A path in brackets has the types of its operation."""
    response = client["v3/pay/transactions/native"].post(json=order)
    assert_type(response.json()["code_url"], str)


def by_chain(client: Client, order: Order) -> None:
    """So has one given to chain()."""
    response = client.chain("v3/pay/transactions/native").post(json=order)
    assert_type(response.json()["code_url"], str)


def as_one_mapping(client: Client, order: Order) -> None:
    """Options as PHP has them: one mapping."""
    client.v3.pay.transactions.native.post({"json": order, "headers": {"X-Mine": "1"}})
    client.v3.certificates.get({"query": {"algorithm_type": "RSA"}})
    client.v3.certificates.get({}, timeout=3)


def a_mapping_with_variables(client: Client) -> None:
    """Path variables stand in the mapping too."""
    client.v3.pay.transactions.id._transaction_id_.get(
        {"transaction_id": "4200000000000000000000000000", "query": {"mchid": "1900000109"}}
    )


async def awaited(client: Client, order: Order) -> str:
    """An awaited promise is the response."""
    response = await client.v3.pay.transactions.native.post_async(json=order)
    return response.json()["code_url"]


async def gathered(client: Client, order: Order) -> list[str]:
    """Promises are coroutines, so gather takes them."""
    native = client.v3.pay.transactions.native
    responses = await asyncio.gather(native.post_async(json=order), native.postAsync(json=order))
    return [response.json()["code_url"] for response in responses]


def a_promise_as_in_php(client: Client, order: Order) -> None:
    """then, otherwise and wait, with PHP's spelling of the verb."""
    client.v3.pay.transactions.native.postAsync({"json": order}).then(
        lambda response: print(response.json()["code_url"])
    ).otherwise(print).wait()


def a_promise_waited_for(client: Client) -> str:
    """wait() gives the response itself, not perhaps None."""
    promise = client.v3.certificates.get_async()
    return promise.wait().json()["data"][0]["serial_no"]


def a_variable_as_attribute(client: Client) -> None:
    """A path variable as an attribute is given to the verb by name."""
    client.v3.pay.transactions.id._transaction_id_.get(
        transaction_id="4200000000000000000000000000", query={"mchid": "1900000109"}
    )


def a_variable_as_item(client: Client) -> None:
    """A template in brackets is the same node as the attribute."""
    client.v3.pay.transactions.id["{transaction_id}"].get(
        transaction_id="4200000000000000000000000000", query={"mchid": "1900000109"}
    )


def a_value_as_item(client: Client, number: str) -> None:
    """After a value nothing is to be given for the variable."""
    by_number = client.v3.pay.transactions.out_trade_no
    response = by_number["native_0001"].get(query={"mchid": "1900000109"})
    assert_type(response.json()["out_trade_no"], str)
    by_number[number].close.post(json={"mchid": "1900000109"})


def an_integer_as_item(client: Client, stock: int) -> None:
    """A value may be a number."""
    client.v3.pay.transactions.id[stock].get(query={"mchid": "1900000109"})


def a_template_with_variables(client: Client) -> None:
    """A whole template in brackets wants its variables."""
    client["v3/pay/transactions/out-trade-no/{out_trade_no}/close"].post(
        json={"mchid": "1900000109"}, out_trade_no="native_0001"
    )


def two_variables(client: Client) -> None:
    """One variable by value, another by name."""
    stocks = client.v3.marketing.favor.users["o4GgauInH_RCEdvrrNGrntXDuXXX"]
    stocks.coupons._coupon_id_.get(coupon_id="98674556", query={"appid": "wx8888888888888888"})


def a_new_path(client: Client) -> None:
    """An operation that WeChat Pay adds today works today, typed as before."""
    node = client["v3/brand-new/operation"]
    assert_type(node, Chain)
    assert_type(node.post(json={"anything": [1, "2"]}), Response)
    client.chain("v4/brand-new/operation").get(query={"any": 1}, any_variable="1")


def a_path_made_at_run_time(client: Client, path: str) -> Promise[Response]:
    """A path that is not known before it runs leads anywhere."""
    return client.chain(path).some.more["{segments}"].postAsync({"segments": 1, "json": {}})


def below_a_known_path(client: Client) -> None:
    """Below a known path everything is open too, in brackets."""
    node = client.v3.pay.transactions["brand-new"]
    assert_type(node, Chain)
    node.post(json={"anything": True})
    client.v3["pay/transactions/native"].post(json={})
    client.v3.pay.chain("transactions/native").post(json={})


def a_known_segment_as_item(client: Client, order: Order) -> None:
    """A known segment in brackets keeps the types."""
    response = client.v3.pay.transactions["native"].post(json=order)
    assert_type(response.json()["code_url"], str)


def a_node_as_item(client: Client) -> None:
    """A node may be given where a path is."""
    node = client.chain("some/where")
    client[node].get()
    client.v3.chain(client.v3.pay).get()


def equal_nodes(client: Client) -> bool:
    """Nodes are compared, hashed and shown as text."""
    one, other = client.v3.pay, client["v3/pay"]
    return one == other and hash(one) == hash(other) and str(one) == "v3/pay"


def a_verb_as_segment(client: Client) -> None:
    """A segment named like a verb has verbs of its own."""
    client.v3.profitsharing.receivers.delete.post(
        json={"appid": "wx8888888888888888", "type": "MERCHANT_ID", "account": "86693852"}
    )


def a_keyword_as_segment(client: Client) -> None:
    """A segment that is a keyword of Python has an underscore behind it."""
    client.v3.marketing.busifavor.coupons.return_.post(
        json={"coupon_code": "sxxe34343434", "stock_id": "1234567891", "return_request_no": "1002"}
    )


def an_underscore_that_stays(client: Client) -> None:
    """Two paths differ in nothing but a hyphen, which no attribute can spell."""
    signing = client.v3.papay.insurance_sign
    signing.policy_periods.plan_id["1"].out_contract_code["2"].get(timeout=3)
    signing["policy-periods"].chain("{anything}").get(anything="1")


def a_field_that_is_a_keyword(client: Client) -> None:
    """A field named like a keyword is one like others."""
    client.v3.refund.domestic.refunds.post(
        json={
            "out_trade_no": "native_0001",
            "out_refund_no": "refund_0001",
            "amount": {
                "refund": 888,
                "total": 888,
                "currency": "CNY",
                "from": [{"account": "AVAILABLE", "amount": 888}],
            },
        }
    )


def options_of_every_call(client: Client) -> None:
    """The options of a call stand beside those of the operation."""
    shown = io.StringIO()
    client.v3.certificates.get(
        timeout=3,
        connect_timeout=None,
        headers={"X-Mine": "1", "X-Number": 1, "X-More": ["1", "2"], "User-Agent": None},
        base_uri="https://api2.mch.weixin.qq.com/",
        debug=shown,
        http_errors=False,
        encrypt=False,
        proxy={"https": "http://127.0.0.1:3128", "no": ["localhost"]},
        middlewares=[guard],
        handler=client.stack.copy(),
        allow_redirects=False,
    )


def a_sensitive_value(client: Client) -> None:
    """Sensitive may stand wherever text does."""
    client.v3.profitsharing.receivers.add.post(
        json={
            "appid": "wx8888888888888888",
            "type": "MERCHANT_ID",
            "account": Sensitive("86693852"),
            "name": Sensitive("张三"),
            "relation_type": "STORE",
        },
        headers={"X-Mine": Sensitive("1")},
    )


def numbers_in_a_query(client: Client) -> None:
    """What is text on the wire may be text or number."""
    stocks = client.v3.marketing.favor.stocks
    stocks.get(query={"offset": 0, "limit": 8, "stock_creator_mchid": "9800064"})
    stocks.get(query={"offset": "0", "limit": "8", "stock_creator_mchid": "9800064"})


def lists_and_tuples(client: Client, order: Order) -> None:
    """A list of a document may be a tuple."""
    order["limit_pay"] = ("no_credit",)
    order["detail"] = {"goods_detail": []}
    client.v3.pay.transactions.native.post(json=order)


def the_xml_protocol(client: Client) -> None:
    """Fields of the XML protocol, whose answers are text; nonce_str and sign come by themselves."""
    response = client.v2.pay.orderquery.post(
        xml={"appid": "wx2421b1c4370ec43b", "mch_id": "10000100", "out_trade_no": "1008450740"}
    )
    assert_type(response.xml()["total_fee"], str)
    assert_type(response.xml()["coupon_fee_0"], str)


def a_client_certificate(client: Client) -> None:
    """Operations of the XML protocol have options that others lack."""
    client.v2.secapi.pay.refund.post(
        xml={
            "appid": "wx2421b1c4370ec43b",
            "mch_id": "10000100",
            "transaction_id": "4200000000000000000000000000",
            "out_refund_no": "1415701182",
            "total_fee": "100",
            "refund_fee": 100,
        },
        security=True,
    )


def an_upload(client: Client, media: MediaUtil) -> None:
    """An upload takes a file, or the stream that PHP's class makes."""
    upload = client.v3.merchant.media.upload
    upload.post(upload="image.jpg")
    upload.post(upload=Path("image.jpg"))
    upload.post(upload={"file": b"\xff\xd8", "filename": "image.jpg"})
    upload.post(body=media.get_stream(), headers={"Content-Type": media.get_content_type()})


def a_download(client: Client, target: io.BytesIO) -> None:
    """A download goes to a path or a stream."""
    client.v3.billdownload.file.get(query={"token": "xx"}, sink=Path("bill.csv"))
    client.v3.billdownload.file.get(query={"token": "xx"}, sink=target)


def a_value_of_tomorrow(client: Client) -> bool:
    """An answer may hold a value that is not documented yet."""
    order = client.v3.pay.transactions.id["4200"].get(query={"mchid": "1900000109"}).json()
    return order["trade_type"] == "BRAND_NEW" or order["trade_state"] == "SUCCESS"


def a_response_in_a_signature(response: Response[Answer]) -> Answer:
    """A response is generic in its document, and need not be."""
    plain: Response = response
    assert_type(plain.json(), Any)
    assert_type(plain.xml(), dict[str, Any])
    return response.json()


def a_client_that_is_closed(client: Client) -> None:
    """A client is a context manager and stays what it is."""
    with client as same:
        assert_type(same.v3.certificates.get().json()["data"][0]["serial_no"], str)


def a_group_that_is_a_keyword(client: Client) -> None:
    """So is a group of operations."""
    client.v3.global_.certificates.get()
    client["v3/global/certificates"].get()


def a_promise_in_a_signature(client: Client) -> Promise[Response[Any]]:
    """A promise of any response."""
    return client.v3.certificates.get_async()


def nothing_required(client: Client) -> None:
    """Where nothing is required, nothing need be given."""
    client.v3.certificates.get()
    client.v3.certificates.getAsync().wait(unwrap=False)


def a_callback_of_any_shape(client: Client) -> None:
    """What then() is given may be any callable of the response."""

    def show(response: Response) -> None:
        print(response.status, response.headers["Request-ID"], response.verified)

    client.v3.certificates.get_async().then(show, on_rejected=repr).wait()


async def parameters_to_invoke_payment(client: Client) -> None:
    """What front ends are given has its documented names, of v3 and of v2, sync and async."""
    order = client.v3.pay.transactions.jsapi.post(
        json={
            "appid": "wxd678efh567hg6787",
            "mchid": "1900000109",
            "description": "A cup of coffee",
            "out_trade_no": "jsapi_0001",
            "notify_url": "https://www.example.com/notify",
            "amount": {"total": 100},
            "payer": {"openid": "o"},
        }
    ).json()
    assert_type(client.payments, Payments)
    page = client.payments.jsapi(order["prepay_id"], appid="wxd678efh567hg6787")
    assert_type(page["paySign"], str)
    assert_type((await client.payments.app_async("wx1", appid="wx2")), AppParameters)
    v2 = client.payments.v2.mini_program("wx1", appid="wx2", sign_type="HMAC-SHA256")
    client.payments.query_string(client.payments.score.use("package"))
    print(v2["timeStamp"], client.payments.native("weixin://wxpay/1").svg())
    client.payments.coupons.mini_program([{"stock_id": "1", "out_request_no": "1"}])


async def sign_elsewhere(message: bytes) -> bytes:
    """A key that is elsewhere."""
    return message


def payments_alone() -> Payments:
    """Payments of keys alone."""
    return Payments("1900000109", sign_elsewhere, Sensitive("secret"))


def a_handler_of_an_event(webhooks: Handlers) -> None:
    """A handler takes the event that it is for, whose fields are known, and keeps its own type."""

    @webhooks.on("TRANSACTION.SUCCESS")
    def paid(event: Event[TransactionSuccess]) -> Reply:
        assert_type(event.resource["amount"]["total"], int)
        return event.ack()

    @webhooks.on("REFUND.SUCCESS")
    async def refunded(event: Event[RefundSuccess]) -> None:
        assert_type(event.resource["refund_id"], str)

    def give(event: Event[TransactionSuccess]) -> None:
        assert_type(paid(event), Reply)


def a_handler_of_anything(webhooks: Handlers) -> None:
    """What takes any event takes each, and those of a pattern or of a type that is new."""

    @webhooks.on("REFUND.*")
    @webhooks.on("TRANSACTION.SUCCESS")
    @webhooks.on("TRANSACTION.FAIL", "COUPON.SEND", protocol="v3")
    @webhooks.on("SOMETHING.NEW")
    def log(event: Event) -> None:
        assert_type(event, Event[Any])
        print(event.type, event.resource["out_trade_no"])


def a_handler_of_two_events(webhooks: Handlers) -> None:
    """What is registered for two events takes both."""

    @webhooks.on("REFUND.SUCCESS")
    @webhooks.on("REFUND.CLOSED")
    def ended(event: Event[RefundSuccess] | Event[RefundClosed]) -> None:
        assert_type(event.resource["out_refund_no"], str)


def a_handler_of_v2(webhooks: Handlers) -> None:
    """An event of v2 has names of its own, or tells its protocol; its fields are text."""

    @webhooks.on("refund-processed")
    def refunded(event: Event[V2RefundProcessed]) -> None:
        assert_type(event.resource["mch_id"] + event.resource["refund_fee"], str)

    @webhooks.on("TRANSACTION.SUCCESS", protocol="v2")
    def rented(event: Event[V2PayscoreTransactionSuccess]) -> None:
        assert_type(event.resource["total_amount"], str)


def an_event_of_some_type(event: Event[Any]) -> None:
    """Whether an event is of a type can be asked, and then its fields are known."""
    if refund := event.as_a("REFUND.SUCCESS"):
        assert_type(refund, Event[RefundSuccess])
    if other := event.as_a("SOMETHING.NEW"):
        assert_type(other, Event[Any])
