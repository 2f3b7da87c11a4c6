"""One call, from a prepared request to a verified response: the only flow there is.

Sync and async calls both run `Flow.send`; they differ in who turns the loop.
"""

from __future__ import annotations

import asyncio
import io
import platform
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from types import CoroutineType
from typing import Any, cast

import aiohttp
from aiohttp import ClientResponse, ClientTimeout
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from yarl import URL

from wechatpay_chain import loops, refusals, sinks
from wechatpay_chain.bodies import Content
from wechatpay_chain.chain import Chain
from wechatpay_chain.errors import (
    ConfigurationError,
    RequestError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.media import MediaUtil
from wechatpay_chain.middleware.body import read
from wechatpay_chain.middleware.call import Call, current
from wechatpay_chain.middleware.debug import Debug
from wechatpay_chain.middleware.guard import WIRE_FAILURES, Departure, guard, hide, leave, translate
from wechatpay_chain.middleware.stack import Stack
from wechatpay_chain.middleware.verifier import distrusted
from wechatpay_chain.opening import Opening
from wechatpay_chain.options import Defaults, Prepared, prepare
from wechatpay_chain.payload import Multipart
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol import segments
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.response import Response
from wechatpay_chain.sessions import Sessions
from wechatpay_chain.tls import Tls
from wechatpay_chain.version import __version__
from wechatpay_chain.warning import CapitalWarning, DeprecatedOperationWarning, warn

__all__ = ["Flow"]

KEEP_ALIVE = 6.0
"""Seconds that an idle connection is kept: less than the 8 after which the gateway closes it."""

CONNECTIONS = 100
"""Simultaneous connections of one client on one loop; further calls wait for one."""

LARGE_BODY = 1024 * 1024


_CERTIFICATE_HINT = (
    "; an operation that wants the merchant's certificate needs merchant={'cert': …, 'key': …} in "
    "Client, and security=True if the catalogue does not know it"
)


class Flow:
    """What sends the requests of one client."""

    def __init__(
        self,
        stacks: Mapping[str, Stack],
        defaults: Defaults,
        tls: Tls,
        private_key: Sensitive[RSAPrivateKey | None],
        admit: Callable[[str, str], Awaitable[None]] | None = None,
    ) -> None:
        """Send through stacks; `admit` is awaited with method and path before each call."""
        self.identity = uuid.uuid4().hex
        self.defaults = defaults
        self.sessions = Sessions(_session)
        self._stacks = stacks
        self._tls = tls
        self._private_key = private_key
        self._admit = admit
        self._warned: set[str] = set()

    def stack_of(self, protocol: str) -> Stack:
        """Return the stack that the calls of a protocol pass.

        Raises:
            ConfigurationError: there is no such protocol, or the client has no keys for it.
        """
        stack = self._stacks.get(protocol)
        if stack is not None:
            return stack
        if protocol == "v3":
            raise ConfigurationError(
                "this client is for v2 only: v3 needs serial, private_key and certs"
            )
        raise ConfigurationError(f"there is no protocol {protocol!r}: there are v2 and v3")

    def normalise(self, text: object) -> str:
        """Return what is given to ``chain()`` or ``[…]`` as a path, warning once of capitals."""
        if isinstance(text, (str, Chain)) or (isinstance(text, int) and not isinstance(text, bool)):
            path = str(text)
        else:
            raise RequestError(f"a path must be a string, not {type(text).__name__}")
        normalised = path if isinstance(text, Chain) else segments.normalise(path)
        if segments.has_capital(path):
            self._warn_once(
                "capital",
                f"capitals in the path {path!r} became hyphens, {normalised!r}, as in the PHP SDK; "
                "write a value as a lower-case placeholder, chain('v3/…/{name}'), and give "
                "name=… to the verb",
                CapitalWarning,
            )
        return normalised

    def send_sync(
        self,
        method: str,
        path: str,
        options: Mapping[str, Any] | None,
        more: Mapping[str, Any],
    ) -> Response:
        """Send a request and return its answer."""
        return loops.run(self.send(self._prepare(method, path, options, more)))

    def send_async(
        self,
        method: str,
        path: str,
        options: Mapping[str, Any] | None,
        more: Mapping[str, Any],
    ) -> Promise[Response]:
        """Return a promise of the answer to a request that is made up now and sent when awaited."""
        try:
            coroutine = self.send(self._prepare(method, path, options, more))
        except WechatPayError as error:
            coroutine = _fail(error)
        # What Python names if the promise is never awaited.
        named = cast("CoroutineType[Any, Any, Response]", coroutine)
        named.__qualname__ = f"{path}.{method.lower()}_async"
        return Promise(coroutine, loops.run)

    def _prepare(
        self,
        method: str,
        path: str,
        options: Mapping[str, Any] | None,
        more: Mapping[str, Any],
    ) -> Prepared:
        prepared = prepare(method, path, options, more, self.defaults)
        operation = prepared.operation
        if operation is not None and operation.deprecated:
            pages = f": see {operation.docs[0]}" if operation.docs else ""
            self._warn_once(
                str(operation),
                f"{operation} ({operation.name}) is deprecated{pages}",
                DeprecatedOperationWarning,
            )
        return prepared

    def _warn_once(self, cause: str, message: str, category: type[Warning]) -> None:
        if cause not in self._warned:
            self._warned.add(cause)
            warn(message, category)

    async def send(self, prepared: Prepared) -> Response:
        """Send a request once and return its answer, verified.

        Raises:
            WechatPayError: see `wechatpay_chain.errors`.
        """
        call = Call(
            str(prepared),
            prepared.origin,
            operation=prepared.operation,
            sealed=prepared.sealed,
            xml=prepared.xml,
            unsigned=prepared.body,
            nonceless=prepared.nonceless,
            streams=prepared.sink is not None,
            places=sinks.is_placed(prepared.sink),
        )
        token = current.set(call)
        try:
            return await self._send(prepared, call)
        except WechatPayError as error:
            # The frames below hold headers and bodies; the error says all that matters.
            hide(error)
            raise error
        finally:
            current.reset(token)

    async def _send(self, prepared: Prepared, call: Call) -> Response:
        self._check_open(prepared)
        sinks.check(prepared.sink)
        if self._admit is not None:
            # Before anything is begun, so that no timeout runs while it waits.
            known = prepared.operation
            await self._admit(prepared.method, known.path if known else prepared.template)
            self._check_open(prepared)
        try:
            opened = await self.sessions.open()
            opened.calls += 1
            opened.underway.add(call)
            try:
                return await self._exchange(prepared, call, opened.session)
            finally:
                opened.calls -= 1
                opened.underway.discard(call)
        except WIRE_FAILURES as error:
            failure = translate(error, str(prepared), call)
        # Raised out here, so that the original, which holds the request, is not its context.
        raise failure

    def _check_open(self, prepared: Prepared) -> None:
        if self.sessions.closed:
            raise RequestError(f"{prepared}: the client is closed: make a new one")

    async def _exchange(
        self, prepared: Prepared, call: Call, session: aiohttp.ClientSession
    ) -> Response:
        call.session = session
        data = await _payload(prepared.body)
        try:
            if not isinstance(data, Multipart) or not prepared.timeout:
                return await self._request(prepared, call, session, data)
            # A file may take long as a whole, but not stand still.
            async with asyncio.timeout(prepared.timeout) as deadline:
                data.on_progress = _extension(deadline, prepared.timeout)
                return await self._request(prepared, call, session, data)
        finally:
            # One that was read to its end has given its connection back, and stays as it is.
            for answer in call.answers:
                answer.close()

    async def _request(
        self, prepared: Prepared, call: Call, session: aiohttp.ClientSession, data: Any
    ) -> Response:
        answer = await session.request(
            prepared.method,
            URL(prepared.url, encoded=True),
            data=data,
            headers=prepared.headers,
            middlewares=self._middlewares(prepared),
            allow_redirects=False,
            timeout=_timeout(
                0.0 if isinstance(data, Multipart) else prepared.timeout,
                prepared.connect_timeout,
                prepared.sink is not None,
            ),
            proxy=prepared.proxy,
            ssl=self._tls.context(security=prepared.security),
        )
        opener = Opening.of(prepared.operation, self._private_key)
        try:
            return await _finish(prepared, call, answer, opener)
        except UnverifiedError as error:
            raise distrusted(error, str(prepared), answer, b"") from None

    def _middlewares(self, prepared: Prepared) -> tuple[aiohttp.ClientMiddlewareType, ...]:
        skipped = () if prepared.encrypt else ("encryptor",)
        stack = prepared.handler
        if stack is None:
            stack = self.stack_of("v2" if prepared.is_v2 else "v3")
        elif not isinstance(stack, Stack):
            raise RequestError("handler must be a Stack, such as client.stack.copy()")
        shown = () if prepared.debug is None else (Debug(prepared.debug),)
        return (guard, *prepared.middlewares, *stack.without(*skipped), *shown, leave)


async def _finish(
    prepared: Prepared, call: Call, answer: ClientResponse, opener: Opening | None
) -> Response:
    """Read an answer to its end, or into its sink."""
    succeeded = 200 <= answer.status < 300
    if not succeeded or prepared.sink is None:
        body = await (read(answer, decode=True) if call.unread else answer.read())
        opener = opener if succeeded else None
        response = Response.of(answer, body, verified=call.verified, opener=opener)
        if not succeeded and prepared.http_errors:
            # Without a certificate the gateway answers a bare 400.
            hint = _CERTIFICATE_HINT if prepared.is_v2 and not prepared.security else ""
            raise refusals.of_status(str(prepared), response, is_v2=prepared.is_v2, hint=hint)
        return response
    body_read = None if call.unread else await read(answer, decode=True)
    await sinks.pour(answer, body_read, prepared.sink, call.proof)
    return Response.of(answer, b"", verified=call.verified)


async def _fail(error: WechatPayError) -> Response:
    hide(error)
    raise error


async def _payload(body: Content) -> Any:
    if isinstance(body, MediaUtil):
        # The whole file is read for its digest, so not in the loop's thread.
        try:
            return await asyncio.to_thread(body.get_stream)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RequestError(f"upload cannot be read: {reason}") from None
    if not isinstance(body, bytes):
        return body
    # Given large bytes, aiohttp warns that they may block the loop; a stream is fed in parts.
    return io.BytesIO(body) if len(body) >= LARGE_BODY else body


def _extension(deadline: asyncio.Timeout, seconds: float) -> Callable[[], None]:
    """Return what puts a deadline off to so many seconds from now, as long as it is one."""
    loop = asyncio.get_running_loop()

    def extend() -> None:
        # The rest of a body may still be on its way when the answer has come.
        with suppress(RuntimeError):
            deadline.reschedule(loop.time() + seconds)

    return extend


@lru_cache(maxsize=64)
def _timeout(total: float, connect: float, streams: bool) -> ClientTimeout:
    if streams:
        # A download may take long as a whole, but not stand still.
        return ClientTimeout(total=None, sock_connect=connect or None, sock_read=total or None)
    return ClientTimeout(total=total or None, sock_connect=connect or None)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=Departure,
        headers={"User-Agent": _user_agent()},
        # Headers are the caller's and ours alone.
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
    )


@lru_cache(maxsize=1)
def _user_agent() -> str:
    python = platform.python_version()
    return f"wechatpay-chain/{__version__} Python/{python} aiohttp/{aiohttp.__version__}"
