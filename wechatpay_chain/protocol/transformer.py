"""XML → dictionaries, refusing whatever an answer of WeChat Pay never has.

A document type, an entity, excessive depth or size is refused by name before
anything is built from it. Nothing outside the document is ever read.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from wechatpay_chain.errors import DecodeError

__all__ = ["MAXIMUM_DEPTH", "MAXIMUM_SIZE", "to_array"]

MAXIMUM_DEPTH = 64
MAXIMUM_SIZE = 8 * 1024 * 1024

# What XML 1.0 does not allow, less what only encoding errors could bring in.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def to_array(xml: bytes | str) -> dict[str, Any]:
    """Return the children of an XML document's root as a dictionary.

    Text stays text, an empty element is ``''``, an element that is there more
    than once a list; attributes are ignored and control characters dropped.

    Raises:
        DecodeError: no XML, too large or deep, or with a document type.
    """
    if len(xml) > MAXIMUM_SIZE:
        raise DecodeError(f"the XML is larger than {MAXIMUM_SIZE} bytes")
    try:
        text = xml.decode("utf-8") if isinstance(xml, bytes) else xml
        root = _parse(_CONTROL.sub("", text))
    except (UnicodeError, ElementTree.ParseError, LookupError, ValueError):
        raise DecodeError("the body is no well-formed UTF-8 XML") from None
    value = _value(root)
    return value if isinstance(value, dict) else {}


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree, refusing a document type on sight and counting depth on the way."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DecodeError("the XML declares a document type, which no answer has: refused")

    def start(self, tag: Any, attrs: Any) -> ElementTree.Element:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise DecodeError(f"the XML is nested deeper than {MAXIMUM_DEPTH} levels")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def _parse(text: str) -> ElementTree.Element:
    # The encoding is settled: a declaration that says otherwise must not be obeyed.
    parser = ElementTree.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314
    parser.feed(text.encode())
    root: ElementTree.Element = parser.close()
    return root


def _value(element: ElementTree.Element) -> Any:
    text = element.text or ""
    if text.strip() or not len(element):
        return text
    found: dict[str, Any] = {}
    for child in element:
        value = _value(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], _Repeated):
            found[child.tag].append(value)
        else:
            found[child.tag] = _Repeated([found[child.tag], value])
    return {
        tag: list(value) if isinstance(value, _Repeated) else value for tag, value in found.items()
    }


class _Repeated(list[Any]):
    """Values of an element that is there more than once, told from a value that is a list."""
