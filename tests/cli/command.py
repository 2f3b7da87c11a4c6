"""The real command: in this process, or in one of its own, in a pipe, on a terminal, running on."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import IO, Any

import pytest

from wechatpay_chain.cli import main

COMMAND = [sys.executable, "-W", "error", "-m", "wechatpay_chain.cli"]
PATIENCE = 60
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_COLOUR_SETTINGS = {"FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"}


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment, less what decides about colours."""
    kept = {name: value for name, value in os.environ.items() if name not in _COLOUR_SETTINGS}
    return {**kept, "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color", **more}


def run(
    *arguments: str, stdin: str | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, its output in pipes."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        input=stdin,
        encoding="utf-8",
        env=environment(**more),
        timeout=PATIENCE,
        cwd=cwd,
        check=False,
    )


def run_here(
    *arguments: str, stdin: str | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end as `run` does, but in this process, which takes a tenth of it."""
    given = stream(stdin or "")
    with (
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(stream()) as out,
        redirect_stderr(stream()) as err,
    ):
        for name in set(os.environ) - set(environment()):
            patched.delenv(name)
        for name, value in environment(**more).items():
            patched.setenv(name, value)
        patched.setattr(sys, "stdin", given)
        patched.chdir(cwd or Path.cwd())
        try:
            code: Any = main(arguments)
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(arguments, code, written(out), written(err))


def stream(text: str = "") -> io.TextIOWrapper:
    """Return a stream such as a program's own, with bytes below it."""
    return io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")


def written(out: io.TextIOWrapper) -> str:
    """Return what was written to a stream, its line ends as a pipe's reader sees them."""
    out.flush()
    out.seek(0)
    return out.read()


def run_on_terminal(*arguments: str, columns: int = 80) -> tuple[int, str]:
    """Run the command to its end on a terminal; return its exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(COLUMNS=str(columns)),
    )
    os.close(theirs)
    with watched(process), os.fdopen(ours, "rb", buffering=0) as terminal:
        written = b"".join(iter(lambda: _read(terminal), b""))
    return process.returncode, written.decode()


class Running:
    """A command that goes on until it is told to stop."""

    def __init__(self, process: subprocess.Popen[str], output: IO[str]) -> None:
        self.process = process
        self.output = output

    def lines_to(self, marker: str) -> list[str]:
        """Return the lines up to and with the first that has the marker in it."""
        lines = []
        for line in self.output:
            lines.append(line.rstrip("\n"))
            if marker in line:
                return lines
        code = self.process.wait(PATIENCE)
        said = self.process.stderr.read() if self.process.stderr is not None else ""
        raise AssertionError(f"it ended with {code} before {marker!r}: {lines} {said}")


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    """Start the command, its output in pipes, and see to it that it ends."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        with watched(process), process.stdout, process.stderr:
            yield Running(process, process.stdout)
            # The rest is what the test did not read.
            process.terminate()
    finally:
        process.kill()
        process.wait()


@contextmanager
def watched(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[None]:
    """Wait for a process at the end; kill one that takes for ever, so that no read blocks."""
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        yield
        process.wait(PATIENCE)
    finally:
        watchdog.cancel()


def _read(terminal: IO[bytes]) -> bytes:
    try:
        return terminal.read(65536)
    except OSError as error:
        # What Linux says when the other end of a terminal was closed.
        if error.errno == errno.EIO:
            return b""
        raise
