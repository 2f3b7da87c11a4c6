"""Whatever the gateway does wrong has its error; nothing unverified passes as verified."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import (
    BusinessError,
    Client,
    ClientError,
    DecodeError,
    OutcomeUnknownError,
    Reason,
    RedirectError,
    Response,
    ServerError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.sandbox import MISBEHAVIOURS, Sandbox

PATH = "v3/aggracct-bc/wb-channel/control-orders/punish"
PUNISH = {
    "out_request_no": "A1", "mchid": "1900000110", "bal_account_no": "6222", "punish_scene": 1,
}  # fmt: skip
ORDER = {
    "appid": "wxd678efh567hg6787",
    "mch_id": "1900000109",
    "body": "coffee",
    "out_trade_no": "misbehaviour_1",
    "total_fee": 1,
    "spbill_create_ip": "127.0.0.1",
    "notify_url": "https://www.example.com/notify",
    "trade_type": "NATIVE",
    "product_id": "1",
}
HEADERS = ("timestamp", "nonce", "serial", "signature")
FORMS = ("plus", "underscore", "eleven-digits", "fullwidth", "fraction", "milliseconds",
         "hexadecimal", "word")  # fmt: skip

# (what the gateway is told, what it is told besides) → (error, what is true of the error)
Case = tuple[str, dict[str, Any], type[Exception] | None, dict[str, Any]]
UNVERIFIED: list[Case] = [
    ("unsigned", {}, UnverifiedError, {"reason": Reason.MISSING_HEADER}),
    *((f"missing-{h}", {}, UnverifiedError, {"reason": Reason.MISSING_HEADER}) for h in HEADERS),
    *((f"empty-{h}", {}, UnverifiedError, {"reason": Reason.MISSING_HEADER}) for h in HEADERS),
    *((f"doubled-{h}", {}, UnverifiedError, {"reason": Reason.REPEATED_HEADER}) for h in HEADERS),
    ("bad-signature", {}, UnverifiedError, {"reason": Reason.BAD_SIGNATURE, "is_probe": False}),
    ("malformed-signature", {}, UnverifiedError, {"reason": Reason.MALFORMED_HEADER}),
    ("tampered-body", {}, UnverifiedError, {"reason": Reason.BAD_SIGNATURE}),
    ("swapped-serial", {}, UnverifiedError, {"reason": Reason.BAD_SIGNATURE}),
    ("probe", {}, UnverifiedError, {"reason": Reason.BAD_SIGNATURE, "is_probe": True}),
    ("clock-behind", {}, UnverifiedError, {"reason": Reason.CLOCK}),
    ("clock-ahead", {}, UnverifiedError, {"reason": Reason.CLOCK}),
    *(
        ("malformed-timestamp", {"form": f}, UnverifiedError, {"reason": Reason.MALFORMED_HEADER})
        for f in FORMS
    ),
    ("unknown-serial", {}, UnverifiedError, {"reason": Reason.UNKNOWN_SERIAL}),
    ("wrong-scheme", {}, UnverifiedError, {"reason": Reason.WRONG_SCHEME}),
    ("too-large", {}, UnverifiedError, {"reason": Reason.TOO_LARGE}),
    ("gzip-bomb", {}, UnverifiedError, {"reason": Reason.TOO_LARGE}),
]  # fmt: skip
REFUSED: list[Case] = [
    ("unsigned-error", {"status": 500}, ServerError, {"status": 500, "verified": False}),
    ("unsigned-error", {"status": 400}, ClientError, {"status": 400, "verified": False}),
    *(
        ("status", {"code": code}, error, {"status": code, "verified": True})
        for code, error in (
            (400, ClientError), (401, ClientError), (403, ClientError), (404, ClientError),
            (429, ClientError), (500, ServerError), (502, ServerError), (503, ServerError),
        )
    ),
    ("error-forged", {}, ServerError, {"status": 500, "verified": False}),
    ("error-not-json", {}, ServerError, {"status": 502, "verified": False, "code": ""}),
    ("redirect", {}, RedirectError, {"status": 307, "verified": True}),
    ("redirect", {"status": 302, "location": "https://evil.example/"}, RedirectError, {}),
]  # fmt: skip
UNKNOWN: list[Case] = [
    ("hang-up-before", {}, OutcomeUnknownError, {}),
    ("hang-up-after", {}, OutcomeUnknownError, {}),
    ("hang-up-headers", {}, OutcomeUnknownError, {}),
    ("truncated", {}, OutcomeUnknownError, {}),
    ("gzip-corrupt", {}, OutcomeUnknownError, {}),
    ("delay", {"seconds": 30}, OutcomeUnknownError, {}),
]
READ: list[Case] = [(name, {}, DecodeError, {}) for name in (
    "not-json", "duplicate-keys", "nan", "deep", "not-utf8", "empty")]  # fmt: skip
FINE: list[Case] = [("gzip", {}, None, {}), ("delay", {"seconds": 0.01}, None, {})]
# What is wrong with a list of certificates only: see test_certificates.
ELSEWHERE: list[Case] = [("certificates", {}, None, {})]
CASES = [*UNVERIFIED, *REFUSED, *UNKNOWN, *READ, *FINE, *ELSEWHERE]

UNVERIFIED_V2: list[Case] = [
    ("unsigned", {}, UnverifiedError, {"reason": Reason.MISSING_SIGN}),
    *((name, {}, UnverifiedError, {"reason": Reason.BAD_SIGNATURE})
      for name in ("bad-signature", "tampered-body", "wrong-sign-type")),
    *((name, {}, UnverifiedError, {"reason": Reason.UNREADABLE})
      for name in ("not-xml", "not-utf8", "empty", "xml-doctype", "xml-entities", "xml-deep",
                   "xml-external-entity", "xml-repeated-sign")),
    ("too-large", {}, UnverifiedError, {"reason": Reason.TOO_LARGE}),
    ("gzip-bomb", {}, UnverifiedError, {"reason": Reason.TOO_LARGE}),
]  # fmt: skip
REFUSED_V2: list[Case] = [
    ("business-failure", {}, BusinessError, {"code": "SYSTEMERROR", "verified": True}),
    ("business-failure", {"code": "ORDERPAID"}, BusinessError, {"code": "ORDERPAID"}),
    ("return-fail", {}, BusinessError, {"message": "签名失败", "verified": False}),
    ("unsigned-error", {"status": 500}, ServerError, {"status": 500, "verified": False}),
    ("status", {"code": 403}, ClientError, {"status": 403, "verified": True}),
    ("status", {"code": 500}, ServerError, {"status": 500, "verified": True}),
    ("error-forged", {}, ServerError, {"status": 500, "verified": False}),
    ("error-not-json", {}, ServerError, {"status": 502, "verified": False, "code": ""}),
    ("redirect", {}, RedirectError, {"status": 307}),
]
CASES_V2 = [*UNVERIFIED_V2, *REFUSED_V2, *UNKNOWN, *FINE]
IN_BOTH = [("v3", *case) for case in CASES] + [("v2", *case) for case in CASES_V2]
UNTRUSTED = [("v3", *case) for case in UNVERIFIED] + [("v2", *case) for case in UNVERIFIED_V2]


def title(case: tuple[str, str, dict[str, Any], type[Exception] | None, dict[str, Any]]) -> str:
    """Return what a case is called."""
    return f"{case[0]} {case[1]} {case[2] or ''}".strip()


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A local WeChat Pay."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(gateway: Sandbox) -> Iterator[Client]:
    """A client of it, for which nothing has happened yet."""
    gateway.clear()
    gateway.behave()
    with gateway.client() as made:
        yield made


def call(client: Client, protocol: str, face: str, **options: Any) -> Response:
    """Make a call of either protocol, sync or async."""
    node = client.chain(PATH if protocol == "v3" else "v2/pay/unifiedorder")
    options |= {"json": PUNISH} if protocol == "v3" else {"xml": ORDER}
    if face == "sync":
        return node.post(**options)
    return asyncio.run(node.post_async(**options))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    ("protocol", "name", "told", "error", "facts"), IN_BOTH, ids=map(title, IN_BOTH)
)
def test_a_misbehaviour_has_its_error(
    protocol: str,
    name: str,
    told: dict[str, Any],
    error: type[Exception] | None,
    facts: dict[str, Any],
    face: str,
    client: Client,
    gateway: Sandbox,
) -> None:
    """Each misbehaviour gives its documented error, which says what happened and what to do."""
    gateway.misbehave(name, **told)
    timeout = 0.3 if told.get("seconds") == 30 else 30
    if error is None:
        assert call(client, protocol, face).verified
        return
    with pytest.raises(error) as caught:
        call(client, protocol, face, timeout=timeout).json()
    assert type(caught.value) is error
    for fact, value in facts.items():
        assert getattr(caught.value, fact) == value
    assert isinstance(caught.value, WechatPayError)
    assert caught.value.sent
    assert len(str(caught.value).splitlines()) == 1
    if error in (UnverifiedError, OutcomeUnknownError):
        assert "query it before anything else" in str(caught.value)
    # Seen once, and the connection that follows is a good one.
    assert len(gateway.requests) == 1
    assert call(client, protocol, face).verified


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    ("protocol", "name", "told", "error", "facts"), UNTRUSTED, ids=map(title, UNTRUSTED)
)
def test_an_untrusted_answer_is_at_hand_and_called_untrusted(
    protocol: str,
    name: str,
    told: dict[str, Any],
    error: Any,
    facts: Any,
    face: str,
    client: Client,
    gateway: Sandbox,
) -> None:
    """The error carries the answer, unverified; http_errors=False lets none of them through."""
    gateway.misbehave(name, **told)
    with pytest.raises(UnverifiedError) as caught:
        call(client, protocol, face, http_errors=False)
    response = caught.value.response
    assert response is not None
    assert (response.status, response.verified) == (200, False)


@pytest.mark.parametrize(("protocol", "cases"), [("v3", CASES), ("v2", CASES_V2)])
def test_every_misbehaviour_is_in_the_table(protocol: str, cases: list[Case]) -> None:
    """No misbehaviour that the gateway knows in a protocol is left out above."""
    known = {name for name, one in MISBEHAVIOURS.items() if protocol in one.protocols}
    assert {case[0] for case in cases} == known
