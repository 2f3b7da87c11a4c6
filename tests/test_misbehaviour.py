"""Whatever the gateway does wrong has its error; nothing unverified passes as verified."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import (
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
CASES = [*UNVERIFIED, *REFUSED, *UNKNOWN, *READ, *FINE]


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


def call(client: Client, face: str, **options: Any) -> Response:
    """Make the seed's call, sync or async."""
    data = {
        "out_request_no": "A1", "mchid": "1900000110", "bal_account_no": "6222", "punish_scene": 1,
    }  # fmt: skip
    node = client.chain(PATH)
    if face == "sync":
        return node.post(json=data, **options)
    return asyncio.run(node.post_async(json=data, **options))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    ("name", "told", "error", "facts"), CASES, ids=[f"{c[0]} {c[1] or ''}".strip() for c in CASES]
)
def test_a_misbehaviour_has_its_error(
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
        assert call(client, face).verified
        return
    with pytest.raises(error) as caught:
        call(client, face, timeout=timeout).json()
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
    assert call(client, face).verified


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    "case", UNVERIFIED, ids=[f"{c[0]} {c[1] or ''}".strip() for c in UNVERIFIED]
)
def test_an_untrusted_answer_is_at_hand_and_called_untrusted(
    case: Case, face: str, client: Client, gateway: Sandbox
) -> None:
    """The error carries the answer, unverified; http_errors=False lets none of them through."""
    gateway.misbehave(case[0], **case[1])
    with pytest.raises(UnverifiedError) as caught:
        call(client, face, http_errors=False)
    response = caught.value.response
    assert response is not None
    assert (response.status, response.verified) == (200, False)


def test_every_misbehaviour_is_in_the_table() -> None:
    """No misbehaviour that the gateway knows is left out above."""
    assert {case[0] for case in CASES} == set(MISBEHAVIOURS)
