"""What leaves this machine leaves it once, and goes nowhere else. Real sockets only."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest
from multidict import MultiDict

from tests.support.merchant import client, signed_headers
from tests.support.server import HANG_UP, Request, Server, accepting, answer, serving
from wechatpay_chain import (
    Client,
    ConnectError,
    NotSentError,
    OutcomeUnknownError,
    RedirectError,
    RefusedError,
    RequestError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.middleware.body import LARGEST_ANSWER

VERBS = ["get", "post", "put", "patch", "delete"]
FACES = ["sync", "async"]
OK = b'{"ok":true}'


def honest(request: Request) -> bytes:
    """Answer with a signed body."""
    return answer(headers=signed_headers(OK), body=OK)


def then(*answers: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Answer honestly first, then as told, then honestly again."""
    told = iter(answers)
    first = iter([True])

    def respond(request: Request) -> Any:
        if next(first, False):
            return honest(request)
        return next(told, honest)(request)

    return respond


def hang_up(request: Request) -> bytes:
    """Close the connection instead of answering."""
    return HANG_UP


class Caller:
    """One client, used sync or async, on one loop from first call to last."""

    def __init__(self, root: Client, face: str) -> None:
        self.root = root
        self._face = face
        self._runner = asyncio.Runner()

    def __call__(self, verb: str, path: str = "v3/x", **options: Any) -> Any:
        """Make a call and return its response."""
        node = self.root.chain(path)
        if self._face == "sync":
            return getattr(node, verb)(**options)

        async def send() -> Any:
            return await getattr(node, f"{verb}_async")(**options)

        return self._runner.run(send())

    def turn(self) -> None:
        """Let the async face's loop see what has come."""

        async def turns() -> None:
            for _ in range(4):
                await asyncio.sleep(0)

        self._runner.run(turns())

    def close(self) -> None:
        """Close the loop, which closes its connections."""
        self._runner.close()
        self.root.close()


@contextmanager
def calling(server: Server, face: str, **settings: Any) -> Iterator[Caller]:
    """Make a caller for as long as the block lasts."""
    caller = Caller(client(base_uri=server.base_uri, **settings), face)
    try:
        yield caller
    finally:
        caller.close()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_connection_that_dies_under_a_request_is_not_used_again(verb: str, face: str) -> None:
    """A request whose reused connection is cut after it was read is seen once, for any verb."""
    with serving(then(hang_up)) as server, calling(server, face) as call:
        call("get", "v3/warm")
        with pytest.raises(OutcomeUnknownError, match="query it before anything else") as caught:
            call(verb)
        assert caught.value.sent
        paths = [request.target for request in server.requests]
        assert paths == ["/v3/warm", "/v3/x"]
        assert server.requests[1].connection == 1
        assert call("get", "v3/after").verified


@pytest.mark.parametrize("face", FACES)
def test_a_connection_that_was_closed_while_idle_is_replaced(face: str) -> None:
    """A connection that the gateway closed between calls costs neither error nor resend."""
    closing = {"answer": True}

    def respond(request: Request) -> Any:
        return [honest(request), HANG_UP] if closing["answer"] else honest(request)

    with serving(respond) as server, calling(server, face) as call:
        for _ in range(5):
            assert call("post", json={}).verified
            wait_for_goodbye(server)
        assert server.connections == 5
        assert len(server.requests) == 5


def wait_for_goodbye(server: Server) -> None:
    """Wait until the server has closed all its connections."""
    for thread in server._threads:
        thread.join()


REDIRECTS = [f"{status} Redirect" for status in (300, 301, 302, 303, 304, 305, 307, 308)]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_reaches_nobody(status: str, face: str) -> None:
    """A redirect to another host, or the same one, is an error and nothing follows it."""
    with serving(honest) as elsewhere:

        def redirect(request: Request) -> bytes:
            return answer(status, {"Location": f"{elsewhere.base_uri}v3/x"})

        with serving(redirect) as server, calling(server, face) as call:
            for verb in VERBS:
                with pytest.raises(RedirectError) as caught:
                    call(verb)
                assert caught.value.status == int(status[:3])
            assert len(server.requests) == len(VERBS)
        assert elsewhere.requests == []


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("face", FACES)
def test_a_gateway_that_is_not_there_was_sent_nothing(face: str) -> None:
    """A refused connection says that calling again is safe."""
    with serving(honest) as server, calling(server, face) as call:
        with pytest.raises(ConnectError, match="not sent") as caught:
            call("post", base_uri=f"http://127.0.0.1:{free_port()}/")
        assert not caught.value.sent
        assert isinstance(caught.value, NotSentError)
    assert server.requests == []


@pytest.mark.parametrize("face", FACES)
def test_a_gateway_that_does_not_answer_in_time_leaves_the_outcome_unknown(face: str) -> None:
    """A timeout after sending is an unknown outcome, and the request was sent once."""
    with serving(lambda request: []) as server, calling(server, face) as call:
        with pytest.raises(OutcomeUnknownError, match="in time"):
            call("post", timeout=0.2)
        assert len(server.requests) == 1


BROKEN: dict[str, Any] = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half a head": [b"HTTP/1.1 200 OK\r\nContent-", HANG_UP],
    "half a body": [answer(headers={"Content-Length": "100", **signed_headers(b"{}")}, body=b"{}"),
                    HANG_UP],
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "cut chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", HANG_UP],
    "broken gzip": answer(headers={"Content-Encoding": "gzip", **signed_headers(b"{}")},
                          body=b"\x1f\x8b\x08no gzip at all"),
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_leaves_the_outcome_unknown(name: str, face: str) -> None:
    """An answer that is no whole HTTP answer is an unknown outcome, never a resend."""
    with serving(lambda request: BROKEN[name]) as server, calling(server, face) as call:
        for verb in ("get", "post"):
            with pytest.raises(OutcomeUnknownError):
                call(verb, timeout=5)
        assert len(server.requests) == 2


@pytest.mark.parametrize("face", FACES)
def test_an_answer_without_content_has_none_to_unpack(face: str) -> None:
    """A 204 that names a content encoding is verified over its empty body."""
    empty = answer("204 No Content", {"Content-Encoding": "gzip", **signed_headers(b"")})
    with serving(lambda request: empty) as server, calling(server, face) as call:
        assert (call("post").verified, call("post").body) == (True, b"")


@pytest.mark.parametrize("http_errors", [True, False])
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_refusal_that_is_too_large_says_what_was_called(
    is_signed: bool, http_errors: bool
) -> None:
    """Of a refusal beyond the limit there is no body, but the call, the status and the answer."""
    head = {"Content-Length": str(LARGEST_ANSWER + 1), **(signed_headers() if is_signed else {})}
    large = [answer("502 Bad Gateway", head), HANG_UP]
    with serving(lambda request: large) as server, calling(server, "sync") as call:
        with pytest.raises(UnverifiedError, match=r"POST v3/x: 502.*larger.*query") as caught:
            call("post", http_errors=http_errors)
        assert caught.value.response is not None
        assert caught.value.response.status == 502


FOREIGN = [
    ("https://evil.example/v3/x", {}),
    ("//evil.example/v3/x", {}),
    ("{+url}", {"url": "https://evil.example/v3/x"}),
    ("{+url}", {"url": "//evil.example/v3/x"}),
    ("{+url}", {"url": "https://api.mch.weixin.qq.com.evil.example/v3/x"}),
    ("{+url}", {"url": "https://api.mch.weixin.qq.com@evil.example/v3/x"}),
    ("{+url}", {"url": "https://user@api.mch.weixin.qq.com/v3/x"}),
    ("{+url}", {"url": "http://api.mch.weixin.qq.com/v3/x"}),
    ("{+url}", {"url": "https://api.mch.weixin.qq.com:8443/v3/x"}),
    ("{+url}", {"url": "http://127.0.0.1:1/v3/x"}),
    ("{+url}", {"url": "file:///etc/passwd"}),
    ("{+url}", {"url": "javascript:alert(1)"}),
    ("v3/x", {"base_uri": "https://evil.example/"}),
    ("v3/x", {"base_uri": "http://evil.example/"}),
    ("v3/x", {"base_uri": "http://10.0.0.1/"}),
    ("v3/x", {"base_uri": "ftp://127.0.0.1/"}),
    ("v3/x", {"base_uri": "127.0.0.1"}),
    ("v3/x", {"base_uri": "https://a:b@api.mch.weixin.qq.com/"}),
    ("v3/x", {"base_uri": "https://api.mch.weixin.qq.com/\r\nX: y"}),
    ("v3/x", {"base_uri": 1}),
]


@pytest.mark.parametrize(("path", "options"), FOREIGN, ids=lambda value: str(value)[:60])
def test_nothing_is_signed_for_a_foreign_host(path: str, options: dict[str, Any]) -> None:
    """An address that is neither WeChat Pay's nor the client's is refused, nothing is sent."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError):
            root.chain(path).get(options)
        assert server.requests == []


ESCAPES = [
    ("v3/pay/transactions/id/{transaction_id}", {}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": None}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": ""}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": False}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": []}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": {}}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": [None]}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": b"1"}),
    ("v3/pay/transactions/id/{transaction_id}", {"transaction_id": object()}),
    ("v3/pay/transactions/id/{x}", {"x": "."}),
    ("v3/pay/transactions/id/{x}", {"x": ".."}),
    ("v3/pay/transactions/id/{+x}", {"x": "../../refund"}),
    ("v3/pay/transactions/id/{+x}", {"x": "a/./b"}),
    ("v3/pay/transactions/id{/x*}", {"x": ["a", "..", "b"]}),
    ("v3/pay/transactions/id/../../refund", {}),
    ("v3/pay/transactions/id/%2e%2e/refund", {}),
    ("v3/pay/.", {}),
    ("v3/{x:1}{y}", {"x": ".a", "y": "."}),
    ("{x}/v3", {"x": ".."}),
    ("v3/{a,b}", {"a": "1"}),
]


@pytest.mark.parametrize(("path", "options"), ESCAPES, ids=lambda value: str(value)[:60])
def test_a_path_cannot_become_another_operation(path: str, options: dict[str, Any]) -> None:
    """A path variable that is missing, empty or dots is refused before anything is sent."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError):
            root.chain(path).post(options)
        assert server.requests == []


@pytest.mark.parametrize("name", ["empty", "stub"])
def test_a_trailing_slash_may_be_kept(name: str) -> None:
    """The two documented placeholders may stand without a value."""
    with serving(honest) as server, client(base_uri=server.base_uri) as root:
        root.chain(f"v3/applyment4sub/applyment/{{{name}}}").post(json={})
        assert server.requests[0].target == "/v3/applyment4sub/applyment/"


BAD_OPTIONS: list[dict[str, Any]] = [
    {"headers": {"X-A": "a\r\nX-B: b"}},
    {"headers": {"X-A": "a\nb"}},
    {"headers": {"X-A": "a\x00b"}},
    {"headers": {"X-A\r\nX-B": "b"}},
    {"headers": {"X A": "b"}},
    {"headers": {"": "b"}},
    {"headers": {"Wechatpay-Serial": "a\r\nb"}},
    {"headers": {"Authorization": "mine"}},
    {"headers": {"Host": "evil.example"}},
    {"headers": {"host": "evil.example"}},
    {"headers": {"Content-Length": "3"}},
    {"headers": {"Transfer-Encoding": "chunked"}},
    {"headers": {"Connection": "close"}},
    {"headers": {"Expect": "100-continue"}},
    {"headers": "X: y"},
    {"headers": {"X": object()}},
    {"json": {"a": float("nan")}},
    {"json": {"a": float("inf")}},
    {"json": {"a": {1, 2}}},
    {"json": {"a": b"bytes"}},
    {"json": {"a": "\ud800"}},
    {"json": {}, "body": "x"},
    {"body": "\ud800"},
    {"body": 5},
    {"query": 5},
    {"query": [1, 2]},
    {"query": {"a": object()}},
    {"query": {"a": "\ud800"}},
    {"timeout": -1},
    {"timeout": "5"},
    {"timeout": True},
    {"timeout": float("nan")},
    {"connect_timeout": float("inf")},
    {"http_errors": "no"},
    {"encrypt": 1},
    {"sink": 5},
    {"sink": "/nowhere/at/all"},
    {"sink": "/"},
    {"verify": False},
    {"allow_redirects": True},
    {"params": {"a": 1}},
    {"data": "x"},
    {"jsn": {}},
    {"header": {}},
    {"timeouts": 1},
    {"xml": {}},
    {"security": True},
]


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=str)
def test_a_call_that_makes_no_request_sends_nothing(options: dict[str, Any]) -> None:
    """Options that cannot be meant are refused in one line, sync and async alike."""
    with serving(honest) as server, calling(server, "sync") as call:
        with pytest.raises(RequestError) as caught:
            call("post", **options)
        assert len(str(caught.value).splitlines()) == 1
        promise = call.root.v3.x.post_async(options)
        with pytest.raises(RequestError):
            promise.wait()
        assert server.requests == []


def test_options_come_as_mapping_keywords_or_both() -> None:
    """Keywords win over the mapping, and the mapping is read when the call is made up."""
    with serving(honest) as server, calling(server, "sync") as call:
        options = {"json": {"n": 1}, "query": {"a": 1}}
        promise = call.root.v3.x.post_async(options, query={"a": 2})
        options["json"]["n"] = 99  # type: ignore[index]
        options["query"] = {"a": 99}
        promise.wait()
        assert server.requests[0].target == "/v3/x?a=2"
        assert server.requests[0].json == {"n": 1}
        with pytest.raises(RequestError, match="one mapping"):
            call.root.v3.x.post([("json", {})])


def test_any_mapping_will_do() -> None:
    """Read-only and multi-valued mappings are options, JSON and queries, and lose nothing."""
    with serving(honest) as server, calling(server, "sync") as call:
        query = MultiDict([("a", "1"), ("a", "2")])
        options = MappingProxyType({"json": MappingProxyType({"n": 1}), "query": query})
        call.root.v3.x.post(options)
        assert server.requests[0].target == "/v3/x?a=1&a=2"
        assert server.requests[0].json == {"n": 1}


def test_headers_replace_defaults_in_any_case() -> None:
    """A caller's header replaces the default of that name, and None takes it away."""
    with serving(honest) as server, calling(server, "sync") as call:
        call("post", json={}, headers={"content-type": "text/json", "ACCEPT": None, "X": [1, "b"]})
        head = server.requests[0].raw_head.decode().lower()
        assert "content-type: text/json\r\n" in head
        assert head.count("content-type") == 1
        assert "accept" not in head
        assert "x: 1\r\nx: b\r\n" in head


@pytest.mark.parametrize("face", FACES)
def test_http_errors_may_be_answers(face: str) -> None:
    """With http_errors=False a refusal is returned and says whether it was signed."""
    signed = answer("400 Bad Request", signed_headers(b'{"code":"X"}'), b'{"code":"X"}')
    plain = answer("500 Internal Server Error", body=b"oops")
    answers = iter([signed, plain])
    with serving(lambda request: next(answers)) as server, calling(server, face) as call:
        first, second = (call("get", http_errors=False) for _ in range(2))
    assert (first.status, first.verified, first.json()) == (400, True, {"code": "X"})
    assert (second.status, second.verified, second.text) == (500, False, "oops")


REFUSALS: list[tuple[str, bytes, bool, dict[str, Any]]] = [
    (
        "400 Bad Request",
        '{"code":"PARAM_ERROR","message":"参数错误","detail":{"field":"/amount"}}'.encode(),
        True,
        {"code": "PARAM_ERROR", "message": "参数错误", "detail": {"field": "/amount"}},
    ),
    ("404 Not Found", b"<html>", False, {"code": "", "message": "", "detail": None}),
    ("500 Internal Server Error", b'["list"]', False, {"code": ""}),
    ("502 Bad Gateway", b"\xff\xfe", False, {"code": ""}),
    (
        "429 Too Many Requests",
        b'{"code":"RATELIMIT_EXCEEDED","message":null}',
        True,
        {"message": ""},
    ),
    ("400 Bad Request", b'{"code":5,"message":{"a":1}}', True, {"code": "5"}),
    ("400 Bad Request", b'{"code":"A\\r\\nB","message":"x\\ny\\u001b[31m"}', True, {}),
    ("401 Unauthorized", b'{"code":"SIGN_ERROR","message":"' + b"m" * 5000 + b'"}', True, {}),
]


@pytest.mark.parametrize(("status", "body", "signed", "expected"), REFUSALS, ids=str)
def test_a_refusal_tells_what_came(
    status: str, body: bytes, signed: bool, expected: dict[str, Any]
) -> None:
    """A refusal has code, message, detail, request id and trust, in one short printable line."""
    headers = {"Request-ID": "08F78B", **(signed_headers(body) if signed else {})}
    with serving(lambda request: answer(status, headers, body)) as server:
        with calling(server, "sync") as call, pytest.raises(RefusedError) as caught:
            call("post", json={})
    error = caught.value
    assert error.status == int(status[:3])
    assert error.request_id == "08F78B"
    assert error.verified is signed
    assert error.response is not None
    assert error.response.body == body
    for name, value in expected.items():
        assert getattr(error, name) == value
    assert str(error).isprintable()
    assert len(str(error)) < 600
    assert ("signature is missing or wrong" in str(error)) is not signed


def test_a_closed_client_says_so() -> None:
    """A call on a closed client sends nothing and says what to do."""
    with serving(honest) as server:
        root = client(base_uri=server.base_uri)
        root.v3.x.get()
        root.close()
        root.close()
        with pytest.raises(RequestError, match="client is closed"):
            root.v3.x.get()
        assert len(server.requests) == 1
        assert isinstance(RequestError("x"), WechatPayError)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_that_nobody_asked_for_is_nobodys(verb: str, face: str) -> None:
    """A signed answer that comes over an idle connection is not taken for the next request's."""
    parted, sent = threading.Event(), threading.Event()

    def twice(request: Request) -> Iterator[bytes]:
        yield honest(request)
        parted.wait(5)
        yield answer(headers=signed_headers(b'{"stale":1}'), body=b'{"stale":1}')
        sent.set()

    answers = iter([twice])
    with serving(lambda request: next(answers, honest)(request)) as server:
        with calling(server, face) as call:
            assert call("get", "v3/first").json() == {"ok": True}
            parted.set()
            sent.wait(5)
            call.turn()
            assert call(verb).json() == {"ok": True}
        assert [request.connection for request in server.requests] == [1, 2]


def hold(connection: socket.socket) -> None:
    """Take a connection, and neither say a word nor close it before the other side does."""
    while connection.recv(4096):
        pass
    connection.close()


def refuse(connection: socket.socket) -> None:
    """Hang up on whoever has asked for a way."""
    connection.recv(4096)
    connection.close()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("handle", "is_proxy"),
    [(hold, False), (hold, True), (refuse, True)],
    ids=["silent TLS", "silent proxy", "proxy that hangs up"],
)
def test_what_found_no_way_to_the_gateway_was_not_sent(
    handle: Callable[[socket.socket], None], is_proxy: bool, face: str
) -> None:
    """However the way to the gateway fails, and whichever timeout ends it, nothing was sent."""
    with accepting(handle) as port:
        base = f"https://127.0.0.1:{free_port() if is_proxy else port}/"
        proxy = f"http://127.0.0.1:{port}" if is_proxy else None
        root = client(base_uri=base, proxy=proxy, timeout=0.2, connect_timeout=0)
        with closing(Caller(root, face)) as call:
            with pytest.raises(ConnectError, match="not sent"):
                call("post")


def test_a_call_that_got_no_connection_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose time is up while others have all the connections says that it was not sent."""
    monkeypatch.setattr("wechatpay_chain.flow.CONNECTIONS", 1)

    arrived = threading.Event()

    def silent(request: Request) -> list[bytes]:
        arrived.set()
        return []

    async def two(root: Client) -> None:
        first = asyncio.ensure_future(root.v3.x.post_async(json={}))
        await asyncio.to_thread(arrived.wait, 30)
        with pytest.raises(ConnectError, match="not sent"):
            await root.v3.x.post_async(json={}, timeout=0.1)
        first.cancel()
        await asyncio.wait([first])

    with serving(silent) as server, client(base_uri=server.base_uri) as root:
        asyncio.run(two(root))
        assert len(server.requests) == 1


REPEATS: dict[str, Exception] = {
    "no connection": ConnectionRefusedError(111, "Connection refused"),
    "nothing to sign with": NotSentError("the remote signer is away"),
}


@pytest.mark.parametrize("name", REPEATS)
def test_what_left_once_is_not_called_unsent_when_a_repeat_fails(name: str) -> None:
    """A middleware that sends again cannot make the first time undone."""
    tries: list[int] = []

    async def again(request: Any, handler: Any) -> Any:
        try:
            return await handler(request)
        except aiohttp.ClientError:
            return await handler(request)

    async def fail_later(request: Any, handler: Any) -> Any:
        tries.append(1)
        if len(tries) > 1:
            raise REPEATS[name]
        return await handler(request)

    with serving(hang_up) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(OutcomeUnknownError, match="query it before anything else"):
            root.v3.x.post(json={}, middlewares=[again, fail_later])
        assert (len(tries), len(server.requests)) == (2, 1)
