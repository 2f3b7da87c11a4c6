"""Sign requests, each try anew, over the very bytes that are sent.

The innermost middleware::

    signer = Signer("1900000109", "3775B6A4…", "apiclient_key.pem")
    async with aiohttp.ClientSession(middlewares=(guard, verifier, signer)) as session: ...

It signs for WeChat Pay's own hosts, and others only when they are named: a
redirect must not carry a signature to a foreign host. The key may be far away:
give an async callable ``sign(message: bytes) -> bytes`` in its place.

Source: https://pay.weixin.qq.com/doc/v3/partner/4013059030
"""

from __future__ import annotations

import asyncio
import base64
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.errors import ConfigurationError, NotSentError, WechatPayError
from wechatpay_chain.keys import KeySource, check_token, load_private_key
from wechatpay_chain.middleware import call
from wechatpay_chain.payload import signed_bytes
from wechatpay_chain.protocol import formatter, hosts
from wechatpay_chain.protocol.scheme import Scheme, check_scheme

__all__ = ["RemoteSign", "Signer", "checked_remote"]

RemoteSign: TypeAlias = Callable[[bytes], Awaitable[bytes]]


class Signer:
    """An aiohttp client middleware that signs requests."""

    def __init__(
        self,
        mchid: str,
        serial: str,
        key: KeySource | RemoteSign,
        *,
        origins: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        scheme: Scheme = Scheme.RSA,
    ) -> None:
        """Sign as a merchant.

        Args:
            mchid: the merchant's number (商户号); with `Scheme.BRAND` the brand's (品牌ID).
            serial: the serial of the merchant's API certificate (商户API证书序列号).
            key: its private key, or an async callable that signs a message with
                PKCS#1 v1.5 and SHA-256 and returns the raw signature.
            origins: addresses, besides WeChat Pay's own, that may be signed for.
            clock: seconds since the epoch.
            random: a source of random bytes, for the nonce.
            scheme: how requests are signed.

        Raises:
            ConfigurationError: a value is missing, the key is no private RSA key, or the scheme
                cannot be used.
        """
        self._mchid = check_token(mchid, "mchid")
        self._serial = check_token(serial, "serial")
        self._scheme = check_scheme(scheme)
        self._under_way = _UnderWay()
        self._sign = (
            checked_remote(key)
            if callable(key)
            else _local(load_private_key(key), scheme.signature, self._under_way)
        )
        del key
        self._origins = hosts.OFFICIAL | {hosts.origin(url) for url in origins}
        self._clock = clock
        self._random = random

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Sign the request and send it on.

        Raises:
            RequestError: the request goes to a host that is not WeChat Pay's or the client's.
            NotSentError: the remote signer failed.
        """
        call.refuse_foreign(request, self._origins)
        self._under_way.count += 1
        try:
            await self._authorize(request)
            return await handler(request)
        finally:
            self._under_way.count -= 1

    def __repr__(self) -> str:
        return f"<Signer {self._mchid} {self._serial}>"

    async def _authorize(self, request: ClientRequest) -> None:
        content = await signed_bytes(request.body)
        timestamp = int(self._clock())
        nonce = formatter.nonce(self._random)
        message = formatter.request(
            request.method, request.url.raw_path_qs, timestamp, nonce, content
        )
        # Not kept in a variable: a traceback with locals would show it.
        request.headers["Authorization"] = formatter.authorization(
            self._scheme,
            self._mchid,
            nonce,
            base64.b64encode(await self._sign(message)).decode("ascii"),
            timestamp,
            self._serial,
        )


def checked_remote(sign: Callable[[bytes], Any]) -> RemoteSign:
    """Return a remote signer that fails with this package's errors, and returns bytes."""

    async def remote(message: bytes) -> bytes:
        try:
            signature = await sign(message)
        except WechatPayError:
            raise
        except Exception as error:
            raise NotSentError(
                f"not sent: the remote signer failed with {type(error).__name__}"
            ) from error
        if not isinstance(signature, bytes) or not signature:
            raise ConfigurationError(
                "the remote signer must return the raw signature as bytes, not "
                f"{type(signature).__name__}"
            )
        return signature

    return remote


class _UnderWay(threading.local):
    """How many requests this thread's loop is signing or waiting for."""

    count = 0


def _local(
    key: RSAPrivateKey, sign: Callable[[bytes, RSAPrivateKey], bytes], under_way: _UnderWay
) -> RemoteSign:
    async def local(message: bytes) -> bytes:
        # Alone, signing on the spot is quickest; with others under way it would keep
        # the loop from them, and it leaves the GIL, so a thread does it.
        if under_way.count == 1:
            return sign(message, key)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads(), sign, message, key)

    return local


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "wechatpay-sign")


if hasattr(os, "register_at_fork"):
    # A forked child has the pool but none of its threads.
    os.register_at_fork(after_in_child=_threads.cache_clear)
