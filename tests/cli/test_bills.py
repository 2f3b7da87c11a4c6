"""`wechatpay-chain bills`: a bill from the shell, checked, in lines, rows or JSON."""

from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bills.downloader import settings_of
from tests.cli.command import ANSI, COMMAND, PATIENCE, environment, run_here, watched
from wechatpay_chain.sandbox import Sandbox

DAY = "2024-11-01"
TEXT = "交易时间,商品名称\r\n`2026,`苹果\t\x1b[31m,梨\r\n总交易单数\r\n`1\r\n"


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    """A gateway that gives one bill."""
    with Sandbox() as gateway:
        yield gateway


@pytest.fixture
def gateway(started: Sandbox) -> Iterator[Sandbox]:
    """The gateway, with its bill told anew."""
    started.bill(content=TEXT.encode())
    yield started
    started.clear()
    started.behave()


@pytest.fixture
def settings(gateway: Sandbox) -> dict[str, str]:
    """The environment that a client of the gateway is made from."""
    told = settings_of(gateway)
    (key_id, key), *_ = told["certs"].items()
    return {
        "WECHATPAY_MCHID": told["mchid"],
        "WECHATPAY_SERIAL": told["serial"],
        "WECHATPAY_BASE_URI": told["base_uri"],
        "WECHATPAY_PUBLIC_KEY_ID": key_id,
        "WECHATPAY_PUBLIC_KEY": key,
        "WECHATPAY_PRIVATE_KEY": told["private_key"],
    }


def test_a_bill_goes_into_a_file(settings: dict[str, str], tmp_path: Path) -> None:
    """One plain line says where it is, its hash, and that it is verified."""
    target = tmp_path / "trade.csv"
    ended = run_here("bills", "trade", DAY, "-o", str(target), **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    line = ended.stdout.splitlines()
    assert len(line) == 1
    assert line[0].startswith(f"{target}  {len(TEXT.encode())} bytes  SHA-1 ")
    assert line[0].endswith("  verified")
    assert target.read_bytes() == TEXT.encode()


def test_a_bill_goes_into_a_directory(
    gateway: Sandbox, settings: dict[str, str], tmp_path: Path
) -> None:
    """With --json one document; the request has what the options say."""
    ended = run_here("bills", "trade", DAY, "--type", "REFUND", "--gzip", "--keep-gzip", "--json",
                "--field", "sub_mchid=19", "-o", str(tmp_path), **settings)  # fmt: skip
    told = json.loads(ended.stdout)
    target = tmp_path / "tradebill-REFUND-19-2024-11-01.csv.gz"
    assert (told["path"], told["packed"], told["verified"]) == (str(target), True, True)
    assert gzip.decompress(target.read_bytes()).decode() == TEXT
    assert gateway.requests[0].target == (
        f"/v3/bill/tradebill?tar_type=GZIP&bill_date={DAY}&sub_mchid=19&bill_type=REFUND"
    )


def test_a_checked_bill_goes_to_stdout(settings: dict[str, str], tmp_path: Path) -> None:
    """`-o -` prints the bill and nothing else, and makes no file of that name."""
    ended = run_here("bills", "trade", DAY, "-o", "-", cwd=tmp_path, **settings)
    assert (ended.returncode, ended.stdout) == (0, TEXT.replace("\r\n", "\n"))
    assert ended.stderr.endswith("  verified\n")
    assert list(tmp_path.iterdir()) == []


def test_a_bill_that_is_wrong_is_not_printed(gateway: Sandbox, settings: dict[str, str]) -> None:
    """What goes into a pipe was checked before, all of it."""
    gateway.bill(content=TEXT.encode(), wrong_hash=True)
    ended = run_here("bills", "trade", DAY, "-o", "-", **settings)
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_refusal_says_which_field(settings: dict[str, str], tmp_path: Path) -> None:
    """WeChat Pay's own detail is shown: "a parameter is wrong" helps nobody."""
    ended = run_here("bills", "sub-merchant-fund-flow", DAY, "-o", str(tmp_path), **settings)
    assert ended.returncode == 1
    assert "sub_mchid" in ended.stderr.splitlines()[1]


def test_rows_are_printed(settings: dict[str, str], tmp_path: Path) -> None:
    """Tab-separated, or JSON a line; nobody's order can act on the terminal."""
    plain = run_here("bills", "fund-flow", DAY, "--rows", **settings)
    assert plain.stdout.splitlines() == [
        "交易时间\t商品名称", "2026\t苹果  [31m,梨", "总交易单数", "1"
    ]  # fmt: skip
    (tmp_path / "x.gz").write_bytes(gzip.compress(TEXT.encode()))
    for ended in (run_here("bills", "trade", DAY, "--rows", "--json", **settings),
                  run_here("bills", "rows", str(tmp_path / "x.gz"), "--json")):  # fmt: skip
        assert [json.loads(line) for line in ended.stdout.splitlines()] == [
            {"kind": "detail", "row": {"交易时间": "2026", "商品名称": "苹果\t\x1b[31m,梨"}},
            {"kind": "total", "row": {"总交易单数": "1"}},
        ]
    # Where the output has no such letters, none of them is lost.
    bare = {**settings, "PYTHONIOENCODING": "ascii"}
    ended = run_here("bills", "trade", DAY, "--rows", "--json", **bare)
    assert json.loads(ended.stdout.splitlines()[1])["row"] == {"总交易单数": "1"}


def test_an_address_is_fetched(gateway: Sandbox, settings: dict[str, str], tmp_path: Path) -> None:
    """With its hash it is verified, without one the line says that it is not."""
    with gateway.client() as client:
        told = client.v3.bill.tradebill.get(query={"bill_date": DAY}).json()
    url, target = told["download_url"], str(tmp_path / "x")
    good = run_here("bills", "get", url, "--sha1", told["hash_value"], "-o", target, **settings)
    assert good.stdout.endswith("  verified\n")
    bare = run_here("bills", "get", url, "-o", target, **settings)
    assert bare.stdout.endswith("not verified: no hash was promised\n")
    Path(target).unlink()
    wrong = run_here("bills", "get", url, "--sha1", "0" * 40, "-o", target, **settings)
    assert wrong.returncode == 1
    assert "begin again" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
    assert url.partition("token=")[2] not in wrong.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["trade", "2999-01-01"], 1, "no bill of 2999-01-01 yet"),
        (["trade", "20241101"], 1, "a day such as"),
        (["get", "v3/bill/tradebill"], 1, "begins with https://"),
        (["get", "https://evil.example/x?token=T"], 1, "neither WeChat Pay's"),
        (["trade", "--field", "x"], 2, "NAME=VALUE"),
        (["trade", "--type", "SOME"], 2, "invalid choice"),
        ([], 2, "BILL"),
        (["rows", "/no/such/file"], 1, "No such file"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], code: int, words: str, settings: dict[str, str], tmp_path: Path
) -> None:
    """A wrong call ends with one line and its code, and nothing is written."""
    where = ["-o", str(tmp_path)] if arguments and arguments[0] != "rows" else []
    ended = run_here("bills", *arguments, *where, **settings)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bill_without_totals_is_not_complete(tmp_path: Path) -> None:
    """Rows that were printed before do not make it a success."""
    (tmp_path / "x").write_text("a,b\n`1,`2\n", "utf-8")
    ended = run_here("bills", "rows", str(tmp_path / "x"))
    assert (ended.returncode, ended.stdout) == (1, "a\tb\n1\t2\n")
    assert "without totals" in ended.stderr
    assert run_here("bills", "rows", str(tmp_path / "x"), "--no-totals").returncode == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("more", [["-o", "trade.csv"], ["--rows"], ["-o", "-"]])
def test_who_is_told_to_end_leaves_nothing(
    gateway: Sandbox, settings: dict[str, str], tmp_path: Path, name: str, more: list[str]
) -> None:
    """Neither where the bill would go nor among temporary files, where nobody would look."""
    gateway.bill(30 * 1024 * 1024, compressible=False, pause=0.05)
    with (
        subprocess.Popen(
            [*COMMAND, "bills", "trade", DAY, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(**settings, TMPDIR=str(tmp_path)),
        ) as process,
        watched(process),
    ):
        while not [path for path in tmp_path.rglob("*.part") if path.stat().st_size]:
            assert process.poll() is None
        process.send_signal(signal.Signals[name])
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_sees_a_bar(gateway: Sandbox, settings: dict[str, str], tmp_path: Path) -> None:
    """On a terminal progress is shown, on stderr, so that the line can be piped."""
    gateway.bill(30 * 1024 * 1024)
    ours, theirs = pty.openpty()
    command = [*COMMAND, "bills", "trade", DAY, "-o", str(tmp_path / "x")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment(**settings)
    ) as process:
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    part = terminal.read(65536)
                except OSError:
                    break
                if not part:
                    break
                shown += part
        written = process.stdout.read() if process.stdout else b""
    assert process.returncode == 0
    assert b"MB" in ANSI.sub("", shown.decode()).encode()
    assert written.endswith(b"  verified\n")
    assert b"\x1b" not in written
