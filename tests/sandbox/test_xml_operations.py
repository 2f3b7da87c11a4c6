"""What the gateway remembers of v2 requests, shares with v3, and answers."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.sandbox.merchant import Answer
from tests.sandbox.xml_merchant import XmlMerchant, read
from wechatpay_chain.sandbox import Sandbox

CHINA = timezone(timedelta(hours=8))
V3_QUERY = "/v3/pay/transactions/out-trade-no/{}?mchid=1900000109"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(tls=True) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def merchant(gateway: Sandbox) -> Iterator[XmlMerchant]:
    """A merchant that shows its certificate."""
    own = gateway.identity.merchant.certificate_pem
    caller = XmlMerchant(gateway, certificate=own)
    yield caller
    caller.close()


def success(merchant: XmlMerchant, answer: Answer) -> dict[str, str]:
    """Return the fields of a signed success."""
    assert merchant.wrong(answer) is None
    fields = read(answer.body)
    assert fields["result_code"] == "SUCCESS"
    assert merchant.gateway.requests[-1].problem is None
    return fields


def failure(merchant: XmlMerchant, answer: Answer) -> str:
    """Return the code of a signed failure."""
    assert merchant.wrong(answer) is None
    fields = read(answer.body)
    assert fields["result_code"] == "FAIL"
    assert (
        merchant.gateway.requests[-1].problem == f"{fields['err_code']}: {fields['err_code_des']}"
    )
    return fields["err_code"]


def order(merchant: XmlMerchant, number: str = "order-0001", **changes: Any) -> Answer:
    """Create an order."""
    return merchant.post("/pay/unifiedorder", **merchant.xml_order(number, **changes))


def query(merchant: XmlMerchant, **number: str) -> Answer:
    """Query an order."""
    return merchant.post("/pay/orderquery", **(number or {"out_trade_no": "order-0001"}))


@pytest.mark.parametrize(
    ("trade_type", "extra", "name", "begin"),
    [
        ("NATIVE", {}, "code_url", "weixin://wxpay/"),
        ("JSAPI", {"openid": "o-1"}, "prepay_id", "wx"),
        ("APP", {}, "prepay_id", "wx"),
        ("MWEB", {"scene_info": '{"h5_info":{}}'}, "mweb_url", "https://wx.tenpay.com/"),
    ],
)
def test_an_order_from_birth_to_payment(
    merchant: XmlMerchant,
    gateway: Sandbox,
    trade_type: str,
    extra: dict[str, str],
    name: str,
    begin: str,
) -> None:
    """An order is created, repeated, queried, paid, and queried by either number and protocol."""
    asked = {"trade_type": trade_type, "attach": "<x>&]]>", **extra}
    made = success(merchant, order(merchant, **asked))
    assert made["trade_type"] == trade_type
    assert made[name].startswith(begin)
    again = success(merchant, order(merchant, **asked))
    assert again["prepay_id"] == made["prepay_id"]
    unpaid = success(merchant, query(merchant))
    assert (unpaid["trade_state"], unpaid["total_fee"]) == ("NOTPAY", "100")
    assert "transaction_id" not in unpaid
    transaction_id = gateway.pay("order-0001")
    paid = success(merchant, query(merchant, transaction_id=transaction_id))
    assert (paid["trade_state"], paid["attach"]) == ("SUCCESS", "<x>&]]>")
    assert paid["openid"] == extra.get("openid", paid["openid"])
    assert re.fullmatch(r"[0-9]{14}", paid["time_end"])
    in_v3 = merchant.call("GET", V3_QUERY.format("order-0001")).json()
    assert (in_v3["transaction_id"], in_v3["amount"]["total"]) == (transaction_id, 100)
    assert "xml" not in in_v3
    assert failure(merchant, order(merchant, **asked)) == "ORDERPAID"
    assert failure(merchant, merchant.post("/pay/closeorder", out_trade_no="order-0001"))


def test_an_order_of_v3(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """What v3 created v2 can query."""
    merchant.call("POST", "/v3/pay/transactions/native", merchant.order(attach="x"))
    gateway.pay("order-0001")
    fields = success(merchant, query(merchant))
    assert (fields["trade_state"], fields["attach"], fields["total_fee"]) == ("SUCCESS", "x", "100")


def test_values_are_cdata(merchant: XmlMerchant) -> None:
    """Text is sent in CDATA sections and numbers plain, as WeChat Pay does."""
    order(merchant, attach="<b>")
    body = query(merchant).body
    assert b"<attach><![CDATA[<b>]]></attach>" in body
    assert b"<total_fee>100</total_fee>" in body


def test_closing(merchant: XmlMerchant) -> None:
    """A closed order is no longer there to be paid, closed again or made again."""
    order(merchant)
    closed = merchant.post("/pay/closeorder", out_trade_no="order-0001")
    assert success(merchant, closed)["result_msg"] == "OK"
    assert success(merchant, query(merchant))["trade_state"] == "CLOSED"
    again = merchant.post("/pay/closeorder", out_trade_no="order-0001")
    assert failure(merchant, again) == "ORDERCLOSED"
    assert failure(merchant, order(merchant)) == "ORDERCLOSED"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"trade_type": "CASH"}, "PARAM_ERROR"),
        ({"product_id": None}, "PARAM_ERROR"),
        ({"trade_type": "JSAPI"}, "PARAM_ERROR"),
        ({"trade_type": "MWEB"}, "PARAM_ERROR"),
        ({"total_fee": "0"}, "PARAM_ERROR"),
        ({"total_fee": "1.5"}, "PARAM_ERROR"),
        ({"total_fee": "-1"}, "PARAM_ERROR"),
        ({"total_fee": "１"}, "PARAM_ERROR"),
        ({"number": "x" * 33}, "PARAM_ERROR"),
        ({"number": "中"}, "PARAM_ERROR"),
        ({"total_fee": "101"}, "OUT_TRADE_NO_USED"),
        ({"body": "other"}, "OUT_TRADE_NO_USED"),
        ({"detail": "other"}, "OUT_TRADE_NO_USED"),
        ({"trade_type": "APP"}, "OUT_TRADE_NO_USED"),
    ],
)
def test_orders_that_cannot_be(merchant: XmlMerchant, changes: dict[str, Any], code: str) -> None:
    """A wrong value, or a number used for another order, is a signed failure."""
    success(merchant, order(merchant))
    assert failure(merchant, order(merchant, **changes)) == code


@pytest.mark.parametrize("path", ["/pay/orderquery", "/pay/closeorder", "/pay/refundquery"])
def test_what_is_not_there(merchant: XmlMerchant, path: str) -> None:
    """What was never created cannot be queried or closed."""
    code = failure(merchant, merchant.post(path, out_trade_no="order-0001"))
    assert code == ("REFUNDNOTEXIST" if "refund" in path else "ORDERNOTEXIST")


def test_micropay(merchant: XmlMerchant) -> None:
    """A scanned payment code pays at once, and once."""
    asked = merchant.xml_order(
        trade_type=None, notify_url=None, product_id=None, auth_code="120061098828009406"
    )
    paid = success(merchant, merchant.post("/pay/micropay", **asked))
    assert (paid["trade_type"], paid["total_fee"]) == ("MICROPAY", "100")
    assert success(merchant, query(merchant))["transaction_id"] == paid["transaction_id"]
    assert failure(merchant, merchant.post("/pay/micropay", **asked)) == "ORDERPAID"
    wrong = {**asked, "auth_code": "99" * 9}
    assert failure(merchant, merchant.post("/pay/micropay", **wrong)) == "AUTH_CODE_INVALID"


def refund(merchant: XmlMerchant, number: str = "r-1", **changes: Any) -> Answer:
    """Ask for a refund."""
    asked = {"out_refund_no": number, "total_fee": 100, "refund_fee": 60}
    where = {} if "transaction_id" in changes else {"out_trade_no": "order-0001"}
    return merchant.post("/secapi/pay/refund", **{**asked, **where, **changes})


def test_a_refund(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """Refunds are repeated with the same answer, add up, and are queried by any number."""
    order(merchant)
    assert failure(merchant, refund(merchant)) == "TRADE_STATE_ERROR"
    transaction_id = gateway.pay("order-0001")
    made = success(merchant, refund(merchant))
    assert (made["refund_fee"], made["transaction_id"]) == ("60", transaction_id)
    assert success(merchant, refund(merchant))["refund_id"] == made["refund_id"]
    assert failure(merchant, refund(merchant, refund_fee=61)) == "INVALID_REQUEST"
    assert failure(merchant, refund(merchant, "r-2")) == "INVALID_REQUEST"
    assert failure(merchant, refund(merchant, "r-2", total_fee=99)) == "INVALID_REQUEST"
    rest = refund(merchant, "r-2", refund_fee=40, transaction_id=transaction_id)
    success(merchant, rest)
    for given, count in (
        ({"out_trade_no": "order-0001"}, "2"),
        ({"transaction_id": transaction_id}, "2"),
        ({"out_refund_no": "r-1"}, "1"),
        ({"refund_id": made["refund_id"]}, "1"),
    ):
        found = success(merchant, merchant.post("/pay/refundquery", **given))
        assert found["refund_count"] == count
        assert (found["out_refund_no_0"], found["refund_status_0"]) == ("r-1", "SUCCESS")
    second = {"out_trade_no": "order-0001", "offset": 1}
    found = success(merchant, merchant.post("/pay/refundquery", **second))
    assert (found["refund_count"], found["out_refund_no_0"]) == ("1", "r-2")
    in_v3 = merchant.call("GET", "/v3/refund/domestic/refunds/r-1").json()
    assert in_v3["amount"]["refund"] == 60
    assert success(merchant, query(merchant))["trade_state"] == "REFUND"


def test_a_red_packet(merchant: XmlMerchant) -> None:
    """A red packet is sent once; the answer to it is never signed."""
    asked: dict[str, Any] = {
        "appid": None,
        "wxappid": "wx8888888888888888",
        "mch_billno": "1900000109202611240000000001",
        "send_name": "商户",
        "re_openid": "o-1",
        "total_amount": 100,
        "total_num": 1,
        "wishing": "感谢",
        "client_ip": "127.0.0.1",
        "act_name": "a",
        "remark": "r",
    }
    path = "/mmpaymkttransfers/sendredpack"
    first, again = (read(merchant.post(path, **asked).body) for _ in range(2))
    assert first["result_code"] == "SUCCESS"
    assert first["send_listid"] == again["send_listid"]
    assert "sign" not in first
    for change in ({"total_amount": 101}, {"total_num": 2}, {"total_amount": 1}):
        fields = read(merchant.post(path, **{**asked, **change}).body)
        assert fields["result_code"] == "FAIL"
        assert "sign" not in fields


def test_the_public_key(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """The key for bank transfers comes as PKCS#1, unsigned."""
    fields = read(merchant.post("/risk/getpublickey", sign_type="MD5").body)
    assert fields["pub_key"].startswith("-----BEGIN RSA PUBLIC KEY-----")
    key = load_pem_public_key(fields["pub_key"].encode())
    assert isinstance(key, RSAPublicKey)
    assert key == gateway.identity.public_key.private_key.public_key()
    assert "sign" not in fields


@pytest.mark.parametrize("packed", [False, True])
def test_a_bill(merchant: XmlMerchant, gateway: Sandbox, packed: bool) -> None:
    """A bill lists a day's paid orders as text, packed if it was asked to be."""
    order(merchant)
    order(merchant, "order-0002", total_fee=5)
    transaction_id = gateway.pay("order-0001")
    today = datetime.fromtimestamp(time.time(), CHINA).strftime("%Y%m%d")
    asked = {"bill_date": today, "bill_type": "ALL", "tar_type": "GZIP" if packed else None}
    answer = merchant.post("/pay/downloadbill", **asked)
    body = gzip.decompress(answer.body) if packed else answer.body
    lines = body.decode().split("\r\n")
    assert lines[1].startswith("`20")
    assert f",`{transaction_id},`order-0001," in lines[1]
    assert lines[3:] == ["`1,`1.00", ""]
    assert dict(answer.headers)["Content-Type"].startswith("application/x-" if packed else "text/")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bill_date": "20150101"}, "No Bill Exist"),
        ({"bill_date": "2015-01-01"}, "bill_date"),
        ({"tar_type": "ZIP"}, "tar_type"),
        ({"bill_type": "REVOKED"}, "bill_type"),
    ],
)
def test_no_bill(merchant: XmlMerchant, changes: dict[str, str], message: str) -> None:
    """Where there is no bill the answer is XML that says so."""
    answer = merchant.post("/pay/downloadbill", **{"bill_date": "20150101", **changes})
    fields = read(answer.body)
    assert (fields["return_code"], list(fields)) == ("FAIL", ["return_code", "return_msg"])
    assert message in fields["return_msg"]


@pytest.mark.parametrize(
    ("path", "fields", "is_signed"),
    [
        ("/tools/shorturl", {"long_url": "weixin://wxpay"}, True),
        ("/mmpaysptrans/query_bank", {"partner_trade_no": "1"}, False),
        ("/xdc/apiv2getsignkey/sign/getsignkey", {}, False),
        ("/secapi/mch/queryInstitutionsub", {"app_id": "1", "sub_mch_id": "1"}, True),
    ],
)
def test_other_known_operations(
    merchant: XmlMerchant, path: str, fields: dict[str, str], is_signed: bool
) -> None:
    """What is not carried out is answered with a success, signed where such answers are."""
    answer = merchant.post(path, **fields)
    assert read(answer.body)["return_code"] == "SUCCESS", answer.body
    assert merchant.wrong(answer) == (None if is_signed else "no sign")


def test_clearing(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A cleared gateway knows no orders of v2 either."""
    order(merchant)
    gateway.clear()
    assert failure(merchant, query(merchant)) == "ORDERNOTEXIST"
