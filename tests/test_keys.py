"""Keys as people have them: every form is read, and a wrong one is called by its name."""

from __future__ import annotations

import base64
import datetime
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from tests.support.merchant import MCHID, pem, private
from tests.test_secrets import assert_hidden, lines_of, shown, small_key
from wechatpay_chain import ConfigurationError, KeyFileWarning
from wechatpay_chain.keys import load_certificate, load_private_key, load_public_key

LOCK = BestAvailableEncryption(MCHID.encode())
MERCHANT, PLATFORM = private("mch_key"), private("plat_key")
PKCS8 = MERCHANT.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PKCS1 = MERCHANT.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
SPKI = PLATFORM.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_PKCS1 = PLATFORM.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
CERTIFICATE = x509.load_pem_x509_certificate(pem("plat_cert").encode())
OWN_CERTIFICATE = x509.load_pem_x509_certificate(pem("mch_cert").encode())
CURVE = ec.generate_private_key(ec.SECP256R1())


def armoured(der: bytes, label: str) -> str:
    """Return DER as a PEM block under any label, true or not."""
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


def bare(der: bytes) -> str:
    """Return DER as base64 in one line."""
    return base64.b64encode(der).decode()


def certificate(key: Any) -> x509.Certificate:
    """Return a certificate of any kind of key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(start)
    builder = builder.not_valid_after(start + datetime.timedelta(days=9999))
    return builder.sign(key, hashes.SHA256())


@cache
def apiclient_cert(lock: Any = LOCK) -> bytes:
    """Return a merchant's `apiclient_cert.p12`, whose passphrase is the mchid."""
    return pkcs12.serialize_key_and_certificates(b"", MERCHANT, OWN_CERTIFICATE, None, lock)


def request() -> x509.CertificateSigningRequest:
    """Return a request for a certificate."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(OWN_CERTIFICATE.subject)
    return builder.sign(MERCHANT, hashes.SHA256())


OWN = pem("mch_key")
LOCKED = MERCHANT.private_bytes(Encoding.DER, PrivateFormat.PKCS8, LOCK)
OLD_LOCKED = MERCHANT.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, LOCK).decode()
OPENSSH = MERCHANT.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
OPENSSH_PUBLIC = PLATFORM.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
CURVE_PEM = CURVE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
# What `openssl ecparam -genkey` and `openssl pkcs12 -nodes` write around the keys.
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
BAG = "Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n"

PRIVATE: dict[str, Any] = {
    "list of PHP": [armoured(LOCKED, "ENCRYPTED PRIVATE KEY"), MCHID],
    "PKCS#1 DER": PKCS1,
    "PKCS#8 labelled as PKCS#1": armoured(PKCS8, "RSA PRIVATE KEY"),
    "PKCS#1 labelled as PKCS#8": armoured(PKCS1, "PRIVATE KEY"),
    "labelled public": armoured(PKCS8, "PUBLIC KEY"),
    "encrypted DER": (LOCKED, MCHID),
    "encrypted behind a prefix": ("private.pkcs8://" + bare(LOCKED), MCHID),
    "wrapped behind a prefix": "private.pkcs8://" + base64.encodebytes(PKCS8).decode(),
    "prefix as bytes": b"private.pkcs1://" + base64.b64encode(PKCS1),
    "encrypted the old way, line feeds spelled out": (OLD_LOCKED.replace("\n", "\\n"), MCHID),
    "after its certificate": BAG + pem("mch_cert") + BAG + OWN,
    "before its certificate": OWN + pem("mch_cert"),
    "PKCS#12": (apiclient_cert(), MCHID),
    "PKCS#12 without a passphrase": apiclient_cert(NoEncryption()),
    "byte order mark": "\ufeff" + OWN,
}
PUBLIC: dict[str, Any] = {
    "PKCS#1 DER": PUBLIC_PKCS1,
    "certificate, DER": CERTIFICATE.public_bytes(Encoding.DER),
    "certificate object": CERTIFICATE,
    "PKCS#1 labelled as SPKI": armoured(PUBLIC_PKCS1, "PUBLIC KEY"),
    "SPKI labelled as PKCS#1": armoured(SPKI, "RSA PUBLIC KEY"),
    "certificate labelled as a key": armoured(CERTIFICATE.public_bytes(Encoding.DER), "PUBLIC KEY"),
    "trusted certificate": armoured(CERTIFICATE.public_bytes(Encoding.DER), "X509 CERTIFICATE"),
    "first of a chain": pem("plat_cert") + pem("mch_cert"),
    "behind a private key": OWN + pem("plat_pub"),
    "one line, line feeds spelled out": pem("plat_pub").replace("\n", "\\n"),
}


@pytest.mark.parametrize("form", PRIVATE)
def test_a_private_key_is_read(form: str) -> None:
    """A private key is the same key, whatever it is wrapped in and labelled."""
    assert load_private_key(PRIVATE[form]).private_numbers() == MERCHANT.private_numbers()


@pytest.mark.parametrize("form", PUBLIC)
def test_a_public_key_is_read(form: str) -> None:
    """A public key is the same key, whatever it is wrapped in and labelled."""
    expected = PLATFORM.public_key().public_numbers()
    assert load_public_key(PUBLIC[form]).public_numbers() == expected


Load = Callable[[Any], object]
WRONG: dict[str, tuple[Load, Any, str]] = {
    "public for private": (load_private_key, pem("plat_pub"), "^private_key is a public key, but"),
    "certificate for private": (load_private_key, pem("mch_cert"), "is a certificate, but the mer"),
    "private for public": (load_public_key, OWN, "^public_key is a private key, but an RSA public"),
    "private labelled public": (load_public_key, armoured(PKCS8, "PUBLIC KEY"), "is a private key"),
    "private labelled certificate": (
        load_public_key, armoured(PKCS8, "CERTIFICATE"), "is a private key",
    ),
    "curve": (load_private_key, CURVE_PEM, r"is no RSA key \(an elliptic-curve one\)"),
    "curve with parameters": (load_private_key, PARAMETERS + CURVE_PEM.decode(), "elliptic-curve"),
    "curve's certificate": (
        load_public_key, certificate(CURVE), r"is a certificate with no RSA key \(an elliptic-curve"
    ),
    "Ed25519": (load_private_key, ed25519.Ed25519PrivateKey.generate(), "no RSA key.*Ed25519"),
    "short": (load_private_key, small_key(), "has 1024 bits; WeChat Pay's keys have at least 2048"),
    "no passphrase": (load_private_key, LOCKED, r"is encrypted: give \(key, passphrase\)"),
    "wrong passphrase": (load_private_key, (LOCKED, "1"), "the passphrase is wrong"),
    "wrong passphrase, old": (load_private_key, (OLD_LOCKED, "1"), "the passphrase is wrong"),
    "needless passphrase": (load_private_key, (PKCS1, "1"), "is not encrypted"),
    "PKCS#12": (load_private_key, apiclient_cert(), "is a PKCS#12 file: give .* the mchid as its"),
    "PKCS#12, wrong passphrase": (load_private_key, (apiclient_cert(), "1"), "passphrase is wrong"),
    "PKCS#12, no key": (
        load_private_key,
        pkcs12.serialize_key_and_certificates(None, None, None, [CERTIFICATE], NoEncryption()),
        "in which there is no such key",
    ),
    "request": (load_private_key, request().public_bytes(Encoding.PEM), r"\(CSR\)"),
    "request, DER": (load_public_key, request().public_bytes(Encoding.DER), r"\(CSR\)"),
    "OpenSSH": (load_private_key, OPENSSH, "is an OpenSSH key: convert it with ssh-keygen"),
    "OpenSSH public": (load_public_key, OPENSSH_PUBLIC.decode(), "is an OpenSSH key"),
    "PuTTY": (load_private_key, "PuTTY-User-Key-File-3: ssh-rsa\n", "is a PuTTY key"),
    "PKCS#7": (load_public_key, armoured(SPKI, "PKCS7"), "is a PKCS#7 bundle"),
    "parameters alone": (load_private_key, PARAMETERS, "private_key is no key that can be read"),
    "UTF-16": (load_private_key, OWN.encode("utf-16"), "is UTF-16 text"),
    "cut": (load_private_key, OWN[:900], "its END line is missing"),
    "no base64": (load_private_key, OWN.replace("MII", "M*I", 1), "not base64 throughout"),
    "no base64 behind a prefix": (load_private_key, "private.pkcs8://@", "not base64 throughout"),
    "no key behind a prefix": (load_private_key, "private.pkcs8://AAAA", "no key that can be read"),
    "PKCS#8 behind PKCS#1's prefix": (
        load_private_key,
        "private.pkcs1://" + bare(PKCS8),
        "is no private.pkcs1:// but a PKCS#8 key: put private.pkcs8:// before it",
    ),
    "public behind a private prefix": (
        load_private_key, "private.pkcs8://" + bare(SPKI), "but an SPKI public key: put public.spki"
    ),
    "certificate behind a prefix": (
        load_public_key,
        "public.spki://" + bare(CERTIFICATE.public_bytes(Encoding.DER)),
        "is no public.spki:// but a certificate$",
    ),
    "cut DER": (load_private_key, PKCS8[:-9], "no key that can be read"),
    "no key at all": (load_private_key, b"hello", "no key that can be read"),
    "no file": (load_private_key, "nowhere", r"neither a key nor a file .*\(No such file"),
    "no file, by URL": (load_public_key, "file:///no/such/pub.pem", r"\(/no/such/pub.pem: No such"),
    "directory": (load_public_key, Path("/"), "Is a directory"),
    "key for a certificate": (load_certificate, pem("plat_pub"), "certificate is a public key"),
    "curve for a certificate": (load_certificate, certificate(CURVE), "elliptic-curve"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_key_is_called_by_its_name(case: str) -> None:
    """What is no key of the wanted kind is an error in one line that says what it is instead."""
    load, source, words = WRONG[case]
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(source)
    assert len(str(caught.value).splitlines()) == 1
    assert_hidden(str(caught.value), *lines_of(OWN)[1:9], bare(PKCS1)[64:128])


def test_a_certificate_of_an_unknown_curve_is_named() -> None:
    """A certificate whose key `cryptography` does not know (SM2) is no RSA key, and no crash."""
    # 1.2.840.10045.3.1.7 is P-256's OID; 1.2.156.10197.1.301, SM2's, has as many bytes.
    p256, sm2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
    der = certificate(CURVE).public_bytes(Encoding.DER)
    assert p256 in der
    with pytest.raises(ConfigurationError, match="is a certificate with no RSA key"):
        load_public_key(der.replace(p256, sm2))
    key = CURVE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigurationError, match="is of a kind that is not supported"):
        load_private_key(key.replace(p256, sm2))


def test_a_url_names_a_file_to_the_letter(tmp_path: Path) -> None:
    """A ``file://`` URL is a path behind a word, as in PHP: neither "?" nor "#" ends it."""
    for name in ("a#b?c.pem", "公钥.pem", "with space.pem"):
        (tmp_path / name).write_text(pem("plat_pub"), "utf-8")
        for url in (f"file://{tmp_path}/{name}", f"file://localhost{tmp_path}/{name}"):
            load_public_key(url)
    load_public_key(f"file://{tmp_path}/with%20space.pem")


def test_only_a_private_keys_file_warns(tmp_path: Path) -> None:
    """A file that all may read is warned of if a private key came out of it, and else not."""
    for name in ("mch_key", "mch_cert"):
        (tmp_path / name).write_text(pem(name))
        (tmp_path / name).chmod(0o644)
    with pytest.warns(KeyFileWarning, match="chmod 600"):
        load_private_key(tmp_path / "mch_key")
    load_public_key(tmp_path / "mch_cert")
    with pytest.raises(ConfigurationError, match="private_key is a certificate"):
        load_private_key(tmp_path / "mch_cert")


def test_a_pkcs12_file_gives_its_certificate_too(tmp_path: Path) -> None:
    """From a merchant's PKCS#12 file come key and certificate, with the same passphrase."""
    path = tmp_path / "apiclient_cert.p12"
    path.write_bytes(apiclient_cert())
    path.chmod(0o600)
    assert load_private_key((path, MCHID)).private_numbers() == MERCHANT.private_numbers()
    assert load_certificate((path, MCHID)) == OWN_CERTIFICATE


def test_a_pkcs12_file_as_wechat_pay_makes_it_is_read(tmp_path: Path) -> None:
    """RC2 and 3DES, with which WeChat Pay's tool encrypts the file, are read."""
    for name, content in (("key", OWN), ("cert", pem("mch_cert"))):
        (tmp_path / f"{name}.pem").write_text(content)
    command = [
        "openssl", "pkcs12", "-export", "-legacy", "-inkey", "key.pem", "-in", "cert.pem", "-out",
        "old.p12", "-passout", f"pass:{MCHID}",
    ]  # fmt: skip
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this machine has no openssl that writes the old form")
    (tmp_path / "old.p12").chmod(0o600)
    loaded = load_private_key((tmp_path / "old.p12", MCHID))
    assert loaded.private_numbers() == MERCHANT.private_numbers()


def test_a_key_shows_in_no_frame() -> None:
    """An error about a bundle or a PKCS#12 file has no frame that shows the key or passphrase."""
    from wechatpay_chain import PemUtil, Rsa

    wrong = OWN.replace("MII", "XII", 1)
    calls: list[Callable[[], object]] = [
        lambda: Rsa.from_(wrong),
        lambda: Rsa.sign("m", wrong),
        lambda: PemUtil.load_private_key_from_string(wrong),
        lambda: Rsa.from_((apiclient_cert(), "correct-horse-battery")),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert_hidden(shown(caught.value), *lines_of(OWN)[1:9])
        assert caught.value.__context__ is None
