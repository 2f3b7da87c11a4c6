"""Answers of the XML protocol, signed by hand: nothing here comes from the package."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.support.server import Request, answer

SECRET = "exposed_your_key_here_have_risks"


def sign(fields: Mapping[str, str], sign_type: str = "MD5", secret: str = SECRET) -> str:
    """Return the sign of some fields."""
    pairs = [f"{k}={fields[k]}" for k in sorted(fields) if k != "sign" and fields[k] != ""]
    text = "&".join([*pairs, f"key={secret}"]).encode()
    if sign_type == "MD5":
        return hashlib.md5(text).hexdigest().upper()
    return hmac.new(secret.encode(), text, "sha256").hexdigest().upper()


def xml(fields: Mapping[str, str]) -> bytes:
    """Return an XML document of some fields."""
    return f"<xml>{''.join(f'<{k}>{escape(v)}</{k}>' for k, v in fields.items())}</xml>".encode()


def fields(request: Request) -> dict[str, str]:
    """Return the fields of a request's body."""
    root = ElementTree.fromstring(request.body)  # noqa: S314 - what our own client sent
    return {child.tag: child.text or "" for child in root}


def signed(given: Mapping[str, str] | None = None, sign_type: str = "MD5", **more: Any) -> bytes:
    """Return an answer of SUCCESS, or of what is given, signed."""
    said = {"return_code": "SUCCESS", "result_code": "SUCCESS", "nonce_str": "n", **(given or {})}
    return answer(body=xml({**said, "sign": sign(said, sign_type), **more}))
