"""What the sandbox writes down: requests as they arrived, and refusals.

A request is recorded before anybody judges it, so that a test can look at what
a client really sent, also when it was refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy, MultiDict, MultiDictProxy

__all__ = [
    "JsonObject",
    "Part",
    "ReceivedRequest",
    "Refusal",
    "parse_json",
    "parse_text",
    "read_request",
]

# The deepest request that is documented has 11 levels.
_DEPTH = 64

JsonObject: TypeAlias = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer on its way, not an error of ours
    """A request that WeChat Pay would not carry out; it becomes the signed error answer."""

    def __init__(self, status: int, code: str, message: str, **detail: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    @property
    def document(self) -> JsonObject:
        """The error as WeChat Pay writes it: code, message and, where it helps, detail."""
        document: JsonObject = {"code": self.code, "message": self.message}
        return {**document, "detail": self.detail} if self.detail else document

    @property
    def problem(self) -> str:
        """The refusal in one line, with the field and the issue if it names them."""
        where = ", ".join(str(self.detail[k]) for k in ("field", "issue") if k in self.detail)
        return f"{self.code}: {self.message}" + (f" ({where})" if where else "")


@dataclass(frozen=True)
class Part:
    """One part of an upload. Of a large one no more than its `head` is kept.

    `digest` is its SHA-256 in hexadecimal, or its SM3 where the operation wants that.
    """

    filename: str | None
    content_type: str
    size: int
    digest: str
    head: bytes = field(repr=False)

    @property
    def content(self) -> bytes:
        """The whole part; ValueError if it was too large to be kept."""
        if len(self.head) != self.size:
            raise ValueError(f"of {self.size} bytes only {len(self.head)} were kept")
        return self.head


@dataclass(frozen=True, eq=False, repr=False)
class ReceivedRequest:
    """One request as it came off the wire, and what became of it.

    `json` is the body (of an upload: its ``meta`` part) if it could be parsed.
    `opened` is the same with its sensitive fields decrypted, or for a request
    without a body the query likewise; None if it could not be opened.
    `problem` says why it was refused; None if it was not. `parts` holds the
    pieces of an upload by name; its `body` is empty if it was too large to be kept.
    `client_certificate` is the serial of the certificate that was shown in the TLS
    handshake, None if none was. A request of the v2 protocol has its fields in
    `opened`, once it passed the checks.
    """

    method: str
    target: str
    path: str
    query: MultiDictProxy[str]
    headers: CIMultiDictProxy[str]
    body: bytes
    json: Any = None
    opened: JsonObject | None = None
    problem: str | None = None
    parts: Mapping[str, Part] | None = None
    client_certificate: str | None = None

    def __repr__(self) -> str:
        return f"<ReceivedRequest {self.method} {self.path}>"

    @property
    def is_xml(self) -> bool:
        """Whether the request is one of the v2 protocol, whose paths name no version."""
        return "v3" not in self.path.split("/")

    @property
    def signed_body(self) -> bytes:
        """The bytes that the merchant's signature covers: of an upload only the meta part."""
        return _signed_body(self.body, self.parts)


def _signed_body(body: bytes, parts: Mapping[str, Part] | None) -> bytes:
    if parts is None:
        return body
    return parts["meta"].head if "meta" in parts else b""


def read_request(
    method: str,
    target: str,
    headers: CIMultiDictProxy[str],
    body: bytes = b"",
    parts: Mapping[str, Part] | None = None,
) -> ReceivedRequest:
    """Take a request apart without judging it."""
    path, _, query = target.partition("?")
    try:
        document = parse_json(_signed_body(body, parts))
    except ValueError:
        document = None
    return ReceivedRequest(
        method=method,
        target=target,
        path=path,
        query=MultiDictProxy(MultiDict(parse_qsl(query, keep_blank_values=True))),
        headers=headers,
        body=body,
        json=document,
        parts=parts,
    )


def parse_json(body: bytes) -> Any:
    """Parse strict UTF-8 JSON; raise ValueError, which quotes nothing, for anything lenient."""
    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the body is nested too deep") from None
    if not _is_shallow(document):
        raise ValueError("the body is nested too deep")
    return document


def parse_text(value: Any) -> Any:
    """Return what the JSON document that a field holds as text says; None if it holds none."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return None
    try:
        return parse_json(value.encode())
    except ValueError:
        return None


def _is_shallow(document: Any) -> bool:
    """Tell whether code that calls itself for each level can work on a document."""
    level = [document]
    for _ in range(_DEPTH):
        level = [
            inner
            for node in level
            if isinstance(node, (dict, list))
            for inner in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return True
    return False


def _no_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("the body names a key twice")
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"the body holds {name}, which is not JSON")
