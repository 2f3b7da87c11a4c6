"""Make this package's data files from a list of facts on operations.

    python -m wechatpay_chain.catalogue.build endpoints.jsonl

Each line of the input is one operation: ``method``, ``path`` and a tree of
request fields. Only what the package uses is kept, one operation a line, so
that a change of one operation is a change of one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BODIES = frozenset({"json", "query", "xml", "body"})

# What an upload without documented fields takes: it is the twin of one that has them.
UPLOAD = {"file": "file", "filename": "filename", "digest": "sha256"}
FILENAMES = ("filename", "file_name")
DIGESTS = ("sha256", "digest", "file_digest")
# The documentation misspells the one of them that it names first.
ALGORITHMS = ("digest_alogrithm", "digest_algorithm")

# Answers that carry no `sign` though a path of that kind has one, or has no documented answer.
UNSIGNED = ("POST v2/mmpaymkttransfers/pay_bank", "POST v2/mmpaymkttransfers/query_bank")


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


def flags(operations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return {"METHOD path": {flag: value, …}} of the operations that have any."""
    found: dict[str, dict[str, Any]] = {key: {"unsigned": True} for key in UNSIGNED}
    for operation in operations:
        path = operation["path"].lstrip("/")
        marks = {
            "client_certificate": operation.get("client_certificate"),
            "nonceless": operation.get("nonceless"),
            "upload": upload(operation) if operation.get("upload") else None,
            **(xml_flags(operation) if path.startswith("v2/") else {}),
        }
        kept = {mark: value for mark, value in marks.items() if value}
        if kept:
            found[f"{operation['method']} {path}"] = kept
    return found


def upload(operation: dict[str, Any]) -> dict[str, Any]:
    """Return how an upload names its part, the fields of its meta part, and those of its answer."""
    parts = {path: field for path, field in fields(operation["request"]) if path.startswith("body")}
    metas = {path.removeprefix("body.meta."): field for path, field in parts.items()}
    names = [path.partition(".")[2] for path in parts if path.count(".") == 1]
    made = dict(UPLOAD)
    if names:
        named = {
            "file": next(name for name in names if name != "meta"),
            "filename": next((name for name in FILENAMES if name in metas), None),
            "digest": next((name for name in DIGESTS if name in metas), None),
        }
        made = {key: name for key, name in named.items() if name}
    for name in ALGORITHMS:
        if name in metas:
            (value,) = metas[name]["enum"]
            made |= {"algorithm_field": name, "algorithm_value": value}
    answer = [field["name"] for field in operation["response"] if field["type"] == "string"]
    return {**made, "answer": answer}


def xml_flags(operation: dict[str, Any]) -> dict[str, Any]:
    """Return what holds of an operation of the XML protocol: its types, and if it is signed."""
    places = [place for place in operation["request"] if place["name"] in ("xml", "query")]
    asked = [field for place in places for field in place.get("fields", [])]
    types = next((field.get("enum") for field in asked if field["name"] == "sign_type"), None)
    return {
        "unsigned": all(field["name"] != "sign" for field in operation["response"]),
        "booleans": [field["name"] for field in asked if field["type"] == "boolean"],
        "sign_type": types[0] if types and len(types) == 1 else None,
    }


def lines(data: Mapping[str, Any]) -> str:
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
        "flags.json": lines(flags(operations)),
    }


if __name__ == "__main__":
    for name, text in build(Path(sys.argv[1])).items():
        (HERE / name).write_text(text, "utf-8")
