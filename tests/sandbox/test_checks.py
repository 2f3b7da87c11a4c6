"""What the gateway wants of a request whose signature is right."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.merchant import Merchant
from wechatpay_chain.sandbox import Sandbox

NATIVE = "/v3/pay/transactions/native"
PUNISH = "/v3/aggracct-bc/wb-channel/control-orders/punish"
ARCHIVES = "/v3/aggracct-bc/wb-channel/account/mch_archives"


@pytest.mark.parametrize("name", ["Accept", "User-Agent"])
def test_headers_that_must_be_there(merchant: Merchant, name: str) -> None:
    """Accept and User-Agent are wanted as the real gateway wants them."""
    answer = merchant.call("POST", NATIVE, merchant.order(), headers={name: None})
    assert (answer.status, answer.json()["detail"]["field"]) == (400, name)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v3/no/such/thing"),
        ("PUT", NATIVE),
        ("POST", "/v3//pay/transactions/native"),
        ("GET", "/v3/pay/transactions/out-trade-no/?mchid=1900000109"),
        ("GET", "/v3/pay/transactions/id/..?mchid=1900000109"),
        ("GET", "/v3/pay/transactions/id/%2e%2E?mchid=1900000109"),
    ],
)
def test_unknown_operations(merchant: Merchant, method: str, target: str) -> None:
    """An unknown path, or a known one with another method, is not there."""
    answer = merchant.call(method, target)
    assert (answer.status, answer.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")


def test_a_prefix_before_v3(merchant: Merchant) -> None:
    """Gateways of other regions put a prefix before the version."""
    assert merchant.call("POST", f"/hk{NATIVE}", merchant.order()).status == 200


@pytest.mark.parametrize("prefix", ["", "/hk", "/global"])
def test_other_known_operations(merchant: Merchant, prefix: str) -> None:
    """What the catalogue knows and the sandbox does not carry out is answered by its schema."""
    path = "/v3/merchant-service/complaints-v2/1/negotiation-historys"
    answer = merchant.call("GET", prefix + path)
    assert (answer.status, answer.problem()) == (200, None)
    assert answer.json()["total_count"] == 1


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        (b"{", "the body is not JSON at character 1"),
        (b"[]", "the body is not a JSON object"),
        (b'"x"', "the body is not a JSON object"),
        (b'{"a":NaN}', "the body holds NaN, which is not JSON"),
        (b'{"a":1,"a":2}', "the body names a key twice"),
        (b'{"a":"\xff"}', "the body is not UTF-8"),
        (b"\xef\xbb\xbf{}", "the body is not JSON at character 0"),
        (b'{"a":' + b"[" * 100_000, "the body is nested too deep"),
        (b'{"a":' * 600 + b"1" + b"}" * 600, "the body is nested too deep"),
    ],
)
def test_bodies_that_are_no_strict_json(merchant: Merchant, body: bytes, issue: str) -> None:
    """The body is one JSON object in strict UTF-8."""
    answer = merchant.call("POST", NATIVE, body=body)
    assert (answer.status, answer.json()["code"]) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["issue"] == issue


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('application/json;charset="UTF-8"', 200),
        ("application/json; charset=gbk", 400),
        ("application/x-www-form-urlencoded", 400),
        ("text/xml", 400),
        (None, 400),
    ],
)
def test_content_types(merchant: Merchant, content_type: str | None, status: int) -> None:
    """A body is declared as JSON."""
    headers = {"Content-Type": content_type}
    assert merchant.call("POST", NATIVE, merchant.order(), headers=headers).status == status


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"appid": None}, "/appid"),
        ({"description": ""}, "/description"),
        ({"amount": None}, "/amount"),
        ({"amount": {}}, "/amount/total"),
        ({"amount": 100}, "/amount"),
        ({"detail": {"goods_detail": [{}]}}, "/detail/goods_detail/0/merchant_goods_id"),
        ({"scene_info": {"store_info": {"name": "x"}}}, "/scene_info/store_info/area_code"),
        ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": True}}, "/amount/total"),
        ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
        ({"out_trade_no": "short"}, "/out_trade_no"),
        ({"out_trade_no": 1234567}, "/out_trade_no"),
        ({"description": True}, "/description"),
        ({"amount": {"total": "1"}}, "/amount/total"),
        ({"amount": {"total": 1.0}}, "/amount/total"),
        ({"amount": [{"total": 1}]}, "/amount"),
        ({"support_fapiao": "true"}, "/support_fapiao"),
        ({"limit_pay": "no_credit"}, "/limit_pay"),
        ({"limit_pay": ["no_credit", 1]}, "/limit_pay/1"),
        ({"detail": {"goods_detail": {}}}, "/detail/goods_detail"),
        ({"detail": {"goods_detail": [None]}}, "/detail/goods_detail/0"),
    ],
)
def test_wrong_fields(merchant: Merchant, change: dict[str, Any], field: str) -> None:
    """Required fields are wanted where their parent is there, each in its type; errors point."""
    answer = merchant.call("POST", NATIVE, merchant.order(**change))
    assert (answer.status, answer.json()["code"]) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert answer.json()["detail"]["location"] == "body"


@pytest.mark.parametrize("query", ["", "?mchid=", "?MCHID=1900000109"])
def test_required_query(merchant: Merchant, query: str) -> None:
    """A required field of the query is wanted as well."""
    answer = merchant.call("GET", f"/v3/pay/transactions/out-trade-no/order-0001{query}")
    assert (answer.status, answer.json()["detail"]["field"]) == (400, "/mchid")
    assert answer.json()["detail"]["location"] == "query"


def test_no_body_where_fields_are_required(merchant: Merchant) -> None:
    """Sending nothing lacks the required fields."""
    assert merchant.call("POST", NATIVE).json()["detail"]["field"] == "/appid"


@pytest.mark.parametrize("kept", ["public_key", "certificate"])
def test_sensitive_fields_are_opened(merchant: Merchant, gateway: Sandbox, kept: str) -> None:
    """Either living key opens what it encrypted, and the answer is signed with the same."""
    serial = getattr(gateway.identity, kept).serial
    punishment = merchant.punishment(bal_account_no=merchant.encrypt("6222", serial))
    answer = merchant.call("POST", PUNISH, punishment, headers={"Wechatpay-Serial": serial})
    assert (answer.status, answer.problem()) == (200, None)
    assert answer.all("Wechatpay-Serial") == [serial]
    received = gateway.requests[0]
    assert received.opened == {**punishment, "bal_account_no": "6222"}
    assert received.json == punishment


@pytest.mark.parametrize("value", ["6222000011112222", "QUJD", "", 6222, {"a": 1}, "A" * 344])
def test_sensitive_fields_in_the_clear(merchant: Merchant, gateway: Sandbox, value: object) -> None:
    """A marked field that was not encrypted is refused, and the record says it was not opened."""
    punishment = merchant.punishment(card_no=value)
    answer = merchant.call("POST", PUNISH, punishment, headers=merchant.serial_header)
    assert (answer.status, answer.json()["detail"]["field"]) == (400, "/card_no")
    assert gateway.requests[0].opened is None


def test_the_wrong_key(merchant: Merchant, gateway: Sandbox) -> None:
    """A field is opened with the key that the header names, and no other."""
    other: dict[str, str | None] = {"Wechatpay-Serial": gateway.identity.certificate.serial}
    answer = merchant.call("POST", PUNISH, merchant.punishment(), headers=other)
    assert answer.json()["detail"]["field"] == "/bal_account_no"


@pytest.mark.parametrize("serial", [None, "", "PUB_KEY_ID_0"])
def test_no_key_is_named(merchant: Merchant, serial: str | None) -> None:
    """With a sensitive field the header must name a key of WeChat Pay."""
    headers = {"Wechatpay-Serial": serial}
    answer = merchant.call("POST", PUNISH, merchant.punishment(), headers=headers)
    assert (answer.status, answer.json()["code"]) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == "Wechatpay-Serial"


def test_sensitive_query(merchant: Merchant, gateway: Sandbox) -> None:
    """Ciphertext in a query is opened, if its plus signs were encoded."""
    secret = next(s for s in iter(lambda: merchant.encrypt("6222"), "") if "+" in s)
    known = "mchid=1900000100&scene=01&out_request_no=1&bal_account_no="
    headers = merchant.serial_header
    answer = merchant.call("GET", f"{ARCHIVES}?{known}{quote(secret, safe='')}", headers=headers)
    assert (answer.status, answer.problem()) == (200, None)
    opened = gateway.requests[0].opened
    assert opened is not None
    assert opened["bal_account_no"] == "6222"
    plus = merchant.call("GET", f"{ARCHIVES}?{known}{quote(secret, safe='+')}", headers=headers)
    assert plus.json()["detail"]["location"] == "query"


def upload(content: bytes, digest: str) -> tuple[bytes, bytes]:
    """Return meta part and whole body of an upload."""
    meta = json.dumps({"filename": "a.png", "sha256": digest}).encode()
    body = b"".join(
        [
            b'--XX\r\nContent-Disposition: form-data; name="meta"\r\n',
            b"Content-Type: application/json\r\n\r\n" + meta + b"\r\n",
            b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n',
            b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--XX--\r\n",
        ]
    )
    return meta, body


@pytest.mark.parametrize(
    ("sign_whole", "right_digest", "status"),
    [(False, True, 200), (True, True, 401), (False, False, 400)],
)
def test_uploads(
    merchant: Merchant, gateway: Sandbox, sign_whole: bool, right_digest: bool, status: int
) -> None:
    """Of an upload the meta part is signed, and its digest is that of the file."""
    content = b"\x89PNG\r\n--X\r\n" * 200_000
    digest = hashlib.sha256(content if right_digest else b"").hexdigest()
    meta, body = upload(content, digest)
    answer = merchant.call(
        "POST",
        "/v3/merchant/media/upload",
        body=body,
        headers={"Content-Type": "multipart/form-data; boundary=XX"},
        signed_body=body if sign_whole else meta,
    )
    assert answer.status == status
    assert gateway.requests[0].json == json.loads(meta)
    assert gateway.requests[0].body == body


def test_what_a_record_shows(merchant: Merchant, gateway: Sandbox) -> None:
    """A record has the raw request; its repr has neither query nor body."""
    target = "/v3/pay/transactions/out-trade-no/order-0001?mchid=1900000109&x=%20"
    merchant.call("GET", target)
    (received,) = gateway.requests
    assert (received.method, received.target) == ("GET", target)
    assert received.path == "/v3/pay/transactions/out-trade-no/order-0001"
    assert received.query["x"] == " "
    assert received.headers["user-agent"] == "tests"
    assert (received.body, received.json) == (b"", None)
    assert received.opened == {"mchid": "1900000109", "x": " "}
    assert repr(received) == f"<ReceivedRequest GET {received.path}>"
