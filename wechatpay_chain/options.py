"""The options of a call → one prepared request: target, headers and body.

Options are read here once and nowhere else. What comes out is what is signed
and what is sent; changing a dictionary after the call changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from multidict import CIMultiDict

from wechatpay_chain import addresses, bodies, checks, headers
from wechatpay_chain.bodies import Content
from wechatpay_chain.catalogue import Operation, find
from wechatpay_chain.errors import CheckError, RequestError
from wechatpay_chain.option_values import (
    debug_of,
    flag,
    middlewares_of,
    only_v2,
    proxy_of,
    seconds,
    sink_of,
)
from wechatpay_chain.protocol.sensitive import Path
from wechatpay_chain.protocol.template import expand, variables
from wechatpay_chain.protocol.text import one_line

__all__ = ["Defaults", "Prepared", "prepare"]

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


_VERSIONS = ("v2/", "v3/")
_TAIL = re.compile(r"[?#]|\{[?&#]")
"""Where the path of a template ends."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a call uses where it does not say otherwise."""

    base_uri: str
    timeout: float
    connect_timeout: float
    encrypt: bool
    has_own_base: bool = True
    """Whether `base_uri` was given; else an operation's own host (域名) goes before it."""
    has_certificate: bool = False
    """Whether there is a merchant's TLS certificate to show where the catalogue says so."""
    check: bool = False
    """Whether requests are checked against the catalogue before they are sent."""
    proxy: str | None = field(default=None, repr=False)
    """It may hold a password."""


class Prepared(NamedTuple):
    """One request, ready to be sent."""

    method: str
    template: str
    operation: Operation | None
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
    operation, path = _operation(method, template, options)
    found = checks.problems(operation, options) if defaults.check and operation else ()
    if found:
        raise CheckError(f"{method} {one_line(template)}", found)
    home, reference = defaults.base_uri, template
    # Whoever writes something before the version has chosen host and prefix.
    is_plain = path.lstrip("/")[:3].lower() in _VERSIONS
    if operation is not None and operation.base_uri and is_plain and not defaults.has_own_base:
        # A slash in front would take the host's own path away.
        home, reference = operation.base_uri, template.lstrip("/")
    address = addresses.build(reference, options, home, sealed)
    if address.is_v2 and method == "GET" and options.get("xml") is not None:
        address, options = _as_query(address, options, sealed), {**options, "xml": None}
    upload = None if operation is None else operation.upload_fields
    body = bodies.build(options, upload, sealed, is_v2=address.is_v2)
    head = headers.build(options.get("headers", {}), body.content_type, sealed, is_v2=address.is_v2)
    wants_certificate = operation is not None and operation.client_certificate
    security = only_v2(
        options,
        "security",
        address.is_v2,
        default=wants_certificate and defaults.has_certificate and address.url.startswith("https:"),
    )
    proxy = proxy_of(options, address.url, defaults.proxy)
    if security and proxy is not None and proxy.lower().startswith("https:"):
        # aiohttp would use the same certificate for the handshake with the proxy.
        raise RequestError(
            "security=True, which is the default of operations that want the merchant's "
            "certificate, and an https:// proxy: the proxy would be shown it, so use an http:// one"
        )
    if address.is_v2 and any(path[0] != "xml" for path in sealed):
        raise RequestError("of a v2 request only fields of xml can be Sensitive")
    return Prepared(
        method=method,
        template=template,
        operation=operation,
        is_v2=address.is_v2,
        url=address.url,
        origin=address.origin,
        headers=head,
        body=body.content,
        xml=body.fields,
        sealed=tuple(sealed),
        timeout=seconds(options, "timeout", defaults.timeout),
        connect_timeout=seconds(options, "connect_timeout", defaults.connect_timeout),
        encrypt=flag(options, "encrypt", default=defaults.encrypt),
        http_errors=flag(options, "http_errors", default=True),
        nonceless=only_v2(
            options,
            "nonceless",
            address.is_v2,
            default=operation is not None and operation.nonceless,
        ),
        security=security,
        sink=sink_of(options.get("sink")),
        proxy=proxy,
        debug=debug_of(options.get("debug")),
        middlewares=middlewares_of(options.get("middlewares")),
        handler=options.get("handler"),
    )


def _refuse_unknown(options: Mapping[str, Any], names: frozenset[str]) -> None:
    for name in options.keys() - OPTIONS - names:
        if not isinstance(name, str):
            raise RequestError("the names of options must be strings")
        if name in _FOREIGN:
            raise RequestError(f"there is no option {name!r}: {_FOREIGN[name]}")
        import difflib  # only for this message

        near = difflib.get_close_matches(name.lower(), OPTIONS, n=1, cutoff=0.8)
        if near:
            raise RequestError(f"there is no option {name!r}: did you mean {near[0]!r}?")


def _refuse_redirects(options: Mapping[str, Any]) -> None:
    if options.get("allow_redirects") not in (None, False):
        raise RequestError(
            "allow_redirects can only be False: a redirect is never followed, because a signature "
            "is not for another address"
        )


def _as_query(
    address: addresses.Address, options: Mapping[str, Any], sealed: list[Path]
) -> addresses.Address:
    """Return a GET's address with the fields of ``xml``, which has no body to be put into."""
    if options.get("query") is not None:
        raise RequestError("query and xml are two queries of a GET: give one")
    marked = len(sealed)
    fields = bodies.fields_of(options["xml"], sealed)
    if len(sealed) > marked:
        raise RequestError("Sensitive works in the xml of a body, not in a GET's query")
    return addresses.with_query(address, fields)


def _operation(
    method: str, template: str, options: Mapping[str, Any]
) -> tuple[Operation | None, str]:
    """Return what is known of an operation, and the path that it was found by."""
    path = _TAIL.split(template, maxsplit=1)[0]
    found = _find(method, path)
    if found is None and variables(template):
        path = _TAIL.split(expand(template, options), maxsplit=1)[0]
        found = _find(method, path)
    return found, path


def _find(method: str, path: str) -> Operation | None:
    is_v2 = path[:3].lower() == "v2/"
    found = find(method, f"v2/{path[3:]}" if is_v2 else path)
    # What lies deeper than its beginning makes no path one of the XML protocol.
    return found if found is not None and found.is_v2 is is_v2 else None
