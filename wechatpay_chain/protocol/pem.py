"""PEM, DER and PKCS#12 bytes → key and certificate objects, or the problem with them.

What the bytes hold counts, not what their label says, so that each error can name
it. A problem is returned and not raised: an exception would carry the frames in
which the key's bytes stand. Bytes and passphrases come in hidden and are revealed
only where they are used.
"""

from __future__ import annotations

import binascii
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from wechatpay_chain.protocol.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["PREFIXES", "Problem", "is_certificate", "is_recognised", "parse"]


class Problem(str):
    """What is wrong with a key, in words that follow its name."""

    __slots__ = ()


UNREADABLE = Problem("is no key that can be read: give a path, PEM, DER, or base64 behind a prefix")
CUT = Problem("is no key that can be read: it begins as PEM, but its END line is missing")
NO_BASE64 = Problem("is no key that can be read: it is not base64 throughout")
UNSUPPORTED = Problem("is of a kind that is not supported: an RSA key is needed")
UNSUPPORTED_LOCK = Problem(
    "is encrypted in a way that is not supported: encrypt it anew with openssl pkcs8 -topk8"
)
LOCKED = Problem("is encrypted: give (key, passphrase)")
LOCKED_PKCS12 = Problem(
    "is a PKCS#12 file: give (file, passphrase); WeChat Pay's has the mchid as its passphrase"
)
EMPTY_PKCS12 = Problem("is a PKCS#12 file in which there is no such key")
NOT_LOCKED = Problem("is not encrypted: give it without a passphrase")
NOT_OPENED = Problem("cannot be opened: the passphrase is wrong, or the key is damaged")
REQUEST = Problem("is a request for a certificate (CSR), which is of no use here: give the key")
CHAIN = Problem("is a PKCS#7 bundle: give one certificate, as PEM or DER")
OPENSSH = Problem("is an OpenSSH key: convert it with ssh-keygen -e -m PEM, or -p if it is private")
PUTTY = Problem("is a PuTTY key: export it as an OpenSSL key (PEM)")
UTF16 = Problem("is UTF-16 text: save it as ASCII")

PREFIXES = (b"private.pkcs1://", b"private.pkcs8://", b"public.pkcs1://", b"public.spki://")
"""The PHP SDK's prefixes of bare base64."""

_LABELS: Mapping[bytes, Problem] = {
    b"CERTIFICATE REQUEST": REQUEST,
    b"NEW CERTIFICATE REQUEST": REQUEST,
    b"PKCS7": CHAIN,
    b"CMS": CHAIN,
    b"OPENSSH PRIVATE KEY": OPENSSH,
}
_BEGINNINGS: Mapping[bytes, Problem] = {
    b"ssh-": OPENSSH,
    b"---- BEGIN SSH2": OPENSSH,
    b"PuTTY-User-Key-File": PUTTY,
    b"\xff\xfe": UTF16,
    b"\xfe\xff": UTF16,
}

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_PRIVATE = re.compile(rb"(?:.* )?PRIVATE KEY")
_PUBLIC = re.compile(rb"(?:.* )?(?:PUBLIC KEY|CERTIFICATE)")

Passphrase = Sensitive[bytes | None]
_Reader = Callable[[Sensitive[bytes], Passphrase, bool], object]


class _Shape(NamedTuple):
    """A form of key: how its DER begins, what it is called, and what reads it."""

    pattern: re.Pattern[bytes]
    words: str
    read: _Reader
    prefix: bytes = b""
    encrypted: bool = False


def is_certificate(value: object) -> TypeGuard[x509.Certificate]:
    """Tell whether an object is a certificate of the `cryptography` package."""
    # Where its module was not loaded, there can be none.
    module = sys.modules.get("cryptography.x509")
    return module is not None and isinstance(value, module.Certificate)


def is_recognised(data: bytes) -> bool:
    """Tell whether a text is a key of some form, and so no file's name."""
    return b"-----BEGIN " in data or data.startswith((*PREFIXES, *_BEGINNINGS))


def parse(data: Sensitive[bytes], passphrase: Passphrase, *, private: bool) -> object | Problem:
    """Return the key or certificate in some bytes, or what is wrong with them.

    Of several in one file (a bundle, a PKCS#12 file) the first is taken that is private,
    or the first that is not.
    """
    prefix = next((word for word in PREFIXES if data.reveal().startswith(word)), b"")
    if prefix:
        rest = Sensitive(data.reveal().removeprefix(prefix))
        return _from_base64(rest, passphrase, private, prefix)
    for beginning, problem in _BEGINNINGS.items():
        if data.reveal().startswith(beginning):
            return problem
    if b"-----BEGIN " not in data.reveal():
        return _from_der(data, passphrase, private)
    label, block = _choose(data.reveal(), private)
    if label in _LABELS or not label:
        return _LABELS.get(label, CUT)
    if b"Proc-Type:" in block.reveal():
        # A key encrypted the old way: its cipher stands in headers, which need their lines.
        return _opened(_read_pem, block, passphrase, private, encrypted=True)
    return _from_base64(Sensitive(_BLOCK.sub(rb"\2", block.reveal())), passphrase, private)


def _choose(data: bytes, private: bool) -> tuple[bytes, Sensitive[bytes]]:
    """Return the label and the whole of the block that is wanted, or else of the first one."""
    # As in an environment variable: line feeds may be spelled out.
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(data.replace(b"\\n", b"\n"))]
    del data
    wanted = _PRIVATE if private else _PUBLIC
    keys = [block for block in blocks if not block[0].endswith(b" PARAMETERS")]
    chosen = [block for block in keys if wanted.fullmatch(block[0])]
    label, block = (chosen or keys or [(b"", b"")])[0]
    return label, Sensitive(block)


def _from_base64(
    encoded: Sensitive[bytes], passphrase: Passphrase, private: bool, prefix: bytes = b""
) -> object:
    try:
        # Any line length is read, also none at all.
        text = b"".join(encoded.reveal().split())
        der = Sensitive(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return NO_BASE64
    return _from_der(der, passphrase, private, prefix)


def _from_der(
    data: Sensitive[bytes], passphrase: Passphrase, private: bool, prefix: bytes = b""
) -> object:
    for shape in _SHAPES:
        if shape.pattern.match(data.reveal()):
            if prefix and shape.prefix != prefix:
                return Problem(f"is no {prefix.decode()} but {shape.words}{_better(shape)}")
            return _opened(shape.read, data, passphrase, private, encrypted=shape.encrypted)
    return UNREADABLE


def _better(shape: _Shape) -> str:
    return f": put {shape.prefix.decode()} before it" if shape.prefix else ""


def _opened(
    read: _Reader,
    data: Sensitive[bytes],
    passphrase: Passphrase,
    private: bool,
    *,
    encrypted: bool,
) -> object:
    given = passphrase.reveal() is not None
    try:
        return read(data, passphrase, private)
    except TypeError:
        # What cryptography raises when a passphrase is missing, or given without need.
        return NOT_LOCKED if given else LOCKED
    except UnsupportedAlgorithm:
        return UNSUPPORTED_LOCK if encrypted else UNSUPPORTED
    except ValueError:
        if read is _read_pkcs12 and not given:
            return LOCKED_PKCS12
        return NOT_OPENED if encrypted else UNREADABLE


def _read_private(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    return load_der_private_key(data.reveal(), passphrase.reveal())


def _read_pem(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    return load_pem_private_key(data.reveal(), passphrase.reveal())


def _read_public(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    return load_der_public_key(data.reveal())


# What reads certificates takes 2 MB of memory, so it is loaded with the first of them.


def _read_certificate(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    from cryptography import x509

    return x509.load_der_x509_certificate(data.reveal())


def _read_pkcs12(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    from cryptography.hazmat.primitives.serialization import pkcs12

    opened = pkcs12.load_pkcs12(data.reveal(), passphrase.reveal())
    if private:
        return opened.key or EMPTY_PKCS12
    certificates = [*([opened.cert] if opened.cert else []), *opened.additional_certs]
    return certificates[0].certificate if certificates else EMPTY_PKCS12


def _read_request(data: Sensitive[bytes], passphrase: Passphrase, private: bool) -> object:
    return REQUEST


# A sequence's tag and length (X.690, 8.1): up to 127 bytes, or a length of one to four bytes.
_SEQUENCE = rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83.{3}|\x84.{4})"
_VERSION_0, _VERSION_1, _VERSION_3 = rb"\x02\x01\x00", rb"\x02\x01\x01", rb"\x02\x01\x03"
# 1.2.840.113549.1.5 and .12: the ways to encrypt by a passphrase of PKCS#5 and PKCS#12.
_BY_PASSPHRASE = rb"\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c]"


def _shape(beginning: bytes, words: str, read: _Reader, prefix: bytes = b"") -> _Shape:
    encrypted = _BY_PASSPHRASE in beginning or read is _read_pkcs12
    return _Shape(re.compile(beginning, re.DOTALL), words, read, prefix, encrypted)


# The first that matches counts.
_SHAPES: tuple[_Shape, ...] = (
    _shape(_SEQUENCE + _VERSION_0 + _SEQUENCE, "a PKCS#8 key", _read_private, PREFIXES[1]),
    _shape(_SEQUENCE + _VERSION_0 + rb"\x02", "a PKCS#1 key", _read_private, PREFIXES[0]),
    _shape(_SEQUENCE + _VERSION_1 + rb"\x04", "an elliptic-curve key", _read_private),
    _shape(_SEQUENCE + _VERSION_3 + _SEQUENCE, "a PKCS#12 file", _read_pkcs12),
    _shape(_SEQUENCE * 2 + _BY_PASSPHRASE, "an encrypted key", _read_private, PREFIXES[1]),
    _shape(_SEQUENCE * 2 + rb"\x06", "an SPKI public key", _read_public, PREFIXES[3]),
    _shape(_SEQUENCE * 2 + _VERSION_0 + _SEQUENCE, "a request for a certificate", _read_request),
    _shape(_SEQUENCE * 2 + rb"[\xa0\x02]", "a certificate", _read_certificate),
    _shape(_SEQUENCE + rb"\x02", "a PKCS#1 public key", _read_public, PREFIXES[2]),
)
