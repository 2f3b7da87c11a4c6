"""The package redis, for what keeps something in Redis (or Valkey): an extra, so loaded late."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wechatpay_chain.extras import missing

__all__ = ["load", "one_more_try"]


def load(what: str, module: str = "redis") -> Any:
    """Return ``redis`` or ``redis.asyncio``.

    Raises:
        ConfigurationError: it is not installed; the message says `what` needs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise missing(what, "redis") from error


def one_more_try(module: str = "redis") -> Any:
    """Return how a client tries again: once, at once.

    That is for a connection that was closed while idle; waiting in between is for callers who
    have nothing better to do.
    """
    no_wait = import_module("redis.backoff").NoBackoff()
    return import_module(f"{module}.retry").Retry(no_wait, 1)
