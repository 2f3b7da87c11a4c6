"""`Webhooks`: what comes in as headers and a body goes out as an event and a reply."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import (
    KeySource,
    check_apiv3_key,
    check_secret,
    check_token,
    load_private_key,
)
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.scheme import Scheme, check_scheme
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.webhooks import handling, json_callback, request, steps, xml_callback
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.patterns import check as check_pattern
from wechatpay_chain.webhooks.reply import Reply
from wechatpay_chain.webhooks.router import Handler, Router
from wechatpay_chain.webhooks.seen import Hook, check_hook

if not TYPE_CHECKING:
    Handlers = object
else:
    from wechatpay_chain.openapi.event_handlers import Handlers

__all__ = ["LARGEST_CALLBACK", "Webhooks"]

H = TypeVar("H", bound=Handler)

LARGEST_CALLBACK = 1024 * 1024
"""Bytes of the largest body that is looked at; a real one has a few thousand.

Enough for whatever WeChat Pay may add, and what a hostile sender can have hashed for nothing.
"""


class Webhooks(Handlers):
    """The receiver of one merchant's callbacks (回调通知).

    ::

        webhooks = Webhooks({"PUB_KEY_ID_0119…": "pub_key.pem"}, apiv3_key)

        @webhooks.on("TRANSACTION.SUCCESS")
        def paid(event: Event) -> None:
            ...

        reply = webhooks.receive(request.headers, request.body)

    One receiver serves any number of threads and event loops.
    """

    def __init__(
        self,
        keys: Mapping[str, KeySource] | None = None,
        apiv3_key: str | bytes | Sensitive[Any] | None = None,
        *,
        secret: str | Sensitive[Any] | None = None,
        sign_type: str = hashes.MD5,
        private_key: KeySource | None = None,
        mchid: str | None = None,
        seen: Hook | None = None,
        scheme: Scheme = Scheme.RSA,
        clock: Callable[[], float] = time.time,
        limit: int = LARGEST_CALLBACK,
    ) -> None:
        """Make a receiver; keys are loaded and checked now. What is not given is not accepted.

        Args:
            keys: WeChat Pay's public keys and certificates by id or serial, for v3.
            apiv3_key: 32 characters (APIv3密钥), which open the resource.
            secret: the key of the XML protocol (APIv2密钥). Without it no XML is accepted.
            sign_type: how v2 notifications are signed: ``MD5``, or ``HMAC-SHA256`` if the orders
                say so. Where the documents fix one (pay score, parking), that one counts. What
                a notification says of itself never does.
            private_key: the merchant's own (商户API私钥), for fields that are encrypted inside the
                resource. Without it they stay as they came, and `Event.sealed` names them.
            mchid: the merchant's number (商户号); v2 notifications for another are refused.
            seen: what remembers the callbacks that were handled, such as `MemorySeen` or
                `RedisSeen`, or a function that takes an id and tells whether it was.
            scheme: how callbacks are signed; `Scheme.BRAND` for a brand (品牌).
            clock: seconds since the epoch.
            limit: bytes of the largest body that is looked at.

        Raises:
            ConfigurationError: something cannot be used; it says what.
        """
        opener, key = Sensitive[Any](apiv3_key), Sensitive[Any](secret)
        private, platform = Sensitive[Any](private_key), Sensitive[Any](keys)
        # What is left in this frame may be seen in a traceback with locals.
        del apiv3_key, secret, private_key, keys
        check_apiv3_key(opener)
        check_secret(key)
        if sign_type not in hashes.SIGN_TYPES:
            raise ConfigurationError('sign_type must be "MD5" or "HMAC-SHA256"')
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigurationError("limit must be a number of bytes")
        if private.reveal() is not None:
            private = Sensitive[Any](load_private_key(private))
        if mchid is not None:
            check_token(mchid, "mchid")
        self._keys = _platform_keys(platform)
        self._json = json_callback.Reader(opener, private, check_scheme(scheme))
        self._xml = xml_callback.Reader(key, opener, sign_type, mchid)
        self._clock = clock
        self._limit = limit
        self._router = Router()
        self._unheard: set[str] = set()
        self.seen = seen

    @property
    def limit(self) -> int:
        """Bytes of the largest body that is looked at."""
        return self._limit

    @property
    def seen(self) -> Hook | None:
        """What remembers the callbacks that were handled; it may be set at any time."""
        return self._seen

    @seen.setter
    def seen(self, hook: Hook | None) -> None:
        self._seen = check_hook(hook)

    @without_frames
    def parse(self, headers: object, body: bytes | bytearray | memoryview) -> Event[Any]:
        """Verify and open a callback.

        Args:
            headers: any mapping of headers, pairs, a WSGI environ, Django's ``META``, or an ASGI
                scope.
            body: the raw bytes, as they came.

        Raises:
            WebhookError: one of its six kinds; answer with `Reply.refusal`, never with a 2xx.
            ConfigurationError: the body is no bytes, or headers are none.
        """
        return steps.run(self._parsing(headers, body))

    async def parse_async(
        self, headers: object, body: bytes | bytearray | memoryview
    ) -> Event[Any]:
        """Verify and open a callback, as `parse` does, without holding the loop up."""
        return await steps.run_async(self._parsing(headers, body))

    if not TYPE_CHECKING:

        def on(self, *patterns: str, protocol: str | None = None) -> Callable[[H], H]:
            """Register a handler: a function, sync or async, that takes the event.

            The most specific pattern wins, and exactly one handler is called: that of
            ``"REFUND.SUCCESS"`` before that of ``"REFUND.*"`` before that of ``"*"``. A handler
            returns None to acknowledge, or a `Reply`; what it raises is logged, and WeChat Pay
            sends the callback again.

            Args:
                patterns: types of events, or their beginnings and a star.
                protocol: ``"v3"`` or ``"v2"``. By default the one that a known type is of, and
                    v3 where both have it, such as ``TRANSACTION.SUCCESS``: their fields differ.
                    A pattern with a star, or a new type, is for both.

            Raises:
                ConfigurationError: no pattern, or one that has a handler.
            """
            if not patterns:
                raise ConfigurationError('say which events: @webhooks.on("TRANSACTION.SUCCESS")')
            for pattern in patterns:
                # Now, because without its parentheses this decorator gets the handler itself.
                check_pattern(pattern)

            def register(handler: H) -> H:
                for pattern in patterns:
                    self._router.add(pattern, protocol, handler)
                return handler

            return register

    def receive(
        self,
        headers: object,
        body: bytes | bytearray | memoryview,
        *,
        call: Callable[[Handler, Event[Any]], Any] | None = None,
    ) -> Reply:
        """Verify, open and handle a callback, and return the answer to send.

        Sync handlers are called in this thread, outside of any event loop.

        Args:
            headers: as in `parse`.
            body: the raw bytes, as they came.
            call: how a handler is called, where a framework has a way of its own from sync to
                async; async handlers run on a loop of this thread by default.

        Raises:
            ConfigurationError: the body is no bytes, or headers are none. A bad callback raises
                nothing: it is logged, and the answer is no 2xx.
        """
        return steps.run(self._receiving(headers, body, call))

    async def receive_async(self, headers: object, body: bytes | bytearray | memoryview) -> Reply:
        """Verify, open and handle a callback, as `receive` does; sync handlers get a thread."""
        return await steps.run_async(self._receiving(headers, body))

    def __repr__(self) -> str:
        return "<Webhooks>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Webhooks hold keys, so they are not pickled: make one in each process")

    def _parsing(self, headers: object, body: object) -> steps.Flow[Event[Any]]:
        raw = request.raw(body, self._limit)
        found = request.headers(headers)
        if request.is_xml(raw):
            return self._xml.read(raw)
        signed = self._json.read_headers(found, self._clock())
        if self._keys is None:
            raise json_callback.not_configured()
        key = self._keys.get(signed.claim.serial)
        if key is None:
            key = yield steps.Call(self._keys.find, (signed.claim.serial,))
        return self._json.read(signed, key, raw)

    def _receiving(
        self,
        headers: object,
        body: object,
        call: Callable[[Handler, Event[Any]], Any] | None = None,
    ) -> steps.Flow[Reply]:
        def find(event: Event[Any]) -> Handler | None:
            handler = self._router.find(event)
            return handler if handler is None or call is None else partial(call, handler)

        return handling.handled(self._parsing(headers, body), find, self._seen, self._unheard)


def _platform_keys(keys: Sensitive[Any]) -> PlatformKeys | None:
    """Return the keys to verify with. Somebody may have put a private one among them."""
    if keys.reveal() is None or isinstance(keys.reveal(), PlatformKeys):
        return keys.reveal()  # type: ignore[no-any-return]
    if not isinstance(keys.reveal(), Mapping):
        raise ConfigurationError("keys must be a mapping of serials or public key ids to keys")
    return PlatformKeys({name: Sensitive[Any](key) for name, key in keys.reveal().items()})
