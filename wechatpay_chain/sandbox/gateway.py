"""The sandbox's face: start it, get a client for it, look at what arrived, tell it to misbehave.

A request's way: `rules` choose a misbehaviour → the request is read →
`reception` judges it and carries it out → the answer is spoilt if so told,
signed (`answers`), and sent.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from cryptography import x509
from multidict import CIMultiDict

from wechatpay_chain.catalogue import find
from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import orders
from wechatpay_chain.sandbox.answers import Answer, Cut
from wechatpay_chain.sandbox.authority import authority, pem, server_context
from wechatpay_chain.sandbox.delivery import Delivery
from wechatpay_chain.sandbox.identity import Identity, throw_away_identity
from wechatpay_chain.sandbox.reception import Reception
from wechatpay_chain.sandbox.records import Part, ReceivedRequest, read_request
from wechatpay_chain.sandbox.rules import (
    HEADER,
    Rule,
    Rules,
    choose,
    choose_from_headers,
    spoil,
)
from wechatpay_chain.sandbox.sender import Sender
from wechatpay_chain.sandbox.server import Server
from wechatpay_chain.sandbox.uploads import is_upload, read_parts

__all__ = ["Sandbox"]

# Of anything but an upload, which is read as a stream.
_LARGEST_BODY = 16 * 1024 * 1024


class Sandbox(Sender):
    """A local WeChat Pay gateway, for as long as the ``with`` block lasts.

    Args:
        port: where to listen; 0 takes any free port.
        host: the address to listen on.
        mchid: the first merchant that is known; ignored if an `identity` is given.
        mchids: more merchants; ignored likewise.
        identity: all keys; throw-away ones, made once a process, by default.
        clock: seconds since 1970, for the check of timestamps and for answers.
        keepalive_timeout: seconds after which an idle connection is closed.
        tls: whether to speak https. `ca` then vouches for the gateway, and merchants
            can show their certificates, which some operations want.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        mchid: str = "1900000109",
        mchids: Iterable[str] = (),
        identity: Identity | None = None,
        clock: Callable[[], float] = time.time,
        keepalive_timeout: float = 75,
        tls: bool = False,
    ) -> None:
        self.identity = identity or throw_away_identity(mchid, *mchids)
        self._clock = clock
        self._host = host
        self._authority = authority("WeChat Pay sandbox: gateway") if tls else None
        context = None
        if self._authority is not None:
            context = server_context(host, self._authority, self.identity.merchant_authority)
        self._server = Server(self._handle, host, port, keepalive_timeout, context)
        self._base_uri: str | None = None
        self._reception = Reception(self.identity, clock, tls=tls)
        self._rules = Rules()
        self.deliveries: list[Delivery] = []
        """What became of the callbacks that were sent of themselves, in order."""

    def __repr__(self) -> str:
        return f"<Sandbox {self._base_uri or 'stopped'} mchid={self.identity.merchant.mchid}>"

    def start(self) -> Self:
        """Begin to serve, in a thread; return the gateway itself."""
        port = self._server.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "http" if self._authority is None else "https"
        self._base_uri = f"{scheme}://{host}:{port}/"
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
    def ca(self) -> str:
        """The certificate, as PEM, of the authority (CA) that vouches for the gateway."""
        if self._authority is None:
            raise ConfigurationError("the sandbox speaks plain http; start it with tls=True")
        return pem(self._authority.certificate)

    @property
    def apiv3_key(self) -> str:
        """The merchant's APIv3 key: 32 characters."""
        return self.identity.apiv3_key

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Everything that arrived, in order, refused or not."""
        return self._reception.requests

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted so far."""
        return self._server.connections

    def client(self, **overrides: Any) -> Client:
        """Return a client that is configured for this gateway; `overrides` go to Client.

        With ``mchid=`` it is a client of that merchant.
        """
        merchant = self.identity.merchants.get(overrides.get("mchid", ""), self.identity.merchant)
        settings: dict[str, Any] = {
            "mchid": merchant.mchid,
            "serial": merchant.serial,
            "private_key": merchant.private_key,
            "certs": dict(self.identity.certs),
            "apiv3_key": self.apiv3_key,
            "secret": merchant.secret,
            "merchant": {"cert": merchant.certificate_pem, "key": merchant.private_key_pem},
            "base_uri": self.base_uri,
            **({} if self._authority is None else {"ca_certs": self.ca}),
            **overrides,
        }
        return Client(**settings)

    def pay(
        self,
        out_trade_no: str,
        *,
        openid: str | None = None,
        mchid: str | None = None,
        notify: bool = False,
    ) -> str:
        """Pay an order, as its payer would; return the transaction_id.

        `mchid` says whose order it is, where several merchants have one of that number.
        With `notify` the order's ``notify_url`` hears of it, as by `Sandbox.notify`, before
        this returns; what became of that is the last of `deliveries`.

        Raises LookupError for an order that was never created, ValueError for one that is
        paid or closed.
        """
        ledgers = [led for led in self._reception.ledgers(mchid) if out_trade_no in led.orders]
        if not ledgers:
            raise LookupError(f"no order was created with out_trade_no {out_trade_no!r}")
        if len(ledgers) > 1:
            raise ValueError(f"several merchants have an order {out_trade_no!r}; name the mchid")
        order = orders.pay(ledgers[0], out_trade_no, self._clock(), openid)
        if notify:
            self.deliveries.append(self.notify_payment(order))
        return str(order.transaction_id)

    def clear(self) -> None:
        """Forget the requests and everything that they created; rules stay (see `behave`)."""
        self._reception.clear()
        self.deliveries.clear()

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
        received = _received(request)
        protocol = "v2" if received.is_xml else "v3"
        try:
            chosen = self._rules.take(request.method, received.path, protocol)
            chosen += choose_from_headers(request.headers.getall(HEADER, []), protocol)
        except ConfigurationError as error:
            return await _send(request, self._turn_away(received, 400, str(error)))
        if not all(one.reads for one in chosen):
            answer = replace(self._turn_away(received, 503, "hung up"), cut=Cut.BEFORE_READING)
            return await _send(request, answer)
        try:
            read = await _read(request)
        except (ConnectionError, web.RequestPayloadError):
            return await _send(request, self._turn_away(received, 400, "the body broke off"))
        if read is None:
            told = f"the body is larger than {_LARGEST_BODY} bytes"
            return await _send(request, self._turn_away(received, 413, told))
        return await _send(request, spoil(self._reception.answer(read), chosen))

    def _turn_away(self, received: ReceivedRequest, status: int, problem: str) -> Answer:
        return spoil(self._reception.turn_away(received, status, problem), ())


async def _read(request: web.BaseRequest) -> ReceivedRequest | None:
    """Read the body, of an upload as a stream; return None if it is too large to be anything."""
    if is_upload(request.headers):
        operation = find(request.method, request.raw_path.partition("?")[0])
        fields = None if operation is None else operation.upload_fields
        algorithm = "SHA256" if fields is None else fields.algorithm
        parts, body = await read_parts(request.headers, request.content, algorithm)
        return _received(request, body, parts)
    whole = bytearray()
    async for chunk in request.content.iter_any():
        whole += chunk
        if len(whole) > _LARGEST_BODY:
            return None
    return _received(request, bytes(whole))


def _received(
    request: web.BaseRequest, body: bytes = b"", parts: Mapping[str, Part] | None = None
) -> ReceivedRequest:
    received = read_request(request.method, request.raw_path, request.headers, body, parts)
    return replace(received, client_certificate=_client_certificate(request))


def _client_certificate(request: web.BaseRequest) -> str | None:
    """Return the serial of the certificate that the client has shown."""
    tls = None if request.transport is None else request.transport.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    if shown is None:
        return None
    return format(x509.load_der_x509_certificate(shown).serial_number, "X")


async def _send(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    if answer.delay:
        await asyncio.sleep(answer.delay)
    if answer.cut is not Cut.NOWHERE and isinstance(request.transport, asyncio.Transport):
        request.transport.write(answer.beginning)
        # aiohttp then finds the transport closing, and gives up on the response without a word.
        request.transport.close()
    return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)
