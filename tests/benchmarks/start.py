"""Measure what starting costs: the import, and the memory after one call.

    python -m tests.benchmarks.start

Each figure is the best of several processes, with bytecode at hand as it is for an
installed package. The bare client posts one body with aiohttp alone, unsigned; ours
signs, encrypts and verifies, and has looked its operation up in the catalogue.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

from tests.support.merchant import MCHID, MERCHANT_SERIAL, PLATFORM_ID, signed_headers
from tests.support.server import answer, serving

MOST_MS = 15
MOST_MIB = 12

IMPORTS = {
    "aiohttp, cryptography": "import aiohttp, cryptography",
    "wechatpay_chain": "import wechatpay_chain",
    "aiohttp and what is used of cryptography": (
        "import aiohttp, cryptography.x509\n"
        "from cryptography.hazmat.primitives import serialization, ciphers, padding\n"
        "from cryptography.hazmat.primitives.asymmetric import rsa\n"
        "from cryptography.hazmat.primitives.serialization import pkcs12"
    ),
    "wechatpay_chain, and Client": "from wechatpay_chain import Client",
}
TIMED = "import time\nstart = time.perf_counter()\n{}\nprint((time.perf_counter() - start) * 1000)"

BARE = """
import aiohttp, asyncio, cryptography
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.post(BASE + "v3/x", json={"a": 1}) as answer:
            await answer.read()
asyncio.run(main())
"""
OURS = """
from wechatpay_chain import Client, catalogue
client = Client(MCHID, MERCHANT_SERIAL, "tests/vectors/keys/mch_key.pem",
                {PLATFORM_ID: "tests/vectors/keys/plat_pub.pem"}, base_uri=BASE)
client.v3.marketing.favor.coupon_stocks.post(json={"a": 1})
assert catalogue.find("POST", "v3/marketing/favor/coupon-stocks").request
"""
PEAK = """
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)
"""


def best(code: str, rounds: int, cache: str) -> float:
    """Return the least that a program prints in so many processes."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code]
    runs = [subprocess.check_output(command, env=environment) for _ in range(rounds + 1)]
    return min(map(float, runs[1:]))


def main() -> None:
    """Print the figures and what was promised of them."""
    parser = argparse.ArgumentParser(description="Measure the cost of starting.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    body = b"{}"
    with (
        tempfile.TemporaryDirectory() as cache,
        serving(lambda request: answer(headers=signed_headers(body), body=body)) as server,
    ):
        timed = {
            name: best(TIMED.format(code), given.rounds, cache) for name, code in IMPORTS.items()
        }
        base = (
            f"BASE, MCHID, MERCHANT_SERIAL, PLATFORM_ID = {server.base_uri!r}, {MCHID!r}, "
            f"{MERCHANT_SERIAL!r}, {PLATFORM_ID!r}\n"
            "import warnings; warnings.simplefilter('ignore')\n"
        )
        bare = best(base + BARE + PEAK, given.rounds, cache)
        ours = best(base + OURS + PEAK, given.rounds, cache)
    if given.json:
        print(json.dumps({"import_ms": timed, "bare_mib": bare, "ours_mib": ours}))
        return
    for name, figure in timed.items():
        print(f"{figure:7.1f} ms   import {name}")
    print(f"{bare:7.1f} MiB  peak of a bare aiohttp client after one call")
    print(f"{ours:7.1f} MiB  peak of ours: {ours - bare:+.1f} (promised: under {MOST_MIB})")
    print(f"promised: import wechatpay_chain within {MOST_MS} ms of aiohttp and cryptography")


if __name__ == "__main__":
    main()
