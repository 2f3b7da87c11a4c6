"""Where a request of the shell goes: any spelling of a path → template, variables and query.

A known operation's path is taken as the catalogue has it, whichever way it was spelled.
An unknown one is taken as it stands: the catalogue may be older than WeChat Pay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.catalogue.location import is_path, locate, nearest, read
from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import hosts
from wechatpay_chain.protocol.template import variables

__all__ = ["Target", "aim", "suggestion"]

_VARIABLE = re.compile(r"\{(\w+)\}")
_VERSIONS = {"v2", "v3"}


@dataclass(frozen=True)
class Target:
    """What a path came to; `variables` are those whose values stood in it."""

    template: str
    variables: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    operation: Operation | None = None
    origin: str | None = None
    """Scheme, host and port of an address that was pasted."""


def aim(method: str, text: str, given: Mapping[str, str]) -> Target:
    """Return what a path, an address or an expression means, given values of its variables.

    Raises:
        RequestError: it is none of these, or names another method, or a variable has two values
            or none of its own in the path.
    """
    text = text.strip()
    named, path = read(text)
    if named not in (None, method):
        raise RequestError(f"that is {named}, but {method} was asked for")
    is_address = re.match(r"https?://", text) is not None
    query: list[tuple[str, str]] = []
    if is_address or (is_path(text) and text.lstrip("/").startswith(path)):
        # As it was written: a slash at its end is a part of it.
        written, _, rest = text.partition("#")[0].partition("?")
        path = urlsplit(written).path.lstrip("/") if is_address else written.lstrip("/")
        query = parse_qsl(rest, keep_blank_values=True)
    found = locate(path, method)
    if not found and not _VERSIONS & set(path.split("/")):
        raise RequestError(f"{path!r} is no path of the API{suggestion(method, path)}")
    operation = found[0] if found else None
    template, inner = (path, {}) if operation is None else _aligned(operation, path)
    _check(template, inner, given)
    origin = None
    if is_address:
        try:
            origin = hosts.origin(text)
        except ValueError:
            raise RequestError("that is no address of the API") from None
    return Target(template, {**inner, **given}, tuple(query), operation, origin)


def suggestion(method: str, path: str) -> str:
    """Return what may have been meant by a path that is not known, as the end of a message."""
    near = [f"{one.method} {one.path}" for one in locate(path)] or nearest(path)
    if not near:
        return ": look for it with wechatpay-chain api WORD"
    return f": did you mean {' or '.join(one.removeprefix(f'{method} ') for one in near)}?"


def _aligned(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """Return an operation's template, and the values that stand in the path that was given."""
    wanted, given = operation.path.split("/"), path.rstrip("/").split("/")
    if operation.is_v2 and given[0].lower() != "v2":
        given = ["v2", *given]
    above = len(given) - len(wanted)
    if above < 0:
        return path, {}
    segments, values = given[:above], {}
    for known, written in zip(wanted, given[above:], strict=True):
        variable = _VARIABLE.fullmatch(known)
        is_open = written.startswith("{")
        if variable and not is_open:
            values[variable[1]] = unquote(written)
        segments.append(written if known.startswith("{") and not variable else known)
    end = "/" if path.endswith("/") and operation.path.endswith("/") else ""
    return "/".join(segments) + end, values


def _check(template: str, inner: Mapping[str, str], given: Mapping[str, str]) -> None:
    names = variables(template)
    for name in given:
        if name in inner:
            raise RequestError(f"{name} stands in the path already: give it once")
        if name not in names:
            there = f"it has {', '.join(sorted(names))}" if names else "it has none"
            raise RequestError(
                f"the path has no variable {name!r}: {there}; a query is given with -q"
            )
