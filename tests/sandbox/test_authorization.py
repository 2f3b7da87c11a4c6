"""What the gateway wants of an Authorization header."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.sandbox.merchant import Merchant
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.sandbox.identity import throw_away_identity

ORDER = "/v3/pay/transactions/out-trade-no/order-0001?mchid=1900000109"


def test_a_good_signature_gets_past(merchant: Merchant) -> None:
    """A correctly signed request reaches the operation."""
    answer = merchant.call("GET", ORDER)
    assert (answer.status, answer.json()["code"]) == (404, "ORDER_NOT_EXIST")
    assert answer.problem() is None


@pytest.mark.parametrize(
    ("field", "forged"),
    [
        ("authorization", {"headers": {"Authorization": None}}),
        ("authorization", {"headers": {"Authorization": ""}}),
        ("authorization", {"headers": {"Authorization": "WECHATPAY2-SHA256-RSA2048"}}),
        ("authorization", {"scheme": "WECHATPAY2-SM2-WITH-SM3"}),
        ("authorization", {"scheme": "wechatpay2-sha256-rsa2048"}),
        *[
            ("authorization", {"drop": name})
            for name in ("mchid", "serial_no", "timestamp", "nonce_str", "signature")
        ],
        ("authorization", {"extra": ',mchid="1900000109"'}),
        ("authorization", {"extra": ',surplus="1"'}),
        ("authorization", {"extra": ","}),
        ("authorization", {"extra": ",bare=1"}),
        ("mchid", {"mchid": "1900000001"}),
        ("serial_no", {"serial_no": "5A" + "F" * 38}),
        ("timestamp", {"timestamp": str(int(time.time()) - 400)}),
        # Far ahead: the tests may have been collected minutes ago.
        ("timestamp", {"timestamp": str(int(time.time()) + 86_400)}),
        ("timestamp", {"timestamp": f"+{int(time.time())}"[:10]}),
        ("timestamp", {"timestamp": f"0{int(time.time())}"}),
        ("timestamp", {"timestamp": f"{int(time.time())}000"}),
        ("timestamp", {"timestamp": ""}),
        ("nonce_str", {"nonce_str": ""}),
        ("nonce_str", {"nonce_str": "a b"}),
        ("nonce_str", {"nonce_str": "a" * 33}),
        ("signature", {"signature": ""}),
        ("signature", {"signature": "!!!!"}),
        ("signature", {"signature": "AAAA"}),
        ("signature", {"signed_target": ORDER.partition("?")[0]}),
        ("signature", {"signed_target": ORDER.lstrip("/")}),
        ("signature", {"signed_body": b"{}"}),
        ("signature", {"key": throw_away_identity("1900000109").public_key.private_key}),
    ],
)
def test_a_wrong_authorization(
    merchant: Merchant, gateway: Sandbox, field: str, forged: dict[str, Any]
) -> None:
    """Anything wrong in the header is a 401 that names the field, signed and recorded."""
    answer = merchant.call("GET", ORDER, **forged)
    assert (answer.status, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert answer.json()["detail"]["sign_information"]["method"] == "GET"
    assert answer.problem() is None
    assert gateway.requests[0].problem is not None


def test_two_authorizations(merchant: Merchant) -> None:
    """Two headers are refused even if both are right."""
    good = merchant.authorization("GET", ORDER, b"")
    answer = merchant.call("GET", ORDER, headers={"authorization": good})
    assert answer.json()["detail"]["issue"] == "expected one such header, got 2"


def test_a_replay(merchant: Merchant, gateway: Sandbox) -> None:
    """A nonce is good once, until the gateway is cleared."""
    nonce = "0123456789abcdefABCDEF0123456789"
    statuses = [merchant.call("GET", ORDER, nonce_str=nonce).status for _ in range(2)]
    gateway.clear()
    statuses.append(merchant.call("GET", ORDER, nonce_str=nonce).status)
    assert statuses == [404, 401, 404]


def test_a_refused_request_leaves_its_nonce_free(merchant: Merchant) -> None:
    """A request with a bad signature cannot burn the nonce of a good one."""
    nonce = "0123456789abcdefABCDEF0123456789"
    assert merchant.call("GET", ORDER, nonce_str=nonce, signature="AAAA").status == 401
    assert merchant.call("GET", ORDER, nonce_str=nonce).status == 404


def test_the_raw_target_is_what_is_signed(merchant: Merchant) -> None:
    """Percent-encoding, case and order count as they were sent."""
    target = "/v3/pay/transactions/out-trade-no/%6Frder-0001?mchid=1900000109&a=%E4%b8%ad%20~"
    assert merchant.call("GET", target).status == 404
    assert merchant.call("GET", target, signed_target=target.replace("%6F", "o")).status == 401


def test_the_clock_is_passed_in() -> None:
    """A gateway lives in its own time."""
    with Sandbox(clock=lambda: 1_600_000_000.5) as gateway:
        merchant = Merchant(gateway)
        answer = merchant.call("GET", ORDER, timestamp="1600000300")
        late = merchant.call("GET", ORDER, timestamp="1600000302")
        merchant.close()
    assert (answer.status, late.status) == (404, 401)
    assert answer.all("Wechatpay-Timestamp") == ["1600000000"]


def test_nothing_of_the_body_is_echoed(merchant: Merchant) -> None:
    """A refused signature tells the length of the signed string, and none of its body."""
    answer = merchant.call(
        "POST", "/v3/pay/transactions/native", {"secret": "hunter2"}, signature="AAAA"
    )
    assert b"hunter2" not in answer.body
    assert answer.json()["detail"]["sign_information"]["sign_message_length"] > 60
