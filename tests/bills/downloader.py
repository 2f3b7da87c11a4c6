"""One download in a process of its own, which may be told to die in the middle of it.

    python -m tests.bills.downloader SETTINGS TARGET

SETTINGS is JSON: the client's, as `settings_of` makes it, and ``die``: where to be killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wechatpay_chain import Client
from wechatpay_chain.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
DAY = "2024-11-01"


def settings_of(gateway: Sandbox) -> dict[str, Any]:
    """Return the settings of a client for a gateway, as JSON can hold them."""
    merchant, public = gateway.identity.merchant, gateway.identity.public_key
    private = merchant.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = public.private_key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "mchid": merchant.mchid,
        "serial": merchant.serial,
        "private_key": private.decode(),
        "certs": {public.serial: pem.decode()},
        "base_uri": gateway.base_uri,
    }


def start(module: str, settings: dict[str, Any], *arguments: str) -> subprocess.Popen[str]:
    """Start a program of the tests, which gets settings as its first argument."""
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(settings), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def die(*_: object) -> None:
    """End this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return a function that dies before or after it has done its work."""

    def call(*arguments: Any, **more: Any) -> None:
        if after:
            function(*arguments, **more)
        die()

    return call


def main(settings: dict[str, Any], target: Path) -> None:
    """Download a bill, and die where that is wanted: at a byte, or at a step."""
    where = settings.pop("die")
    if where == "fsync":
        os.fsync = dying(os.fsync, after=True)
    elif where == "before":
        Path.replace = dying(Path.replace, after=False)
    elif where == "after":
        Path.replace = dying(Path.replace, after=True)
    from wechatpay_chain.bills import intake

    intake.REPORTS = 10**9

    def progress(done: int, total: int | None) -> None:
        if isinstance(where, int) and done >= where:
            die()

    with Client(**settings) as client:
        client.bills.trade(DAY, gzip=True).download(target, progress=progress)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
