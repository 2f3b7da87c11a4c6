"""`wechatpay-chain doctor`: each broken set-up's fault is named, and a healthy one has none."""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_pem_x509_certificate

from tests.cli.account import Account
from tests.cli.command import ANSI, run, run_on_terminal
from tests.support.server import Server, answer
from wechatpay_chain.cli.doctor import CHECKS, examine
from wechatpay_chain.cli.doctor.callback import judge_address
from wechatpay_chain.cli.doctor.examination import Examination, State
from wechatpay_chain.cli.doctor.gateway import judge_clock, judge_echo
from wechatpay_chain.cli.doctor.machine import settings
from wechatpay_chain.cli.doctor.reachability import Answered, Failed, look
from wechatpay_chain.cli.profile import open_profile
from wechatpay_chain.errors import ClientError, RefusedError
from wechatpay_chain.sandbox import MISBEHAVIOURS, Identity, Sandbox, throw_away_identity

MCHID, OTHER = "1900000109", "1900000200"
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SERIAL = "5A" + "0123456789ABCDEF" * 2 + "012345"


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """Return a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """Return the public half of a key as PEM."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def findings(
    account: Account, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, str]]]:
    """Run the doctor; return how it ended, and what it found."""
    ended = account.run("doctor", "--json", *arguments)
    document = json.loads(ended.stdout)
    assert document["passed"] is (ended.returncode == 0)
    for one in document["findings"]:
        # Whatever is not well says what to do.
        assert bool(one["advice"]) is (one["state"] in ("warning", "fault")), one
    return ended, document["findings"]


def of(found: list[dict[str, str]], state: str) -> list[dict[str, str]]:
    """Return the findings of one state."""
    return [one for one in found if one["state"] == state]


@contextmanager
def callback(respond: Any) -> Iterator[str]:
    """Serve a callback address that answers with some bytes."""
    server = Server(respond if callable(respond) else lambda request: respond)
    try:
        yield f"{server.base_uri}notify"
    finally:
        server.close()


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway that speaks TLS, and knows two merchants."""
    with Sandbox(mchids=[OTHER], tls=True) as running:
        yield running


@pytest.fixture
def account(gateway: Sandbox, tmp_path: Path) -> Account:
    """An account of it with which all is well."""
    return Account(gateway, tmp_path / "keys")


def rsa_of_merchant(account: Account) -> rsa.RSAPrivateKey:
    """Return the merchant's private key."""
    return account.gateway.identity.merchant.private_key


Spoil = Callable[[Account], object]

# What is broken → how, the check that must find it, and words of what it must say.
BROKEN: dict[str, tuple[Spoil, str, str]] = {
    "wrong private key": (
        lambda a: a.set(private_key=a.write("other.pem", private_pem(STRANGER))),
        "private_key",
        "not the key of the merchant's certificate",
    ),
    "wrong private key, no certificate to compare with": (
        lambda a: a.set(private_key=a.write("other.pem", private_pem(STRANGER))).drop(
            "merchant_cert", "merchant_key"
        ),
        "private_key",
        "not the key of serial",
    ),
    "a public key for the private one": (
        lambda a: a.set(private_key=str(a.directory / "pub_key.pem")),
        "private_key",
        "is a public key",
    ),
    "no such key file": (
        lambda a: a.set(private_key=str(a.directory / "gone.pem")),
        "private_key",
        "gone.pem",
    ),
    "a key that everybody can read": (
        lambda a: (a.directory / "apiclient_key.pem").chmod(0o644),
        "private_key",
        "everybody on this machine can read",
    ),
    "the merchant's public key for WeChat Pay's": (
        lambda a: a.set(public_key=a.write("own.pem", public_pem(rsa_of_merchant(a)))).drop(
            "[default.certs]"
        ),
        "platform keys",
        "merchant's own",
    ),
    "the merchant's certificate for WeChat Pay's": (
        lambda a: a.set(public_key=str(a.directory / "apiclient_cert.pem")).drop("[default.certs]"),
        "platform keys",
        "merchant's own",
    ),
    "the certificate of another merchant": (
        lambda a: a.set(
            merchant_cert=a.write("other.pem", a.gateway.identity.merchants[OTHER].certificate_pem)
        ),
        "merchant_cert",
        f"'{OTHER}', but mchid is '{MCHID}'",
    ),
    "another mchid": (
        lambda a: a.set(mchid="1900000300"),
        "merchant_cert",
        "mchid is '1900000300'",
    ),
    "another mchid, no certificate to compare with": (
        lambda a: a.set(mchid="1900000300").drop("merchant_cert", "merchant_key"),
        "settings",
        "mchid is not known",
    ),
    "wrong serial": (lambda a: a.set(serial=SERIAL), "serial", "set serial to"),
    "wrong serial, no certificate to compare with": (
        lambda a: a.set(serial=SERIAL).drop("merchant_cert", "merchant_key"),
        "serial",
        "no certificate of that serial",
    ),
    "a public key's id for the serial": (
        lambda a: a.set(serial="PUB_KEY_ID_0119000001090000000000000000").drop(
            "merchant_cert", "merchant_key", "public_key", "public_key_id"
        ),
        "serial",
        "id of WeChat Pay's public key",
    ),
    "the serial in small letters": (
        lambda a: a.set(serial=a.gateway.identity.merchant.serial.lower()).drop(
            "merchant_cert", "merchant_key"
        ),
        "serial",
        "no certificate of that serial",
    ),
    "WeChat Pay's serial for the merchant's": (
        lambda a: a.set(serial=a.gateway.identity.certificate.serial).drop(
            "merchant_cert", "merchant_key"
        ),
        "serial",
        "that of WeChat Pay's certificate",
    ),
    "the merchant's serial for the id": (
        lambda a: a.set(public_key_id=a.gateway.identity.merchant.serial),
        "platform keys",
        "is the serial of the merchant's certificate",
    ),
    "a public key's id for the serial, beside that key": (
        lambda a: a.set(serial=a.gateway.identity.public_key.serial),
        "serial",
        "id of WeChat Pay's public key",
    ),
    "a private key that is none, also for the certificate": (
        lambda a: (a.directory / "apiclient_key.pem").write_text(""),
        "private_key",
        "no key that can be read",
    ),
    "the scheme of brands": (lambda a: a.set(scheme="brand"), "settings", "leave scheme out"),
    "an unknown scheme": (lambda a: a.set(scheme="x"), "settings", "must be one of rsa"),
    "a proxy that is down": (
        lambda a: a.set(proxy=f"http://127.0.0.1:{closed_port()}"),
        "gateway",
        "proxy",
    ),
    "a path for base_uri": (
        lambda a: a.set(base_uri=f"{a.gateway.base_uri}v3/"),
        "gateway",
        "no such operation",
    ),
    "wrong apiv3 key": (lambda a: a.set(apiv3_key="0" * 32), "apiv3_key", "does not open"),
    "apiv3 key too short": (lambda a: a.set(apiv3_key="0" * 31), "apiv3_key", "32 bytes"),
    "wrong v2 secret": (lambda a: a.set(secret="0" * 32), "secret", "v2 refuses our sign"),
    "another key for the id": (
        lambda a: a.set(public_key=a.write("other.pem", public_pem(STRANGER))),
        "platform keys",
        "is another one",
    ),
    "another id for the key": (
        lambda a: a.set(public_key_id="PUB_KEY_ID_0999").drop("[default.certs]"),
        "platform keys",
        "set public_key_id to PUB_KEY_ID_0119000001090000000000000000",
    ),
    "an id without its key": (lambda a: a.drop("public_key"), "settings", "public_key is missing"),
    "a certificate under another serial": (
        lambda a: a.set(certs=f"{SERIAL}={a.directory / 'platform_cert.pem'}"),
        "platform keys",
        "whose own serial is",
    ),
    "no mchid": (lambda a: a.drop("mchid"), "settings", "WECHATPAY_MCHID"),
    "no serial": (lambda a: a.drop("serial"), "settings", "WECHATPAY_SERIAL"),
    "no private key": (
        lambda a: a.drop("private_key", "merchant_key", "merchant_cert"),
        "settings",
        "WECHATPAY_PRIVATE_KEY",
    ),
    "no key of WeChat Pay's": (
        lambda a: a.drop("public_key", "public_key_id", "[default.certs]"),
        "settings",
        "WECHATPAY_PUBLIC_KEY_ID",
    ),
    "a gateway that is down": (
        lambda a: a.set(base_uri=f"https://127.0.0.1:{closed_port()}/"),
        "gateway",
        "Connection refused",
    ),
    "TLS that is not trusted": (lambda a: a.drop("ca_certs"), "gateway", "TLS certificate"),
    "a gateway without a name": (
        lambda a: a.set(base_uri="https://no-such-host.invalid/"),
        "gateway",
        "cannot be resolved",
    ),
    "http to another machine": (
        lambda a: a.set(base_uri="http://192.0.2.1/"),
        "settings",
        "http:// is only for this machine",
    ),
    "a callback that is down": (
        lambda a: a.set(notify_url=f"http://127.0.0.1:{closed_port()}/notify"),
        "callback",
        "Connection refused",
    ),
    "a callback with a query": (
        lambda a: a.set(notify_url="https://example.com/notify?id=1"),
        "callback",
        "has a query",
    ),
    "a passphrase for a key that has none": (
        lambda a: a.set(private_key_passphrase="none").drop("merchant_cert", "merchant_key"),
        "private_key",
        "leave WECHATPAY_PRIVATE_KEY_PASSPHRASE out",
    ),
    "an apiv3 key in quotes": (
        lambda a: a.set(apiv3_key=f'"{a.gateway.apiv3_key}"'),
        "apiv3_key",
        "32 bytes, and not 34",
    ),
    "a keyring's command that fails": (
        lambda a: a.set(apiv3_key_command="false"),
        "apiv3_key",
        "failed with exit code 1",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_named(account: Account, name: str) -> None:
    """Of each broken set-up exactly the broken thing is a fault, and the exit code is 1."""
    spoil, check, words = BROKEN[name]
    if name == "a keyring's command that fails":
        account.drop("apiv3_key_file")
    spoil(account)
    ended, found = findings(account)
    faults = of(found, "fault")
    assert ended.returncode == 1
    assert {one["check"] for one in faults} == {check}, faults
    assert any(words in f"{one['message']} → {one['advice']}" for one in faults), faults


def test_a_file_that_others_can_read_hides_no_other_fault(account: Account) -> None:
    """Who may read a key is no reason for a refusal: what is, is named too."""
    account.set(mchid="1900000300").drop("merchant_cert", "merchant_key")
    (account.directory / "apiclient_key.pem").chmod(0o644)
    _, found = findings(account)
    assert [one["check"] for one in of(found, "fault")] == ["private_key", "settings"]
    assert of(found, "warning") == []


def test_a_mark_before_the_first_letter_is_no_fault(account: Account) -> None:
    """Some editors put a BOM into a profile, or into the file of a secret."""
    for file in (account.profile, account.directory / "apiv3_key.txt"):
        file.write_text(file.read_text(), "utf-8-sig")
    _, found = findings(account)
    assert of(found, "fault") == []


@pytest.mark.parametrize("offset", [-600, 600])
def test_a_clock_that_is_off(tmp_path: Path, offset: int) -> None:
    """A clock ten minutes off is the one fault, either way, and by how much is said."""
    with Sandbox(clock=lambda: time.time() + offset) as gateway:
        ended, found = findings(Account(gateway, tmp_path / "keys"))
    (fault,) = of(found, "fault")
    assert (ended.returncode, fault["check"]) == (1, "clock")
    assert ("behind" if offset > 0 else "ahead of") in fault["message"]
    told = re.search(r"(\d+) s ", fault["message"])
    # As exact as half the way there and back, which on a busy machine takes a while.
    assert told
    assert 590 <= int(told[1]) <= 610


def test_an_expired_certificate(tmp_path: Path) -> None:
    """A merchant's certificate that has expired is named with its last day."""
    made = throw_away_identity(MCHID)
    old = load_pem_x509_certificate(made.certificate_for(MCHID, expired=True).encode())
    merchant = replace(made.merchant, certificate=old, serial=format(old.serial_number, "X"))
    with Sandbox(identity=replace(made, merchant=merchant)) as gateway:
        _, found = findings(Account(gateway, tmp_path / "keys"))
    (fault,) = of(found, "fault")
    assert fault["check"] == "merchant_cert"
    assert "expired on 2016-01-01" in fault["message"]


def only_certificates(account: Account) -> Account:
    """Take the public key out of an account, so that it works with certificates alone."""
    return account.drop("public_key", "public_key_id")


@pytest.mark.parametrize("listed", [True, False])
def test_public_key_mode_with_certificates(tmp_path: Path, listed: bool) -> None:
    """Where only certificates are set, a merchant in public-key mode is told so."""
    made = throw_away_identity(MCHID)
    with Sandbox(identity=made) as gateway:
        account = only_certificates(Account(gateway, tmp_path / "keys"))
    # The gateway itself knows of no certificate any more, or answers with it and lists none.
    strange = replace(made.certificate, serial=SERIAL)
    identity: Identity = made if listed else replace(made, certificate=strange)
    with Sandbox(identity=identity) as gateway:
        gateway.misbehave("status", code=404, path="/v3/certificates", times=None)
        _, found = findings(account.set(base_uri=gateway.base_uri))
    (fault,) = of(found, "fault")
    assert fault["check"] == "platform keys"
    assert "public-key mode" in fault["message"]


CALLBACKS = {
    "200 OK": ("fault", "anybody can report a payment"),
    "204 No Content": ("fault", "anybody can report a payment"),
    "302 Found": ("fault", "redirects"),
    "500 Internal Server Error": ("warning", "500"),
    "404 Not Found": ("warning", "404"),
    "400 Bad Request": ("ok", "400"),
    "401 Unauthorized": ("ok", "401"),
}


@pytest.mark.parametrize("status", CALLBACKS)
def test_callbacks(account: Account, status: str) -> None:
    """What a callback address answers to a POST that is not signed is judged."""
    state, words = CALLBACKS[status]
    with callback(answer(status, Location="https://example.com/")) as url:
        ended, found = findings(account, "--notify-url", url)
    (result,) = [one for one in found if one["check"] == "callback"]
    assert (result["state"], words in result["message"]) == (state, True)
    assert ended.returncode == (1 if state == "fault" else 0)


def test_a_callback_over_tls(account: Account) -> None:
    """A callback behind a certificate that is vouched for, and that refuses, is well."""
    ended, found = findings(account, "--notify-url", f"{account.gateway.base_uri}v3/notify")
    (result,) = [one for one in found if one["check"] == "callback"]
    assert (ended.returncode, result["state"], "401" in result["message"]) == (0, "ok", True)


def test_a_callback_with_an_untrusted_certificate(account: Account, tmp_path: Path) -> None:
    """A callback whose certificate nobody vouches for is a fault."""
    with Sandbox(tls=True) as other:
        mine = Account(other, tmp_path / "other").drop("ca_certs")
        # The callback is behind the same authority, which is not trusted now.
        mine.set(base_uri=f"https://127.0.0.1:{closed_port()}/", notify_url=other.base_uri)
        _, found = findings(mine)
    (result,) = [one for one in found if one["check"] == "callback"]
    assert (result["state"], "TLS certificate" in result["message"]) == ("fault", True)


HEALTHY: dict[str, Spoil] = {
    "all": lambda a: a,
    "public key alone": lambda a: a.drop("[default.certs]"),
    "certificates alone": only_certificates,
    "a directory of certificates": lambda a: only_certificates(a.drop("[default.certs]")).set(
        certs=str(
            Path(
                a.write(
                    f"wechatpay_{a.gateway.identity.certificate.serial}.pem",
                    a.gateway.identity.certificate.pem,
                )
            ).parent
        )
    ),
    "no certificate of the merchant's": lambda a: a.drop("merchant_cert", "merchant_key"),
    "v2 alone": lambda a: a.drop(
        "serial", "private_key", "public_key", "public_key_id", "apiv3_key_file",
        "merchant_cert", "merchant_key", "[default.certs]",
    ),
    "no optional secret": lambda a: a.drop("apiv3_key_file", "secret_file"),
    "a key in a PKCS#12 file's place": lambda a: a.set(
        private_key=(a.directory / "apiclient_key.pem").read_text()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_set_up(account: Account, name: str) -> None:
    """A set-up that works has neither fault nor warning, and its callback is asked once."""
    HEALTHY[name](account)
    asked = []

    def refuse(request: Any) -> bytes:
        asked.append(request)
        return answer("401 Unauthorized")

    with callback(refuse) as url:
        ended, found = findings(account, "--notify-url", url)
    assert (ended.returncode, of(found, "fault"), of(found, "warning")) == (0, [], [])
    (request,) = asked
    assert request.method == "POST"
    assert not any(name.lower().startswith("wechatpay-") for name in request.headers)


def test_a_probe_is_no_fault(tmp_path: Path) -> None:
    """WeChat Pay's own probing with a wrong signature is asked again, and no fault."""
    with Sandbox() as gateway:
        gateway.misbehave("probe", path="/v3/security/echo")
        ended, found = findings(Account(gateway, tmp_path / "keys"))
    assert (ended.returncode, of(found, "fault"), of(found, "warning")) == (0, [], [])


@pytest.mark.parametrize("name", [name for name in MISBEHAVIOURS if name not in ("delay", "gzip")])
def test_a_gateway_that_misbehaves(tmp_path: Path, name: str) -> None:
    """Whatever a gateway answers, the check-up comes to an end and does not call it well."""
    options = {"code": 503} if name == "status" else {}
    with Sandbox() as gateway:
        account = Account(gateway, tmp_path / "keys")
        gateway.misbehave(name, times=None, **options)
        profile = open_profile(argparse.Namespace(profiles=str(account.profile)), {})
        about = Examination(profile)
        results = list(examine(about))
    assert len(results) > len(CHECKS)
    # What a FAIL of v2 says is signed, so our own sign was right.
    states = {one.state for one in results}
    assert ({State.FAULT, State.WARNING} & states == set()) is (name == "business-failure")


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_who_may_read_the_key(account: Account, mode: int) -> None:
    """A key that the group can read is a warning, one that everybody can read is a fault."""
    (account.directory / "apiclient_key.pem").chmod(mode)
    ended, found = findings(account)
    (result,) = [one for one in found if "chmod 600" in one["advice"]]
    assert (ended.returncode, result["state"]) == (
        (0, "warning") if mode == 0o640 else (1, "fault")
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_that_cannot_be_read(account: Account) -> None:
    """A key that this user may not read is a fault that names the file."""
    (account.directory / "apiclient_key.pem").chmod(0o000)
    _, found = findings(account)
    assert "apiclient_key.pem" in of(found, "fault")[0]["message"]


def test_other_files_that_others_can_read(account: Account) -> None:
    """Files with secrets other than keys are warned of too, by name."""
    (account.directory / "apiv3_key.txt").chmod(0o644)
    ended, found = findings(account)
    (result,) = of(found, "warning")
    assert ended.returncode == 0
    assert "apiv3_key.txt" in result["message"]
    assert result["advice"].startswith("chmod 600 ")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mchid": "1 2"}, "mchid must be"),
        ({"proxy": "nonsense"}, "proxy must be"),
        ({"base_uri": "https://["}, "base_uri must be"),
        ({"scheme": "sm2"}, "SM2"),
        ({"v2_public_key": "gone.pem"}, "v2_public_key"),
        ({"private_key_passphrase": "x"}, "not encrypted"),
        ({"merchant_passphrase_command": "false"}, "exit code 1"),
    ],
)
def test_no_fault_goes_unsaid(account: Account, settings: dict[str, str], words: str) -> None:
    """Whatever keeps a client from being made is told, also what no check looks for."""
    if "mchid" in settings:
        account.drop("merchant_cert", "merchant_key")
    ended, found = findings(account.set(**settings))
    assert ended.returncode == 1
    assert any(words in one["message"] for one in of(found, "fault")), found


def test_a_profile_that_cannot_be_read(account: Account) -> None:
    """A profile file that is at fault is a finding like others, also for a program."""
    account.profile.write_text("[default")
    _, found = findings(account)
    assert [one["check"] for one in of(found, "fault")] == ["settings"]
    assert "is no TOML" in found[0]["message"]
    assert account.run("doctor").stdout.startswith("fault    settings")


def test_nothing_is_set(tmp_path: Path) -> None:
    """Without any setting the doctor says what to set, and how."""
    ended = run("doctor", "--json", XDG_CONFIG_HOME=str(tmp_path), WECHATPAY_BASE_URI="http://[")
    found = json.loads(ended.stdout)["findings"]
    told = [one["message"] for one in of(found, "fault")]
    assert ended.returncode == 1
    for name in ("mchid", "serial", "private_key", "WeChat Pay's key"):
        assert f"{name} is missing" in told


def test_lines_in_a_pipe_and_on_a_terminal(account: Account) -> None:
    """A finding is one line: plain in a pipe, in colour on a terminal; the last line counts."""
    account.set(serial=SERIAL)
    ended = account.run("doctor")
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "\x1b" not in ended.stdout
    assert lines[-1] == "1 fault, no warnings"
    assert {line.split()[0] for line in lines[:-2]} == {"ok", "fault", "skipped"}
    (fault,) = [line for line in lines if line.startswith("fault")]
    assert " → set serial to " in fault
    code, written = run_on_terminal("doctor", "--profiles", str(account.profile), columns=200)
    assert code == 0
    assert "\x1b[" in written
    assert "no faults, no warnings" in ANSI.sub("", written)


def test_the_clock_is_judged_with_the_way_in_mind() -> None:
    """An offset within half the way there and back, and the date's whole second, is none."""

    def seen(date: float, before: float, after: float) -> Answered:
        return Answered(401, date, before, after, ("127.0.0.1",), "")

    assert judge_clock(seen(1000.0, 1000.2, 1000.9)).state == "ok"
    # A minute on the way may hide half a minute.
    assert judge_clock(seen(1000.0, 1000.0, 1060.0)).state == "ok"
    assert judge_clock(seen(1000.0, 1040.0, 1040.1)).state == "warning"
    assert judge_clock(seen(1000.0, 1302.0, 1302.1)).state == "fault"
    assert judge_clock(seen(1000.0, 698.0, 698.1)).state == "fault"


def test_a_server_that_never_ends() -> None:
    """One that goes on sending, and never answers, is left when the time is over."""

    def drip(request: Any) -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n"

    context = ssl.create_default_context()
    with callback(drip) as url:
        seen = look(url, clock=time.time, seconds=0.3, context=context)
    assert isinstance(seen, Failed)
    assert seen.step == "answer"


@pytest.mark.parametrize(
    ("message", "detail", "check"),
    [
        ("错误的签名，验签失败", {"field": "signature", "issue": "sign not match"}, "private_key"),
        ("商户证书序列号有误。请使用签名私钥匹配的证书序列号", None, "serial"),
        ("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟", None, "clock"),
        ("商户号不存在", None, "settings"),
        ("Http头Authorization认证类型不正确", None, "settings"),
        ("", None, "private_key"),
    ],
)
def test_what_a_401_means(message: str, detail: Any, check: str) -> None:
    """WeChat Pay's own words on a refused signature lead to the setting that is at fault."""
    error = ClientError("refused", status=401, code="SIGN_ERROR", text=message, detail=detail)
    result = judge_echo(error, {}, "PUB_KEY_ID_")
    assert (result.check, result.state) == (check, "fault")
    explained = judge_echo(error, {}, "PUB_KEY_ID_", is_explained=True)
    assert explained.state == "skipped"


@pytest.mark.parametrize(
    ("status", "state"), [(301, "fault"), (403, "fault"), (404, "fault"), (429, "warning"),
                          (503, "warning")],
)  # fmt: skip
def test_other_refusals(status: int, state: str) -> None:
    """Who answers like that is not WeChat Pay, or has no time."""
    error = RefusedError("refused", status=status)
    assert judge_echo(error, {}, "PUB_KEY_ID_").state == state


@pytest.mark.parametrize(
    ("url", "is_local", "state"),
    [
        ("https://example.com/notify", False, None),
        ("http://127.0.0.1:8000/notify", True, None),
        ("http://example.com/notify", False, "fault"),
        ("https://example.com/notify?shop=1", False, "fault"),
        ("https://example.com/通知", False, "fault"),
        ("/notify", False, "fault"),
        ("https://10.0.0.1/notify", False, "warning"),
        ("https://localhost/notify", False, "warning"),
    ],
)
def test_callback_addresses(url: str, is_local: bool, state: str | None) -> None:
    """An address that WeChat Pay would not take, or could not reach, is told before it is asked."""
    result = judge_address(url, is_local=is_local)
    assert (None if result is None else result.state) == state


def test_who_answers_without_code_or_signature() -> None:
    """A refusal that has nothing of WeChat Pay's is that of something on the way."""
    error = ClientError("refused", status=403)
    result = judge_echo(error, {}, "PUB_KEY_ID_")
    assert (result.check, result.state) == ("gateway", "fault")
    assert "what answers is not WeChat Pay: 403" in result.message
    error = ClientError("refused", status=403, code="NO_AUTH", verified=True)
    assert judge_echo(error, {}, "PUB_KEY_ID_").check == "signature"


@pytest.mark.parametrize(
    ("name", "text"),
    [("mchid", '"1900000109"'), ("serial", "AB\r"), ("private_key", "'apiclient_key.pem'"),
     ("apiv3_key", f"{'0' * 32}\n")],
)  # fmt: skip
def test_what_a_reader_of_env_files_leaves(name: str, text: str) -> None:
    """Quotes and white space around a setting are told; a PEM may have them."""
    variable = f"WECHATPAY_{name.upper()}"
    given = argparse.Namespace(profiles=None, profile=None)
    environment = {"XDG_CONFIG_HOME": "/nowhere", variable: text}
    environment["WECHATPAY_PUBLIC_KEY"] = f'"{public_pem(STRANGER)}"\n'
    found = [one.message for one in settings(Examination(open_profile(given, environment)))]
    assert [one for one in found if "quotes" in one] == [
        f"{variable} has quotes or white space around it"
    ]


def test_no_word_for_what_is_unknown() -> None:
    """An echo that comes back changed is a fault, however well it is signed."""
    with Sandbox() as gateway, gateway.client() as client:
        response = client.v3.security.echo.post(json={"echo_message": "a"})
    assert judge_echo(response, {"echo_message": "a"}, "PUB_KEY_ID_").state == "ok"
    assert judge_echo(response, {"echo_message": "b"}, "PUB_KEY_ID_").state == "fault"
