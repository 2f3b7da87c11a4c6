"""The ``query`` option → the text after the question mark, RFC 3986 all the way.

Spelled as PHP's ``http_build_query`` does it: ``%20`` and never ``+``, booleans
1 and 0, None dropped, ``a[0]=…`` for lists and ``a[key]=…`` for mappings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.text import encode, keep_reserved, scalar

__all__ = ["build", "pairs"]


def build(query: object) -> str:
    """Return the query string of a mapping, of pairs, or of a string (taken as it is).

    Raises:
        RequestError: a value is nothing that a query can hold.
    """
    if isinstance(query, str):
        # Only a fragment's "#" could end the query early; all else was the caller's wish.
        return keep_reserved(query.removeprefix("?"), "query").replace("#", "%23")
    return "&".join(f"{encode(key, 'query')}={encode(text, key)}" for key, text in pairs(query))


def pairs(query: object) -> Iterator[tuple[str, str]]:
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
            f"query must be a mapping, a list of pairs or a string, not {type(query).__name__}"
        )
    for item in items:
        if not (isinstance(item, tuple) and len(item) == 2):
            raise RequestError("query as a list must hold (name, value) pairs")
        yield from _flatten(str(item[0]), item[1])


def _flatten(key: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flatten(f"{key}[{name}]", item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{key}[{index}]", item)
    elif isinstance(value, bool):
        yield key, str(int(value))
    elif value is not None:
        yield key, scalar(value, f"query[{key!r}]")
