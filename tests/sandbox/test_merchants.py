"""Several merchants at one gateway: each has its own certificate, nonces and orders."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509

from tests.sandbox.merchant import Merchant
from wechatpay_chain.sandbox import Sandbox

NATIVE = "/v3/pay/transactions/native"
MCHIDS = [str(1900000200 + number) for number in range(50)]


def test_fifty_merchants_with_the_same_numbers() -> None:
    """Fifty merchants use the same order number and nonce, and never meet."""
    with Sandbox(mchid=MCHIDS[0], mchids=MCHIDS[1:]) as gateway, contextlib.ExitStack() as stack:
        identity = gateway.identity
        assert list(identity.merchants) == MCHIDS
        assert identity.merchant is identity.merchants[MCHIDS[0]]
        assert len({merchant.serial for merchant in identity.merchants.values()}) == 50
        assert len({merchant.secret for merchant in identity.merchants.values()}) == 50
        for number, mchid in enumerate(MCHIDS, 1):
            merchant = Merchant(gateway, mchid)
            stack.callback(merchant.close)
            order = merchant.order(amount={"total": number})
            made = merchant.call("POST", NATIVE, order, nonce_str="0" * 32)
            assert (made.status, made.problem()) == (200, None)
            target = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={mchid}"
            assert merchant.call("GET", target).json()["amount"]["total"] == number
        with pytest.raises(ValueError, match="name the mchid"):
            gateway.pay("order-0001")
        paid = {gateway.pay("order-0001", mchid=mchid) for mchid in MCHIDS}
        assert len(paid) == 50


def test_a_merchant_signs_for_itself() -> None:
    """One merchant's number with another's serial, or in another's name, is refused."""
    with Sandbox(mchids=["1900000110"]) as gateway:
        first, other = Merchant(gateway), Merchant(gateway, "1900000110")
        mixed = first.call("POST", NATIVE, first.order(), serial_no=other.me.serial)
        assert (mixed.status, mixed.json()["detail"]["field"]) == (401, "serial_no")
        named = first.call("POST", NATIVE, first.order(mchid=other.mchid))
        assert (named.status, named.json()["code"]) == (400, "MCH_NOT_EXISTS")
        first.close()
        other.close()


def test_what_a_merchant_holds() -> None:
    """A certificate carries its merchant's number and serial; a secret has 32 characters."""
    gateway = Sandbox(mchids=["1900000110", "1900000110", "1900000109"])
    assert list(gateway.identity.merchants) == ["1900000109", "1900000110"]
    for mchid, merchant in gateway.identity.merchants.items():
        certificate = x509.load_pem_x509_certificate(merchant.certificate_pem.encode())
        assert certificate.subject.rfc4514_string() == f"CN={mchid}"
        assert format(certificate.serial_number, "X") == merchant.serial
        assert len(merchant.serial) == 40
        assert len(merchant.secret) == 32
        assert merchant.secret not in repr((gateway, gateway.identity, merchant))


def test_a_client_of_any_merchant() -> None:
    """The gateway makes a client of whichever merchant is named."""
    with Sandbox(mchids=["1900000110"]) as gateway:
        for mchid in gateway.identity.merchants:
            with gateway.client(mchid=mchid) as client:
                client.v3.security.echo.post(json={"echo_message": "?"})
                assert mchid in repr(client)
        assert [request.problem for request in gateway.requests] == [None, None]
