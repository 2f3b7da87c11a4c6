"""No window ever holds too many: by chance in memory, in Redis, and as a gateway sees it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from bisect import bisect_left
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.merchant import signed_headers
from tests.support.server import Request, answer, serving
from wechatpay_chain.limiter.memory_storage import MemoryStorage
from wechatpay_chain.limiter.redis_storage import GIVE_BACK, TAKE
from wechatpay_chain.limiter.storage import MICROSECONDS, Place, Window

WINDOWS = [Window("wide", 5, 12 * MICROSECONDS), Window("narrow", 2, 4 * MICROSECONDS)]
PATH = "v3/pay/transactions/native"


def fullest(moments: list[float], length: float) -> int:
    """Return the most moments in any stretch of a length that begins at one of them."""
    ordered = sorted(moments)
    return max(
        (bisect_left(ordered, begin + length) - at for at, begin in enumerate(ordered)), default=0
    )


def test_fullest_counts_what_it_should() -> None:
    """The check itself: a moment a whole window later is in the next one."""
    assert fullest([], 60) == 0
    assert fullest([0, 60], 60) == 1
    assert fullest([70, 0, 59.9, 60, 119], 60) == 4


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["both", "wide", "narrow", "wait", "give back"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


@given(STEPS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_no_window_is_overfull_whatever_happens(
    steps: list[tuple[str, int]], chance: random.Random
) -> None:
    """Calls of one window, of another or both, waits and returns, in any order: all hold."""
    now = 0.0
    storage = MemoryStorage(lambda: now)
    used: list[tuple[float, list[Window], Place]] = []
    for step, number in steps:
        if step == "wait":
            now += number
        elif step == "give back":
            ahead = [one for one in used if one[0] > now]
            if ahead:
                chosen = chance.choice(ahead)
                used.remove(chosen)
                asyncio.run(storage.give_back(chosen[1], chosen[2]))
        else:
            windows = [window for window in WINDOWS if step in ("both", window.key)]
            place = asyncio.run(storage.take(windows, None))
            assert place.wait >= 0
            used.append((now + place.wait / MICROSECONDS, windows, place))
    for window in WINDOWS:
        moments = [moment for moment, windows, _ in used if window in windows]
        assert fullest(moments, window.length / MICROSECONDS) <= window.calls


@pytest.mark.parametrize("seed", range(8))
def test_redis_gives_the_moments_that_memory_gives(address: str, seed: int) -> None:
    """The script, its clock held still, and the lists answer the same to the microsecond."""
    now, chance = 1_700_000_000 * MICROSECONDS, random.Random(seed)
    memory = MemoryStorage(lambda: now / MICROSECONDS)
    windows = [Window(f"{{1}}{w.key}", w.calls, w.length * 1000) for w in WINDOWS]
    places: list[tuple[list[Window], Place, str]] = []
    with redis.Redis.from_url(address) as admin:
        for number in range(150):
            now += chance.choice([0, 0, 1, 250_000, 900 * MICROSECONDS])
            if places and chance.random() < 0.3:
                chosen, place, name = places.pop(chance.randrange(len(places)))
                asyncio.run(memory.give_back(chosen, place))
                admin.eval(GIVE_BACK, len(chosen), *(w.key for w in chosen), name)
            chosen = chance.choice([windows, windows[:1], windows[1:]])
            longest = chance.choice([None, None, 10_000 * MICROSECONDS])
            place = asyncio.run(memory.take(chosen, longest))
            told = [number, -1 if longest is None else longest]
            told += [part for w in chosen for part in (w.calls, w.length)]
            answered = admin.eval(script_at(now), len(chosen), *(w.key for w in chosen), *told)
            assert isinstance(answered, list)
            wait, decisive, given = map(int, answered)
            assert (wait, decisive, bool(given)) == (
                place.wait,
                place.decisive,
                place.name is not None,
            )
            if given:
                places.append((chosen, place, str(number)))
                for window in chosen:
                    # A set is kept until the last moment in it is a window ago.
                    left = memory._moments[window.key][-1] - now + window.length
                    assert abs(admin.pttl(window.key) * 1000 - left) < 60 * MICROSECONDS
        for window in windows:
            scores = [score for _, score in admin.zrange(window.key, 0, -1, withscores=True)]
            # Those of the past are cleared away at other times.
            kept = memory._moments[window.key]
            assert [s for s in scores if s >= kept[0]] == kept
            assert fullest(scores, window.length) == window.calls


def script_at(now: int) -> str:
    """Return the script with a moment in place of the server's clock."""
    clock = "redis.call('TIME')"
    assert TAKE.count(clock) == 1
    return TAKE.replace(clock, f"{{{now // MICROSECONDS}, {now % MICROSECONDS}}}")


class Gateway:
    """Notes when each request arrived."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []

    def __call__(self, request: Request) -> bytes:
        """Answer with a signed body."""
        self.arrivals.append(time.monotonic())
        return answer(headers=signed_headers(b"{}"), body=b"{}")


def call_from_four(settings: dict[str, Any]) -> list[float]:
    """Let four processes call as fast as they may, and return when their calls arrived."""
    gateway = Gateway()
    with serving(gateway) as server:
        processes = []
        for number in range(4):
            told = {"base_uri": server.base_uri, "path": PATH, "sync": number % 2 == 1, **settings}
            arguments = [sys.executable, "-m", "tests.limiter.caller", json.dumps(told)]
            processes.append(
                subprocess.Popen(
                    arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()
            assert process.returncode == 0
    return gateway.arrivals


def test_four_processes_keep_one_limit_as_the_gateway_sees_it(address: str) -> None:
    """Sync and async calls of four processes arrive at most 20 in any second."""
    told = {"storage": address, "limit": [20, 1], "margin": 1.0, "calls": 12}
    arrivals = call_from_four(told)
    assert len(arrivals) == 48
    assert fullest(arrivals, 1.0) <= 20


def test_the_processes_would_exceed_it_without_a_common_storage() -> None:
    """Each with a limiter of its own, they arrive too many a second: so the test above can fail."""
    arrivals = call_from_four({"storage": None, "limit": [20, 1], "margin": 1.0, "calls": 12})
    assert len(arrivals) == 48
    assert fullest(arrivals, 1.0) > 20
