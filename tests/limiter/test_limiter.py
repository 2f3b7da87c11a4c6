"""The rate limiter: in memory and in Redis, with real sockets and, where time passes, a clock."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import redis

from tests.support.merchant import MCHID, client, signed_headers
from tests.support.redis_server import PASSWORD, redis_server
from tests.support.server import HANG_UP, Request, accepting, answer, serving
from wechatpay_chain import (
    ConfigurationError,
    NotSentError,
    RateLimiter,
    RateLimitError,
    RequestError,
    guard,
)

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
ONE = {"*": "1/hour"}


def honest(request: Request) -> bytes:
    """Answer with a signed body."""
    return answer(headers=signed_headers(b"{}"), body=b"{}")


class Time:
    """A clock that only moves when somebody sleeps, and notes for how long."""

    def __init__(self, oversleeping: float = 0.0) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.oversleeping = oversleeping

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(round(seconds, 3))
        self.now += seconds + self.oversleeping


def in_memory(time: Time, **settings: Any) -> RateLimiter:
    """Return a limiter that lives in a time of its own."""
    return RateLimiter(clock=time, sleep=time.sleep, documented=False, **settings)


async def call(limiter: RateLimiter, path: str = "v3/x", mchid: str = MCHID) -> bool:
    """Tell whether there is room for a call."""
    try:
        await limiter.acquire("GET", path, mchid=mchid)
    except RateLimitError:
        return False
    return True


async def room(limiter: RateLimiter, calls: int, **more: str) -> int:
    """Return how many of so many calls there is room for."""
    return sum([await call(limiter, **more) for _ in range(calls)])


def test_a_limit_is_moving_and_exact() -> None:
    """The next call waits until the first of the last so many is a window ago, and the margin."""
    time = Time()
    limiter = in_memory(time, limits={"*": "3/minute"}, margin=0.5)

    async def go() -> None:
        for _ in range(3):
            await limiter.acquire("GET", "v3/x")
            time.now += 10
        await limiter.acquire("GET", "v3/x")
        await limiter.acquire("GET", "v3/x")

    asyncio.run(go())
    assert time.slept == [30.5, 10]


def test_all_limits_that_apply_have_room() -> None:
    """A call waits for the slowest of its limits, and leaves what it does not count in alone."""
    time = Time()
    limits = {"*": "5/second", "v3/x": "2/minute", "GET v3/x/{id}": "1/hour"}
    limiter = in_memory(time, limits=limits, margin=0)

    async def go() -> None:
        for path in ("v3/x/1", "v3/x", "v3/y", "v3/y", "v3/y", "v3/y", "v3/x", "v3/x/2"):
            await limiter.acquire("GET", path)

    asyncio.run(go())
    assert time.slept == [1, 59, 3540]


def test_waiting_ahead_does_not_block_others() -> None:
    """Calls that wait for their own limit far ahead leave the common one to others meanwhile."""
    time = Time()
    limits = {"*": "3/second", "v3/slow": "1/minute"}
    limiter = in_memory(time, limits=limits, margin=0)
    waiting: list[float] = []

    async def blocked(seconds: float) -> None:
        waiting.append(seconds)
        await asyncio.Event().wait()

    async def go() -> None:
        limiter._sleep = blocked
        slow = [asyncio.ensure_future(limiter.acquire("GET", "v3/slow")) for _ in range(4)]
        await asyncio.sleep(0)
        limiter._sleep = time.sleep
        for _ in range(3):
            await limiter.acquire("GET", "v3/quick")
        for task in slow:
            task.cancel()
        await asyncio.wait(slow)

    asyncio.run(go())
    assert waiting == [60, 120, 180]
    assert time.slept == [1]


def test_documented_limits_are_kept_without_being_stated() -> None:
    """An operation's own limit holds: 200 a minute for the one that the catalogue says so of."""
    limiter = RateLimiter(on_limit="refuse")

    async def go() -> tuple[int, int]:
        official = sum([await call_of(limiter, "POST", f"/{PUNISH}") for _ in range(210)])
        free = sum([await call_of(limiter, "POST", "v3/pay/transactions/native") for _ in range(9)])
        return official, free

    async def call_of(limiter: RateLimiter, method: str, path: str) -> bool:
        try:
            await limiter.acquire(method, path)
        except RateLimitError:
            return False
        return True

    assert asyncio.run(go()) == (200, 9)


@pytest.mark.parametrize(("oversleeping", "counted"), [(0.2, [1000, 1060.5]), (0.3, [1060.8])])
def test_a_call_that_wakes_late_is_counted_when_it_leaves(
    oversleeping: float, counted: list[float]
) -> None:
    """A call that sleeps past its moment by more than half the margin takes another."""
    time = Time(oversleeping)
    limiter = in_memory(time, limits={"*": "1/minute"}, margin=0.5)
    assert asyncio.run(room(limiter, 2)) == 2
    assert moments(limiter) == counted


def moments(limiter: RateLimiter) -> list[float]:
    """Return the moments that a limiter in memory keeps, in seconds."""
    storage: Any = limiter._storage
    return [moment / 1e6 for kept in storage._moments.values() for moment in kept]


def test_a_process_that_is_always_late_sends_nothing() -> None:
    """Where each question takes longer than half the margin, a call is not sent in the end."""
    time = Time()
    limiter = in_memory(time, limits={"*": "1/minute"}, margin=0.5)
    ticks = iter(range(10_000))
    limiter._clock = lambda: next(ticks) * 0.3
    with pytest.raises(NotSentError, match=r"longer than half the margin of 0\.5 s"):
        asyncio.run(limiter.acquire("GET", "v3/x"))
    assert moments(limiter) == []


@pytest.mark.parametrize("calls", [1, 7])
def test_a_limit_is_of_one_merchant_and_one_operation(storage: str | None, calls: int) -> None:
    """Two merchants, and two operations, have budgets of their own; two values have one."""
    limits: dict[str, Any] = {"GET v3/x/{id}": (calls, 3600), "GET v3/y": (calls, 3600)}
    limiter = RateLimiter(storage, limits=limits, on_limit="refuse")

    async def go() -> list[int]:
        more = calls + 3
        return [
            await room(limiter, more, path="v3/x/1"),
            await room(limiter, more, path="v3/x/2"),
            await room(limiter, more, path="v3/y"),
            await room(limiter, more, path="v3/x/1", mchid="1900000110"),
            await room(limiter, more, path="v3/z"),
        ]

    assert asyncio.run(go()) == [calls, 0, calls, calls, calls + 3]


@pytest.mark.parametrize("more", [{"on_limit": "refuse"}, {"longest_wait": 60}])
def test_a_refusal_says_what_when_and_that_nothing_was_sent(
    storage: str | None, more: dict[str, Any]
) -> None:
    """What has no room, now or soon enough, is refused at once, and never sent."""
    limiter = RateLimiter(storage, limits={f"POST {PUNISH}": "2/hour"}, **more)
    with serving(honest) as server, client(base_uri=server.base_uri, rate_limiter=limiter) as ours:
        for _ in range(2):
            ours.chain(PUNISH).post(json={"a": 1})
        with pytest.raises(RateLimitError) as caught:
            ours.chain(PUNISH).post(json={"a": 1})
        assert len(server.requests) == 2
    error = caught.value
    assert not error.sent
    assert (error.operation, error.calls, error.seconds) == (f"POST {PUNISH}", 2, 3600)
    assert 3500 < error.retry_after < 3601
    assert re.fullmatch(
        rf"POST {PUNISH}: not sent, the limit of 2 calls in 3600 s on POST {PUNISH} has no room "
        r"for another 3\d\d\d\.\d s",
        str(error),
    )


def test_a_refusal_takes_no_place(storage: str | None) -> None:
    """Being refused again and again does not put off the moment when there is room."""
    limiter = RateLimiter(storage, limits={"*": "1/hour"}, on_limit="refuse")

    async def go() -> list[float]:
        await limiter.acquire("GET", "v3/x")
        found = []
        for _ in range(20):
            with pytest.raises(RateLimitError) as caught:
                await limiter.acquire("GET", "v3/x")
            found.append(caught.value.retry_after)
        return found

    waits = asyncio.run(go())
    assert waits == sorted(waits, reverse=True)
    assert waits[0] < 3601


def test_a_cancelled_wait_sends_nothing_and_gives_its_place_back(storage: str | None) -> None:
    """A call that is cancelled while it waits never left, and those after it do not wait for it."""
    limiter = RateLimiter(storage, limits={"*": "1/hour"}, longest_wait=7200)

    async def go(base_uri: str) -> list[float]:
        async with client(base_uri=base_uri, rate_limiter=limiter) as ours:
            await ours.v3.x.get_async()
            # The second of these would have to wait for two hours, were the first not gone.
            for _ in range(2):
                waiting = asyncio.ensure_future(ours.v3.x.get_async())
                await wait_until(lambda: len(taken()) == 2)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            return taken()

    def taken() -> list[float]:
        if storage is None:
            return moments(limiter)
        with redis.Redis.from_url(storage) as server:
            return [
                s for key in server.scan_iter() for _, s in server.zrange(key, 0, -1, withscores=1)
            ]

    with serving(honest) as server:
        assert len(asyncio.run(go(server.base_uri))) == 1
        assert len(server.requests) == 1


async def wait_until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    loop = asyncio.get_running_loop()
    while not holds():
        turned = asyncio.Event()
        loop.call_later(0.005, turned.set)
        await turned.wait()


def test_waiting_is_no_part_of_the_timeout(storage: str | None) -> None:
    """A call that waits longer than its timeout is sent all the same, sync and async."""
    limiter = RateLimiter(storage, limits={"*": (1, 0.5)}, margin=0.1)
    with serving(honest) as server:
        with client(base_uri=server.base_uri, rate_limiter=limiter, timeout=0.4) as ours:
            ours.v3.x.get()
            ours.v3.x.get()

            async def go() -> None:
                await ours.v3.x.get_async()

            asyncio.run(go())
        assert len(server.requests) == 3


def test_a_client_that_was_closed_meanwhile_sends_nothing() -> None:
    """A call that waited while its client was closed is not sent."""
    time = Time()
    limiter = in_memory(time, limits={"*": "1/minute"})
    with serving(honest) as server:
        ours = client(base_uri=server.base_uri, rate_limiter=limiter)

        async def close(seconds: float) -> None:
            time.now += seconds
            await ours.aclose()

        async def go() -> None:
            await ours.v3.x.get_async()
            limiter._sleep = close
            with pytest.raises(RequestError, match="the client is closed"):
                await ours.v3.x.get_async()

        asyncio.run(go())
        assert len(server.requests) == 1


def test_threads_and_loops_share_one_budget(storage: str | None) -> None:
    """Sync and async calls of many threads together get what the limit allows, and no more."""
    limiter = RateLimiter(storage, limits={"*": "20/hour"}, on_limit="refuse")
    sent: list[bool] = []

    def work(ours: Any, is_async: bool) -> None:
        for _ in range(8):
            try:
                asyncio.run(one(ours)) if is_async else ours.v3.x.get()
            except RateLimitError:
                sent.append(False)
            else:
                sent.append(True)

    async def one(ours: Any) -> None:
        await ours.v3.x.get_async()

    with serving(honest) as server, client(base_uri=server.base_uri, rate_limiter=limiter) as ours:
        threads = [threading.Thread(target=work, args=(ours, n % 2 == 0)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(sent), sum(sent), len(server.requests)) == (48, 20, 20)
    limiter.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_goes_on(storage: str | None) -> None:
    """A child has its parent's limits: in Redis the same budget, in memory what was left of it."""
    limiter = RateLimiter(storage, limits={"*": "3/hour"}, on_limit="refuse")
    with serving(honest) as server, client(base_uri=server.base_uri, rate_limiter=limiter) as ours:
        ours.v3.x.get()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ours.v3.x.get()
                ours.v3.x.get()
                try:
                    ours.v3.x.get()
                except RateLimitError:
                    status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        if storage is None:
            ours.v3.x.get()
            ours.v3.x.get()
        with pytest.raises(RateLimitError):
            ours.v3.x.get()
    limiter.close()


@pytest.mark.asyncio
async def test_a_plain_session_has_limits_too(storage: str | None) -> None:
    """As a middleware of any session the limiter counts for the merchant that it was told."""
    limiter = RateLimiter(storage, limits={"GET v3/x/{id}": "2/hour"}, on_limit="refuse", mchid="1")
    with serving(honest) as server:
        async with aiohttp.ClientSession(server.base_uri, middlewares=(limiter, guard)) as plain:
            for value in ("1", "2"):
                async with plain.get(f"v3/x/{value}?mchid=1"):
                    pass
            with pytest.raises(RateLimitError):
                await plain.get("v3/x/3")
        assert len(server.requests) == 2
    assert not await call(limiter, "v3/x/4", mchid="1")
    assert await call(limiter, "v3/x/4", mchid="2")
    await limiter.aclose()


@pytest.mark.asyncio
async def test_a_plain_session_is_limited_for_v2() -> None:
    """A limit that is stated for v2 counts what leaves without that in its path."""
    limiter = RateLimiter(limits={"v2/pay": (1, 60)}, on_limit="refuse", mchid=MCHID)
    with serving(lambda request: answer()) as server:
        async with aiohttp.ClientSession(server.base_uri, middlewares=(limiter, guard)) as plain:
            async with plain.post("pay/unifiedorder"):
                pass
            with pytest.raises(RateLimitError):
                await plain.post("pay/unifiedorder")
    assert len(server.requests) == 1


def shows_the_password(error: BaseException) -> bool:
    """Tell whether an error, its causes or the frames below the test's show the password."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    links = [told]
    while following := links[-1].__cause__ or links[-1].__context__:
        links.append(following)
    for link in links:
        kept = [frame for frame in link.stack if frame.filename != __file__]
        link.stack = traceback.StackSummary.from_list(kept)
    return PASSWORD in "".join(told.format())


@pytest.mark.parametrize("fault", ["nobody", "wrong password", "silent", "no Redis"])
def test_a_storage_that_fails_lets_nothing_pass(fault: str, address: str) -> None:
    """Without its storage a call is not sent, and the error shows no password."""
    port = int(re.findall(r":(\d+)/", address)[0])
    greetings = {"nobody": HANG_UP, "silent": None, "no Redis": b"HTTP/1.1 400 Bad Request\r\n\r\n"}
    held: list[socket.socket] = []

    def greet(connection: socket.socket) -> None:
        held.append(connection)
        if greetings[fault]:
            connection.sendall(greetings[fault])
        elif greetings[fault] == HANG_UP:
            connection.close()

    with serving(honest) as server, accepting(greet) as other:
        if fault == "wrong password":
            target = f"redis://:{PASSWORD}-wrong@127.0.0.1:{port}"
        else:
            target = f"redis://:{PASSWORD}@127.0.0.1:{other}?socket_timeout=0.2"
        limiter = RateLimiter(target, limits=ONE)
        assert PASSWORD not in repr(limiter)
        with client(base_uri=server.base_uri, rate_limiter=limiter) as ours:
            with pytest.raises(NotSentError, match=r"GET v3/x: not sent, .* cannot be used") as e:
                ours.v3.x.get()
        with pytest.raises(NotSentError) as plain:
            asyncio.run(limiter.acquire("GET", "v3/x"))
        assert not shows_the_password(e.value)
        assert not shows_the_password(plain.value)
        assert server.requests == []
    for connection in held:
        connection.close()
    limiter.close()


def test_a_wrong_address_shows_no_password() -> None:
    """The error about an address that is none does not repeat it."""
    with pytest.raises(ConfigurationError) as caught:
        RateLimiter(f"redis://:{PASSWORD}@host:no-port/0")
    assert not shows_the_password(caught.value)


def test_a_redis_that_comes_back_is_used_again() -> None:
    """Connections that broke while idle are replaced, and scripts loaded anew, unseen."""
    with redis_server() as port:
        address = f"redis://:{PASSWORD}@127.0.0.1:{port}"
        limiter = RateLimiter(address, limits={"*": "2/hour"}, on_limit="refuse")
        with serving(honest) as server:
            with client(base_uri=server.base_uri, rate_limiter=limiter) as ours:
                ours.v3.x.get()
                with redis.Redis.from_url(address) as admin:
                    admin.script_flush()
                    for other in admin.client_list():
                        if int(other["id"]) != admin.client_id():
                            admin.client_kill_filter(_id=other["id"])
                ours.v3.x.get()
                with pytest.raises(RateLimitError):
                    ours.v3.x.get()
        limiter.close()


@pytest.mark.asyncio
async def test_a_call_that_is_cancelled_before_redis_answers_spoils_no_connection(
    address: str,
) -> None:
    """An answer that nobody waits for any more is not taken for the next call's."""
    limiter = RateLimiter(address, limits={"*": "1000/hour", "v3/a": "1/hour"}, on_limit="refuse")
    await call(limiter, "v3/a")
    for _ in range(60):
        tasks = [asyncio.ensure_future(call(limiter, "v3/b")) for _ in range(10)]
        for _ in range(len(tasks) % 7 + 1):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not await call(limiter, "v3/a")
    await limiter.aclose()


def test_a_closed_limiter_lets_nothing_pass(address: str) -> None:
    """A limiter in Redis that was closed refuses calls, and says so."""
    limiter = RateLimiter(address, limits=ONE)
    limiter.close()
    with pytest.raises(NotSentError, match="the rate limiter is closed"):
        asyncio.run(limiter.acquire("GET", "v3/x"))


def test_a_client_of_redis_can_be_made_by_the_user(address: str) -> None:
    """A function that makes clients serves where an address cannot say all."""
    made = []

    def make() -> Any:
        made.append(redis.asyncio.Redis.from_url(address))
        return made[-1]

    limiter = RateLimiter(make, limits={"*": "1/hour"}, on_limit="refuse")
    assert asyncio.run(room(limiter, 2)) == 1
    assert asyncio.run(room(limiter, 2)) == 0
    assert len(made) == 2


def test_what_redis_keeps_goes_away(address: str) -> None:
    """Keys name merchant and operation, hold no more than a window, and expire with it."""
    limiter = RateLimiter(address, limits={"GET v3/x/{id}": (3, 0.2)}, margin=0.1)
    asyncio.run(room(limiter, 8, path="v3/x/secret"))
    with redis.Redis.from_url(address, decode_responses=True) as admin:
        (key,) = admin.keys()
        assert key == f"wechatpay-chain:{{{MCHID}}}:GET v3/x/{{id}}:3/0.2"
        assert admin.zcard(key) <= 5
        assert 0 < admin.pttl(key) <= 301


def test_without_redis_installed_the_error_names_the_extra(monkeypatch: Any) -> None:
    """A storage in Redis without the package is a matter of configuration; memory needs none."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    RateLimiter()
    with pytest.raises(ConfigurationError, match=r"pip install 'wechatpay-chain\[redis\]'"):
        RateLimiter("redis://localhost")


def test_importing_the_package_imports_no_redis() -> None:
    """Who does not count in Redis does not load its client."""
    code = "import sys, wechatpay_chain; assert 'redis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_a_limiter_is_a_limiter() -> None:
    """Something else in its place is refused."""
    with pytest.raises(ConfigurationError, match="rate_limiter must be a RateLimiter"):
        client(rate_limiter="redis://localhost")
