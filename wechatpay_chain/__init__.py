"""A chainable client for WeChat Pay's API (微信支付): signed, encrypted and verified.

::

    from wechatpay_chain import Client

    client = Client(mchid=…, serial=…, private_key=…, certs={…})
    client.v3.pay.transactions.native.post(json={…}).json()
    await client.v3.pay.transactions.native.post_async(json={…})
"""

from wechatpay_chain.builder import Builder
from wechatpay_chain.chain import Chain
from wechatpay_chain.client import Client
from wechatpay_chain.crypto import AesEcb, AesGcm, AesInterface, Hash, Rsa
from wechatpay_chain.driver import Driver
from wechatpay_chain.errors import (
    BusinessError,
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
    WechatPayError,
)
from wechatpay_chain.flow import CapitalWarning
from wechatpay_chain.formatter import Formatter
from wechatpay_chain.keys import KeyFileWarning, PlatformKeys
from wechatpay_chain.limiter import RateLimiter
from wechatpay_chain.media import MediaUtil
from wechatpay_chain.middleware.encryptor import Encryptor
from wechatpay_chain.middleware.guard import guard
from wechatpay_chain.middleware.signer import Signer
from wechatpay_chain.middleware.stack import Stack
from wechatpay_chain.middleware.v2 import TransformRequest, TransformResponse
from wechatpay_chain.middleware.verifier import Verifier
from wechatpay_chain.pem import PemUtil
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.response import Response
from wechatpay_chain.transformer import Transformer

__all__ = [
    "AesEcb",
    "AesGcm",
    "AesInterface",
    "Builder",
    "BusinessError",
    "CapitalWarning",
    "Chain",
    "Client",
    "ClientError",
    "ConfigurationError",
    "ConnectError",
    "DecodeError",
    "DecryptError",
    "Driver",
    "Encryptor",
    "Formatter",
    "Hash",
    "KeyFileWarning",
    "MediaUtil",
    "NotSentError",
    "OutcomeUnknownError",
    "PemUtil",
    "PlatformKeys",
    "Promise",
    "RateLimitError",
    "RateLimiter",
    "Reason",
    "RedirectError",
    "RefusedError",
    "RequestError",
    "Response",
    "Rsa",
    "SegmentError",
    "Sensitive",
    "ServerError",
    "Signer",
    "Stack",
    "TransformRequest",
    "TransformResponse",
    "Transformer",
    "UnverifiedError",
    "Verifier",
    "WechatPayError",
    "guard",
]
