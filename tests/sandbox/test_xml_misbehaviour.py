"""What the gateway does wrong to answers of the v2 protocol when it is told to."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.sandbox.merchant import Answer
from tests.sandbox.xml_merchant import XmlMerchant, read, write
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import MISBEHAVIOURS, Sandbox

UNIFIED = "/pay/unifiedorder"

# Name, options → what the verification of the answer to an order must find.
PROBLEMS: list[tuple[str, dict[str, Any], str | None]] = [
    ("unsigned", {}, "no sign"),
    ("bad-signature", {}, "sign"),
    ("wrong-sign-type", {}, "sign"),
    ("tampered-body", {}, "sign"),
    ("delay", {"seconds": 0}, None),
    ("too-large", {"size": 1000}, None),
    ("business-failure", {}, None),
    ("return-fail", {}, "return_code"),
]

# Name → what is true of the bytes of the answer.
BODIES: list[tuple[str, Callable[[bytes], object]]] = [
    ("not-xml", lambda body: body == b"SUCCESS"),
    ("empty", lambda body: body == b""),
    ("not-utf8", lambda body: b"\xff" in body and body.endswith(b"</xml>")),
    ("too-large", lambda body: len(body) > 9 * 1024 * 1024),
    ("xml-doctype", lambda body: body.startswith(b"<!DOCTYPE xml><xml>")),
    ("xml-entities", lambda body: body.count(b"<!ENTITY") == 10 and len(body) < 2000),
    ("xml-external-entity", lambda body: b'SYSTEM "file:///etc/passwd"' in body),
    ("xml-deep", lambda body: body.count(b"<d>") == body.count(b"</d>") == 100_000),
    ("xml-repeated-sign", lambda body: body.count(b"<sign>") == 2),
    ("gzip", lambda body: gzip.decompress(body).startswith(b"<xml>")),
    ("gzip-bomb", lambda body: len(body) < 1024 * 1024),
]

# Name, options → the status of the answer, and what the verification of it must find.
ERRORS: list[tuple[str, dict[str, Any], int, str | None]] = [
    ("status", {"code": 429}, 429, None),
    ("status", {"code": 200}, 200, None),
    ("status", {}, 500, None),
    ("unsigned-error", {"status": 503}, 503, "no sign"),
    ("error-forged", {}, 500, "sign"),
    ("redirect", {}, 307, None),
]


@pytest.fixture
def merchant(gateway: Sandbox) -> Iterator[XmlMerchant]:
    caller = XmlMerchant(gateway)
    yield caller
    caller.close()


def order(merchant: XmlMerchant, **fields: Any) -> Answer:
    """Create an order."""
    return merchant.post(UNIFIED, **merchant.xml_order(**fields))


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
@pytest.mark.parametrize(("name", "options", "problem"), PROBLEMS)
def test_answers_that_cannot_be_trusted(
    merchant: XmlMerchant,
    gateway: Sandbox,
    name: str,
    options: dict[str, Any],
    problem: str | None,
    sign_type: str,
) -> None:
    """The answer is a 200 with exactly that fault, once, and the order was created."""
    gateway.misbehave(name, **options)
    answer = order(merchant, sign_type=sign_type)
    assert (answer.status, merchant.wrong(answer, sign_type)) == (200, problem)
    assert gateway.requests[0].problem is None
    assert gateway.pay("order-0001")
    query = merchant.post("/pay/orderquery", out_trade_no="order-0001")
    assert merchant.wrong(query) is None


def test_the_wrong_sign_type(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """The answer is well signed, only with the other algorithm."""
    gateway.misbehave("wrong-sign-type", times=2)
    assert merchant.wrong(order(merchant), "HMAC-SHA256") is None
    assert merchant.wrong(order(merchant, sign_type="HMAC-SHA256"), "MD5") is None


@pytest.mark.parametrize(("name", "holds"), BODIES)
def test_bodies(
    merchant: XmlMerchant, gateway: Sandbox, name: str, holds: Callable[[bytes], object]
) -> None:
    """The bodies are as bad as promised, though the order was created."""
    gateway.misbehave(name)
    answer = order(merchant)
    assert answer.status == 200
    assert holds(answer.body)
    assert gateway.pay("order-0001")


def test_a_tampered_body_is_xml(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """What was tampered with is still good XML, with everything that was in it."""
    gateway.misbehave("tampered-body")
    assert read(order(merchant).body)["code_url"].startswith("weixin://")


def test_entities_are_real(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A parser that expands entities would expand these: it is the amount that it refuses."""
    gateway.misbehave("xml-entities")
    with pytest.raises(ElementTree.ParseError, match=r"amplification|entity"):
        ElementTree.fromstring(order(merchant).body)  # noqa: S314 - it is to be refused


@pytest.mark.parametrize(("name", "options", "status", "problem"), ERRORS)
def test_errors(
    merchant: XmlMerchant,
    gateway: Sandbox,
    name: str,
    options: dict[str, Any],
    status: int,
    problem: str | None,
) -> None:
    """Errors come with the status that was asked for, though the order was created."""
    gateway.misbehave(name, **options)
    answer = order(merchant)
    assert (answer.status, merchant.wrong(answer)) == (status, problem)
    assert gateway.pay("order-0001")


def test_a_page(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A gateway in between answers in HTML."""
    gateway.misbehave("error-not-json")
    answer = order(merchant)
    assert (answer.status, answer.all("Content-Type")) == (502, ["text/html"])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("business-failure", {}, {"result_code": "FAIL", "err_code": "SYSTEMERROR"}),
        (
            "business-failure",
            {"code": "NOTENOUGH", "message": "余额不足"},
            {"err_code": "NOTENOUGH", "err_code_des": "余额不足"},
        ),
        ("return-fail", {}, {"return_code": "FAIL", "return_msg": "签名失败"}),
        ("return-fail", {"message": "?"}, {"return_msg": "?"}),
        ("status", {"code": 429}, {"result_code": "FAIL", "err_code": "RATELIMIT_EXCEEDED"}),
    ],
)
def test_what_failures_say(
    merchant: XmlMerchant,
    gateway: Sandbox,
    name: str,
    options: dict[str, Any],
    said: dict[str, str],
) -> None:
    """A failure says what it was told to, and nothing of the order."""
    gateway.misbehave(name, **options)
    fields = read(order(merchant).body)
    assert fields.items() >= said.items()
    assert "prepay_id" not in fields


@pytest.mark.parametrize(
    ("name", "done"),
    [
        ("hang-up-before", False),
        ("hang-up-after", True),
        ("hang-up-headers", True),
        ("truncated", True),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_connections_that_end(name: str, done: bool, tls: bool) -> None:
    """The connection ends, over TLS as well, and the order exists only if the body was read."""
    with Sandbox(tls=tls) as gateway:
        merchant = XmlMerchant(gateway)
        gateway.misbehave(name)
        with contextlib.suppress(OSError, http.client.HTTPException):
            # http.client makes do with half the headers, and finds no body behind them.
            assert order(merchant).body == b""
        assert (gateway.requests[0].problem is None) is done
        found = read(merchant.post("/pay/orderquery", out_trade_no="order-0001").body)
        assert (found["result_code"] == "SUCCESS") is done
        merchant.close()


def test_gzip(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """The sign of a gzipped body is that of the plain one; a damaged one does not unpack."""
    gateway.misbehave("gzip")
    answer = order(merchant)
    assert answer.all("Content-Encoding") == ["gzip"]
    answer.body = gzip.decompress(answer.body)
    assert merchant.wrong(answer) is None
    gateway.misbehave("gzip-corrupt")
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(order(merchant).body)


def test_where_a_fault_makes_no_sense(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A fault of one protocol waits for a request of that protocol."""
    gateway.misbehave("missing-nonce")
    gateway.misbehave("wrong-sign-type")
    v3 = merchant.call("GET", "/v3/certificates")
    assert v3.problem() == "Wechatpay-Nonce"
    assert merchant.call("GET", "/v3/certificates").problem() is None
    assert merchant.wrong(order(merchant)) == "sign"
    assert merchant.wrong(order(merchant)) is None


def test_by_header(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """A request can ask for a fault by a header; one that makes no sense is refused."""

    def ask(name: str) -> Answer:
        fields = merchant.signed(merchant.fields(**merchant.xml_order()))
        return merchant.send(UNIFIED, write(fields), headers={"Sandbox-Misbehave": name})

    assert merchant.wrong(ask("unsigned")) == "no sign"
    refused = ask("clock-ahead")
    assert refused.status == 400
    assert "makes no sense" in read(refused.body)["return_msg"]
    assert "makes no sense" in str(gateway.requests[1].problem)


@pytest.mark.parametrize("path", ["pay/unifiedorder", "v2/pay/unifiedorder", "/pay", "v2/*order"])
def test_paths(merchant: XmlMerchant, gateway: Sandbox, path: str) -> None:
    """A rule takes a path as the wire has it, and as the chain has it, with v2/."""
    gateway.misbehave("unsigned", path=path)
    assert merchant.wrong(order(merchant)) == "no sign"


def test_a_refusal_stays_one(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """Misbehaviour does not keep a request from being checked."""
    gateway.misbehave("tampered-body")
    fields = read(merchant.post(UNIFIED, {"secret": "?"}, **merchant.xml_order()).body)
    assert (fields["return_code"], fields["tampered"]) == ("FAIL", "1")


def test_every_fault_of_xml_is_tested() -> None:
    """No row of the table that spoils XML goes without a test."""
    tested = {name for name, *_ in (*PROBLEMS, *BODIES, *ERRORS)}
    tested |= {"error-not-json", "gzip-corrupt"}
    tested |= {"hang-up-before", "hang-up-after", "hang-up-headers", "truncated"}
    assert tested == {name for name, row in MISBEHAVIOURS.items() if "v2" in row.protocols}


def test_an_option_that_there_is_not(gateway: Sandbox) -> None:
    """An unknown option is an error that names the known ones."""
    with pytest.raises(ConfigurationError, match="it has code, message"):
        gateway.misbehave("business-failure", status=1)
