"""The options of a call → one prepared request: target, headers and body.

Options are read here once and nowhere else. What comes out is what is signed
and what is sent; changing a dictionary after the call changes nothing.
"""

from __future__ import annotations

import difflib
import math
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from multidict import CIMultiDict

from wechatpay_chain import addresses, bodies, headers
from wechatpay_chain.bodies import Content
from wechatpay_chain.catalogue import find
from wechatpay_chain.errors import ConfigurationError, RequestError
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.sensitive import Path, Sensitive
from wechatpay_chain.protocol.template import variables
from wechatpay_chain.protocol.text import one_line

__all__ = ["Defaults", "Prepared", "check_proxy", "check_seconds", "prepare"]

OPTIONS = frozenset(
    {
        "allow_redirects",
        "base_uri",
        "body",
        "connect_timeout",
        "debug",
        "encrypt",
        "form_params",
        "handler",
        "headers",
        "http_errors",
        "json",
        "middlewares",
        "multipart",
        "nonceless",
        "proxy",
        "query",
        "security",
        "sink",
        "timeout",
        "upload",
        "xml",
    }
)
"""The options of a call; any other name is a variable of the path."""

# Names that other clients, or the PHP SDK, know: silently ignoring one would send
# another request than was meant.
_FOREIGN = {
    "auth": "requests are authorised by their signature",
    "cert": "give merchant={'cert': …, 'key': …} to Client, and security=True to the call",
    "content": "use body",
    "cookies": "WeChat Pay uses none",
    "data": "use body, or json",
    "decode_content": "answers are always decoded",
    "file": "use upload",
    "filename": "it belongs into upload={'file': …, 'filename': …}",
    "files": "use upload, or multipart",
    "meta": "it belongs into upload={'file': …, 'meta': {…}}",
    "params": "use query",
    "ssl": "TLS is always verified",
    "ssl_key": "give merchant={'cert': …, 'key': …} to Client, and security=True to the call",
    "stream": "use sink",
    "verify": "TLS and signatures are always verified, there is no switch",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a call uses where it does not say otherwise."""

    base_uri: str
    timeout: float
    connect_timeout: float
    encrypt: bool
    proxy: str | None = field(default=None, repr=False)
    """It may hold a password."""


class Prepared(NamedTuple):
    """One request, ready to be sent."""

    method: str
    template: str
    is_v2: bool
    url: str
    origin: str
    headers: CIMultiDict[str]
    body: Content
    xml: Mapping[str, Any] | None
    sealed: tuple[Path, ...]
    timeout: float
    connect_timeout: float
    encrypt: bool
    http_errors: bool
    nonceless: bool
    security: bool
    sink: Any
    proxy: str | None
    debug: Any
    middlewares: tuple[Any, ...]
    handler: Any

    def __repr__(self) -> str:
        # Neither the values in the address nor the body may show.
        return f"<Prepared {self}>"

    def __str__(self) -> str:
        # Where the gateway does not take it, it breaks off without a word.
        shown = " with the merchant's TLS certificate" if self.security else ""
        return f"{self.method} {one_line(self.template)}{shown}"


def prepare(
    method: str,
    template: str,
    mapping: Mapping[str, Any] | None,
    keywords: Mapping[str, Any],
    defaults: Defaults,
) -> Prepared:
    """Return the request that a verb, a path template and options make.

    Args:
        method: in capitals.
        template: the path, an RFC 6570 template.
        mapping: options as ported code passes them, or None.
        keywords: options as keywords; they win over the mapping's.
        defaults: the client's own.

    Raises:
        RequestError: the options make no valid request; nothing was sent.
    """
    if mapping is not None and not isinstance(mapping, Mapping):
        raise RequestError(
            f"{method.lower()} takes options as keywords or as one mapping, not "
            f"{type(mapping).__name__}"
        )
    options = {**(mapping or {}), **keywords}
    _refuse_unknown(options, variables(template))
    _refuse_redirects(options)
    sealed: list[Path] = []
    address = addresses.build(template, options, defaults.base_uri, sealed)
    if address.is_v2 and method == "GET" and options.get("xml") is not None:
        address, options = _as_query(address, options), {**options, "xml": None}
    operation = find(method, template)
    upload = None if operation is None else operation.upload_fields
    body = bodies.build(options, upload, sealed, is_v2=address.is_v2)
    head = headers.build(options.get("headers", {}), body.content_type, sealed, is_v2=address.is_v2)
    security = _only_v2(options, "security", address.is_v2)
    proxy = _proxy(options, address.url, defaults.proxy)
    if security and proxy is not None and proxy.lower().startswith("https:"):
        # aiohttp would use the same certificate for the handshake with the proxy.
        raise RequestError(
            "security=True and an https:// proxy: the proxy would be shown the merchant's "
            "certificate, so use an http:// one"
        )
    if sealed and address.is_v2:
        raise RequestError("Sensitive is for v3: nothing of a v2 request is encrypted by itself")
    return Prepared(
        method=method,
        template=template,
        is_v2=address.is_v2,
        url=address.url,
        origin=address.origin,
        headers=head,
        body=body.content,
        xml=body.fields,
        sealed=tuple(sealed),
        timeout=_seconds(options, "timeout", defaults.timeout),
        connect_timeout=_seconds(options, "connect_timeout", defaults.connect_timeout),
        encrypt=_flag(options, "encrypt", default=defaults.encrypt),
        http_errors=_flag(options, "http_errors", default=True),
        nonceless=_only_v2(options, "nonceless", address.is_v2),
        security=security,
        sink=_sink(options.get("sink")),
        proxy=proxy,
        debug=_debug(options.get("debug")),
        middlewares=_middlewares(options.get("middlewares")),
        handler=options.get("handler"),
    )


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


def _refuse_unknown(options: Mapping[str, Any], names: frozenset[str]) -> None:
    for name in options.keys() - OPTIONS - names:
        if not isinstance(name, str):
            raise RequestError("the names of options must be strings")
        if name in _FOREIGN:
            raise RequestError(f"there is no option {name!r}: {_FOREIGN[name]}")
        near = difflib.get_close_matches(name.lower(), OPTIONS, n=1, cutoff=0.8)
        if near:
            raise RequestError(f"there is no option {name!r}: did you mean {near[0]!r}?")


def _refuse_redirects(options: Mapping[str, Any]) -> None:
    if options.get("allow_redirects") not in (None, False):
        raise RequestError(
            "allow_redirects can only be False: a redirect is never followed, because a signature "
            "is not for another address"
        )


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


def _as_query(address: addresses.Address, options: Mapping[str, Any]) -> addresses.Address:
    """Return a GET's address with the fields of ``xml``, which has no body to be put into."""
    if options.get("query") is not None:
        raise RequestError("query and xml are two queries of a GET: give one")
    return addresses.with_query(address, bodies.fields_of(options["xml"]))


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    # As in PHP, None takes a default away; without one there is no limit.
    return 0.0 if value is None else check_seconds(value, name, RequestError)


def _flag(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be True or False")
    return value


def _only_v2(options: Mapping[str, Any], name: str, is_v2: bool) -> bool:
    if _flag(options, name, default=False) and not is_v2:
        raise RequestError(f"{name} is for paths that begin with v2/: leave it out")
    return options.get(name) is True


def _sink(sink: Any) -> Any:
    if (
        sink is None
        or isinstance(sink, (str, os.PathLike))
        or callable(getattr(sink, "write", None))
    ):
        return sink
    raise RequestError("sink must be a path, or a binary stream with a write method")


def _proxy(options: Mapping[str, Any], url: str, default: str | None) -> str | None:
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


def _debug(debug: Any) -> Any:
    if debug is None or debug is False:
        return None
    if debug is True:
        return sys.stderr
    with suppress(AttributeError, OSError, TypeError, ValueError):
        debug.write("")
        return debug
    raise RequestError("debug must be True, or a text stream with a write method")


def _middlewares(middlewares: Any) -> tuple[Any, ...]:
    if middlewares is None:
        return ()
    found = tuple(middlewares) if isinstance(middlewares, Iterable) else (middlewares,)
    if not all(map(callable, found)):
        raise RequestError("middlewares must be a list of what is called as (request, handler)")
    return found
