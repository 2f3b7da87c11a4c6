"""A process of a merchant that calls as fast as its rate limiter lets it: ``SETTINGS`` as JSON.

For every call that is made it prints a line; it begins when it is sent one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any

from tests.support.merchant import client
from wechatpay_chain import Client, RateLimiter


async def call_at_once(ours: Client, calls: int) -> None:
    """Make all calls at the same time, on one loop."""
    node = ours.chain(SETTINGS["path"])
    await asyncio.gather(*(node.post_async(json={}) for _ in range(calls)))


def call_in_threads(ours: Client, calls: int) -> None:
    """Make the calls one after the other in each of four threads."""

    def work() -> None:
        for _ in range(calls // 4):
            ours.chain(SETTINGS["path"]).post(json={})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Wait for the others, then call."""
    limiter = RateLimiter(
        SETTINGS["storage"],
        limits={f"POST {SETTINGS['path']}": tuple(SETTINGS["limit"])},
        margin=SETTINGS["margin"],
    )
    with client(base_uri=SETTINGS["base_uri"], rate_limiter=limiter) as ours:
        print("ready", flush=True)
        sys.stdin.readline()
        if SETTINGS["sync"]:
            call_in_threads(ours, SETTINGS["calls"])
        else:
            asyncio.run(call_at_once(ours, SETTINGS["calls"]))
    limiter.close()


SETTINGS: dict[str, Any] = json.loads(sys.argv[1]) if __name__ == "__main__" else {}
if __name__ == "__main__":
    main()
