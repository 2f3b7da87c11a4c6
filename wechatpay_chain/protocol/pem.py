"""PEM and DER bytes → key and certificate objects, or the problem with them.

A problem is returned and not raised: an exception would carry the frames in
which the key's bytes stand. Bytes and passphrases come in hidden and are
revealed only where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["PREFIXES", "Problem", "armour", "is_pem", "parse"]

PREFIXES = {
    b"private.pkcs1://": "RSA PRIVATE KEY",
    b"private.pkcs8://": "PRIVATE KEY",
    b"public.pkcs1://": "RSA PUBLIC KEY",
    b"public.spki://": "PUBLIC KEY",
}
"""The PHP SDK's prefixes of bare base64, and the PEM label that each stands for."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


class Problem(StrEnum):
    """What is wrong with a key, in words that follow its name."""

    UNREADABLE = "is no key that can be read: give a path, PEM, DER, or base64 behind a prefix"
    UNSUPPORTED = "is of a kind that is not supported: an RSA key is needed"
    LOCKED = "is encrypted: give (key, passphrase)"
    NOT_LOCKED = "is not encrypted: give it without a passphrase"
    NOT_OPENED = "cannot be opened: the passphrase is wrong, or the key is damaged"


def is_pem(data: bytes) -> bool:
    """Tell whether bytes hold the beginning of a PEM block."""
    return b"-----BEGIN " in data


def armour(encoded: bytes, label: str) -> bytes:
    """Return bare base64 as a PEM block."""
    name = label.encode()
    return b"-----BEGIN " + name + b"-----" + encoded + b"-----END " + name + b"-----"


def parse(data: Sensitive[bytes], passphrase: Sensitive[bytes | None]) -> object | Problem:
    """Return the key or certificate in PEM or DER bytes, or what is wrong with them."""
    read = _from_pem if is_pem(data.reveal()) else _from_der
    try:
        return read(data, passphrase)
    except TypeError:
        # What cryptography raises when a passphrase is missing, or given without need.
        given = passphrase.reveal() is not None
        return Problem.NOT_LOCKED if given else Problem.LOCKED
    except UnsupportedAlgorithm:
        return Problem.UNSUPPORTED
    except ValueError:
        given = passphrase.reveal() is not None
        return Problem.NOT_OPENED if given else Problem.UNREADABLE


def _from_pem(data: Sensitive[bytes], passphrase: Sensitive[bytes | None]) -> object:
    found = _BLOCK.search(data.reveal())
    if found is None:
        return Problem.UNREADABLE
    label = found[1].decode()
    # Any line length is read, also none at all, as in an environment variable;
    # only the headers of an old encrypted key (they have colons) need their lines.
    body = found[2] if b":" in found[2] else b"\n" + _wrap(found[2])
    block = armour(body, label)
    if label == "CERTIFICATE":
        return x509.load_pem_x509_certificate(block)
    if label.endswith("PRIVATE KEY"):
        return load_pem_private_key(block, passphrase.reveal())
    if label.endswith("PUBLIC KEY"):
        return load_pem_public_key(block)
    return Problem.UNREADABLE


def _wrap(encoded: bytes) -> bytes:
    text = b"".join(encoded.replace(b"\\n", b"").split())
    return b"".join(text[start : start + 64] + b"\n" for start in range(0, len(text), 64))


def _from_der(data: Sensitive[bytes], passphrase: Sensitive[bytes | None]) -> object:
    readers: tuple[Callable[[], object], ...] = (
        lambda: load_der_public_key(data.reveal()),
        lambda: x509.load_der_x509_certificate(data.reveal()),
    )
    for reader in readers:
        try:
            return reader()
        except ValueError:
            continue
    return load_der_private_key(data.reveal(), passphrase.reveal())
