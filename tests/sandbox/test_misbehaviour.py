"""What the gateway does wrong when it is told to."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.merchant import FOUR, Answer, Merchant
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import MISBEHAVIOURS, Sandbox

NATIVE = "/v3/pay/transactions/native"
SHORT = {"timestamp": FOUR[0], "nonce": FOUR[1], "serial": FOUR[2], "signature": FOUR[3]}

# Name, options → what the verification of the answer to an order must find.
PROBLEMS: list[tuple[str, dict[str, Any], str | None]] = [
    ("unsigned", {}, FOUR[0]),
    *[(f"{how}-{n}", {}, h) for how in ("missing", "empty", "doubled") for n, h in SHORT.items()],
    ("bad-signature", {}, "signature"),
    ("malformed-signature", {}, "signature"),
    ("tampered-body", {}, "signature"),
    ("probe", {}, "signature"),
    ("clock-behind", {}, "clock"),
    ("clock-ahead", {}, "clock"),
    ("clock-behind", {"seconds": 200}, None),
    *[
        ("malformed-timestamp", {"form": form}, "timestamp")
        for form in ("plus", "underscore", "eleven-digits", "fullwidth", "fraction")
    ],
    *[
        ("malformed-timestamp", {"form": form}, "timestamp")
        for form in ("milliseconds", "hexadecimal", "word")
    ],
    ("malformed-timestamp", {"value": "17000000"}, "timestamp"),
    ("unknown-serial", {}, "serial"),
    ("wrong-scheme", {}, "scheme"),
    ("swapped-serial", {}, "signature"),
    ("delay", {"seconds": 0}, None),
    ("too-large", {"size": 1000}, None),
    ("not-json", {}, None),
    ("duplicate-keys", {}, None),
    ("nan", {}, None),
    ("deep", {}, None),
    ("not-utf8", {}, None),
    ("empty", {}, None),
]


def order(merchant: Merchant, **headers: str) -> Answer:
    """Create an order."""
    return merchant.call("POST", NATIVE, merchant.order(), headers=dict(headers))


@pytest.mark.parametrize(("name", "options", "problem"), PROBLEMS)
def test_successes_that_cannot_be_trusted(
    merchant: Merchant, gateway: Sandbox, name: str, options: dict[str, Any], problem: str | None
) -> None:
    """The answer is a 200 with exactly that fault, once, and the order was created."""
    gateway.misbehave(name, **options)
    answer = order(merchant)
    assert (answer.status, answer.problem()) == (200, problem)
    assert gateway.requests[0].problem is None
    query = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={merchant.mchid}"
    queried = merchant.call("GET", query)
    assert (queried.status, queried.problem()) == (200, None)


@pytest.mark.parametrize(
    ("name", "options", "status", "problem"),
    [
        ("status", {"code": 429}, 429, None),
        ("status", {"code": 503}, 503, None),
        ("status", {"code": 418}, 418, None),
        ("status", {}, 500, None),
        ("unsigned-error", {"status": 404}, 404, FOUR[0]),
        ("error-forged", {"status": 400}, 400, "signature"),
        ("error-not-json", {}, 502, FOUR[0]),
        ("redirect", {}, 307, None),
        ("redirect", {"status": 301, "location": "http://elsewhere/"}, 301, None),
    ],
)
def test_errors(
    merchant: Merchant,
    gateway: Sandbox,
    name: str,
    options: dict[str, Any],
    status: int,
    problem: str | None,
) -> None:
    """Errors come with the status that was asked for, though the order was created."""
    gateway.misbehave(name, **options)
    answer = order(merchant)
    assert (answer.status, answer.problem()) == (status, problem)
    assert gateway.pay("order-0001")


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "RATELIMIT_EXCEEDED"), (500, "SYSTEM_ERROR"), (503, "SERVICE_UNAVAILABLE")],
)
def test_error_codes(merchant: Merchant, gateway: Sandbox, status: int, code: str) -> None:
    """The body of an error names WeChat Pay's own code."""
    gateway.misbehave("status", code=status)
    assert order(merchant).json()["code"] == code


@pytest.mark.parametrize(
    ("name", "done", "seen"),
    [
        ("hang-up-before", False, lambda wire: wire == b""),
        ("hang-up-after", True, lambda wire: wire == b""),
        ("hang-up-headers", True, lambda wire: wire and b"\r\n\r\n" not in wire),
        ("truncated", True, lambda wire: left(wire) > 0),
    ],
)
def test_connections_that_end(
    merchant: Merchant, gateway: Sandbox, name: str, done: bool, seen: Callable[[bytes], bool]
) -> None:
    """The connection ends where it should, and the order exists only if the body was read."""
    gateway.misbehave(name)
    assert seen(merchant.wire("POST", NATIVE, merchant.order()))
    assert (gateway.requests[0].problem is None) is done
    query = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={merchant.mchid}"
    assert merchant.call("GET", query).status == (200 if done else 404)


def left(wire: bytes) -> int:
    """Return how many bytes of a body its head promised and did not bring."""
    head, _, body = wire.partition(b"\r\n\r\n")
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]) - len(body)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("not-json", lambda body: not body.startswith(b"{")),
        ("duplicate-keys", lambda body: body.count(b"trade_state") == 2),
        ("nan", lambda body: b"NaN" in body),
        ("deep", lambda body: body.count(b"[") == 100_000),
        ("not-utf8", lambda body: b"\xff" in body),
        ("empty", lambda body: body == b""),
        ("too-large", lambda body: len(body) > 9 * 1024 * 1024),
        ("tampered-body", lambda body: "code_url" in json.loads(body)),
    ],
)
def test_bodies(
    merchant: Merchant, gateway: Sandbox, name: str, holds: Callable[[bytes], bool]
) -> None:
    """The bodies are as bad as promised; one that was tampered with still is JSON."""
    gateway.misbehave(name)
    assert holds(order(merchant).body)


def test_gzip(merchant: Merchant, gateway: Sandbox) -> None:
    """The signature of a gzipped body is that of the plain one."""
    gateway.misbehave("gzip")
    answer = order(merchant)
    assert answer.all("Content-Encoding") == ["gzip"]
    assert answer.problem(gzip.decompress(answer.body)) is None


def test_gzip_corrupt(merchant: Merchant, gateway: Sandbox) -> None:
    """A damaged gzip does not unpack."""
    gateway.misbehave("gzip-corrupt")
    answer = order(merchant)
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(answer.body)


def test_gzip_bomb(merchant: Merchant, gateway: Sandbox) -> None:
    """Little on the wire becomes hundreds of MiB."""
    gateway.misbehave("gzip-bomb")
    answer = order(merchant)
    assert len(answer.body) < 1024 * 1024
    unpacker, size = zlib.decompressobj(16 + zlib.MAX_WBITS), 0
    rest = answer.body
    while rest:
        size += len(unpacker.decompress(rest, 1024 * 1024))
        rest = unpacker.unconsumed_tail
    assert size >= 255 * 1024 * 1024


@pytest.mark.parametrize("name", ["gzip", "tampered-body", "truncated", "too-large"])
def test_a_204_that_gets_a_body(merchant: Merchant, gateway: Sandbox, name: str) -> None:
    """Misbehaviour with bodies works where a good answer would have had none."""
    order(merchant)
    gateway.misbehave(name)
    close = "/v3/pay/transactions/out-trade-no/order-0001/close"
    assert merchant.wire("POST", close, {"mchid": merchant.mchid}).startswith(b"HTTP/1.1 20")


def test_by_header(merchant: Merchant, gateway: Sandbox) -> None:
    """A request can ask for several at once, with options, for itself alone."""
    answer = order(merchant, **{"Sandbox-Misbehave": "status; code=503, missing-nonce"})
    assert (answer.status, answer.problem()) == (503, "Wechatpay-Nonce")
    assert order(merchant).problem() is None


@pytest.mark.parametrize(
    "value", ["no-such", "delay; minutes=3", "delay; seconds=x", "malformed-timestamp; form=x"]
)
def test_by_a_wrong_header(merchant: Merchant, gateway: Sandbox, value: str) -> None:
    """A request that asks for what there is not is refused, and says so."""
    answer = order(merchant, **{"Sandbox-Misbehave": value})
    assert (answer.status, answer.json()["code"]) == (400, "SANDBOX_ERROR")
    assert gateway.requests[0].problem


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("no-such", {}, "hang-up-after"),
        ("delay", {"minutes": 1}, "it has seconds"),
        ("unsigned", {"x": 1}, "it has none"),
        ("delay", {"seconds": "x"}, "of type float"),
        ("malformed-timestamp", {"form": "x"}, "eleven-digits"),
    ],
)
def test_what_there_is_not(gateway: Sandbox, name: str, options: dict[str, Any], told: str) -> None:
    """An unknown name or option is an error at once that names the known ones."""
    with pytest.raises(ConfigurationError, match=told):
        gateway.misbehave(name, **options)


def test_times(merchant: Merchant, gateway: Sandbox) -> None:
    """A rule holds for so many requests, or until all rules are dropped."""
    gateway.misbehave("status", times=2)
    assert [order(merchant).status for _ in range(3)] == [500, 500, 200]
    gateway.misbehave("status", times=None)
    assert [order(merchant).status for _ in range(3)] == [500, 500, 500]
    gateway.behave()
    assert order(merchant).status == 200


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ({"path": "v3/pay/transactions/native"}, 500),
        ({"path": "/v3/pay/transactions"}, 500),
        ({"path": "v3/*/native"}, 500),
        ({"path": "v3/pay/trans"}, 200),
        ({"path": "v3/refund"}, 200),
        ({"method": "POST"}, 500),
        ({"method": "GET"}, 200),
    ],
)
def test_where(merchant: Merchant, gateway: Sandbox, where: dict[str, str], status: int) -> None:
    """A rule can be limited to a path, to what is below it, to a pattern, to a method."""
    with gateway.misbehaving("status", **where):
        assert [order(merchant).status for _ in range(2)] == [status, status]
    assert order(merchant).status == 200


def test_a_refusal_is_spoilt_as_well(merchant: Merchant, gateway: Sandbox) -> None:
    """Misbehaviour does not keep a request from being checked."""
    gateway.misbehave("bad-signature")
    answer = merchant.call("POST", NATIVE, {}, signature="AAAA")
    assert (answer.status, answer.problem()) == (401, "signature")


def test_every_misbehaviour_is_tested() -> None:
    """No row of the table goes without a test, and each says what it does in a line."""
    tested = {name for name, _, _ in PROBLEMS}
    tested |= {"status", "unsigned-error", "error-forged", "error-not-json", "redirect"}
    tested |= {"hang-up-before", "hang-up-after", "hang-up-headers", "truncated"}
    tested |= {"gzip", "gzip-corrupt", "gzip-bomb"}
    # See test_certificates.
    tested |= {"certificates"}
    assert tested == {name for name, row in MISBEHAVIOURS.items() if "v3" in row.protocols}
    assert all(row.protocols for row in MISBEHAVIOURS.values())
    assert all(row.summary and "\n" not in row.summary for row in MISBEHAVIOURS.values())
