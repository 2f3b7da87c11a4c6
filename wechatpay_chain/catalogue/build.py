"""Make this package's data files from lists of facts on operations and on events.

    python -m wechatpay_chain.catalogue.build endpoints.jsonl webhooks.jsonl

Each line of the first is one operation; one file is made of each group of them, by the
first two segments of the path. Each line of the second, which is looked for beside the
first, is one event: see `build_events`. All is in the package's own `notation`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from wechatpay_chain.catalogue import build_events
from wechatpay_chain.catalogue.notation import parse, render
from wechatpay_chain.catalogue.operation import FLAGS, PLACES, Field, Operation, RateLimit
from wechatpay_chain.catalogue.trees import fields
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


def write(operations: Path, events: Path) -> None:
    """Write every data file, and take away those of groups that are no more."""
    made = build(operations) | build_events.build(events)
    for old in DATA.glob("**/*.txt"):
        if old.relative_to(DATA).as_posix() not in made:
            old.unlink()
    for name, text in made.items():
        (DATA / name).parent.mkdir(parents=True, exist_ok=True)
        (DATA / name).write_text(text, "utf-8")


if __name__ == "__main__":
    first = Path(sys.argv[1])
    write(first, Path(sys.argv[2]) if len(sys.argv) > 2 else first.with_name("webhooks.jsonl"))
