"""Throw-away certificate authorities: one vouches for the gateway, one for merchants.

Their keys are made once a process and protect nothing. Elliptic curves, because
an RSA key takes longer to make than most tests take to run.
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = [
    "EVER",
    "LONG_AGO",
    "Authority",
    "Period",
    "authority",
    "pem",
    "random_serial",
    "server_context",
]

Period: TypeAlias = tuple[datetime.datetime, datetime.datetime]
PublicKey: TypeAlias = RSAPublicKey | ec.EllipticCurvePublicKey

# Wide enough for a sandbox whose clock stands in another year.
EVER: Period = (
    datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2115, 1, 1, tzinfo=datetime.UTC),
)
LONG_AGO: Period = (EVER[0], datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC))

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Authority:
    """One authority (CA): its own certificate, and what it issues."""

    certificate: x509.Certificate = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def issue(
        self,
        name: str,
        key: PublicKey,
        usage: x509.ObjectIdentifier,
        *,
        period: Period = EVER,
        hosts: Iterable[str] = (),
    ) -> x509.Certificate:
        """Return a certificate for a common name; of a server it names the hosts as well."""
        builder = _builder(name, key, self.certificate.subject, period)
        names = [_general_name(host) for host in hosts]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            builder.add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )


@cache
def authority(name: str) -> Authority:
    """Return the authority of that name in this process."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(name, key.public_key(), subject, EVER)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        # Newer Pythons refuse an authority that does not say that it may sign certificates.
        .add_extension(_MAY_SIGN_CERTIFICATES, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def server_context(host: str, trusted: Authority, clients: Authority) -> ssl.SSLContext:
    """Return the TLS side of a server on `host`, vouched for by `trusted`.

    A client may show a certificate, never must; one that `clients` did not issue,
    or that has expired, fails the handshake.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = dict.fromkeys((*_LOCAL_NAMES, host))
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    certificate = trusted.issue("localhost", key.public_key(), usage, hosts=hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=pem(clients.certificate))
    # The ssl module takes a key from nothing but a file.
    with TemporaryDirectory(prefix="wechatpay-sandbox-") as directory:
        file = Path(directory, "server.pem")
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + pem(certificate).encode()
        )
        context.load_cert_chain(file)
    return context


def pem(certificate: x509.Certificate) -> str:
    """Write a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def random_serial() -> int:
    """Return a serial whose first byte keeps it positive and always forty hex digits long."""
    return int.from_bytes(b"\x5a" + secrets.token_bytes(19), "big")


_MAY_SIGN_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(
    name: str, key: PublicKey, issuer: x509.Name, period: Period
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(random_serial())
        .not_valid_before(period[0])
        .not_valid_after(period[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode())
