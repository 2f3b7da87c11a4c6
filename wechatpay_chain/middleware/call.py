"""What one call of `Client` tells the middlewares under it, and they tell it.

A middleware sees only a request. The few things that belong to the call and
are not part of the request travel in a context variable, so that the same
middleware objects serve every call, and work without a `Client` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import ClientConnectionError, ClientRequest, ClientResponse, ClientSession
from yarl import URL

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.sensitive import Path

__all__ = ["Call", "Proof", "current", "name", "of", "refuse_foreign", "set_query"]


class Proof(Protocol):
    """A check of a body that goes on while it is streamed."""

    def update(self, part: bytes) -> None:
        """Take in the next piece."""

    def finish(self) -> None:
        """Raise `UnverifiedError` if all the pieces are not what was signed."""


@dataclass(slots=True, eq=False)
class Call:
    """One call, as the middlewares see it."""

    what: str = ""
    """Method and path template, for messages: values of the path do not belong there."""

    origin: str = ""
    """Scheme, host and port that the call is for; nothing else is signed in it."""

    session: ClientSession | None = None
    """The client's session, by which a request of the call is told from any other."""

    operation: Operation | None = None
    """What the catalogue knows of it."""

    sealed: tuple[Path, ...] = ()
    """Where the caller put `Sensitive` values."""

    xml: Mapping[str, Any] | None = field(default=None, repr=False)
    """The fields of a v2 request as they were given: booleans are booleans still."""

    unsigned: object = field(default=None, repr=False)
    """The body that was made of them, by which one that was changed since is known."""

    nonceless: bool = False
    """Whether a v2 request goes without ``nonce_str``."""

    streams: bool = False
    """Whether the caller streams the body of a download, so that it must not be read here."""

    places: bool = False
    """Whether it goes to a path, where nothing is seen of it before all of it is verified."""

    proof: Proof | None = None
    """Set by the verifier: what a body that is streamed must hold to, in the end."""

    answers: list[ClientResponse] = field(default_factory=list, repr=False)
    """What came back: whatever becomes of the call, none of it may keep its connection."""

    ready: bool = False
    """Set when the request has passed the last middleware, and wants a connection."""

    left: bool = False
    """Set when it has one: from then on something may have left this machine."""

    decodes: bool = True
    """Whether bodies arrive compressed, as they came."""

    unread: bool = True
    """Cleared by the verifier when it has read the body."""

    verified: bool = False
    """Set by the verifier: the answer's signature holds, over the body or its digest."""

    def hang_up(self) -> None:
        """End the reading of what came back: aiohttp would let it wait for ever."""
        for answer in self.answers:
            answer.content.set_exception(ClientConnectionError("the client was closed"))


current: ContextVar[Call] = ContextVar("wechatpay_chain.call")


def of(request: ClientRequest) -> Call | None:
    """Return the call that a request belongs to, if a `Client` makes it.

    While it does, another middleware may send requests of its own through
    another session; they are none of this call's business.
    """
    call = current.get(None)
    return call if call is not None and call.session is request.session else None


def name(request: ClientRequest) -> str:
    """Return what to call a request in a message."""
    call = of(request)
    return call.what if call is not None else f"{request.method} {request.url.raw_path}"


def refuse_foreign(request: ClientRequest, origins: frozenset[str]) -> None:
    """Refuse to sign for a host that is not the call's own, or without a call none of `origins`.

    Raises:
        RequestError: it is not.
    """
    origin = str(request.url.origin())
    call = of(request)
    if origin not in (origins if call is None else {call.origin}):
        raise RequestError(
            f"{origin} is neither WeChat Pay's nor the client's own host: nothing is signed for it"
        )


def set_query(request: ClientRequest, query: str) -> None:
    """Put an encoded query in place of a request's own."""
    # Built from text: yarl's own ways to change a query would quote the rest anew.
    request.url = URL(f"{request.url.origin()}{request.url.raw_path}?{query}", encoded=True)
