"""What TLS is set up with: authorities to trust, and a merchant's certificate with its key.

Loaded only by a client that has either: reading certificates takes 2 MB of memory.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    pkcs12,
)

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import load_private_key, read_source
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["authorities", "identity", "present"]

_NAMES = {"cert", "key"}


def authorities(ca_certs: Sensitive[Any], name: str = "ca_certs") -> str:
    """Return the certificates of authorities to trust, as PEM.

    Raises:
        ConfigurationError: there are none; `name` says where.
    """
    material, _ = read_source(ca_certs, name)
    try:
        found = x509.load_pem_x509_certificates(material.reveal())
    except ValueError:
        found = []
    if not found:
        raise ConfigurationError(f"{name} holds no certificate: give PEM, or a path to it")
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


@without_frames
def identity(
    merchant: Sensitive[Any],
) -> tuple[list[x509.Certificate], Sensitive[RSAPrivateKey | None]]:
    """Return certificate chain and key of a merchant, checked to belong together."""
    given = merchant.reveal()
    if not isinstance(given, Mapping) or not {"cert"} <= set(given) <= _NAMES:
        raise ConfigurationError("merchant must be {'cert': …, 'key': …}")
    material, passphrase = read_source(given["cert"], "merchant['cert']")
    chain = _pem_chain(material)
    has_key = chain is None or b"PRIVATE KEY-----" in material.reveal()
    if chain is None:
        chain = _pkcs12_chain(material, passphrase)
    if given.get("key") is not None:
        key = load_private_key(given["key"], "merchant['key']")
    elif has_key:
        key = load_private_key(given["cert"], "merchant['cert']")
    else:
        raise ConfigurationError("merchant['key'] is missing: give the key of merchant['cert']")
    if chain[0].public_key() != key.public_key():
        raise ConfigurationError("merchant['key'] is not the key of merchant['cert']")
    return chain, Sensitive(key)


def _pem_chain(material: Sensitive[bytes]) -> list[x509.Certificate] | None:
    """Return the certificates in PEM or DER, or None if it is something else."""
    try:
        if b"-----BEGIN " in material.reveal():
            return x509.load_pem_x509_certificates(material.reveal())
        return [x509.load_der_x509_certificate(material.reveal())]
    except ValueError:
        return None


def _pkcs12_chain(
    material: Sensitive[bytes], passphrase: Sensitive[bytes | None]
) -> list[x509.Certificate]:
    try:
        found = pkcs12.load_pkcs12(material.reveal(), passphrase.reveal())
    except ValueError:
        raise ConfigurationError(
            "merchant['cert'] is neither a certificate nor a PKCS#12 file that opens with this "
            "passphrase: give (file, passphrase); WeChat Pay's is the mchid"
        ) from None
    if found.cert is None:
        raise ConfigurationError("merchant['cert'] is a PKCS#12 file without a certificate")
    return [found.cert.certificate, *(each.certificate for each in found.additional_certs)]


def present(
    context: ssl.SSLContext, chain: list[x509.Certificate], key: Sensitive[RSAPrivateKey | None]
) -> x509.Certificate:
    """Let a context show a certificate; return it."""
    passphrase = Sensitive(secrets.token_hex(32).encode())
    # OpenSSL takes files only; on the disk the key is locked, and gone at once.
    locked = _locked(key, passphrase)
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    with _file(pem + locked) as path:
        context.load_cert_chain(path, password=passphrase.reveal())
    return chain[0]


def _locked(key: Sensitive[Any], passphrase: Sensitive[bytes]) -> bytes:
    encryption = BestAvailableEncryption(passphrase.reveal())
    pem: bytes = key.reveal().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return pem


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield Path(name)
    finally:
        Path(name).unlink()
