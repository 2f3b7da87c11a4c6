"""Path template, variables, query and base → the address that is signed and sent to.

Nothing is signed for a host that is neither WeChat Pay's nor the client's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from wechatpay_chain.errors import ConfigurationError, RequestError
from wechatpay_chain.headers import BROKEN
from wechatpay_chain.protocol import hosts, query, sensitive
from wechatpay_chain.protocol.sensitive import Path
from wechatpay_chain.protocol.template import expand, variables

__all__ = ["Address", "build", "check_base", "with_query"]

_V2 = "v2/"
"""What the path of the XML protocol begins with, and loses before it is sent."""


class Address(NamedTuple):
    """Where a request goes, and by which protocol."""

    url: str
    origin: str
    is_v2: bool


def build(template: str, options: Mapping[str, Any], home: str, sealed: list[Path]) -> Address:
    """Return the address that a template and a call's options make.

    Args:
        template: the path, an RFC 6570 template.
        options: the call's options.
        home: the client's own base.
        sealed: gets the paths of `Sensitive` values in the query.

    Raises:
        RequestError: a variable is missing, or the address leads to a foreign host.
    """
    base = options.get("base_uri")
    base = home if base is None else check_base(base, RequestError)
    names = variables(template)
    for name in names:
        sensitive.refuse(options.get(name), f"the path variable {name!r}")
    if names:
        address = _locate(expand(template, options), base, home)
    else:
        address = _locate_fixed(template, base, home)
    if options.get("query") is not None:
        return with_query(address, _unwrapped(options["query"], sealed))
    return address


def with_query(address: Address, given: Any) -> Address:
    """Return an address with a query in place of its own.

    Raises:
        RequestError: it is nothing that a query can hold.
    """
    url, text = address.url.partition("?")[0], query.build(given)
    return address._replace(url=f"{url}?{text}" if text else url)


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
    if "?" in base_uri or "#" in base_uri or BROKEN.search(base_uri) or " " in base_uri:
        raise error("base_uri must have no query, fragment, space or control character")
    if origin.startswith("http:") and not hosts.is_loopback(origin):
        raise error(f"base_uri is {origin}: http:// is only for this machine itself, use https://")
    return base_uri


def _locate(reference: str, base: str, home: str) -> Address:
    """Return the address of a reference, refusing what leads to a foreign host."""
    is_v2 = reference[: len(_V2)].lower() == _V2
    url = hosts.resolve(base, reference[len(_V2) :] if is_v2 else reference).partition("#")[0]
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
        return Address(url, origin, is_v2)
    raise RequestError(
        f"{origin} is neither WeChat Pay's nor the client's own host, so nothing is signed for "
        "it: make a Client with that base_uri"
    )


@lru_cache(maxsize=1024)
def _locate_fixed(template: str, base: str, home: str) -> Address:
    """Return the same for a template without variables, whose address is always the same."""
    return _locate(expand(template, {}), base, home)


def _unwrapped(value: Any, sealed: list[Path]) -> Any:
    """Take the `Sensitive` marks off a query, noting the names they had on the wire."""
    found: list[Path] = []
    plain = sensitive.unwrap(value, (), found)
    if found and not isinstance(value, Mapping):
        raise RequestError("Sensitive works in a query that is a mapping")
    for path in found:
        head, *rest = path
        sealed.append(("query", str(head) + "".join(f"[{step}]" for step in rest)))
    return plain
