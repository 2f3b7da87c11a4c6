"""What the gateway wants of a request of the v2 protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.sandbox.merchant import Answer
from tests.sandbox.xml_merchant import XmlMerchant, read, sign, write
from wechatpay_chain.sandbox import Sandbox

UNIFIED = "/pay/unifiedorder"
OTHER = "1900000110"


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    with Sandbox(mchids=[OTHER]) as running:
        yield running


@pytest.fixture
def merchant(gateway: Sandbox) -> Iterator[XmlMerchant]:
    caller = XmlMerchant(gateway)
    yield caller
    caller.close()


def refused(answer: Answer) -> str:
    """Return why the form of a request was refused, which is never signed."""
    fields = read(answer.body)
    assert (fields["return_code"], list(fields)) == ("FAIL", ["return_code", "return_msg"])
    (received,) = answer.gateway.requests[-1:]
    assert received.problem == fields["return_msg"]
    assert received.opened is None
    return fields["return_msg"]


@pytest.mark.parametrize("sign_type", [None, "", "MD5", "HMAC-SHA256"])
def test_a_good_request(merchant: XmlMerchant, gateway: Sandbox, sign_type: str | None) -> None:
    """A right request is carried out, and answered with the sign_type that it has."""
    answer = merchant.post(UNIFIED, **merchant.xml_order(sign_type=sign_type))
    fields = read(answer.body)
    assert answer.status == 200
    assert merchant.wrong(answer, sign_type or "MD5") is None
    assert len(fields["sign"]) == (64 if sign_type == "HMAC-SHA256" else 32)
    assert fields["mch_id"] == merchant.mchid
    assert fields["appid"] == "wx8888888888888888"
    (received,) = gateway.requests
    assert received.problem is None
    assert received.opened is not None
    assert received.opened["body"] == "Image形象店 <1>"
    assert fields["nonce_str"] != received.opened["nonce_str"]
    assert "Wechatpay-Signature" not in dict(answer.headers)


# What is changed in the request → where the gateway finds fault.
FAULTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"sign": None, "nonce_str": None}, {}, "nonce_str: the field is required"),
    ({"sign": ""}, {}, "sign: the field is required"),
    ({"sign": "0" * 32}, {}, "sign: it does not match"),
    ({"sign": "C380BEC2"}, {}, "sign: it does not match"),
    ({"sign": "中"}, {}, "sign: it does not match"),
    ({}, {"secret": "0" * 32}, "sign: it does not match"),
    ({}, {"sign_type": "HMAC-SHA256"}, "sign: it does not match, computed with MD5"),
    ({"sign_type": "HMAC-SHA256"}, {"sign_type": "MD5"}, "computed with HMAC-SHA256"),
    ({"sign_type": "SHA1"}, {"sign_type": "MD5"}, "sign_type: it is none of MD5, HMAC-SHA256"),
    ({"sign_type": "md5"}, {"sign_type": "MD5"}, "sign_type: it is none of"),
    ({"nonce_str": "n" * 33}, {}, "nonce_str: it is longer"),
    ({"nonce_str": ""}, {}, "nonce_str: the field is required"),
    ({"mch_id": None}, {}, "mch_id: the field is required"),
    ({"mch_id": ""}, {}, "mch_id: the field is required"),
    ({"mch_id": "1900000001"}, {}, "mch_id: this merchant is not known"),
    ({"mch_id": OTHER}, {}, "sign: it does not match"),
    ({"appid": None}, {}, "appid: the field is required"),
    ({"notify_url": ""}, {}, "notify_url: the field is required"),
    ({"total_fee": None}, {}, "total_fee: the field is required"),
]


@pytest.mark.parametrize(("changes", "forged", "problem"), FAULTS)
def test_faults(
    merchant: XmlMerchant, changes: dict[str, Any], forged: dict[str, Any], problem: str
) -> None:
    """Each fault has its unsigned refusal, in a 200 that names the field and no value."""
    answer = merchant.post(UNIFIED, forged, **merchant.xml_order(**changes))
    assert answer.status == 200
    assert problem in refused(answer)
    assert b"1900000001" not in answer.body


def test_a_lower_case_sign(merchant: XmlMerchant) -> None:
    """The same sign in lower case is another sign."""
    fields = merchant.fields(**merchant.xml_order())
    lower = {**fields, "sign": sign(fields, merchant.me.secret).lower()}
    assert "sign" in refused(merchant.send(UNIFIED, write(lower)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields: {**fields, "total_fee": "1"},
        lambda fields: {**fields, "surplus": "1"},
        lambda fields: {name: text for name, text in fields.items() if name != "product_id"},
        lambda fields: {**fields, "body": fields["body"] + " "},
    ],
)
def test_what_the_sign_covers(merchant: XmlMerchant, spoil: Any) -> None:
    """Every field that was changed, added or taken away after signing is found out."""
    fields = merchant.signed(merchant.fields(**merchant.xml_order()))
    assert "sign" in refused(merchant.send(UNIFIED, write(spoil(fields))))


def test_empty_fields_are_not_signed(merchant: XmlMerchant) -> None:
    """An empty field is sent and left out of the sign."""
    answer = merchant.post(UNIFIED, **merchant.xml_order(attach="", detail=""))
    assert merchant.wrong(answer) is None


@pytest.mark.parametrize(("signed", "good"), [("query_split=&", True), ("", True), ("x=&", False)])
def test_a_false_boolean(merchant: XmlMerchant, signed: str, good: bool) -> None:
    """A boolean that is false may be signed as an empty value, as the PHP SDK does."""
    path = "/pay/settlementquery"
    dates = {"usetag": 1, "offset": 0, "limit": 9, "date_start": 1, "date_end": 2}
    me = {"mch_id": None, "mchid": merchant.mchid}
    fields = merchant.fields(**me, **dates, query_split="", x="")
    text = "".join(
        f"{k}={v}&" if v else (f"{k}=&" if f"{k}=&" == signed else "")
        for k, v in sorted(fields.items())
    )
    value = hashlib.md5(f"{text}key={merchant.me.secret}".encode()).hexdigest().upper()
    answer = merchant.send(path, write({**fields, "sign": value}))
    assert (read(answer.body)["return_code"] == "SUCCESS") is good


def test_names_are_sorted_as_bytes(merchant: XmlMerchant) -> None:
    """Capitals come before small letters, whatever a locale would say."""
    order = merchant.xml_order(Zebra="1", _x="2", a="3", b2="4", B="5", b10="6")
    assert merchant.wrong(merchant.post(UNIFIED, **order)) is None


GOOD = b"<a>1</a>"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not XML"),
        (b"{}", "not XML"),
        (b"<xml>", "not XML"),
        (b"<xml><a>1</b></xml>", "not XML"),
        (b"<xml>" + GOOD + b"</xml><xml/>", "not XML"),
        (b"<xml>&nbsp;</xml>", "not XML"),
        (b"<xml><a>\xff</a></xml>", "not UTF-8"),
        ("<xml><a>中</a></xml>".encode("gbk"), "not UTF-8"),
        (b"<root>" + GOOD + b"</root>", "root element"),
        (b"<xml>" + GOOD + GOOD + b"</xml>", "twice"),
        (b"<xml><a><b>1</b></a></xml>", "deeper"),
        (b"<xml>text" + GOOD + b"</xml>", "text between"),
        (b"<!DOCTYPE xml><xml>" + GOOD + b"</xml>", "document type"),
        (b'<!DOCTYPE xml [<!ENTITY e "1">]><xml><a>&e;</a></xml>', "document type"),
        (b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml/>', "document type"),
        (b"<xml><a>" + b"1" * 1024 * 1024 + b"</a></xml>", "larger than"),
        (b"<xml>" + b"<d>" * 100_000, "deeper"),
    ],
)
def test_bodies_that_are_no_strict_xml(merchant: XmlMerchant, body: bytes, problem: str) -> None:
    """The body is one level of fields in UTF-8, without a document type or an entity."""
    assert problem in refused(merchant.send(UNIFIED, body))


def test_what_xml_may_have(merchant: XmlMerchant) -> None:
    """Declaration, CDATA, character references, comments and blanks between fields are XML."""
    fields = merchant.signed(merchant.fields(**merchant.xml_order(body="a<b>]]>&", attach="中")))
    written = "".join(
        f" <!-- {name} --> <{name}><![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>\n"
        for name, text in fields.items()
        if name != "attach"
    )
    document = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<xml>{written}<attach>&#20013;</attach></xml>'
    )
    assert merchant.wrong(merchant.send(UNIFIED, document.encode())) is None


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        ("text/xml", True),
        ("text/xml; charset=utf-8", True),
        ('TEXT/XML;charset="UTF-8"', True),
        ("text/xml; charset=gbk", False),
        ("application/json", False),
        ("application/x-www-form-urlencoded", False),
        (None, False),
    ],
)
def test_content_types(merchant: XmlMerchant, content_type: str | None, good: bool) -> None:
    """A body is declared as XML."""
    body = write(merchant.signed(merchant.fields(**merchant.xml_order())))
    answer = merchant.send(UNIFIED, body, content_type=content_type)
    assert (read(answer.body)["return_code"] == "SUCCESS") is good


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/no/such/thing"),
        ("POST", "/v2/pay/unifiedorder"),
        ("PUT", "/pay/unifiedorder"),
        ("GET", "/pay/unifiedorder?mch_id=1"),
        ("POST", "/pay//unifiedorder"),
        ("POST", "/pay/unifiedorder/"),
        ("POST", "/pay/./unifiedorder"),
        ("POST", "/pay/UnifiedOrder"),
        ("POST", "/"),
    ],
)
def test_unknown_operations(merchant: XmlMerchant, method: str, target: str) -> None:
    """An unknown path, or a known one with another method, is not there."""
    answer = merchant.send(target, b"<xml/>", method=method)
    assert answer.status == 404
    assert refused(answer) == "there is no such operation"


def test_a_replay(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A nonce is good once, for one merchant, until the gateway is cleared."""
    other = XmlMerchant(gateway, OTHER)
    order = merchant.xml_order(nonce_str="n")
    assert merchant.wrong(merchant.post(UNIFIED, **order)) is None
    assert "replay" in refused(merchant.post(UNIFIED, **order))
    assert other.wrong(other.post(UNIFIED, **order)) is None
    gateway.clear()
    assert merchant.wrong(merchant.post(UNIFIED, **order)) is None
    other.close()


def test_a_refused_request_leaves_its_nonce_free(merchant: XmlMerchant) -> None:
    """A request with a bad sign cannot burn the nonce of a good one."""
    order = merchant.xml_order(nonce_str="n")
    refused(merchant.post(UNIFIED, {"secret": "?"}, **order))
    assert merchant.wrong(merchant.post(UNIFIED, **order)) is None


def test_nonceless(merchant: XmlMerchant) -> None:
    """Where the catalogue says so no nonce is wanted; the same request comes as often as it may."""
    fields = {"nonce_str": None, "contract_id": "1", "version": "1.0"}
    for _ in range(2):
        answer = merchant.post("/papay/querycontract", **fields)
        assert merchant.wrong(answer) is None


@pytest.mark.parametrize(
    ("path", "given", "problem"),
    [
        ("/pay/orderquery", {}, "transaction_id or out_trade_no: one of them is required"),
        ("/pay/orderquery", {"out_trade_no": "x"}, None),
        ("/pay/orderquery", {"transaction_id": "x"}, None),
        ("/pay/refundquery", {"refund_id": "x"}, None),
        ("/pay/refundquery", {}, "transaction_id or out_trade_no or out_refund_no or refund_id"),
    ],
)
def test_one_of_several_numbers(
    merchant: XmlMerchant, path: str, given: dict[str, Any], problem: str | None
) -> None:
    """Where one of several numbers is wanted, either of them will do."""
    answer = merchant.post(path, **given)
    if problem is None:
        assert merchant.wrong(answer) is None
    else:
        assert problem in refused(answer)


@pytest.mark.parametrize(
    ("sign_type", "problem"),
    [(None, "is required"), ("HMAC-SHA256", None), ("MD5", "takes HMAC-SHA256 only")],
)
def test_an_operation_with_one_sign_type(
    merchant: XmlMerchant, sign_type: str | None, problem: str | None
) -> None:
    """A sign_type that the documentation does not give the operation is refused."""
    fields = {"out_order_no": "1", "transaction_id": "1", "sign_type": sign_type}
    answer = merchant.post("/pay/profitsharingquery", **fields)
    if problem is None:
        assert merchant.wrong(answer, "HMAC-SHA256") is None
    else:
        assert problem in refused(answer)


CONTRACT = {
    "nonce_str": None,
    "plan_id": "1",
    "contract_code": "a b",
    "request_serial": "1",
    "contract_display_account": "微信 & 支付",
    "notify_url": "https://example.com/?a=1&b=2",
    "version": "1.0",
    "timestamp": "1",
    "clientip": "127.0.0.1",
}


def test_a_signed_query(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A GET is signed over the decoded values of its query."""
    answer = merchant.get("/papay/h5entrustweb", **CONTRACT)
    assert read(answer.body)["result_code"] == "SUCCESS"
    assert gateway.requests[0].opened is not None
    assert gateway.requests[0].opened["contract_code"] == "a b"


@pytest.mark.parametrize(
    ("surplus", "problem"),
    [("&plan_id=1", "twice"), ("&b=1", "sign"), ("&b=%ff", "invalid start byte")],
)
def test_a_query_that_was_changed(merchant: XmlMerchant, surplus: str, problem: str) -> None:
    """A query that names a field twice, or one that was not signed, is refused."""
    signed = merchant.signed(merchant.fields(**CONTRACT))
    target = f"/papay/h5entrustweb?{urlencode(signed)}{surplus}"
    assert problem in refused(merchant.send(target, b"", method="GET"))


@pytest.mark.parametrize("name", ["mch_id", "mchid", "combine_mch_id"])
def test_names_of_the_merchant_number(merchant: XmlMerchant, name: str) -> None:
    """The merchant stands under whichever of its three names."""
    fields: dict[str, Any] = {"mch_id": None, name: merchant.mchid, "sign_type": "HMAC-SHA256"}
    fields |= {"combine_appid": "1", "combine_out_trade_no": "1", "appid": None}
    path = "/pay/querycombinedorder"
    answer = merchant.post(path, **fields)
    if name == "combine_mch_id":
        assert merchant.wrong(answer, "HMAC-SHA256") is None
        assert read(answer.body)["combine_mch_id"] == merchant.mchid
    else:
        # The merchant is found; what is missed is what this operation requires.
        assert refused(answer).startswith("combine_mch_id")


def test_no_secret_in_a_refusal(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """Neither answers nor records show the secret or the sign that was expected."""
    fields = merchant.fields(**merchant.xml_order())
    right = sign(fields, merchant.me.secret)
    answer = merchant.send(UNIFIED, write({**fields, "sign": "0" * 32}))
    shown = answer.body.decode() + repr(gateway.requests) + str(gateway.requests[0].problem)
    assert merchant.me.secret not in shown
    assert right not in shown
