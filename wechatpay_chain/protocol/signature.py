"""The signature headers of an answer: read strictly, before anything is trusted.

Exactly one of each header, ten ASCII digits, strict base64, the configured
scheme: an answer that is lenient in any of these is refused, because a
leniency is what an attacker needs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.errors import Reason, UnverifiedError
from wechatpay_chain.protocol import binary, formatter
from wechatpay_chain.protocol.scheme import Scheme

__all__ = [
    "MAXIMUM_CLOCK_OFFSET",
    "Headers",
    "Proof",
    "Signed",
    "check",
    "is_probe",
    "is_signed",
    "read",
]

MAXIMUM_CLOCK_OFFSET = 300
"""Seconds that an answer's timestamp may differ from our clock, either way."""

# https://pay.weixin.qq.com/doc/v3/merchant/4016241880
_PROBE = "WECHATPAY/SIGNTEST/"
_TIMESTAMP = re.compile(r"[0-9]{10}")

TIMESTAMP = "Wechatpay-Timestamp"
NONCE = "Wechatpay-Nonce"
SERIAL = "Wechatpay-Serial"
SIGNATURE = "Wechatpay-Signature"
SIGNATURE_TYPE = "Wechatpay-Signature-Type"
_REQUIRED = (TIMESTAMP, NONCE, SERIAL, SIGNATURE)


class Headers(Protocol):
    """Case-insensitive headers that can hold a name twice, such as multidict's."""

    def getall(self, key: str, default: list[str], /) -> list[str]: ...


class Signed(NamedTuple):
    """The claim that the four headers make; nothing of it is checked yet but its form."""

    timestamp: str
    nonce: str
    serial: str
    signature: bytes
    scheme: Scheme = Scheme.RSA


def is_signed(headers: Headers) -> bool:
    """Tell whether an answer claims to be signed: whether any of the four headers is there."""
    return any(headers.getall(name, []) for name in _REQUIRED)


def is_probe(headers: Headers) -> bool:
    """Tell whether an answer is WeChat Pay's own probing with a wrong signature."""
    return any(value.startswith(_PROBE) for value in headers.getall(SIGNATURE, []))


def read(headers: Headers, now: float, scheme: Scheme = Scheme.RSA) -> Signed:
    """Return what the signature headers claim, having checked their form and the clock.

    Raises:
        UnverifiedError: with the reason.
    """
    timestamp = _one(headers, TIMESTAMP)
    nonce = _one(headers, NONCE)
    serial = _one(headers, SERIAL)
    signature = _one(headers, SIGNATURE)
    if headers.getall(SIGNATURE_TYPE, []) and _one(headers, SIGNATURE_TYPE) != scheme.name:
        raise UnverifiedError(f"{SIGNATURE_TYPE} is not {scheme.name}", reason=Reason.WRONG_SCHEME)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise UnverifiedError(f"{TIMESTAMP} is not ten digits", reason=Reason.MALFORMED_HEADER)
    # Of a clock that says NaN or infinity, nothing can be said but that it is wrong.
    offset = int(timestamp) - (int(now) if math.isfinite(now) else now)
    if not abs(offset) <= MAXIMUM_CLOCK_OFFSET:
        raise UnverifiedError(
            f"{TIMESTAMP} is {abs(offset)} s {'ahead of' if offset > 0 else 'behind'} this "
            f"machine's clock, {MAXIMUM_CLOCK_OFFSET} s are allowed: check the clock here first",
            reason=Reason.CLOCK,
        )
    return Signed(timestamp, nonce, serial, _decode(signature), scheme)


def check(signed: Signed, key_of: Callable[[str], RSAPublicKey | None], body: bytes) -> None:
    """Check a claim against the key that its serial names and the body's raw bytes.

    Raises:
        UnverifiedError: the serial is unknown, or the signature does not hold.
    """
    proof = Proof(signed, key_of)
    proof.update(body)
    proof.finish()


class Proof:
    """A claim that is checked while the body comes in, piece by piece."""

    def __init__(self, signed: Signed, key_of: Callable[[str], RSAPublicKey | None]) -> None:
        """Begin to check a claim against the key that its serial names.

        Raises:
            UnverifiedError: the serial is unknown.
        """
        key = key_of(signed.serial)
        if key is None:
            raise UnverifiedError(
                f"{SERIAL} names a platform key that is not configured: add that certificate or "
                "public key to certs (of Webhooks: keys), or have certificates refreshed "
                "(refresh=True)",
                reason=Reason.UNKNOWN_SERIAL,
            )
        self._key = key
        self._signature = signed.signature
        self._scheme = signed.scheme
        self._hash = signed.scheme.digest()
        self._hash.update(formatter.response_head(signed.timestamp, signed.nonce))

    def update(self, part: bytes) -> None:
        """Take in the next piece of the body, raw."""
        self._hash.update(part)

    def finish(self) -> None:
        """Check the claim, now that the body is whole.

        Raises:
            UnverifiedError: the signature does not hold.
        """
        self._hash.update(b"\n")
        problem = self._scheme.problem_of(self._hash.digest(), self._signature, self._key)
        if problem:
            raise UnverifiedError(problem, reason=Reason.BAD_SIGNATURE)


def _one(headers: Headers, name: str) -> str:
    values = headers.getall(name, [])
    if len(values) == 1 and values[0]:
        return values[0]
    if len(values) > 1:
        raise UnverifiedError(f"{name} is there {len(values)} times", reason=Reason.REPEATED_HEADER)
    raise UnverifiedError(f"{name} is missing or empty", reason=Reason.MISSING_HEADER)


def _decode(signature: str) -> bytes:
    if signature.startswith(_PROBE):
        # An ordinary wrong signature, which just says so.
        return b""
    try:
        return binary.decode(signature)
    except ValueError:
        raise UnverifiedError(
            f"{SIGNATURE} is not base64", reason=Reason.MALFORMED_HEADER
        ) from None
