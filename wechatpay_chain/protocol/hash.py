"""The keyed hashes of the XML protocol (v2): MD5 and HMAC-SHA256 over sorted fields.

MD5 is the protocol's choice, not ours. A sign is upper-case hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac as _hmac
from collections.abc import Callable, Mapping

from wechatpay_chain.protocol import formatter

__all__ = ["HMAC_SHA256", "MD5", "SIGN_TYPES", "equals", "hmac", "md5", "sign"]

MD5 = "MD5"
HMAC_SHA256 = "HMAC-SHA256"


def md5(thing: str, key: str = "", *, agency: bool = False) -> str:
    """Return the MD5 of a text and, if there is one, of its key behind it.

    With `agency` the key is WeCom's (企业微信) and stands behind ``&secret=``.
    """
    # PHP takes the text "0" for no key.
    salt = "" if key in ("", "0") else f"&{'secret' if agency else 'key'}={key}"
    return hashlib.md5((thing + salt).encode(), usedforsecurity=False).hexdigest()


def hmac(thing: str, key: str, algorithm: str = "sha256") -> str:
    """Return the HMAC, under a key, of a text with that key behind it.

    Raises:
        ValueError: there is no such algorithm.
    """
    return _hmac.new(key.encode(), f"{thing}&key={key}".encode(), algorithm).hexdigest()


SIGN_TYPES: Mapping[str, Callable[[str, str], str]] = {MD5: md5, HMAC_SHA256: hmac}
"""The values of ``sign_type``, and what each does."""


def sign(sign_type: str, data: str | Mapping[str, object], key: str) -> str | None:
    """Return the sign of sorted ``k=v`` text, or of fields; None for an unknown `sign_type`.

    Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3
    """
    digest = SIGN_TYPES.get(sign_type)
    if digest is None:
        return None
    text = data if isinstance(data, str) else formatter.query_string_like(formatter.ksort(data))
    return digest(text, key).upper()


def equals(known: str, given: str | None) -> bool:
    """Tell whether two texts are the same, in a time that does not depend on where they differ."""
    if given is None:
        return False
    # What is no UTF-8 arrives as lone surrogates: no match, and no error of another kind.
    here, there = (text.encode("utf-8", "surrogatepass") for text in (known, given))
    return _hmac.compare_digest(here, there)
