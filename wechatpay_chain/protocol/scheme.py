"""Authorization schemes: under which name and in whose name a request is signed, and how.

Signer, verifier and callbacks all take the same `Scheme`, so there is no second
place in which a scheme's name or algorithm stands.

Sources: https://pay.weixin.qq.com/doc/v3/partner/4013059030 (merchants),
    https://pay.weixin.qq.com/doc/brand/4015407582 (brands)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from wechatpay_chain.errors import ConfigurationError, NotSentError, WechatPayError
from wechatpay_chain.protocol import rsa

__all__ = ["Digest", "Scheme", "check_scheme"]

_TOKEN = re.compile(r"[0-9A-Za-z_-]+")


class Digest(Protocol):
    """A hash that is fed piece by piece, such as hashlib's."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def _sha256() -> Digest:
    return hashlib.sha256()


@dataclass(frozen=True)
class Scheme:
    """One way to sign: `Scheme.RSA` for merchants, `Scheme.BRAND` for brands (品牌).

    Args:
        name: what the Authorization header begins with, and the only
            ``Wechatpay-Signature-Type`` of an answer or a callback that is accepted.
        holder: the field of that header that says who signs.
        sign: return the raw signature of a message, given the key.
        digest: begin the hash that `verify` is given the end of.
        verify: tell whether a signature is a key's, over a message of that digest.
        sign_type: what front ends are told as ``signType`` of what is signed for them.
        problem: why this scheme cannot be used here; empty if it can.
    """

    name: str
    holder: str = "mchid"
    sign: Callable[[bytes, Any], bytes] = rsa.sign
    digest: Callable[[], Digest] = _sha256
    verify: Callable[[bytes, bytes, Any], bool] = rsa.verify_digest
    sign_type: str = "RSA"
    problem: str = ""

    RSA: ClassVar[Scheme]
    BRAND: ClassVar[Scheme]
    SM2: ClassVar[Scheme]

    def __post_init__(self) -> None:
        """Want names that can stand in the header.

        Raises:
            ConfigurationError: one cannot.
        """
        for part in ("name", "holder", "sign_type"):
            value = getattr(self, part)
            if not isinstance(value, str) or not _TOKEN.fullmatch(value):
                raise ConfigurationError(f"a scheme's {part} must be letters, digits and - or _")

    def __repr__(self) -> str:
        return f"<Scheme {self.name}>"

    def signature(self, message: bytes, key: Any) -> bytes:
        """Return the raw signature of a message, or say why there is none.

        Raises:
            NotSentError: `sign` failed.
            ConfigurationError: it returned something else than a signature.
        """
        try:
            signature = self.sign(message, key)
        except WechatPayError:
            raise
        except Exception as error:
            raise NotSentError(
                f"not sent: {self.name} could not sign, its sign failed with {type(error).__name__}"
            ) from error
        if not isinstance(signature, bytes) or not signature:
            raise ConfigurationError(
                f"the sign of {self.name} must return the raw signature as bytes, not "
                f"{type(signature).__name__}"
            )
        return signature

    def problem_of(self, digest: bytes, signature: bytes, key: Any) -> str:
        """Return what is wrong with a signature; empty if it holds.

        An error in `verify`, or an answer that is neither True nor False, is no proof: a
        coroutine that nobody awaited would pass for true.
        """
        try:
            holds = self.verify(digest, signature, key)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nothing is proved
            return f"the verify of {self.name} failed with {type(error).__name__}"
        if holds is True:
            return ""
        if holds is False:
            return "the signature does not match"
        return f"the verify of {self.name} must return True or False, not {type(holds).__name__}"

    def check(self) -> Scheme:
        """Return the scheme itself, if it can be used.

        Raises:
            ConfigurationError: it cannot; the message says why.
        """
        if self.problem:
            raise ConfigurationError(f"{self.name} cannot be used: {self.problem}")
        return self


def check_scheme(scheme: object) -> Scheme:
    """Return what was given as a scheme, if it is one that can be used.

    Raises:
        ConfigurationError: it is not.
    """
    if not isinstance(scheme, Scheme):
        raise ConfigurationError(
            f"scheme must be a Scheme, such as Scheme.BRAND, not {type(scheme).__name__}"
        )
    return scheme.check()


Scheme.RSA = Scheme("WECHATPAY2-SHA256-RSA2048")
Scheme.BRAND = Scheme("WECHATPAY-BRAND-SHA256-RSA2048", holder="brand_id")
Scheme.SM2 = Scheme(
    "WECHATPAY2-SM2-WITH-SM3",
    problem="the cryptography package has no SM2 (国密), and no library with SM2 is kept up; "
    "use RSA keys with Scheme.RSA",
)
