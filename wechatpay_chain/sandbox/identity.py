"""Who the parties of a sandbox are: merchants, and WeChat Pay with two living keys.

Throw-away keys are made once a process: they protect nothing, and making them
takes longer than most tests. For the same reason merchants share one private
key; each has its own certificate, serial and secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from wechatpay_chain.sandbox.authority import (
    EVER,
    LONG_AGO,
    Authority,
    Period,
    authority,
    pem,
    random_serial,
)

__all__ = ["Identity", "Merchant", "PlatformKey", "throw_away_identity"]

Shown: TypeAlias = RSAPublicKey | x509.Certificate

_MERCHANT_AUTHORITY = "WeChat Pay sandbox: merchants"


@dataclass(frozen=True)
class Merchant:
    """A merchant whose requests the sandbox accepts.

    `certificate` is its API certificate (商户API证书), which it may show in a TLS
    handshake; `secret` is the key of the XML protocol (APIv2密钥).
    """

    mchid: str
    serial: str
    private_key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)
    secret: str = field(repr=False)

    @property
    def certificate_pem(self) -> str:
        """The certificate as PEM, as in the `apiclient_cert.pem` of a real merchant."""
        return pem(self.certificate)

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
            return pem(self.shown)
        return self.shown.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


@dataclass(frozen=True)
class Identity:
    """All keys of a sandbox: the merchants', and WeChat Pay's two (微信支付公钥, 平台证书).

    Both platform keys are alive, as while a merchant moves from the one to the other.
    `merchant` is the first of the merchants. With `brand` they are brands (品牌), which sign
    by a scheme of their own; so do the answers to them.
    """

    merchant: Merchant
    public_key: PlatformKey
    certificate: PlatformKey
    apiv3_key: str = field(repr=False)
    others: tuple[Merchant, ...] = ()
    brand: bool = False

    @property
    def kind(self) -> str:
        """What those who sign are called."""
        return "brand" if self.brand else "merchant"

    @property
    def holder(self) -> str:
        """The field of the Authorization header that says who signs."""
        return "brand_id" if self.brand else "mchid"

    @property
    def scheme(self) -> str:
        """The authorization scheme of requests and answers."""
        return "WECHATPAY-BRAND-SHA256-RSA2048" if self.brand else "WECHATPAY2-SHA256-RSA2048"

    @property
    def merchants(self) -> Mapping[str, Merchant]:
        """All merchants by their numbers, the first in front."""
        return {merchant.mchid: merchant for merchant in (self.merchant, *self.others)}

    @property
    def merchant_authority(self) -> Authority:
        """Who issues the merchants' certificates."""
        return authority(_MERCHANT_AUTHORITY)

    def certificate_for(
        self, mchid: str, *, expired: bool = False, foreign: bool = False, reissued: bool = False
    ) -> str:
        """Return a certificate of a merchant as PEM: its own, or one that opens no door.

        That is one that has expired, one that a foreign authority issued, or one with
        another serial than the merchant's; all of them are for the merchant's own key.
        """
        merchant = self.merchants[mchid]
        if not (expired or foreign or reissued):
            return merchant.certificate_pem
        name = f"{_MERCHANT_AUTHORITY} of somebody else" if foreign else _MERCHANT_AUTHORITY
        period = LONG_AGO if expired else EVER
        return pem(_issue(mchid, merchant.private_key.public_key(), name, period))

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
def throw_away_identity(mchid: str, *others: str) -> Identity:
    """Return the identity that serves these merchants in this process; made on first use."""
    return Identity(
        merchant=_merchant(mchid),
        public_key=PlatformKey(
            serial=f"PUB_KEY_ID_01{mchid}".ljust(39, "0"),
            private_key=_key("public key"),
            shown=_key("public key").public_key(),
        ),
        certificate=PlatformKey(
            serial=_serial(_platform_certificate()),
            private_key=_key("certificate"),
            shown=_platform_certificate(),
        ),
        apiv3_key=_apiv3_key(),
        others=tuple(_merchant(other) for other in dict.fromkeys(others) if other != mchid),
    )


@cache
def _merchant(mchid: str) -> Merchant:
    key = _key("merchant")
    certificate = _issue(mchid, key.public_key(), _MERCHANT_AUTHORITY, EVER)
    return Merchant(
        mchid=mchid,
        serial=_serial(certificate),
        private_key=key,
        certificate=certificate,
        secret=secrets.token_hex(16),
    )


def _issue(mchid: str, key: RSAPublicKey, issuer: str, period: Period) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return authority(issuer).issue(mchid, key, usage, period=period)


@cache
def _key(owner: str) -> RSAPrivateKey:
    """Make the key of `owner`: the cache keeps one for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _apiv3_key() -> str:
    return secrets.token_hex(16)


@cache
def _platform_certificate() -> x509.Certificate:
    common_name = "WeChat Pay sandbox: certificate"
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key("certificate").public_key())
        .serial_number(random_serial())
        .not_valid_before(EVER[0])
        .not_valid_after(EVER[1])
        .sign(_key("certificate"), hashes.SHA256())
    )


def _serial(certificate: x509.Certificate) -> str:
    return format(certificate.serial_number, "X")


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
