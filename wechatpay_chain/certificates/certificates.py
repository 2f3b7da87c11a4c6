"""`Certificates`: what a client knows of WeChat Pay's certificates (平台证书), and can do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from wechatpay_chain import loops
from wechatpay_chain.certificates import files
from wechatpay_chain.certificates.download import check_parts, fetch
from wechatpay_chain.certificates.listing import PlatformCertificate
from wechatpay_chain.certificates.refresh import Refresh, Refresher
from wechatpay_chain.errors import CertificateError
from wechatpay_chain.parts import Parts
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.tls_material import authorities

if TYPE_CHECKING:
    from wechatpay_chain.client import Client

__all__ = ["Certificates"]


class Certificates:
    """The certificates of one client's key ring: iterate over it to see those in use.

    ::

        client.certificates.refresh()
        for one in client.certificates:
            print(one.serial, one.not_before, one.not_after)
        client.certificates.save("/etc/wechatpay")
    """

    def __init__(self, client: Client, parts: Parts, refresh: Refresh | bool = False) -> None:
        """Serve a client; with `refresh` its ring fetches by itself what is not there.

        Raises:
            ConfigurationError: it cannot be refreshed so.
        """
        policy = Refresh.of(refresh)
        self._client = client
        self._parts = parts
        self._path = policy.path
        self._authorities = _authorities(policy)
        keys = PlatformKeys({}) if parts.platform is None else parts.platform
        self._refresher = Refresher(self.download_async, keys, policy)
        if refresh is not False:
            check_parts(parts).attach(self._refresher)

    def __iter__(self) -> Iterator[PlatformCertificate]:
        """Yield those in use; a key that came without a certificate is not among them."""
        keys = self._parts.platform
        for serial, certificate in (keys.certificates if keys is not None else {}).items():
            yield PlatformCertificate(serial, certificate)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Certificates {', '.join(one.serial for one in self)}>"

    @property
    def last_error(self) -> CertificateError | None:
        """Why the last refresh failed; None if it did not, or there was none."""
        return self._refresher.last_error

    def download(self) -> tuple[PlatformCertificate, ...]:
        """Return the certificates that WeChat Pay lists now, checked; the ring stays as it is.

        Raises:
            CertificateError: they could not be had, or something about them is not right.
            ConfigurationError: the client has no apiv3_key, or is for v2 only.
        """
        return loops.run(self.download_async())

    async def download_async(self) -> tuple[PlatformCertificate, ...]:
        """Return the certificates that WeChat Pay lists now, checked; the ring stays as it is."""
        return await fetch(self._client, self._parts, self._path, self._authorities)

    def refresh(self) -> tuple[PlatformCertificate, ...]:
        """Download certificates and put them into use, all or none; return them.

        Keys that are not listed stay until they expire. If a refresh goes on already, this
        waits for it and starts no other.

        Raises:
            CertificateError: it failed, and all keys stay as they were.
            ConfigurationError: the client has no apiv3_key, or is for v2 only.
        """
        return loops.run(self.refresh_async())

    async def refresh_async(self) -> tuple[PlatformCertificate, ...]:
        """Download certificates and put them into use, all or none; return them."""
        check_parts(self._parts)
        return await self._refresher.refresh()

    def save(self, directory: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write those in use to ``wechatpay_{serial}.pem`` files, and return their paths.

        Each file is there whole or not at all, with mode 0600.

        Raises:
            OSError: one cannot be written.
        """
        return files.save(self, directory)


def _authorities(policy: Refresh) -> tuple[x509.Certificate, ...]:
    if policy.ca is None:
        return ()
    pem = authorities(Sensitive[Any](policy.ca), "Refresh.ca")
    return tuple(x509.load_pem_x509_certificates(pem.encode()))
