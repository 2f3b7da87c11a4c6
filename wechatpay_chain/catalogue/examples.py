"""Values that fit a schema, for samples, pages and the sandbox's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from wechatpay_chain.catalogue.operation import (
    ADDED_FIELDS,
    ADDED_HEADERS,
    PLACES,
    Field,
    Operation,
)

__all__ = ["document", "options", "value"]

_TIME = "2015-05-20T13:29:35+08:00"
# Capitals in a path are written as a variable.
_CAPITALS = {
    name.lower(): name
    for name in ("addInstitutionsub", "modifyInstitutionsub", "queryInstitutionsub")
}


def value(field: Field, *, required_only: bool = False) -> Any:
    """Return an example of a field's value, of its documented type, its first enum value if any."""
    one = _one(field, required_only)
    return [one] if field.is_list else one


def document(fields: Iterable[Field], *, required_only: bool = False) -> dict[str, Any]:
    """Return an example of an object with such fields."""
    return {
        field.name: value(field, required_only=required_only)
        for field in fields
        if field.required or not required_only
    }


def options(operation: Operation, *, required_only: bool = False) -> dict[str, Any]:
    """Return the options of a call: path variables, ``json``, ``query``, ``xml`` and so on.

    What the client adds by itself is left out. Of an upload the ``body`` is given as
    ``upload``: the file's path, and the fields of its meta part.
    """
    made: dict[str, Any] = {}
    for field in operation.request:
        if field.name not in PLACES:
            made[field.name] = _CAPITALS.get(field.name) or value(field)
            continue
        own = ADDED_FIELDS if operation.is_v2 else frozenset()
        own = ADDED_HEADERS if field.name == "headers" else own
        kept = [inner for inner in field.fields if inner.name not in own]
        if field.name == "body":
            made["upload"] = _upload(operation, required_only)
        else:
            found = document(kept, required_only=required_only)
            if found:
                made[field.name] = found
    if operation.upload and "upload" not in made:
        made["upload"] = {"file": "example.png"}
    return made


def _one(field: Field, required_only: bool) -> Any:
    if field.enum:
        return _typed(field.scalar, field.enum[0])
    if field.fields or field.scalar == "object":
        made = document(field.fields, required_only=required_only)
        # A string with fields holds a JSON document.
        return json.dumps(made, ensure_ascii=False) if field.scalar == "string" else made
    return _typed(field.scalar, _TIME if field.name.endswith("_time") else f"example_{field.name}")


def _typed(scalar: str, text: str) -> Any:
    if scalar == "boolean":
        return True
    if scalar in ("integer", "number", "float"):
        return int(text) if text.lstrip("-").isdecimal() else 1
    return text


def _upload(operation: Operation, required_only: bool) -> Any:
    rest = document(operation.meta_fields, required_only=required_only)
    return {"file": "example.png", **({"meta": rest} if rest else {})}
