"""Client(check=True): every fault of a request is named before it is sent, and nothing more."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from multidict import MultiDict

from tests.support.honest import honest
from tests.support.merchant import MCHID, client
from tests.support.server import Server, serving
from tests.support.xml import SECRET
from wechatpay_chain import (
    CheckError,
    Client,
    ConfigurationError,
    MediaUtil,
    RequestError,
    Sensitive,
)
from wechatpay_chain.catalogue import examples, operations
from wechatpay_chain.checks import problems

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
GOOD: dict[str, Any] = {
    "out_request_no": "1",
    "mchid": MCHID,
    "bal_account_no": "6217000010001234567",
    "punish_scene": 1,
}
REFUND: dict[str, Any] = {
    "out_refund_no": "1",
    "amount": {"refund": 1, "total": 1, "currency": "CNY"},
}
TASKS = "v3/marketing/bank/packages/1/tasks"
FILE = {"file": b"x", "filename": "a.csv"}
BALANCE = "v3/merchant/fund/balance/{account_type}"
ORDER = {"appid": "wx", "mch_id": MCHID}


class Strategy(str, Enum):  # noqa: UP042 - what programs have had before StrEnum
    """An enum whose members are text, and write themselves with their name."""

    FORBIDDEN = "ALL_FORBIDDEN"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that answers every call, in either protocol."""
    with serving(honest) as running:
        yield running


@pytest.fixture(scope="module")
def root(server: Server) -> Iterator[Client]:
    """A client that checks."""
    with client(base_uri=server.base_uri, secret=SECRET, check=True) as made:
        yield made


FAULTS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("post", PUNISH, {}, [f"json.{name} is required" for name in GOOD]),
    ("post", PUNISH, {"json": {**GOOD, "mchid": ""}}, ["json.mchid is required"]),
    ("post", PUNISH, {"json": {**GOOD, "mchid": None}}, ["json.mchid is required"]),
    ("post", PUNISH, {"json": [GOOD]}, ["json must be an object, not list"]),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "punish_scene": "1"}},
        ["json.punish_scene must be an integer, not a str"],
    ),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "punish_scene": True}},
        ["json.punish_scene must be an integer, not a bool"],
    ),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "punish_scene": 1.0}},
        ["json.punish_scene must be an integer, not a float"],
    ),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "mchid": 1900000109}},
        ["json.mchid must be a string, not an int"],
    ),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "bal_account_no": Sensitive(5)}},
        ["json.bal_account_no must be a string, not an int"],
    ),
    (
        "post",
        PUNISH,
        {"json": {**GOOD, "fund_repatriation_strategy": "ALL"}},
        ["json.fund_repatriation_strategy must be one of ALL_FORBIDDEN, ALL_ALLOWED_WHEN_UNIQUE"],
    ),
    (
        "post",
        "v3/refund/domestic/refunds",
        {"json": {"out_refund_no": 1, "amount": {"total": "1", "from": [{"amount": 1}, 2]}}},
        [
            "json.out_refund_no must be a string, not an int",
            "json.amount.refund is required",
            "json.amount.from[0].account is required",
            "json.amount.from[1] must be an object, not an int",
            "json.amount.total must be an integer, not a str",
            "json.amount.currency is required",
        ],
    ),
    (
        "post",
        "v3/refund/domestic/refunds",
        {"json": {**REFUND, "goods_detail": {}}},
        ["json.goods_detail must be a list, not a dict"],
    ),
    ("get", "v3/pay/transactions/id/{transaction_id}", {"transaction_id": "4"}, [
        "query.mchid is required",
    ]),
    ("get", "v3/pay/transactions/id/4", {"query": "mchid="}, ["query.mchid is required"]),
    ("post", "v3/merchant/media/upload", {}, ["upload is required"]),
    (
        "post",
        "v3/taxi-invoice/cards/upload-file",
        {"upload": {"file": b"x", "filename": "a.pdf", "meta": {"region_id": "a"}}},
        [
            "upload.meta.company_mchid is required",
            "upload.meta.region_id must be a number, not a str",
        ],
    ),
    ("post", TASKS, {"upload": FILE}, ["upload.meta.bank_type is required"]),
    (
        "post",
        TASKS,
        {"upload": {**FILE, "meta": Sensitive({})}},
        ["upload.meta.bank_type is required"],
    ),
    (
        "get",
        BALANCE,
        {"account_type": "BASICS"},
        ["account_type must be one of BASIC, OPERATION, FEES"],
    ),
    (
        "post",
        "v2/pay/orderquery",
        {"xml": ORDER},
        ["xml needs one of transaction_id, out_trade_no"],
    ),
    (
        "post",
        "v2/mchrisk/querymchrisk",
        {"xml": {"mch_id": MCHID, "sign_type": "MD5"}},
        ["xml.sign_type must be one of HMAC-SHA256"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "path", "options", "wanted"), FAULTS)
def test_every_fault_is_named_at_once(
    verb: str,
    path: str,
    options: dict[str, Any],
    wanted: list[str],
    root: Client,
    server: Server,
) -> None:
    """All faults are in one error, sync and async; nothing arrives, and no value is shown."""
    before = len(server.requests)
    with pytest.raises(CheckError) as caught:
        getattr(root[path], verb)(**options)
    assert list(caught.value.problems) == wanted
    assert str(caught.value).count("\n") == 0
    assert all(problem in str(caught.value) for problem in wanted)
    assert "6217000010001234567" not in str(caught.value)
    assert caught.value.sent is False

    async def call() -> None:
        with pytest.raises(CheckError):
            await getattr(root[path], f"{verb}_async")(options)

    asyncio.run(call())
    assert len(server.requests) == before


FINE: list[tuple[str, str, dict[str, Any]]] = [
    ("post", PUNISH, {"json": GOOD}),
    ("post", PUNISH, {"json": {**GOOD, "brand_new_field": object.__name__}}),
    ("post", PUNISH, {"json": {**GOOD, "mchid": Sensitive(MCHID), "punish_reason": None}}),
    ("post", PUNISH, {"body": "{}"}),
    ("post", TASKS, {"upload": MediaUtil("a.png", b"x", meta={"bank_type": "CMB"})}),
    ("post", TASKS, {"upload": {**FILE, "meta": '{"bank_type": "CMB"}'}}),
    ("get", BALANCE, {"account_type": "BASIC"}),
    ("get", "v3/merchant/fund/balance/new", {}),
    ("post", "v3/refund/domestic/refunds", {"json": REFUND}),
    ("post", "v3/not-known-yet", {"json": {"a": 1}}),
    ("post", PUNISH, {"json": MultiDict(GOOD)}),
    ("post", PUNISH, {"json": {**GOOD, "fund_repatriation_strategy": Strategy.FORBIDDEN}}),
    ("get", "v3/pay/transactions/id/4", {"query": f"mchid={MCHID}&x=1&x=%ff"}),
    ("get", "v3/pay/transactions/id/4", {"query": f"mchid={MCHID}"}),
    ("get", "v3/pay/transactions/id/4", {"query": [("mchid", MCHID)]}),
    ("get", "v3/pay/transactions/id/4", {"query": {"mchid": int(MCHID)}}),
    ("post", "v3/merchant/media/upload", {"upload": {"file": b"x", "filename": "a.png"}}),
    ("post", "v2/pay/orderquery", {"xml": {**ORDER, "out_trade_no": "1"}}),
    ("post", "v2/pay/orderquery", {"xml": {**ORDER, "transaction_id": 4}}),
    ("post", "v2/pay/orderquery", {"body": f"<xml><mch_id>{MCHID}</mch_id></xml>"}),
]


@pytest.mark.parametrize(("verb", "path", "options"), FINE)
def test_what_is_right_or_unknown_is_sent(
    verb: str, path: str, options: dict[str, Any], root: Client, server: Server
) -> None:
    """A right request leaves, with fields and operations that nobody documented as well."""
    before = len(server.requests)
    getattr(root[path], verb)(options)
    assert len(server.requests) == before + 1


def test_nothing_is_checked_unless_it_is_asked_for(server: Server) -> None:
    """Without check=True the gateway is who judges."""
    with client(base_uri=server.base_uri) as root:
        assert root[PUNISH].post(json={"mchid": 5}).status == 200
    with pytest.raises(ConfigurationError, match="check must be True or False"):
        client(check="yes")
    assert issubclass(CheckError, RequestError)


@pytest.mark.parametrize("required_only", [False, True])
def test_every_documented_example_passes(required_only: bool) -> None:
    """Of all 1,139 operations the example made from the schema has no fault."""
    for one in operations():
        made = examples.options(one, required_only=required_only)
        headers = {"Idempotency-Key": "1"}
        assert problems(one, {**made, "headers": headers}) == (), str(one)


def test_every_missing_required_field_is_found() -> None:
    """Taking any one required field out of any example is noticed, by its path."""
    for one in operations():
        for place, *steps in one.required:
            if not steps or steps[-1] in ("nonce_str", "sign") or place == "body":
                continue
            if steps[-1] == "[]":
                steps = steps[:-1]
            made = examples.options(one)
            node: Any = made[place]
            if any(isinstance(step_of(node, steps[:depth]), str) for depth in range(len(steps))):
                continue  # inside a string that holds JSON
            for step in steps[:-1]:
                node = node[0] if step == "[]" else node[step]
            del node[steps[-1]]
            found = problems(one, made)
            if steps[-1] in one.alternatives:
                continue
            assert any(problem.endswith(f"{steps[-1]} is required") for problem in found), str(one)


def step_of(node: Any, steps: list[str]) -> Any:
    """Return what stands below a node."""
    for step in steps:
        if isinstance(node, str):
            return node
        node = node[0] if step == "[]" else node[step]
    return node


def test_numbers_of_any_kind_match_an_enum() -> None:
    """A member of an Enum of ints, and a float without a fraction, are the number they are."""
    field = next(
        (one, place, inner)
        for one in operations("v3/")
        for place in one.request
        for inner in place.fields
        if inner.type in ("number", "integer") and inner.enum[:1] == ("1",)
    )
    operation, place, inner = field

    class Kind(int, Enum):
        """An enum that is no IntEnum."""

        ONE = 1

    for value in (1, Kind.ONE, *([1.0] if inner.type == "number" else [])):
        given = {place.name: {inner.name: value}}
        assert not any(inner.name in problem for problem in problems(operation, given)), value
    wrong = problems(operation, {place.name: {inner.name: 99}})
    assert any(f"{inner.name} must be one of" in problem for problem in wrong)


def test_an_upload_that_nobody_could_send_is_no_matter_of_fields(root: Client) -> None:
    """What meta may not be is said by its own error."""
    with pytest.raises(RequestError, match="meta must be a mapping or JSON text"):
        root[TASKS].post(upload={**FILE, "meta": [1]})


def test_a_refused_call_shows_no_values(root: Client) -> None:
    """A traceback with locals of the error, sync, has no frame with what was to be encrypted."""
    secret = "6217000010001234568"

    def call() -> None:
        root[PUNISH].post(json={**GOOD, "bal_account_no": secret, "punish_scene": "x"})

    with pytest.raises(CheckError) as caught:
        call()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if frame.filename != __file__]
    assert ours
    assert not any(secret in str(frame.locals) for frame in ours)
