"""Check a request after its signature: headers, body, types, required and sensitive fields.

Pure. Each check takes the request as it was received and raises the Refusal
that WeChat Pay would answer with; `open_request` returns what it then works
with, the sensitive fields decrypted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.catalogue import (
    FieldPath,
    find,
)
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.json_types import wrong_types
from wechatpay_chain.sandbox.records import (
    JsonObject,
    ReceivedRequest,
    Refusal,
    parse_json,
    parse_text,
)
from wechatpay_chain.sandbox.signing import decrypt
from wechatpay_chain.sandbox.uploads import check_upload

__all__ = [
    "check_body",
    "check_headers",
    "check_known",
    "check_required",
    "check_types",
    "main_document",
    "open_request",
]

# Where the catalogue puts a value → what WeChat Pay calls that place in an error.
_LOCATIONS = {"json": "body", "body": "body", "query": "query"}


def check_headers(request: ReceivedRequest) -> None:
    """Want Accept and User-Agent, without which WeChat Pay answers no one."""
    for name in ("Accept", "User-Agent"):
        if not request.headers.get(name):
            _refuse(name, "the header is missing", "header")


def check_known(request: ReceivedRequest) -> None:
    """Want an operation of APIv3 that is in the catalogue, by a path with nothing odd in it."""
    segments = request.path.split("/")
    odd = "" in segments[1:-1] or {".", ".."} & set(map(unquote, segments))
    if odd or "v3" not in segments or find(request.method, request.path) is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such operation")


def check_body(request: ReceivedRequest) -> None:
    """Want a body, if there is one, to be a JSON object, or an upload where one is wanted."""
    operation = find(request.method, request.path)
    upload = None if operation is None else operation.upload_fields
    if upload is not None:
        if request.parts is None:
            _refuse("Content-Type", "it is not multipart/form-data", "header")
        check_upload(request.parts, request.json, upload)
        return
    if not request.body and request.parts is None:
        return
    media_type, *parameters = request.headers.get("Content-Type", "").lower().split(";")
    charsets = [p.partition("=")[2].strip(' "') for p in parameters if "charset" in p]
    if media_type.strip() != "application/json" or charsets not in ([], ["utf-8"]):
        _refuse("Content-Type", "it is not application/json in UTF-8", "header")
    _check_object(request.body)


def check_required(request: ReceivedRequest) -> None:
    """Want each required field, those inside an optional object only where that is there."""
    operation = find(request.method, request.path)
    documents = _documents(request)
    for path in () if operation is None else operation.required:
        if len(path) == 1:
            # A place as such is only wanted for the sake of the fields in it.
            continue
        # A required list is wanted itself, with however many elements.
        itself = path[:-1] if path[-1] == "[]" else path
        for at, value in _values(documents, itself):
            if value is None or value == "":
                _refuse(at, "the field is required", _LOCATIONS[path[0]])


def check_types(request: ReceivedRequest) -> None:
    """Want each documented field of a JSON document to have its documented type."""
    operation = find(request.method, request.path)
    documents = _documents(request)
    body = None if operation is None else operation.place("body")
    inner = (field for field in (body.fields if body else ()) if field.name == "meta")
    places = [("json", None if operation is None else operation.place("json"), documents["json"])]
    places += [("body/meta", meta, documents["body"].get("meta")) for meta in inner]
    for at, place, document in places:
        if place is not None and isinstance(document, dict):
            for pointer, issue in wrong_types(place.fields, document, at):
                _refuse(pointer, issue, "body")


def open_request(request: ReceivedRequest, identity: Identity) -> JsonObject:
    """Return what is in each place of the request, with every sensitive field decrypted."""
    documents = _documents(request)
    operation = find(request.method, request.path)
    for path in () if operation is None else operation.encrypted:
        for at, value in _values(documents, path):
            if value is not None:
                key = _field_key(request, identity)
                _put(documents, at, _open(key, at, value, _LOCATIONS[path[0]]))
    return documents


def main_document(request: ReceivedRequest, documents: JsonObject) -> JsonObject:
    """Return the body of an opened request (of an upload the meta part), else the query."""
    if request.parts is not None:
        meta: JsonObject = documents["body"].get("meta", {})
        return meta
    body: JsonObject = documents["json" if request.body else "query"]
    return body


def _check_object(body: bytes) -> None:
    try:
        document = parse_json(body)
    except ValueError as error:
        _refuse("/", str(error), "body")
    if not isinstance(document, dict):
        _refuse("/", "the body is not a JSON object", "body")


def _documents(request: ReceivedRequest) -> JsonObject:
    """Lay the request out as the catalogue sees it: one document for each place."""
    parts: JsonObject = {}
    if request.parts is not None:
        parts = {**request.parts, "meta": copy.deepcopy(request.json)}
    return {
        "json": copy.deepcopy(request.json) if request.parts is None else None,
        "query": dict(request.query),
        "body": parts,
    }


def _values(documents: JsonObject, path: FieldPath) -> Iterator[tuple[str, Any]]:
    """Yield (pointer, value) for each field of that path whose parent is there.

    The value is None where the parent lacks the field. A pointer is
    ``json/receivers/0/name``: the place, then the way down. A parent may be JSON in a
    text; one that holds something else is let through, since the documentation does not
    always tell a list there from an object that has one.
    """
    found: list[tuple[str, Any]] = [(path[0], _present(documents, path[0]))]
    for name in path[1:]:
        deeper: list[tuple[str, Any]] = []
        for at, parent in found:
            if name == "[]" and isinstance(parent, list):
                deeper += [(f"{at}/{index}", item) for index, item in enumerate(parent)]
            elif name != "[]" and isinstance(parent, dict):
                deeper.append((f"{at}/{name}", parent.get(name)))
            elif isinstance(parent, str):
                # What should be an object and is a text was refused; this is JSON in a text.
                inner = parse_text(parent)
                if name != "[]" and isinstance(inner, dict):
                    deeper.append((f"{at}/{name}", inner.get(name)))
            elif parent is not None:
                _refuse(at, "the field has the wrong type", _LOCATIONS[path[0]])
        found = deeper
    yield from found


def _present(documents: JsonObject, place: str) -> Any:
    # A missing body is an empty one here: what it lacks are its required fields.
    return {} if documents.get(place) is None else documents[place]


def _put(documents: JsonObject, at: str, value: str) -> None:
    *parents, last = at.split("/")
    node: Any = documents
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node[name]
    node[int(last) if isinstance(node, list) else last] = value


def _field_key(request: ReceivedRequest, identity: Identity) -> RSAPrivateKey:
    serials = request.headers.getall("Wechatpay-Serial", [])
    if len(serials) != 1 or serials[0] not in identity.platform_keys:
        issue = "it names no key of WeChat Pay" if serials else "the header is missing"
        _refuse("Wechatpay-Serial", issue, "header")
    return identity.platform_keys[serials[0]].private_key


def _open(key: RSAPrivateKey, at: str, value: Any, location: str) -> str:
    if not isinstance(value, str):
        _refuse(at, "a sensitive field must be a string of ciphertext", location)
    try:
        return decrypt(key, value)
    except ValueError:
        # One text for every cause: which of them it was would help an attacker of the padding.
        _refuse(at, "the sensitive field cannot be decrypted with the named key", location)


def _refuse(field: str, issue: str, location: str) -> NoReturn:
    pointer = field if location == "header" else "/" + field.partition("/")[2].lstrip("/")
    raise Refusal(
        400,
        "PARAM_ERROR",
        "A parameter of the request is wrong",
        field=pointer,
        issue=issue,
        location=location,
    )
