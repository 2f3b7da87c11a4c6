"""The PHP SDK's ``Transformer`` in Python's spelling: XML ↔ dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.protocol import transformer

__all__ = ["Transformer"]


class Transformer:
    """XML as v2 speaks it: written as the PHP SDK does, read more strictly."""

    @staticmethod
    def to_array(xml: str | bytes = "<xml/>") -> dict[str, Any]:
        """Return the children of an XML document's root as a dictionary.

        Raises:
            DecodeError: no XML, too large or deep, in another encoding than UTF-8, or with a
                document type.
        """
        return transformer.to_array(xml)

    @staticmethod
    def to_xml(
        data: Mapping[Any, Any],
        headless: bool = True,
        indent: bool = False,
        root: str = "xml",
        item: str = "item",
    ) -> str:
        """Return the XML document of a mapping; lists become repeated `item` elements.

        Args:
            data: texts, numbers, booleans, None, mappings and lists, nested as deep as wanted.
            headless: leave out the ``<?xml …?>`` declaration.
            indent: put each element on a line of its own.
            root: the name of the root element.
            item: the name of a list's elements, and of those whose key is no XML name.

        Raises:
            RequestError: a value has no form in XML, or holds a control character.
        """
        return transformer.to_xml(data, headless=headless, indent=indent, root=root, item=item)

    @staticmethod
    def sanitize(xml: str = "<xml/>") -> str:
        """Return a text without the control characters that XML does not allow."""
        return transformer.sanitize(xml)
