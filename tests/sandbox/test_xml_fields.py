"""What is inside the fields of v2: sensitive ones, JSON documents, and elements in answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.sandbox.xml_merchant import XmlMerchant, read
from wechatpay_chain.sandbox import Sandbox

PAY_BANK = "/mmpaysptrans/pay_bank"
RISK = "/mchrisk/querymchrisk"


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
    caller = XmlMerchant(gateway, certificate=gateway.identity.merchant.certificate_pem)
    yield caller
    caller.close()


def payment(merchant: XmlMerchant, **changes: str) -> dict[str, Any]:
    """Return the fields of a payment to a bank card (企业付款到银行卡)."""
    return {
        "appid": None,
        "partner_trade_no": "B1",
        "enc_bank_no": merchant.encrypt("6222000011112222"),
        "enc_true_name": merchant.encrypt("张三"),
        "bank_code": "1001",
        "amount": "100",
        **changes,
    }


def test_sensitive_fields_are_opened(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """They are encrypted for the key that risk/getpublickey gives, and never said back."""
    answer = merchant.post(PAY_BANK, **payment(merchant))
    assert merchant.wrong(answer) is None
    opened = gateway.requests[0].opened
    assert opened is not None
    assert (opened["enc_bank_no"], opened["enc_true_name"]) == ("6222000011112222", "张三")
    fields = read(answer.body)
    assert (fields["partner_trade_no"], fields["amount"]) == ("B1", "100")
    assert "err_code" not in fields


@pytest.mark.parametrize("name", ["enc_bank_no", "enc_true_name"])
@pytest.mark.parametrize("value", ["6222", "QUJD", "foreign"])
def test_what_does_not_open(merchant: XmlMerchant, name: str, value: str) -> None:
    """What is in the clear, or for another key, is refused by the name of its field."""
    if value == "foreign":
        value = merchant.encrypt("x", merchant.gateway.identity.certificate.serial)
    fields = read(merchant.post(PAY_BANK, **payment(merchant, **{name: value})).body)
    assert fields["return_code"] == "FAIL"
    assert fields["return_msg"].startswith(f"{name}: the sensitive field cannot be decrypted")
    assert merchant.gateway.requests[0].opened is None


@pytest.mark.parametrize("kept", ["public_key", "certificate"])
def test_the_key_that_a_field_names(merchant: XmlMerchant, gateway: Sandbox, kept: str) -> None:
    """Where a request names a key, that one opens it."""
    serial = getattr(gateway.identity, kept).serial
    risk = {"appid": None, "sign_type": "HMAC-SHA256", "cert_serial_number": serial}
    merchant.post(RISK, certificates_name=merchant.encrypt("张三", serial), **risk)
    opened = gateway.requests[0].opened
    assert opened is not None
    assert opened["certificates_name"] == "张三"


def test_a_key_that_nobody_has(merchant: XmlMerchant) -> None:
    """A request that names an unknown key is refused for it, if it has something to open."""
    risk = {"appid": None, "sign_type": "HMAC-SHA256", "cert_serial_number": "5A"}
    fields = read(merchant.post(RISK, certificates_name=merchant.encrypt("张三"), **risk).body)
    assert fields["return_msg"] == "cert_serial_number: it names no key of WeChat Pay"
    assert read(merchant.post(RISK, **risk).body)["return_code"] == "SUCCESS"


@pytest.mark.parametrize(
    ("receiver", "problem"),
    [
        ('{"type":"MERCHANT_ID","account":"1"}', None),
        ('{"type":"MERCHANT_ID"}', "receiver/account: the field is required"),
        ('{"type":"","account":"1"}', "receiver/type: the field is required"),
        ("no JSON", None),
        ("[1]", None),
    ],
)
def test_a_document_in_a_text(merchant: XmlMerchant, receiver: str, problem: str | None) -> None:
    """Required fields are wanted inside JSON that a field holds as text."""
    fields = {"sign_type": "HMAC-SHA256", "receiver": receiver}
    told = read(merchant.post("/pay/profitsharingaddreceiver", **fields).body)
    assert told["return_code"] == ("SUCCESS" if problem is None else "FAIL")
    assert problem is None or told["return_msg"] == problem


def test_a_list_in_a_text(merchant: XmlMerchant) -> None:
    """An element that lacks a required field is named by its place in the list."""
    fields = {
        "body": "x",
        "out_trade_no": "order-0001",
        "total_fee": 1,
        "spbill_create_ip": "127.0.0.1",
        "auth_code": "130000000000000000",
        "deposit": "Y",
        "fee_type": "CNY",
        "sign_type": "HMAC-SHA256",
        "detail": '{"goods_detail":[{"quantity":1,"price":1},{"quantity":1}]}',
    }
    told = read(merchant.post("/deposit/micropay", **fields).body)
    assert told["return_msg"] == "detail/goods_detail/1/price: the field is required"


def test_elements_in_elements(merchant: XmlMerchant) -> None:
    """An answer that bears no sign may have elements inside its fields."""
    answer = merchant.post("/mmpaymkttransfers/gethbinfo", mch_billno="1", bill_type="MCHT")
    root = ElementTree.fromstring(answer.body)  # noqa: S314 - read with another parser
    assert root.findtext("return_code") == root.findtext("result_code") == "SUCCESS"
    assert root.findtext("mch_billno") == "1"
    assert root.findtext("hblist/hbinfo/amount") == "1"
    assert root.find("sign") is None
