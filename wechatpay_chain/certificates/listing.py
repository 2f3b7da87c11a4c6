"""The list of WeChat Pay's certificates (平台证书): opened and checked, all of it or nothing.

What is wanted of each entry: it opens with the APIv3密钥, which only WeChat Pay and
the merchant have; it holds one certificate, whose own serial is the entry's; that
certificate has an RSA key of 2048 bits or more and has not expired; the dates beside
it are its own, give or take a day; and it was issued by the authorities (CA) that the
caller trusts, if any are given. An entry of the national cryptography (国密), sealed
by ``AEAD_SM4_GCM``, is passed over: RSA cannot verify with it. Any other fault
condemns the whole list.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from wechatpay_chain.errors import CertificateError, ConfigurationError, DecodeError
from wechatpay_chain.keys import public_key_of
from wechatpay_chain.protocol import aes, document
from wechatpay_chain.protocol.binary import octets
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["PlatformCertificate", "check_issuer", "read_list"]

NATIONAL = "AEAD_SM4_GCM"
DATE_TOLERANCE = 86400.0
"""Seconds by which a date may be off: time zones get confused, and the certificate's own count."""

# What cryptography says of a certificate that is none; a filter may make errors of warnings.
_DAMAGED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    Warning,
)
_SERIAL = re.compile(r"[0-9A-F]{1,40}")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_CHECK_KEY = (
    "check that apiv3_key is the APIv3密钥 now set on WeChat Pay's website, and of this merchant"
)


@dataclass(frozen=True)
class PlatformCertificate:
    """One certificate of WeChat Pay's (平台证书), by the serial that messages name it by."""

    serial: str
    certificate: x509.Certificate = field(repr=False)

    @property
    def not_before(self) -> datetime.datetime:
        """When it begins to be in force, in UTC."""
        return self.certificate.not_valid_before_utc

    @property
    def not_after(self) -> datetime.datetime:
        """When it expires, in UTC."""
        return self.certificate.not_valid_after_utc

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def key(self) -> RSAPublicKey:
        """The key in it."""
        return public_key_of(self.certificate, self.serial)


def read_list(
    body: bytes,
    apiv3_key: Sensitive[Any],
    now: float,
    authorities: Sequence[x509.Certificate] = (),
) -> tuple[PlatformCertificate, ...]:
    """Return the certificates in an answer of ``v3/certificates``, in order, each of them once.

    Whether WeChat Pay signed the answer is not checked here.

    Args:
        body: the answer's raw bytes.
        apiv3_key: what the certificates are sealed with (APIv3密钥).
        now: seconds since the epoch.
        authorities: whom to trust to issue them; any issuer will do if there are none.

    Raises:
        CertificateError: anything is wrong with any of it.
    """
    found: dict[str, PlatformCertificate] = {}
    for number, entry in enumerate(_entries(body), 1):
        if _is_national(entry):
            continue
        serial = _text(entry, "serial_no", number)
        if not _SERIAL.fullmatch(serial):
            raise _fault(number, "its serial_no is not 1 to 40 hexadecimal digits in capitals")
        one = PlatformCertificate(serial, _opened(entry, apiv3_key, number))
        _check(one, entry, now, number)
        if authorities:
            check_issuer(one.certificate, authorities, now, f"certificate {number} ({serial})")
        if found.setdefault(serial, one).certificate != one.certificate:
            raise _fault(number, f"the serial {serial} stands there twice, for two certificates")
    if not found:
        raise CertificateError(
            "the list holds no certificate: ask WeChat Pay's support, or use its public key "
            "(微信支付公钥)"
        )
    return tuple(found.values())


def check_issuer(
    certificate: x509.Certificate,
    authorities: Sequence[x509.Certificate],
    now: float,
    name: str = "the certificate",
) -> None:
    """Want a certificate to be issued by authorities (CA), all the way up, and in force.

    One that is still to come is checked for the time at which it begins.

    Raises:
        CertificateError: it is not.
    """
    moment = max(now, certificate.not_valid_before_utc.timestamp())
    builder = PolicyBuilder().store(Store(list(authorities)))
    builder = builder.time(datetime.datetime.fromtimestamp(moment, datetime.UTC))
    # Of itself a platform certificate need not have what one of a web server must.
    verifier = builder.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    ).build_client_verifier()
    try:
        # A file of authorities may hold intermediate ones, too.
        verifier.verify(certificate, list(authorities))
    except (VerificationError, *_DAMAGED):
        pass
    else:
        return
    raise CertificateError(
        f"{name} was not issued by the authorities in ca: check that file, and trust nothing that "
        "came with this list"
    )


def _entries(body: bytes) -> list[Mapping[str, Any]]:
    try:
        value = document.loads(body)
    except DecodeError as error:
        raise CertificateError(f"the answer is no list of certificates: {error}") from None
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise CertificateError("the answer is no list of certificates: it has no data of objects")
    return data


def _is_national(entry: Mapping[str, Any]) -> bool:
    sealed = entry.get("encrypt_certificate")
    return isinstance(sealed, dict) and sealed.get("algorithm") == NATIONAL


def _opened(entry: Mapping[str, Any], apiv3_key: Sensitive[Any], number: int) -> x509.Certificate:
    sealed = entry.get("encrypt_certificate")
    if not isinstance(sealed, dict):
        raise _fault(number, "its encrypt_certificate is missing")
    if sealed.get("algorithm") != aes.GCM:
        raise _fault(number, f"it is not sealed with {aes.GCM}")
    nonce, ciphertext = _text(sealed, "nonce", number), _text(sealed, "ciphertext", number)
    associated = sealed.get("associated_data")
    if not isinstance(associated, (str, type(None))):
        raise _fault(number, "its associated_data is no text")
    plain = _unsealed(ciphertext, apiv3_key, nonce, associated or "")
    if plain is None:
        raise _fault(number, f"it does not open: {_CHECK_KEY}")
    try:
        (certificate,) = x509.load_pem_x509_certificates(plain)
        # Read when they are asked for, so that is done where damage is expected.
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _DAMAGED:
        raise _fault(number, "what is sealed in it is not one certificate as PEM") from None
    return certificate


def _unsealed(
    ciphertext: str, apiv3_key: Sensitive[Any], nonce: str, associated: str
) -> bytes | None:
    """Return the plaintext, or None; an error would carry frames that hold the key."""
    try:
        raw = nonce.encode()
        if len(raw) != aes.GCM_NONCE_SIZE:
            return None
        key = octets(apiv3_key.reveal(), "apiv3_key")
        return aes.gcm_decrypt(ciphertext, key, raw, associated.encode())
    except ValueError:
        return None


def _check(one: PlatformCertificate, entry: Mapping[str, Any], now: float, number: int) -> None:
    if int(one.serial, 16) != one.certificate.serial_number:
        raise _fault(number, f"its serial_no is {one.serial}, but not that of the certificate")
    try:
        public_key_of(one.certificate, f"certificate {number} ({one.serial})")
    except ConfigurationError as error:
        raise CertificateError(f"in the list {error}") from None
    for name, own in (("effective_time", one.not_before), ("expire_time", one.not_after)):
        told = _moment(_text(entry, name, number), name, number)
        if abs(told - own.timestamp()) > DATE_TOLERANCE:
            raise _fault(number, f"its {name} is not that of the certificate {one.serial}")
    if one.not_after.timestamp() <= now:
        raise _fault(
            number, f"{one.serial} expired on {one.not_after:%Y-%m-%d}: check the clock here first"
        )


def _moment(text: str, name: str, number: int) -> float:
    try:
        if _DATE.fullmatch(text):
            return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    raise _fault(number, f"its {name} is no date with a time zone")


def _text(entry: Mapping[str, Any], name: str, number: int) -> str:
    value = entry.get(name)
    if isinstance(value, str) and value:
        return value
    raise _fault(number, f"its {name} is missing, or no text")


def _fault(number: int, problem: str) -> CertificateError:
    return CertificateError(f"certificate {number} of the list is not to be trusted: {problem}")
