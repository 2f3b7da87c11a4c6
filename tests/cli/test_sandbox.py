"""`wechatpay-chain sandbox`: what it hands out works, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import PATIENCE, Running, environment, run, running
from wechatpay_chain import Client, ClientError

READY = "Requests, as they arrive"
SECRET_TEXT = "台账-plaintext-that-nobody-may-see"


def client_of(started: dict[str, Any], key: str) -> Client:
    """Return a client of what the sandbox printed, with one of its two platform keys."""
    return Client(
        mchid=started["mchid"],
        serial=started["serial"],
        private_key=started["private_key"],
        certs={started[f"{key}_id" if key == "public_key" else f"{key}_serial"]: started[key]},
        apiv3_key=Path(started["apiv3_key"]).read_text("ascii"),
        secret=Path(started["secret"]).read_text("ascii"),
        merchant={"cert": started["merchant_certificate"], "key": started["private_key"]},
        base_uri=started["base_uri"],
        **({} if started["ca"] is None else {"ca_certs": started["ca"]}),
    )


def started(sandbox: Running) -> dict[str, Any]:
    """Return the first line of a sandbox with --json."""
    (line,) = sandbox.lines_to('"event": "started"')
    facts: dict[str, Any] = json.loads(line)
    return facts


@pytest.mark.parametrize("tls", [[], ["--tls"]])
@pytest.mark.parametrize("key", ["public_key", "certificate"])
def test_a_client_of_what_is_printed(key: str, tls: list[str]) -> None:
    """A client made of the printed JSON and files makes a verified call, and each is told."""
    with running("sandbox", "--json", *tls) as sandbox:
        facts = started(sandbox)
        assert facts["base_uri"].startswith("https:" if tls else "http:")
        assert (facts["ca"] is not None) == bool(tls)
        serial = facts["public_key_id" if key == "public_key" else "certificate_serial"]
        with client_of(facts, key) as client:
            echo = client.v3.security.echo
            headers = {"Wechatpay-Serial": serial}
            response = echo.post(json={"echo_message": SECRET_TEXT}, headers=headers)
            assert response.verified
            assert response.json() == {"echo_message": SECRET_TEXT}
            told = json.loads(sandbox.output.readline())
            with pytest.raises(ClientError):
                echo.post(json={}, headers=headers)
            refused = json.loads(sandbox.output.readline())
    assert (told["event"], told["method"], told["path"]) == ("request", "POST", "/v3/security/echo")
    assert (told["ok"], told["problem"]) == (True, None)
    assert refused["ok"] is False
    assert refused["problem"].startswith("PARAM_ERROR")
    assert SECRET_TEXT not in json.dumps([told, refused], ensure_ascii=False)


def test_a_brand(tmp_path: Path) -> None:
    """With --brand what is printed and the profile that is written sign as a brand does."""
    with running("sandbox", "--json", "--brand", "--keys", str(tmp_path / "keys")) as sandbox:
        facts = started(sandbox)
        assert facts["scheme"] == "brand"
        ended = run("request", "post", "v3/security/echo", "-j", '{"echo_message": "a"}',
                    "--profiles", facts["profile"])  # fmt: skip
        assert (ended.returncode, ended.stdout) == (0, '{"echo_message":"a"}\n')
        assert json.loads(sandbox.output.readline())["ok"] is True


@pytest.mark.parametrize("more", [[], ["--tls"], ["--brand"]])
def test_the_snippet_works(more: list[str]) -> None:
    """The printed Python runs as it is, and the request shows as a line without its body."""
    with running("sandbox", *more) as sandbox:
        lines = sandbox.lines_to(READY)
        first = "from wechatpay_chain import Client"
        begin = next(i for i, line in enumerate(lines) if line.startswith(first))
        snippet = "\n".join(lines[begin:-1])
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", snippet],
            capture_output=True,
            encoding="utf-8",
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
        assert (ended.stdout, ended.stderr) == ("True {'echo_message': '你好'}\n", "")
        line = sandbox.output.readline()
    assert line.split()[1:] == ["POST", "/v3/security/echo", "ok"]
    assert "\x1b" not in "".join(lines) + line


def test_asked_misbehaviour_is_told() -> None:
    """A request that asks for trouble shows what it asked for."""
    with running("sandbox", "--json") as sandbox:
        facts = started(sandbox)
        with client_of(facts, "public_key") as client, pytest.raises(ClientError):
            client.v3.security.echo.post(
                json={"echo_message": "?"}, headers={"Sandbox-Misbehave": "status; code=404"}
            )
        assert json.loads(sandbox.output.readline())["misbehaviour"] == "status; code=404"


def test_no_secret_is_printed(tmp_path: Path) -> None:
    """Keys are in files that nobody else reads, and never in the output."""
    keys = tmp_path / "new" / "keys"
    with running("sandbox", "--tls", "--keys", str(keys)) as sandbox:
        printed = "\n".join(sandbox.lines_to(READY))
        private = (keys / "apiclient_key.pem").read_text("ascii")
        apiv3_key = (keys / "apiv3_key.txt").read_text("ascii")
        secret = (keys / "apiv2_key.txt").read_text("ascii")
    assert "PRIVATE KEY" in private
    for name in ("apiclient_cert.pem", "apiv2_key.txt", "ca.pem"):
        assert name in printed
    assert "PRIVATE KEY" not in printed
    assert private.splitlines()[1] not in printed
    assert len(apiv3_key) == len(secret) == 32
    assert apiv3_key not in printed
    assert secret not in printed
    for name in ("apiclient_key.pem", "apiv3_key.txt", "apiv2_key.txt", "profile.toml"):
        assert stat.S_IMODE((keys / name).stat().st_mode) == 0o600
    # Asked for by name, they stay.
    assert {path.name for path in keys.iterdir()} == {
        "apiclient_cert.pem",
        "apiclient_key.pem",
        "apiv2_key.txt",
        "apiv3_key.txt",
        "ca.pem",
        "platform_cert.pem",
        "profile.toml",
        "pub_key.pem",
    }


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)]
)
def test_signals_stop_it(number: signal.Signals, code: int) -> None:
    """A signal ends it without a word, the port is free again, and its keys are gone."""
    with running("sandbox", "--json") as sandbox:
        facts = started(sandbox)
        keys = Path(facts["private_key"]).parent
        assert keys.is_dir()
        sandbox.process.send_signal(number)
        assert sandbox.process.wait(PATIENCE) == code
        assert sandbox.output.read() == ""
        assert sandbox.process.stderr is not None
        assert sandbox.process.stderr.read() == ""
        assert not keys.exists()
        port = int(facts["base_uri"].rstrip("/").rpartition(":")[2])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_nobody_reads_on() -> None:
    """When the reader of its lines leaves, it ends at the next request, and its keys are gone."""
    with running("sandbox", "--json") as sandbox:
        facts = started(sandbox)
        with client_of(facts, "public_key") as client:
            sandbox.output.close()
            client.v3.security.echo.post(json={"echo_message": "?"})
        assert sandbox.process.wait(PATIENCE) == 141
        assert sandbox.process.stderr is not None
        assert sandbox.process.stderr.read() == ""
        assert not Path(facts["private_key"]).parent.exists()


@pytest.mark.parametrize("tls", [[], ["--tls"]])
@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "localhost"])
def test_hosts_are_printed_as_a_client_needs_them(host: str, tls: list[str]) -> None:
    """Whatever it listens on, the printed address works on this machine."""
    if host == "::1":
        try:
            socket.create_server((host, 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("there is no IPv6 here")
    with running("sandbox", "--json", "--host", host, *tls) as sandbox:
        facts = started(sandbox)
        with client_of(facts, "public_key") as client:
            assert client.v3.security.echo.post(json={"echo_message": "?"}).verified


def test_a_port_that_is_taken() -> None:
    """A port that somebody else has is told in one line on stderr."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("sandbox", "--port", str(taken.getsockname()[1]))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("wechatpay-chain: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["apiclient_key.pem", "apiclient_cert.pem", "profile.toml"])
def test_keys_are_never_overwritten(tmp_path: Path, name: str) -> None:
    """A directory with somebody's real keys is left as it is."""
    (tmp_path / name).write_text("real")
    ended = run("sandbox", "--keys", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert name in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "real"
