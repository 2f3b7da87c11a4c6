"""Answers whose fields are encrypted for the merchant come back opened; errors name the field."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.support.merchant import MCHID, client, pem, private, signed_headers
from tests.support.server import answer, serving
from tests.support.xml import SECRET, signed
from wechatpay_chain import Client, DecryptError, Response
from wechatpay_chain.catalogue import Operation, find, operations

PLAIN = "张三 13800138000"
MERCHANT = {"cert": pem("mch_cert"), "key": pem("mch_key")}
RENAME = "v3/aggracct-bc/wb-channel/bank-channel-account/rename"
CARDS = "v3/brand/partner/card-member/user-cards"
V2_FIELDS = {"encrypted_real_name": PLAIN, "encrypted_credential_id": "11010119900307"}


def locked(text: str = PLAIN, key: str = "mch_key") -> str:
    """Encrypt for a key by hand; nothing here comes from the package."""
    algorithm = hashes.SHA1()
    oaep = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    return base64.b64encode(private(key).public_key().encrypt(text.encode(), oaep)).decode()


def get(path: str, document: Any, method: str = "GET", **settings: Any) -> Response:
    """Return the response of a client whose gateway answers that document."""
    body = json.dumps(document).encode()
    with serving(lambda request: answer(headers=signed_headers(body), body=body)) as server:
        with client(base_uri=server.base_uri, **settings) as root:
            return getattr(root[path], method.lower())()


def document_of(operation: Operation, value: Callable[[], Any]) -> dict[str, Any]:
    """Return an answer with a value at each of the operation's encrypted fields, lists of two."""
    root: dict[str, Any] = {}
    for path in operation.encrypted_answer:
        put(root, path, value)
    return root


def put(node: dict[str, Any], path: tuple[str, ...], value: Callable[[], Any]) -> None:
    """Set a value at a path, making what stands above it."""
    name, *rest = path
    if not rest:
        node[name] = value()
    elif rest[0] == "[]":
        for item in node.setdefault(name, [{}, {}]):
            put(item, tuple(rest[1:]), value)
    else:
        put(node.setdefault(name, {}), tuple(rest), value)


ENCRYPTED = [one for one in operations("v3/") if one.encrypted_answer]


def test_as_many_operations_answer_encrypted_as_are_documented() -> None:
    """43 of them, one of which belongs to v2."""
    assert len(ENCRYPTED) == 42
    assert [one.path for one in operations("v2/") if one.encrypted_answer] == [
        "v2/secsvc/getrealnameinfo"
    ]


@pytest.mark.filterwarnings("ignore::wechatpay_chain.DeprecatedOperationWarning")
@pytest.mark.parametrize("operation", ENCRYPTED, ids=str)
def test_the_answers_fields_are_opened(operation: Operation) -> None:
    """json() gives the plaintext of every marked field, body keeps what came."""
    sent = document_of(operation, locked)
    path = operation.path
    for name in operation.variables:
        path = path.replace(f"{{{name}}}", "5")
    got = get(path, {**sent, "other": "as it is"}, operation.method)
    assert got.json() == {**document_of(operation, lambda: PLAIN), "other": "as it is"}
    assert json.loads(got.body) == got.json(decrypt=False) == {**sent, "other": "as it is"}
    assert got.verified
    assert PLAIN not in repr(got)


def test_fields_of_v2_are_opened() -> None:
    """xml() opens v2's, with the API key of the client or the key of its TLS certificate."""
    body = {name: locked(text) for name, text in V2_FIELDS.items()}
    with serving(lambda request: signed(body)) as server:
        settings = {"secret": SECRET, "base_uri": server.base_uri}
        for root in (client(**settings), Client(mchid=MCHID, merchant=MERCHANT, **settings)):
            with root:
                got = root.v2.secsvc.getrealnameinfo.post(xml={"mch_id": MCHID})
                opened = got.xml()
                assert {name: opened[name] for name in V2_FIELDS} == V2_FIELDS
                assert got.xml(decrypt=False).items() >= body.items()
        with Client(mchid=MCHID, **settings) as root:
            got = root.v2.secsvc.getrealnameinfo.post(xml={"mch_id": MCHID})
            with pytest.raises(DecryptError, match=r"encrypted_real_name .* does not hold"):
                got.xml()


@pytest.mark.parametrize("path", [f"{CARDS}?a=1", f"{CARDS}{{?a}}", f"{CARDS}#x", f"hk/{CARDS}"])
def test_a_path_with_more_in_it_is_opened_too(path: str) -> None:
    """A query, an empty expression, a fragment or a prefix changes nothing."""
    assert get(path, {"data": [{"phone_number": locked()}]}).json() == {
        "data": [{"phone_number": PLAIN}]
    }


@pytest.mark.parametrize(
    "document", [{}, {"bal_account_no": None}, {"bal_account_no": ""}, {"x": 1}]
)
def test_what_is_not_there_stays_so(document: dict[str, Any]) -> None:
    """A field that is missing, null or empty is no ciphertext."""
    assert get(RENAME, document, "POST").json() == document


BROKEN: dict[str, Any] = {
    "plaintext": PLAIN,
    "for another key": locked(key="plat_key"),
    "changed": "A" + locked()[1:],
    "cut": locked()[:-4],
    "base64 with a space": locked()[:10] + " " + locked()[10:],
    "a number": 5,
    "an object": {"a": "b"},
    "true": True,
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_an_undecryptable_field_is_named(value: Any) -> None:
    """The error says which field and how to get at the rest, and shows nothing that was opened."""
    first = locked("6217000010001234567")
    document = {"data": [{"phone_number": first}, {"phone_number": value}], "note": "n"}
    got = get(CARDS, document)
    with pytest.raises(DecryptError, match=r"^data\[1\]\.phone_number cannot be decrypted") as seen:
        got.json()
    shown = "".join(
        traceback.TracebackException.from_exception(seen.value, capture_locals=True).format()
    )
    assert "6217000010001234567" not in shown
    assert seen.value.__cause__ is seen.value.__context__ is None
    assert got.json(decrypt=False) == document


def test_a_key_that_is_elsewhere_cannot_open() -> None:
    """A client that signs by a callable is told that it holds no key; the raw fields are there."""

    async def sign(message: bytes) -> bytes:
        return private("mch_key").sign(message, padding.PKCS1v15(), hashes.SHA256())

    got = get(RENAME, {"bal_account_no": locked()}, "POST", private_key=sign)
    with pytest.raises(DecryptError, match=r"bal_account_no .* does not hold"):
        got.json()
    assert get(RENAME, {"bal_account_no": locked()}, "POST", private_key=sign, merchant=MERCHANT)


def test_the_key_stays_out_of_a_pickle() -> None:
    """A pickled response is what came over the wire, its fields closed again; a copy opens them."""
    got = get(RENAME, {"bal_account_no": locked()}, "POST")
    for copied in (copy.copy(got), copy.deepcopy(got)):
        assert copied is not got
        assert copied.json() == got.json()
    stored = pickle.dumps(got)
    assert PLAIN.encode() not in stored
    assert pickle.loads(stored).json() == got.json(decrypt=False)
    assert got.json() == {"bal_account_no": PLAIN}


def test_a_refusal_is_not_opened() -> None:
    """The fields of an error are no fields of the answer."""
    body = json.dumps({"code": "PARAM_ERROR", "message": "m", "bal_account_no": "x"}).encode()
    headers = signed_headers(body)
    with serving(lambda request: answer("400 Bad Request", headers, body)) as server:
        with client(base_uri=server.base_uri) as root:
            got = root[RENAME].post(http_errors=False)
    assert got.json()["bal_account_no"] == "x"


def test_an_unknown_operation_is_left_alone() -> None:
    """Where the catalogue knows nothing, nothing is opened."""
    assert find("GET", "v3/not-known-yet") is None
    assert get("v3/not-known-yet", {"bal_account_no": "x"}).json() == {"bal_account_no": "x"}
