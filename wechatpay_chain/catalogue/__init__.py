"""Facts on WeChat Pay's operations: encrypted and required fields, certificates, uploads.

Data and a loader, nothing else. The tables are made by `build` and read when
the first operation is looked up, so that importing the package costs nothing.

A field path is a tuple such as ``("json", "receivers", "[]", "name")``: where
the value goes (``json``, ``query``, ``xml`` or ``body``), then the names on the
way down, ``"[]"`` standing for every element of a list.

A path is that of a URL, with values or with template variables, with or without
a prefix before ``/v3/``. The wire does not show that an operation belongs to the
XML protocol: its path is given with the ``v2/`` that the chain has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = [
    "FieldPath",
    "RateLimit",
    "UploadFields",
    "boolean_fields",
    "encrypted_fields",
    "has_unsigned_answer",
    "is_nonceless",
    "needs_client_certificate",
    "only_sign_type",
    "rate_limit",
    "required_fields",
    "upload_fields",
]

FieldPath: TypeAlias = tuple[str, ...]
Segments: TypeAlias = tuple[str, ...]
Fact = TypeVar("Fact")


@dataclass(frozen=True)
class UploadFields:
    """How an upload (上传) is laid out: its file part, and what its meta part says of the file.

    `filename` and `digest` are names of fields of the meta part, None where it has
    none. The digest is hexadecimal, by `algorithm`, which is ``SHA256`` or ``SM3``;
    where `algorithm_field` is not None the meta part must say so, by `algorithm_value`.
    `answer` names the fields of the answer that are strings.
    """

    file: str
    filename: str | None = None
    digest: str | None = None
    algorithm_field: str | None = None
    algorithm_value: str | None = None
    answer: tuple[str, ...] = ()

    @property
    def algorithm(self) -> str:
        """The digest's algorithm, SHA256 unless the meta part says SM3."""
        return "SM3" if "SM3" in (self.algorithm_value or "") else "SHA256"


def encrypted_fields(method: str, path: str) -> tuple[FieldPath, ...]:
    """Return the request fields that WeChat Pay wants encrypted (敏感信息加密).

    `path` is the path of a URL, with values or with template variables, with
    or without a prefix before ``/v3/``. An operation that is not known has none.
    """
    return _table("encrypted.json", _field_paths).find(method, path) or ()


def required_fields(method: str, path: str) -> tuple[FieldPath, ...] | None:
    """Return the request fields that must be there, parents first; None for what is unknown."""
    return _table("required.json", _field_paths).find(method, path)


def needs_client_certificate(method: str, path: str) -> bool:
    """Tell whether the merchant must show its certificate in the TLS handshake (双向证书)."""
    return bool(_flag(method, path, "client_certificate"))


def is_nonceless(method: str, path: str) -> bool:
    """Tell whether an operation of the XML protocol takes no ``nonce_str``."""
    return bool(_flag(method, path, "nonceless"))


def has_unsigned_answer(method: str, path: str) -> bool:
    """Tell whether the answer of an operation of the XML protocol carries no ``sign``."""
    return bool(_flag(method, path, "unsigned"))


def boolean_fields(method: str, path: str) -> frozenset[str]:
    """Return the fields of an operation of the XML protocol that are booleans."""
    return frozenset(_flag(method, path, "booleans") or ())


def only_sign_type(method: str, path: str) -> str | None:
    """Return the one ``sign_type`` that an operation documents; None if it takes either."""
    only: str | None = _flag(method, path, "sign_type")
    return only


def upload_fields(method: str, path: str) -> UploadFields | None:
    """Return how an upload is laid out; None for an operation that is none."""
    row = _flag(method, path, "upload")
    return None if row is None else UploadFields(**{**row, "answer": tuple(row["answer"])})


def _flag(method: str, path: str, name: str) -> Any:
    return (_table("flags.json", _as_it_is).find(method, path) or {}).get(name)


class _Table(Generic[Fact]):
    """Operations by method and path, where a segment of a path may be a ``{variable}``."""

    def __init__(self, rows: dict[str, Any], read: Callable[[Any], Fact]) -> None:
        self._exact: dict[tuple[str, Segments], Fact] = {}
        self._templated: dict[tuple[str, int], list[tuple[Segments, Fact]]] = {}
        for key, row in rows.items():
            method, _, path = key.partition(" ")
            segments = _segments(path)
            found = read(row)
            if any(segment.startswith("{") for segment in segments):
                self._templated.setdefault((method, len(segments)), []).append((segments, found))
            else:
                self._exact[method, segments] = found

    def find(self, method: str, path: str) -> Fact | None:
        segments = _segments(path)
        found = self._exact.get((method, segments))
        if found is not None:
            return found
        fitting = [
            (template, found)
            for template, found in self._templated.get((method, len(segments)), ())
            if all(map(_fits, template, segments))
        ]
        # Of those that differ in the name of a variable alone, the one so named: capitals
        # in a path, as in /secapi/mch/modifyInstitutionsub, are written as a variable.
        for template, found in fitting:
            if any(map(_is_named, template, segments)):
                return found
        return fitting[0][1] if fitting else None


def _fits(template: str, segment: str) -> bool:
    return template == segment or template.startswith("{")


def _is_named(template: str, segment: str) -> bool:
    return template.startswith("{") and template.strip("{}") == segment.strip("{}").lower()


def _segments(path: str) -> Segments:
    """Split a path from its protocol version on; a trailing slash or ``{empty}`` adds nothing."""
    segments = [segment for segment in path.split("/") if segment not in ("", "{empty}")]
    for version in ("v3", "v2"):
        if version in segments:
            return tuple(segments[segments.index(version) :])
    return tuple(segments)


def _field_paths(row: list[str]) -> tuple[FieldPath, ...]:
    return tuple(tuple(field.replace("[]", ".[]").split(".")) for field in row)


def _as_it_is(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row


@cache
def _table(name: str, read: Callable[[Any], Fact]) -> _Table[Fact]:
    return _Table(json.loads(files(__name__).joinpath(name).read_text("utf-8")), read)


@dataclass(frozen=True)
class RateLimit:
    """A documented limit (频率限制): so many calls in so many seconds, of one merchant.

    `operation` is the method and the path template that it is of, ``POST v3/…``.
    """

    operation: str
    calls: int
    seconds: int


def rate_limit(method: str, path: str) -> RateLimit | None:
    """Return an operation's documented limit, if its page states one."""
    return _table("limits.json", _rate_limits).find(method, path)


def _rate_limits(row: Any) -> RateLimit:
    return RateLimit(*row)
