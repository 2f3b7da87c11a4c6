"""Facts on callbacks (回调通知): which there are, and the fields of what each brings.

The two files, one a protocol, are made by `build` and read when the first event is
looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from wechatpay_chain.catalogue.notation import parse_fields, sections, split
from wechatpay_chain.catalogue.operation import Field, FieldPath, walk

__all__ = ["PROTOCOLS", "EventFacts", "events", "find", "parse", "recognise", "texts"]

PROTOCOLS = ("v3", "v2")
"""The protocols, the one that a name without a protocol means first."""

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class EventFacts:
    """One kind of callback, as documented.

    A v2 callback without an ``event_type`` has a name of this catalogue's for its type.

    Attributes:
        protocol: ``v3``, whose callbacks are JSON, or ``v2``, whose are XML.
        type: the ``event_type``, such as ``TRANSACTION.SUCCESS``.
        name: what WeChat Pay calls it.
        fields: those of the resource, opened. In v2 those of the XML without its sign, and what
            was encrypted in it beside them.
        original_types: what the resource may say of itself (``original_type``), if documented.
        also: other values that the callback's ``event_type`` may have.
        moved_to: the type that has taken this one's place, whose fields it has.
        envelope: in v2 the fields of the XML as it arrives.
        cipher: in v2 the field of the envelope that is encrypted, if one is.
    """

    protocol: str
    type: str
    name: str
    fields: tuple[Field, ...] = field(repr=False, default=())
    original_types: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    moved_to: str | None = None
    envelope: tuple[Field, ...] = field(repr=False, default=())
    cipher: str | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {self.type}"

    @property
    def resource_name(self) -> str:
        """The name of the resource's type for type checkers: `RefundSuccess`."""
        words = re.split(r"[^a-z0-9]+", self.type.lower())
        # The only events of v2 that have a type of their own are those of WeChat Pay Score.
        prefix = {"v3": "", "v2": "V2Payscore" if self.has_type else "V2"}[self.protocol]
        return prefix + "".join(map(str.capitalize, words))

    @cached_property
    def encrypted(self) -> tuple[FieldPath, ...]:
        """The fields of the resource that are encrypted for the merchant's key, once more."""
        return tuple(path for path, one in walk(self.fields) if one.encrypted)

    @property
    def is_signed(self) -> bool:
        """Whether a callback proves who sent it: v2's refund notification (退款结果通知) does not.

        Its encrypted part is under a key that WeChat Pay and the merchant share.
        """
        return self.protocol != "v2" or any(one.name == "sign" for one in self.envelope)

    @property
    def sign_types(self) -> tuple[str, ...]:
        """In v2 the algorithms that are documented; with none either one may have been used."""
        named = {one.name: one.enum for one in self.envelope}
        return named.get("sign_type") or named.get("algorithm") or ()

    @property
    def has_type(self) -> bool:
        """Whether a callback says of itself what it is, as all but most of v2's do."""
        return self.protocol != "v2" or any(one.name == "event_type" for one in self.envelope)


def events(protocol: str | None = None) -> Iterator[EventFacts]:
    """Yield every known event, or a protocol's, in the order of types."""
    for version in PROTOCOLS if protocol is None else (protocol,):
        for type_ in _blocks(version):
            found = _event(version, type_)
            if found is not None:
                yield found


def find(type: str, protocol: str | None = None) -> EventFacts | None:  # noqa: A002
    """Return what is known of an event; None if nothing is.

    Two names are events of both protocols. Without a protocol they mean v3's.
    """
    for version in PROTOCOLS if protocol is None else (protocol,):
        found = _event(version, type)
        if found is not None:
            return found
    return None


def recognise(fields: Mapping[str, object]) -> EventFacts | None:
    """Return which v2 event an XML document is; None for one that has nothing of any.

    Most do not say what they are, so the fields that no other event has tell.
    """
    named = fields.get("event_type")
    if isinstance(named, str):
        return find(named, "v2")
    weighed = [(sum(name in fields for name in marks), one) for one, marks in _marks()]
    weight, best = max(weighed, key=lambda pair: pair[0])
    return best if weight else None


def parse(block: str) -> EventFacts:
    """Return the event that a block of a data file describes; `build` writes such blocks."""
    heading, facts, trees = sections(block, ("envelope", "resource"))
    protocol, _, type_ = heading.partition(" ")
    envelope, inside = parse_fields(trees["envelope"]), parse_fields(trees["resource"])
    cipher = facts.get("cipher", [None])[0]
    inner = {one.name for one in inside} | {"sign", cipher}
    return EventFacts(
        protocol,
        type_,
        facts["name"][0],
        fields=(*(one for one in envelope if one.name not in inner), *inside),
        original_types=tuple(facts.get("original_type", ())),
        also=tuple(facts.get("also", ())),
        moved_to=facts.get("moved_to", [None])[0],
        envelope=envelope,
        cipher=cipher,
    )


def texts() -> Iterator[str]:
    """Yield the text of each file."""
    return (_text(version) for version in PROTOCOLS)


@cache
def _event(version: str, type_: str) -> EventFacts | None:
    block = _blocks(version).get(type_)
    return None if block is None else parse(block)


@cache
def _blocks(version: str) -> Mapping[str, str]:
    """Return the text of each event of a protocol by its type."""
    if version not in PROTOCOLS:
        return {}
    return {heading.split(" ", 1)[1]: block for heading, block in split(_text(version))}


@cache
def _marks() -> list[tuple[EventFacts, frozenset[str]]]:
    """Return the events of v2 that do not say what they are, each with the names it alone has."""
    nameless = [one for one in events("v2") if not one.has_type]
    names = [{named.name for named in one.envelope} for one in nameless]
    return [
        (one, frozenset(own.difference(*(other for other in names if other is not own))))
        for one, own in zip(nameless, names, strict=True)
    ]


def _text(version: str) -> str:
    return (_DATA / f"events-{version}.txt").read_text("utf-8")
