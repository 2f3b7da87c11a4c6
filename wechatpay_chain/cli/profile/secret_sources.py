"""Secrets that are kept elsewhere: printed by a command such as a keyring's, or in a file."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from wechatpay_chain.cli.profile.settings import SETTINGS, Form
from wechatpay_chain.cli.profile.sources import Source
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import KeyFileWarning
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.warning import warn

__all__ = ["SECONDS", "fetch"]

SECONDS = 60
"""How long a command may take: somebody may have to type a passphrase meanwhile."""

_SHELL = {"|", "||", "&", "&&", "<", ">", ">>", "2>&1", "2>/dev/null"}
_HIDDEN = {setting.variable() for setting in SETTINGS if setting.kind.is_hidden}


@without_frames
def fetch(source: Source, environment: Mapping[str, str]) -> Sensitive[str]:
    """Return the secret that a command prints or a file holds, less the end of its last line.

    No error's traceback shows the environment, in which secrets may be.

    Raises:
        ConfigurationError: the command failed or took too long, or the file cannot be read, or
            there is nothing in it. The message never holds what was printed.
    """
    read = _run(source, environment) if source.form is Form.COMMAND else _read(source)
    try:
        # Some editors put a mark (BOM) before the first letter.
        text = Sensitive(read.reveal().decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise ConfigurationError(f"{source.origin} gave what is no text")
    lines = len(text.reveal().splitlines())
    if not lines:
        raise ConfigurationError(f"{source.origin} gave nothing")
    if lines > 1 and not source.setting.kind.is_file:
        raise ConfigurationError(f"{source.origin} gave {lines} lines, but a secret is one line")
    return text


def _run(source: Source, environment: Mapping[str, str]) -> Sensitive[bytes]:
    try:
        words = shlex.split(source.value.reveal())
    except ValueError:
        words = []
    if not words:
        raise ConfigurationError(f"{source.origin} is no command: check its quotes")
    # It needs none of the other secrets, and neither do the programs that it runs.
    kept = {name: value for name, value in environment.items() if name not in _HIDDEN}
    process, problem = None, ""
    try:
        process = subprocess.Popen(  # noqa: S603 - it is the user's own, and no shell reads it
            words,
            # Not ours: what is to be sent may come from there.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=kept,
            cwd=source.base,
        )
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "no such command"
    # Raised out here, so that what was printed is in no traceback.
    if process is None:
        raise ConfigurationError(f"{source.origin}: the command could not be run: {problem}")
    printed = _output(process)
    if printed is None:
        raise ConfigurationError(f"{source.origin}: the command took longer than {SECONDS} s")
    if process.returncode:
        hint = "; no shell reads it: write sh -c '…'" if _is_for_shell(words) else ""
        raise ConfigurationError(
            f"{source.origin}: the command failed with exit code {process.returncode}{hint}"
        )
    return printed


def _is_for_shell(words: list[str]) -> bool:
    """Tell whether a command has words in it that only a shell understands."""
    return any(word in _SHELL or word.startswith("$") or word.endswith(";") for word in words)


def _output(process: subprocess.Popen[bytes]) -> Sensitive[bytes] | None:
    """Return what a command prints, None if it takes too long; it has ended then, come what may."""
    try:
        return Sensitive(process.communicate(timeout=SECONDS)[0])
    except subprocess.TimeoutExpired:
        return None
    finally:
        # On Ctrl-C too.
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read(source: Source) -> Sensitive[bytes]:
    path = source.base / Path(source.value.reveal()).expanduser()
    try:
        content = Sensitive(path.read_bytes())
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "no file name"
        raise ConfigurationError(f"{source.origin}: {path} cannot be read ({problem})") from None
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"{path} holds a secret and can be read by others: chmod 600 {path}", KeyFileWarning)
    return content
