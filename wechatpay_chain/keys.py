"""Keys: from whatever people have them in, to checked RSA keys that show nothing.

A key may be given as

- a path, or a ``file://`` URL;
- PEM text or bytes (PKCS#1, PKCS#8, SPKI, X.509), in one line or many;
- DER or PKCS#12 bytes (``apiclient_cert.p12``);
- base64 with the PHP SDK's prefixes: ``private.pkcs1://``, ``private.pkcs8://``,
  ``public.pkcs1://``, ``public.spki://``;
- ``(any of these, passphrase)``;
- an object of the `cryptography` package;
- any of these inside `Sensitive`.

It is loaded when the client is made, so that a wrong key is found at start-up
and not at the first payment.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol import pem
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.warning import warn

if TYPE_CHECKING:
    from cryptography import x509

__all__ = [
    "KeyFileWarning",
    "KeySource",
    "check_apiv3_key",
    "check_secret",
    "check_token",
    "load_certificate",
    "load_key",
    "load_private_key",
    "load_public_key",
    "public_key_of",
    "read_source",
]

KeySource: TypeAlias = Union[
    str,
    bytes,
    "os.PathLike[str]",
    tuple[Any, Any],
    list[Any],
    Sensitive[Any],
    RSAPrivateKey,
    RSAPublicKey,
    "x509.Certificate",
]

SMALLEST_KEY = 2048
"""Bits of the shortest RSA key that is accepted; WeChat Pay's own have 2048."""

APIV3_KEY_SIZE = 32
"""Bytes of the APIv3密钥: AES-256 takes no other."""

_KINDS = (
    (RSAPrivateKey, "a private key"),
    (RSAPublicKey, "a public key"),
    (EllipticCurvePrivateKey, "no RSA key (an elliptic-curve one)"),
    (EllipticCurvePublicKey, "no RSA key (an elliptic-curve one)"),
)
FILE = "file://"
_TOKEN = re.compile(r"[!#-\[\]-~]+")


class KeyFileWarning(UserWarning):
    """A private key's file can be read by other users of the machine."""


def load_private_key(source: KeySource, name: str = "private_key") -> RSAPrivateKey:
    """Return the merchant's private key (商户API私钥), checked.

    Raises:
        ConfigurationError: it cannot be read, or is another kind of key; `name` says which.
    """
    key = load_key(source, name, private=True)
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError(
            f"{name} is {_kind(key)}, but the merchant's RSA private key (apiclient_key.pem) is "
            "needed"
        )
    _check_size(key, name)
    return key


def load_public_key(source: KeySource, name: str = "public_key") -> RSAPublicKey:
    """Return a public key, checked; a certificate gives the one inside it.

    Raises:
        ConfigurationError: it cannot be read, or is another kind of key; `name` says which.
    """
    return public_key_of(load_key(source, name), name)


def load_certificate(source: KeySource, name: str = "certificate") -> x509.Certificate:
    """Return a certificate, checked: the key in it is an RSA key that is long enough.

    Raises:
        ConfigurationError: it cannot be read, or is something else; `name` says which.
    """
    certificate = load_key(source, name)
    if not pem.is_certificate(certificate):
        raise ConfigurationError(f"{name} is {_kind(certificate)}, but a certificate is needed")
    public_key_of(certificate, name)
    return certificate


def read_source(source: KeySource, name: str) -> tuple[Sensitive[bytes], Sensitive[bytes | None]]:
    """Return the bytes that a key or certificates stand in, and their passphrase.

    Raises:
        ConfigurationError: they cannot be read; `name` says which.
    """
    material, passphrase = _split(source)
    del source
    value = material.reveal()
    if pem.is_certificate(value):
        return Sensitive(value.public_bytes(Encoding.PEM)), Sensitive(None)
    if not isinstance(value, (str, bytes, bytearray, os.PathLike)):
        raise ConfigurationError(f"{name} must be a path, PEM or DER, not {type(value).__name__}")
    del value
    return _read(material, name)[0], _passphrase(passphrase, name)


def check_token(value: object, name: str) -> str:
    """Return a text that may stand in a header, between quotes.

    Raises:
        ConfigurationError: it is no text, empty, or holds anything but visible ASCII.
    """
    if isinstance(value, str) and _TOKEN.fullmatch(value):
        return value
    given = "" if isinstance(value, str) else f", not {type(value).__name__}"
    raise ConfigurationError(f"{name} must be a string of visible ASCII characters{given}")


def check_apiv3_key(key: Sensitive[Any]) -> None:
    """Want the APIv3密钥 to be of the size that its cipher needs, if there is one.

    Raises:
        ConfigurationError: it is not.
    """
    plain = key.reveal()
    size = APIV3_KEY_SIZE if plain is None else 0
    if isinstance(plain, (str, bytes)):
        size = len(plain.encode() if isinstance(plain, str) else plain)
    del plain
    if size != APIV3_KEY_SIZE:
        other = f" and not {size}," if size else ""
        raise ConfigurationError(
            f"apiv3_key must be text of {APIV3_KEY_SIZE} bytes,{other} set on WeChat Pay's website"
        )


def check_secret(secret: Sensitive[Any]) -> None:
    """Want the APIv2密钥 to be text, if there is one.

    Raises:
        ConfigurationError: it is not.
    """
    if secret.reveal() is not None and (
        not isinstance(secret.reveal(), str) or not secret.reveal()
    ):
        raise ConfigurationError("secret must be text, the APIv2密钥 set on WeChat Pay's website")


def public_key_of(loaded: object, name: str) -> RSAPublicKey:
    """Return the public key that was loaded, or the one in the certificate that was.

    Raises:
        ConfigurationError: it is another kind of key, or too short; `name` says which.
    """
    key = _key_of(loaded) if pem.is_certificate(loaded) else loaded
    if not isinstance(key, RSAPublicKey):
        holder = "a certificate with " if pem.is_certificate(loaded) else ""
        raise ConfigurationError(
            f"{name} is {holder}{_kind(key)}, but an RSA public key or certificate is needed"
        )
    _check_size(key, name)
    return key


def _key_of(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        # SM2, for one: its curve is unknown to cryptography.
        return None


def load_key(source: KeySource, name: str, *, private: bool = False) -> object:
    """Return whatever key or certificate a source holds.

    Raises:
        ConfigurationError: it cannot be read; `name` says which.
    """
    material, passphrase = _split(source)
    # From here on this frame holds nothing that a traceback with locals could show.
    del source
    if not isinstance(material.reveal(), (str, bytes, bytearray, os.PathLike)):
        return material.reveal()
    data, from_file = _read(material, name)
    loaded = pem.parse(data, _passphrase(passphrase, name), private=private)
    if isinstance(loaded, pem.Problem):
        raise ConfigurationError(f"{name} {loaded}")
    if from_file and isinstance(loaded, RSAPrivateKey):
        _warn_if_shared(material)
    return loaded


def _split(source: KeySource) -> tuple[Sensitive[Any], Sensitive[Any]]:
    """Return (material, passphrase), each hidden."""
    plain = source.reveal() if isinstance(source, Sensitive) else source
    parts = plain if isinstance(plain, (tuple, list)) and len(plain) == 2 else (plain, None)
    material, passphrase = (
        part if isinstance(part, Sensitive) else Sensitive[Any](part) for part in parts
    )
    return material, passphrase


def _read(material: Sensitive[Any], name: str) -> tuple[Sensitive[bytes], bool]:
    """Return the bytes of a key, and whether they come from a file."""
    data = Sensitive(_bytes(material))
    if isinstance(material.reveal(), (bytes, bytearray)) or pem.is_recognised(data.reveal()):
        return data, False
    content, problem = _read_file(material)
    if content is None:
        raise ConfigurationError(
            f"{name} is neither a key nor a file that can be read ({problem}): give a path, PEM, "
            "DER, or base64 behind a prefix"
        )
    return content, True


def _read_file(material: Sensitive[Any]) -> tuple[Sensitive[bytes] | None, str]:
    try:
        return Sensitive(_path(material.reveal()).read_bytes()), ""
    except OSError as error:
        # A text may be a key in some unknown form, so it is not shown as a path.
        shown = f"{_path(material.reveal())}: " if _is_path(material.reveal()) else ""
        return None, shown + (error.strerror or type(error).__name__)
    except ValueError:
        return None, "not a file name"


def _bytes(material: Sensitive[Any]) -> bytes:
    value = material.reveal()
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray)) else os.fsencode(value)


def _path(value: str | os.PathLike[str]) -> Path:
    if isinstance(value, str) and value.startswith(FILE):
        # Not parsed as a URL: PHP's has neither host nor query, and a path may hold "?" or "#".
        return Path(unquote(value.removeprefix(FILE).removeprefix("localhost")))
    return Path(value).expanduser()


def _is_path(value: str | os.PathLike[str]) -> bool:
    return not isinstance(value, str) or value.startswith(FILE)


def _warn_if_shared(material: Sensitive[Any]) -> None:
    path = _path(material.reveal())
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(
            f"{path} holds a private key and can be read by other users: chmod 600 {path}",
            KeyFileWarning,
        )


def _passphrase(passphrase: Sensitive[Any], name: str) -> Sensitive[bytes | None]:
    value = passphrase.reveal()
    if value is None or value in ("", b""):
        return Sensitive(None)
    if isinstance(value, str):
        return Sensitive(value.encode())
    if isinstance(value, bytes):
        return Sensitive(value)
    raise ConfigurationError(f"{name} has a passphrase that is neither text nor bytes")


def _check_size(key: RSAPrivateKey | RSAPublicKey, name: str) -> None:
    if key.key_size < SMALLEST_KEY:
        raise ConfigurationError(
            f"{name} has {key.key_size} bits; WeChat Pay's keys have at least {SMALLEST_KEY}"
        )


def _kind(key: object) -> str:
    for kind, words in _KINDS:
        if isinstance(key, kind):
            return words
    if pem.is_certificate(key):
        return "a certificate"
    return f"no RSA key ({type(key).__name__})"
