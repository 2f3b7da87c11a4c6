"""Signer, encryptor, verifier and guard in anybody's aiohttp.ClientSession."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp
import pytest

from tests.support.merchant import (
    MCHID,
    MERCHANT_SERIAL,
    PLATFORM_ID,
    client,
    pem,
    private,
    signed_headers,
)
from tests.support.server import HANG_UP, Request, answer, serving
from tests.test_conformance_wire import check_signature
from wechatpay_chain import (
    ConfigurationError,
    Encryptor,
    NotSentError,
    OutcomeUnknownError,
    RequestError,
    Signer,
    Stack,
    UnverifiedError,
    Verifier,
    guard,
)
from wechatpay_chain.protocol import rsa

pytestmark = pytest.mark.asyncio
CERTS = {PLATFORM_ID: pem("plat_pub")}
PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
BODY = b'{"ok":1}'


def honest(request: Request) -> bytes:
    """Answer with a signed body."""
    return answer(headers=signed_headers(BODY), body=BODY)


def session(base_uri: str, key: Any = None) -> aiohttp.ClientSession:
    """Return a session with the whole stack."""
    signer = Signer(MCHID, MERCHANT_SERIAL, key or private("mch_key"), origins=[base_uri])
    return aiohttp.ClientSession(
        base_uri, middlewares=(guard, Verifier(CERTS), Encryptor(CERTS), signer)
    )


async def test_a_plain_session_signs_encrypts_and_verifies() -> None:
    """The four middlewares make a plain session a WeChat Pay client."""
    with serving(honest) as server:
        async with session(server.base_uri) as plain:
            async with plain.post(PUNISH, json={"bal_account_no": "张三"}) as got:
                assert await got.json(content_type=None) == {"ok": 1}
                assert await got.read() == BODY
            async with plain.get("v3/x?b=2&a=1") as got:
                assert await got.text() == '{"ok":1}'
        first, second = server.requests
        assert rsa.decrypt(first.json["bal_account_no"], private("plat_key")) == "张三"
        assert first.headers["Wechatpay-Serial"] == PLATFORM_ID
        check_signature(MCHID, first)
        check_signature(MCHID, second)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_verified_answer_can_be_read_in_every_way(chunked: bool) -> None:
    """After the verifier has read an answer, its reader still gets the bytes."""
    head = {"Content-Length": None, "Transfer-Encoding": "chunked"} if chunked else {}
    body = b"8\r\n" + BODY + b"\r\n0\r\n\r\n" if chunked else BODY
    told = answer(headers={**signed_headers(BODY), **head}, body=body)
    with serving(lambda request: told) as server:
        async with session(server.base_uri) as plain:
            for _ in range(3):
                async with plain.get("v3/x") as got:
                    assert await got.read() == BODY
                    assert await got.text() == BODY.decode()
        assert server.connections == 1


async def test_a_forged_answer_is_refused() -> None:
    """A plain session raises our error for an answer whose signature does not hold."""
    forged = answer(headers=signed_headers(b"other"), body=BODY)
    with serving(lambda request: forged) as server:
        async with session(server.base_uri) as plain:
            with pytest.raises(UnverifiedError, match="does not match"):
                await plain.get("v3/x")


async def test_a_refusal_is_let_through() -> None:
    """What to make of an error status is the session's owner's business."""
    with serving(lambda request: answer("400 Bad Request", body=b"no")) as server:
        async with session(server.base_uri) as plain, plain.get("v3/x") as got:
            assert (got.status, await got.text()) == (400, "no")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH", "HEAD", "OPTIONS"])
async def test_the_guard_stops_aiohttps_second_send(method: str) -> None:
    """A request whose reused connection dies is seen once, whatever its method."""

    def dying(request: Request) -> bytes:
        return HANG_UP if request.target == "/v3/dies" else honest(request)

    with serving(dying) as server:
        async with session(server.base_uri) as plain:
            async with plain.get("v3/warm"):
                pass
            with pytest.raises(OutcomeUnknownError):
                await plain.request(method, "v3/dies")
        assert [request.target for request in server.requests] == ["/v3/warm", "/v3/dies"]


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_the_signer_refuses_a_redirects_foreign_host(status: str) -> None:
    """Where a session follows redirects, nothing is signed for, or sent to, another host."""
    with serving(honest) as elsewhere:
        location = {"Location": f"{elsewhere.base_uri}v3/x"}
        with serving(lambda request: answer(status, location)) as server:
            async with session(server.base_uri) as plain:
                with pytest.raises(RequestError, match="nothing is signed"):
                    await plain.post("v3/x", json={})
        assert elsewhere.requests == []


async def test_a_signer_signs_for_wechat_pay_only() -> None:
    """Without origins=, not even this machine is signed for."""
    with serving(honest) as server:
        signer = Signer(MCHID, MERCHANT_SERIAL, private("mch_key"))
        async with aiohttp.ClientSession(middlewares=(signer,)) as plain:
            with pytest.raises(RequestError):
                await plain.get(server.base_uri)
        assert server.requests == []


async def test_a_remote_signer() -> None:
    """A key that is elsewhere signs through an async callable."""
    messages: list[bytes] = []

    async def remote(message: bytes) -> bytes:
        messages.append(message)
        return rsa.sign(message, private("mch_key"))

    with serving(honest) as server:
        async with session(server.base_uri, remote) as plain, plain.post("v3/x", json={"a": 1}):
            pass
        check_signature(MCHID, server.requests[0])
    assert messages[0].startswith(b"POST\n/v3/x\n")
    assert messages[0].endswith(b'\n{"a": 1}\n')


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (OSError("hsm"), NotSentError),
        (TimeoutError(), NotSentError),
        (NotSentError("own"), NotSentError),
        ("text", ConfigurationError),
        (b"", ConfigurationError),
        (None, ConfigurationError),
    ],
    ids=str,
)
async def test_a_remote_signer_that_fails(result: Any, error: type[Exception]) -> None:
    """A remote signer's failure means that nothing was sent, whatever it raised."""

    async def remote(message: bytes) -> bytes:
        if isinstance(result, Exception):
            raise result
        return result

    with serving(honest) as server:
        async with session(server.base_uri, remote) as plain:
            with pytest.raises(error):
                await plain.get("v3/x")
        assert server.requests == []


async def test_an_unsigned_answer_leaks_no_connection() -> None:
    """A refused answer's connection is closed at once, not kept for ever."""
    with serving(lambda request: answer(body=b"x" * 100_000)) as server:
        async with session(server.base_uri) as plain:
            for _ in range(150):
                with pytest.raises(UnverifiedError):
                    await plain.get("v3/x")
            assert plain.connector is not None
            assert not plain.connector._acquired
    assert len(server.requests) == 150


async def test_the_nonce_is_fresh_and_the_clock_is_passed_in() -> None:
    """Time and randomness come from where they are told to come from."""
    signer = Signer(
        MCHID,
        MERCHANT_SERIAL,
        private("mch_key"),
        origins=["http://127.0.0.1"],
        clock=lambda: 1609459200.9,
        random=lambda size: bytes(range(size)),
    )
    with serving(honest) as server:
        signer._origins |= {server.base_uri.rstrip("/")}
        async with aiohttp.ClientSession(middlewares=(signer,)) as plain:
            async with plain.get(server.base_uri + "v3/x"):
                pass
    header = server.requests[0].headers["Authorization"]
    assert 'timestamp="1609459200"' in header
    assert 'nonce_str="0123456789ABCDEFGHIJKLMNOPQRSTUV"' in header
    signature = header.rpartition('signature="')[2].rstrip('"')
    assert len(base64.b64decode(signature, validate=True)) == 256


async def test_a_middleware_is_hashable_and_reads_well() -> None:
    """aiohttp wants middlewares to be hashable; people want to read them."""
    made = [Signer(MCHID, "S", private("mch_key")), Encryptor(CERTS), Verifier(CERTS)]
    assert len({*made, guard}) == 4
    assert repr(made) == (
        f"[<Signer {MCHID} S>, <Encryptor {PLATFORM_ID}>, <Verifier {PLATFORM_ID}>]"
    )
    assert repr(Stack([("a", guard)])) == "<Stack a → the wire>"


async def test_a_slow_remote_signer_sends_nothing() -> None:
    """A call that times out before it leaves says that calling again is safe."""
    never = asyncio.Event()

    async def remote(message: bytes) -> bytes:
        await never.wait()
        return b""

    with serving(honest) as server:
        async with client(base_uri=server.base_uri, private_key=remote) as root:
            with pytest.raises(NotSentError, match="not sent, a middleware took too long"):
                await root.v3.x.get_async(timeout=0.1)
        assert server.requests == []
