"""What one call of `Client` tells the middlewares under it, and they tell it.

A middleware sees only a request. The few things that belong to the call and
are not part of the request travel in a context variable, so that the same
middleware objects serve every call, and work without a `Client` too.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from aiohttp import ClientRequest, ClientSession

from wechatpay_chain.protocol.sensitive import Path

__all__ = ["Call", "current", "name", "of"]


@dataclass(slots=True)
class Call:
    """One call, as the middlewares see it."""

    what: str = ""
    """Method and path template, for messages: values of the path do not belong there."""

    origin: str = ""
    """Scheme, host and port that the call is for; nothing else is signed in it."""

    session: ClientSession | None = None
    """The client's session, by which a request of the call is told from any other."""

    sealed: tuple[Path, ...] = ()
    """Where the caller put `Sensitive` values."""

    streams: bool = False
    """Whether the caller streams the body of a download, so that it must not be read here."""

    left: bool = False
    """Set when the request passes the last middleware, on its way to the wire."""

    decodes: bool = True
    """Whether bodies arrive compressed, as they came."""

    unread: bool = True
    """Cleared by the verifier when it has read the body."""

    verified: bool = False
    """Set by the verifier: the answer's signature holds, over the body or its digest."""


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
