"""`Router`: which handler an event is for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.webhooks import kinds, patterns
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.reply import V2, V3, Reply

__all__ = ["Answer", "Handler", "Router"]

Answer: TypeAlias = Reply | Awaitable[Reply | None] | None
"""What a handler returns."""

Handler: TypeAlias = Callable[[Event[Any]], Answer]


class Router:
    """Handlers by pattern and protocol. Exactly one handles an event: the most specific."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str | None], Handler] = {}

    def add(self, pattern: str, protocol: str | None, handler: Handler) -> None:
        """Give a pattern its handler.

        Raises:
            ConfigurationError: it is no pattern or has a handler, or this handler is none.
        """
        if protocol not in (None, V2, V3):
            raise ConfigurationError('protocol must be "v3", "v2", or left out for both')
        if not _takes_one(handler):
            raise ConfigurationError("a handler must be callable, with the event alone")
        key = (patterns.check(pattern), protocol or kinds.protocol_of(pattern))
        if self._handlers.setdefault(key, handler) is not handler:
            raise ConfigurationError(
                f"{pattern!r} has a handler: one event is handled once, so call both from one"
            )

    def find(self, event: Event[Any]) -> Handler | None:
        """Return the handler of an event; None if there is none."""
        found = [
            (pattern, protocol)
            for pattern, protocol in tuple(self._handlers)
            if protocol in (None, event.protocol) and event.matches(pattern)
        ]
        if not found:
            return None
        return self._handlers[max(found, key=lambda key: (patterns.weight(key[0]), key[1] or ""))]


def _takes_one(handler: object) -> bool:
    if not callable(handler):
        return False
    try:
        inspect.signature(handler).bind(None)
    except TypeError:
        return False
    except ValueError:
        # Some builtins do not say what they take.
        pass
    return True
