"""Options as Guzzle has them: what each does on the wire, and that None takes a default away."""

from __future__ import annotations

import asyncio
import io
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.honest import honest
from tests.support.merchant import client, pem, signed_headers
from tests.support.server import Request, Server, accepting, answer, serving
from tests.support.xml import SECRET
from tests.test_v2 import FORM
from wechatpay_chain import (
    Client,
    ConfigurationError,
    ConnectError,
    OutcomeUnknownError,
    RequestError,
    Stack,
    UnverifiedError,
)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers every call."""
    with serving(honest) as running:
        yield running


FORMS: list[tuple[Any, bytes]] = [
    ({"a": "1"}, b"a=1"),
    ({"a": "x y~*-._", "b": "中"}, b"a=x+y%7E%2A-._&b=%E4%B8%AD"),
    ({"t": True, "f": False, "n": None, "i": 0}, b"t=1&f=0&i=0"),
    ({"l": ["x", "y"], "m": {"k": "v"}}, b"l%5B0%5D=x&l%5B1%5D=y&m%5Bk%5D=v"),
    ([("a", "1"), ("a", "2")], b"a=1&a=2"),
    ({}, b""),
]


@pytest.mark.parametrize(("params", "body"), FORMS, ids=lambda value: str(value)[:40])
def test_form_params_are_written_as_php_does(params: Any, body: bytes, server: Server) -> None:
    """A form is urlencoded with a plus for a space, and signed as it is sent."""
    with client(base_uri=server.base_uri) as root:
        root.v3.x.post(form_params=params)
    got = server.requests[-1]
    assert got.body == body
    assert got.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_headers_none_takes_the_defaults_away(server: Server) -> None:
    """With headers=None nothing is sent but what the transport needs and the body implies."""
    with client(base_uri=server.base_uri) as root:
        root.v3.x.get(headers=None)
        root.v3.x.post({"headers": None, "json": {}})
        root.v3.x.get(headers={})
        root.v3.x.get(headers={"accept": None})
    names = [sorted(name.lower() for name in request.headers) for request in server.requests]
    always = ["authorization", "host", "user-agent"]
    assert names[0] == always
    assert names[1] == sorted([*always, "content-length", "content-type"])
    assert names[2] == sorted([*always, "accept", "content-type"])
    assert names[3] == sorted([*always, "content-type"])


def test_none_takes_a_timeout_away() -> None:
    """timeout=None waits as long as it takes, where the client's default would not."""
    release = threading.Event()

    def slow(request: Request) -> bytes:
        release.wait(10)
        return honest(request)

    with serving(slow) as server, client(base_uri=server.base_uri, timeout=0.05) as root:
        with pytest.raises(OutcomeUnknownError):
            root.v3.x.get()
        with pytest.raises(OutcomeUnknownError):
            root.v3.x.get(timeout=0.01)
        threading.Timer(0.3, release.set).start()
        assert root.v3.x.get(timeout=None).verified


@pytest.mark.parametrize("value", [True, {"max": 5}, 1])
def test_redirects_cannot_be_switched_on(value: Any, server: Server) -> None:
    """allow_redirects is refused with its reason; False, as ported code has it, is no news."""
    with client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError, match="a redirect is never followed"):
            root.v3.x.get(allow_redirects=value)
        assert server.requests == []
        assert root.v3.x.get(allow_redirects=False).verified
        assert root.v3.x.get(allow_redirects=None).verified


@contextmanager
def proxy(target: Server) -> Iterator[tuple[str, list[str]]]:
    """Run an HTTP proxy that sends everything to one server; give its address and what it heard."""
    heard: list[str] = []

    def handle(connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", target.port)) as onward:
            data = connection.recv(65536)
            heard.append(data.decode().splitlines()[0])
            method, address, rest = data.split(b" ", 2)
            path = b"/" + address.split(b"/", 3)[3]
            onward.sendall(b" ".join((method, path, rest)))
            told = onward.recv(65536)
            connection.sendall(told.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    with accepting(handle) as port:
        yield f"http://user:password@127.0.0.1:{port}", heard


def test_a_proxy_is_used_for_one_call_or_for_all(server: Server) -> None:
    """proxy takes an address, or Guzzle's mapping; None goes directly; no password is shown."""
    with proxy(server) as (address, heard), client(base_uri=server.base_uri) as root:
        root.v3.a.get()
        assert heard == []
        root.v3.b.get(proxy=address)
        root.v3.c.get(proxy={"http": address, "https": "http://127.0.0.1:1"})
        root.v3.d.get(proxy={"http": address, "no": ["127.0.0.1"]})
        root.v3.e.get(proxy={"http": address, "no": "example.com, 127.0.0.1"})
        root.v3.f.get(proxy="")
        root.v3.f.get(proxy={"http": address, "no": "*"})
        targets = [line.split()[1].rsplit("/", 1)[1] for line in heard]
        assert targets == ["b", "c"]
        with client(base_uri=server.base_uri, proxy=address) as through:
            through.v3.g.get()
            through.v3.h.get(proxy=None)
        assert [line.split()[1].rsplit("/", 1)[1] for line in heard][-1] == "g"
        with pytest.raises(RequestError, match="proxy must be an address") as caught:
            root.v3.x.get(proxy="password@nonsense")
        assert "password" not in str(caught.value)
        with pytest.raises(ConnectError, match="proxy could not be used"):
            root.v3.x.get(proxy="http://127.0.0.1:1")


@pytest.mark.parametrize("face", ["sync", "async"])
def test_debug_shows_the_way_and_no_secret(face: str, server: Server) -> None:
    """debug writes request and answer to a stream, less Authorization, values and bodies."""
    shown = io.StringIO()
    with client(base_uri=server.base_uri) as root:
        options: dict[str, Any] = {"json": {"a": "SECRET"}, "query": {"openid": "SECRET"}}
        if face == "sync":
            root.v3.x.post(**options, debug=shown)
        else:
            asyncio.run(root.v3.x.post_async(**options, debug=shown))
        root.v3.x.post(**options)
    text = shown.getvalue()
    assert "> POST /v3/x?openid=… HTTP/1.1\n" in text
    assert "> Authorization: (redacted)\n" in text
    assert "> Content-Type: application/json\n" in text
    assert "< HTTP/1.1 200 OK after " in text
    assert "< (body: 2 bytes)\n" in text
    assert "SECRET" not in text
    assert "signature=" not in text
    assert text.count("POST") == 1


def test_debug_true_writes_to_standard_error(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """debug=True is for a person at a terminal, also for v2, whose sign does not show."""
    with client(base_uri=server.base_uri, secret=SECRET) as root:
        root.v2.pay.unifiedorder.post(xml=FORM, debug=True)
        root.v2.papay.h5entrustweb.get(query=FORM, debug=True)
        root.v3.x.get(debug=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert "> POST /pay/unifiedorder HTTP/1.1\n" in err
    assert "> GET /papay/h5entrustweb?mch_id=…&nonce_str=…&sign=… HTTP/1.1\n" in err
    assert "v3" not in err
    assert sys.stderr is not None
    with client() as root, pytest.raises(RequestError, match="debug must be"):
        root.v3.x.get(debug="yes")


def test_a_debug_stream_that_is_gone_costs_nothing(server: Server) -> None:
    """A terminal that was closed meanwhile does not cost the answer; a binary stream is refused."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            if text:
                raise BrokenPipeError
            return 0

    with client(base_uri=server.base_uri) as root:
        assert root.v3.x.get(debug=Gone()).verified
        with pytest.raises(RequestError, match="debug must be"):
            root.v3.x.get(debug=io.BytesIO())


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_middleware_that_fails_does_not_keep_its_connection(face: str) -> None:
    """However often a middleware raises with an answer in hand, the client goes on."""
    body = b'{"a":"' + b"x" * 3_000_000 + b'"}'

    async def fail(request: Any, handler: Any) -> Any:
        await handler(request)
        raise LookupError("mine")

    async def calls(root: Client) -> None:
        for _ in range(3):
            with pytest.raises(LookupError):
                await root.v3.x.get_async(middlewares=[], handler=stack)
        [opened] = root._flow.sessions._open.values()
        assert opened.session.connector is not None
        assert not opened.session.connector._acquired
        await root.aclose()

    def respond(request: Request) -> bytes:
        return answer(headers=signed_headers(body), body=body)

    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        stack = root.stack.copy()
        stack.after("signer", fail)
        if face == "async":
            asyncio.run(calls(root))
            return
        for _ in range(3):
            with pytest.raises(LookupError):
                root.v3.x.get(handler=stack)
        [opened] = root._flow.sessions._open.values()
        assert opened.session.connector is not None
        assert not opened.session.connector._acquired


def test_a_retry_that_reads_no_refusal_does_not_keep_its_connection() -> None:
    """What a middleware got and threw away is closed with the call that got through."""
    answers = iter([b"500 Oops", b"500 Oops", b"200 OK"])

    def respond(request: Request) -> bytes:
        told = answer(headers=signed_headers(b"{}"), body=b"{}")
        return told.replace(b"200 OK", next(answers))

    async def retry(request: Any, handler: Any) -> Any:
        while (found := await handler(request)).status >= 500:
            pass
        return found

    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        stack = root.stack.copy()
        stack.before("signer", retry)
        assert root.v3.x.get(handler=stack).verified
        [opened] = root._flow.sessions._open.values()
        assert opened.session.connector is not None
        assert not opened.session.connector._acquired


def test_a_proxy_over_tls_is_not_shown_the_certificate() -> None:
    """The certificate is for the gateway; aiohttp would show it to an https proxy as well."""
    merchant = {"cert": pem("mch_cert"), "key": pem("mch_key")}
    for settings, options in (
        ({"proxy": "https://127.0.0.1:1"}, {}),
        ({}, {"proxy": "HTTPS://127.0.0.1:1"}),
    ):
        with client(secret=SECRET, merchant=merchant, **settings) as root:
            with pytest.raises(RequestError, match="use an http:// one"):
                root.v2.secapi.pay.refund.post(xml=FORM, security=True, **options)


def test_middlewares_of_a_call_stand_outside_its_stack(server: Server) -> None:
    """They see a request before it is signed, an answer after it was verified, this once."""
    seen: list[str] = []

    async def outer(request: Any, handler: Any) -> Any:
        seen.append(f"outer {'Authorization' in request.headers}")
        return await handler(request)

    async def inner(request: Any, handler: Any) -> Any:
        seen.append("inner")
        request.headers["X-Mine"] = "1"
        return await handler(request)

    with client(base_uri=server.base_uri) as root:
        root.v3.x.get(middlewares=[outer, inner])
        root.v3.x.get()
        root.v3.x.get(middlewares=None)
        with pytest.raises(RequestError, match="middlewares must be a list"):
            root.v3.x.get(middlewares=[5])
    assert seen == ["outer False", "inner"]
    assert [request.headers.get("X-Mine") for request in server.requests] == ["1", None, None]


def test_a_handler_is_another_stack_for_one_call() -> None:
    """PHP's clone of the handler stack, less its verifier, serves the call that is given it."""
    with (
        serving(lambda request: answer(body=b"{}")) as server,
        client(base_uri=server.base_uri) as root,
    ):
        stack = root.get_driver().select("v3").copy()
        stack.remove("verifier")
        assert not root.v3.x.get(handler=stack).verified
        with pytest.raises(UnverifiedError):
            root.v3.x.get()
        assert "verifier" in root.stack
        with pytest.raises(RequestError, match="handler must be a Stack"):
            root.v3.x.get(handler=[])


def test_the_driver_reaches_both_stacks(server: Server) -> None:
    """select gives the stack itself: what is changed in it holds for the client's calls."""
    seen: list[bytes] = []

    async def look(request: Any, handler: Any) -> Any:
        seen.append(await request.body.as_bytes())
        return await handler(request)

    with client(base_uri=server.base_uri, secret=SECRET) as root:
        driver = root.get_driver()
        assert driver.select() is driver.select("v3") is root.stack
        assert driver.select("v3").names == ("verifier", "encryptor", "signer")
        stack = driver.select(driver.XML_BASED)
        assert isinstance(stack, Stack)
        assert stack.names == ("transform_response", "encryptor", "transform_request")
        stack.before("transform_request", look, name="before")
        stack.after("transform_request", look, name="after")
        root.v2.pay.unifiedorder.post(xml=FORM)
        assert (
            seen[0]
            == f"<xml><mch_id>{FORM['mch_id']}</mch_id><nonce_str>n</nonce_str></xml>".encode()
        )
        assert seen[1].startswith(seen[0].removesuffix(b"</xml>") + b"<sign>")
        with pytest.raises(ConfigurationError, match="there are v2 and v3"):
            driver.select("v1")
        for method, uri in (("G ET", "v3/x"), ("HEAD", "v3/x"), (None, "v3/x"), ("GET", None)):
            with pytest.raises(RequestError):
                driver.request(method, uri)
        assert driver.request("post", "v3/{x}", {"json": {}}, x="y").verified
        assert asyncio.run(_awaited(driver.request_async("GET", "v3/AbC"))).verified
    assert [request.target for request in server.requests[-2:]] == ["/v3/y", "/v3/AbC"]


async def _awaited(promise: Any) -> Any:
    return await promise


def test_a_remote_signer_may_stand_in_for_transform_request(server: Server) -> None:
    """What signs v2 elsewhere is a middleware in the place of the one that signs here."""
    from tests.support.xml import sign, xml
    from wechatpay_chain import Transformer

    async def remote(request: Any, handler: Any) -> Any:
        fields = Transformer.to_array(await request.body.as_bytes())
        await request.update_body(xml({**fields, "sign": sign(fields)}))
        return await handler(request)

    with client(base_uri=server.base_uri, secret=SECRET) as root:
        root.get_driver().select("v2").replace("transform_request", remote)
        assert root.v2.pay.unifiedorder.post(xml=FORM).verified
    assert server.requests[-1].body.endswith(f"<sign>{sign(FORM)}</sign></xml>".encode())
