"""The options of a call → one prepared request: target, headers and body bytes.

Options are read here once and nowhere else. What comes out is what is signed
and what is sent; changing a dictionary after the call changes nothing.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from multidict import CIMultiDict

from wechatpay_chain import headers
from wechatpay_chain.errors import ConfigurationError, RequestError
from wechatpay_chain.protocol import document, hosts, query, sensitive
from wechatpay_chain.protocol.segments import is_v2
from wechatpay_chain.protocol.sensitive import Path
from wechatpay_chain.protocol.template import expand, variables

__all__ = ["Defaults", "Prepared", "check_base", "check_seconds", "prepare"]

OPTIONS = frozenset(
    {
        "base_uri",
        "body",
        "connect_timeout",
        "encrypt",
        "headers",
        "http_errors",
        "json",
        "query",
        "sink",
        "timeout",
    }
)
"""The options of a call; any other name is a variable of the path."""

# Names that other clients, or the PHP SDK, know: silently ignoring one would send
# another request than was meant.
_FOREIGN = {
    "allow_redirects": "redirects are never followed, leave it out",
    "auth": "requests are authorised by their signature",
    "cert": "client certificates are not supported by this version",
    "content": "use body",
    "cookies": "WeChat Pay uses none",
    "data": "use body, or json",
    "debug": "not supported by this version",
    "decode_content": "answers are always decoded",
    "files": "uploads are not supported by this version",
    "form_params": "not supported by this version",
    "middlewares": "give them to Client, or change client.stack",
    "multipart": "not supported by this version",
    "nonceless": "the XML protocol (v2) is not supported by this version",
    "params": "use query",
    "proxy": "give it to Client",
    "security": "client certificates are not supported by this version",
    "ssl": "TLS is always verified",
    "ssl_key": "client certificates are not supported by this version",
    "stream": "use sink",
    "upload": "not supported by this version",
    "verify": "TLS and signatures are always verified, there is no switch",
    "xml": "the XML protocol (v2) is not supported by this version",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a call uses where it does not say otherwise."""

    base_uri: str
    timeout: float
    connect_timeout: float
    encrypt: bool


class Prepared(NamedTuple):
    """One request, ready to be sent."""

    method: str
    template: str
    url: str
    origin: str
    headers: CIMultiDict[str]
    body: bytes | None
    sealed: tuple[Path, ...]
    timeout: float
    connect_timeout: float
    encrypt: bool
    http_errors: bool
    sink: Any

    def __repr__(self) -> str:
        # Neither the values in the address nor the body may show.
        return f"<Prepared {self}>"

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


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
    if is_v2(template):
        raise RequestError(f"{template}: the XML protocol (v2) is not supported by this version")
    _refuse_unknown(options, variables(template))
    sealed: list[Path] = []
    url, origin = _address(template, options, defaults, sealed)
    is_json = options.get("json") is not None
    return Prepared(
        method=method,
        template=template,
        url=url,
        origin=origin,
        headers=headers.build(options.get("headers"), is_json, sealed),
        body=_body(options, sealed),
        sealed=tuple(sealed),
        timeout=_seconds(options, "timeout", defaults.timeout),
        connect_timeout=_seconds(options, "connect_timeout", defaults.connect_timeout),
        encrypt=_flag(options, "encrypt", default=defaults.encrypt),
        http_errors=_flag(options, "http_errors", default=True),
        sink=_sink(options.get("sink")),
    )


def check_base(
    base_uri: object, error: type[ConfigurationError | RequestError] = ConfigurationError
) -> str:
    """Return a base address, checked.

    Raises:
        ConfigurationError: (or `error`) it is no https address, or http to another machine.
    """
    problem = "must be an absolute https:// address, such as https://api.mch.weixin.qq.com/"
    if not isinstance(base_uri, str):
        raise error(f"base_uri {problem}")
    try:
        origin = hosts.origin(base_uri)
    except ValueError:
        raise error(f"base_uri {problem}") from None
    if "?" in base_uri or "#" in base_uri or headers.BROKEN.search(base_uri) or " " in base_uri:
        raise error("base_uri must have no query, fragment, space or control character")
    if origin.startswith("http:") and not hosts.is_loopback(origin):
        raise error(f"base_uri is {origin}: http:// is only for this machine itself, use https://")
    return base_uri


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


def _address(
    template: str, options: Mapping[str, Any], defaults: Defaults, sealed: list[Path]
) -> tuple[str, str]:
    """Return (URL, origin)."""
    base = options.get("base_uri")
    base = defaults.base_uri if base is None else check_base(base, RequestError)
    names = variables(template)
    for name in names:
        sensitive.refuse(options.get(name), f"the path variable {name!r}")
    if names:
        url, origin = _locate(expand(template, options), base, defaults.base_uri)
    else:
        url, origin = _locate_fixed(template, base, defaults.base_uri)
    if options.get("query") is not None:
        plain = _unwrap_query(options["query"], sealed)
        url = url.partition("?")[0]
        text = query.build(plain)
        url = f"{url}?{text}" if text else url
    return url, origin


def _locate(reference: str, base: str, home: str) -> tuple[str, str]:
    """Return (URL, origin) of a reference, refusing what leads to a foreign host."""
    url = hosts.resolve(base, reference).partition("#")[0]
    try:
        origin = hosts.origin(url)
    except ValueError:
        raise RequestError("the path leads to no http or https address") from None
    near = hosts.origin(base)
    if (
        origin == hosts.origin(home)
        or origin in hosts.OFFICIAL
        or (origin == near and hosts.is_loopback(near))
    ):
        return url, origin
    raise RequestError(
        f"{origin} is neither WeChat Pay's nor the client's own host, so nothing is signed for "
        "it: make a Client with that base_uri"
    )


@lru_cache(maxsize=1024)
def _locate_fixed(template: str, base: str, home: str) -> tuple[str, str]:
    """Return the same for a template without variables, whose address is always the same."""
    return _locate(expand(template, {}), base, home)


def _unwrap_query(value: Any, sealed: list[Path]) -> Any:
    """Take the `Sensitive` marks off a query, noting the names they had on the wire."""
    found: list[Path] = []
    plain = sensitive.unwrap(value, (), found)
    if found and not isinstance(value, Mapping):
        raise RequestError("Sensitive works in a query that is a mapping")
    for path in found:
        head, *rest = path
        sealed.append(("query", str(head) + "".join(f"[{step}]" for step in rest)))
    return plain


def _body(options: Mapping[str, Any], sealed: list[Path]) -> bytes | None:
    body = options.get("body")
    sensitive.refuse(body, "body")
    if options.get("json") is not None:
        if body is not None:
            raise RequestError("json and body are two bodies: give one")
        return _json(options["json"], sealed)
    if body is None:
        return None
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError:
            raise RequestError("body holds half a surrogate pair, which is no text") from None
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise RequestError(f"body must be text or bytes, not {type(body).__name__}")


def _json(value: Any, sealed: list[Path]) -> bytes:
    try:
        return document.dumps(value)
    except sensitive.Marked:
        return document.dumps(sensitive.unwrap(value, ("json",), sealed))


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name)
    return default if value is None else check_seconds(value, name, RequestError)


def _flag(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be True or False")
    return value


def _sink(sink: Any) -> Any:
    if (
        sink is None
        or isinstance(sink, (str, os.PathLike))
        or callable(getattr(sink, "write", None))
    ):
        return sink
    raise RequestError("sink must be a path, or a binary stream with a write method")
