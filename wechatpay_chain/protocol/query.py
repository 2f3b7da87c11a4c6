"""The ``query`` option → the text after the question mark, RFC 3986 all the way.

Spelled as PHP's ``http_build_query`` does it: ``%20`` and never ``+``, booleans
1 and 0, None dropped, ``a[0]=…`` for lists and ``a[key]=…`` for mappings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote_plus, unquote_plus

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.text import encode, keep_reserved, scalar

__all__ = ["build", "form", "pairs", "parse"]


def build(query: object) -> str:
    """Return the query string of a mapping, of pairs, or of a string (taken as it is).

    Raises:
        RequestError: a value is nothing that a query can hold.
    """
    if isinstance(query, str):
        # Only a fragment's "#" could end the query early; all else was the caller's wish.
        return keep_reserved(query.removeprefix("?"), "query").replace("#", "%23")
    return "&".join(f"{encode(key, 'query')}={encode(text, key)}" for key, text in pairs(query))


def form(params: object) -> str:
    """Return form fields as PHP's ``http_build_query`` writes them by default: ``+`` for a space.

    Raises:
        RequestError: a value is nothing that a form can hold.
    """
    try:
        return "&".join(f"{_plus(key)}={_plus(text)}" for key, text in pairs(params, "form_params"))
    except UnicodeEncodeError:
        raise RequestError("form_params hold half a surrogate pair, which is no text") from None


def parse(query: str) -> dict[str, str]:
    """Return the fields of a query string; one without ``=`` is empty.

    Raises:
        RequestError: a field is there twice, or no UTF-8, so it cannot be signed.
    """
    found: dict[str, str] = {}
    for pair in query.split("&") if query else []:
        name, _, value = pair.partition("=")
        try:
            key, text = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            raise RequestError("the query is no UTF-8, which cannot be signed") from None
        if key in found:
            raise RequestError(f"the query has {key!r} twice, which cannot be signed")
        found[key] = text
    return found


def pairs(query: object, where: str = "query") -> Iterator[tuple[str, str]]:
    """Yield (flattened key, text) of every value of a query mapping or of pairs.

    Raises:
        RequestError: a value is nothing that a query can hold.
    """
    if isinstance(query, Mapping):
        items: Iterable[object] = query.items()
    elif isinstance(query, (list, tuple)):
        items = query
    else:
        raise RequestError(
            f"{where} must be a mapping, a list of pairs or a string, not {type(query).__name__}"
        )
    for item in items:
        if not (isinstance(item, tuple) and len(item) == 2):
            raise RequestError(f"{where} as a list must hold (name, value) pairs")
        yield from _flatten(str(item[0]), item[1], where)


def _flatten(key: str, value: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flatten(f"{key}[{name}]", item, where)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{key}[{index}]", item, where)
    elif isinstance(value, bool):
        yield key, str(int(value))
    elif value is not None:
        yield key, scalar(value, f"{where}[{key!r}]")


def _plus(text: str) -> str:
    # Python holds "~" for harmless, PHP's urlencode does not.
    return quote_plus(text).replace("~", "%7E")
