"""A merchant for the sandbox's tests: signs and checks by itself, over plain http.client.

Nothing here comes from the package but the keys, so that neither the client nor
the sandbox can be wrong in the same way as these tests.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import ssl
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.sandbox import Merchant as Party
from wechatpay_chain.sandbox import Sandbox

FOUR = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature")
OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


@dataclass
class Answer:
    """What came back, exactly as it was on the wire."""

    gateway: Sandbox
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def problem(self, body: bytes | None = None) -> str | None:
        """Verify the answer by the book; return what is wrong with it, or None."""
        for name in FOUR:
            if len(self.all(name)) != 1 or not self.all(name)[0]:
                return name
        timestamp, nonce, serial, signature = (self.all(name)[0] for name in FOUR)
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == 10):
            return "timestamp"
        if abs(time.time() - int(timestamp)) > 300:
            return "clock"
        if self.all("Wechatpay-Signature-Type") != ["WECHATPAY2-SHA256-RSA2048"]:
            return "scheme"
        if serial not in self.gateway.identity.certs:
            return "serial"
        message = f"{timestamp}\n{nonce}\n".encode() + (body or self.body) + b"\n"
        try:
            platform_key(self.gateway, serial).verify(
                base64.b64decode(signature, validate=True),
                message,
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except (InvalidSignature, ValueError):
            return "signature"
        return None


@dataclass
class Merchant:
    """Sends signed requests; what an argument of `call` names is forged.

    It is the gateway's first merchant, or the one named. `certificate` is shown in
    TLS handshakes, with the merchant's key.
    """

    gateway: Sandbox
    mchid: str = ""
    certificate: str | None = None
    open: list[http.client.HTTPConnection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mchid = self.mchid or self.gateway.identity.merchant.mchid

    @property
    def me(self) -> Party:
        """What the gateway knows of this merchant."""
        return self.gateway.identity.merchants[self.mchid]

    def authorization(
        self,
        method: str,
        target: str,
        body: bytes,
        *,
        scheme: str = "WECHATPAY2-SHA256-RSA2048",
        drop: str | None = None,
        extra: str = "",
        **forged: Any,
    ) -> str:
        me = self.me
        values = {
            "mchid": me.mchid,
            "serial_no": me.serial,
            "timestamp": str(int(time.time())),
            "nonce_str": secrets.token_hex(16),
            **{k: v for k, v in forged.items() if k not in ("signed_target", "signed_body", "key")},
        }
        message = "\n".join(
            (method, forged.get("signed_target", target), values["timestamp"], values["nonce_str"])
        ).encode()
        message += b"\n" + forged.get("signed_body", body) + b"\n"
        key = forged.get("key", me.private_key)
        values.setdefault(
            "signature",
            base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode(),
        )
        pairs = ",".join(f'{name}="{value}"' for name, value in values.items() if name != drop)
        return f"{scheme} {pairs}{extra}"

    def call(
        self,
        method: str,
        target: str,
        document: Any = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str | None] | None = None,
        **forged: Any,
    ) -> Answer:
        """Sign and send one request on a connection of its own."""
        if body is None:
            body = b"" if document is None else json.dumps(document).encode()
        sent: dict[str, str | None] = {
            "Accept": "application/json",
            "User-Agent": "tests",
            "Content-Type": "application/json" if body else None,
            "Authorization": self.authorization(method, target, body, **forged),
            **(headers or {}),
        }
        connection = self.connect()
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        with response:
            return Answer(self.gateway, response.status, response.getheaders(), response.read())

    def wire(self, method: str, target: str, document: Any) -> bytes:
        """Send one signed request and return every byte that came back until the end."""
        body = json.dumps(document).encode()
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nUser-Agent: tests\r\n"
            f"Authorization: {self.authorization(method, target, body)}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = self.connect()
        connection.connect()
        connection.sock.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.sock.recv(65536), b""))

    def connect(self) -> http.client.HTTPConnection:
        scheme, _, rest = self.gateway.base_uri.partition("://")
        host = rest.rstrip("/")
        if scheme == "http":
            self.open.append(http.client.HTTPConnection(host, timeout=10))
        else:
            self.open.append(http.client.HTTPSConnection(host, timeout=10, context=self.tls()))
        return self.open[-1]

    def tls(self) -> ssl.SSLContext:
        """Trust the gateway's authority alone, and show the certificate if there is one."""
        context = ssl.create_default_context(cadata=self.gateway.ca)
        if self.certificate is not None:
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(self.certificate + self.me.private_key_pem)
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def close(self) -> None:
        for connection in self.open:
            connection.close()

    def encrypt(self, text: str, serial: str | None = None) -> str:
        key = platform_key(self.gateway, serial or self.gateway.identity.public_key.serial)
        return base64.b64encode(key.encrypt(text.encode(), OAEP)).decode()

    def order(self, out_trade_no: str = "order-0001", **changes: Any) -> dict[str, Any]:
        """Return the body of an order."""
        return {
            "appid": "wx8888888888888888",
            "mchid": self.mchid,
            "description": "Image形象店",
            "out_trade_no": out_trade_no,
            "notify_url": "https://example.com/notify",
            "amount": {"total": 100},
            **changes,
        }

    def punishment(self, out_request_no: str = "P1", **changes: Any) -> dict[str, Any]:
        """Return the body of a control order, encrypted anew."""
        return {
            "out_request_no": out_request_no,
            "mchid": "1900000100",
            "bal_account_no": self.encrypt("6222000011112222"),
            "punish_scene": 1,
            "punish_reason": "测试",
            **changes,
        }

    @property
    def serial_header(self) -> dict[str, str | None]:
        return {"Wechatpay-Serial": self.gateway.identity.public_key.serial}


def platform_key(gateway: Sandbox, serial: str) -> RSAPublicKey:
    shown = gateway.identity.certs[serial]
    key = shown.public_key() if isinstance(shown, x509.Certificate) else shown
    assert isinstance(key, RSAPublicKey)
    return key
