"""`Client`: configuration in, requests out; sync and async faces of one flow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, cast

from aiohttp import ClientMiddlewareType

from wechatpay_chain import catalogue
from wechatpay_chain.addresses import check_base
from wechatpay_chain.catalogue import completion
from wechatpay_chain.chain import Chain, register
from wechatpay_chain.driver import Driver
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.flow import Flow
from wechatpay_chain.keys import KeySource, load_public_key
from wechatpay_chain.middleware.signer import RemoteSign
from wechatpay_chain.middleware.stack import Stack
from wechatpay_chain.middleware.v2_encryptor import V2Encryptor
from wechatpay_chain.option_values import check_proxy, check_seconds
from wechatpay_chain.options import Defaults
from wechatpay_chain.parts import Parts
from wechatpay_chain.platform_keys import WARN_BEFORE
from wechatpay_chain.protocol import hosts, segments
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.tls import Tls

if not TYPE_CHECKING:
    Root = object
else:
    # The types of known paths. They stand last: jedi, which Jupyter asks, believes what does.
    from wechatpay_chain.bills import Bills
    from wechatpay_chain.certificates import Certificates, Refresh
    from wechatpay_chain.limiter import RateLimiter
    from wechatpay_chain.openapi import Root
    from wechatpay_chain.payments import Payments
    from wechatpay_chain.webhooks import Webhooks

__all__ = ["Client"]

T = TypeVar("T")


class Client(Root):
    """A merchant's way to WeChat Pay: attributes, items and ``chain()`` make the path.

    ::

        client = Client(mchid="1900000109", serial="3775B6A4…",
                        private_key="apiclient_key.pem",
                        certs={"PUB_KEY_ID_0119…": "pub_key.pem"})
        client.v3.pay.transactions.native.post(json={...})
        await client.v3.pay.transactions.native.post_async(json={...})

    One client serves any number of threads, event loops and forked processes. It
    keeps connections; close it with ``with``, ``async with``, `close` or `aclose`,
    or leave that to the end of its loop, thread or program.
    """

    def __init__(
        self,
        mchid: str | None = None,
        serial: str | None = None,
        private_key: KeySource | RemoteSign | None = None,
        certs: Mapping[str, KeySource] | None = None,
        *,
        apiv3_key: str | bytes | Sensitive[Any] | None = None,
        secret: str | Sensitive[Any] | None = None,
        merchant: Mapping[str, KeySource] | None = None,
        ca_certs: KeySource | None = None,
        v2_public_key: KeySource | None = None,
        base_uri: str | None = None,
        encrypt: bool = True,
        check: bool = False,
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        proxy: str | None = None,
        middlewares: Iterable[ClientMiddlewareType] = (),
        rate_limiter: RateLimiter | None = None,
        refresh: Refresh | bool = False,
        scheme: Scheme = Scheme.RSA,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make a client; keys are loaded and checked now, nothing is sent.

        Args:
            mchid: the merchant's number (商户号).
            serial: the serial of the merchant's API certificate (商户API证书序列号).
            private_key: its private key (`wechatpay_chain.keys` lists the forms), or
                an async callable ``sign(message: bytes) -> bytes`` for a key elsewhere.
            certs: WeChat Pay's public keys (微信支付公钥) and certificates (平台证书), by
                public key id or serial.
            apiv3_key: 32 characters (APIv3密钥), to open callbacks and certificates.
            secret: the key of the XML protocol (APIv2密钥). With it and without serial,
                private key and certs the client is for v2 only.
            merchant: ``{"cert": …, "key": …}``, the merchant's TLS certificate
                (apiclient_cert.pem and apiclient_key.pem), for calls with ``security=True``;
                or ``{"cert": ("apiclient_cert.p12", passphrase)}``.
            ca_certs: TLS authorities to trust in place of the system's, for the sandbox.
            v2_public_key: the key that ``v2/risk/getpublickey`` answers (RSA加密公钥), for
                the sensitive fields of the XML protocol; by default one of `certs` is used.
            base_uri: where requests go, save those that say otherwise. By default each
                operation's own host (域名), which is https://api.mch.weixin.qq.com/ for most.
            encrypt: whether sensitive fields are encrypted.
            check: whether a request with a missing required field, a wrong type or an
                undocumented enum value is refused before it is sent, all faults at once.
                Fields that the catalogue does not know are never refused.
            timeout: seconds that a whole call may take, 0 for no limit.
            connect_timeout: seconds that making a connection may take, 0 for no limit.
            proxy: the address of an HTTP proxy.
            middlewares: aiohttp client middlewares, outermost first; they see requests
                before they are encrypted and signed, and answers after they were verified.
            rate_limiter: keeps calls within their rate limits (频率限制), before they are sent.
            refresh: whether WeChat Pay's certificates (平台证书) are downloaded when an answer or
                a callback names one that is not there, and now and then in the background;
                a `Refresh` says how. `certs` may then be missing. It needs `apiv3_key`.
            scheme: how requests are signed; `Scheme.BRAND` for a brand (品牌), whose id is then
                given as `mchid`.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: something is missing or cannot be used; it says what.
        """
        key, keys = Sensitive[Any](private_key), Sensitive[Any](certs)
        secrets = Sensitive[Any](apiv3_key), Sensitive[Any](secret)
        identity = Sensitive[Any](merchant)
        authorities, via = Sensitive[Any](ca_certs), Sensitive[Any](proxy)
        v2_key = Sensitive[Any](v2_public_key)
        # What is left in this frame may be seen in a traceback with locals.
        del private_key, certs, apiv3_key, secret, merchant, ca_certs, proxy, v2_public_key
        defaults = Defaults(
            base_uri=check_base(hosts.DEFAULT_BASE if base_uri is None else base_uri),
            has_own_base=base_uri is not None,
            has_certificate=identity.reveal() is not None,
            check=_flag(check, "check"),
            timeout=check_seconds(timeout, "timeout", ConfigurationError),
            connect_timeout=check_seconds(connect_timeout, "connect_timeout", ConfigurationError),
            encrypt=_flag(encrypt, "encrypt"),
            proxy=check_proxy(via),
        )
        self._parts = Parts.of(
            mchid, serial, key, keys, *secrets, scheme, clock, refreshes=refresh is not False
        )
        public = None if v2_key.reveal() is None else load_public_key(v2_key, "v2_public_key")
        encryptor = V2Encryptor(self._parts.platform, public)
        stacks = self._parts.stacks(encryptor, middlewares)
        tls = Tls(authorities, identity, clock)
        admit = None
        if rate_limiter is not None:
            if isinstance(rate_limiter, type) or not hasattr(rate_limiter, "acquire"):
                raise ConfigurationError("rate_limiter must be a RateLimiter")
            admit = partial(rate_limiter.acquire, mchid=self._parts.mchid)
        self._opening_key = self._parts.opening_key(tls.private_key)
        self._flow = Flow(stacks, defaults, tls, self._opening_key, admit)
        self._made: dict[str, Any] = {}
        self._keep_keys(refresh)
        register(self._flow)

    def _keep_keys(self, refresh: Refresh | bool) -> None:
        """Warn of certificates that will not do for long, and fetch others if asked to."""
        days = WARN_BEFORE
        if refresh is not False:
            from wechatpay_chain.certificates import Certificates, Refresh

            days = Refresh.of(refresh).warn_before
            self._made["certificates"] = Certificates(self, self._parts, refresh)
        if self._parts.platform is not None:
            self._parts.platform.warn_of_expiry(days)

    @property
    def stack(self) -> Stack:
        """The named middlewares that every v3 call passes, outermost first.

        Raises:
            ConfigurationError: this client is for v2 only.
        """
        return self._flow.stack_of("v3")

    def get_driver(self) -> Driver:
        """Return the way to the stacks of both protocols, as PHP's ``getDriver()`` does."""
        return Driver(self._flow)

    if not TYPE_CHECKING:

        def chain(self, path: object) -> Chain:
            """Return the node of a path such as ``"v3/pay/transactions/id/{transaction_id}"``.

            Capitals become hyphens, as in PHP; a value with capitals goes into a variable.
            """
            return Chain(self._flow, "")._below(path)

        __getitem__ = chain

        def __getattr__(self, name: str) -> Chain:
            # First, because it refuses names such as _flow, which a half-made client lacks.
            segment = segments.attribute("", name)
            return Chain(self._flow, segment)

    @property
    def certificates(self) -> Certificates:
        """WeChat Pay's certificates (平台证书): download, refresh, dates."""
        # Each of these four is loaded for programs that use it only.
        from wechatpay_chain.certificates import Certificates

        return self._kept("certificates", lambda: Certificates(self, self._parts))

    @property
    def webhooks(self) -> Webhooks:
        """The receiver of callbacks (回调通知), with this client's keys."""
        from wechatpay_chain.webhooks import Webhooks

        parts = self._parts
        return self._kept(
            "webhooks",
            lambda: Webhooks(
                parts.platform,
                parts.apiv3_key,
                secret=parts.secret,
                private_key=self._opening_key,
                mchid=parts.mchid,
                scheme=parts.scheme,
                clock=parts.clock,
            ),
        )

    @property
    def payments(self) -> Payments:
        """What front ends need to invoke payment (调起支付), signed."""
        from wechatpay_chain.payments import Payments

        parts = self._parts
        return self._kept(
            "payments",
            lambda: Payments(
                parts.mchid,
                cast("KeySource | RemoteSign | None", parts.signing),
                parts.secret,
                scheme=parts.scheme,
                clock=parts.clock,
            ),
        )

    @property
    def bills(self) -> Bills:
        """Bills (账单) to download, checked, and to read row by row."""
        from wechatpay_chain.bills import Bills

        return self._kept("bills", lambda: Bills(self._flow, self._parts, self._opening_key))

    def _kept(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made under a name, the same for all threads."""
        if name not in self._made:
            # One step, so that two threads get one thing.
            self._made.setdefault(name, make())
        return cast("T", self._made[name])

    def describe(self, path: object, method: str | None = None) -> catalogue.Description:
        """Describe the operations at a path: fields, host, certificate, limit, pages, a sample.

        Args:
            path: a path such as ``"v3/pay/transactions/native"``, a chain, or the type of a
                callback such as ``"REFUND.SUCCESS"``.
            method: only this HTTP method's, by default all that the path has.

        Raises:
            RequestError: nothing is known of it; the message names the nearest known paths.
                It can be called all the same.
        """
        return catalogue.describe(path, method)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *completion.names("")]

    def _ipython_key_completions_(self) -> list[str]:
        return completion.keys("")

    def close(self) -> None:
        """Close the connections of all threads and loops; the client cannot be used afterwards."""
        self._flow.sessions.close()

    async def aclose(self) -> None:
        """Close the connections of all threads and loops; the client cannot be used afterwards."""
        await self._flow.sessions.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        if "_flow" not in vars(self):
            return "<Client that could not be made>"
        return f"<Client {self._parts.mchid} {self._flow.defaults.base_uri}>"

    # Without these, Python would make an endless iterator of __getitem__.
    __iter__ = None
    __contains__ = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Client holds keys, so it is not pickled: make one in each process")


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False")
    return value
