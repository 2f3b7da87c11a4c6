"""Duplicates: one claim wins, a failure frees it, and only its owner speaks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from tests.support.redis_server import PASSWORD, redis_server
from tests.webhooks.callbacks import Callback, webhooks, xml_callback
from wechatpay_chain import ConfigurationError, WechatPayError
from wechatpay_chain.webhooks import Claim, Event, MemorySeen, RedisSeen, Seen
from wechatpay_chain.webhooks.seen import LEASE, REMEMBERED

HONEST = Callback()
LAST_RESEND = 24 * 3600 + 4 * 60


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A Redis of these tests' own."""
    with redis_server() as running:
        yield running


@pytest.fixture
def address(port: int) -> str:
    """Its address, with nothing in it."""
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


class Memory:
    """A memory under test, whose time can be moved."""

    def __init__(self, kind: str, address: str) -> None:
        self.now = 0.0
        self.kind = kind
        self.client = redis.Redis.from_url(address, decode_responses=True)
        self.seen: Any = (
            MemorySeen(clock=lambda: self.now) if kind == "memory" else RedisSeen(address)
        )

    def wait(self, seconds: float) -> None:
        """Let the leases of that many seconds run out."""
        self.now += seconds
        for key in list(self.client.scan_iter()):
            left = self.client.pttl(key) - round(seconds * 1000)
            self.client.pexpire(key, max(left, 0))


@pytest.fixture(params=["memory", "redis"])
def memory(request: pytest.FixtureRequest, address: str) -> Iterator[Memory]:
    """Each memory in turn."""
    made = Memory(request.param, address)
    yield made
    made.client.close()


def test_one_claim_wins(memory: Memory) -> None:
    """The first has it, others are told that it is at work, and later that it is done."""
    seen = memory.seen
    assert isinstance(seen, Seen)
    assert seen.claim("1", "a") is Claim.MINE
    assert seen.claim("1", "b") is Claim.BUSY
    assert seen.claim("2", "b") is Claim.MINE
    assert seen.finish("1", "a") is True
    assert seen.claim("1", "b") is Claim.DONE


def test_a_failure_frees_it(memory: Memory) -> None:
    """What was released can be claimed again."""
    seen = memory.seen
    seen.claim("1", "a")
    assert seen.release("1", "a") is True
    assert seen.claim("1", "b") is Claim.MINE


def test_a_lease_runs_out(memory: Memory) -> None:
    """A process that died holds an event for a minute, not for ever."""
    seen = memory.seen
    seen.claim("1", "a")
    memory.wait(LEASE - 1)
    assert seen.claim("1", "b") is Claim.BUSY
    memory.wait(1)
    assert seen.claim("1", "b") is Claim.MINE


def test_who_lost_the_lease_cannot_speak_for_the_next(memory: Memory) -> None:
    """A late finisher marks nothing done over another's claim, and releases nothing."""
    seen = memory.seen
    seen.claim("1", "a")
    memory.wait(LEASE)
    seen.claim("1", "b")
    assert seen.finish("1", "a") is False
    assert seen.release("1", "a") is False
    assert seen.claim("1", "c") is Claim.BUSY
    assert seen.release("1", "b") is True
    assert seen.claim("1", "c") is Claim.MINE
    assert seen.finish("1", "c") is True
    assert seen.finish("1", "b") is False
    assert seen.release("1", "b") is False
    assert seen.claim("1", "d") is Claim.DONE


def test_a_late_finisher_whom_nobody_followed_is_done(memory: Memory) -> None:
    """If the lease ran out and nobody claimed it, what was handled is remembered."""
    seen = memory.seen
    seen.claim("1", "a")
    memory.wait(LEASE)
    assert seen.finish("1", "a") is True
    assert seen.claim("1", "b") is Claim.DONE


def test_it_remembers_beyond_the_last_resend(memory: Memory) -> None:
    """WeChat Pay sends for 24 hours and 4 minutes; in the end all is forgotten."""
    seen = memory.seen
    seen.claim("1", "a")
    seen.finish("1", "a")
    memory.wait(LAST_RESEND)
    assert seen.claim("1", "b") is Claim.DONE
    memory.wait(REMEMBERED - LAST_RESEND)
    assert seen.claim("1", "b") is Claim.MINE


def test_every_key_in_redis_has_an_end(address: str) -> None:
    """Nothing is left in Redis for ever."""
    seen = RedisSeen(address, prefix="p:")
    seen.claim("1", "a")
    seen.claim("2", "a")
    seen.finish("2", "a")
    with redis.Redis.from_url(address, decode_responses=True) as client:
        assert sorted(client.keys()) == ["p:1", "p:2"]
        assert 0 < client.pttl("p:1") <= LEASE * 1000 < client.pttl("p:2")


def test_an_answer_that_was_lost_is_asked_for_again(address: str) -> None:
    """redis-py sends a script again whose answer it did not get; the owner still has the claim."""
    seen = RedisSeen(address)
    for _ in range(2):
        assert seen.claim("1", "a") is Claim.MINE
    for _ in range(2):
        assert seen.finish("1", "a") is True


def test_memory_is_bounded() -> None:
    """A million events do not fill it; those at work are never forgotten for room."""
    seen = MemorySeen(size=10)
    seen.claim("busy", "a")
    for number in range(1000):
        seen.claim(str(number), "a")
        seen.finish(str(number), "a")
    assert repr(seen) == "<MemorySeen 10 done>"
    assert seen.claim("busy", "b") is Claim.BUSY
    assert seen.claim("999", "b") is Claim.DONE
    assert seen.claim("0", "b") is Claim.MINE


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
@pytest.mark.parametrize("decodes", [True, False])
def test_a_client_of_the_programs_own_is_taken(address: str, kind: Any, decodes: bool) -> None:
    """A sync or an asyncio client, whichever way it reads texts."""

    async def main() -> list[Any]:
        client = kind.from_url(address, decode_responses=decodes)
        seen = RedisSeen(client)
        receiver = webhooks(seen=seen)
        calls: list[str] = []
        receiver.on("*")(lambda event: calls.append(event.id))
        for _ in range(2):
            assert (await receiver.receive_async(*HONEST.sent)).status == 200
        if kind is redis.Redis:
            client.close()
        else:
            await client.aclose()
        return calls

    assert asyncio.run(main()) == [HONEST.id]


def test_an_asyncio_client_serves_one_loop(address: str, caplog: Any) -> None:
    """Used from another thread's loop it would hang or fail at random: it says so instead."""
    calls: list[str] = []

    async def main() -> None:
        client = redis.asyncio.Redis.from_url(address)
        receiver = webhooks(seen=RedisSeen(client))
        receiver.on("*")(lambda event: calls.append(event.id))
        assert (await receiver.receive_async(*HONEST.sent)).status == 200
        reply = await asyncio.to_thread(receiver.receive, *HONEST.sent)
        assert reply.status == 500
        await client.aclose()

    asyncio.run(main())
    assert len(calls) == 1
    assert "serves one event loop" in caplog.text


WRONG: dict[str, Callable[[], Any]] = {
    "no address": lambda: RedisSeen("http://host"),
    "a class": lambda: RedisSeen(redis.Redis),
    "nothing": lambda: RedisSeen(None),
    "option": lambda: RedisSeen(f"redis://:{PASSWORD}@host?nonsense=1"),
    "lease": lambda: RedisSeen("redis://host", lease=0),
    "remembered": lambda: MemorySeen(remembered=-1),
    "size": lambda: MemorySeen(size=True),
    "prefix": lambda: RedisSeen("redis://host", prefix=5),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named_and_shows_no_password(name: str) -> None:
    """What cannot be a memory is found when it is made."""
    with pytest.raises(ConfigurationError) as caught:
        WRONG[name]()
    assert PASSWORD not in str(caught.value)


def test_without_the_package_redis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wechatpay-chain\[redis\]'"):
        RedisSeen("redis://host")


def test_a_password_shows_nowhere(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the repr, nor in a pickle, nor when Redis refuses it."""
    seen = RedisSeen(f"redis://:wrong-{PASSWORD}@127.0.0.1:{port}")
    with pytest.raises(WechatPayError, match="AuthenticationError") as caught:
        seen.claim("1", "a")
    assert PASSWORD not in repr(caught.value) + repr(seen)
    assert caught.value.__context__ is None
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(seen)
    receiver = webhooks(seen=seen)
    receiver.on("*")(lambda event: pytest.fail("called"))
    assert receiver.receive(*HONEST.sent).status == 500
    assert PASSWORD not in caplog.text


# How a receiver uses them.


class Hook:
    """A memory that does as told, and notes what it was asked."""

    def __init__(self, **said: Any) -> None:
        self.said = {"claim": Claim.MINE, "finish": True, "release": True} | said
        self.asked: list[str] = []
        self.owners: set[str] = set()

    def _say(self, name: str, id: str, owner: str) -> Any:  # noqa: A002
        self.asked.append(name)
        self.owners.add(owner)
        said = self.said[name]
        if isinstance(said, Exception):
            raise said
        return said

    def claim(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Claim."""
        return self._say("claim", id, owner)

    def finish(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Finish."""
        return self._say("finish", id, owner)

    def release(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Release."""
        return self._say("release", id, owner)


class AsyncHook(Hook):
    """The same for async programs."""

    async def claim(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Claim."""
        return self._say("claim", id, owner)

    async def finish(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Finish."""
        return self._say("finish", id, owner)

    async def release(self, id: str, owner: str, /) -> Any:  # noqa: A002
        """Release."""
        return self._say("release", id, owner)


DOWN = ConnectionError("redis://:secret@host")
FAIL = object()
# What the memory says, what the handler does, what it is asked, the status.
CASES: dict[str, tuple[dict[str, Any], Any, list[str], int]] = {
    "handled": ({}, None, ["claim", "HANDLER", "finish"], 200),
    "failed": ({}, FAIL, ["claim", "HANDLER", "release"], 500),
    "said no": ({}, lambda event: event.fail(), ["claim", "HANDLER", "release"], 500),
    "nonsense": ({}, lambda event: 5, ["claim", "HANDLER", "release"], 500),
    "at work": ({"claim": Claim.BUSY}, None, ["claim"], 500),
    "done": ({"claim": Claim.DONE}, None, ["claim"], 200),
    "unknown answer": ({"claim": None}, None, ["claim"], 500),
    "a plain yes": ({"claim": True}, None, ["claim"], 500),
    "down": ({"claim": DOWN}, None, ["claim"], 500),
    "down at the end": ({"finish": DOWN}, None, ["claim", "HANDLER", "finish"], 200),
    "lease lost": ({"finish": False}, None, ["claim", "HANDLER", "finish"], 200),
    "down after a failure": ({"release": DOWN}, FAIL, ["claim", "HANDLER", "release"], 500),
}


@pytest.mark.parametrize("kind", [Hook, AsyncHook])
@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", CASES)
def test_a_receiver_acknowledges_what_is_done_and_nothing_else(
    name: str, face: str, kind: type[Hook], caplog: pytest.LogCaptureFixture
) -> None:
    """Busy, down or failed: WeChat Pay sends again. Done: it need not."""
    said, does, asked, status = CASES[name]
    hook = kind(**said)
    receiver = webhooks(seen=hook)

    @receiver.on("*")
    def handler(event: Event[Any]) -> Any:
        hook.asked.append("HANDLER")
        if does is FAIL:
            raise OSError
        return does and does(event)

    if face == "sync":
        reply = receiver.receive(*HONEST.sent)
    else:
        reply = asyncio.run(receiver.receive_async(*HONEST.sent))
    assert reply.status == status
    assert hook.asked == asked
    assert len(hook.owners) == 1
    assert "secret" not in caplog.text
    told = "claim must return a Claim" in caplog.text
    assert told is (not isinstance(said.get("claim", Claim.MINE), (Claim, Exception)))


def test_ctrl_c_frees_the_event() -> None:
    """What ends the program ends the claim too."""
    hook = Hook()
    receiver = webhooks(seen=hook)

    @receiver.on("*")
    def handler(event: Event[Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        receiver.receive(*HONEST.sent)
    assert hook.asked == ["claim", "release"]


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_plain_function_is_a_hook(face: str, is_async: bool) -> None:
    """`seen(id) -> bool`, sync or async, is all that a program with a database needs."""
    handled: set[str] = set()
    calls: list[str] = []

    def seen(id: str) -> bool:  # noqa: A002
        known = id in handled
        handled.add(id)
        return known

    async def seen_async(id: str) -> bool:  # noqa: A002
        return seen(id)

    receiver = webhooks(seen=seen_async if is_async else seen)
    receiver.on("*")(lambda event: calls.append(event.id))
    for _ in range(3):
        if face == "sync":
            assert receiver.receive(*HONEST.sent).status == 200
        else:
            assert asyncio.run(receiver.receive_async(*HONEST.sent)).status == 200
    assert calls == [HONEST.id]


def test_a_plain_function_that_fails_is_a_no(caplog: pytest.LogCaptureFixture) -> None:
    """Without knowing whether it was handled, nothing is handled."""
    receiver = webhooks(seen=lambda id: 1 / 0)  # noqa: A006
    receiver.on("*")(lambda event: pytest.fail("called"))
    assert receiver.receive(*HONEST.sent).status == 500
    (record,) = caplog.records
    assert record.levelno == logging.ERROR


def test_what_has_no_handler_or_is_forged_claims_nothing() -> None:
    """A forger cannot make an event look handled, nor can one that nobody waits for."""
    hook = Hook()
    receiver = webhooks(seen=hook)
    receiver.receive(*HONEST.sent)
    receiver.on("*")(lambda event: None)
    receiver.receive(HONEST.headers, HONEST.body + b" ")
    assert hook.asked == []


def test_a_v2_resend_is_a_duplicate() -> None:
    """A resend of v2 has another nonce and another sign; it is the same payment."""
    calls: list[str] = []
    receiver = webhooks(seen=MemorySeen())
    receiver.on("*")(lambda event: calls.append(event.id))
    for nonce in "abc":
        assert receiver.receive({}, xml_callback(nonce_str=nonce)).status == 200
    assert len(calls) == 1


def test_a_caller_that_goes_away_while_it_is_remembered_changes_nothing() -> None:
    """Cut off between the handler's end and the memory's, it would be handled again."""
    began, may_end = asyncio.Event(), asyncio.Event()

    class Slow(AsyncHook):
        async def finish(self, id: str, owner: str, /) -> Any:  # noqa: A002
            began.set()
            await may_end.wait()
            return await super().finish(id, owner)

    hook = Slow()
    receiver = webhooks(seen=hook)
    receiver.on("*")(lambda event: None)

    async def main() -> None:
        task = asyncio.ensure_future(receiver.receive_async(*HONEST.sent))
        await began.wait()
        task.cancel()
        await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert hook.asked == ["claim", "finish"]


def test_threads_of_one_process_get_one_winner() -> None:
    """Sixty-four threads at once, and one handler."""
    calls: list[str] = []
    receiver = webhooks(seen=MemorySeen())
    receiver.on("*")(lambda event: calls.append(event.id))
    together = threading.Barrier(64)
    answers: list[int] = []

    def send() -> None:
        together.wait()
        answers.append(receiver.receive(*HONEST.sent).status)

    threads = [threading.Thread(target=send) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert set(answers) <= {200, 500}
    assert 200 in answers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_a_thread_claims_leaves_no_lock_behind() -> None:
    """In the child nobody is left to open the lock that another thread held."""
    import warnings

    seen = MemorySeen()
    held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with seen._lock:
            held.set()
            may_end.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if seen._lock.acquire(timeout=0) else 1)
    may_end.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_memory_made_before_a_fork_works_after_it(address: str) -> None:
    """Servers that fork their workers make their receivers before."""
    import warnings

    seen = RedisSeen(address)
    seen.claim("1", "parent")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if (seen.claim("1", "c"), seen.claim("2", "c")) == ("busy", "mine") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seen.finish("1", "parent") is True
    assert seen.claim("2", "parent") is Claim.BUSY
