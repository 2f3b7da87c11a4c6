"""``wechatpay-chain certificates``: PHP's flags and file names, and no key on the screen."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.cli.command import ANSI, COMMAND, PATIENCE, environment, run, run_here, run_on_terminal
from wechatpay_chain.sandbox import Sandbox


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway with two certificates, which sign its answers."""
    with Sandbox() as running:
        running.platform.issue()
        running.platform.sign_with(running.identity.certificate)
        yield running


@pytest.fixture
def place(gateway: Sandbox, tmp_path: Path) -> Path:
    """A directory with the merchant's key, a CA file and the APIv3 key."""
    for name, text in (
        ("apiclient_key.pem", gateway.identity.merchant.private_key_pem),
        ("ca.pem", gateway.platform.ca),
        ("apiv3", gateway.apiv3_key + "\n"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def flags(gateway: Sandbox, place: Path, *more: str, long: bool = False) -> list[str]:
    """Return PHP's flags but for the APIv3 key."""
    merchant = gateway.identity.merchant
    names = ("--mchid", "--serialno", "--privatekey", "--output", "--baseuri")
    if not long:
        names = ("-m", "-s", "-f", "-o", "-u")
    values = (
        merchant.mchid,
        merchant.serial,
        str(place / "apiclient_key.pem"),
        str(place / "out"),
        gateway.base_uri,
    )
    pairs = zip(names, values, strict=True)
    return ["certificates", *(word for pair in pairs for word in pair), *more]


def written(gateway: Sandbox, place: Path) -> None:
    """Check that the files are there, PHP's names on them and nothing beside them."""
    files = sorted((place / "out").iterdir())
    listed = {key.serial: key for key in gateway.identity.listed}
    assert {path.name for path in files} == {f"wechatpay_{serial}.pem" for serial in listed}
    for path in files:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        assert certificate == listed[format(certificate.serial_number, "X")].shown
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("long", [False, True])
def test_phps_flags(gateway: Sandbox, place: Path, long: bool) -> None:
    """PHP's flags, short and long, write PHP's files; a literal key is warned of, and not shown."""
    key = ["--key" if long else "-k", gateway.apiv3_key]
    ended = run_here(*flags(gateway, place, *key, long=long))
    assert ended.returncode == 0, ended.stderr
    written(gateway, place)
    assert ended.stderr.count("\n") == 1
    assert "WECHATPAY_APIV3_KEY" in ended.stderr
    assert gateway.apiv3_key not in ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [key.serial for key in gateway.identity.listed]
    assert all(line.endswith(".pem") and "2115-01-01" in line for line in lines)


def test_phps_other_flags() -> None:
    """-h and -V work without any of the others, as they do in PHP."""
    for flag in ("-h", "--help", "-V", "--version"):
        ended = run_here("certificates", flag)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_a_public_key_that_is_not_set_is_named(place: Path) -> None:
    """A merchant that has both is told which key signed the list, and where to set it."""
    with Sandbox() as gateway:
        ended = run_here(*flags(gateway, place, "-k", f"@{place / 'apiv3'}"))
    assert ended.returncode == 1
    assert gateway.identity.public_key.serial in ended.stderr
    assert "WECHATPAY_PUBLIC_KEY_ID" in ended.stderr


def test_the_key_in_a_file_and_a_ca(gateway: Sandbox, place: Path) -> None:
    """-k @FILE reads the key, --ca checks who issued the certificates; nothing is said."""
    more = ["-k", f"@{place / 'apiv3'}", "--ca", str(place / "ca.pem")]
    ended = run_here(*flags(gateway, place, *more))
    assert (ended.returncode, ended.stderr) == (0, "")
    written(gateway, place)


def test_the_key_from_a_pipe_and_a_document(gateway: Sandbox, place: Path) -> None:
    """-k - reads the key from the standard input; --json prints a document."""
    ended = subprocess.run(
        [*COMMAND, *flags(gateway, place, "-k", "-", "--json", "--global")],
        input=gateway.apiv3_key + "\n",
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    written(gateway, place)
    found = json.loads(ended.stdout)["certificates"]
    assert [one["serial_no"] for one in found] == [key.serial for key in gateway.identity.listed]
    assert found[0]["effective_time"] == "2015-01-01T00:00:00+00:00"
    assert all(Path(one["file"]).is_file() for one in found)
    assert gateway.requests[-1].path == "/v3/global/certificates"


def test_everything_from_the_environment(gateway: Sandbox, place: Path) -> None:
    """What is not given as a flag stands in the environment; the files go to its TMPDIR."""
    merchant = gateway.identity.merchant
    (place / "out").mkdir()
    # A process looks for it once.
    ended = run(
        "certificates",
        WECHATPAY_MCHID=merchant.mchid,
        WECHATPAY_SERIAL=merchant.serial,
        WECHATPAY_PRIVATE_KEY=str(place / "apiclient_key.pem"),
        WECHATPAY_APIV3_KEY=gateway.apiv3_key,
        WECHATPAY_BASE_URI=gateway.base_uri,
        TMPDIR=str(place / "out"),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    written(gateway, place)


def test_on_a_terminal(gateway: Sandbox, place: Path) -> None:
    """A terminal shows a table with a head."""
    more = ["-k", f"@{place / 'apiv3'}"]
    code, output = run_on_terminal(*flags(gateway, place, *more), columns=200)
    assert code == 0
    head = ANSI.sub("", output).splitlines()[0]
    assert head.split("  ")[0] == "serial"
    assert "days left" in head
    assert ANSI.search(output)


def test_a_fault_writes_nothing(gateway: Sandbox, place: Path) -> None:
    """One fault, and there is one line on stderr, exit code 1, and no file."""
    gateway.misbehave("certificates", how="foreign")
    more = ["-k", f"@{place / 'apiv3'}", "--ca", str(place / "ca.pem")]
    ended = run_here(*flags(gateway, place, *more))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "not issued by the authorities" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("key", "words"),
    [("@/no/such/file", "No such file"), ("short", "32 bytes"), (os.devnull, "32 bytes")],
)
def test_a_key_that_is_none(gateway: Sandbox, place: Path, key: str, words: str) -> None:
    """A key that cannot be is named before anything is sent, and is not shown."""
    before = len(gateway.requests)
    ended = run_here(*flags(gateway, place, "-k", key))
    assert ended.returncode == 1
    assert words in ended.stderr
    assert len(gateway.requests) == before
