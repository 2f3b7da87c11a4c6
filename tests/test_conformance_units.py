"""What the PHP SDK was seen to do with names, options and answers, over a real socket."""

from __future__ import annotations

import hashlib
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.merchant import MCHID, client, pem, signed_headers, units
from tests.support.server import Request, answer, serving
from wechatpay_chain import (
    Client,
    ClientError,
    ConfigurationError,
    RequestError,
    SegmentError,
    ServerError,
    UnverifiedError,
)

# Where we deviate from PHP on purpose: the steps → what is raised instead.
DEVIATIONS: dict[str, type[Exception]] = {
    # These PHP does not send either: a v2 request that does not name its merchant.
    "a:v2 a:pay a:unifiedorder": RequestError,
    "a:V2 a:pay a:micropay": RequestError,
    "c:V2/pay/micropay": RequestError,
    "a:v3 a:a a:_x_ a:b a:_Y_": RequestError,  # {-y} has no value
    "a:v3 a:__x__": SegmentError,  # Python's own names are no segments
    "c:https://example.com/v3/x": RequestError,  # nothing is signed for a foreign host
}


def steps(case: dict[str, Any]) -> str:
    """Return a trail as one line."""
    return " ".join(f"{kind}:{name}" for kind, name in case["trail"])


def honest(request: Request) -> bytes:
    """Answer with a signed body."""
    return answer(headers=signed_headers(b"{}"), body=b"{}")


def follow(root: Any, trail: list[list[str]]) -> Any:
    """Walk a trail from a client."""
    for kind, name in trail:
        if kind == "a":
            root = getattr(root, name)
        else:
            root = root[name] if kind == "i" else root.chain(name)
    return root


def call(root: Client, case: dict[str, Any]) -> None:
    """Walk a trail and send it, with its variables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        follow(root, case["trail"]).get(case["variables"])


@pytest.mark.parametrize("case", units()["trail"], ids=steps)
def test_a_trail_reaches_the_recorded_path(case: dict[str, Any]) -> None:
    """Attributes, items and chain() make PHP's path, or one of the listed deviations."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        if steps(case) in DEVIATIONS:
            with pytest.raises(DEVIATIONS[steps(case)]):
                call(root, case)
            assert server.requests == []
            return
        call(root, case)
        parts = urlsplit(case["url"])
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        assert [request.target for request in server.requests] == [target]


def test_a_query_replaces_the_segments_own() -> None:
    """The query option wins over a query in the path."""
    case = units()["query_replaces"]
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        root.chain(case["segment"]).get(query=case["query"])
        assert server.requests[0].target == case["target"]


@pytest.mark.parametrize("case", units()["option"], ids=lambda case: str(case["options"])[:60])
def test_an_option_makes_the_recorded_headers_and_body(case: dict[str, Any]) -> None:
    """Headers are PHP's to the letter, a JSON body its value."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        root.v3.x.post(case["options"])
        got = server.requests[0]
        ignored = {"host", "content-length", "authorization", "user-agent"}
        wanted = {name.lower(): value for name, value in case["headers"].items()}
        headers = {name.lower(): value for name, value in got.headers.items()}
        assert {k: v for k, v in headers.items() if k not in ignored} == {
            k: v for k, v in wanted.items() if k not in ignored
        }
        if "json" in case["options"]:
            assert got.json == case["options"]["json"]
        else:
            assert got.body == case["body"].encode()


@pytest.mark.parametrize(
    "case", units()["base_uri"], ids=lambda case: f"{case['base_uri']}+{case['segment']}"
)
def test_a_base_is_resolved_as_recorded(case: dict[str, Any]) -> None:
    """A base and a segment make PHP's path; one without a final slash loses its last part."""
    with serving(honest) as server:
        base = server.base_uri + case["base_uri"].split("/", 3)[3]
        with client(base_uri=base) as root:
            root.chain(case["segment"]).get()
        assert server.requests[0].target == urlsplit(case["url"]).path


CASES: dict[str, Any] = {
    "ok": {},
    "no headers": {"timestamp": None, "nonce": None, "serial": None, "signature": None},
    "missing nonce": {"nonce": None},
    "missing serial": {"serial": None},
    "old 301s": {"age": 301},
    "old 299s": {"age": 298},
    "unknown serial": {"serial": "UNKNOWN"},
    "tampered body": {"covers": "{other}"},
    "204 empty": {"status": "204 No Content"},
    "400 unsigned": {"status": "400 Bad Request", "signed": False},
    "500 unsigned": {"status": "500 Internal Server Error", "signed": False},
    "429": {"status": "429 Too Many Requests", "signed": False},
}
OUTCOMES: dict[str, Any] = {
    "RequestException": UnverifiedError,
    "ClientException": ClientError,
    "ServerException": ServerError,
}


def scripted(case: str) -> Any:
    """Return a server's answer to a recorded case."""
    told = dict(CASES[case])
    status = told.pop("status", "200 OK")
    signed = told.pop("signed", True)
    age = told.pop("age", 0)

    def respond(request: Request) -> bytes:
        body = b"" if status.startswith("204") else b'{"a":1}'
        told.setdefault("timestamp", str(int(time.time()) - age)) if age else None
        headers = signed_headers(body, **told) if signed else {}
        return answer(status, headers, body)

    return respond


@pytest.mark.parametrize(
    "case", units()["verify"], ids=lambda case: f"{case['path']} {case['case']}"
)
def test_an_answer_is_accepted_or_refused_as_recorded(case: dict[str, Any]) -> None:
    """What PHP verified is verified, what it refused is refused, what it skipped says so."""
    with serving(scripted(str(case["case"]))) as server, client(base_uri=server.base_uri) as root:
        node = root.chain("{+path}")
        if case["outcome"] != "accepted":
            with pytest.raises(OUTCOMES[case["outcome"]]):
                node.get(path=case["path"])
            return
        unsigned = "images/abc" in case["path"] or "billdownload" in case["path"].lower()
        assert node.get(path=case["path"]).verified is not unsigned


@pytest.mark.parametrize(
    "case", units()["verify_statement"], ids=lambda case: f"{case['segment']} {case['case']}"
)
def test_a_statement_is_accepted_or_refused_as_recorded(case: dict[str, Any]) -> None:
    """A statement's signature covers its digest, and nothing else's does."""
    body = b"a,b\n1,2\n"
    digest = hashlib.sha1(body).hexdigest()
    covers = f'{{"sha1":"{digest}"}}' if case["case"] == "digest signed" else body.decode()

    def respond(request: Request) -> bytes:
        headers = {"Wechatpay-Statement-Sha1": digest, **signed_headers(body, covers=covers)}
        return answer(headers=headers, body=body)

    with serving(respond) as server, client(base_uri=server.base_uri) as root:
        if case["outcome"] == "accepted":
            response = root.chain(case["segment"]).get()
            assert (response.verified, response.body) == (True, body)
        else:
            with pytest.raises(UnverifiedError):
                root.chain(case["segment"]).get()


def test_a_statement_of_other_bytes_is_refused() -> None:
    """A signed digest that the bytes do not have is no better than no signature (PHP accepts)."""
    digest = hashlib.sha1(b"other").hexdigest()

    def respond(request: Request) -> bytes:
        signed = signed_headers(covers=f'{{"sha1":"{digest}"}}')
        return answer(headers={"Wechatpay-Statement-Sha1": digest, **signed}, body=b"bytes")

    with serving(respond) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(UnverifiedError) as caught:
            root.v3.global_.statements.get()
    assert caught.value.reason == "bad-digest"


@pytest.mark.parametrize("case", units()["init"], ids=lambda case: str(case["config"]))
def test_a_configuration_is_refused_as_recorded(case: dict[str, Any]) -> None:
    """What PHP refuses is refused; its stand-ins for keys are real keys here."""
    names = {"privateKey": "private_key"}
    config = {names.get(name, name): value for name, value in case["config"].items()}
    if "private_key" in config:
        config["private_key"] = pem("mch_key")
    if config.get("certs"):
        config["certs"] = {serial: pem("plat_pub") for serial in config["certs"]}
    if case["outcome"] == "accepted":
        assert repr(Client(**config)).startswith("<Client 1 ")
    else:
        with pytest.raises(ConfigurationError):
            Client(**config)


def test_the_mchid_stands_in_the_vectors() -> None:
    """The client of the vectors is the merchant of the vectors."""
    assert MCHID in repr(client())


def test_the_default_headers_are_the_recorded_ones() -> None:
    """A bare call sends PHP's defaults and nothing more."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        root.v3.x.get()
        sent = server.requests[0].headers
    transport = {"Host", "User-Agent", "Authorization"}
    wanted = units()["default_headers"]["v3"]
    assert {k: v for k, v in sent.items() if k not in transport} == {
        k: v for k, v in wanted.items() if k not in transport
    }


def test_every_recorded_group_is_used() -> None:
    """No group of the recorded units is left aside: each is read by some test."""
    tests = Path(__file__).parent
    source = "".join(path.read_text("utf-8") for path in tests.rglob("test_*.py"))
    assert [group for group in units() if f'["{group}"]' not in source] == []
