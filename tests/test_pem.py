"""`PemUtil`: certificates, private keys, and the serial that WeChat Pay knows them by."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.merchant import KEYS, pem, private, units
from wechatpay_chain import ConfigurationError, PemUtil


def numbered(serial: int) -> x509.Certificate:
    """Return a certificate with a serial."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(serial)
    builder = builder.public_key(private("mch_key").public_key()).not_valid_before(start)
    builder = builder.not_valid_after(start + datetime.timedelta(days=9999))
    return builder.sign(private("mch_key"), hashes.SHA256())


def test_a_serial_is_as_recorded() -> None:
    """The certificate of the vectors has PHP's serial, however it is given."""
    certificate = PemUtil.load_certificate_from_string(pem("mch_cert"))
    path = KEYS / "mch_cert.pem"
    der = certificate.public_bytes(Encoding.DER)
    for given in (path, f"file://{path}", pem("mch_cert"), der, certificate):
        assert PemUtil.parse_certificate_serial_no(given) == units()["cert_serial"]


@pytest.mark.parametrize(
    ("number", "serial"),
    [
        (0xABC, "0ABC"),
        (1, "01"),
        (0xFF, "FF"),
        (0x0123456789, "0123456789"),
        (0x7F << 152, "7F" + "00" * 19),
    ],
)
def test_a_serial_has_two_digits_a_byte(number: int, serial: str) -> None:
    """A serial that begins with a zero keeps it, as OpenSSL writes it for PHP."""
    assert PemUtil.parse_certificate_serial_no(numbered(number)) == serial


def test_files_and_texts_are_loaded() -> None:
    """A certificate and a private key come from their file, and from its text, as the same."""
    text = PemUtil.load_certificate_from_string(pem("plat_cert"))
    assert PemUtil.load_certificate(KEYS / "plat_cert.pem") == text
    assert PemUtil.load_certificate(f"file://{KEYS}/plat_cert.pem") == text
    expected = private("mch_key").private_numbers()
    assert PemUtil.load_private_key_from_string(pem("mch_key")).private_numbers() == expected


def test_a_private_key_is_loaded_from_its_file(tmp_path: Path) -> None:
    """A private key's file is read as the client reads it."""
    path = tmp_path / "apiclient_key.pem"
    path.write_text(pem("mch_key"))
    path.chmod(0o600)
    loaded = PemUtil.load_private_key(path)
    assert loaded.private_numbers() == private("mch_key").private_numbers()


def test_a_text_is_never_taken_for_a_file() -> None:
    """What is to be a text is not looked up on the disk."""
    with pytest.raises(ConfigurationError, match="certificate is no key that can be read"):
        PemUtil.load_certificate_from_string(str(KEYS / "plat_cert.pem"))
    with pytest.raises(ConfigurationError, match="private_key is no key that can be read"):
        PemUtil.load_private_key_from_string(str(KEYS / "mch_key.pem"))


def test_something_else_is_refused() -> None:
    """A key is no certificate, and a certificate no key."""
    with pytest.raises(ConfigurationError, match="certificate is a public key, but a certificate"):
        PemUtil.parse_certificate_serial_no(pem("plat_pub"))
    with pytest.raises(ConfigurationError, match="private_key is a certificate"):
        PemUtil.load_private_key(KEYS / "mch_cert.pem")
