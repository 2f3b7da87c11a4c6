"""WeChat Pay's keys while a gateway runs: certificates come, and messages move over to them.

::

    new = gateway.platform.issue()                  # listed at /v3/certificates from now on
    gateway.platform.rotate(old, new, percent=0.1)  # one message in a thousand is signed by it
    gateway.platform.rotate(old, new, percent=100)
"""

from __future__ import annotations

import datetime
import itertools
import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from wechatpay_chain.sandbox.authority import EVER, Authority, Period, authority, pem

__all__ = [
    "FOREIGN_AUTHORITY",
    "PLATFORM_AUTHORITY",
    "Platform",
    "PlatformKey",
    "Shown",
    "platform_certificate",
    "serial_of",
    "sign_certificate",
    "throw_away_key",
]

Shown: TypeAlias = RSAPublicKey | x509.Certificate

PLATFORM_AUTHORITY = "WeChat Pay sandbox: platform"
FOREIGN_AUTHORITY = "WeChat Pay sandbox: platform of somebody else"
_FIRST = "certificate"


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


class Platform:
    """What changes of WeChat Pay's keys: told in one thread, asked in another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(2)
        self._added: tuple[PlatformKey, ...] = ()
        self._unlisted: frozenset[str] = frozenset()
        self._public_key_only: frozenset[str] = frozenset()
        self._choose: Callable[[], PlatformKey | None] = lambda: None

    @property
    def added(self) -> tuple[PlatformKey, ...]:
        """The certificates that were issued here, oldest first."""
        return self._added

    @property
    def authority(self) -> Authority:
        """Who issues the platform certificates."""
        return authority(PLATFORM_AUTHORITY)

    @property
    def ca(self) -> str:
        """The certificate of that authority (CA), as PEM."""
        return pem(self.authority.certificate)

    def issue(
        self, period: tuple[datetime.datetime, datetime.datetime] = EVER, *, listed: bool = True
    ) -> PlatformKey:
        """Make a certificate that is valid from and to a time, and return it with its key.

        Unless it is not `listed`, merchants can download it from now on.
        """
        with self._lock:
            made = platform_certificate(f"{_FIRST} {next(self._numbers)}", period)
            if not listed:
                self._unlisted |= {made.serial}
            self._added = (*self._added, made)
        return made

    def unlist(self, serial: str) -> None:
        """List a certificate no more; it may still sign."""
        with self._lock:
            self._unlisted |= {serial}

    def relist(self, serial: str) -> None:
        """List a certificate again."""
        with self._lock:
            self._unlisted -= {serial}

    def listed(self, keys: Iterable[PlatformKey]) -> tuple[PlatformKey, ...]:
        """Return those keys that are certificates and listed."""
        return tuple(
            key
            for key in keys
            if isinstance(key.shown, x509.Certificate) and key.serial not in self._unlisted
        )

    def rotate(
        self,
        old: PlatformKey,
        new: PlatformKey,
        percent: float = 100,
        *,
        random: Callable[[], float] = random.random,
    ) -> None:
        """Sign so many percent of all messages with the new key, and the rest with the old one.

        Each message is decided on for itself. A request that names a key is answered with
        that key, as always.

        Args:
            old: the key that was in use.
            new: the one that takes over.
            percent: 0.1 for one message in a thousand.
            random: a number from 0 up to 1, a new one for each message.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"{percent} is no percentage")
        self._choose = lambda: new if random() * 100 < percent else old

    def sign_with(self, key: PlatformKey) -> None:
        """Sign all messages with one key."""
        self.rotate(key, key)

    def choose(self) -> PlatformKey | None:
        """Return the key for one message; None if nothing was told."""
        return self._choose()

    def make_public_key_only(self, mchid: str) -> None:
        """Give a merchant no certificates: its list of them does not exist (仅公钥模式)."""
        with self._lock:
            self._public_key_only |= {mchid}

    def is_public_key_only(self, mchid: str) -> bool:
        """Tell whether a merchant has a public key in place of certificates."""
        return mchid in self._public_key_only


def platform_certificate(owner: str = _FIRST, period: Period = EVER) -> PlatformKey:
    """Return the throw-away key of `owner` in a certificate of the platform's authority."""
    return sign_certificate(throw_away_key(owner), PLATFORM_AUTHORITY, period)


def sign_certificate(
    key: RSAPrivateKey, issuer: str, period: Period, holder: ec.EllipticCurvePublicKey | None = None
) -> PlatformKey:
    """Return a platform key in a new certificate; `holder` may be another key that this holds."""
    public = key.public_key() if holder is None else holder
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    made = authority(issuer).issue("Tenpay.com sign", public, usage, period=period)
    return PlatformKey(serial_of(made), key, made)


def serial_of(certificate: x509.Certificate) -> str:
    """Return a certificate's serial as messages name it."""
    return format(certificate.serial_number, "X")


@cache
def throw_away_key(owner: str) -> RSAPrivateKey:
    """Make the key of `owner`: the cache keeps one for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
