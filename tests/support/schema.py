"""Documents judged by a schema, and looked into by path, with nothing else of the package.

The gateway shapes its answers by the same schema; that it is right is told here
by other code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wechatpay_chain.catalogue import Field

JSON_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "object": lambda value: type(value) is dict,
}
# In XML all is text.
XML_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "integer": lambda value: bool(re.fullmatch("-?[0-9]+", value)),
    "number": lambda value: bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)),
    "boolean": lambda value: value in ("true", "false"),
    "object": lambda value: type(value) is dict,
}
# Where the documentation has nothing but the failure's value.
FAILURES = ("err_code", "err_code_des", "err_param", "error_code", "error_code_des")
SUCCESS = ("return_code", "result_code")


def faults(fields: Iterable[Field], document: Any, *, is_xml: bool = False) -> list[str]:
    """Return what in a document is not as its schema says: types, required fields, enums, names."""
    return list(_faults(list(fields), document, "", is_xml))


def _faults(fields: list[Field], document: Any, at: str, is_xml: bool) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"{at} is no object"
        return
    known = {field.name.replace("$n", "0").replace("$m", "0"): field for field in fields}
    for name in document.keys() - known.keys():
        # A repeated field of v2 may be there several times.
        if re.sub("_[0-9]+", "_0", name) not in known:
            yield f"{at}/{name} is not documented"
    for name, field in known.items():
        value, here = document.get(name), f"{at}/{name}"
        if value is None:
            if field.required and name not in FAILURES:
                yield f"{here} is required"
        elif not field.type.endswith("[]"):
            yield from _value(field, value, here, is_xml)
        elif not isinstance(value, list) and not is_xml:
            yield f"{here} is no list"
        else:
            # In XML a list of one is an element that is there once.
            for one in value if isinstance(value, list) else [value]:
                yield from _value(field, one, here, is_xml)


def _value(field: Field, value: Any, at: str, is_xml: bool) -> Iterator[str]:
    kind = field.type.removesuffix("[]")
    fits = (XML_TYPES if is_xml else JSON_TYPES)[kind]
    if not fits(value):
        yield f"{at} is no {kind}: {value!r}"
        return
    if kind == "string" and field.fields:
        yield from _faults(list(field.fields), json.loads(value), at, False)
    elif kind == "object" and field.fields:
        yield from _faults(list(field.fields), value, at, is_xml)
    elif field.enum and not field.encrypted:
        written = [text for text in field.enum if kind != "number" or text.lstrip("-").isdigit()]
        allowed = [*written, *(["SUCCESS"] if field.name in SUCCESS else [])]
        if allowed and str(value) not in allowed:
            yield f"{at} is none of the documented values: {value!r}"


def look(document: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at a path, of a list in its first element."""
    for name in path:
        document = document[0 if name == "[]" else name]
    return document


def put(document: Any, path: tuple[str, ...], value: Any) -> None:
    """Put a value at a path, of a list in its first element."""
    parent = look(document, path[:-1])
    parent[0 if path[-1] == "[]" else path[-1]] = value


def drop(document: Any, path: tuple[str, ...]) -> Any:
    """Return a copy without what stands at a path, also where a text holds the JSON document."""
    if isinstance(document, str):
        return json.dumps(drop(json.loads(document), path))
    name, *rest = path
    if name == "[]":
        return [drop(one, tuple(rest)) for one in document]
    if not rest or rest == ["[]"]:
        return {key: value for key, value in document.items() if key != name}
    return {**document, name: drop(document[name], tuple(rest))}
