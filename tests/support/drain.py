"""A server, in a process of its own, that takes and gives files of any size without keeping them.

In its own process, so that the memory that a test measures is the client's alone.

    python -m tests.support.drain KEY SERIAL PAUSE

- POST: answers, signed, the size and SHA-256 of the multipart part named ``file``.
- GET ``/v3/billdownload/file?token=BYTES``: answers so many bytes, unsigned.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import BodyPartReader, web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

STEP = 256 * 1024


def signed(body: bytes, key: RSAPrivateKey, serial: str) -> web.Response:
    """Return a signed answer."""
    timestamp, nonce = str(int(time.time())), "n" * 32
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    }
    return web.Response(body=body, headers=headers)


async def serve(key: RSAPrivateKey, serial: str, pause: float) -> None:
    """Serve until standard input ends; print the port first."""

    async def post(request: web.Request) -> web.StreamResponse:
        hashed, size = hashlib.sha256(), 0
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name == "file":
                while chunk := await part.read_chunk(STEP):
                    hashed.update(chunk)
                    await asyncio.sleep(pause)
                    size += len(chunk)
        body = json.dumps({"size": size, "digest": hashed.hexdigest()}).encode()
        return signed(body, key, serial)

    async def get(request: web.Request) -> web.StreamResponse:
        left = int(request.query["token"])
        response = web.StreamResponse(headers={"Content-Length": str(left)})
        await response.prepare(request)
        while left:
            chunk = bytes(min(left, STEP))
            await response.write(chunk)
            left -= len(chunk)
        return response

    application = web.Application(client_max_size=0)
    application.router.add_post("/{path:.*}", post)
    application.router.add_get("/v3/billdownload/file", get)
    runner = web.AppRunner(application)
    await runner.setup()
    listener = socket.socket()
    # A small window, so that what the client could send was really read.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    print(listener.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@contextmanager
def draining(pause: float = 0.0) -> Iterator[int]:
    """Run the server in a process for as long as the block lasts; give its port.

    It waits `pause` seconds after each piece of an upload.
    """
    from tests.support.merchant import KEYS, PLATFORM_ID

    root = Path(__file__).parents[2]
    arguments = [str(KEYS / "plat_key.pem"), PLATFORM_ID, str(pause)]
    command = [sys.executable, "-m", "tests.support.drain", *arguments]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(process.stdout.readline())  # type: ignore[union-attr]
        finally:
            process.stdin.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    loaded = load_pem_private_key(Path(sys.argv[1]).read_bytes(), None)
    if not isinstance(loaded, RSAPrivateKey):
        raise SystemExit("the key is no RSA key")
    asyncio.run(serve(loaded, sys.argv[2], float(sys.argv[3])))
