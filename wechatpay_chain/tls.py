"""TLS: which authorities are trusted, and the merchant's client certificate (商户API证书).

There is no way to switch verification off. A merchant's certificate has a context,
and so connections, of its own: it is never offered on a call that did not ask for it.
"""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Tls"]


class Tls:
    """One client's TLS: a context for ordinary calls, and one that shows who the merchant is."""

    def __init__(
        self,
        ca_certs: Sensitive[Any],
        merchant: Sensitive[Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Load and check what there is.

        Args:
            ca_certs: authorities to trust in place of the system's, as PEM or a path to it.
            merchant: ``{"cert": …, "key": …}``: PEM or paths, each perhaps with a
                passphrase; or ``{"cert": (PKCS#12, passphrase)}`` alone.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: something cannot be read, or certificate and key do not match.
        """
        self._ca_certs: str | None = None
        self._plain: ssl.SSLContext | bool = True
        self._clock = clock
        self._merchant: ssl.SSLContext | None = None
        self._certificate: x509.Certificate | None = None
        self.private_key = Sensitive[RSAPrivateKey | None](None)
        """The key of the merchant's certificate, which opens what is encrypted for it."""
        if ca_certs.reveal() is None and merchant.reveal() is None:
            return
        from wechatpay_chain import tls_material

        if ca_certs.reveal() is not None:
            self._ca_certs = tls_material.authorities(ca_certs)
            self._plain = self._context()
        if merchant.reveal() is not None:
            self._merchant = self._context()
            chain, self.private_key = tls_material.identity(merchant)
            self._certificate = tls_material.present(self._merchant, chain, self.private_key)

    def context(self, *, security: bool) -> ssl.SSLContext | bool:
        """Return what a call's connection uses; with `security` the merchant's certificate.

        Raises:
            ConfigurationError: there is no such certificate, or not at this time.
        """
        if not security:
            return self._plain
        if self._merchant is None or self._certificate is None:
            raise ConfigurationError(
                "security=True needs the merchant's TLS certificate: give "
                "merchant={'cert': 'apiclient_cert.pem', 'key': 'apiclient_key.pem'} to Client"
            )
        # A gateway breaks off without a word on why, when the request may have been sent.
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        begin, end = self._certificate.not_valid_before_utc, self._certificate.not_valid_after_utc
        if not begin <= now <= end:
            raise ConfigurationError(
                f"merchant['cert'] is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d} only: download "
                "the merchant's new one, or set this machine's clock"
            )
        return self._merchant

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._ca_certs)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        return context
