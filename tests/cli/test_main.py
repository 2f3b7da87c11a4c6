"""The command as such: versions, help, and what is said when it cannot go on."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, environment, run, running


def test_version() -> None:
    """--version names the installed version."""
    ended = run("--version")
    assert (ended.returncode, ended.stdout) == (
        0,
        f"wechatpay-chain {version('wechatpay-chain')}\n",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["api", "bills", "certificates", "demo", "doctor", "request", "微信支付"]),
        (["api", "--help"], ["--method", "--limit", "--all", "--json"]),
        (["certificates", "--help"], ["--mchid", "--key", "--ca", "--global", "--json"]),
        (["demo", "--help"], ["--json"]),
        (["doctor", "--help"], ["--notify-url", "--profile", "--profiles", "--json"]),
        (["sandbox", "--help"], ["--port", "--host", "--keys", "--json"]),
    ],
)
def test_help_is_short_and_names_what_there_is(arguments: list[str], words: list[str]) -> None:
    """--help fits on a screen and names commands and options."""
    ended = run(*arguments, COLUMNS="80")
    assert ended.returncode == 0
    assert len(ended.stdout.splitlines()) < 35
    assert [word for word in words if word not in ended.stdout] == []
    bare = run(*arguments, COLUMNS="80", PYTHONIOENCODING="ascii")
    assert (bare.returncode, bare.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["demo", "--nonsense"],
        ["sandbox", "--port", "many"],
        ["sandbox", "--port", "65536"],
        ["sandbox", "--port", "-1"],
        ["sandbox", "--host", "a" * 70],
    ],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    """Wrong arguments exit with 2 and a usage on stderr, without a traceback."""
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: wechatpay-chain")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("package", ["rich", "pygments"])
def test_missing_rich(package: str) -> None:
    """Without rich, or what it needs, one line names the extra, and the exit code is 1."""
    program = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from wechatpay_chain.cli import main\n"
        "sys.exit(main(['demo']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert "pip install 'wechatpay-chain[cli]'" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [["certificates"], ["bills", "trade"], ["bills", "rows", "none"], ["request", "get", "v3"],
     ["doctor"], ["api", "no-such-word-anywhere"], ["sandbox", "--keys", "/dev/null/keys"]],
    ids=" ".join,
)  # fmt: skip
def test_errors_are_documents_too(tmp_path: Path, arguments: list[str]) -> None:
    """With --json an error is one JSON document as well, on one line where rows would be."""
    ended = run(*arguments, "--json", XDG_CONFIG_HOME=str(tmp_path))
    told = json.loads(ended.stdout)
    assert ended.returncode in (1, 4)
    if arguments[0] not in ("doctor", "api"):
        assert told["error"]["message"] in ended.stderr
        assert told["error"].keys() == {"class", "message", "sent"}


def test_nobody_reads_on() -> None:
    """When the reader of a pipe leaves, as `head` does, the command ends without a word."""
    with running("demo") as demo:
        assert len(demo.lines_to("POST v3/")) == 1
        demo.output.close()
        assert demo.process.wait(PATIENCE) == 141
        assert demo.process.stderr is not None
        assert demo.process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--json"], ["sandbox"], ["api"]])
def test_output_cannot_be_written(arguments: list[str]) -> None:
    """A full disk is told in one line on stderr."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "wechatpay_chain.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 1
    assert (ended.stderr.count("\n"), "No space left" in ended.stderr) == (1, True)
