"""Every recorded v3 call makes the recorded request, in three spellings, sync and async."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.merchant import PLATFORM_ID, calls, client, private, signed_headers
from tests.support.server import Request, Server, answer, serving
from wechatpay_chain import Chain, Client

CALLS = [call for call in calls() if call["id"].startswith("v3/") and "upload" not in call]
SPELLINGS = ("pure", "declarative", "attribute")
IGNORED = {"host", "user-agent", "authorization", "content-length", "connection"}


def respond(request: Request) -> bytes:
    """Answer honestly, with a body that is signed."""
    return answer(headers=signed_headers(b"{}"), body=b"{}")


@pytest.fixture(scope="module")
def server() -> Any:
    """A server that answers every call."""
    with serving(respond) as running:
        yield running


def node(root: Client, steps: list[list[str]]) -> Chain:
    """Walk a recorded chain."""
    here: Any = root
    for kind, name in steps:
        here = {
            "attr": lambda at=here, to=name: getattr(at, to if not is_keyword(to) else to + "_"),
            "item": lambda at=here, to=name: at[to],
            "chain": lambda at=here, to=name: at.chain(to),
        }[kind]()
    return here


def is_keyword(name: str) -> bool:
    """Tell whether a segment needs Python's trailing underscore."""
    return name in {"global", "return", "import", "try"}


def options_for(call: dict[str, Any], server: Server, tmp_path: Any) -> dict[str, Any]:
    """Return a call's options, its host replaced by the server's."""
    options = dict(call["options"])
    if "base_uri" in options:
        options["base_uri"] = server.base_uri + urlsplit(options["base_uri"]).path.lstrip("/")
    if "sink" in options:
        options["sink"] = tmp_path / "sink"
    return options


def check(call: dict[str, Any], got: Request) -> None:
    """Compare what came with what was recorded."""
    expect = call["expect"]
    parts = urlsplit(expect["url"])
    assert got.method == expect["method"]
    assert got.target == parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {name.lower(): value for name, value in got.headers.items()}
    wanted = {name.lower(): value for name, value in expect["headers"].items()}
    assert {name: value for name, value in headers.items() if name not in IGNORED} == wanted
    if "json_body" in expect:
        assert got.json == expect["json_body"]
    else:
        assert got.body == b""
    check_signature(call["mchid"], got)


def check_signature(mchid: str, got: Request) -> None:
    """Check the signature over the raw target and body with the merchant's key."""
    from base64 import b64decode

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    authorization = got.headers["Authorization"]
    scheme, _, rest = authorization.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert list(fields) == ["mchid", "serial_no", "timestamp", "nonce_str", "signature"]
    assert fields["mchid"] == mchid
    assert re.fullmatch(r"[0-9A-Za-z]{32}", fields["nonce_str"])
    head = f"{got.method}\n{got.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n"
    private("mch_key").public_key().verify(
        b64decode(fields["signature"], validate=True),
        head.encode() + got.body + b"\n",
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


@pytest.mark.filterwarnings("ignore::wechatpay_chain.DeprecatedOperationWarning")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["id"])
def test_recorded_call_makes_the_recorded_request(
    call: dict[str, Any], spelling: str, server: Server, tmp_path: Any
) -> None:
    """A call sends what PHP sent: as a mapping, as keywords, and async."""
    with client(mchid=call["mchid"], base_uri=server.base_uri, encrypt=False) as root:
        target = node(root, call["chain"][spelling])
        options = options_for(call, server, tmp_path)
        before = len(server.requests)
        getattr(target, call["verb"])(options)
        getattr(target, call["verb"])(**options)

        async def send() -> None:
            await getattr(target, f"{call['verb']}_async")(options)
            await getattr(target, f"{call['verb']}Async")(**options)
            await root.aclose()

        asyncio.run(send())
    sent = server.requests[before:]
    assert len(sent) == 4
    for got in sent:
        check(call, got)


def test_the_vectors_were_read() -> None:
    """There are as many recorded calls as the provenance says."""
    assert len(CALLS) == 191
    assert PLATFORM_ID.startswith("PUB_KEY_ID_")
