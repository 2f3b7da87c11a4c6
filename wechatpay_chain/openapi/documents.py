"""Trees of fields → TypedDicts, in Python source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import product

from wechatpay_chain.catalogue import Field
from wechatpay_chain.openapi.tree import pascal

_NAME = re.compile(r"\w+")

__all__ = ["Documents", "Kind", "typed_dict"]

_COUNTED = range(10)
"""What ``$n`` in the name of an XML field stands for: ``coupon_fee_$n`` is ``coupon_fee_0`` …"""


class Kind(Enum):
    """Where fields stand, which decides what may be given for them."""

    JSON = "json"
    QUERY = "query"
    XML = "xml"
    ANSWER = "answer"
    XML_ANSWER = "xml_answer"


_NUMBERS = {"integer": "int", "number": "float", "float": "float"}
_TYPES = {
    Kind.JSON: {"string": "call.Text", "boolean": "bool", **_NUMBERS},
    # On the wire these are text, so text will do.
    Kind.QUERY: {
        "string": "call.Text",
        "boolean": "bool | str",
        **{name: f"{kind} | str" for name, kind in _NUMBERS.items()},
    },
    Kind.XML: {
        "string": "str",
        "boolean": "bool | str",
        **{name: f"{kind} | str" for name, kind in _NUMBERS.items()},
    },
    Kind.ANSWER: {"string": "str", "boolean": "bool", **_NUMBERS},
    Kind.XML_ANSWER: {"string": "str", "boolean": "str", **dict.fromkeys(_NUMBERS, "str")},
}
_ON_THE_WIRE_TEXT = (Kind.QUERY, Kind.XML, Kind.XML_ANSWER)
_ANSWERS = (Kind.ANSWER, Kind.XML_ANSWER)
_TEXTS = {"call.Text": "call.Texts", "str": "call.Texts"}


@dataclass
class Documents:
    """The TypedDicts of one module, in the order in which they were asked for."""

    sources: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, fields: Iterable[Field], kind: Kind) -> str:
        """Add the TypedDict of some fields, and those below them; return its name.

        What an answer holds depends on how things stand, which the catalogue's flags do not
        tell: all its fields may be read.
        """
        items: dict[str, tuple[str, bool]] = {}
        for one in fields:
            made = self._type(f"{name}{pascal(one.name)}", one, kind)
            required = one.required or kind in _ANSWERS
            items |= dict.fromkeys(_counted(one.name), (made, required))
        return self.put(name, typed_dict(name, items))

    def put(self, name: str, source: str) -> str:
        """Add a class by its name.

        Raises:
            ValueError: there is another one of that name.
        """
        if self.sources.setdefault(name, source) != source:
            raise ValueError(f"{name} is two things")
        return name

    def qualify(self, kind: str, module: str) -> str:
        """Return a type as it is written outside of the module, which is known there by a name."""
        return _NAME.sub(
            lambda one: f"{module}.{one[0]}" if one[0] in self.sources else one[0], kind
        )

    def _type(self, name: str, one: Field, kind: Kind) -> str:
        if one.scalar == "object":
            made = self.add(name, one.fields, kind) if one.fields else "dict[str, Any]"
        elif one.enum:
            made = _enumerated(one, kind)
        else:
            made = _TYPES[kind][one.scalar]
        if not one.is_list:
            return made
        if kind in _ANSWERS:
            return f"list[{made}]"
        # A str is a sequence of str, and nobody means that.
        return _TEXTS.get(made) or f"Sequence[{made}]"


def typed_dict(name: str, items: dict[str, tuple[str, bool]], base: str = "TypedDict") -> str:
    """Return a TypedDict's source, of names with their types and whether they are required."""
    typed = {
        key: kind if required else f"NotRequired[{kind}]" for key, (kind, required) in items.items()
    }
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in typed):
        lines = [f"    {key}: {kind}" for key, kind in typed.items()] or ["    pass"]
        return "\n".join([f"class {name}({base}):", *lines])
    rows = "".join(f'    "{key}": {kind},\n' for key, kind in typed.items())
    return f'{name} = TypedDict("{name}", {{\n{rows}}})'


def _enumerated(one: Field, kind: Kind) -> str:
    values: list[str] = []
    for value in one.enum:
        # One field that is documented as a number has names for values.
        is_number = one.scalar in _NUMBERS and value.lstrip("-").isdecimal()
        if is_number and kind is not Kind.XML_ANSWER:
            values.append(str(int(value)))
        if not is_number or kind in _ON_THE_WIRE_TEXT:
            values.append(f'"{value}"')
    literal = f"Literal[{', '.join(values)}]"
    if kind not in _ANSWERS:
        return literal
    # WeChat Pay adds values without notice; the known ones are there to be completed.
    return f"{literal} | {_TYPES[kind][one.scalar]}"


def _counted(name: str) -> Iterator[str]:
    holes = [hole for hole in ("$n", "$m") if hole in name]
    for numbers in product(_COUNTED, repeat=len(holes)):
        made = name
        for hole, number in zip(holes, numbers, strict=True):
            made = made.replace(hole, str(number))
        yield made
