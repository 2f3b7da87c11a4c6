"""A chainable client for WeChat Pay's API (微信支付): signed, encrypted and verified.

::

    from wechatpay_chain import Client

    client = Client(mchid=…, serial=…, private_key=…, certs={…})
    client.v3.pay.transactions.native.post(json={…}).json()
    await client.v3.pay.transactions.native.post_async(json={…})

A name is imported when it is first asked for, so that what needs no client, such as
looking an operation up, does not wait for aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wechatpay_chain.version import __version__ as __version__

if TYPE_CHECKING:
    from wechatpay_chain.builder import Builder
    from wechatpay_chain.certificates import Refresh
    from wechatpay_chain.chain import Chain
    from wechatpay_chain.client import Client
    from wechatpay_chain.crypto import AesEcb, AesGcm, AesInterface, Hash, Rsa
    from wechatpay_chain.driver import Driver
    from wechatpay_chain.errors import (
        BusinessError,
        CertificateError,
        CheckError,
        ClientError,
        ConfigurationError,
        ConnectError,
        DecodeError,
        DecryptError,
        NotSentError,
        OutcomeUnknownError,
        RateLimitError,
        Reason,
        RedirectError,
        RefusedError,
        RequestError,
        SegmentError,
        ServerError,
        UnverifiedError,
        WebhookBodyError,
        WebhookClockError,
        WebhookDecryptError,
        WebhookError,
        WebhookHeaderError,
        WebhookKeyError,
        WebhookSignatureError,
        WechatPayError,
    )
    from wechatpay_chain.formatter import Formatter
    from wechatpay_chain.keys import KeyFileWarning
    from wechatpay_chain.limiter import RateLimiter
    from wechatpay_chain.media import MediaUtil
    from wechatpay_chain.middleware.encryptor import Encryptor
    from wechatpay_chain.middleware.guard import guard
    from wechatpay_chain.middleware.signer import Signer
    from wechatpay_chain.middleware.stack import Stack
    from wechatpay_chain.middleware.v2 import TransformRequest, TransformResponse
    from wechatpay_chain.middleware.v2_encryptor import V2Encryptor
    from wechatpay_chain.middleware.verifier import Verifier
    from wechatpay_chain.payments import Payments
    from wechatpay_chain.pem import PemUtil
    from wechatpay_chain.platform_keys import PlatformKeys
    from wechatpay_chain.promise import Promise
    from wechatpay_chain.protocol.scheme import Scheme
    from wechatpay_chain.protocol.sensitive import Sensitive
    from wechatpay_chain.response import Response
    from wechatpay_chain.transformer import Transformer
    from wechatpay_chain.warning import (
        CapitalWarning,
        CertificateExpiryWarning,
        DeprecatedOperationWarning,
    )
    from wechatpay_chain.webhooks import Webhooks

__all__ = [
    "AesEcb",
    "AesGcm",
    "AesInterface",
    "Builder",
    "BusinessError",
    "CapitalWarning",
    "CertificateError",
    "CertificateExpiryWarning",
    "Chain",
    "CheckError",
    "Client",
    "ClientError",
    "ConfigurationError",
    "ConnectError",
    "DecodeError",
    "DecryptError",
    "DeprecatedOperationWarning",
    "Driver",
    "Encryptor",
    "Formatter",
    "Hash",
    "KeyFileWarning",
    "MediaUtil",
    "NotSentError",
    "OutcomeUnknownError",
    "Payments",
    "PemUtil",
    "PlatformKeys",
    "Promise",
    "RateLimitError",
    "RateLimiter",
    "Reason",
    "RedirectError",
    "Refresh",
    "RefusedError",
    "RequestError",
    "Response",
    "Rsa",
    "Scheme",
    "SegmentError",
    "Sensitive",
    "ServerError",
    "Signer",
    "Stack",
    "TransformRequest",
    "TransformResponse",
    "Transformer",
    "UnverifiedError",
    "V2Encryptor",
    "Verifier",
    "WebhookBodyError",
    "WebhookClockError",
    "WebhookDecryptError",
    "WebhookError",
    "WebhookHeaderError",
    "WebhookKeyError",
    "WebhookSignatureError",
    "Webhooks",
    "WechatPayError",
    "guard",
]

_HOMES: dict[str, tuple[str, ...]] = {
    "builder": ("Builder",),
    "certificates": ("Refresh",),
    "chain": ("Chain",),
    "client": ("Client",),
    "crypto": ("AesEcb", "AesGcm", "AesInterface", "Hash", "Rsa"),
    "driver": ("Driver",),
    "errors": (
        "BusinessError",
        "CertificateError",
        "CheckError",
        "ClientError",
        "ConfigurationError",
        "ConnectError",
        "DecodeError",
        "DecryptError",
        "NotSentError",
        "OutcomeUnknownError",
        "RateLimitError",
        "Reason",
        "RedirectError",
        "RefusedError",
        "RequestError",
        "SegmentError",
        "ServerError",
        "UnverifiedError",
        "WebhookBodyError",
        "WebhookClockError",
        "WebhookDecryptError",
        "WebhookError",
        "WebhookHeaderError",
        "WebhookKeyError",
        "WebhookSignatureError",
        "WechatPayError",
    ),
    "formatter": ("Formatter",),
    "keys": ("KeyFileWarning",),
    "limiter": ("RateLimiter",),
    "media": ("MediaUtil",),
    "middleware.encryptor": ("Encryptor",),
    "middleware.guard": ("guard",),
    "middleware.signer": ("Signer",),
    "middleware.stack": ("Stack",),
    "middleware.v2": ("TransformRequest", "TransformResponse"),
    "middleware.v2_encryptor": ("V2Encryptor",),
    "middleware.verifier": ("Verifier",),
    "payments": ("Payments",),
    "pem": ("PemUtil",),
    "platform_keys": ("PlatformKeys",),
    "promise": ("Promise",),
    "protocol.scheme": ("Scheme",),
    "protocol.sensitive": ("Sensitive",),
    "response": ("Response",),
    "transformer": ("Transformer",),
    "warning": ("CapitalWarning", "CertificateExpiryWarning", "DeprecatedOperationWarning"),
    "webhooks": ("Webhooks",),
}
_PACKAGES = ("catalogue", "middleware", "protocol")
_HOME = {name: module for module, names in _HOMES.items() for name in names}

# Hidden from type checkers, which would believe in any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        elif name in _HOMES or name in _PACKAGES:
            value = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
