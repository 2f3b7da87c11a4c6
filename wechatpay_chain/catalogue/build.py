"""Make this package's data files from a list of facts on operations.

    python -m wechatpay_chain.catalogue.build endpoints.jsonl

Each line of the input is one operation: ``method``, ``path`` and a tree of
request fields. Only what the package uses is kept, one operation a line, so
that a change of one operation is a change of one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BODIES = frozenset({"json", "query", "xml", "body"})


def fields(tree: list[dict[str, Any]], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dotted path, field) for every field of a request tree, parents first."""
    for field in tree:
        path = f"{above}.{field['name']}" if above else field["name"]
        if field["type"].endswith("[]"):
            path += "[]"
        yield path, field
        yield from fields(field.get("fields", []), path)


def table(operations: list[dict[str, Any]], mark: str) -> dict[str, list[str]]:
    """Return {"METHOD path": [field path, …]} of the fields that bear a mark."""
    found: dict[str, list[str]] = {}
    for operation in operations:
        marked = [
            path
            for path, field in fields(operation["request"])
            if field.get(mark) and path.split(".")[0] in BODIES
        ]
        found[f"{operation['method']} {operation['path'].lstrip('/')}"] = marked
    return found


def lines(data: dict[str, list[str]]) -> str:
    """Return a JSON object with one entry a line."""
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(data.items())]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def build(source: Path) -> dict[str, str]:
    """Return the text of each data file, by file name."""
    operations = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    encrypted = {key: marked for key, marked in table(operations, "encrypted").items() if marked}
    return {
        "encrypted.json": lines(encrypted),
        "required.json": lines(table(operations, "required")),
    }


if __name__ == "__main__":
    for name, text in build(Path(sys.argv[1])).items():
        (HERE / name).write_text(text, "utf-8")
