"""WeChat Pay's own keys: public keys (微信支付公钥) and certificates (平台证书), side by side.

A key is chosen by the serial that a message names, never by trying all. A ring
may be added to while it is in use: readers need no lock, because what they read
is never changed, only replaced as a whole.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.errors import CertificateError
from wechatpay_chain.keys import KeySource, check_token, load_key, public_key_of
from wechatpay_chain.protocol import pem
from wechatpay_chain.warning import CertificateExpiryWarning, warn

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["DAY", "PUBLIC_KEY_ID", "WARN_BEFORE", "PlatformKeys", "Supply"]

PUBLIC_KEY_ID = "PUB_KEY_ID_"
"""What the id of a WeChat Pay public key (微信支付公钥) starts with."""

DAY = 86400.0
"""Seconds of a day."""

WARN_BEFORE = 10.0
"""Days before its end from which a certificate should have a successor: then it is issued."""


class Supply(Protocol):
    """Where a ring gets certificates from that it does not have yet."""

    def touch(self) -> None:
        """Begin to fetch in the background, if it is time to; return at once."""

    async def look_for(self, serial: str) -> None:
        """Fetch, if that may bring this serial; for an empty one, if it may bring any key."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key; of one that came without a certificate no dates are known."""

    key: RSAPublicKey
    certificate: x509.Certificate | None = None
    start: float = -inf
    end: float = inf

    @classmethod
    def of(cls, loaded: object, name: str) -> _Entry:
        key = public_key_of(loaded, name)
        if not pem.is_certificate(loaded):
            return cls(key)
        start, end = loaded.not_valid_before_utc, loaded.not_valid_after_utc
        return cls(key, loaded, start.timestamp(), end.timestamp())

    def distance(self, now: float) -> float:
        """Return how many seconds from now it is in force; up to 0 if it is."""
        return max(self.start - now, now - self.end)


class PlatformKeys(Mapping[str, RSAPublicKey]):
    """WeChat Pay's own keys, by certificate serial or public key id.

    A key is chosen by the serial that a message names, never by trying all.
    """

    def __init__(
        self, sources: Mapping[str, KeySource], *, clock: Callable[[], float] = time.time
    ) -> None:
        """Load each key or certificate.

        Args:
            sources: ``{serial_or_public_key_id: key_or_certificate}``.
            clock: seconds since the epoch, to tell which certificates are in force.

        Raises:
            ConfigurationError: a serial is no header value, or a key is no public RSA key.
        """
        # First, so that one that could not be made has a repr.
        self._entries: dict[str, _Entry] = {}
        self._clock = clock
        self._supply: Supply | None = None
        self._warned: set[str] = set()
        entries: dict[str, _Entry] = {}
        for serial, source in sources.items():
            name = f"certs[{check_token(serial, 'the serial of a platform key')!r}]"
            entries[serial] = _Entry.of(load_key(source, name), name)
        self._entries = entries

    def __getitem__(self, serial: str) -> RSAPublicKey:
        if self._supply is not None:
            self._supply.touch()
        return self._entries[serial].key

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<PlatformKeys {', '.join(self._entries)}>"

    async def find(self, serial: str) -> RSAPublicKey | None:
        """Return the key of a serial, or None if there is none.

        Where certificates are refreshed, an unknown serial is waited for while one
        download goes on; any loop of any thread may do so.
        """
        key = self.get(serial)
        if key is None and self._supply is not None:
            await self._supply.look_for(serial)
            key = self.get(serial)
        return key

    async def choose(self) -> str:
        """Return the serial to encrypt for, `preferred`; fetch if none is in force."""
        serial = self.preferred
        entry = self._entries.get(serial)
        is_good = entry is not None and entry.distance(self._clock()) <= 0
        if not is_good and self._supply is not None:
            await self._supply.look_for("")
        return self.preferred

    @property
    def preferred(self) -> str:
        """The serial to encrypt for; empty if there is no key.

        A public key's id, else that of the newest certificate in force, else of the
        one that is nearest to being so.
        """
        entries, now = self._entries, self._clock()
        for serial in entries:
            if serial.startswith(PUBLIC_KEY_ID):
                return serial
        in_force = [serial for serial, entry in entries.items() if entry.distance(now) <= 0]
        if in_force:
            return max(in_force, key=lambda serial: (entries[serial].start, entries[serial].end))
        # The clock here may be wrong, and WeChat Pay refuses what it cannot open.
        return min(entries, key=lambda serial: entries[serial].distance(now), default="")

    @property
    def certificates(self) -> Mapping[str, x509.Certificate]:
        """Those keys that came in a certificate, by serial."""
        entries = self._entries
        return {s: e.certificate for s, e in entries.items() if e.certificate is not None}

    @property
    def refreshes(self) -> bool:
        """Whether keys that are not there yet may be fetched."""
        return self._supply is not None

    def expires(self, serial: str) -> float | None:
        """Return the second since the epoch at which a certificate ends; None if unknown."""
        entry = self._entries.get(serial)
        return None if entry is None or entry.end == inf else entry.end

    def attach(self, supply: Supply) -> None:
        """Fetch what is not there from a supply, from now on."""
        self._supply = supply

    def check(self, certificates: Mapping[str, x509.Certificate]) -> None:
        """Want certificates to agree with the keys that are known under their serials.

        Raises:
            CertificateError: one has another key.
        """
        entries = self._entries
        for serial, certificate in certificates.items():
            if serial in entries and entries[serial].key != certificate.public_key():
                raise CertificateError(
                    f"the certificate {serial} has another key than is known under this serial: "
                    "check certs, and ask WeChat Pay's support if they are right"
                )

    def put(self, certificates: Mapping[str, x509.Certificate]) -> None:
        """Add certificates, all or none, and drop those that have expired.

        A certificate that is not among them stays until it expires: WeChat Pay may still
        sign with it.

        Raises:
            CertificateError: one disagrees with a known key; nothing was changed.
        """
        with _writing:
            self.check(certificates)
            now = self._clock()
            kept = {serial: entry for serial, entry in self._entries.items() if entry.end > now}
            added = {serial: _Entry.of(one, serial) for serial, one in certificates.items()}
            self._entries = {**kept, **added}

    def warn_of_expiry(self, days: float = WARN_BEFORE) -> None:
        """Warn, once each, of certificates that have expired, or soon will without a successor."""
        entries, now = self._entries, self._clock()
        lasts = any(entry.end > now + days * DAY for entry in entries.values())
        for serial, entry in entries.items():
            left = entry.end - now
            if serial in self._warned or left > days * DAY or (lasts and left > 0):
                continue
            self._warned.add(serial)
            warn(_expiry(serial, left), CertificateExpiryWarning)


def _expiry(serial: str, left: float) -> str:
    certificate = f"WeChat Pay's certificate {serial}"
    if left <= 0:
        return f"{certificate} has expired: take it out of certs"
    return (
        f"{certificate} expires in {ceil(left / DAY)} days, and no key here outlasts it: download "
        "its successor (client.certificates.refresh()), or use WeChat Pay's public key"
    )


# One for all rings: writes are rare.
_writing = threading.Lock()


def _renew_lock() -> None:
    # In a forked child nobody is left who would release it.
    global _writing
    _writing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
