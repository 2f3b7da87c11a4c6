"""Make the data files of `events` from a list of facts: see `build`, which runs this.

Each line of the list is one event, with the tree of its headers and its body. Of v3's only the
resource is kept: what is around it is the same in all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wechatpay_chain.catalogue.event_amendments import ADDED, LIFTED, SAME
from wechatpay_chain.catalogue.events import PROTOCOLS, EventFacts, parse
from wechatpay_chain.catalogue.notation import parse_fields, render_fields
from wechatpay_chain.catalogue.operation import Field, walk
from wechatpay_chain.catalogue.trees import fields, merged

__all__ = ["build", "render"]

_MOVED = "Moved to /webhook/v3/"
# Where a resource's fields may stand: below what holds them encrypted, or opened, or beside that.
_OPENED = ("ciphertext", "original_type", "original_data")
_CIPHERS = ("req_info", "event_ciphertext")


@dataclass(frozen=True)
class Row:
    """One event of the list: what is said of it, and the trees below its headers and body."""

    protocol: str
    type: str
    name: str
    original_types: tuple[str, ...]
    body: tuple[Field, ...]
    beside: tuple[Field, ...]

    @property
    def moved_to(self) -> str | None:
        return self.name.removeprefix(_MOVED) if self.name.startswith(_MOVED) else None

    @property
    def event_types(self) -> tuple[str, ...]:
        return next((one.enum for one in self.body if one.name == "event_type"), ())


def build(source: Path) -> dict[str, str]:
    """Return the text of each data file, by its name."""
    rows = {(row.protocol, row.type): row for row in map(read, _lines(source))}
    blocks: dict[str, list[str]] = {version: [] for version in PROTOCOLS}
    for (protocol, _), row in sorted(rows.items()):
        facts = _facts(row, rows)
        block = render(facts)
        if parse(block) != facts:
            raise ValueError(f"{facts} cannot be written down in the notation")
        blocks[protocol].append(block)
    return {f"events-{version}.txt": "\n".join(found) for version, found in blocks.items()}


def read(line: str) -> Row:
    """Return what one line of the list tells."""
    told: dict[str, Any] = json.loads(line)
    top = fields(told["fields"])
    type_ = told["event"]
    return Row(
        told["protocol"],
        type_,
        re.sub(rf"\({re.escape(type_)}\)|\((?:JSON|XML)\)", "", told["name"]),
        original_types=tuple(told["original_type"]),
        body=next((field.fields for field in top if field.name == "body"), ()),
        beside=tuple(field for field in top if field.name not in ("headers", "body")),
    )


def render(facts: EventFacts) -> str:
    """Return the block that describes an event, the inverse of `events.parse`."""
    lines = [f"{facts.protocol} {facts.type}", f"name: {facts.name}"]
    lines += [f"original_type: {one}" for one in facts.original_types]
    lines += [f"also: {one}" for one in facts.also]
    lines += [f"moved_to: {facts.moved_to}"] if facts.moved_to else []
    lines += [f"cipher: {facts.cipher}"] if facts.cipher else []
    outside = {field.name for field in facts.envelope}
    inside = tuple(field for field in facts.fields if field.name not in outside)
    for title, tree in (("envelope", facts.envelope), ("resource", inside)):
        if tree:
            lines += [title, *render_fields(tree)]
    return "\n".join(lines) + "\n"


def _lines(source: Path) -> Iterator[str]:
    return (line for line in source.read_text("utf-8").splitlines() if line)


def _facts(row: Row, rows: dict[tuple[str, str], Row]) -> EventFacts:
    if row.protocol == "v2":
        return _xml_facts(row)
    home = rows[row.protocol, row.moved_to or row.type]
    return EventFacts(
        row.protocol,
        row.type,
        home.name,
        fields=_resource(home, rows),
        original_types=home.original_types,
        also=tuple(one for one in row.event_types if one != row.type),
        moved_to=row.moved_to,
    )


def _resource(row: Row, rows: dict[tuple[str, str], Row]) -> tuple[Field, ...]:
    if row.type in SAME:
        twin = rows[row.protocol, SAME[row.type]]
        if _names(row) != _names(twin):
            raise ValueError(f"{row.type} no longer has the fields of {twin.type}")
        row = twin
    lifted = LIFTED.get(row.type, {})
    found: list[Field] = []
    for field in _listed(row):
        inner = lifted.get(field.name, ())
        found.append(replace(field, fields=tuple(f for f in field.fields if f.name not in inner)))
        found += [one for one in field.fields if one.name in inner]
    added = parse_fields(ADDED.get(row.type, "").splitlines())
    return merged(added, tuple(found)) if added else tuple(found)


def _names(row: Row) -> set[str]:
    return {field.name for _, field in walk(_listed(row))}


def _listed(row: Row) -> tuple[Field, ...]:
    resource = next(field for field in row.body if field.name == "resource")
    holders = (field for field in resource.fields if field.name in _OPENED)
    return (*(one for holder in holders for one in holder.fields), *row.beside)


def _xml_facts(row: Row) -> EventFacts:
    """Return an event of v2, whose XML may hold a part that is encrypted."""
    cipher = next((field for field in row.body if field.name in _CIPHERS), None)
    inside = () if cipher is None else cipher.fields
    envelope = tuple(replace(f, fields=()) if f is cipher else f for f in row.body)
    hidden = {"sign", *((cipher.name,) if cipher else ()), *(field.name for field in inside)}
    return EventFacts(
        row.protocol,
        row.type,
        row.name,
        fields=(*(field for field in envelope if field.name not in hidden), *inside),
        envelope=envelope,
        cipher=None if cipher is None else cipher.name,
    )
