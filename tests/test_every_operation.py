"""Every operation of the catalogue, in every spelling, sync and async, before the gateway.

Values are made from the schema. Each call arrives once at its path with its
method, is opened by the gateway, and answered as the documentation says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.sandbox.merchant import OAEP
from tests.support import schema
from wechatpay_chain import Client, Response, WechatPayError
from wechatpay_chain.catalogue import FieldPath, Operation, examples, operations, walk
from wechatpay_chain.catalogue.samples import expression
from wechatpay_chain.protocol.segments import camel, snake
from wechatpay_chain.sandbox import ReceivedRequest, Sandbox

pytestmark = pytest.mark.filterwarnings("ignore::wechatpay_chain.DeprecatedOperationWarning")

OPERATIONS = [*operations()]
MCHID = "1900000109"
SECRET = "密文"
# The names by which the XML protocol knows whose request it is.
OWNERS = ("mch_id", "mchid", "combine_mch_id")

SPELLINGS: dict[str, Callable[[str], str]] = {
    "snake": lambda path: expression(path, spell=snake),
    "camel": lambda path: expression(path, spell=camel),
    "chain": lambda path: expression(path, "declarative"),
    "item": lambda path: expression(path, "item"),
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway with TLS, without which half of v2 is closed."""
    with Sandbox(tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Sandbox) -> Iterator[Client]:
    """Its merchant's client."""
    with gateway.client() as made:
        yield made


@pytest.fixture(scope="module")
def runner(client: Client) -> Iterator[asyncio.Runner]:
    """One loop for all async calls."""
    with asyncio.Runner() as running:
        yield running
        running.run(client.aclose())


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file to upload."""
    path = tmp_path_factory.mktemp("uploads") / "example.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    return path


def call(node: Any, method: str, options: dict[str, Any], runner: asyncio.Runner | None) -> Any:
    """Make a call: sync without a runner, awaited with one."""
    if runner is None:
        return getattr(node, method.lower())(**options)

    async def wait() -> Any:
        return await getattr(node, f"{method.lower()}_async")(**options)

    return runner.run(wait())


def made(operation: Operation, picture: Path) -> dict[str, Any]:
    """Return the options of a call, with the merchant's own number and a file that is there."""
    options = examples.options(operation)
    if operation.is_v2:
        place = "query" if operation.method == "GET" else "xml"
        own = {name: MCHID for name in OWNERS if name in options.get(place, {})}
        given = {**options.get(place, {}), **(own or {"mch_id": MCHID})}
        # The client names the key that it encrypts for.
        given.pop("cert_serial_number", None)
        if not str(given.get("sign_type", "MD5")).startswith(("MD5", "HMAC")):
            given["sign_type"] = "HMAC-SHA256"
        options[place] = given
    if operation.upload:
        options["upload"] = {**options["upload"], "file": str(picture)}
    return options


# What the gateway really carries out needs sensible values, and what is queried must be there.

Prepared = dict[str, Any]


def today(form: str) -> str:
    return datetime.fromtimestamp(time.time(), timezone(timedelta(hours=8))).strftime(form)


def native(client: Client) -> Prepared:
    order = {
        "appid": "wx8888888888888888",
        "mchid": MCHID,
        "description": "x",
        "out_trade_no": "example-order",
        "notify_url": "https://example.com/",
        "amount": {"total": 1},
    }
    client.v3.pay.transactions.native.post(json=order)
    return {"out_trade_no": "example-order", "query": {"mchid": MCHID}}


def an_order(gateway: Sandbox, client: Client) -> Prepared:
    return {"json": {"mchid": MCHID, "amount": {"total": 1, "currency": "CNY"}}}


def a_paid_one(gateway: Sandbox, client: Client) -> Prepared:
    options = native(client)
    return {**options, "transaction_id": gateway.pay("example-order")}


def a_closing(gateway: Sandbox, client: Client) -> Prepared:
    return {**native(client), "query": None, "json": {"mchid": MCHID}}


def a_refund(gateway: Sandbox, client: Client) -> Prepared:
    number = a_paid_one(gateway, client)["transaction_id"]
    amount = {"refund": 1, "total": 1, "currency": "CNY"}
    numbers = {"transaction_id": number, "out_trade_no": "example-order"}
    return {"json": {**numbers, "amount": amount}}


def a_refund_made(gateway: Sandbox, client: Client) -> Prepared:
    document = a_refund(gateway, client)["json"]
    client.v3.refund.domestic.refunds.post(json={"out_refund_no": "example-refund", **document})
    return {"out_refund_no": "example-refund"}


def a_punishment(gateway: Sandbox, client: Client) -> Prepared:
    asked = {"out_request_no": "example-punishment", "mchid": MCHID, "punish_scene": 1}
    answer = client.v3.aggracct_bc.wb_channel.control_orders.punish.post(
        json={**asked, "bal_account_no": f"{SECRET} 0", "punish_reason": "x"}
    )
    return {
        "json": {
            "related_webank_punish_no": "example-punishment",
            "related_wxpay_punish_no": answer.json()["wxpay_punish_no"],
            "mchid": MCHID,
            "bal_account_no": f"{SECRET} 0",
        },
    }


def a_control_order(gateway: Sandbox, client: Client) -> Prepared:
    a_punishment(gateway, client)
    return {
        "out_request_no": "example-punishment",
        "query": {"mchid": MCHID, "control_type": "PUNISH"},
    }


def an_xml_order(gateway: Sandbox, client: Client) -> Prepared:
    return {"xml": {"trade_type": "NATIVE", "out_trade_no": "example-order"}}


def a_payment_code(gateway: Sandbox, client: Client) -> Prepared:
    return {"xml": {"auth_code": "130000000000000000", "out_trade_no": "example-order"}}


def an_unpaid_xml_order(gateway: Sandbox, client: Client) -> Prepared:
    native(client)
    return {"xml": {"out_trade_no": "example-order"}}


def a_paid_xml_order(gateway: Sandbox, client: Client) -> Prepared:
    number = a_paid_one(gateway, client)["transaction_id"]
    xml = {"out_trade_no": "example-order", "transaction_id": number}
    return {"xml": xml}


def a_bill(gateway: Sandbox, client: Client) -> Prepared:
    a_paid_one(gateway, client)
    return {"xml": {"bill_date": today("%Y%m%d")}}


def an_xml_refund(gateway: Sandbox, client: Client) -> Prepared:
    xml = a_paid_xml_order(gateway, client)["xml"]
    return {"xml": {**xml, "total_fee": 1, "refund_fee": 1, "refund_fee_type": "CNY"}}


def a_refunded_xml_order(gateway: Sandbox, client: Client) -> Prepared:
    document = a_refund(gateway, client)["json"]
    made = client.v3.refund.domestic.refunds.post(
        json={"out_refund_no": "example-refund", **document}
    ).json()
    numbers = ("transaction_id", "out_trade_no", "out_refund_no", "refund_id")
    return {"xml": {**{name: made[name] for name in numbers}, "offset": 0}}


def a_red_packet(gateway: Sandbox, client: Client) -> Prepared:
    return {"xml": {"mch_billno": "1", "total_amount": 100, "total_num": 1}}


def a_flow(gateway: Sandbox, client: Client) -> Prepared:
    return {"xml": {"bill_date": today("%Y%m%d")}}


def a_day(gateway: Sandbox, client: Client) -> Prepared:
    return {"query": {"bill_date": today("%Y-%m-%d")}}


PREPARATIONS: dict[str, Callable[[Sandbox, Client], Prepared]] = {
    "POST v3/pay/transactions/native": an_order,
    "POST v3/pay/transactions/jsapi": an_order,
    "POST v3/pay/transactions/app": an_order,
    "POST v3/pay/transactions/h5": an_order,
    "GET v3/pay/transactions/out-trade-no/{out_trade_no}": a_paid_one,
    "GET v3/pay/transactions/id/{transaction_id}": a_paid_one,
    "POST v3/pay/transactions/out-trade-no/{out_trade_no}/close": a_closing,
    "POST v3/refund/domestic/refunds": a_refund,
    "GET v3/refund/domestic/refunds/{out_refund_no}": a_refund_made,
    "POST v3/aggracct-bc/wb-channel/control-orders/recover": a_punishment,
    "GET v3/aggracct-bc/wb-channel/control-orders/{out_request_no}": a_control_order,
    "GET v3/bill/tradebill": a_day,
    "GET v3/bill/fundflowbill": a_day,
    "POST v2/pay/unifiedorder": an_xml_order,
    "POST v2/pay/micropay": a_payment_code,
    "POST v2/pay/orderquery": a_paid_xml_order,
    "POST v2/pay/closeorder": an_unpaid_xml_order,
    "POST v2/secapi/pay/refund": an_xml_refund,
    "POST v2/pay/refundquery": a_refunded_xml_order,
    "POST v2/pay/downloadbill": a_bill,
    "POST v2/pay/downloadfundflow": a_flow,
    "POST v2/mmpaymkttransfers/sendredpack": a_red_packet,
}


def prepare(
    operation: Operation, gateway: Sandbox, client: Client, picture: Path
) -> dict[str, Any]:
    """Return the options of a call that can be carried out."""
    gateway.clear()
    options = made(operation, picture)
    wanted = PREPARATIONS.get(str(operation))
    for name, value in (wanted(gateway, client) if wanted else {}).items():
        if name in options and isinstance(value, dict):
            options[name] = {**options[name], **value}
        elif name in options:
            options[name] = value
    return options


def wire_path(operation: Operation, options: dict[str, Any]) -> str:
    """Return the path that an operation's request has on the wire."""

    def text(found: re.Match[str]) -> str:
        return "" if found[1] == "empty" else quote(str(options[found[1]]), safe="")

    path = re.sub(r"\{(\w+)\}", text, operation.path)
    return f"/{path.removeprefix('v2/')}"


def fields_of(response: Response, operation: Operation) -> Any:
    """Return an answer's fields, read by the client."""
    return response.xml() if operation.is_v2 else response.json()


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=[*map(str, OPERATIONS)].__getitem__)
def test_an_operation(
    number: int,
    spelling: str,
    gateway: Sandbox,
    client: Client,
    runner: asyncio.Runner,
    picture: Path,
) -> None:
    """It arrives as it was meant, is opened, and answered by its schema, verifiably."""
    operation = OPERATIONS[number]
    options = prepare(operation, gateway, client, picture)
    before = len(gateway.requests)
    node = eval(SPELLINGS[spelling](operation.path), {"client": client})  # noqa: S307
    # Every operation is called both ways, and so is every spelling.
    is_async = ([*SPELLINGS].index(spelling) + number) % 2
    response = call(node, operation.method, options, runner if is_async else None)
    [request] = gateway.requests[before:]
    assert (request.method, request.path) == (operation.method, wire_path(operation, options))
    assert request.problem is None
    assert request.opened is not None
    if "json" in options:
        assert request.opened == options["json"]
    elif "xml" in options:
        assert {name: request.opened[name] for name in options["xml"]} == {
            name: str(value) if not isinstance(value, bool) else request.opened[name]
            for name, value in options["xml"].items()
        }
    assert response.verified is is_signed(operation)
    check_answer(operation, options, response)


def is_signed(operation: Operation) -> bool:
    """Tell whether WeChat Pay signs an operation's answers: all of v3's but files."""
    if operation.is_v2:
        return not operation.has_unsigned_answer
    return not operation.download or operation.path.endswith("/statements")


def check_answer(operation: Operation, options: dict[str, Any], response: Response) -> None:
    """Check that an answer is what the documentation says, and says back what was said."""
    if operation.download:
        assert (response.status, len(response.body) > 60) == (200, True)
    elif not operation.response and operation.method != "GET":
        assert (response.status, response.body) == (204, b"")
    else:
        assert response.status == 200
        answer = fields_of(response, operation)
        found = schema.faults(operation.response, answer, is_xml=operation.is_v2)
        # What is really carried out tells more than is documented of it.
        surplus = str(operation) in PREPARATIONS
        assert [one for one in found if not (surplus and one.endswith("not documented"))] == []
        check_echo(operation, options, answer)


def check_echo(operation: Operation, options: dict[str, Any], answer: Any) -> None:
    """Check that an identifier of the request is that of the answer."""
    variables = {name: options[name] for name in operation.variables if name in options}
    places = (options.get(name) or {} for name in ("query", "json", "xml"))
    said = {name: value for place in (*places, variables) for name, value in place.items()}
    for field in operation.response:
        is_identifier = field.name.endswith(("_no", "_id", "appid", "mchid", "openid"))
        if is_identifier and field.type == "string" and not field.enum and field.name in said:
            assert answer[field.name] == str(said[field.name]), field.name


def lacking(operation: Operation) -> Iterator[FieldPath]:
    """Yield the deepest required field whose absence must be noticed, and a required list."""
    wanted = [
        path
        for path in operation.required
        if len(path) > 1
        and path[0] in ("json", "query", "xml")
        and path[1] not in ("sign", "nonce_str", *OWNERS, *operation.alternatives)
    ]
    if operation.is_v2:
        # Which object inside a JSON text is wanted depends on more than the schema.
        objects = {path for path, field in walk(operation.request) if field.type == "object"}
        wanted = [path for path in wanted if path not in objects]
    lists = [path for path in wanted if path[-1] == "[]"]
    yield from {max(some, key=len) for some in (wanted, lists) if some}


LACKING = [(one, path) for one in OPERATIONS for path in lacking(one)]


@pytest.mark.parametrize(("operation", "path"), LACKING, ids=lambda one: str(one))
def test_a_required_field_that_is_not_there(
    operation: Operation, path: FieldPath, gateway: Sandbox, client: Client, picture: Path
) -> None:
    """The request is refused by an answer that names the field."""
    options = made(operation, picture)
    options |= schema.drop({path[0]: options[path[0]]}, path)
    gateway.clear()
    try:
        body = call(client[operation.path], operation.method, options, None).body
    except WechatPayError as error:
        body = error.response.body  # type: ignore[attr-defined]
    names = [name for name in path[1:] if name != "[]"]
    pattern = "/([0-9]+/)?".join(map(re.escape, names)) + '[":]'
    assert re.search(pattern, body.decode()), body
    assert gateway.requests[0].problem


SENSITIVE = [one for one in OPERATIONS if one.encrypted]


def private_keys(gateway: Sandbox) -> dict[str, RSAPrivateKey]:
    """Return the keys that only WeChat Pay has."""
    return {serial: key.private_key for serial, key in gateway.identity.platform_keys.items()}


def as_sent(request: ReceivedRequest, place: str) -> Any:
    """Return what a place of a request held on the wire, read by other code than the package's."""
    if place == "query":
        return dict(parse_qsl(request.target.partition("?")[2]))
    if place == "xml":
        return {child.tag: child.text for child in ElementTree.fromstring(request.body)}  # noqa: S314
    if place == "body":
        assert request.parts is not None
        return {"meta": json.loads(request.parts["meta"].content)}
    return json.loads(request.body)


def fill(operation: Operation, options: dict[str, Any]) -> dict[str, FieldPath]:
    """Put a text of its own into each sensitive field; return the fields by their texts."""
    given = {f"{SECRET} {number}": path for number, path in enumerate(operation.encrypted)}
    for text, path in given.items():
        schema.put(options, ("upload", *path[1:]) if path[0] == "body" else path, text)
    return given


@pytest.mark.parametrize("operation", SENSITIVE, ids=str)
def test_sensitive_fields(
    operation: Operation, gateway: Sandbox, client: Client, runner: asyncio.Runner, picture: Path
) -> None:
    """Each leaves as ciphertext that one key of WeChat Pay opens, and never in the clear."""
    options = prepare(operation, gateway, client, picture)
    before = len(gateway.requests)
    given = fill(operation, options)
    call(client[operation.path], operation.method, options, runner)
    [request] = gateway.requests[before:]
    assert request.problem is None
    for text, path in given.items():
        sealed = base64.b64decode(schema.look(as_sent(request, path[0]), path[1:]), validate=True)
        assert len(sealed) == 256
        serial = request.headers.get("Wechatpay-Serial") or client_key(request, gateway)
        assert private_keys(gateway)[serial].decrypt(sealed, OAEP).decode() == text
        rest = path[2:] if path[0] == "body" else path[1:]
        assert schema.look(request.opened, rest) == text
    wire = request.body + request.target.encode()
    for text in given:
        for form in (text, quote(text), json.dumps(text).strip('"')):
            assert form.encode() not in wire


def client_key(request: ReceivedRequest, gateway: Sandbox) -> str:
    """Return which key a v2 request was encrypted for, where it names one."""
    named = as_sent(request, "xml").get("cert_serial_number")
    return named or gateway.identity.public_key.serial


ANSWERED = [one for one in OPERATIONS if one.encrypted_answer]


@pytest.mark.parametrize("operation", ANSWERED, ids=str)
def test_sensitive_fields_of_answers(
    operation: Operation, gateway: Sandbox, client: Client, picture: Path
) -> None:
    """Each comes as ciphertext that the merchant's key opens, and the client opens it."""
    options = made(operation, picture)
    given = fill(operation, options)
    # Of several fields of one name any may be meant.
    names = {path[-1] for path in given.values()}
    response = call(client[operation.path], operation.method, options, None)
    if operation.is_v2:
        raw = {child.tag: child.text for child in ElementTree.fromstring(response.body)}  # noqa: S314
    else:
        raw = json.loads(response.body)
    opened = fields_of(response, operation)
    key = gateway.identity.merchant.private_key
    for path in operation.encrypted_answer:
        sealed = base64.b64decode(schema.look(raw, path), validate=True)
        text = key.decrypt(sealed, OAEP).decode()
        assert schema.look(opened, path) == text
        assert text
        assert (text in given) is (path[-1] in names), path
    for text in given:
        assert text.encode() not in response.body


def test_how_much_of_the_catalogue_is_there() -> None:
    """The tests above are of all operations, and of all that have something sensitive."""
    assert (len(OPERATIONS), len(SENSITIVE), len(ANSWERED)) == (1139, 119, 43)
    assert len(LACKING) > 800
