"""Which operations the sandbox really carries out: one table, and how a path finds its row.

Everything else that the catalogue knows is checked as strictly and answered
with an empty object, or for an upload with the names that its file has.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote

from cryptography import x509

from wechatpay_chain.catalogue import find
from wechatpay_chain.sandbox import control_orders, orders, refunds
from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.ledger import Call, Ledger, Reply, rfc3339
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.signing import encrypt, seal
from wechatpay_chain.sandbox.uploads import answer_upload

__all__ = ["OPERATIONS", "operate"]

Operation: TypeAlias = Callable[[Call], Reply]


def echo(call: Call) -> Reply:
    """Say back what was said (加解密测试), the secret part encrypted for the merchant."""
    answer: JsonObject = {"echo_message": call.document["echo_message"]}
    secret = call.document.get("encrypted_echo_message")
    if secret is not None:
        key = call.merchant.private_key.public_key()
        answer["encrypted_echo_message"] = encrypt(key, secret)
    return Reply(answer)


def certificates(call: Call) -> Reply:
    """List the platform certificates (平台证书), each sealed under the APIv3 key."""
    listed = []
    for serial, shown in call.identity.certs.items():
        if isinstance(shown, x509.Certificate):
            nonce, purpose = secrets.token_hex(6), "certificate"
            pem = call.identity.platform_keys[serial].pem
            listed.append(
                {
                    "serial_no": serial,
                    "effective_time": rfc3339(shown.not_valid_before_utc.timestamp()),
                    "expire_time": rfc3339(shown.not_valid_after_utc.timestamp()),
                    "encrypt_certificate": {
                        "algorithm": "AEAD_AES_256_GCM",
                        "nonce": nonce,
                        "associated_data": purpose,
                        "ciphertext": seal(call.identity.apiv3_key, nonce, purpose, pem),
                    },
                }
            )
    return Reply({"data": listed})


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "v3/pay/transactions/native"): orders.create("NATIVE"),
    ("POST", "v3/pay/transactions/jsapi"): orders.create("JSAPI"),
    ("POST", "v3/pay/transactions/app"): orders.create("APP"),
    ("POST", "v3/pay/transactions/h5"): orders.create("MWEB"),
    ("GET", "v3/pay/transactions/out-trade-no/{out_trade_no}"): orders.query,
    ("GET", "v3/pay/transactions/id/{transaction_id}"): orders.query_by_transaction_id,
    ("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/close"): orders.close,
    ("POST", "v3/refund/domestic/refunds"): refunds.refund,
    ("GET", "v3/refund/domestic/refunds/{out_refund_no}"): refunds.query,
    ("POST", "v3/aggracct-bc/wb-channel/control-orders/punish"): control_orders.punish,
    ("POST", "v3/aggracct-bc/wb-channel/control-orders/recover"): control_orders.recover,
    ("GET", "v3/aggracct-bc/wb-channel/control-orders/{out_request_no}"): control_orders.query,
    ("POST", "v3/security/echo"): echo,
    ("GET", "v3/certificates"): certificates,
}

_TEMPLATES = [
    (method, template.split("/"), operation) for (method, template), operation in OPERATIONS.items()
]


def operate(
    method: str,
    path: str,
    document: JsonObject,
    identity: Identity,
    merchant: Merchant,
    ledger: Ledger,
    now: float,
) -> Reply:
    """Carry out the operation at `path`; raise the Refusal if it cannot be done."""
    segments = [segment for segment in path.split("/") if segment]
    segments = segments[segments.index("v3") :]
    for wanted, template, operation in _TEMPLATES:
        if wanted == method and len(template) == len(segments):
            pairs = list(zip(template, segments, strict=True))
            if all(want == got or want.startswith("{") for want, got in pairs):
                variables = {w.strip("{}"): unquote(g) for w, g in pairs if w.startswith("{")}
                with ledger.lock:
                    return operation(Call(identity, merchant, ledger, now, variables, document))
    known = find(method, path)
    if known is not None and known.upload:
        return Reply(answer_upload(known, document, ledger.number("media", now)))
    return Reply({})
