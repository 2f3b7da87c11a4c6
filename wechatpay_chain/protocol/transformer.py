"""XML ↔ dictionaries: written as the PHP SDK writes it, read more strictly.

A document type, an entity, another encoding, excessive depth or size is refused
by name before anything is built from it. Nothing outside the document is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wechatpay_chain.errors import DecodeError, RequestError
from wechatpay_chain.protocol.text import scalar

__all__ = [
    "MAXIMUM_ATTRIBUTES",
    "MAXIMUM_DEPTH",
    "MAXIMUM_ELEMENTS",
    "MAXIMUM_NAME",
    "MAXIMUM_SIZE",
    "is_name",
    "sanitize",
    "to_array",
    "to_xml",
]

MAXIMUM_DEPTH = 64
MAXIMUM_ELEMENTS = 20_000
MAXIMUM_ATTRIBUTES = 32
"""Attributes of one element; an answer has none."""

MAXIMUM_NAME = 256
"""Letters of the longest name of an element."""

MAXIMUM_SIZE = 1024 * 1024
"""Bytes, or letters, of the largest document; an answer of v2 has a few hundred."""

# XML 1.0, production 2: Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | …
_NO_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# XML 1.0, production 5: what all its editions allow of ASCII and Chinese, less the colon, which
# would make a namespace of what is before it.
_NAME = re.compile("[A-Za-z_\u4e00-\u9fa5][A-Za-z0-9_.\u4e00-\u9fa5-]*")
_MARKUP = re.compile(r'[<>&"]')
# XML 1.0, productions 23 to 32, of which an answer may have these.
_DECLARES = re.compile(r"\ufeff?\s*<\?xml\s")
_DECLARATION = re.compile(
    r"\ufeff?<\?xml\s+version\s*=\s*([\"'])1\.0\1"
    r"(?:\s+encoding\s*=\s*([\"'])[Uu][Tt][Ff]-?8\2)?"
    r"(?:\s+standalone\s*=\s*([\"'])(?:yes|no)\3)?\s*\?>"
)


def sanitize(xml: str) -> str:
    """Return a text without the control characters that XML does not allow."""
    return _NO_CHAR.sub("", xml)


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of an element."""
    return _NAME.fullmatch(text) is not None


def to_array(xml: bytes | str) -> dict[str, Any]:
    """Return the children of an XML document's root as a dictionary.

    Text stays text, an empty element is ``''``, an element that is there more
    than once a list; attributes are ignored and control characters dropped.

    Raises:
        DecodeError: no XML, too large or deep, in another encoding than UTF-8, or with a
            document type.
    """
    if len(xml) > MAXIMUM_SIZE:
        raise DecodeError(f"the XML is larger than {MAXIMUM_SIZE} bytes")
    try:
        text = xml.decode("utf-8") if isinstance(xml, bytes) else xml
        if "\x00" in text:
            # UTF-16 and UTF-32: read as UTF-8, and sanitised, they would become other text.
            raise DecodeError("the XML holds a NUL, which UTF-8 text does not: refused")
        text = sanitize(text)
        if _DECLARES.match(text) and not _DECLARATION.match(text):
            raise DecodeError("the XML does not declare itself as XML 1.0 in UTF-8: refused")
        value = _parse(text)
    except (UnicodeError, SyntaxError, LookupError, ValueError):
        raise DecodeError("the body is no well-formed UTF-8 XML") from None
    return value if isinstance(value, dict) else {}


def to_xml(
    data: Mapping[Any, Any],
    *,
    headless: bool = True,
    indent: bool = False,
    root: str = "xml",
    item: str = "item",
) -> str:
    """Return the XML document of a mapping; `wechatpay_chain.transformer` tells the arguments."""
    head = "" if headless else '<?xml version="1.0" encoding="UTF-8"?>\n'
    pieces = _element(root, data, item, 0 if indent else None)
    return head + "".join(pieces)


def _element(name: str, value: Any, item: str, depth: int | None) -> Iterator[str]:
    """Yield an element's text; with a depth, on lines of its own."""
    before, after = ("", "") if depth is None else (" " * depth, "\n")
    children = _children(value, item)
    if children is None:
        yield f"{before}<{name}>{_content(name, value)}</{name}>{after}"
    elif not children:
        yield f"{before}<{name}/>{after}"
    else:
        yield f"{before}<{name}>{after}"
        for tag, child in children:
            yield from _element(tag, child, item, None if depth is None else depth + 1)
        yield f"{before}</{name}>{after}"


def _children(value: Any, item: str) -> list[tuple[str, Any]] | None:
    if isinstance(value, Mapping):
        return [
            (key if isinstance(key, str) and is_name(key) else item, child)
            for key, child in value.items()
        ]
    return [(item, child) for child in value] if isinstance(value, (list, tuple)) else None


def _content(name: str, value: Any) -> str:
    """Return a value as it stands in an element: as CDATA where it holds markup."""
    text = "" if value is None else scalar(value, f"the field {name!r}")
    if _NO_CHAR.search(text):
        raise RequestError(f"the field {name!r} holds a control character, which XML cannot")
    # A bare carriage return would be read as a line feed, and the sign over it be wrong.
    if not _MARKUP.search(text):
        return text.replace("\r", "&#13;")
    return (
        "<![CDATA["
        + text.replace("]]>", "]]]]><![CDATA[>").replace("\r", "]]>&#13;<![CDATA[")
        + "]]>"
    )


class _Reader:
    """Builds dictionaries from a parser's events, refusing on sight what no answer has."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._elements = 0
        self._root: Any = ""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DecodeError("the XML declares a document type, which no answer has: refused")

    def start_ns(self, prefix: str, uri: str) -> None:
        # PHP leaves out what is in one, save the default one: two readings of one document.
        raise DecodeError("the XML has a namespace, which no answer has: refused")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > MAXIMUM_ELEMENTS:
            raise DecodeError(f"the XML has more than {MAXIMUM_ELEMENTS} elements")
        if len(tag) > MAXIMUM_NAME:
            raise DecodeError(f"the XML has a name of more than {MAXIMUM_NAME} letters")
        if len(attributes) > MAXIMUM_ATTRIBUTES:
            raise DecodeError(
                f"the XML has an element of more than {MAXIMUM_ATTRIBUTES} attributes"
            )
        if tag.startswith("{"):
            # The prefix "xml" is in a namespace without being declared.
            self.start_ns("", "")
        if len(self._open) == MAXIMUM_DEPTH:
            raise DecodeError(f"the XML is nested deeper than {MAXIMUM_DEPTH} levels")
        self._open.append(_Open())

    def data(self, text: str) -> None:
        # Only what stands before the first child is an element's own text.
        if not self._open[-1].children:
            self._open[-1].texts.append(text)

    def end(self, tag: str) -> None:
        value = self._open.pop().value()
        if self._open:
            self._open[-1].children.setdefault(tag, []).append(value)
        else:
            self._root = value

    def close(self) -> Any:
        return self._root


class _Open:
    """An element that has begun: its own text, and its children's values by name."""

    __slots__ = ("children", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.children: dict[str, list[Any]] = {}

    def value(self) -> Any:
        text = "".join(self.texts)
        if text.strip() or not self.children:
            return text
        return {tag: found[0] if len(found) == 1 else found for tag, found in self.children.items()}


def _parse(text: str) -> Any:
    # Loaded with the first XML: programs for v3 alone never need it.
    from xml.etree import ElementTree

    parser = ElementTree.XMLParser(target=_Reader(), encoding="utf-8")  # noqa: S314 - see _Reader
    parser.feed(text.encode())
    return parser.close()
