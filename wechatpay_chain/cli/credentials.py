"""What a merchant needs to use the sandbox: numbers to read, and key files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import Identity, Sandbox

__all__ = ["Credentials", "write_keys"]

PRIVATE_KEY = "apiclient_key.pem"
PUBLIC_KEY = "pub_key.pem"
CERTIFICATE = "platform_cert.pem"
APIV3_KEY = "apiv3_key.txt"
SECRET = "apiv2_key.txt"  # noqa: S105 - the name of a file
MERCHANT_CERTIFICATE = "apiclient_cert.pem"
AUTHORITY = "ca.pem"
PROFILE = "profile.toml"

# A gateway that listens everywhere is reached at this machine's own address.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not listened on


@dataclass(frozen=True)
class Credentials:
    """What a client is configured with; the secrets are in files and not in here."""

    base_uri: str
    mchid: str
    serial: str
    public_key_id: str
    certificate_serial: str
    keys: Path
    tls: bool
    brand: bool

    @classmethod
    def of(cls, gateway: Sandbox, keys: Path) -> Self:
        """Return those of a running gateway whose keys were written to a directory."""
        identity = gateway.identity
        return cls(
            base_uri=_reachable(gateway.base_uri),
            mchid=identity.merchant.mchid,
            serial=identity.merchant.serial,
            public_key_id=identity.public_key.serial,
            certificate_serial=identity.certificate.serial,
            keys=keys,
            tls=gateway.base_uri.startswith("https://"),
            brand=identity.brand,
        )

    @property
    def document(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            "base_uri": self.base_uri,
            "mchid": self.mchid,
            "scheme": "brand" if self.brand else "rsa",
            "serial": self.serial,
            "private_key": str(self.keys / PRIVATE_KEY),
            "public_key_id": self.public_key_id,
            "public_key": str(self.keys / PUBLIC_KEY),
            "certificate_serial": self.certificate_serial,
            "certificate": str(self.keys / CERTIFICATE),
            "apiv3_key": str(self.keys / APIV3_KEY),
            "secret": str(self.keys / SECRET),
            "merchant_certificate": str(self.keys / MERCHANT_CERTIFICATE),
            "ca": str(self.keys / AUTHORITY) if self.tls else None,
            "profile": str(self.keys / PROFILE),
        }

    @property
    def snippet(self) -> str:
        """Python that makes a client and a first call."""
        return "\n".join(
            (
                f"from wechatpay_chain import Client{', Scheme' if self.brand else ''}",
                "",
                f"keys = {str(self.keys)!r}",
                "client = Client(",
                f'    mchid="{self.mchid}",',
                f'    serial="{self.serial}",',
                f'    private_key=f"{{keys}}/{PRIVATE_KEY}",',
                f'    certs={{"{self.public_key_id}": f"{{keys}}/{PUBLIC_KEY}"}},',
                f'    base_uri="{self.base_uri}",',
                *([f'    ca_certs=f"{{keys}}/{AUTHORITY}",'] if self.tls else []),
                *(["    scheme=Scheme.BRAND,"] if self.brand else []),
                ")",
                'response = client.v3.security.echo.post(json={"echo_message": "你好"})',
                "print(response.verified, response.json())",
            )
        )


def write_keys(gateway: Sandbox, directory: Path) -> Path:
    """Write the keys of a running gateway into a directory, made if need be, with a profile of it.

    Returns the directory as an absolute path.

    Raises:
        ConfigurationError: a file of such a name is there, which may be a real key.
    """
    directory = directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = _files(gateway.identity)
    tls = gateway.base_uri.startswith("https://")
    if tls:
        files[AUTHORITY] = (gateway.ca, 0o644)
    files[PROFILE] = (_profile(gateway.identity, _reachable(gateway.base_uri), tls=tls), 0o600)
    for name in files:
        if (directory / name).exists():
            raise ConfigurationError(
                f"{directory / name} exists and may be a real key: remove it, or name another "
                "directory"
            )
    for name, (text, mode) in files.items():
        # O_EXCL: whatever appears under the name meanwhile is not written to either.
        handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
    return directory


def _files(identity: Identity) -> dict[str, tuple[str, int]]:
    return {
        PRIVATE_KEY: (identity.merchant.private_key_pem, 0o600),
        PUBLIC_KEY: (identity.public_key.pem, 0o644),
        CERTIFICATE: (identity.certificate.pem, 0o644),
        APIV3_KEY: (identity.apiv3_key, 0o600),
        SECRET: (identity.merchant.secret, 0o600),
        MERCHANT_CERTIFICATE: (identity.merchant.certificate_pem, 0o644),
    }


def _profile(identity: Identity, base_uri: str, *, tls: bool) -> str:
    """Return a profile file for the other commands; the files in it lie beside it."""
    settings = {
        "mchid": identity.merchant.mchid,
        "serial": identity.merchant.serial,
        "private_key": PRIVATE_KEY,
        "public_key_id": identity.public_key.serial,
        "public_key": PUBLIC_KEY,
        "apiv3_key_file": APIV3_KEY,
        "secret_file": SECRET,
        "merchant_cert": MERCHANT_CERTIFICATE,
        "merchant_key": PRIVATE_KEY,
        "base_uri": base_uri,
        **({"ca_certs": AUTHORITY} if tls else {}),
        **({"scheme": "brand"} if identity.brand else {}),
    }
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    certificate = f'{identity.certificate.serial} = "{CERTIFICATE}"'
    return "\n".join(("[default]", *lines, "", "[default.certs]", certificate, ""))


def _reachable(base_uri: str) -> str:
    host = urlsplit(base_uri).hostname or ""
    written = f"[{host}]" if ":" in host else host
    return base_uri.replace(written, _EVERYWHERE.get(host, written), 1)
