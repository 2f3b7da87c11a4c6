"""Certificates: downloaded and checked, all or nothing, put into use, and written to files."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

from tests.test_secrets import shown
from wechatpay_chain import (
    CertificateError,
    Client,
    ConfigurationError,
    Refresh,
    Sensitive,
    UnverifiedError,
)
from wechatpay_chain.certificates.files import save
from wechatpay_chain.certificates.listing import PlatformCertificate, read_list
from wechatpay_chain.sandbox import Sandbox, throw_away_identity
from wechatpay_chain.sandbox.authority import authority
from wechatpay_chain.sandbox.certificate_list import LIST_FAULTS, list_entry
from wechatpay_chain.sandbox.platform import (
    PLATFORM_AUTHORITY,
    PlatformKey,
    platform_certificate,
    throw_away_key,
)

PATH = "v3/certificates"
APIV3 = "0123456789abcdef0123456789ABCDEF"
NOW = 1_800_000_000.0
ECHO: dict[str, Any] = {"echo_message": "你好"}


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    """A gateway whose merchants have certificates, not public keys."""
    with Sandbox() as running:
        running.platform.sign_with(running.identity.certificate)
        yield running


def alone(gateway: Sandbox, **more: Any) -> Client:
    """Return a client that knows the gateway's first certificate only."""
    first = gateway.identity.certificate
    return gateway.client(**{"certs": {first.serial: first.shown}, **more})


def downloads(gateway: Sandbox) -> int:
    """Return how often the list was asked for."""
    return sum(request.path.endswith("/certificates") for request in gateway.requests)


def serials(client: Client) -> set[str]:
    """Return the serials of the certificates in use."""
    return {one.serial for one in client.certificates}


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_download_changes_nothing_and_a_refresh_does(gateway: Sandbox, face: str) -> None:
    """What is listed is returned, with dates and PEM; only a refresh puts it into use."""
    new = gateway.platform.issue()
    first = gateway.identity.certificate
    with alone(gateway) as client:
        if face == "sync":
            found = client.certificates.download()
        else:
            found = asyncio.run(client.certificates.download_async())
        assert [one.serial for one in found] == [first.serial, new.serial]
        assert [one.certificate for one in found] == [first.shown, new.shown]
        assert x509.load_pem_x509_certificate(found[1].pem.encode()) == new.shown
        assert found[1].not_before < datetime.datetime.now(datetime.UTC) < found[1].not_after
        assert serials(client) == {first.serial}
        refresh = client.certificates.refresh_async
        again = client.certificates.refresh() if face == "sync" else asyncio.run(refresh())
        assert again == found
        assert serials(client) == {first.serial, new.serial}
        assert len(client.certificates) == 2
        gateway.platform.sign_with(new)
        assert client.v3.security.echo.post(json=ECHO).verified


# How the gateway is told to fail a download → a word of what is said of it.
LIST: list[tuple[str, dict[str, Any], str]] = [
    ("certificates", {"how": "wrong-key"}, "apiv3_key"),
    ("certificates", {"how": "tampered"}, "does not open"),
    ("certificates", {"how": "other-serial"}, "not that of the certificate"),
    ("certificates", {"how": "other-dates"}, "expire_time is not that"),
    ("certificates", {"how": "expired"}, "expired on 2016-01-01"),
    ("certificates", {"how": "foreign"}, "not issued by the authorities in ca"),
    ("certificates", {"how": "short"}, "1024 bits"),
    ("certificates", {"how": "elliptic"}, "elliptic"),
    ("certificates", {"how": "no-certificate"}, "not one certificate"),
    ("certificates", {"how": "twice"}, "not that of the certificate"),
    ("certificates", {"how": "empty"}, "holds no certificate"),
    ("certificates", {"how": "unlisted"}, "neither known nor in its list"),
]
ANSWER: list[tuple[str, dict[str, Any], str]] = [
    ("bad-signature", {}, "signature does not match"),
    ("tampered-body", {}, "signature does not match"),
    ("probe", {}, "signature does not match"),
    ("swapped-serial", {}, "signed with a key|does not match"),
    ("unsigned", {}, "missing or empty"),
    ("missing-nonce", {}, "missing or empty"),
    ("doubled-serial", {}, "2 times"),
    ("malformed-signature", {}, "not base64"),
    ("malformed-timestamp", {}, "ten digits"),
    ("wrong-scheme", {}, "Wechatpay-Signature-Type"),
    ("clock-behind", {}, "check the clock"),
    ("clock-ahead", {}, "check the clock"),
    ("unknown-serial", {}, "neither known nor in its list"),
    ("status", {"code": 500}, "500 SYSTEM_ERROR"),
    ("status", {"code": 404}, "public key"),
    ("status", {"code": 429}, "less often"),
    ("unsigned-error", {}, "signature is missing or wrong"),
    ("error-not-json", {}, "refused with 502"),
    ("redirect", {}, "not followed"),
    ("not-json", {}, "no JSON"),
    ("empty", {}, "no JSON"),
    ("duplicate-keys", {}, "same key twice"),
    ("deep", {}, "nested deeper"),
    ("too-large", {}, "larger than"),
    ("gzip-bomb", {}, "larger than"),
    ("gzip-corrupt", {}, "cut off or damaged"),
    ("hang-up-before", {}, "connection was lost"),
    ("hang-up-headers", {}, "connection was lost"),
    ("truncated", {}, "cut off or damaged"),
    ("delay", {"seconds": 30}, "in time|within 0.3 s"),
]


def title(case: tuple[str, dict[str, Any], str]) -> str:
    """Return what a case is called."""
    return " ".join([case[0], *map(str, case[1].values())])


@pytest.mark.parametrize("way", ["refresh", "download", "unknown serial"])
@pytest.mark.parametrize(
    ("name", "told", "words"), [*LIST, *ANSWER], ids=map(title, [*LIST, *ANSWER])
)
def test_a_failure_leaves_the_old_keys(
    gateway: Sandbox,
    way: str,
    name: str,
    told: dict[str, Any],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is wrong with a download, it has one error, and the keys stay and still work."""
    new = gateway.platform.issue()
    policy = Refresh(ca=gateway.platform.ca)
    first = gateway.identity.certificate
    if name == "delay":
        monkeypatch.setattr("wechatpay_chain.certificates.refresh.PATIENCE", 0.3)
    timeout = 0.3 if (name, way) == ("delay", "download") else 30
    with alone(gateway, refresh=policy, timeout=timeout) as client:
        gateway.misbehave(name, path=PATH, **told)
        if way == "unknown serial":
            gateway.platform.sign_with(new)
            with pytest.raises(UnverifiedError, match="not configured"):
                client.v3.security.echo.post(json=ECHO)
            gateway.platform.sign_with(first)
            error = client.certificates.last_error
            assert error is not None
        else:
            with pytest.raises(CertificateError) as caught:
                getattr(client.certificates, way)()
            error = caught.value
        assert serials(client) == {first.serial}
        text = str(error)
        assert "\n" not in text
        assert any(word in text for word in words.split("|")), text
        assert text.startswith(f"GET {PATH}: ")
        assert text.endswith(("the keys in use stay as they were", "within 0.3 s"))
        assert gateway.apiv3_key not in shown(error)
        assert client.v3.security.echo.post(json=ECHO).verified
        client.certificates.refresh()
        assert serials(client) == {first.serial, new.serial}
        assert client.certificates.last_error is None


def test_every_fault_of_a_list_is_in_the_table() -> None:
    """No way in which the gateway can spoil a list goes without a test."""
    assert {told["how"] for _, told, _ in LIST} == set(LIST_FAULTS)


def test_a_foreign_certificate_passes_where_no_ca_is_given(gateway: Sandbox) -> None:
    """Without a CA file the seal and the signature are what is trusted."""
    with alone(gateway) as client:
        gateway.misbehave("certificates", how="foreign")
        assert len(client.certificates.download()) == 2


def test_public_key_mode_is_explained(gateway: Sandbox) -> None:
    """A merchant without certificates is told to give the public key."""
    gateway.platform.make_public_key_only(gateway.identity.merchant.mchid)
    with alone(gateway) as client:
        with pytest.raises(CertificateError, match=r"'PUB_KEY_ID_…': 'pub_key.pem'"):
            client.certificates.refresh()


def test_the_list_of_other_regions(gateway: Sandbox) -> None:
    """`Refresh(path=…)` chooses where the list is asked for."""
    with alone(gateway, refresh=Refresh(path="v3/global/certificates")) as client:
        client.certificates.refresh()
    assert gateway.requests[-1].path == "/v3/global/certificates"


def test_no_certs_at_all(gateway: Sandbox) -> None:
    """Without certs the first call that encrypts downloads before it is sent, once."""
    with gateway.client(certs=None, refresh=True) as client:
        assert client.certificates.last_error is None
        secret = {**ECHO, "encrypted_echo_message": "6222020200098765432"}
        assert client.v3.security.echo.post(json=secret).verified
        paths = [request.path for request in gateway.requests]
        assert paths == ["/v3/certificates", "/v3/security/echo"]
        assert gateway.requests[1].opened["encrypted_echo_message"] == "6222020200098765432"
        assert client.v3.security.echo.post(json=ECHO).verified
        assert downloads(gateway) == 1


def test_no_certs_and_no_list(gateway: Sandbox) -> None:
    """Where nothing can be downloaded, what must be encrypted is not sent in the clear."""
    gateway.platform.make_public_key_only(gateway.identity.merchant.mchid)
    with gateway.client(certs=None, refresh=True) as client:
        with pytest.raises(Exception, match="none could be downloaded"):
            client.v3.security.echo.post(json={**ECHO, "encrypted_echo_message": "secret"})
    assert downloads(gateway) == len(gateway.requests) == 1


def test_a_refusal_and_a_statement_find_new_keys(gateway: Sandbox) -> None:
    """An unknown serial is looked for in every kind of signed answer, read or streamed."""
    with alone(gateway, refresh=Refresh(monotonic=iter(range(0, 10**6, 61)).__next__)) as client:
        for call in (
            lambda: client.v3.security.echo.post(json=ECHO),
            lambda: client.v3.pay.transactions.id["{transaction_id}"].get(
                transaction_id="1", query={"mchid": "1900000109"}, http_errors=False
            ),
            lambda: client.chain("v3/global/statements").get(
                query={"date": "20260101", "mchid": "1900000109"}
            ),
        ):
            gateway.platform.sign_with(gateway.platform.issue())
            assert call().verified


def test_a_download_to_a_file_finds_new_keys(gateway: Sandbox, tmp_path: Path) -> None:
    """So does an answer that is verified while it is written to a file."""
    with alone(gateway, refresh=True) as client:
        gateway.platform.sign_with(gateway.platform.issue())
        sink = tmp_path / "answer.json"
        assert client.v3.security.echo.post(json=ECHO, sink=str(sink)).verified
        assert json.loads(sink.read_bytes()) == ECHO
    assert downloads(gateway) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"refresh": True, "apiv3_key": None}, "apiv3_key is missing"),
        ({"refresh": "yes"}, "refresh must be True, False or a Refresh"),
        ({"refresh": 1}, "refresh must be True, False or a Refresh"),
        ({"certs": None}, "certs is missing"),
        ({"certs": {}}, "refresh=True"),
        ({"refresh": True, "serial": None, "private_key": None, "certs": None}, "for v2 only"),
    ],
)
def test_what_refreshing_needs(gateway: Sandbox, settings: dict[str, Any], words: str) -> None:
    """A client that could never refresh is not made."""
    with pytest.raises(ConfigurationError, match=words):
        alone(gateway, **settings)


@pytest.mark.parametrize(
    "wrong",
    [{"every": 0}, {"every": -1}, {"every": float("nan")}, {"every": float("inf")}, {"every": True},
     {"every": "1"}, {"path": "v3/other"}, {"warn_before": -1}, {"warn_before": None},
     {"monotonic": 5}],
)  # fmt: skip
def test_a_refresh_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    """A policy that cannot be followed is an error."""
    with pytest.raises(ConfigurationError, match=f"Refresh: {next(iter(wrong))}"):
        Refresh(**wrong)


def test_a_ca_file_without_a_certificate(gateway: Sandbox) -> None:
    """A CA file that holds none is named when the client is made."""
    key = gateway.identity.merchant.private_key_pem
    with pytest.raises(ConfigurationError, match=r"Refresh\.ca holds no certificate"):
        alone(gateway, refresh=Refresh(ca=key))


def test_v2_only_clients_have_none() -> None:
    """A client for v2 has no certificates, and says why."""
    client = Client(mchid="1900000109", secret="0" * 32)
    assert list(client.certificates) == []
    with pytest.raises(ConfigurationError, match="for v2 only"):
        client.certificates.download()
    with pytest.raises(ConfigurationError, match="for v2 only"):
        client.certificates.refresh()


# Lists that WeChat Pay would never send, and lists that it might.
FIRST, SECOND = platform_certificate("list 1"), platform_certificate("list 2")


def entries(*keys: PlatformKey, **changed: Any) -> list[dict[str, Any]]:
    """Return a list of certificates, the last entry changed."""
    made = [list_entry(key, APIV3) for key in keys]
    made[-1] |= changed
    return made


def sealed(**changed: Any) -> list[dict[str, Any]]:
    """Return a list of one certificate whose seal is changed."""
    (entry,) = entries(FIRST)
    entry["encrypt_certificate"] |= changed
    return [entry]


def packed(text: str, nonce: str = "0123456789ab", associated: str = "") -> list[dict[str, Any]]:
    """Return a list of one certificate for which another text is sealed."""
    cipher = AESGCM(APIV3.encode()).encrypt(nonce.encode(), text.encode(), associated.encode())
    return sealed(
        nonce=nonce, associated_data=associated, ciphertext=base64.b64encode(cipher).decode()
    )


HOSTILE: dict[str, tuple[object, str]] = {
    "no object": ([], "no data"),
    "no data": ({}, "no data"),
    "data no list": ({"data": {}}, "no data"),
    "entry no object": ({"data": ["x"]}, "no data"),
    "null": (None, "no data"),
    "no serial": (entries(FIRST, serial_no=None), "serial_no is missing"),
    "serial a number": (entries(FIRST, serial_no=5), "serial_no is missing"),
    "serial a path": (entries(FIRST, serial_no="../../etc/passwd"), "hexadecimal"),
    "serial in small letters": (entries(FIRST, serial_no=FIRST.serial.lower()), "hexadecimal"),
    "serial full width": (entries(FIRST, serial_no="５" + FIRST.serial[1:]), "hexadecimal"),
    "serial too long": (entries(FIRST, serial_no="0" + FIRST.serial), "hexadecimal"),
    "no dates": (entries(FIRST, expire_time=None), "expire_time is missing"),
    "date a word": (entries(FIRST, effective_time="yesterday"), "no date"),
    "date without zone": (entries(FIRST, expire_time="2115-01-01T00:00:00"), "no date"),
    "date impossible": (entries(FIRST, expire_time="2115-13-41T00:00:00Z"), "no date"),
    "date two days off": (entries(FIRST, expire_time="2115-01-03T08:00:01+08:00"), "not that"),
    "no seal": (entries(FIRST, encrypt_certificate=None), "encrypt_certificate is missing"),
    "another seal": (sealed(algorithm="AES-CBC"), "not sealed with AEAD_AES_256_GCM"),
    "no nonce": (sealed(nonce=""), "nonce is missing"),
    "nonce too short": (sealed(nonce="0123"), "does not open"),
    "nonce a number": (sealed(nonce=12), "nonce is missing"),
    "half a surrogate": (sealed(nonce="\ud80012345678"), "does not open"),
    "no base64": (sealed(ciphertext="?"), "does not open"),
    "other purpose": (sealed(associated_data="transaction"), "does not open"),
    "purpose a number": (sealed(associated_data=5), "associated_data is no text"),
    "two in one": (packed(FIRST.pem + SECOND.pem), "not one certificate"),
    "a key": (packed("-----BEGIN PUBLIC KEY-----\nMII=\n-----END PUBLIC KEY-----"), "not one"),
    "nothing in it": (packed(""), "not one certificate"),
    "good and bad": ([*entries(SECOND), *sealed(nonce="")], "certificate 2"),
    "only national": (sealed(algorithm="AEAD_SM4_GCM"), "holds no certificate"),
}  # fmt: skip
GOOD: dict[str, tuple[list[dict[str, Any]], list[PlatformKey]]] = {
    "one": (entries(FIRST), [FIRST]),
    "the same twice": (entries(FIRST, FIRST), [FIRST]),
    "national ones beside": ([*sealed(algorithm="AEAD_SM4_GCM"), *entries(SECOND)], [SECOND]),
    "no associated data": (packed(FIRST.pem), [FIRST]),
    "null associated data": ([{**packed(FIRST.pem)[0]}], [FIRST]),
    "another zone": (entries(FIRST, effective_time="2015-01-01T00:00:00Z"), [FIRST]),
    "unknown fields": (entries(FIRST, note="x"), [FIRST]),
    "many": (entries(*[FIRST] * 600, SECOND), [FIRST, SECOND]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_list(case: str) -> None:
    """Each fault condemns the whole list, in one line that says which and where."""
    value, words = HOSTILE[case]
    document = {"data": value} if isinstance(value, list) and value else value
    with pytest.raises(CertificateError, match=words) as caught:
        read_list(json.dumps(document).encode(), Sensitive(APIV3), NOW)
    assert "\n" not in str(caught.value)
    assert APIV3 not in shown(caught.value)


@pytest.mark.parametrize("case", GOOD)
def test_a_good_list(case: str) -> None:
    """What WeChat Pay may send is read, each certificate once and in order."""
    value, wanted = GOOD[case]
    found = read_list(json.dumps({"data": value}).encode(), Sensitive(APIV3), NOW)
    assert [one.serial for one in found] == [key.serial for key in wanted]


def test_no_byte_of_a_certificate_can_be_changed() -> None:
    """With a CA each damaged certificate is refused, by our error, wherever the damage is."""
    issuer = [authority(PLATFORM_AUTHORITY).certificate]
    assert isinstance(FIRST.shown, x509.Certificate)
    der = FIRST.shown.public_bytes(Encoding.DER)
    # The byte that counts the signature's unused bits: where those are zero, nothing changes.
    unused = len(der) - len(FIRST.shown.signature) - 1
    for at in {*range(len(der))} - {unused}:
        damaged = der[:at] + bytes([der[at] ^ 1 << at % 8]) + der[at + 1 :]
        encoded = base64.encodebytes(damaged).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n"
        body = json.dumps({"data": packed(text)}).encode()
        try:
            (found,) = read_list(body, Sensitive(APIV3), NOW, issuer)
        except CertificateError:
            continue
        # How many bits of the signature are not used is told outside of what is signed; where
        # its last ones are zero by chance, another number is no damage.
        assert at == der.index(FIRST.shown.signature) - 1
        assert found.certificate.tbs_certificate_bytes == FIRST.shown.tbs_certificate_bytes


def test_one_serial_for_two_certificates() -> None:
    """The same serial for two certificates is a fault, whoever issued them."""
    certificate = FIRST.shown
    assert isinstance(certificate, x509.Certificate)
    other = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(throw_away_key("list 2").public_key())
        .serial_number(certificate.serial_number)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
        .sign(authority("any").key, certificate.signature_hash_algorithm)
    )
    twin = replace(FIRST, shown=other)
    body = json.dumps({"data": entries(FIRST, twin)}).encode()
    with pytest.raises(CertificateError, match="stands there twice"):
        read_list(body, Sensitive(APIV3), NOW)


def test_a_certificate_that_is_still_to_come(gateway: Sandbox) -> None:
    """One that is not in force yet is taken, checked against the CA for the day it begins."""
    now = datetime.datetime.now(datetime.UTC)
    later = now + datetime.timedelta(days=9), now + datetime.timedelta(days=900)
    new = gateway.platform.issue(later)
    with alone(gateway, refresh=Refresh(ca=gateway.platform.ca)) as client:
        client.certificates.refresh()
        assert serials(client) == {gateway.identity.certificate.serial, new.serial}
        # It verifies, but nothing is encrypted for it yet.
        client.v3.security.echo.post(json={**ECHO, "encrypted_echo_message": "x"})
        used = gateway.requests[-1].headers["Wechatpay-Serial"]
        assert used == gateway.identity.certificate.serial


def test_saving(gateway: Sandbox, tmp_path: Path) -> None:
    """Each certificate is one file of PHP's name, its owner's alone; other files stay."""
    new = gateway.platform.issue()
    place = tmp_path / "deep" / "down"
    with alone(gateway) as client:
        client.certificates.refresh()
        paths = client.certificates.save(place)
    first = gateway.identity.certificate
    assert [path.name for path in paths] == [
        f"wechatpay_{serial}.pem" for serial in (first.serial, new.serial)
    ]
    assert sorted(paths) == sorted(place.iterdir())
    for path, key in zip(paths, (first, new), strict=True):
        assert path.read_text() == key.pem
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_saving_over_a_link_or_an_open_file(tmp_path: Path) -> None:
    """What stands there is replaced, never written through, and its loose mode with it."""
    assert isinstance(FIRST.shown, x509.Certificate)
    one = PlatformCertificate(FIRST.serial, FIRST.shown)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / "certs" / f"wechatpay_{FIRST.serial}.pem"
    target.parent.mkdir()
    target.symlink_to(victim)
    save([one], target.parent)
    assert victim.read_text() == "mine"
    assert not target.is_symlink()
    target.chmod(0o644)
    save([one], target.parent)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


KILLED = """
import os, sys
from cryptography import x509
from wechatpay_chain.certificates.files import save
from wechatpay_chain.certificates.listing import PlatformCertificate
directory, pem, kill = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
certificate = x509.load_pem_x509_certificate(pem)
steps = 0
def watch(event, arguments):
    global steps
    if event in ("open", "os.rename", "os.fsync", "os.mkdir"):
        steps += 1
        if steps == kill:
            os._exit(9)
real = os.fsync
def fsync(handle):
    sys.audit("os.fsync")
    real(handle)
os.fsync = fsync
sys.addaudithook(watch)
save([PlatformCertificate(format(certificate.serial_number, "X"), certificate)], directory)
os._exit(0)
"""


def test_killed_while_saving(tmp_path: Path) -> None:
    """Whenever a program dies, the file is the old one or the new one, whole."""
    (tmp_path / "new.pem").write_text(FIRST.pem)
    place = tmp_path / "certs"
    place.mkdir()
    target = place / f"wechatpay_{FIRST.serial}.pem"
    codes, states = [], set()
    for kill in range(1, 20):
        target.write_text("old")
        arguments = [str(place), str(tmp_path / "new.pem"), str(kill)]
        ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
        codes.append(ended.returncode)
        states.add(target.read_text())
        assert states <= {"old", FIRST.pem}
        if ended.returncode == 0:
            break
    assert codes == [*[9] * (len(codes) - 1), 0]
    assert len(codes) > 4
    assert states == {"old", FIRST.pem}


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file cannot be written, what stood there stays, and nothing lies beside it."""
    assert isinstance(FIRST.shown, x509.Certificate)
    target = tmp_path / f"wechatpay_{FIRST.serial}.pem"
    target.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save([PlatformCertificate(FIRST.serial, FIRST.shown)], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "old"


@pytest.mark.parametrize("fault", ["full disk", "directory in the way"])
def test_one_file_that_cannot_be_written_keeps_back_the_others(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Certificates are saved all or none, whichever of them has no place on the disk."""
    gateway.platform.issue()
    real, synced = os.fsync, []

    def second_fails(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")
        real(handle)

    with alone(gateway) as client:
        found = client.certificates.download()
    before: set[str] = set()
    if fault == "full disk":
        monkeypatch.setattr(os, "fsync", second_fails)
    else:
        before = {f"wechatpay_{found[1].serial}.pem"}
        (tmp_path / min(before)).mkdir()
    with pytest.raises(OSError, match=r"No space left|Is a directory"):
        save(found, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_nothing_secret_shows(gateway: Sandbox) -> None:
    """Neither the face nor the policy shows keys, and the client still is not pickled."""
    with alone(gateway, refresh=Refresh(ca=gateway.platform.ca)) as client:
        for thing in (client.certificates, client, Refresh(ca="secret-path")):
            assert gateway.apiv3_key not in repr(thing)
            assert "secret-path" not in repr(thing)


def test_a_wrong_apiv3_key(gateway: Sandbox) -> None:
    """A client with another apiv3_key is told to check it, and neither key shows."""
    other = secrets.token_hex(16)
    with alone(gateway, apiv3_key=other) as client:
        with pytest.raises(CertificateError, match="check that apiv3_key") as caught:
            client.certificates.download()
    assert other not in shown(caught.value)
    assert gateway.apiv3_key not in shown(caught.value)


def test_gateways_do_not_share_what_changes() -> None:
    """Of two gateways with the same keys, each issues and signs for itself."""
    one, other = Sandbox(), Sandbox(identity=throw_away_identity("1900000109"))
    new = one.platform.issue()
    one.platform.sign_with(new)
    assert one.signing_key() is new
    assert other.signing_key() is other.identity.public_key
    assert new.serial not in other.identity.platform_keys
