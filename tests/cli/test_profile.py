"""Profiles: where settings come from, which wins, and that no secret shows on the way."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.cli.account import Account
from tests.cli.command import environment, run
from wechatpay_chain.cli.profile import open_client, open_profile, secret_sources
from wechatpay_chain.cli.profile.settings import SETTINGS, Form, Kind
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import KeyFileWarning
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.sandbox import Sandbox

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without settings, and a home without a profile file."""
    for name in list(os.environ):
        if name.startswith("WECHATPAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    """A running gateway."""
    with Sandbox() as running:
        yield running


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file with a mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def arguments(file: Path | None = None, name: str | None = None) -> argparse.Namespace:
    """Return what a parser gives for --profiles and --profile."""
    return argparse.Namespace(profiles=None if file is None else str(file), profile=name)


def refusal(file: Path | None = None, name: str | None = None, **client: Any) -> str:
    """Return what is said of a profile that cannot be used; no frame of it shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        open_client(arguments(file, name), **client)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert SECRET not in shown
    return str(caught.value)


def test_a_client_of_the_sandbox_profile(gateway: Sandbox, tmp_path: Path) -> None:
    """The profile that the sandbox writes makes a client as it is, from any directory."""
    account = Account(gateway, tmp_path / "keys")
    with open_client(arguments(account.profile)) as client:
        response = client.v3.security.echo.post(json={"echo_message": "你好"})
        assert response.verified
        assert "Sensitive" not in repr(client)


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later wins: the default table of the file, or the one that is named, then the environment."""
    file = write(
        tmp_path / "profiles.toml",
        '[default]\nmchid = "1"\nserial = "AA"\n[other]\nmchid = "2"\nbase_uri = "https://x/"\n',
    )
    assert open_profile(arguments(file)).text("mchid") == "1"
    monkeypatch.setenv("WECHATPAY_PROFILE", "other")
    assert open_profile(arguments(file)).text("mchid") == "2"
    assert open_profile(arguments(file)).text("serial") is None
    assert open_profile(arguments(file, "default")).text("mchid") == "1"
    monkeypatch.setenv("WECHATPAY_MCHID", "3")
    monkeypatch.setenv("WECHATPAY_BASE_URI", "")
    profile = open_profile(arguments(file))
    assert (profile.text("mchid"), profile.text("base_uri")) == ("3", "https://x/")
    assert profile.origins["mchid"] == "WECHATPAY_MCHID"
    assert profile.origins["base_uri"] == f"base_uri in [other] of {file}"


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word the file in the configuration directory counts, and may be missing."""
    assert open_profile(arguments()).origins == {}
    write(tmp_path / "config/wechatpay-chain/profiles.toml", '[default]\nmchid = "1"\n')
    assert open_profile(arguments()).text("mchid") == "1"
    other = write(tmp_path / "other.toml", '[default]\nmchid = "2"\n')
    monkeypatch.setenv("WECHATPAY_PROFILES", str(other))
    assert open_profile(arguments()).text("mchid") == "2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[default]\nserail = 'A'\n", "did you mean serial?"),
        ("[default]\nmchid = 1\n", "must be text"),
        ("mchid = '1'\n", "stands in no table"),
        ("[default\n", "is no TOML: at line 1"),
        ("[other]\nmchid = '1'\n", "there are other"),
        ("", "there is none"),
        (f"[default]\nsecret = '{SECRET}'\nsecret_command = 'true'\n", "secret is given twice"),
        (f"[default]\nsecret = '{SECRET}\n", "is no TOML"),
        ("[default]\nmchid_command = 'true'\n", "there is no setting 'mchid_command'"),
        ("[default]\npublic_key = 'a.pem'\nmchid='1'\n", "public_key_id is missing"),
        ("[default]\nscheme = 'none'\nmchid='1'\n", "scheme must be one of rsa, brand, sm2"),
        ("[default]\nmerchant_key = 'a.pem'\nmchid='1'\n", "merchant_cert is missing"),
        ("[default]\ncerts = 'nowhere'\nmchid='1'\n", "is no directory"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    """What is wrong with a profile file is said, with the file's name."""
    file = write(tmp_path / "profiles.toml", text)
    # Nothing else is missing.
    said = refusal(file, serial="A", private_key="k", refresh=True)
    assert words in said
    assert "profiles.toml" in said


def test_what_is_named_must_be_there(tmp_path: Path) -> None:
    """A file or a profile that somebody names and that is not there is never passed over."""
    assert "there is no profile file" in refusal(tmp_path / "none.toml")
    assert "there is no profile file" in refusal(name="shop")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["mchid", "serial", "private_key", "public_key_id"])
def test_a_missing_setting(gateway: Sandbox, tmp_path: Path, name: str) -> None:
    """A setting that is missing is named as it is called in the environment and in the file."""
    account = Account(gateway, tmp_path / "keys").drop(
        "merchant_cert", "merchant_key", "[default.certs]", name, f"{name.removesuffix('_id')}"
    )
    said = refusal(account.profile)
    assert f"WECHATPAY_{name.upper()}" in said
    assert f"[default] of {account.profile}" in said


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has set nothing learns in one line what to set, and no command was run for the rest."""
    monkeypatch.setenv("WECHATPAY_PRIVATE_KEY_COMMAND", "false")
    said = refusal()
    assert said.startswith("mchid, serial and WeChat Pay's key are missing: set WECHATPAY_MCHID, ")
    assert "WECHATPAY_SERIAL, WECHATPAY_PUBLIC_KEY_ID, WECHATPAY_PUBLIC_KEY, or mchid, " in said
    assert "\n" not in said
    monkeypatch.setenv("WECHATPAY_SECRET", SECRET)
    monkeypatch.delenv("WECHATPAY_PRIVATE_KEY_COMMAND")
    assert refusal().startswith("mchid is missing: set WECHATPAY_MCHID")


def test_a_name_that_is_nearly_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable whose name is nearly that of a missing setting is named; its value is not."""
    monkeypatch.setenv("WECHATPAY_MCH_ID", SECRET)
    assert "(WECHATPAY_MCH_ID is set: is that meant?)" in refusal()
    monkeypatch.setenv("WECHATPAY_MCHID", "1")
    assert "WECHATPAY_MCH_ID" not in refusal()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("serial", "a b"),
        ("private_key", "no-such-file"),
        ("apiv3_key", SECRET + "0"),
        ("base_uri", "ftp://x"),
        ("public_key", "gone.pem"),
        ("ca_certs", "gone.pem"),
        ("merchant_cert", "gone.pem"),
        ("proxy", f"ftp://user:{SECRET}@host"),
    ],
)
def test_a_wrong_setting(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """A setting that is wrong is named together with where it came from."""
    account = Account(gateway, tmp_path / "keys")
    monkeypatch.setenv(f"WECHATPAY_{name.upper()}", text)
    if name == "apiv3_key":
        account.drop("apiv3_key_file")
    assert f"WECHATPAY_{name.upper()}" in refusal(account.profile)


def test_commands_and_files_give_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret may be what a command prints or a file holds, less the end of its line."""
    monkeypatch.setenv("WECHATPAY_APIV3_KEY_COMMAND", f"printf '%s\\n' {SECRET}")
    monkeypatch.setenv("WECHATPAY_SECRET_FILE", str(write(tmp_path / "secret", SECRET + "\n")))
    profile = open_profile(arguments())
    assert profile.hidden("apiv3_key").reveal() == SECRET
    assert profile.hidden("secret").reveal() == SECRET
    # Relative paths are relative to the profile file, also of the command itself.
    write(tmp_path / "deep/print", f"#!/bin/sh\necho {SECRET}\n", 0o700)
    write(tmp_path / "deep/a.key", SECRET)
    text = '[default]\napiv3_key_command = "./print"\nsecret_file = "a.key"\n'
    monkeypatch.delenv("WECHATPAY_APIV3_KEY_COMMAND")
    monkeypatch.delenv("WECHATPAY_SECRET_FILE")
    profile = open_profile(arguments(write(tmp_path / "deep/p.toml", text)))
    assert profile.hidden("apiv3_key").reveal() == SECRET
    assert profile.hidden("secret").reveal() == SECRET


def test_a_private_key_from_a_command(gateway: Sandbox, tmp_path: Path) -> None:
    """A whole key may come from a command."""
    account = Account(gateway, tmp_path / "keys").drop("private_key", "merchant_cert")
    account.drop("merchant_key")
    account.set(private_key_command=f"cat {account.directory / 'apiclient_key.pem'}")
    ended = account.run("request", "post", "v3/security/echo", "-j", '{"echo_message":"a"}')
    assert (ended.returncode, ended.stdout) == (0, '{"echo_message":"a"}\n')


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"sh -c 'echo {SECRET}; exit 7'", "failed with exit code 7"),
        ("no-such-command-anywhere", "could not be run: No such file"),
        ("true", "gave nothing"),
        (f"printf '{SECRET}\\n2'", "gave 2 lines"),
        ("printf '\\377'", "no text"),
        ("'", "check its quotes"),
        ("   ", "is no command"),
        ("false | cat", "write sh -c"),
    ],
)
def test_commands_that_fail(monkeypatch: pytest.MonkeyPatch, command: str, words: str) -> None:
    """A command that fails is told by the setting's name, and never what it printed."""
    monkeypatch.setenv("WECHATPAY_MCHID", "1")
    monkeypatch.setenv("WECHATPAY_SECRET_COMMAND", command)
    said = refusal()
    assert said.startswith("WECHATPAY_SECRET_COMMAND")
    assert words in said
    assert "echo" not in said


def test_a_command_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is waited for, but not for ever."""
    monkeypatch.setattr(secret_sources, "SECONDS", 0.2)
    monkeypatch.setenv("WECHATPAY_MCHID", "1")
    monkeypatch.setenv("WECHATPAY_SECRET_COMMAND", f"sh -c 'echo {SECRET}; exec sleep 600'")
    assert "took longer than 0.2 s" in refusal()


def test_what_a_command_and_the_process_list_see(gateway: Sandbox, tmp_path: Path) -> None:
    """A command gets no secret of ours, nor our stdin; no process shows one in its arguments.

    The command looks by itself, from inside: at its own environment and stdin, and at the
    arguments of the process that started it.
    """
    account = Account(gateway, tmp_path / "keys").drop("apiv3_key_file", "secret_file")
    account.set(secret=gateway.identity.merchant.secret)
    seen = tmp_path / "seen"
    script = write(
        tmp_path / "keyring.py",
        "import os, sys, pathlib\n"
        f"out = pathlib.Path({str(seen)!r})\n"
        "parent = pathlib.Path('/proc', str(os.getppid()), 'cmdline')\n"
        "shown = parent.read_bytes() if parent.exists() else b''\n"
        "out.write_bytes(repr(dict(os.environ)).encode() + shown + sys.stdin.buffer.read())\n"
        f"print({gateway.apiv3_key!r})\n",
    )
    account.set(apiv3_key_command=f"{sys.executable} {script}")
    ended = account.run(
        "request",
        "post",
        "v3/security/echo",
        "-j",
        "-",
        stdin='{"echo_message":"plain-text"}',
        by=run,
    )
    assert (ended.returncode, ended.stdout) == (0, '{"echo_message":"plain-text"}\n')
    looked = seen.read_bytes().decode()
    assert "WECHATPAY_APIV3_KEY_COMMAND" in looked
    for secret in (*account.secrets, "plain-text"):
        assert secret not in looked


def test_a_commands_own_words_are_shown(gateway: Sandbox, tmp_path: Path) -> None:
    """What a keyring says on stderr reaches the person who has to act on it."""
    account = Account(gateway, tmp_path / "keys").drop("apiv3_key_file")
    account.set(apiv3_key_command="sh -c 'echo gpg: no secret key >&2; exit 2'")
    ended = account.run("request", "get", "v3/certificates", by=run)
    assert ended.returncode == 4
    assert ended.stderr.startswith("gpg: no secret key\n")
    assert "WECHATPAY_APIV3_KEY_COMMAND: the command failed with exit code 2" in ended.stderr


def test_files_that_others_can_read(tmp_path: Path) -> None:
    """A file with secrets that others can read is warned of; one of commands they cannot write."""
    open_file = write(tmp_path / "p.toml", f"[default]\nsecret = '{SECRET}'\n", 0o644)
    with pytest.warns(KeyFileWarning, match=r"chmod 600"):
        open_profile(arguments(open_file))
    harmless = write(tmp_path / "p.toml", "[default]\nprivate_key = 'a.pem'\n", 0o644)
    open_profile(arguments(harmless))
    held = write(tmp_path / "held", SECRET, 0o644)
    profile = open_profile(
        arguments(write(tmp_path / "p.toml", f"[default]\nsecret_file = '{held}'\n"))
    )
    with pytest.warns(KeyFileWarning, match=r"held.*chmod 600"):
        profile.hidden("secret")
    write(tmp_path / "p.toml", "[default]\nsecret_command = 'true'\n", 0o620)
    assert "others may write it" in refusal(tmp_path / "p.toml")


def test_certificates_in_every_form(gateway: Sandbox, tmp_path: Path) -> None:
    """Certificates are a table of a file, a directory of PHP's file names, or pairs in a line."""
    pem, serial = gateway.identity.certificate.pem, gateway.identity.certificate.serial
    file = write(tmp_path / "certs" / f"wechatpay_{serial}.pem", pem)
    write(tmp_path / "certs" / "other.txt", "")
    for line in (
        "certs = 'certs'",
        f"certs = '{serial}=certs/{file.name},'",
        f"[default.certs]\n{serial} = 'certs/{file.name}'",
        f"[default.certs]\n{serial} = '''{pem}'''",
    ):
        profile = open_profile(arguments(write(tmp_path / "p.toml", f"[default]\n{line}\n")))
        assert list(profile.certs() or {}) == [serial]
    write(tmp_path / "p.toml", "[default]\ncerts = '.'\n")
    others = {"mchid": "1", "serial": "A", "private_key": "k"}
    assert "holds no wechatpay_SERIAL.pem" in refusal(tmp_path / "p.toml", **others)


def test_what_is_overridden_is_not_looked_up(gateway: Sandbox, tmp_path: Path) -> None:
    """A command gives options of its own to the client; the profile's are then left alone."""
    account = Account(gateway, tmp_path / "keys").drop("apiv3_key_file")
    text = account.profile.read_text().replace(
        "[default]\n", "[default]\napiv3_key_command = 'false'\n", 1
    )
    write(account.profile, text)
    assert "failed" in refusal(account.profile)
    with open_client(arguments(account.profile), apiv3_key=None) as client:
        assert client.certificates is not None


def test_a_passphrase_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What sets it is a variable here, and no pair in Python."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    path = write(tmp_path / "key.pem", key.decode())
    monkeypatch.setenv("WECHATPAY_MCHID", "1900000109")
    monkeypatch.setenv("WECHATPAY_SERIAL", "5A" * 20)
    monkeypatch.setenv("WECHATPAY_PRIVATE_KEY", str(path))
    assert "encrypted: set WECHATPAY_PRIVATE_KEY_PASSPHRASE (" in refusal(certs={})


def test_schemes(tmp_path: Path) -> None:
    """A brand's scheme is chosen by its short name or its own; SM2 says why it cannot be."""
    for name in ("brand", "WECHATPAY-BRAND-SHA256-RSA2048"):
        file = write(tmp_path / "p.toml", f"[default]\nscheme = '{name}'\n")
        assert open_profile(arguments(file)).scheme() is Scheme.BRAND
    assert open_profile(arguments()).scheme() is Scheme.RSA


def test_no_option_takes_a_secret() -> None:
    """No command has an option for a secret: the list of processes is public."""
    from wechatpay_chain.cli import arguments as commands

    parser = commands._parser(commands._COMMANDS)
    options = {
        option
        for group in parser._subparsers._group_actions
        for command in group.choices.values()
        for option in command._option_string_actions
    }
    for setting in SETTINGS:
        if setting.kind in (Kind.SECRET, Kind.KEY):
            name = f"--{setting.name.replace('_', '-')}"
            assert name not in options
    assert "--profile" in options


def test_the_table_names_each_setting_once() -> None:
    """Names in the environment and in a file are unique, and made by one rule."""
    names = [one.variable(form) for one in SETTINGS for form in one.forms]
    assert len(names) == len(set(names))
    assert all(one.variable() == f"WECHATPAY_{one.name.upper()}" for one in SETTINGS)
    assert all((len(one.forms) == len(Form)) is one.kind.is_hidden for one in SETTINGS)
    assert environment()["TERM"]
