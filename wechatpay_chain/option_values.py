"""The values of a call's options, each checked: numbers, switches, proxies, sinks."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from wechatpay_chain.errors import ConfigurationError, RequestError
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = [
    "check_proxy",
    "check_seconds",
    "debug_of",
    "flag",
    "middlewares_of",
    "only_v2",
    "proxy_of",
    "seconds",
    "sink_of",
]


def check_seconds(
    value: object, name: str, error: type[ConfigurationError | RequestError]
) -> float:
    """Return a number of seconds, 0 for no limit.

    Raises:
        ConfigurationError: (or `error`) it is no such number.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        raise error(f"{name} must be a number of seconds, 0 for no limit")
    return float(value)


@without_frames
def check_proxy(
    value: object, error: type[ConfigurationError | RequestError] = ConfigurationError
) -> str | None:
    """Return the address of a proxy, checked; nothing, or an empty text, is none.

    Raises:
        ConfigurationError: (or `error`) it is no http address; it may hold a password, so it
            is not shown.
    """
    value = value.reveal() if isinstance(value, Sensitive) else value
    if value is None or value == "":
        return None
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts and parts.scheme in ("http", "https") and parts.hostname:
            return str(value)
    except ValueError:
        pass
    raise error("proxy must be an address such as http://127.0.0.1:3128")


def seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    """Return an option that is a number of seconds; None takes a default away, as in PHP."""
    value = options.get(name, default)
    return 0.0 if value is None else check_seconds(value, name, RequestError)


def flag(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return an option that is True or False."""
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be True or False")
    return value


def only_v2(options: Mapping[str, Any], name: str, is_v2: bool, *, default: bool) -> bool:
    """Return a switch that the XML protocol alone has."""
    if flag(options, name, default=False) and not is_v2:
        raise RequestError(f"{name} is for paths that begin with v2/: leave it out")
    return flag(options, name, default=default)


def sink_of(sink: Any) -> Any:
    """Return where an answer goes, if anywhere."""
    if (
        sink is None
        or isinstance(sink, (str, os.PathLike))
        or callable(getattr(sink, "write", None))
    ):
        return sink
    raise RequestError("sink must be a path, or a binary stream with a write method")


def proxy_of(options: Mapping[str, Any], url: str, default: str | None) -> str | None:
    """Return the proxy that a call to an address goes by, if any."""
    if "proxy" not in options:
        return default
    proxy = options["proxy"]
    if isinstance(proxy, Mapping):
        # Guzzle's form: one proxy a scheme, and the hosts that are reached without one.
        parts = urlsplit(url)
        host = f".{parts.hostname}"
        excluded = proxy.get("no") or ()
        names = excluded.split(",") if isinstance(excluded, str) else excluded
        ends = [str(name).strip().lstrip(".").lower() for name in names]
        if any(end == "*" or host.endswith(f".{end}") for end in ends):
            return None
        proxy = proxy.get(parts.scheme)
    return check_proxy(proxy, RequestError)


def debug_of(debug: Any) -> Any:
    """Return the stream that a call is traced to, if any."""
    if debug is None or debug is False:
        return None
    if debug is True:
        return sys.stderr
    with suppress(AttributeError, OSError, TypeError, ValueError):
        debug.write("")
        return debug
    raise RequestError("debug must be True, or a text stream with a write method")


def middlewares_of(middlewares: Any) -> tuple[Any, ...]:
    """Return a call's own middlewares, outermost first."""
    if middlewares is None:
        return ()
    found = tuple(middlewares) if isinstance(middlewares, Iterable) else (middlewares,)
    if not all(map(callable, found)):
        raise RequestError("middlewares must be a list of what is called as (request, handler)")
    return found
