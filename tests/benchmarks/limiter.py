"""Let four processes call an operation of 200 a minute as fast as they may, for three minutes.

    python -m tests.benchmarks.limiter [--minutes M] [--json]
    python -m tests.benchmarks.limiter --cost [--json]

The sandbox, in a process of its own, notes when each request arrives; the limit is the
one that WeChat Pay documents for the operation, and is counted in a real Redis. What
counts is the most requests in any 60 s. ``--cost`` measures what a limiter costs a call
that has room, in memory and in Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import threading
import time
from bisect import bisect_left
from typing import Any

from aiohttp import web
from redis import asyncio as redis

from tests.support.redis_server import PASSWORD, redis_server
from wechatpay_chain import Client, RateLimiter
from wechatpay_chain.sandbox import Sandbox

LIMIT, WINDOW = 200, 60.0
PROCESSES = 4
IN_FLIGHT = 8
MCHID = "1900000109"
PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"


class NotingSandbox(Sandbox):
    """Notes the moment at which each request arrives, before anything else is done with it."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        super().__init__()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.arrivals.append(time.monotonic())
        return await super()._handle(request)


def body(number: str) -> dict[str, Any]:
    """Return a request that the sandbox accepts."""
    return {
        "out_request_no": number,
        "mchid": MCHID,
        "bal_account_no": "6217000010001234567",
        "punish_scene": 1,
    }


def merchant(settings: dict[str, Any], storage: str, until: float) -> None:
    """Call until the time is up: a process of its own, half of it sync, half async."""
    limiter = RateLimiter(storage)
    with Client(**settings, rate_limiter=limiter) as client:
        node = client.chain(PUNISH)

        def work_sync() -> None:
            while time.monotonic() < until:
                node.post(json=body("sync"))

        async def work_async() -> None:
            while time.monotonic() < until:
                await node.post_async(json=body("async"))

        async def all_async() -> None:
            await asyncio.gather(*(work_async() for _ in range(IN_FLIGHT // 2)))

        threads = [threading.Thread(target=work_sync) for _ in range(IN_FLIGHT // 2)]
        for thread in threads:
            thread.start()
        asyncio.run(all_async())
        for thread in threads:
            thread.join()
    limiter.close()


def fullest(moments: list[float], length: float) -> int:
    """Return the most moments in any stretch of a length that begins at one of them."""
    ordered = sorted(moments)
    return max(bisect_left(ordered, begin + length) - at for at, begin in enumerate(ordered))


def demand(minutes: float) -> dict[str, Any]:
    """Let the processes call, and return what arrived."""
    context = multiprocessing.get_context("spawn")
    with redis_server() as port, NotingSandbox() as gateway:
        one = gateway.identity.merchant
        settings = {
            "mchid": one.mchid,
            "serial": one.serial,
            "private_key": one.private_key_pem,
            "certs": {name: key.pem for name, key in gateway.identity.platform_keys.items()},
            "base_uri": gateway.base_uri,
        }
        storage = f"redis://:{PASSWORD}@127.0.0.1:{port}"
        # The clock is the machine's: CLOCK_MONOTONIC.
        until = time.monotonic() + minutes * 60
        processes = [
            context.Process(target=merchant, args=(settings, storage, until))
            for _ in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            time.sleep(5)
            print(
                f"{max(0, until - time.monotonic()):4.0f} s to go, {len(gateway.arrivals)} arrived",
                file=sys.stderr,
            )
        arrivals = list(gateway.arrivals)
    return {
        "processes": PROCESSES,
        "limit": f"{LIMIT} in {WINDOW:g} s",
        "seconds from first to last": round(max(arrivals) - min(arrivals), 1),
        "requests": len(arrivals),
        "most in any 60 s": fullest(arrivals, WINDOW),
        "ended well": [process.exitcode for process in processes] == [0] * PROCESSES,
    }


async def cost(limiter: RateLimiter, calls: int) -> float:
    """Return microseconds a call that has room."""
    await limiter.acquire("POST", PUNISH, mchid="1")
    begin = time.perf_counter()
    for _ in range(calls):
        await limiter.acquire("POST", PUNISH, mchid="1")
    return (time.perf_counter() - begin) / calls * 1e6


async def ping(address: str, calls: int) -> float:
    """Return microseconds that the least question to Redis takes."""
    async with redis.Redis.from_url(address) as client:
        await client.ping()
        begin = time.perf_counter()
        for _ in range(calls):
            await client.ping()
        return (time.perf_counter() - begin) / calls * 1e6


def costs() -> dict[str, Any]:
    """Measure, in turns, and return the medians."""
    limits = {"*": "1000000/minute", f"POST {PUNISH}": "1000000/minute"}
    found: dict[str, list[float]] = {}
    with redis_server() as port:
        address = f"redis://:{PASSWORD}@127.0.0.1:{port}"
        for _ in range(7):
            for name, storage, some, calls in (
                ("nothing that applies", None, {}, 5000),
                ("in memory, one limit", None, dict(list(limits.items())[:1]), 2000),
                ("in memory, two limits", None, limits, 2000),
                ("in Redis, one limit", address, dict(list(limits.items())[:1]), 1000),
                ("in Redis, two limits", address, limits, 1000),
            ):
                limiter = RateLimiter(storage, limits=some, documented=False)
                found.setdefault(name, []).append(asyncio.run(cost(limiter, calls)))
                limiter.close()
            found.setdefault("a PING of Redis", []).append(asyncio.run(ping(address, 1000)))
    return {f"µs, {name}": round(statistics.median(v), 1) for name, v in found.items()}


def main() -> None:
    """Read the arguments, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = costs() if arguments.cost else demand(arguments.minutes)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
