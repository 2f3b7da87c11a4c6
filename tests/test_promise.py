"""A promise is a coroutine to asyncio, and a promise to ported code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.merchant import client, signed_headers
from tests.support.server import Request, Server, answer, serving
from wechatpay_chain import Client, ClientError, Promise, RefusedError, RequestError


def respond(request: Request) -> bytes:
    """Answer with the path in the body, and refuse what asks for it."""
    body = b'{"path":"%s"}' % request.target.encode()
    status = "400 Bad Request" if "refuse" in request.target else "200 OK"
    return answer(status, signed_headers(body), body)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers with the path that was asked for."""
    with serving(respond) as running:
        yield running


@pytest.fixture
def root(server: Server) -> Iterator[Client]:
    """A client of that server."""
    with client(base_uri=server.base_uri) as made:
        yield made


def path(response: Any) -> str:
    """Return the path that an answer was to."""
    return str(response.json()["path"])


WAYS: dict[str, Any] = {
    "await": lambda p: p,
    "create_task": lambda p: asyncio.create_task(p),
    "ensure_future": lambda p: asyncio.ensure_future(p),
    "gather": lambda p: asyncio.gather(p),
    "wait_for": lambda p: asyncio.wait_for(p, 5),
    "shield": lambda p: asyncio.shield(p),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.asyncio
async def test_asyncio_takes_a_promise_for_a_coroutine(
    way: str, root: Client, server: Server
) -> None:
    """Whatever asyncio offers for coroutines works, and sends once."""
    promise = root.v3.x.get_async()
    assert asyncio.iscoroutine(promise)
    assert inspect.isawaitable(promise)
    got = await WAYS[way](promise)
    assert path(got[0] if way == "gather" else got) == "/v3/x"
    assert len(server.requests) == 1
    await root.aclose()


@pytest.mark.asyncio
async def test_a_task_group_takes_promises(root: Client, server: Server) -> None:
    """Twenty promises of a task group are twenty requests."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(root.v3.x[number].get_async()) for number in range(20)]
    assert [path(task.result()) for task in tasks] == [f"/v3/x/{n}" for n in range(20)]
    assert len(server.requests) == 20
    await root.aclose()


def test_asyncio_run_takes_a_promise(root: Client) -> None:
    """A promise can be a program's main coroutine."""
    assert path(asyncio.run(root.v3.x.get_async())) == "/v3/x"


@pytest.mark.asyncio
async def test_a_promise_is_sent_once_however_often_it_is_awaited(
    root: Client, server: Server
) -> None:
    """Awaiting again, at the same time, or from a branch gives the same answer."""
    promise = root.v3.x.get_async()
    first = asyncio.create_task(promise)
    second, third = await asyncio.gather(promise.then(path), promise.then(lambda r: r.status))
    assert (second, third) == ("/v3/x", 200)
    assert await promise is await first
    assert await promise is await promise
    assert len(server.requests) == 1
    await root.aclose()


@pytest.mark.asyncio
async def test_an_error_is_raised_each_time(root: Client, server: Server) -> None:
    """Awaiting a failed promise again raises the same error and sends nothing."""
    promise = root.v3.refuse.get_async()
    for _ in range(3):
        with pytest.raises(ClientError):
            await promise
    assert len(server.requests) == 1
    await root.aclose()


def fail(reason: object) -> Any:
    """Raise, as a callback."""
    raise LookupError(str(reason))


CHAINS: list[tuple[str, Any, Any]] = [
    ("a value passes", lambda p: p.then(path), "/v3/x"),
    ("a value passes twice", lambda p: p.then(path).then(str.upper), "/V3/X"),
    ("no callback passes the value", lambda p: p.then().then(path), "/v3/x"),
    ("otherwise passes a value", lambda p: p.otherwise(fail).then(path), "/v3/x"),
    ("an error is mended", lambda p: p.then(fail).otherwise(lambda e: str(e)[:10]), "<Response "),
    (
        "an error skips a value's callback",
        lambda p: p.then(fail).then(path).otherwise(type),
        LookupError,
    ),
    ("a mended error is a value", lambda p: p.then(fail).otherwise(lambda e: 1).then(str), "1"),
    ("both callbacks, value", lambda p: p.then(path, fail), "/v3/x"),
    ("both callbacks, error", lambda p: p.then(fail).then(path, type), LookupError),
    ("None is a value", lambda p: p.then(lambda r: None), None),
    ("the error of the sibling is not caught", lambda p: p.then(fail, lambda e: 1), LookupError),
    ("an error without a callback", lambda p: p.then(fail), LookupError),
    ("an error in otherwise", lambda p: p.then(fail).otherwise(fail), LookupError),
]


@pytest.mark.parametrize(("chain", "expected"), [c[1:] for c in CHAINS], ids=[c[0] for c in CHAINS])
def test_promises_chain_as_in_php(chain: Any, expected: Any, root: Client, server: Server) -> None:
    """Values and errors pass along a chain as they do in PHP."""
    promise = chain(root.v3.x.get_async())
    if isinstance(expected, type) and "error" in getattr(expected, "__name__", "").lower():
        with contextlib.suppress(expected):
            assert promise.wait() is expected
    else:
        assert promise.wait() == expected
    assert len(server.requests) == 1


def test_a_callback_may_return_a_promise(root: Client, server: Server) -> None:
    """A chain follows a promise that a callback returns, to any depth, also a coroutine."""

    async def later(value: str) -> Promise[Any]:
        return root.v3.third.get_async().then(lambda r: value + path(r))

    promise = (
        root.v3.first.get_async()
        .then(lambda r: root.v3.second.get_async().then(lambda s: path(r) + path(s)))
        .then(later)
    )
    assert promise.wait() == "/v3/first/v3/second/v3/third"
    assert len(server.requests) == 3


def test_a_callback_may_call_again_synchronously(root: Client, server: Server) -> None:
    """A sync call inside a callback, where a loop is running, works."""
    promise = root.v3.first.get_async().then(lambda r: path(root.v3.second.get()))
    assert promise.wait() == "/v3/second"


def test_a_refusal_reaches_otherwise(root: Client) -> None:
    """A refused request calls otherwise with the error."""
    caught: list[Any] = []
    root.v3.refuse.get_async().then(path).otherwise(caught.append).wait()
    assert isinstance(caught[0], RefusedError)


def test_wait_may_keep_an_error(root: Client) -> None:
    """wait(False) waits and returns nothing; the error can be had later."""
    promise = root.v3.refuse.get_async()
    assert promise.wait(unwrap=False) is None
    assert repr(promise) == "<Promise rejected>"
    with pytest.raises(ClientError):
        promise.wait()


def test_nothing_is_sent_before_it_is_wanted(root: Client, server: Server) -> None:
    """A promise that is only made, chained and closed sends nothing."""
    promise = root.v3.x.get_async()
    assert repr(promise) == "<Promise pending>"
    promise.close()
    assert server.requests == []
    assert repr(promise) == "<Promise rejected>"


def test_a_forgotten_promise_warns(root: Client, server: Server) -> None:
    """A promise that nobody awaits gives Python's usual warning, naming the call."""
    with pytest.warns(RuntimeWarning, match=r"v3/x\.post_async' was never awaited"):
        root.v3.x.post_async(json={})
        gc.collect()
    assert server.requests == []


def test_wrong_options_are_raised_where_the_promise_is_awaited(root: Client) -> None:
    """An async call never raises by itself, so that a list of calls can be made up first."""
    promise = root.v3["{x}"].get_async()
    with pytest.raises(RequestError, match="has no value"):
        promise.wait()


@pytest.mark.asyncio
async def test_a_task_cancelled_before_it_starts_sends_nothing(
    root: Client, server: Server
) -> None:
    """Cancelling at once leaves no warning and sends nothing."""
    promise = root.v3.x.get_async()
    task = asyncio.create_task(promise)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.requests == []
    with pytest.raises(asyncio.CancelledError):
        await promise


@pytest.mark.asyncio
async def test_wait_works_inside_a_running_loop(root: Client) -> None:
    """Ported code may wait where a loop is running, as in a notebook."""
    assert root.v3.x.get_async().then(path).wait() == "/v3/x"
    assert path(root.v3.y.get()) == "/v3/y"
    assert path(await root.v3.z.get_async()) == "/v3/z"
    await root.aclose()
