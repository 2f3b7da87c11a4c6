"""Who the parties of a sandbox are: one merchant, and WeChat Pay with two living keys.

Throw-away keys are made once a process: they protect nothing, and making them
takes longer than most tests.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = ["Identity", "Merchant", "PlatformKey", "throw_away_identity"]

Shown: TypeAlias = RSAPublicKey | x509.Certificate

# Wide enough for a sandbox whose clock stands in another year.
_NOT_BEFORE = datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(2115, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Merchant:
    """The one merchant whose requests the sandbox accepts."""

    mchid: str
    serial: str
    private_key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)

    @property
    def private_key_pem(self) -> str:
        """The private key as PKCS#8 PEM, as in the `apiclient_key.pem` of a real merchant."""
        return _pem(self.private_key)


@dataclass(frozen=True)
class PlatformKey:
    """One key of WeChat Pay, shown to merchants as a public key or as a certificate."""

    serial: str
    private_key: RSAPrivateKey = field(repr=False)
    shown: Shown = field(repr=False)

    @property
    def pem(self) -> str:
        """What a merchant would be given: the public key or the certificate, as PEM."""
        if isinstance(self.shown, x509.Certificate):
            return self.shown.public_bytes(serialization.Encoding.PEM).decode()
        return self.shown.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


@dataclass(frozen=True)
class Identity:
    """All keys of a sandbox: the merchant's, and WeChat Pay's two (微信支付公钥, 平台证书).

    Both platform keys are alive, as while a merchant moves from the one to the other.
    """

    merchant: Merchant
    public_key: PlatformKey
    certificate: PlatformKey
    apiv3_key: str = field(repr=False)

    @property
    def platform_keys(self) -> Mapping[str, PlatformKey]:
        """WeChat Pay's keys by serial or public-key id; the public key comes first."""
        return {key.serial: key for key in (self.public_key, self.certificate)}

    @property
    def certs(self) -> Mapping[str, Shown]:
        """What a client is configured with: public key and certificate by their serials."""
        return {serial: key.shown for serial, key in self.platform_keys.items()}

    def platform_key(self, serial: str | None) -> PlatformKey:
        """Return the key that `serial` names, else the public key, as WeChat Pay chooses."""
        return self.platform_keys.get(serial or "", self.public_key)


@cache
def throw_away_identity(mchid: str) -> Identity:
    """Return the identity that serves `mchid` in this process; its keys are made on first use."""
    return Identity(
        merchant=Merchant(
            mchid=mchid,
            serial=_serial(_certificate("merchant")),
            private_key=_key("merchant"),
            certificate=_certificate("merchant"),
        ),
        public_key=PlatformKey(
            serial=f"PUB_KEY_ID_01{mchid}".ljust(39, "0"),
            private_key=_key("public key"),
            shown=_key("public key").public_key(),
        ),
        certificate=PlatformKey(
            serial=_serial(_certificate("certificate")),
            private_key=_key("certificate"),
            shown=_certificate("certificate"),
        ),
        apiv3_key=_apiv3_key(),
    )


@cache
def _key(owner: str) -> RSAPrivateKey:
    """Make the key of `owner`: the cache keeps one for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _apiv3_key() -> str:
    return secrets.token_hex(16)


@cache
def _certificate(owner: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"WeChat Pay sandbox: {owner}")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key(owner).public_key())
        # The first byte keeps the serial positive and always forty hex digits long.
        .serial_number(int.from_bytes(b"\x5a" + secrets.token_bytes(19), "big"))
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .sign(_key(owner), hashes.SHA256())
    )


def _serial(certificate: x509.Certificate) -> str:
    return format(certificate.serial_number, "X")


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
