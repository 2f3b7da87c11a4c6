"""All that is known of the operations at a path, or of an event, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wechatpay_chain.catalogue import layout, samples
from wechatpay_chain.catalogue.events import PROTOCOLS, EventFacts, find
from wechatpay_chain.catalogue.index import children
from wechatpay_chain.catalogue.layout import Line
from wechatpay_chain.catalogue.location import locate, nearest, read
from wechatpay_chain.catalogue.operation import ADDED_HEADERS, Field, Operation
from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.text import one_line

__all__ = ["Description", "describe"]

WIDTH = 100
_WIDEST_NAME = 44
_NARROWEST = 24
_PAGES = 3
_LONG_SAMPLE = 40
"""Lines of a sample, from which on it shows only what is required."""


@dataclass(frozen=True, repr=False)
class Description:
    """The operations at a path. Shown, it says what each is called, needs and answers.

    Of a type of callbacks it is the events of that name, with what each brings.
    """

    operations: tuple[Operation, ...]
    events: tuple[EventFacts, ...] = ()

    def lines(self, columns: int = WIDTH) -> Iterator[Line]:
        """Yield the lines of the text, laid out for so many columns."""
        entries = [
            *(_lines(operation, columns) for operation in self.operations),
            *(_event_lines(event, columns) for event in self.events),
        ]
        for number, entry in enumerate(entries):
            if number:
                yield ()
                yield (("label", "─" * 20),)
                yield ()
            yield from entry

    def __str__(self) -> str:
        return layout.plain(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the same for Jupyter."""
        return layout.html(self.lines())


def describe(path: object, method: str | None = None) -> Description:
    """Describe the operations at a path: fields, host, certificate, limit, pages, a sample.

    Args:
        path: a path with variables or with values, in any spelling; a URL; a chain, or an
            expression that makes one, such as ``"client.v3.pay.transactions.native"``. Or the
            type of a callback (回调通知), such as ``"REFUND.SUCCESS"``.
        method: only this HTTP method's, by default all that the path has.

    Raises:
        RequestError: nothing is known of it; the message names the nearest known paths.
            The chain can call it all the same.
    """
    text = str(path)
    wanted = None if method is None else str(method).upper()
    found = locate(text, wanted)
    named = tuple(one for version in PROTOCOLS if (one := find(text, version))) if not found else ()
    if named and method is None:
        return Description((), named)
    if not found:
        raise RequestError(_unknown(text, wanted))
    return Description(found)


def _unknown(text: str, method: str | None) -> str:
    named, path = read(text)
    method = method or named
    others = locate(path)
    if method and others:
        return f"{others[0].path} is known for {_listed(others)}, not for {method}"
    beyond = sorted(children(path)[0]) if path else []
    if beyond:
        return f"{one_line(path)} is no operation, it leads on to {', '.join(beyond)}"
    like = nearest(text)
    hint = f": did you mean {' or '.join(like)}?" if like else ""
    return f"no operation is known at {one_line(path) or 'an empty path'}{hint}"


def _listed(operations: Sequence[Operation]) -> str:
    return ", ".join(one.method for one in operations)


def _lines(operation: Operation, columns: int) -> Iterator[Line]:
    yield (("title", operation.name),)
    yield ("method", operation.method), ("", " "), ("path", operation.path)
    facts = list(_facts(operation))
    if facts:
        yield ()
    yield from _labelled(facts)
    for heading, fields in (("Request", operation.request), ("Answer", operation.response)):
        if fields:
            yield ()
            yield (("heading", heading), ("label", "  * required" if heading == "Request" else ""))
            yield from _tree(fields, columns)
    yield ()
    yield from _sample(operation)


def _event_lines(event: EventFacts, columns: int) -> Iterator[Line]:
    yield (("title", event.name),)
    yield ("method", event.protocol), ("", " "), ("path", event.type)
    facts = [("type 类型", "", event.resource_name)]
    facts += [("original_type", "", one) for one in event.original_types]
    facts += [("also 也作", "", one) for one in event.also]
    facts += [("moved to 已改为", "warning", event.moved_to)] if event.moved_to else []
    facts += [] if event.is_signed else [("sign 签名", "warning", "it bears no sign")]
    yield ()
    yield from _labelled(facts)
    yield ()
    yield (("heading", "Resource"), ("label", "  * always there"))
    yield from _tree(event.fields, columns)
    protocol = "" if find(event.type) is event else f', protocol="{event.protocol}"'
    yield ()
    yield (("heading", "Python"),)
    for line in (
        f'@client.webhooks.on("{event.type}"{protocol})',
        "def handle(event):",
        "    print(event.resource)",
    ):
        yield (("", "  "), ("code", line))


def _labelled(facts: Sequence[tuple[str, str, str]]) -> Iterator[Line]:
    """Yield a line for each (label, role, text), the texts below each other."""
    indent = max((layout.width(label) for label, _, _ in facts), default=0) + 2
    for label, role, text in facts:
        yield ("label", layout.pad(label, indent)), (role, text)


def _facts(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """Yield (label, role, text) of what a caller must know beside the fields."""
    if operation.deprecated:
        yield "deprecated 不再推荐", "warning", "WeChat Pay advises against it"
    if operation.base_uri:
        yield "host 域名", "", operation.base_uri
    if operation.client_certificate:
        yield "certificate 双向证书", "warning", "the merchant's TLS certificate must be shown"
    if operation.nonceless:
        yield "nonce_str 随机串", "", "none is sent"
    if operation.upload:
        yield "upload 上传", "", "a file: give it as upload="
    if operation.download:
        yield "download 下载", "", "a file, not JSON: give a path or a stream as sink="
    if operation.has_unsigned_answer:
        yield "answer 应答", "warning", "it bears no sign"
    if operation.rate_limit:
        yield "rate limit 限频", "", str(operation.rate_limit)
    if operation.reentrant:
        days = f", for {operation.reentrant_days} days" if operation.reentrant_days else ""
        yield "re-entrant 可重入", "", f"the same request may be repeated{days}"
    pages = sorted(operation.docs, key=_is_special)
    for number, page in enumerate(pages[:_PAGES]):
        yield "" if number else "page 官方文档", "", page
    if len(pages) > _PAGES:
        yield "", "label", f"and {len(pages) - _PAGES} more"


def _is_special(page: str) -> tuple[bool, bool]:
    """Return what pages are sorted by: the merchants' own first, those for overseas last."""
    return "/global/" in page, "/partner/" in page


def _tree(fields: Sequence[Field], columns: int) -> Iterator[Line]:
    """Yield the lines of a tree of fields: names, types, and values that are allowed."""
    rows = list(_rows(fields, 1))
    names = min(max(layout.width(_named(field, depth)) for field, depth in rows), _WIDEST_NAME) + 2
    types = max(len(field.type) for field, _ in rows) + 2
    for field, depth in rows:
        name = layout.pad(_named(field, depth), names - 1) + " "
        before, star, after = name.partition("*")
        notes = list(_notes(field))
        kind = ("type", layout.pad(field.type, types) if notes or field.enum else field.type)
        line = (("", before), ("required", star), ("", after), kind, *notes)
        start = layout.width(name) + types
        values = layout.wrap(field.enum, max(columns - start, _NARROWEST), " | ")
        yield (*line, ("enum", next(values, "")))
        for more in values:
            yield ("", " " * start), ("enum", more)


def _notes(field: Field) -> Iterator[layout.Span]:
    space = "  " if field.enum else ""
    if field.encrypted:
        yield "encrypted", "encrypted 加密" + space
    if field.name in ADDED_HEADERS:
        yield "label", "set by the client" + space


def _rows(fields: Sequence[Field], depth: int) -> Iterator[tuple[Field, int]]:
    for field in fields:
        yield field, depth
        yield from _rows(field.fields, depth + 1)


def _named(field: Field, depth: int) -> str:
    return "  " * depth + field.name + ("*" if field.required else "")


def _sample(operation: Operation) -> Iterator[Line]:
    text = samples.python(operation)
    told = ""
    if text.count("\n") > _LONG_SAMPLE:
        text = samples.python(operation, required_only=True)
        told = "  with the required fields alone"
    yield ("heading", "Python"), ("label", told)
    for line in text.splitlines():
        yield (("", "  "), ("code", line))
