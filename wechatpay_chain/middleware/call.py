"""What one call of `Client` tells the middlewares under it, and they tell it.

A middleware sees only a request. The few things that belong to the call and
are not part of the request travel in a context variable, so that the same
middleware objects serve every call, and work without a `Client` too.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from wechatpay_chain.protocol.sensitive import Path

__all__ = ["Call", "current"]


@dataclass(slots=True)
class Call:
    """One call, as the middlewares see it."""

    origin: str = ""
    """Scheme, host and port that the call is for; nothing else is signed in it."""

    sealed: tuple[Path, ...] = ()
    """Where the caller put `Sensitive` values."""

    streams: bool = False
    """Whether the caller streams the body of a download, so that it must not be read here."""

    unread: bool = True
    """Cleared by the verifier when it has read the body."""

    verified: bool = False
    """Set by the verifier: the answer's signature holds, over the body or its digest."""


current: ContextVar[Call] = ContextVar("wechatpay_chain.call")
