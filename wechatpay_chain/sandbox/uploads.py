"""Uploads (multipart/form-data): read as a stream, judged by what their meta part says.

A file may be larger than memory: its digest is taken while it is read, and only
its beginning is kept. The reader of the multipart format is aiohttp's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader
from aiohttp.http import HttpProcessingError
from cryptography.hazmat.primitives import hashes
from multidict import CIMultiDictProxy

from wechatpay_chain.catalogue import UploadFields
from wechatpay_chain.sandbox.records import JsonObject, Part, Refusal

__all__ = ["check_upload", "is_upload", "read_parts"]

# Bytes of each part that are kept, and of a body as a whole.
_KEPT_PART = 1024 * 1024
_KEPT_BODY = 4 * 1024 * 1024
_CHUNK = 256 * 1024
_LONGEST_LINE = 64 * 1024

# What aiohttp's reader raises; it only warns of a wrong Content-Disposition, which is an
# error where the caller made errors of warnings.
_MALFORMED = (ValueError, AssertionError, RuntimeError, HttpProcessingError, RuntimeWarning)

_ALGORITHMS = {"SHA256": hashes.SHA256, "SM3": hashes.SM3}


def is_upload(headers: CIMultiDictProxy[str]) -> bool:
    """Tell whether a request says that it is an upload."""
    media_type = headers.get("Content-Type", "").partition(";")[0]
    return media_type.strip().lower() == "multipart/form-data"


async def read_parts(
    headers: CIMultiDictProxy[str], content: StreamReader, algorithm: str
) -> tuple[dict[str, Part], bytes]:
    """Read an upload; return its parts by name, and its body unless that is too large to keep.

    An upload that is malformed, or names a part twice, has no parts.
    """
    source = _Source(content)
    parts: dict[str, Part] = {}
    try:
        reader = MultipartReader(headers, cast(StreamReader, source))
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name is None or part.name in parts:
                raise ValueError("a part is not named, named twice, or has parts itself")
            parts[part.name] = await _read_part(part, algorithm)
    except _MALFORMED:
        parts = {}
    await source.finish()
    return parts, bytes(source.kept)


def check_upload(parts: Mapping[str, Part], meta: Any, fields: UploadFields) -> None:
    """Want the file, and a meta part that tells its name and its digest, as the catalogue says."""
    for name in ("meta", fields.file):
        if name not in parts:
            _refuse(f"/{name}", "the upload has no part of that name")
    if parts["meta"].content_type.partition(";")[0].strip().lower() != "application/json":
        _refuse("/meta", "the part is not declared as application/json")
    if not isinstance(meta, dict):
        _refuse("/meta", "the part is not a JSON object in strict UTF-8")
    file = parts[fields.file]
    if not file.filename:
        _refuse(f"/{fields.file}", "its Content-Disposition names no filename")
    if not file.size:
        _refuse(f"/{fields.file}", "the file is empty")
    if fields.filename is not None and not _text(meta, fields.filename):
        _refuse(f"/meta/{fields.filename}", "the field is required")
    named = fields.algorithm_field
    if named is not None and meta.get(named) != fields.algorithm_value:
        _refuse(f"/meta/{named}", f"it is not {fields.algorithm_value}")
    if fields.digest is not None and _text(meta, fields.digest).lower() != file.digest:
        issue = f"it is not the {fields.algorithm} of the file"
        _refuse(f"/meta/{fields.digest}", issue)


@dataclass
class _Source:
    """What of aiohttp's stream its multipart reader uses; keeps the raw bytes that came by."""

    content: StreamReader
    kept: bytearray = field(default_factory=bytearray)
    _size: int = 0
    _ahead: bytes = b""

    async def read(self, size: int) -> bytes:
        if not self._ahead:
            self._ahead = await self._pull()
        chunk, self._ahead = self._ahead[:size], self._ahead[size:]
        return chunk

    async def readline(self, *, max_line_length: int = _LONGEST_LINE) -> bytes:
        while b"\n" not in self._ahead and (chunk := await self._pull()):
            self._ahead += chunk
            if len(self._ahead) > _LONGEST_LINE and b"\n" not in self._ahead:
                break
        line, end, rest = self._ahead.partition(b"\n")
        if len(line) > max_line_length:
            raise ValueError(f"a line is longer than {max_line_length} bytes")
        self._ahead = rest
        return line + end

    def unread_data(self, data: bytes) -> None:
        self._ahead = data + self._ahead

    def at_eof(self) -> bool:
        return not self._ahead and self.content.at_eof()

    async def finish(self) -> None:
        """Read what is left, so that a malformed upload is received whole."""
        while await self._pull():
            pass

    async def _pull(self) -> bytes:
        chunk = await self.content.readany()
        self._size += len(chunk)
        if self._size <= _KEPT_BODY:
            self.kept += chunk
        else:
            self.kept.clear()
        return chunk


async def _read_part(part: BodyPartReader, algorithm: str) -> Part:
    digest = hashes.Hash(_ALGORITHMS[algorithm]())
    head, size = bytearray(), 0
    while not part.at_eof():
        chunk = await part.read_chunk(_CHUNK)
        digest.update(chunk)
        size += len(chunk)
        head += chunk[: _KEPT_PART - len(head)]
    return Part(
        filename=part.filename,
        content_type=part.headers.get("Content-Type", ""),
        size=size,
        digest=digest.finalize().hex(),
        head=bytes(head),
    )


def _text(meta: JsonObject, name: str) -> str:
    value = meta.get(name)
    return value if isinstance(value, str) else ""


def _refuse(field: str, issue: str) -> NoReturn:
    message = "A parameter of the request is wrong"
    raise Refusal(400, "PARAM_ERROR", message, field=field, issue=issue, location="body")
