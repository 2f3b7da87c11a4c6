"""What the gateway remembers and how it answers a second time."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.sandbox.merchant import OAEP, Answer, Merchant
from wechatpay_chain.sandbox import Sandbox

PAY = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"
CONTROL = "/v3/aggracct-bc/wb-channel/control-orders"
QUERY = f"{PAY}/out-trade-no/order-0001?mchid=1900000109"
CLOSE = f"{PAY}/out-trade-no/order-0001/close"


def code(answer: Answer) -> tuple[int, str]:
    """Return status and code of an error, which must be signed."""
    assert answer.problem() is None
    return answer.status, answer.json()["code"]


@pytest.mark.parametrize(
    ("kind", "name", "extra"),
    [
        ("native", "code_url", {}),
        ("app", "prepay_id", {}),
        ("jsapi", "prepay_id", {"payer": {"openid": "o-1"}}),
        ("h5", "h5_url", {"scene_info": {"payer_client_ip": "127.0.0.1"}}),
    ],
)
def test_an_order_from_birth_to_payment(
    merchant: Merchant, gateway: Sandbox, kind: str, name: str, extra: dict[str, Any]
) -> None:
    """An order is created, repeated, queried, paid, queried by both numbers."""
    order = merchant.order(attach="x", **extra)
    created = merchant.call("POST", f"{PAY}/{kind}", order)
    assert created.problem() is None
    assert list(created.json()) == [name]
    assert merchant.call("POST", f"{PAY}/{kind}", order).json() == created.json()
    unpaid = merchant.call("GET", QUERY).json()
    assert (unpaid["trade_state"], unpaid["attach"]) == ("NOTPAY", "x")
    transaction_id = gateway.pay("order-0001")
    paid = merchant.call("GET", QUERY).json()
    assert (paid["trade_state"], paid["transaction_id"]) == ("SUCCESS", transaction_id)
    assert paid["payer"]["openid"] == order.get("payer", {}).get("openid", paid["payer"]["openid"])
    by_id = merchant.call("GET", f"{PAY}/id/{transaction_id}?mchid=1900000109")
    assert by_id.json() == paid
    assert code(merchant.call("POST", f"{PAY}/{kind}", order)) == (400, "ORDERPAID")
    assert code(merchant.call("POST", CLOSE, {"mchid": merchant.mchid})) == (400, "ORDERPAID")


def test_closing(merchant: Merchant) -> None:
    """Closing answers a signed 204, twice as well, and ends the order."""
    merchant.call("POST", f"{PAY}/native", merchant.order())
    for _ in range(2):
        closed = merchant.call("POST", CLOSE, {"mchid": merchant.mchid})
        assert (closed.status, closed.body, closed.problem()) == (204, b"", None)
    assert merchant.call("GET", QUERY).json()["trade_state"] == "CLOSED"
    again = merchant.call("POST", f"{PAY}/native", merchant.order())
    assert code(again) == (400, "ORDER_CLOSED")


@pytest.mark.parametrize(
    ("kind", "change"),
    [("native", {"amount": {"total": 2}}), ("app", {}), ("native", {"attach": "y"})],
)
def test_a_number_used_twice(merchant: Merchant, kind: str, change: dict[str, Any]) -> None:
    """The same number with anything else changed is refused."""
    merchant.call("POST", f"{PAY}/native", merchant.order())
    other = merchant.call("POST", f"{PAY}/{kind}", merchant.order(**change))
    assert code(other) == (403, "OUT_TRADE_NO_USED")


def test_sensitive_fields_are_compared_in_the_clear(merchant: Merchant) -> None:
    """An order with a payer's identity can be repeated though its ciphertext differs."""

    def order() -> dict[str, Any]:
        number, name = merchant.encrypt("1101"), merchant.encrypt("张三")
        identity = {"type": "IDCARD", "number": number, "name": name}
        return merchant.order(payer={"identity": identity})

    answers = [
        merchant.call("POST", f"{PAY}/native", order(), headers=merchant.serial_header)
        for _ in range(2)
    ]
    assert answers[0].status == 200
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("method", "target", "document", "wanted"),
    [
        ("GET", QUERY, None, (404, "ORDER_NOT_EXIST")),
        ("GET", f"{PAY}/id/42?mchid=1900000109", None, (404, "ORDER_NOT_EXIST")),
        ("GET", QUERY.replace("0109", "0001"), None, (400, "MCH_NOT_EXISTS")),
        ("POST", CLOSE, {"mchid": "1900000109"}, (404, "ORDER_NOT_EXIST")),
        ("GET", f"{REFUNDS}/R1", None, (404, "RESOURCE_NOT_EXISTS")),
        (
            "GET",
            f"{CONTROL}/P1?control_type=PUNISH&mchid=1",
            None,
            (404, "RESOURCE_NOT_EXISTS"),
        ),
        ("GET", f"{CONTROL}/P1?control_type=X&mchid=1", None, (400, "PARAM_ERROR")),
    ],
)
def test_what_is_not_there(
    merchant: Merchant, method: str, target: str, document: Any, wanted: tuple[int, str]
) -> None:
    """What was never created cannot be queried or closed."""
    assert code(merchant.call(method, target, document)) == wanted


def refund(number: str = "refund-1", amount: int = 60, total: int = 100, **where: str) -> Any:
    """Return the body of a refund."""
    return {
        "out_refund_no": number,
        "amount": {"refund": amount, "total": total, "currency": "CNY"},
        **(where or {"out_trade_no": "order-0001"}),
    }


def test_a_refund(merchant: Merchant, gateway: Sandbox) -> None:
    """A refund is repeated with the same answer, and succeeds once it is queried."""
    merchant.call("POST", f"{PAY}/native", merchant.order())
    gateway.pay("order-0001")
    made = merchant.call("POST", REFUNDS, refund())
    assert (made.status, made.json()["status"]) == (200, "PROCESSING")
    assert merchant.call("POST", REFUNDS, refund()).json() == made.json()
    queried = merchant.call("GET", f"{REFUNDS}/refund-1").json()
    assert (queried["status"], queried["refund_id"]) == ("SUCCESS", made.json()["refund_id"])
    assert merchant.call("GET", QUERY).json()["trade_state"] == "REFUND"
    rest = refund("refund-2", 40, transaction_id=queried["transaction_id"])
    assert merchant.call("POST", REFUNDS, rest).status == 200


@pytest.mark.parametrize(
    ("paid", "body", "wanted"),
    [
        (False, refund(), (403, "TRADE_ERROR")),
        (True, refund(amount=101), (400, "INVALID_REQUEST")),
        (True, refund(total=99), (400, "INVALID_REQUEST")),
        (True, refund("refund-0", 2), (400, "INVALID_REQUEST")),
        (True, refund("refund-2", 100), (400, "INVALID_REQUEST")),
        (True, refund(amount=0), (400, "PARAM_ERROR")),
        (True, refund(out_trade_no="order-0002"), (404, "RESOURCE_NOT_EXISTS")),
        (True, refund(transaction_id="42"), (404, "RESOURCE_NOT_EXISTS")),
        (True, refund(reason="none"), (400, "PARAM_ERROR")),
    ],
)
def test_refunds_that_cannot_be(
    merchant: Merchant, gateway: Sandbox, paid: bool, body: Any, wanted: tuple[int, str]
) -> None:
    """A refund is within what was paid, and its number stands for one amount."""
    merchant.call("POST", f"{PAY}/native", merchant.order())
    if paid:
        gateway.pay("order-0001")
        assert merchant.call("POST", REFUNDS, refund("refund-0", 1)).status == 200
    assert code(merchant.call("POST", REFUNDS, body)) == wanted


def punish(merchant: Merchant, **changes: Any) -> Answer:
    """Send a punishment, encrypted anew."""
    document = merchant.punishment(**changes)
    return merchant.call("POST", f"{CONTROL}/punish", document, headers=merchant.serial_header)


def recover(merchant: Merchant, number: str, **changes: Any) -> Answer:
    """Send the end of a punishment."""
    document = {
        "out_request_no": "R1",
        "related_webank_punish_no": "P1",
        "related_wxpay_punish_no": number,
        "mchid": "1900000100",
        "bal_account_no": merchant.encrypt("6222000011112222"),
        "recover_reason": "done",
        **changes,
    }
    return merchant.call("POST", f"{CONTROL}/recover", document, headers=merchant.serial_header)


def test_control_orders(merchant: Merchant) -> None:
    """A punishment is repeated, queried, ended once, and both are described as documented."""
    made = punish(merchant)
    assert (made.status, made.json()["out_request_no"]) == (200, "P1")
    assert punish(merchant).json() == made.json()
    assert code(punish(merchant, punish_scene=2)) == (400, "INVALID_REQUEST")
    assert code(punish(merchant, bal_account_no=merchant.encrypt("7"))) == (400, "INVALID_REQUEST")

    number = made.json()["wxpay_punish_no"]
    target = f"{CONTROL}/P1?control_type=PUNISH&mchid=1900000100"
    assert merchant.call("GET", target).json()["punish_order"]["effect_state"] == "ACTIVE"
    ended = recover(merchant, number)
    assert ended.status == 200
    assert recover(merchant, number).json() == ended.json()
    assert code(recover(merchant, number, out_request_no="R2")) == (400, "INVALID_REQUEST")
    assert merchant.call("GET", target).json()["punish_order"]["effect_state"] == "RECOVERED"
    described = merchant.call("GET", f"{CONTROL}/R1?control_type=RECOVER&mchid=1900000100").json()
    assert described["control_scene"] == "RECOVER"
    assert described["recover_order"]["related_wxpay_punish_no"] == number


@pytest.mark.parametrize("changes", [{"related_wxpay_punish_no": "1"}, {"mchid": "1900000101"}])
def test_ending_the_wrong_control(merchant: Merchant, changes: dict[str, Any]) -> None:
    """Only the control that was begun on that account can be ended."""
    number = punish(merchant).json()["wxpay_punish_no"]
    assert recover(merchant, number, **changes).status in (400, 404)


@pytest.mark.parametrize("number", [["P1"], {"a": 1}, 1])
def test_numbers_that_are_no_strings(merchant: Merchant, number: Any) -> None:
    """A number of another type is a refusal, never a failure of the sandbox."""
    assert code(punish(merchant, out_request_no=number)) == (400, "PARAM_ERROR")


def test_echo(merchant: Merchant, gateway: Sandbox) -> None:
    """What was said comes back, the secret part encrypted for the merchant."""
    said = {"echo_message": "hi", "encrypted_echo_message": merchant.encrypt("秘密")}
    answer = merchant.call("POST", "/v3/security/echo", said, headers=merchant.serial_header).json()
    secret = base64.b64decode(answer["encrypted_echo_message"])
    assert answer["echo_message"] == "hi"
    assert gateway.identity.merchant.private_key.decrypt(secret, OAEP).decode() == "秘密"


def test_certificates(merchant: Merchant, gateway: Sandbox) -> None:
    """The platform certificate can be downloaded and opened with the APIv3 key."""
    (listed,) = merchant.call("GET", "/v3/certificates").json()["data"]
    sealed = listed["encrypt_certificate"]
    pem = AESGCM(gateway.apiv3_key.encode()).decrypt(
        sealed["nonce"].encode(),
        base64.b64decode(sealed["ciphertext"]),
        sealed["associated_data"].encode(),
    )
    certificate = x509.load_pem_x509_certificate(pem)
    assert format(certificate.serial_number, "X") == listed["serial_no"]
    assert certificate == gateway.identity.certificate.shown


def test_paying_what_cannot_be_paid(merchant: Merchant, gateway: Sandbox) -> None:
    """The payer can pay an order that exists, once."""
    with pytest.raises(LookupError, match="order-0001"):
        gateway.pay("order-0001")
    merchant.call("POST", f"{PAY}/native", merchant.order())
    gateway.pay("order-0001")
    with pytest.raises(ValueError, match="SUCCESS"):
        gateway.pay("order-0001")


def test_clearing(merchant: Merchant, gateway: Sandbox) -> None:
    """A cleared gateway knows no orders and no requests, and counts on in its numbers."""
    first = merchant.call("POST", f"{PAY}/native", merchant.order()).json()
    gateway.clear()
    assert gateway.requests == []
    assert merchant.call("GET", QUERY).status == 404
    assert merchant.call("POST", f"{PAY}/native", merchant.order()).json() != first
