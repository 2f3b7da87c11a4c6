"""Who the parties of a sandbox are: merchants, and WeChat Pay with its living keys.

Throw-away keys are made once a process: they protect nothing, and making them
takes longer than most tests. For the same reason merchants share one private
key; each has its own certificate, serial and secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from wechatpay_chain.sandbox.authority import (
    EVER,
    LONG_AGO,
    Authority,
    Period,
    authority,
    pem,
)
from wechatpay_chain.sandbox.platform import (
    Platform,
    PlatformKey,
    Shown,
    platform_certificate,
    serial_of,
    throw_away_key,
)

__all__ = ["Identity", "Merchant", "throw_away_identity"]

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
class Identity:
    """All keys of a sandbox: the merchants', and WeChat Pay's (微信支付公钥, 平台证书).

    It begins with a public key and a certificate of WeChat Pay's, both alive, as while a
    merchant moves from the one to the other; `platform` adds more, and chooses among them.
    `merchant` is the first of the merchants. With `brand` they are brands (品牌), which sign
    by a scheme of their own; so do the answers to them.
    """

    merchant: Merchant
    public_key: PlatformKey
    certificate: PlatformKey
    apiv3_key: str = field(repr=False)
    others: tuple[Merchant, ...] = ()
    brand: bool = False
    platform: Platform = field(default_factory=Platform, init=False, repr=False, compare=False)
    """What changes while a gateway runs; a copy of an identity begins anew."""

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
        keys = (self.public_key, self.certificate, *self.platform.added)
        return {key.serial: key for key in keys}

    @property
    def certs(self) -> Mapping[str, Shown]:
        """What a client is configured with: public key and certificate by their serials."""
        return {serial: key.shown for serial, key in self.platform_keys.items()}

    @property
    def listed(self) -> tuple[PlatformKey, ...]:
        """The certificates that merchants can download now."""
        return self.platform.listed(self.platform_keys.values())

    def platform_key(self, serial: str | None = None) -> PlatformKey:
        """Return the key to sign a message with, as WeChat Pay chooses.

        That is the one that `serial`, of the request, names; else the one whose turn it is.
        """
        named = self.platform_keys.get(serial or "")
        return named or self.platform.choose() or self.public_key


@cache
def throw_away_identity(mchid: str, *others: str) -> Identity:
    """Return the identity that serves these merchants in this process; made on first use."""
    return Identity(
        merchant=_merchant(mchid),
        public_key=PlatformKey(
            serial=f"PUB_KEY_ID_01{mchid}".ljust(39, "0"),
            private_key=throw_away_key("public key"),
            shown=throw_away_key("public key").public_key(),
        ),
        certificate=_first_certificate(),
        apiv3_key=_apiv3_key(),
        others=tuple(_merchant(other) for other in dict.fromkeys(others) if other != mchid),
    )


@cache
def _merchant(mchid: str) -> Merchant:
    key = throw_away_key("merchant")
    certificate = _issue(mchid, key.public_key(), _MERCHANT_AUTHORITY, EVER)
    return Merchant(
        mchid=mchid,
        serial=serial_of(certificate),
        private_key=key,
        certificate=certificate,
        secret=secrets.token_hex(16),
    )


def _issue(mchid: str, key: RSAPublicKey, issuer: str, period: Period) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return authority(issuer).issue(mchid, key, usage, period=period)


@cache
def _apiv3_key() -> str:
    return secrets.token_hex(16)


@cache
def _first_certificate() -> PlatformKey:
    return platform_certificate()


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
