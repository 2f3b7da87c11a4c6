"""A process that receives the same notification in many threads, for `test_once`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis

from tests.webhooks.callbacks import Callback, webhooks
from wechatpay_chain.webhooks import Event, RedisSeen


def main(address: str, effects: str, face: str, fails: str, threads: str, times: str) -> None:
    """Say ready, wait for a line, receive, and print each answer's status, the last one last."""
    client = redis.Redis.from_url(address)
    receiver = webhooks(seen=RedisSeen(address))

    def append(line: bytes) -> None:
        file = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line)
        os.close(file)

    @receiver.on("TRANSACTION.SUCCESS")
    def paid(event: Event[Any]) -> None:
        if fails == "1" and client.set("failed", "1", nx=True):
            append(b"failed\n")
            raise ValueError("not this time")
        client.incr("effects")
        append(b"done\n")

    sent = Callback().sent
    together = threading.Barrier(int(threads))

    def deliver(number: int) -> int:
        if number < int(threads):
            together.wait()
        return receiver.receive(*sent).status

    async def deliver_all(count: int) -> list[int]:
        replies = await asyncio.gather(*(receiver.receive_async(*sent) for _ in range(count)))
        return [reply.status for reply in replies]

    print("ready", flush=True)
    sys.stdin.readline()
    count = int(times) - 1
    if face == "async":
        answers = asyncio.run(deliver_all(count))
    else:
        with ThreadPoolExecutor(int(threads)) as pool:
            answers = list(pool.map(deliver, range(count)))
    # As WeChat Pay does: again until it is taken.
    last = receiver.receive(*sent).status
    while last != 200:
        last = receiver.receive(*sent).status
    print(*answers, last)


if __name__ == "__main__":
    main(*sys.argv[1:])
