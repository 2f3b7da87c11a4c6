"""What is known of one operation: plain data, and what follows from it.

A field path is a tuple such as ``("json", "receivers", "[]", "name")``: where
the value goes (``json``, ``query``, ``xml``, ``headers`` or ``body``), then the
names on the way down, ``"[]"`` standing for every element of a list. In an
answer it begins with the first name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from wechatpay_chain.catalogue.alternatives import ALTERNATIVES

__all__ = [
    "ADDED_FIELDS",
    "ADDED_HEADERS",
    "FLAGS",
    "PLACES",
    "Field",
    "FieldPath",
    "Operation",
    "RateLimit",
    "Segments",
    "UploadFields",
    "walk",
]

FieldPath: TypeAlias = tuple[str, ...]
Segments: TypeAlias = tuple[str, ...]

PLACES = ("json", "xml", "query", "body", "headers")
"""The options that fields of a request go into; every other first name is a path variable."""

ADDED_FIELDS = frozenset({"nonce_str", "sign"})
"""The fields of the XML protocol that the client adds by itself."""

ADDED_HEADERS = frozenset({"Wechatpay-Serial"})
"""The headers that the client adds by itself, of those that are documented as fields."""

FLAGS = ("client_certificate", "nonceless", "download", "upload", "deprecated")
"""What an `Operation` is or is not."""

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field (字段), as documented.

    `type` is ``string``, ``integer``, ``number``, ``float``, ``boolean`` or ``object``, with
    ``[]`` behind it for a list. `enum` holds the values that are documented, as text. A
    ``string`` with fields of its own is one that holds a JSON document.
    """

    name: str
    type: str
    required: bool = False
    encrypted: bool = False
    enum: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it holds any number of values."""
        return self.type.endswith("[]")

    @property
    def scalar(self) -> str:
        """The type of one value."""
        return self.type.removesuffix("[]")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A documented limit (限频): so many calls in so many seconds."""

    calls: int
    seconds: int

    def __str__(self) -> str:
        per = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
        return f"{self.calls}/{per.get(self.seconds, f'{self.seconds} s')}"


@dataclass(frozen=True, slots=True)
class UploadFields:
    """How an upload (上传) is laid out: its file part, and what its meta part says of the file.

    `filename` and `digest` are names of fields of the meta part, None where it has
    none. The digest is hexadecimal, by `algorithm`, which is ``SHA256`` or ``SM3``;
    where `algorithm_field` is not None the meta part must say so, by `algorithm_value`.
    """

    file: str = "file"
    filename: str | None = "filename"
    digest: str | None = "sha256"
    algorithm_field: str | None = None
    algorithm_value: str | None = None

    @property
    def algorithm(self) -> str:
        """The digest's algorithm, SHA256 unless the meta part says SM3."""
        return "SM3" if "SM3" in (self.algorithm_value or "") else "SHA256"


@dataclass(frozen=True)
class Operation:
    """One operation (接口), as documented.

    `path` is a template without a leading slash; with ``v2/`` it belongs to the XML
    protocol. `base_uri` is None where the usual host serves it. `reentrant` tells whether
    the same request may be repeated (可重入), for `reentrant_days` where that is known.
    """

    method: str
    path: str
    name: str
    request: tuple[Field, ...] = ()
    response: tuple[Field, ...] = ()
    docs: tuple[str, ...] = ()
    base_uri: str | None = None
    client_certificate: bool = False
    nonceless: bool = False
    download: bool = False
    upload: bool = False
    deprecated: bool = False
    rate_limit: RateLimit | None = None
    reentrant: bool = False
    reentrant_days: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_v2(self) -> bool:
        """Whether it belongs to the XML protocol."""
        return self.path.startswith("v2/")

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the path's variables, in order."""
        return tuple(_VARIABLE.findall(self.path))

    def place(self, name: str) -> Field | None:
        """Return what goes into one of `PLACES`, or a path variable; None if nothing does."""
        return next((field for field in self.request if field.name == name), None)

    @cached_property
    def required(self) -> tuple[FieldPath, ...]:
        """The fields that must be there in a request's places, parents first."""
        return tuple(path for path, field in self._placed if field.required)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Fields of which any one is enough, though `required` lists each (二选一)."""
        return ALTERNATIVES.get(self.path, ())

    @cached_property
    def encrypted(self) -> tuple[FieldPath, ...]:
        """The request fields that are encrypted for WeChat Pay (敏感信息加密)."""
        return tuple(path for path, field in self._placed if field.encrypted)

    @cached_property
    def encrypted_answer(self) -> tuple[FieldPath, ...]:
        """The fields of an answer that are encrypted for the merchant."""
        return tuple(path for path, field in walk(self.response) if field.encrypted)

    @cached_property
    def booleans(self) -> frozenset[str]:
        """The first-level fields of a request of the XML protocol that are booleans."""
        return frozenset(field.name for field in self._xml if field.type == "boolean")

    @property
    def only_sign_type(self) -> str | None:
        """The one ``sign_type`` that is documented; None if either will do."""
        types = next((field.enum for field in self._xml if field.name == "sign_type"), ())
        return types[0] if len(types) == 1 else None

    @property
    def has_unsigned_answer(self) -> bool:
        """Whether the answer of an operation of the XML protocol carries no ``sign``."""
        return self.is_v2 and all(field.name != "sign" for field in self.response)

    @cached_property
    def upload_fields(self) -> UploadFields | None:
        """How an upload is laid out; None for an operation that is none."""
        if not self.upload:
            return None
        body = self.place("body")
        # One without documented fields is the twin of one that has the usual ones.
        return UploadFields() if body is None else _upload_fields(body)

    @property
    def meta_fields(self) -> tuple[Field, ...]:
        """The fields of an upload's meta part that a caller gives, beside what is told of the file.

        The client writes the file's name and digest by itself.
        """
        layout, body = self.upload_fields, self.place("body")
        known = {layout.filename, layout.digest, layout.algorithm_field} if layout else set()
        meta = next((field for field in _fields(body) if field.name == "meta"), None)
        return tuple(field for field in _fields(meta) if field.name not in known)

    @property
    def _placed(self) -> Iterator[tuple[FieldPath, Field]]:
        # Headers are the client's business, but for those that a caller adds.
        kept = (field for field in self.request if field.name in PLACES and field.name != "headers")
        return walk(kept)

    @property
    def _xml(self) -> Iterator[Field]:
        return (field for name in ("xml", "query") for field in _fields(self.place(name)))


def walk(fields: Iterable[Field], above: FieldPath = ()) -> Iterator[tuple[FieldPath, Field]]:
    """Yield (path, field) of a tree, parents first."""
    for field in fields:
        path = (*above, field.name, *(("[]",) if field.is_list else ()))
        yield path, field
        yield from walk(field.fields, path)


def _fields(field: Field | None) -> tuple[Field, ...]:
    return () if field is None else field.fields


_FILENAMES = ("filename", "file_name")
_DIGESTS = ("sha256", "digest", "file_digest")
# The documentation misspells the one of them that it names first.
_ALGORITHMS = ("digest_alogrithm", "digest_algorithm")


def _upload_fields(body: Field) -> UploadFields:
    parts = {field.name: field for field in body.fields}
    meta = {field.name: field for field in _fields(parts.get("meta"))}
    algorithm = next((name for name in _ALGORITHMS if name in meta), None)
    return UploadFields(
        file=next(name for name in parts if name != "meta"),
        filename=next((name for name in _FILENAMES if name in meta), None),
        digest=next((name for name in _DIGESTS if name in meta), None),
        algorithm_field=algorithm,
        algorithm_value=meta[algorithm].enum[0] if algorithm else None,
    )
