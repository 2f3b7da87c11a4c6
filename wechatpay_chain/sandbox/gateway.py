"""The sandbox's face: start it, get a client for it, look at what arrived, tell it to misbehave.

A request's way: `rules` choose a misbehaviour → the body is read → `checks`
refuse or open it → `operations` carry it out → it is recorded → the answer is
drafted, signed (`answers`), spoilt if so told, and sent.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from multidict import CIMultiDict

from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import orders
from wechatpay_chain.sandbox.answers import Answer, Cut, Draft, draft, signed
from wechatpay_chain.sandbox.authorization import Nonces, check_authorization
from wechatpay_chain.sandbox.checks import (
    check_body,
    check_headers,
    check_known,
    check_required,
    open_request,
)
from wechatpay_chain.sandbox.identity import Identity, throw_away_identity
from wechatpay_chain.sandbox.ledger import Ledger
from wechatpay_chain.sandbox.operations import operate
from wechatpay_chain.sandbox.records import ReceivedRequest, Refusal, read_request
from wechatpay_chain.sandbox.rules import HEADER, Chosen, Rule, Rules, choose, choose_from_headers
from wechatpay_chain.sandbox.server import Server

__all__ = ["Sandbox"]


class Sandbox:
    """A local WeChat Pay gateway, for as long as the ``with`` block lasts.

    Args:
        port: where to listen; 0 takes any free port.
        host: the address to listen on.
        mchid: the one merchant that is known; ignored if an `identity` is given.
        identity: all keys; throw-away ones, made once a process, by default.
        clock: seconds since 1970, for the check of timestamps and for answers.
        keepalive_timeout: seconds after which an idle connection is closed.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        mchid: str = "1900000109",
        identity: Identity | None = None,
        clock: Callable[[], float] = time.time,
        keepalive_timeout: float = 75,
    ) -> None:
        self.identity = identity or throw_away_identity(mchid)
        self._clock = clock
        self._host = host
        self._port = port
        self._server = Server(self._handle, host, port, keepalive_timeout)
        self._base_uri: str | None = None
        self._ledger = Ledger()
        self._nonces = Nonces()
        self._rules = Rules()
        self._requests: list[ReceivedRequest] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Sandbox {self._base_uri or 'stopped'} mchid={self.identity.merchant.mchid}>"

    def start(self) -> Self:
        """Begin to serve, in a thread; return the gateway itself."""
        port = self._server.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._base_uri = f"http://{host}:{port}/"
        return self

    def stop(self) -> None:
        """Stop serving and close every connection; what was recorded stays readable."""
        self._server.stop()
        self._base_uri = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_uri(self) -> str:
        """Where the gateway listens, with a trailing slash."""
        if self._base_uri is None:
            raise ConfigurationError("the sandbox is not running; enter it with `with` first")
        return self._base_uri

    @property
    def apiv3_key(self) -> str:
        """The merchant's APIv3 key: 32 characters."""
        return self.identity.apiv3_key

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Everything that arrived, in order, refused or not."""
        with self._lock:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted so far."""
        return self._server.connections

    def client(self, **overrides: Any) -> Client:
        """Return a client that is configured for this gateway; `overrides` go to Client."""
        merchant = self.identity.merchant
        settings: dict[str, Any] = {
            "mchid": merchant.mchid,
            "serial": merchant.serial,
            "private_key": merchant.private_key,
            "certs": dict(self.identity.certs),
            "apiv3_key": self.apiv3_key,
            "base_uri": self.base_uri,
            **overrides,
        }
        return Client(**settings)

    def pay(self, out_trade_no: str, *, openid: str | None = None) -> str:
        """Pay an order, as its payer would; return the transaction_id.

        Raises LookupError for an order that was never created, ValueError for
        one that is paid or closed.
        """
        order = orders.pay(self._ledger, out_trade_no, self._clock(), openid)
        return str(order.transaction_id)

    def clear(self) -> None:
        """Forget the requests and everything that they created; rules stay (see `behave`)."""
        with self._lock:
            self._requests.clear()
            self._nonces.clear()
        self._ledger.clear()

    def misbehave(
        self,
        name: str,
        *,
        times: int | None = 1,
        path: str | None = None,
        method: str | None = None,
        **options: Any,
    ) -> None:
        """Misbehave once, or so many `times` (None: until `behave`), as `MISBEHAVIOURS` says.

        `path` limits it to a path, to what lies below that, or to a pattern with ``*``.
        """
        self._rules.add(Rule(choose(name, options), times, path, method))

    @contextmanager
    def misbehaving(
        self, name: str, *, path: str | None = None, method: str | None = None, **options: Any
    ) -> Iterator[None]:
        """Misbehave for as long as the ``with`` block lasts."""
        rule = Rule(choose(name, options), None, path, method)
        self._rules.add(rule)
        try:
            yield
        finally:
            self._rules.drop(rule)

    def behave(self) -> None:
        """Drop all rules of misbehaviour."""
        self._rules.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a request from the wire and put the answer onto it."""
        path = request.raw_path.partition("?")[0]
        try:
            chosen = self._rules.take(request.method, path)
            chosen += choose_from_headers(request.headers.getall(HEADER, []))
        except ConfigurationError as error:
            return await _send(request, self._unread(request, 400, str(error)))
        if not all(one.misbehaviour.reads for one in chosen):
            answer = replace(self._unread(request, 503, "hung up"), cut=Cut.BEFORE_READING)
            return await _send(request, answer)
        try:
            body = await request.content.read()
        except (ConnectionError, web.RequestPayloadError):
            return await _send(request, self._unread(request, 400, "the body broke off"))
        received = read_request(request.method, request.raw_path, request.headers, body)
        return await _send(request, _spoil(self._answer(received), chosen))

    def _answer(self, received: ReceivedRequest) -> Draft:
        """Check a request and carry it out; record it with what became of it."""
        now = self._clock()
        status, document = 200, None
        try:
            with self._lock:
                check_authorization(received, self.identity, self._nonces, now)
            check_headers(received)
            check_known(received)
            check_body(received)
            check_required(received)
            received = replace(received, opened=open_request(received, self.identity))
            reply = operate(
                received.method,
                received.path,
                received.opened or {},
                self.identity,
                self._ledger,
                now,
            )
            status, document = reply.status, reply.document
        except Refusal as refusal:
            received = replace(received, problem=refusal.problem)
            status, document = refusal.status, refusal.document
        self._record(received)
        serial = received.headers.get("Wechatpay-Serial")
        return draft(self.identity, status, document, serial=serial, now=now)

    def _unread(self, request: web.BaseRequest, status: int, problem: str) -> Answer:
        """Record a request whose body was not read; return the refusal."""
        received = read_request(request.method, request.raw_path, request.headers, b"")
        self._record(replace(received, problem=problem))
        document = Refusal(status, "SANDBOX_ERROR", problem).document
        return signed(draft(self.identity, status, document, serial=None, now=self._clock()))

    def _record(self, received: ReceivedRequest) -> None:
        with self._lock:
            self._requests.append(received)


def _spoil(answer_draft: Draft, chosen: list[Chosen]) -> Answer:
    """Sign a draft, doing to it before and after what was chosen."""
    for one in chosen:
        answer_draft = one.draft(answer_draft)
    answer = signed(answer_draft)
    for one in chosen:
        answer = one.answer(answer)
    return answer


async def _send(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    if answer.delay:
        await asyncio.sleep(answer.delay)
    if answer.cut is not Cut.NOWHERE and isinstance(request.transport, asyncio.Transport):
        request.transport.write(answer.beginning)
        # aiohttp then finds the transport closing, and gives up on the response without a word.
        request.transport.close()
    return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)
