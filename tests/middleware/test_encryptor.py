"""Sensitive fields leave encrypted, wherever they stand, and everything else as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.merchant import PLATFORM_ID, client, pem, private, signed_headers
from tests.support.server import Server, answer, serving
from wechatpay_chain import Client, RequestError, Sensitive
from wechatpay_chain.catalogue import operations as known
from wechatpay_chain.protocol import rsa
from wechatpay_chain.protocol.template import variables

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
PLAINTEXT = "6222020200098765432"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers every call."""
    body = b"{}"
    with serving(lambda request: answer(headers=signed_headers(body), body=body)) as running:
        yield running


@pytest.fixture
def root(server: Server) -> Iterator[Client]:
    """A client of that server with two platform keys."""
    certs = {PLATFORM_ID: pem("plat_pub"), "7132D72A03E93CDDF8C03BBD1F37EEDF": pem("plat_cert")}
    with client(base_uri=server.base_uri, certs=certs) as made:
        yield made


def opened(text: str) -> str:
    """Decrypt with the platform's key."""
    return rsa.decrypt(text, private("plat_key"))


def operations() -> list[tuple[str, str, list[tuple[str, ...]]]]:
    """Return (method, path, field paths) of the v3 operations with sensitive fields."""
    return [(one.method, one.path, list(one.encrypted)) for one in known("v3/") if one.encrypted]


def example(paths: list[tuple[str, ...]], where: str) -> Any:
    """Return a document that has a value at every path that starts with `where`."""
    root: Any = {}
    for path in paths:
        if path[0] != where:
            continue
        here = root
        steps = list(path[1:])
        for index, step in enumerate(steps):
            if step == "[]":
                continue
            last = index == len(steps) - 1
            listed = not last and steps[index + 1] == "[]"
            if last:
                here[step] = f"明文 of {'.'.join(path)}"
            elif listed:
                here = here.setdefault(step, [{"plain": 1}, {}])[1]
            else:
                here = here.setdefault(step, {})
    return root


def leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (path, text) of every text in a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*at, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, (*at, "[]"))
    elif isinstance(value, str):
        yield at, value


def test_there_are_119_operations() -> None:
    """The table has the operations that WeChat Pay documents with sensitive fields."""
    assert len(operations()) + 2 == 119


@pytest.mark.parametrize(("method", "path", "paths"), operations(), ids=lambda v: str(v)[:70])
def test_every_operations_fields_are_encrypted(
    method: str, path: str, paths: list[tuple[str, ...]], root: Client, server: Server
) -> None:
    """Each marked field of each operation arrives as ciphertext that opens to the plaintext."""
    body, query = example(paths, "json"), example(paths, "query")
    names = dict.fromkeys(variables(path) - {"empty"}, "ID1")
    options = {"query": query} if query else {"json": body}
    getattr(root.chain(path), method.lower())(options, **names)
    got = server.requests[0]
    sent = dict(parse_qsl(urlsplit(got.target).query)) if query else got.json
    texts = dict(leaves(query or body))
    assert {where: opened(text) for where, text in leaves(sent)} == texts
    assert set(texts) == {path[1:] for path in paths if path[0] in ("json", "query")}
    assert ("Wechatpay-Serial" in got.headers) is bool(texts)


def test_other_fields_stay_as_they_are(root: Client, server: Server) -> None:
    """What is not marked leaves as it came, and the caller's own data is not touched."""
    data = {"bal_account_no": PLAINTEXT, "n": 1, "f": 1.5, "list": [{"name": "张三"}], "none": None}
    before = json.dumps(data)
    root.chain(PUNISH).post(json=data)
    assert json.dumps(data) == before
    sent = server.requests[0].json
    assert opened(sent.pop("bal_account_no")) == PLAINTEXT
    assert sent == {key: value for key, value in data.items() if key != "bal_account_no"}


def test_nothing_sensitive_means_no_serial(root: Client, server: Server) -> None:
    """A request without sensitive fields is left alone to the byte."""
    root.v3.pay.transactions.native.post(json={"b": 1, "a": "é"})
    assert server.requests[0].body == '{"b":1,"a":"é"}'.encode()
    assert "Wechatpay-Serial" not in server.requests[0].headers


def test_the_callers_serial_chooses_the_key(root: Client, server: Server) -> None:
    """Wechatpay-Serial given by the caller names the key, in any case of its name."""
    for name in ("Wechatpay-Serial", "wechatpay-serial"):
        root.chain(PUNISH).post(
            json={"bal_account_no": PLAINTEXT}, headers={name: "7132D72A03E93CDDF8C03BBD1F37EEDF"}
        )
        got = server.requests[-1]
        assert b"wechatpay-serial: 7132d72a03e93cddf8c03bbd1f37eedf\r\n" in got.raw_head.lower()
        assert got.raw_head.lower().count(b"wechatpay-serial") == 1
        assert opened(got.json["bal_account_no"]) == PLAINTEXT


def test_a_serial_without_its_key_is_refused(root: Client, server: Server) -> None:
    """A serial whose key is not known sends nothing; ciphertext for it passes."""
    headers = {"Wechatpay-Serial": "UNKNOWN"}
    with pytest.raises(RequestError, match=r"json\.bal_account_no must be encrypted"):
        root.chain(PUNISH).post(json={"bal_account_no": PLAINTEXT}, headers=headers)
    assert server.requests == []
    by_hand = rsa.encrypt(PLAINTEXT, private("mch_key").public_key())
    root.chain(PUNISH).post(json={"bal_account_no": by_hand}, headers=headers)
    assert server.requests[0].json["bal_account_no"] == by_hand


def test_ciphertext_is_left_alone(root: Client, server: Server) -> None:
    """Code that encrypts by hand keeps working: its bytes arrive as they were."""
    by_hand = rsa.encrypt(PLAINTEXT, private("plat_key").public_key())
    root.chain(PUNISH).post(
        json={"bal_account_no": by_hand, "card_no": "1"}, headers={"Wechatpay-Serial": PLATFORM_ID}
    )
    sent = server.requests[0].json
    assert sent["bal_account_no"] == by_hand
    assert opened(sent["card_no"]) == "1"
    root.v3.realname.verify.get(query={"encrypted_name": by_hand})
    assert dict(parse_qsl(urlsplit(server.requests[1].target).query))["encrypted_name"] == by_hand


@pytest.mark.parametrize(
    "near", [PLAINTEXT * 10, "A" * 343, "A" * 344 + "=", "!" * 344, "é" * 100, "A" * 214]
)
def test_what_only_looks_like_ciphertext(near: str, root: Client, server: Server) -> None:
    """A text is encrypted, or refused for its length with its name, never sent as it is."""
    if len(near.encode()) > 214:
        with pytest.raises(RequestError, match=r"json\.bal_account_no has \d+ bytes; at most 214"):
            root.chain(PUNISH).post(json={"bal_account_no": near})
        assert server.requests == []
    else:
        root.chain(PUNISH).post(json={"bal_account_no": near})
        assert opened(server.requests[0].json["bal_account_no"]) == near


@pytest.mark.parametrize(
    ("value", "plain"),
    [("", ""), ("张三", "张三"), (13800000000, "13800000000"), ("\U0001f600", "\U0001f600")],
)
def test_values_that_are_encrypted(value: Any, plain: str, root: Client, server: Server) -> None:
    """Text and whole numbers are encrypted, also empty text."""
    root.chain(PUNISH).post(json={"bal_account_no": value})
    assert opened(server.requests[0].json["bal_account_no"]) == plain


@pytest.mark.parametrize("value", [True, 1.5, {"a": 1}], ids=str)
def test_values_that_cannot_be_encrypted(value: Any, root: Client, server: Server) -> None:
    """A sensitive field that is no text is refused by name, never sent in the clear."""
    with pytest.raises(RequestError, match=r"json\.bal_account_no is sensitive"):
        root.chain(PUNISH).post(json={"bal_account_no": value})
    assert server.requests == []


def test_none_and_lists(root: Client, server: Server) -> None:
    """None stays None; each text of a list is encrypted."""
    root.chain(PUNISH).post(json={"bal_account_no": None, "card_no": ["1", "2"]})
    sent = server.requests[0].json
    assert sent["bal_account_no"] is None
    assert [opened(text) for text in sent["card_no"]] == ["1", "2"]


def test_sensitive_marks_are_encrypted_anywhere(root: Client, server: Server) -> None:
    """Sensitive in an operation that nobody knows is encrypted: in lists, queries and headers."""
    root.v3.brand_new.operation.post(
        json={
            "a": [{"b": Sensitive("张三")}, {"b": "李四"}],
            "c": Sensitive(7),
            "[]": Sensitive("x"),
        },
        query={"q": Sensitive("k"), "n": {"m": [Sensitive("deep")]}, "p": "plain"},
        headers={"X-Name": Sensitive("in a header")},
    )
    got = server.requests[0]
    assert opened(got.json["a"][0]["b"]) == "张三"
    assert got.json["a"][1]["b"] == "李四"
    assert opened(got.json["c"]) == "7"
    assert opened(got.json["[]"]) == "x"
    query = dict(parse_qsl(urlsplit(got.target).query))
    assert opened(query["q"]) == "k"
    assert opened(query["n[m][0]"]) == "deep"
    assert query["p"] == "plain"
    assert opened(got.headers["X-Name"]) == "in a header"
    assert got.headers["Wechatpay-Serial"] == PLATFORM_ID


@pytest.mark.parametrize(
    "options",
    [{"body": Sensitive("x")}, {"x": Sensitive("y")}, {"query": Sensitive("a=b")}],
    ids=str,
)
def test_sensitive_where_nothing_is_encrypted_is_refused(
    options: dict[str, Any], root: Client, server: Server
) -> None:
    """A mark in a path or raw body is refused instead of sent in the clear."""
    with pytest.raises(RequestError, match="Sensitive"):
        root.v3["{x}"].post({"x": "1", **options})
    assert server.requests == []


def test_encryption_can_be_turned_off(server: Server, root: Client) -> None:
    """encrypt=False on the call or the client sends what was given; a call may turn it on again."""
    data = {"bal_account_no": PLAINTEXT, "x": Sensitive("y")}
    root.chain(PUNISH).post(json=data, encrypt=False)
    with client(base_uri=server.base_uri, encrypt=False) as off:
        off.chain(PUNISH).post(json=data)
        off.chain(PUNISH).post(json=data, encrypt=True)
    first, second, third = (request.json for request in server.requests)
    assert first == second == {"bal_account_no": PLAINTEXT, "x": "y"}
    assert opened(third["bal_account_no"]) == PLAINTEXT


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("v3/ecommerce/refunds/{refund_id}/apply-abnormal-refund", {"refund_id": "AbC"}),
        ("v3/ecommerce/refunds/5123/apply-abnormal-refund", {}),
        ("{+url}", {"url": "v3/ecommerce/refunds/AbC/apply-abnormal-refund"}),
        ("/v3/ecommerce/refunds/1/apply-abnormal-refund", {}),
        ("hk/v3/ecommerce/refunds/1/apply-abnormal-refund", {}),
        ("v3/ecommerce/refunds/{refund_id}/apply-abnormal-refund", {"refund_id": "a/b c"}),
    ],
)
def test_an_operation_is_known_however_its_path_is_written(
    path: str, options: dict[str, Any], root: Client, server: Server
) -> None:
    """The fields are found by the path that is sent, with variables, values or a prefix."""
    root.chain(path).post(options, json={"bank_account": PLAINTEXT})
    assert opened(server.requests[0].json["bank_account"]) == PLAINTEXT


def test_a_base_that_looks_like_a_version_hides_no_operation(server: Server) -> None:
    """The operation is the one that was called, whatever the client's base begins with."""
    with client(base_uri=f"{server.base_uri}v3/") as root:
        root.chain(PUNISH).post(json={"bal_account_no": PLAINTEXT})
    assert server.requests[0].target == f"/v3/{PUNISH}"
    assert opened(server.requests[0].json["bal_account_no"]) == PLAINTEXT


def test_a_raw_json_body_is_encrypted_too(root: Client, server: Server) -> None:
    """A body that the caller serialised is treated like json; one that is no JSON is left alone."""
    root.chain(PUNISH).post(body=json.dumps({"bal_account_no": PLAINTEXT}))
    root.chain(PUNISH).post(body="not json")
    assert opened(server.requests[0].json["bal_account_no"]) == PLAINTEXT
    assert server.requests[1].body == b"not json"
