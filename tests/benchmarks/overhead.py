"""Measure requests a second against hand-written aiohttp that signs and verifies the same call.

    python -m tests.benchmarks.overhead [--rounds N] [--seconds S] [--json]

Both talk to the same canned gateway, in a process of its own, in turns within
one run, so that what else the machine does hits both. A round gives the ratio
of the two; the median over all rounds is what counts. The aim is 0.90 of the
hand-written rate, sync one call at a time and async 32 at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from wechatpay_chain import Client

MCHID, SERIAL, PLATFORM = "1900000109", "3775B6A45ACD588826D15E583A95F5DD00000000", "PUB_KEY_ID_1"
PATH = "/v3/pay/transactions/native"
ORDER = {
    "appid": "wxd678efh567hg6787",
    "mchid": MCHID,
    "description": "Image形象店-深圳腾大-QQ公仔",
    "out_trade_no": "1217752501201407033233368018",
    "notify_url": "https://www.example.com/wxpay/pay.php",
    "amount": {"total": 100, "currency": "CNY"},
}
ANSWER = b'{"code_url":"weixin://wxpay/bizpayurl?pr=8aaf9ngz4"}'
CONCURRENCY = 32


class Canned(asyncio.Protocol):
    """Answers every request with the same signed bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._pending = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request in what has come."""
        self._pending += data
        while True:
            head, separator, rest = self._pending.partition(b"\r\n\r\n")
            if not separator:
                return
            length = 0
            for line in head.split(b"\r\n"):
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self._pending = rest[length:]
            self._transport.write(self._answer)


def gateway(answer: bytes, ready: Any) -> None:
    """Serve until killed: the process of its own."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: Canned(answer), "127.0.0.1", 0
        )
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def canned_answer(key: rsa.RSAPrivateKey) -> bytes:
    """Return a signed answer, good for five minutes."""
    stamp, nonce = str(int(time.time()) + 240), "c5ac7061fccab6bf3e254dcf98995b8c"
    message = f"{stamp}\n{nonce}\n".encode() + ANSWER + b"\n"
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(ANSWER)}\r\nRequest-ID: 08F78BB5AF0610D302189CE8\r\n"
        f"Wechatpay-Timestamp: {stamp}\r\nWechatpay-Nonce: {nonce}\r\n"
        f"Wechatpay-Serial: {PLATFORM}\r\n"
        f"Wechatpay-Signature: {base64.b64encode(signature).decode()}\r\n\r\n"
    ).encode() + ANSWER


class ByHand:
    """What somebody writes who needs this one call: sign, send, verify."""

    def __init__(self, base: str, key: rsa.RSAPrivateKey, platform: rsa.RSAPublicKey) -> None:
        self._url = base.rstrip("/") + PATH
        self._key = key
        self._platform = platform

    async def call(self, session: aiohttp.ClientSession) -> Any:
        """Make the call."""
        body = json.dumps(ORDER, ensure_ascii=False, separators=(",", ":")).encode()
        stamp, nonce = str(int(time.time())), os.urandom(16).hex()
        message = f"POST\n{PATH}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{MCHID}",nonce_str="{nonce}",timestamp="{stamp}",'
            f'serial_no="{SERIAL}",signature="{base64.b64encode(signature).decode()}"'
        )
        headers = {
            "Authorization": authorization,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        async with session.post(self._url, data=body, headers=headers) as answer:
            raw = await answer.read()
            got = answer.headers
        if got["Wechatpay-Serial"] != PLATFORM:
            raise ValueError("unknown serial")
        if abs(time.time() - int(got["Wechatpay-Timestamp"])) > 300:
            raise ValueError("clock")
        signed = f"{got['Wechatpay-Timestamp']}\n{got['Wechatpay-Nonce']}\n".encode() + raw + b"\n"
        self._platform.verify(
            base64.b64decode(got["Wechatpay-Signature"]),
            signed,
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
        return json.loads(raw)


async def rate(call: Callable[[], Awaitable[Any]], workers: int, seconds: float) -> float:
    """Return calls a second of so many workers."""
    done = 0
    end = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(workers)))
    return done / (time.perf_counter() - start)


def sync_rate(client: Client, seconds: float) -> float:
    """Return calls a second of the sync face, one at a time."""
    done = 0
    start = time.perf_counter()
    while time.perf_counter() < start + seconds:
        client.v3.pay.transactions.native.post(json=ORDER).json()
        done += 1
    return done / (time.perf_counter() - start)


async def one(by_hand: ByHand, workers: int, seconds: float) -> float:
    """Return the hand-written rate."""
    async with aiohttp.ClientSession() as session:
        await by_hand.call(session)
        return await rate(lambda: by_hand.call(session), workers, seconds)


async def ours(client: Client, seconds: float) -> float:
    """Return the rate of the async face."""

    async def call() -> None:
        (await client.v3.pay.transactions.native.post_async(json=ORDER)).json()

    await call()
    return await rate(call, CONCURRENCY, seconds)


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Run all rounds and return the figures."""
    merchant = rsa.generate_private_key(65537, 2048)
    platform = rsa.generate_private_key(65537, 2048)
    receiving, sending = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=gateway, args=(canned_answer(platform), sending), daemon=True)
    process.start()
    base = f"http://127.0.0.1:{receiving.recv()}/"
    by_hand = ByHand(base, merchant, platform.public_key())
    certs = {PLATFORM: platform.public_key()}
    rates: dict[str, list[float]] = {
        "sync by hand": [],
        "sync": [],
        "async by hand": [],
        "async": [],
    }
    with Client(MCHID, SERIAL, merchant, certs, base_uri=base) as client:
        client.v3.pay.transactions.native.post(json=ORDER)
        for number in range(rounds):
            rates["sync by hand"].append(asyncio.run(one(by_hand, 1, seconds)))
            rates["sync"].append(sync_rate(client, seconds))
            rates["async by hand"].append(asyncio.run(one(by_hand, CONCURRENCY, seconds)))
            rates["async"].append(asyncio.run(ours(client, seconds)))
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    process.terminate()
    process.join()
    return {
        "rates": {name: round(statistics.median(found)) for name, found in rates.items()},
        "sync ratio": round(ratio(rates["sync"], rates["sync by hand"]), 3),
        "async ratio": round(ratio(rates["async"], rates["async by hand"]), 3),
    }


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Read the arguments, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds, arguments.seconds)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found["rates"].items():
        print(f"{name:15} {value:6} requests/s")
    for face, how in (("sync", "one at a time"), ("async", f"{CONCURRENCY} at a time")):
        print(f"{face:15} {found[f'{face} ratio']:6} of hand-written aiohttp, {how}")


if __name__ == "__main__":
    main()
