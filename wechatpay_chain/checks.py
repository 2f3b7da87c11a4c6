"""Compare a request's fields with the documentation, before anything is sent.

Missing required fields, wrong types and undocumented enum values are found, all
at once. What the documentation does not know is left alone, and so is what the
client adds by itself. No value ever stands in what is said about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from wechatpay_chain.catalogue import Field, Operation
from wechatpay_chain.catalogue.operation import ADDED_FIELDS, ADDED_HEADERS
from wechatpay_chain.media import MediaUtil
from wechatpay_chain.protocol import query
from wechatpay_chain.protocol.sensitive import Path, Sensitive, dotted
from wechatpay_chain.protocol.text import is_decimal

__all__ = ["problems"]

_OTHER_BODIES = ("body", "form_params", "multipart")
_SHOWN_VALUES = 12
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

Fits: TypeAlias = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) or is_decimal(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str) or _is_number(value) or isinstance(value, bool)


def _is_written_integer(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, str) and bool(_INTEGER.fullmatch(value)))


def _is_written_number(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value)))


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_written_truth(value: Any) -> bool:
    return isinstance(value, (bool, str)) or value in (0, 1)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


JSON: Mapping[str, Fits] = {
    "string": _is_text,
    "integer": _is_integer,
    "number": _is_number,
    "float": _is_number,
    "boolean": _is_truth,
    "object": _is_object,
}
"""What fits a documented type, where a value's type is seen on the wire."""

TEXT: Mapping[str, Fits] = {
    "string": _is_scalar,
    "integer": _is_written_integer,
    "number": _is_written_number,
    "float": _is_written_number,
    "boolean": _is_written_truth,
    "object": lambda value: isinstance(value, (Mapping, str)),
}
"""The same for a query and for XML, where all is text in the end."""


def problems(operation: Operation, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is wrong with the options of a call, in the order of the documentation."""
    return tuple(_problems(operation, options))


def _problems(operation: Operation, options: Mapping[str, Any]) -> Iterator[str]:
    for place in operation.request:
        if place.name in ("json", "xml"):
            if any(options.get(other) is not None for other in _OTHER_BODIES):
                continue
            yield from _place(operation, place, options.get(place.name))
        elif place.name == "query":
            given = options.get("xml") if operation.is_v2 and operation.method == "GET" else None
            yield from _place(operation, place, given or _parsed(options.get("query")))
        elif place.name == "headers":
            yield from _headers(place, options.get("headers") or {})
        elif place.name == "body":
            yield from _upload(operation, options)
        elif options.get(place.name) is not None:
            yield from _value(place, _revealed(options[place.name]), (place.name,), TEXT)


def _place(operation: Operation, place: Field, given: Any) -> Iterator[str]:
    if given is None and not place.required:
        return
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        yield f"{place.name} must be an object, not {type(given).__name__}"
        return
    choice = operation.alternatives
    if choice and all(_is_missing(given.get(name)) for name in choice):
        yield f"{place.name} needs one of {', '.join(choice)}"
    fields = [field for field in place.fields if field.name not in choice or field.name in given]
    kinds = JSON if place.name == "json" else TEXT
    yield from _fields(fields, given, (place.name,), kinds)


def _fields(
    fields: Iterable[Field], given: Mapping[Any, Any], at: Path, kinds: Mapping[str, Fits]
) -> Iterator[str]:
    for field in fields:
        if field.name in ADDED_FIELDS and len(at) == 1:
            continue
        value = _revealed(given.get(field.name))
        here = (*at, field.name)
        if _is_missing(value):
            if field.required:
                yield f"{dotted(here)} is required"
        elif not field.is_list:
            yield from _value(field, value, here, kinds)
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                yield from _value(field, _revealed(item), (*here, index), kinds)
        elif kinds is JSON:
            yield f"{dotted(here)} must be a list, not {_kind(value)}"


def _value(field: Field, value: Any, at: Path, kinds: Mapping[str, Fits]) -> Iterator[str]:
    if not kinds.get(field.scalar, _anything)(value):
        yield f"{dotted(at)} must be {_article(field.scalar)}, not {_kind(value)}"
    elif isinstance(value, Mapping):
        yield from _fields(field.fields, value, at, kinds)
    elif field.enum and _text(value) not in field.enum:
        more = ", …" if len(field.enum) > _SHOWN_VALUES else ""
        yield f"{dotted(at)} must be one of {', '.join(field.enum[:_SHOWN_VALUES])}{more}"


def _text(value: Any) -> str:
    # A member of an Enum that is text compares as its value, but writes itself otherwise.
    if isinstance(value, str):
        return value
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return str(int(value)) if is_whole else str(value)


def _headers(place: Field, given: Any) -> Iterator[str]:
    names = {str(name).lower() for name in given} if isinstance(given, Mapping) else set()
    for field in place.fields:
        if field.name in ADDED_HEADERS:
            continue
        if field.required and field.name.lower() not in names:
            yield f"headers[{field.name!r}] is required"


def _upload(operation: Operation, options: Mapping[str, Any]) -> Iterator[str]:
    given = options.get("upload")
    if given is None:
        if all(options.get(other) is None for other in _OTHER_BODIES):
            yield "upload is required"
        return
    if isinstance(given, MediaUtil):
        return
    meta = _revealed(given.get("meta")) if isinstance(given, Mapping) else None
    if meta is not None and not isinstance(meta, Mapping):
        # JSON text, or nothing that could be sent.
        return
    yield from _fields(operation.meta_fields, meta or {}, ("upload", "meta"), JSON)


def _parsed(given: Any) -> Any:
    """Return a query as a mapping; what is none of text, pairs and mapping is judged elsewhere."""
    if isinstance(given, str):
        return dict(parse_qsl(given.removeprefix("?"), keep_blank_values=True))
    if isinstance(given, (list, tuple)):
        return dict(query.pairs(given))
    return given


def _revealed(value: Any) -> Any:
    return value.reveal() if isinstance(value, Sensitive) else value


def _is_missing(value: Any) -> bool:
    # The gateway takes an empty text for none.
    return value is None or value == ""


def _anything(value: Any) -> bool:
    return True


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _kind(value: Any) -> str:
    return _article(type(value).__name__)
