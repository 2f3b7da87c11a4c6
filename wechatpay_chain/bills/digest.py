"""The hashes that WeChat Pay promises of a file: named, made, compared."""

from __future__ import annotations

import hmac
import re

from cryptography.hazmat.primitives import hashes

from wechatpay_chain.errors import Reason, UnverifiedError
from wechatpay_chain.protocol.text import one_line

__all__ = ["Digest", "PromisedHash"]


_KINDS: dict[str, hashes.HashAlgorithm] = {
    "SHA1": hashes.SHA1(),  # noqa: S303 - WeChat Pay's choice
    "SHA256": hashes.SHA256(),
    "SM3": hashes.SM3(),
}
"""Each hash that is known, by the name that `hash_type` gives it."""

_HEXADECIMAL = re.compile("[0-9A-Fa-f]+")


class Digest:
    """A hash in the making."""

    def __init__(self, kind: hashes.HashAlgorithm) -> None:
        self._hash = hashes.Hash(kind)

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(data)

    def hexadecimal(self) -> str:
        """Return the hash of all of them, once."""
        return self._hash.finalize().hex()


class PromisedHash:
    """What a file's hash was promised to be: `hash_type` and `hash_value`."""

    def __init__(self, kind: object, value: object) -> None:
        """Take a promise, which must be one that can be kept.

        Raises:
            UnverifiedError: the hash is missing, of an unknown kind, or no such hash.
        """
        name = str(kind or "").upper().replace("-", "").replace("_", "")
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise _bad(f"its hash_type {one_line(kind, 20)!r} is none of {known}")
        if not isinstance(value, str) or not value:
            raise _bad("its hash_value is missing")
        if not _HEXADECIMAL.fullmatch(value) or len(value) != 2 * _KINDS[name].digest_size:
            raise _bad(f"its hash_value is no {name} in hexadecimal")
        self.kind = name
        self.value = value.lower()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PromisedHash):
            return NotImplemented
        return (self.kind, self.value) == (other.kind, other.value)

    def __hash__(self) -> int:
        return hash((self.kind, self.value))

    def __repr__(self) -> str:
        return f"<{self.kind} {self.value}>"

    def begin(self) -> Digest:
        """Return a new hash of its kind."""
        return Digest(_KINDS[self.kind])

    def check(self, digest: Digest) -> None:
        """Check a finished hash.

        Raises:
            UnverifiedError: it is another one.
        """
        found = digest.hexadecimal()
        if not hmac.compare_digest(found.encode(), self.value.encode()):
            raise _bad(f"its {self.kind} is not the promised hash_value")


def _bad(problem: str) -> UnverifiedError:
    return UnverifiedError(problem, reason=Reason.BAD_DIGEST)
