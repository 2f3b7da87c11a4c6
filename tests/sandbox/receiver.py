"""A receiver of callbacks for the sandbox's tests: verifies and opens them by the book.

Nothing here comes from the package but the keys: signatures, AES and XML are the libraries',
so that neither the client nor the sandbox can be wrong in the same way as these tests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.sandbox.merchant import FOUR, OAEP
from tests.sandbox.xml_merchant import sign
from wechatpay_chain.sandbox import Notification, Sandbox

SCHEME = "WECHATPAY2-SHA256-RSA2048"
LARGEST = 1024 * 1024
DEEPEST = 100


class Refused(Exception):  # noqa: N818 - what a test looks at
    """Why a callback is not taken."""


@dataclass
class Receiver:
    """A merchant's receiver; `open` returns what a callback brings, or raises `Refused`."""

    gateway: Sandbox
    sign_type: str = "MD5"

    def open(self, sent: Notification) -> dict[str, Any]:
        """Verify and open a callback of either protocol."""
        if sent.event.protocol == "v2":
            return self.open_xml(sent.body)
        return self.open_json(sent.headers, sent.body)

    def open_json(self, headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
        """Verify and open a v3 callback."""
        self.verify(list(headers), body)
        resource = self.document(body).get("resource")
        if not isinstance(resource, dict):
            raise Refused("no resource")
        if resource["algorithm"] != "AEAD_AES_256_GCM":
            raise Refused("algorithm")
        if len(resource["nonce"]) != 12:
            raise Refused("nonce")
        try:
            text = AESGCM(self.gateway.apiv3_key.encode()).decrypt(
                resource["nonce"].encode(),
                base64.b64decode(resource["ciphertext"], validate=True),
                resource["associated_data"].encode(),
            )
        except InvalidTag:
            raise Refused("not opened") from None
        try:
            return json.loads(text)
        except ValueError:
            raise Refused("resource") from None

    def verify(self, headers: list[tuple[str, str]], body: bytes) -> None:
        """Check the four headers and the signature over the raw body."""
        for name in FOUR:
            values = [value for key, value in headers if key == name]
            if len(values) != 1 or not values[0]:
                raise Refused(f"{len(values)} × {name}")
        told = dict(headers)
        timestamp, nonce, serial, signature = (told[name] for name in FOUR)
        if told.get("Wechatpay-Signature-Type") != SCHEME:
            raise Refused("scheme")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == 10):
            raise Refused("timestamp")
        if signature.startswith("WECHATPAY/SIGNTEST/"):
            raise Refused("probe")
        if abs(time.time() - int(timestamp)) > 300:
            raise Refused("clock")
        if serial not in self.gateway.identity.certs:
            raise Refused("serial")
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        try:
            raw = base64.b64decode(signature, validate=True)
        except binascii.Error:
            raise Refused("base64") from None
        try:
            shown(self.gateway, serial).verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Refused("signature") from None

    def document(self, body: bytes) -> dict[str, Any]:
        """Read a body that was verified."""

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            if len(dict(pairs)) < len(pairs):
                raise Refused("duplicate")
            return dict(pairs)

        if len(body) > LARGEST:
            raise Refused("size")
        if not body:
            raise Refused("empty")
        if body.count(b"[") > DEEPEST:
            raise Refused("depth")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("UTF-8") from None
        try:
            return json.loads(text, object_pairs_hook=unique)
        except ValueError:
            raise Refused("JSON") from None

    def unseal(self, text: str) -> str:
        """Decrypt a sensitive field with the merchant's key."""
        key = self.gateway.identity.merchant.private_key
        try:
            return key.decrypt(base64.b64decode(text, validate=True), OAEP).decode()
        except ValueError:
            raise Refused("sealed for another") from None

    def open_xml(self, body: bytes) -> dict[str, Any]:
        """Verify and open a v2 callback."""
        if b"<!" in body.replace(b"<![CDATA[", b""):
            raise Refused("declaration")
        if body.count(b"<d>") > DEEPEST:
            raise Refused("depth")
        try:
            root = ElementTree.fromstring(body)  # noqa: S314 - read with another parser
        except ElementTree.ParseError:
            raise Refused("XML") from None
        fields = {child.tag: child.text or "" for child in root}
        if len(fields) < len(root):
            raise Refused("duplicate")
        secret = self.gateway.identity.merchant.secret
        if "req_info" not in fields:
            if "sign" not in fields:
                raise Refused("no sign")
            named = fields.get("algorithm") or fields.get("sign_type")
            if named not in (None, self.sign_type):
                raise Refused("algorithm")
            if fields["sign"] != sign(fields, secret, self.sign_type):
                raise Refused("sign")
        if (
            fields.get("mch_id", fields.get("combine_mch_id"))
            not in self.gateway.identity.merchants
        ):
            raise Refused("merchant")
        return self.opened(fields, secret)

    def opened(self, fields: dict[str, str], secret: str) -> dict[str, Any]:
        """Open what is encrypted in a v2 callback, and put it beside the rest."""
        taken = {"sign", "nonce_str", "req_info", "event_ciphertext", "event_nonce"}
        rest: dict[str, Any] = {name: text for name, text in fields.items() if name not in taken}
        if "req_info" in fields:
            key = hashlib.md5(secret.encode()).hexdigest().encode()
            decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305
            padded = decryptor.update(base64.b64decode(fields["req_info"])) + decryptor.finalize()
            if padded[-1] > 16 or padded[-padded[-1] :] != padded[-1:] * padded[-1]:
                raise Refused("not opened")
            try:
                inside = ElementTree.fromstring(padded[: -padded[-1]])  # noqa: S314
            except ElementTree.ParseError:
                raise Refused("not opened") from None
            rest |= {child.tag: child.text for child in inside}
        if "event_ciphertext" in fields:
            text = AESGCM(self.gateway.apiv3_key.encode()).decrypt(
                fields["event_nonce"].encode(),
                base64.b64decode(fields["event_ciphertext"], validate=True),
                fields.get("event_associated_data", "").encode(),
            )
            rest |= json.loads(text)
        return rest


def shown(gateway: Sandbox, serial: str) -> RSAPublicKey:
    """Return the public key that a merchant has under a serial."""
    found = gateway.identity.certs[serial]
    key = found.public_key() if isinstance(found, x509.Certificate) else found
    assert isinstance(key, RSAPublicKey)
    return key
