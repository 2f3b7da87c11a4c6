"""Which values of a JSON document have another type than the documentation says.

WeChat Pay tells a number from a text that looks like one, and refuses either in
the other's place. Undocumented fields are no concern of anybody's, null is an
absent field, and an undocumented enum value may be one that is newer than the
documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wechatpay_chain.catalogue import Field

__all__ = ["wrong_types"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "object": (dict,),
}
_NAMES: Mapping[type, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "list",
}


def wrong_types(
    fields: Iterable[Field], document: Mapping[str, Any], at: str
) -> Iterator[tuple[str, str]]:
    """Yield (pointer, issue) for each field of the wrong type; `at` is where the document is."""
    for field in fields:
        value, pointer = document.get(field.name), f"{at}/{field.name}"
        if value is None:
            continue
        if not field.is_list:
            yield from _wrong(field, value, pointer)
        elif not isinstance(value, list):
            yield pointer, f"it is a {_NAMES[type(value)]}, not a list"
        else:
            for number, one in enumerate(value):
                yield from _wrong(field, one, f"{pointer}/{number}")


def _wrong(field: Field, value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if type(value) not in _TYPES[field.scalar]:
        found = _NAMES.get(type(value), "null")
        yield pointer, f"it is a {found}, not a {field.scalar}"
    elif isinstance(value, dict):
        yield from wrong_types(field.fields, value, pointer)
