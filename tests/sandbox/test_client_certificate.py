"""Operations that want the merchant's certificate in the TLS handshake (双向证书)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.xml_merchant import XmlMerchant, read
from wechatpay_chain.sandbox import Identity, Sandbox

OTHER = "1900000110"
REFUND: dict[str, Any] = {
    "out_trade_no": "order-0001",
    "out_refund_no": "r-1",
    "total_fee": 1,
    "refund_fee": 1,
}
Issue = Callable[[Identity], str | None]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(tls=True, mchids=[OTHER]) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def merchant(gateway: Sandbox) -> Iterator[XmlMerchant]:
    caller = XmlMerchant(gateway)
    yield caller
    caller.close()


def test_the_right_certificate(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """The merchant's own certificate opens the door, and is on record."""
    merchant.certificate = gateway.identity.merchant.certificate_pem
    fields = read(merchant.post("/secapi/pay/refund", **REFUND).body)
    assert (fields["return_code"], fields["err_code"]) == ("SUCCESS", "ORDERNOTEXIST")
    assert gateway.requests[0].client_certificate == gateway.identity.merchant.serial


def test_no_certificate(merchant: XmlMerchant, gateway: Sandbox) -> None:
    """Without one the web server in front answers, before anybody reads the request."""
    answer = merchant.post("/secapi/pay/refund", **REFUND)
    assert answer.status == 400
    assert dict(answer.headers)["Content-Type"] == "text/html"
    assert b"<h1>400 Bad Request</h1>" in answer.body
    assert b"No required SSL certificate was sent</center>" in answer.body
    assert gateway.requests[0].client_certificate is None
    assert gateway.requests[0].problem == "no client certificate was shown"


@pytest.mark.parametrize(
    "issue",
    [
        lambda identity: identity.certificate_for(OTHER),
        lambda identity: identity.certificate_for("1900000109", reissued=True),
    ],
)
def test_a_certificate_of_somebody_else(
    merchant: XmlMerchant, gateway: Sandbox, issue: Issue
) -> None:
    """A good certificate that is not the one of the merchant in the request is refused."""
    merchant.certificate = issue(gateway.identity)
    answer = merchant.post("/secapi/pay/refund", **REFUND)
    fields = read(answer.body)
    assert (answer.status, fields["return_code"]) == (200, "FAIL")
    assert "not that of the merchant" in fields["return_msg"]


@pytest.mark.parametrize("fault", ["expired", "foreign"])
def test_certificates_that_fail_the_handshake(
    merchant: XmlMerchant, gateway: Sandbox, fault: str
) -> None:
    """An expired certificate, or one of a foreign authority, does not reach the gateway."""
    merchant.certificate = gateway.identity.certificate_for("1900000109", **{fault: True})
    with pytest.raises((ssl.SSLError, ConnectionError)):
        merchant.post("/secapi/pay/refund", **REFUND)
    assert gateway.requests == []


@pytest.mark.parametrize("shows", [False, True])
def test_others_do_not_want_one(merchant: XmlMerchant, gateway: Sandbox, shows: bool) -> None:
    """Operations without that mark take a request either way."""
    if shows:
        merchant.certificate = gateway.identity.certificate_for(OTHER)
    answer = merchant.post("/pay/unifiedorder", **merchant.xml_order())
    assert merchant.wrong(answer) is None
    assert (gateway.requests[0].client_certificate is not None) is shows


def test_plain_http() -> None:
    """Over http there are no certificates, and the refusal says what to do."""
    with Sandbox() as gateway:
        merchant = XmlMerchant(gateway)
        answer = merchant.post("/secapi/pay/refund", **REFUND)
        assert answer.status == 400
        assert b"start the sandbox with tls=True" in answer.body
        assert "tls=True" in str(gateway.requests[0].problem)
        merchant.close()
