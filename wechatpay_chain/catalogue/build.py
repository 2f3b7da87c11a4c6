"""Make this package's data files from a list of facts on operations.

    python -m wechatpay_chain.catalogue.build endpoints.jsonl

Each line of the input is one operation. One file is made of each group of them,
by the first two segments of the path, in the package's own `notation`.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from wechatpay_chain.catalogue.notation import parse, render
from wechatpay_chain.catalogue.operation import FLAGS, PLACES, Field, Operation, RateLimit
from wechatpay_chain.protocol.template import OPTIONAL

DATA = Path(__file__).parent / "data"


def read(line: str) -> Operation:
    """Return the operation that one line of the input tells of."""
    facts = json.loads(line)
    path = facts["path"].lstrip("/")
    limit, reentrant = facts.get("rate_limit"), facts.get("reentrant")
    return Operation(
        facts["method"],
        path,
        facts["name"],
        request=request(path, fields(facts["request"])),
        response=fields(facts["response"]),
        docs=tuple(facts.get("docs", ())),
        base_uri=facts.get("base_uri"),
        rate_limit=RateLimit(limit["calls"], limit["seconds"]) if limit else None,
        reentrant=bool(reentrant),
        reentrant_days=reentrant.get("days") if isinstance(reentrant, dict) else None,
        **{flag: bool(facts.get(flag)) for flag in FLAGS},
    )


def fields(tree: list[dict[str, Any]]) -> tuple[Field, ...]:
    """Return a tree of fields in which a name is there once on each level."""
    found: dict[str, Field] = {}
    for facts in tree:
        field = Field(
            facts["name"],
            facts["type"],
            required=bool(facts.get("required")),
            encrypted=bool(facts.get("encrypted")),
            enum=tuple(facts.get("enum", ())),
            fields=fields(facts.get("fields", [])),
        )
        twin = found.get(field.name)
        found[field.name] = field if twin is None else either(twin, field)
    return tuple(found.values())


def either(first: Field, second: Field) -> Field:
    """Return a field that two variants of it both fit: what only one requires, neither does."""
    names = dict.fromkeys(field.name for field in (*first.fields, *second.fields))
    merged = []
    for name in names:
        twins = [field for one in (first, second) for field in one.fields if field.name == name]
        merged.append(either(*twins) if len(twins) == 2 else replace(twins[0], required=False))
    return Field(
        first.name,
        first.type,
        required=first.required and second.required,
        encrypted=first.encrypted or second.encrypted,
        enum=tuple(dict.fromkeys(first.enum + second.enum)),
        fields=tuple(merged),
    )


def request(path: str, tree: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return a request's tree with just the variables that its path has, before the places.

    The path is right where the two differ.
    """
    given = {field.name: field for field in tree}
    names = [name for name in re.findall(r"\{(\w+)\}", path) if name not in OPTIONAL]
    variables = [given.get(name, Field(name, "string", required=True)) for name in names]
    return (*variables, *(given[place] for place in PLACES if place in given))


def build(source: Path) -> dict[str, str]:
    """Return the text of each data file, by its name below `DATA`."""
    operations = [read(line) for line in source.read_text("utf-8").splitlines()]
    files: dict[str, list[str]] = {}
    for operation in sorted(operations, key=lambda one: (one.path, one.method)):
        block = render(operation)
        if parse(block) != operation:
            raise ValueError(f"{operation} cannot be written down in the notation")
        version, group = operation.path.split("/")[:2]
        files.setdefault(f"{version}/{group}.txt", []).append(block)
    return {name: "\n".join(blocks) for name, blocks in files.items()}


if __name__ == "__main__":
    made = build(Path(sys.argv[1]))
    for old in DATA.glob("*/*.txt"):
        if f"{old.parent.name}/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (DATA / name).parent.mkdir(parents=True, exist_ok=True)
        (DATA / name).write_text(text, "utf-8")
