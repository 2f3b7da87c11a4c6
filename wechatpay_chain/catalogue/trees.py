"""Trees of facts as a list has them → trees of `Field`, for `build` and `build_events`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wechatpay_chain.catalogue.operation import Field

__all__ = ["either", "fields", "merged"]


def fields(tree: list[dict[str, Any]]) -> tuple[Field, ...]:
    """Return a tree of fields in which a name is there once on each level."""
    found: dict[str, Field] = {}
    for facts in tree:
        field = Field(
            facts["name"],
            facts["type"],
            required=bool(facts.get("required")),
            encrypted=facts.get("encrypted") == "by-rsa-pubkey",
            enum=tuple(facts.get("enum", ())),
            fields=fields(facts.get("fields", [])),
        )
        twin = found.get(field.name)
        found[field.name] = field if twin is None else either(twin, field)
    return tuple(found.values())


def either(first: Field, second: Field) -> Field:
    """Return a field that two variants of it both fit: what only one requires, neither does."""
    return Field(
        first.name,
        first.type,
        required=first.required and second.required,
        encrypted=first.encrypted or second.encrypted,
        enum=tuple(dict.fromkeys(first.enum + second.enum)),
        fields=merged(first.fields, second.fields),
    )


def merged(first: tuple[Field, ...], second: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields of two trees, whose documents both fit; of types, the first's count."""
    found = []
    for name in dict.fromkeys(field.name for field in (*first, *second)):
        twins = [field for one in (first, second) for field in one if field.name == name]
        found.append(either(*twins) if len(twins) == 2 else replace(twins[0], required=False))
    return tuple(found)
