"""Operations → the verbs of a node, in Python source.

Each verb takes its options as keywords, or as one mapping as ported code has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.catalogue.operation import ADDED_FIELDS, ADDED_HEADERS
from wechatpay_chain.openapi.documents import Documents, Kind, typed_dict
from wechatpay_chain.openapi.tree import Node, pascal, variable

__all__ = ["MODULE", "verbs"]

MODULE = "t"
"""What nodes call the module with the TypedDicts of their group."""

_UPLOADS = {"upload": "call.File", "body": "call.Body", "multipart": "call.Parts"}
"""The ways to give the body of an upload."""


@dataclass(frozen=True)
class Item:
    """One option that an operation has beside those that every call has."""

    name: str
    type: str
    required: bool


def verbs(node: Node, documents: Documents) -> list[str]:
    """Return the methods of a node's operations; what they refer to goes to `documents`."""
    return [method for one in node.operations for method in _verb(node, one, documents)]


def _name_of(operation: Operation) -> str:
    """Return the name of the node whose variables are all placeholders: its types serve all."""
    return Node(operation.path, frozenset(), (), (), None).name


def _verb(node: Node, operation: Operation, documents: Documents) -> Iterator[str]:
    verb = operation.method.lower()
    stem = _name_of(operation) + pascal(verb)
    items = [*_variables(node, operation), *_places(operation, stem, documents)]
    rest = "call.XmlCallOptions" if operation.is_v2 else "call.CallOptions"
    if any(item.name == "headers" for item in items):
        rest = "call.HeadlessOptions"
    answer = documents.qualify(_answer(operation, stem, documents), MODULE)
    deprecated = '    @deprecated("deprecated by WeChat Pay")\n' if operation.deprecated else ""
    name = f"{node.name}{pascal(verb)}Options"
    documents.put(name, _mapping(name, items, rest))
    forms = [documents.qualify(form, MODULE) for form in _forms(name, items)]
    overload = "    @overload\n" if len(forms) > 1 else ""
    for called, result in ((verb, answer), (f"{verb}_async", f"Promise[{answer}]")):
        for number, form in enumerate(forms):
            # Editors show that of the first form for all of them.
            body = " ..." if number else f'\n        """{_about(operation)}"""'
            yield (
                f"{overload}{deprecated}"
                f"    def {called}(self, {form}**more: Unpack[{rest}]) -> {result}:{body}"
            )
    yield f"    {verb}Async = {verb}_async"


def _forms(mapping: str, items: list[Item]) -> list[str]:
    """Return the parameters of each form of a call.

    One form with everything optional is two in one. Two are there only where they must be: of
    a call that fits none of several forms mypy does not tell what is wrong.
    """
    if not any(item.required for item in items):
        return [f"options: {mapping} = ..., /, {_keywords(items)}"]
    return [*map(_keywords, _alternatives(items)), f"options: {mapping}, /, "]


def _variables(node: Node, operation: Operation) -> Iterator[Item]:
    known = {field.name for field in operation.request}
    for segment in node.path.split("/"):
        name = variable(segment)
        if name is None or name in node.given:
            continue
        yield Item(name, "call.Scalar", name in known)


def _places(operation: Operation, stem: str, documents: Documents) -> Iterator[Item]:
    for place in operation.request:
        kind = {"json": Kind.JSON, "query": Kind.QUERY, "xml": Kind.XML}.get(place.name)
        if kind is not None:
            if kind is Kind.QUERY and operation.is_v2:
                kind = Kind.XML
            own = ADDED_FIELDS if operation.is_v2 else frozenset()
            loose = operation.alternatives
            fields = [
                replace(field, required=field.required and field.name not in loose)
                for field in place.fields
                if field.name not in own
            ]
            name = f"{stem}{pascal(place.name)}"
            made = documents.add(name, fields, kind) if fields else "dict[str, Any]"
            required = place.required and (not fields or any(one.required for one in fields))
            yield Item(place.name, made, required)
        elif place.name == "headers" and any(
            field.required and field.name not in ADDED_HEADERS for field in place.fields
        ):
            yield Item("headers", "call.Headers", required=True)
    if operation.upload:
        yield Item("upload", _upload(operation, stem, documents), required=True)


def _upload(operation: Operation, stem: str, documents: Documents) -> str:
    fields = operation.meta_fields
    items = {"file": ("call.File", True), "filename": ("str", False)}
    if fields:
        meta = documents.add(f"{stem}UploadMeta", fields, Kind.JSON)
        items["meta"] = (meta, any(field.required for field in fields))
    name = f"{stem}Upload"
    return f"call.File | {documents.put(name, typed_dict(name, items))}"


def _alternatives(items: list[Item]) -> list[list[Item]]:
    """Return the sets of options of which a caller gives one: an upload's body has three forms."""
    if all(item.name != "upload" for item in items):
        return [items]
    others = [item for item in items if item.name != "upload"]
    upload = next(item for item in items if item.name == "upload")
    forms = [Item(name, kind, required=True) for name, kind in _UPLOADS.items()]
    return [[*others, upload], *([*others, form] for form in forms if form.name != "upload")]


def _keywords(items: list[Item]) -> str:
    shown = (f"{one.name}: {one.type}{'' if one.required else ' = ...'}, " for one in items)
    return "*, " + "".join(shown) if items else ""


def _mapping(name: str, items: list[Item], base: str) -> str:
    fields = {one.name: (one.type, one.required) for one in items}
    if "upload" in fields:
        fields |= {form: (kind, False) for form, kind in _UPLOADS.items()}
        fields["upload"] = (next(one.type for one in items if one.name == "upload"), False)
    return typed_dict(name, fields, base)


def _answer(operation: Operation, stem: str, documents: Documents) -> str:
    if not operation.response:
        return "Response"
    kind = Kind.XML_ANSWER if operation.is_v2 else Kind.ANSWER
    made = documents.add(f"{stem}Answer", operation.response, kind)
    return f"Response[Any, {made}]" if operation.is_v2 else f"Response[{made}]"


def _about(operation: Operation) -> str:
    """Return the docstring of a verb: the operation's name, and a page that tells of it."""
    return " ".join((operation.name, *operation.docs[:1])).replace("\\", "\\\\")
