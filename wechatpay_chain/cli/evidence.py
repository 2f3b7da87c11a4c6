"""What the demo may claim: each claim is computed from what the gateway received and answered."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wechatpay_chain import (
    Client,
    ClientError,
    Reason,
    RefusedError,
    Response,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.cli.spellings import Json, Spelling
from wechatpay_chain.sandbox import ReceivedRequest, Sandbox

__all__ = [
    "ACCOUNT_FIELD",
    "NUMBER",
    "Check",
    "Finding",
    "Seen",
    "call",
    "forgery",
    "query",
    "refusal",
    "watch",
]

ACCOUNT_FIELD = "bal_account_no"
NUMBER = "wxpay_punish_no"
_SCHEME = "WECHATPAY2-SHA256-RSA2048 "
_CIPHERTEXT_SIZE = 256


@dataclass(frozen=True)
class Check:
    """A claim, and whether it holds."""

    name: str
    passed: bool


@dataclass(frozen=True)
class Finding:
    """A spelling that ran: what came back, and which claims hold."""

    kind: str
    title: str
    source: str
    facts: Mapping[str, Any]
    checks: tuple[Check, ...]
    note: str = ""
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problem and all(check.passed for check in self.checks)


@dataclass
class Seen:
    """A spelling that ran: what it handed to `show`, and what the gateway received meanwhile."""

    spelling: Spelling
    order: Json
    serial: str
    shown: list[Any] = field(default_factory=list)
    received: list[ReceivedRequest] = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0

    @property
    def responses(self) -> list[Response]:
        """The answers that the package returned."""
        return [one for one in self.shown if isinstance(one, Response)]

    @property
    def sent_once(self) -> bool:
        """Whether exactly the calls of the source arrived, and as many things were shown."""
        return len(self.received) == len(self.shown) == self.spelling.calls

    @property
    def signed(self) -> bool:
        """Whether the gateway found each request's signature right."""
        return _all(passed_signature_check(one) for one in self.received)

    @property
    def encrypted(self) -> bool:
        """Whether the account number left only as ciphertext, and came back in no answer."""
        plain = self.order[ACCOUNT_FIELD].encode()
        return _all(
            is_encrypted(one) and one.headers.get("Wechatpay-Serial") == self.serial
            for one in self.received
        ) and not any(plain in one for one in (*map(sent_bytes, self.received), *self._answers()))

    @property
    def opened(self) -> bool:
        """Whether the gateway could read what was meant in each request."""
        plain = self.order[ACCOUNT_FIELD]
        return _all((one.opened or {}).get(ACCOUNT_FIELD) == plain for one in self.received)

    def _answers(self) -> Iterable[bytes]:
        for one in self.shown:
            answer = one if isinstance(one, Response) else getattr(one, "response", None)
            if answer is not None:
                yield _lines(answer.headers.items()) + answer.body


def watch(spelling: Spelling, gateway: Sandbox, client: Client, order: Json, serial: str) -> Seen:
    """Run a spelling and note what was shown, what arrived, and what went wrong."""
    seen = Seen(spelling, order, serial)
    before, begun = len(gateway.requests), time.perf_counter()
    try:
        spelling.run(client, order, serial, seen.shown.append)
    except WechatPayError as error:
        seen.problem = f"{type(error).__name__}: {error}"
    seen.seconds = time.perf_counter() - begun
    seen.received = gateway.requests[before:]
    return seen


def call(seen: Seen) -> Finding:
    """Judge calls that should have succeeded."""
    responses = seen.responses
    numbers = [response.json().get(NUMBER) for response in responses]
    statuses = sorted({response.status for response in responses})
    return _finding(
        "call",
        seen,
        {
            "status": _single(statuses),
            NUMBER: _single(numbers),
            "took_ms": round(seen.seconds * 1000, 1),
        },
        Check("sent once", seen.sent_once),
        Check("200", statuses == [200]),
        Check("signed", seen.signed),
        Check("encrypted", seen.encrypted),
        Check("opened by the gateway", seen.opened),
        Check("verified", _all(response.verified for response in responses)),
        Check(NUMBER, all(numbers) and len(set(numbers)) == seen.spelling.calls),
    )


def refusal(seen: Seen) -> Finding:
    """Judge a request that should have been refused for a missing field."""
    error = seen.shown[0] if seen.shown else None
    if not isinstance(error, RefusedError):
        return _finding("refusal", seen, {}, Check("refused", False))
    detail = error.detail if isinstance(error.detail, dict) else {}
    return _finding(
        "refusal",
        seen,
        {
            "error": type(error).__name__,
            "status": error.status,
            "code": error.code,
            "message": error.message,
            "field": detail.get("field"),
            "issue": detail.get("issue"),
            "request_id": error.request_id,
            "verified": error.verified,
        },
        Check("sent once", seen.sent_once),
        Check("signed", seen.signed),
        Check("encrypted", seen.encrypted),
        Check("ClientError", isinstance(error, ClientError)),
        Check("400 PARAM_ERROR", (error.status, error.code) == (400, "PARAM_ERROR")),
        Check("request id", bool(error.request_id)),
        Check("verified", error.verified),
    )


def forgery(seen: Seen, *, probe: bool) -> Finding:
    """Judge an answer that should have been caught: a forged one, or WeChat Pay's own probe."""
    kind = "probe" if probe else "forgery"
    error = seen.shown[0] if seen.shown else None
    if not isinstance(error, UnverifiedError):
        return _finding(kind, seen, {}, Check("caught", False))
    return _finding(
        kind,
        seen,
        {
            "error": type(error).__name__,
            "reason": str(error.reason),
            "is_probe": error.is_probe,
            "sent": error.sent,
        },
        Check("sent once", seen.sent_once),
        Check("signed", seen.signed),
        Check("encrypted", seen.encrypted),
        Check("caught", error.reason is Reason.BAD_SIGNATURE),
        Check("known as a probe" if probe else "no probe", error.is_probe is probe),
        Check("carried out by the gateway", seen.opened and not seen.received[0].problem),
        note=str(error),
    )


def query(seen: Seen) -> Finding:
    """Judge the question after a forged answer: the order should have been carried out."""
    response = seen.responses[0] if seen.responses else None
    document = response.json() if response else {}
    punished = document.get("punish_order", {})
    verified = response is not None and response.verified
    return _finding(
        "query",
        seen,
        {
            "status": response.status if response else None,
            "out_request_no": punished.get("out_request_no"),
            "punish_state": punished.get("punish_state"),
        },
        Check("sent once", seen.sent_once),
        Check("signed", seen.signed),
        Check("verified", verified),
        Check(
            "it had happened",
            punished.get("out_request_no") == seen.order["out_request_no"]
            and punished.get("punish_state") == "SUCCESS",
        ),
    )


def passed_signature_check(request: ReceivedRequest) -> bool:
    """Tell whether the gateway, which checks the signature before all else, let it pass."""
    refused = (request.problem or "").startswith("SIGN_ERROR")
    return request.headers.get("Authorization", "").startswith(_SCHEME) and not refused


def is_encrypted(request: ReceivedRequest) -> bool:
    """Tell whether the account number in a request has the form of an RSA ciphertext."""
    value = request.json.get(ACCOUNT_FIELD) if isinstance(request.json, dict) else None
    try:
        return len(base64.b64decode(value or "", validate=True)) == _CIPHERTEXT_SIZE
    except (binascii.Error, TypeError, ValueError):
        return False


def sent_bytes(request: ReceivedRequest) -> bytes:
    """Return a request's line, headers and body, to be searched."""
    line = f"{request.method} {request.target}\r\n".encode("utf-8", "surrogateescape")
    return line + _lines(request.headers.items()) + request.body


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


def _finding(
    kind: str, seen: Seen, facts: Mapping[str, Any], *checks: Check, note: str = ""
) -> Finding:
    title, source = seen.spelling.title, seen.spelling.source
    return Finding(kind, title, source, facts, checks, note, seen.problem)


def _all(claims: Iterable[bool]) -> bool:
    """Tell whether all claims hold, and that there are any: nothing proves nothing."""
    held = list(claims)
    return bool(held) and all(held)


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
