"""`MediaUtil`: a file to be uploaded, and the meta JSON that is signed in its place.

::

    client.v3.merchant.media.upload.post(upload="image.jpg")

    media = MediaUtil("image.jpg")  # the same, as ported code has it
    client.v3.merchant.media.upload.post(
        body=media.get_stream(), headers={"Content-Type": media.get_content_type()}
    )

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012069527
"""

from __future__ import annotations

import copy
import mimetypes
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wechatpay_chain.catalogue import UploadFields
from wechatpay_chain.errors import RequestError
from wechatpay_chain.payload import META, Multipart, Part, Source
from wechatpay_chain.protocol import document, multipart, sensitive
from wechatpay_chain.protocol.binary import octets

__all__ = ["MediaUtil", "content_type"]

PLAIN = UploadFields("file", "filename", "sha256")
"""The fields of most uploads, and of every one in the PHP SDK."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_MORE_TYPES = {
    ".7z": "application/x-7z-compressed",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".f4v": "video/x-f4v",
    ".flv": "video/x-flv",
    ".gz": "application/gzip",
    ".m4v": "video/x-m4v",
    ".mkv": "video/x-matroska",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".rar": "application/x-rar-compressed",
    ".rmvb": "application/vnd.rn-realmedia-vbr",
    ".wmv": "video/x-ms-wmv",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
}


class MediaUtil:
    """A file and its meta, to be uploaded any number of times."""

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        stream: Any = None,
        *,
        fields: UploadFields = PLAIN,
        meta: str | Mapping[str, Any] | None = None,
    ) -> None:
        """Look at a file without reading it.

        Args:
            filepath: its path; or with `stream` just its name, which tells WeChat Pay its kind.
            stream: bytes or a binary file, to be used in place of what is at the path.
            fields: what the operation calls the part and the fields of meta.
            meta: fields for meta beside name and digest, None taking one of them away;
                or the whole of it as JSON text.

        Raises:
            RequestError: there is no such file, or its name or meta cannot be sent.
        """
        self._filename = multipart.check_name(Path(filepath).name, "the name of an upload")
        if self._filename in (".", ".."):
            raise RequestError(f"the name of an upload cannot be {self._filename!r}")
        self._source = Source(Path(filepath) if stream is None else stream, "upload")
        self._fields = fields
        self._boundary = multipart.boundary(os.urandom)
        self._given = _plain(meta) if isinstance(meta, Mapping) else {}
        self._meta: bytes | None = None
        if isinstance(meta, str):
            self.set_meta(meta)

    def get_stream(self) -> Multipart:
        """Return the body to send: a payload of aiohttp that reads the file as it goes."""
        file = Part(self._fields.file, self._source, self._filename, content_type(self._filename))
        about = Part(
            META,
            Source(self._meta_bytes(), META),
            headers=(("Content-Type", "application/json"),),
        )
        return Multipart((about, file), self._boundary)

    def get_content_type(self) -> str:
        """Return the Content-Type of that body, with its boundary."""
        return f"{multipart.CONTENT_TYPE}; boundary={self._boundary}"

    def get_meta(self) -> str:
        """Return the meta JSON: what is signed of the request."""
        return self._meta_bytes().decode()

    def set_meta(self, json: str | None = None) -> int:
        """Replace the meta JSON, or with None make it anew; return its size in bytes.

        Raises:
            RequestError: it is no text.
        """
        if json is not None and not isinstance(json, str):
            raise RequestError(f"meta must be JSON text, not {type(json).__name__}")
        self._meta = None if json is None else octets(json, META)
        return len(self._meta_bytes())

    def __repr__(self) -> str:
        return f"<MediaUtil {self._filename}>"

    def _meta_bytes(self) -> bytes:
        # Made when it is first needed, because the whole file has to be read for it.
        if self._meta is None:
            self._meta = document.dumps(self._made(), META)
        return self._meta

    def _made(self) -> dict[str, Any]:
        fields = self._fields
        made: dict[str, Any] = {}
        if fields.filename is not None:
            made[fields.filename] = self._filename
        if fields.digest is not None and fields.digest not in self._given:
            made[fields.digest] = self._source.digest(fields.algorithm)
        if fields.algorithm_field is not None:
            made[fields.algorithm_field] = fields.algorithm_value
        made.update(self._given)
        return {name: value for name, value in made.items() if value is not None}


def _plain(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    found: list[sensitive.Path] = []
    plain: Mapping[str, Any] = sensitive.unwrap(meta, (META,), found)
    if found:
        raise RequestError(
            f"{sensitive.dotted(found[0])} cannot be Sensitive in a MediaUtil: give the call "
            "upload={'file': …, 'meta': {…}}"
        )
    # What the caller does to it later changes nothing.
    return copy.deepcopy(plain)


def content_type(filename: str) -> str | None:
    """Return the media type that a file's name tells, if it tells one."""
    ending = Path(filename).suffix.lower()
    return _MORE_TYPES.get(ending) or _types().guess_type(f"file{ending}", strict=False)[0]


@cache
def _types() -> mimetypes.MimeTypes:
    # A table of its own, because the machine's may say anything.
    return mimetypes.MimeTypes()
