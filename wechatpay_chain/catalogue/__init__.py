"""Facts on WeChat Pay's operations: which fields are encrypted, which are required.

Data and a loader, nothing else. The tables are made by `build` and read when
the first operation is looked up, so that importing the package costs nothing.

A field path is a tuple such as ``("json", "receivers", "[]", "name")``: where
the value goes (``json``, ``query``, ``xml`` or ``body``), then the names on the
way down, ``"[]"`` standing for every element of a list.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TypeAlias

__all__ = ["FieldPath", "encrypted_fields", "required_fields"]

FieldPath: TypeAlias = tuple[str, ...]
Segments: TypeAlias = tuple[str, ...]


def encrypted_fields(method: str, path: str) -> tuple[FieldPath, ...]:
    """Return the request fields that WeChat Pay wants encrypted (敏感信息加密).

    `path` is the path of a URL, with values or with template variables, with
    or without a prefix before ``/v3/``. An operation that is not known has none.
    """
    return _table("encrypted.json").find(method, path) or ()


def required_fields(method: str, path: str) -> tuple[FieldPath, ...] | None:
    """Return the request fields that must be there, parents first; None for what is unknown."""
    return _table("required.json").find(method, path)


class _Table:
    """Operations by method and path, where a segment of a path may be a ``{variable}``."""

    def __init__(self, rows: dict[str, list[str]]) -> None:
        self._exact: dict[tuple[str, Segments], tuple[FieldPath, ...]] = {}
        self._templated: dict[tuple[str, int], list[tuple[Segments, tuple[FieldPath, ...]]]] = {}
        for key, marked in rows.items():
            method, _, path = key.partition(" ")
            segments = _segments(path)
            found = tuple(tuple(field.replace("[]", ".[]").split(".")) for field in marked)
            if any(segment.startswith("{") for segment in segments):
                self._templated.setdefault((method, len(segments)), []).append((segments, found))
            else:
                self._exact[method, segments] = found

    def find(self, method: str, path: str) -> tuple[FieldPath, ...] | None:
        segments = _segments(path)
        found = self._exact.get((method, segments))
        if found is not None:
            return found
        for template, found in self._templated.get((method, len(segments)), ()):
            if all(map(_fits, template, segments)):
                return found
        return None


def _fits(template: str, segment: str) -> bool:
    return template == segment or template.startswith("{")


def _segments(path: str) -> Segments:
    """Split a path from its protocol version on; a trailing slash or ``{empty}`` adds nothing."""
    segments = [segment for segment in path.split("/") if segment not in ("", "{empty}")]
    for version in ("v3", "v2"):
        if version in segments:
            return tuple(segments[segments.index(version) :])
    return tuple(segments)


@cache
def _table(name: str) -> _Table:
    return _Table(json.loads(files(__name__).joinpath(name).read_text("utf-8")))
