"""A merchant of the v2 protocol for the sandbox's tests: signs, writes and reads XML by itself.

Nothing here comes from the package but the keys; the sign is computed as the
documentation tells it, the XML read by the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from tests.sandbox.merchant import Answer, Merchant


def sign(fields: dict[str, str], secret: str, sign_type: str = "MD5") -> str:
    """Compute the sign of a request or an answer."""
    pairs = [f"{k}={v}" for k, v in sorted(fields.items()) if v and k != "sign"]
    text = "&".join([*pairs, f"key={secret}"]).encode()
    if sign_type == "MD5":
        return hashlib.md5(text).hexdigest().upper()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().upper()


def write(fields: dict[str, str]) -> bytes:
    """Write fields as XML."""
    root = ElementTree.Element("xml")
    for name, text in fields.items():
        ElementTree.SubElement(root, name).text = text
    return ElementTree.tostring(root, "utf-8")


def read(body: bytes) -> dict[str, str]:
    """Read the fields of an answer, in which none may be there twice."""
    root = ElementTree.fromstring(body)  # noqa: S314 - read with another parser
    assert root.tag == "xml"
    fields = {child.tag: child.text or "" for child in root}
    assert len(fields) == len(root)
    return fields


@dataclass
class XmlMerchant(Merchant):
    """Sends signed v2 requests; what an argument names is forged."""

    def fields(self, **fields: Any) -> dict[str, str]:
        """Return the fields of a request with what each of them has, None leaving one out."""
        named: dict[str, Any] = {
            "appid": "wx8888888888888888",
            "mch_id": self.mchid,
            "nonce_str": secrets.token_hex(16),
            **fields,
        }
        return {name: str(value) for name, value in named.items() if value is not None}

    def signed(self, fields: dict[str, str], **forged: Any) -> dict[str, str]:
        """Add the sign, by the sign_type of the fields."""
        if "sign" in fields:
            return fields
        sign_type = forged.get("sign_type", fields.get("sign_type") or "MD5")
        return {**fields, "sign": sign(fields, forged.get("secret", self.me.secret), sign_type)}

    def post(self, path: str, forged: dict[str, Any] | None = None, **fields: Any) -> Answer:
        """Sign and send a request as XML."""
        return self.send(path, write(self.signed(self.fields(**fields), **(forged or {}))))

    def get(self, path: str, **fields: Any) -> Answer:
        """Sign and send a request in a query."""
        signed = self.signed(self.fields(**fields))
        query = "&".join(f"{name}={quote(text, safe='')}" for name, text in signed.items())
        return self.send(f"{path}?{query}", b"", method="GET")

    def send(
        self,
        target: str,
        body: bytes,
        *,
        method: str = "POST",
        content_type: str | None = "text/xml; charset=utf-8",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send bytes as they are."""
        connection = self.connect()
        sent = {"Content-Type": content_type} if content_type else {}
        connection.request(method, target, body or None, {**sent, **(headers or {})})
        response = connection.getresponse()
        with response:
            return Answer(self.gateway, response.status, response.getheaders(), response.read())

    def wrong(self, answer: Answer, sign_type: str = "MD5") -> str | None:
        """Verify an answer by the book; return what is wrong with it, or None."""
        fields = read(answer.body)
        if fields.get("return_code") != "SUCCESS":
            return "return_code"
        if "sign" not in fields:
            return "no sign"
        return None if fields["sign"] == sign(fields, self.me.secret, sign_type) else "sign"

    def xml_order(self, out_trade_no: str = "order-0001", **changes: Any) -> dict[str, Any]:
        """Return the fields of an order of their own."""
        return {
            "body": "Image形象店 <1>",
            "out_trade_no": out_trade_no,
            "total_fee": 100,
            "spbill_create_ip": "127.0.0.1",
            "notify_url": "https://example.com/notify?a=1&b=2",
            "trade_type": "NATIVE",
            "product_id": "1",
            **changes,
        }
