"""XML of the v2 protocol, read as strictly and written in the same way as WeChat Pay does.

A request is one level of fields below ``<xml>``; a few answers have more. Nothing
is fetched, nothing expands: a document type or an entity is refused on sight.
Written a second time on purpose, as `signing` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, TypeAlias
from xml.parsers import expat

__all__ = ["MAXIMUM_SIZE", "XmlNode", "XmlValue", "parse_xml", "write_xml"]

XmlNode: TypeAlias = str | Mapping[str, "XmlValue"]
XmlValue: TypeAlias = XmlNode | list[XmlNode]
"""What an element holds: text, or elements of its own; a list stands for several elements."""

MAXIMUM_SIZE = 1024 * 1024


def parse_xml(body: bytes) -> dict[str, str]:
    """Return the fields of a request; raise ValueError, which quotes nothing, for anything odd."""
    if len(body) > MAXIMUM_SIZE:
        raise ValueError(f"the body is larger than {MAXIMUM_SIZE} bytes")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ValueError(f"the body is not XML at character {error.offset}") from None
    return reader.fields


class _Reader:
    """What expat calls on its way through a document."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._open: list[str] = []
        self._text: list[str] = []
        # Whatever the document declares of its encoding, UTF-8 is what the protocol says.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _doctype(self, *declared: object) -> NoReturn:
        raise ValueError("the body declares a document type")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._open and name != "xml":
            raise ValueError("the root element is not xml")
        if len(self._open) == 2:
            raise ValueError("the body is nested deeper than one level of fields")
        if len(self._open) == 1 and name in self.fields:
            raise ValueError("the body names a field twice")
        self._open.append(name)
        self._text = []

    def _end(self, name: str) -> None:
        self._open.pop()
        if self._open:
            self.fields[name] = "".join(self._text)
        self._text = []

    def _characters(self, text: str) -> None:
        if len(self._open) == 1 and text.strip():
            raise ValueError("the body has text between its fields")
        self._text.append(text)


def write_xml(fields: Mapping[str, XmlValue]) -> bytes:
    """Write fields in their order; values that are not plain numbers go into CDATA sections."""
    return f"<xml>{_elements(fields).rstrip()}</xml>".encode()


def _elements(fields: Mapping[str, XmlValue]) -> str:
    return "".join(
        f"<{name}>{_value(one)}</{name}>\n"
        for name, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _value(value: XmlNode) -> str:
    if not isinstance(value, str):
        return _elements(value)
    if value.isascii() and value.isdigit():
        return value
    # A section cannot hold its own end, so it is split there.
    return "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
