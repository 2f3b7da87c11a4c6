"""The options that give a request its body → the body, and the Content-Type that it implies.

A body is bytes that are made once, or for an upload something that is read as it
is sent. What is made here is what is signed, encrypted fields and v2's sign aside.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from wechatpay_chain.catalogue import UploadFields
from wechatpay_chain.errors import RequestError
from wechatpay_chain.media import PLAIN, MediaUtil, content_type
from wechatpay_chain.payload import Multipart, Part, Source
from wechatpay_chain.protocol import document, multipart, query, sensitive, transformer
from wechatpay_chain.protocol.binary import octets
from wechatpay_chain.protocol.sensitive import Path as FieldPath
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import scalar

__all__ = ["Body", "Content", "build", "fields_of"]

Content: TypeAlias = bytes | Multipart | MediaUtil | None


class Body(NamedTuple):
    """A request's body, and what the option that gave it says of it."""

    content: Content = None
    content_type: str | None = None
    fields: Mapping[str, Any] | None = None
    """Those of ``xml``, as they were given."""


def build(
    options: Mapping[str, Any],
    fields: UploadFields | None,
    sealed: list[FieldPath],
    *,
    is_v2: bool,
) -> Body:
    """Return the body that a call's options make.

    Args:
        options: the call's options.
        fields: what the operation calls the parts of an upload, if it is known.
        sealed: gets the paths of `Sensitive` values.
        is_v2: whether the request is of the XML protocol.

    Raises:
        RequestError: there are two bodies, or one of the other protocol, or one that
            cannot be written.
    """
    given = [name for name in (*_BODIES, "upload") if options.get(name) is not None]
    if len(given) > 1:
        raise RequestError(f"{' and '.join(given)} are {len(given)} bodies: give one")
    if not given:
        return Body()
    name = given[0]
    if is_v2 and name not in ("xml", "body"):
        raise RequestError(f"{name} is for v3: the XML protocol (v2) takes xml")
    if name == "xml" and not is_v2:
        raise RequestError("xml is for paths that begin with v2/: v3 takes json")
    if name == "upload":
        return _upload(options[name], fields or PLAIN, sealed)
    return _BODIES[name](options[name], sealed)


def fields_of(xml: Any, sealed: list[FieldPath]) -> Mapping[str, Any]:
    """Return the fields of the ``xml`` option, checked: each must be signed, so each is flat.

    Those that are `Sensitive` are noted in `sealed`.

    Raises:
        RequestError: it is no mapping, or a field is nested, or its name no XML name.
    """
    if not isinstance(xml, Mapping):
        raise RequestError(f"xml must be a mapping, not {type(xml).__name__}")
    fields: dict[str, Any] = {}
    for name, value in xml.items():
        if not isinstance(name, str) or not transformer.is_name(name):
            raise RequestError("xml has a field whose name is no XML name")
        if isinstance(value, Sensitive):
            value = value.reveal()
            sealed.append(("xml", name))
        if isinstance(value, (Mapping, list, tuple)):
            raise RequestError(
                f"xml[{name!r}] is nested, which v2 cannot sign: give JSON text, json.dumps(…)"
            )
        fields[name] = value
    # What the caller does to the mapping later changes nothing.
    return fields


def _json(value: Any, sealed: list[FieldPath]) -> Body:
    try:
        content = document.dumps(value)
    except sensitive.Marked:
        content = document.dumps(sensitive.unwrap(value, ("json",), sealed))
    return Body(content, "application/json")


def _xml(value: Any, sealed: list[FieldPath]) -> Body:
    fields = fields_of(value, sealed)
    return Body(octets(transformer.to_xml(fields), "xml"), fields=fields)


def _body(value: Any, sealed: list[FieldPath]) -> Body:
    sensitive.refuse(value, "body")
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return Body(octets(value, "body"))
    if isinstance(value, Multipart):
        return Body(value, value.content_type)
    if isinstance(value, MediaUtil):
        return Body(value, value.get_content_type())
    raise RequestError(
        f"body must be text, bytes or MediaUtil's stream, not {type(value).__name__}: "
        "files are sent with upload"
    )


def _form(value: Any, sealed: list[FieldPath]) -> Body:
    sensitive.refuse(value, "form_params")
    text = query.form(value)
    return Body(text.encode(), "application/x-www-form-urlencoded")


def _multipart(value: Any, sealed: list[FieldPath]) -> Body:
    if not isinstance(value, (list, tuple)) or not value:
        raise RequestError("multipart must be a list of parts, {'name': …, 'contents': …}")
    parts = tuple(_part(part, f"multipart[{at}]") for at, part in enumerate(value))
    body = Multipart(parts, multipart.boundary(os.urandom))
    return Body(body, body.content_type)


_BODIES: dict[str, Callable[[Any, list[FieldPath]], Body]] = {
    "json": _json,
    "xml": _xml,
    "body": _body,
    "form_params": _form,
    "multipart": _multipart,
}


def _part(given: Any, where: str) -> Part:
    if not isinstance(given, Mapping) or not given.keys() >= {"name", "contents"}:
        raise RequestError(f"{where} must be a mapping with name and contents")
    surplus = given.keys() - {"name", "contents", "filename", "headers"}
    if surplus:
        raise RequestError(f"{where} has {', '.join(map(repr, surplus))}, which a part has not")
    sensitive.refuse(given["contents"], f"{where}['contents']")
    contents = given["contents"]
    is_scalar = isinstance(contents, (bool, int, float))
    source = Source(scalar(contents, where) if is_scalar else contents, where)
    filename = given.get("filename") or source.name
    return Part(
        name=multipart.check_name(given["name"], f"{where}['name']"),
        source=source,
        filename=filename and multipart.check_name(Path(filename).name, f"{where}['filename']"),
        content_type=content_type(filename) if filename else None,
        headers=tuple(_part_headers(given.get("headers"), where)),
    )


def _part_headers(given: Any, where: str) -> Iterator[tuple[str, str]]:
    if given is not None and not isinstance(given, Mapping):
        raise RequestError(f"{where}['headers'] must be a mapping")
    for name, value in (given or {}).items():
        yield (
            multipart.check_name(name, f"a header's name in {where}"),
            multipart.check_name(value, f"the header {name!r} in {where}"),
        )


def _upload(value: Any, fields: UploadFields, sealed: list[FieldPath]) -> Body:
    media = value if isinstance(value, MediaUtil) else _media(value, fields, sealed)
    return Body(media, media.get_content_type())


def _media(value: Any, fields: UploadFields, sealed: list[FieldPath]) -> MediaUtil:
    given = value if isinstance(value, Mapping) else {"file": value}
    surplus = given.keys() - {"file", "filename", "meta"}
    if surplus or given.get("file") is None:
        raise RequestError(
            "upload must be a path, a binary file, or {'file': …, 'filename': …, 'meta': {…}}"
        )
    file, filename, meta = given["file"], given.get("filename"), given.get("meta")
    if meta is not None and not isinstance(meta, (str, Mapping)):
        kind = type(meta).__name__
        raise RequestError(f"upload's meta must be a mapping or JSON text, not {kind}")
    if isinstance(meta, Mapping):
        meta = sensitive.unwrap(meta, ("body", "meta"), sealed)
    is_path = isinstance(file, (str, os.PathLike))
    stream = Path(file) if is_path else file
    name = (file if is_path else getattr(file, "name", None)) if filename is None else filename
    if not isinstance(name, (str, os.PathLike)):
        raise RequestError(
            "upload has no file name, by which WeChat Pay knows its kind: give "
            "{'file': …, 'filename': 'image.jpg'}"
        )
    return MediaUtil(name, stream, fields=fields, meta=meta)
