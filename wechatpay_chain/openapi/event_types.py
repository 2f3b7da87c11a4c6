"""Events → the TypedDicts of their resources, and what registers handlers by them, in source.

A handler keeps its own type: what it is registered for says only what it must take. So each
event has a type variable, bound by what a handler of it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wechatpay_chain.catalogue.events import PROTOCOLS, EventFacts
from wechatpay_chain.openapi.documents import Documents, Kind
from wechatpay_chain.openapi.tree import pascal

__all__ = ["MODULE", "handlers", "name_of", "resources"]

MODULE = "t"
"""What the module of handlers calls that of the TypedDicts."""

_ANY = "Any"


def resources(events: Iterable[EventFacts]) -> list[str]:
    """Return the classes of the events' resources."""
    documents = Documents()
    for one in events:
        kind = Kind.XML_ANSWER if one.protocol == "v2" else Kind.ANSWER
        documents.add(name_of(one), one.fields, kind)
    return list(documents.sources.values())


def name_of(event: EventFacts) -> str:
    """Return the name of an event's resource: `RefundSuccess`, `V2RefundProcessed`."""
    words = event.type.lower().replace(".", "_").replace("-", "_")
    # The only events of v2 that have a type of their own are those of WeChat Pay Score.
    prefix = {"v3": "", "v2": "V2Payscore" if event.has_type else "V2"}[event.protocol]
    return prefix + pascal(words)


def handlers(events: Iterable[EventFacts]) -> list[str]:
    """Return the classes that know events by their types: `Handlers` and `Typed`."""
    known = list(events)
    names = Counter(one.type for one in known)
    bounds = [
        f'{name_of(one)} = TypeVar("{name_of(one)}", bound={_handler(f"{MODULE}.{name_of(one)}")})'
        for one in known
    ]
    return [
        f'H = TypeVar("H", bound={_handler(_ANY)})',
        *bounds,
        "class Handlers:",
        '    """What takes handlers: each must take the event that it is for."""',
        *(_on(one, is_only=names[one.type] == 1) for one in known),
        _REST_OF_ON,
        "class Typed:",
        '    """What may be an event of a known type."""',
        *(_as_a(one, is_only=names[one.type] == 1) for one in known),
        _REST_OF_AS_A,
    ]


def _handler(resource: str) -> str:
    return f"Callable[[Event[{resource}]], object]"


def _on(event: EventFacts, *, is_only: bool) -> str:
    name = name_of(event)
    return (
        f'    @overload\n    def on(self, type: Literal["{event.type}"], /, *, '
        f"{_protocol(event, is_only=is_only)}) -> Callable[[{name}], {name}]:\n"
        f'        """{event.name}"""'
    )


def _as_a(event: EventFacts, *, is_only: bool) -> str:
    return (
        f'    @overload\n    def as_a(self, type: Literal["{event.type}"], '
        f"{_protocol(event, is_only=is_only)}) -> Event[{MODULE}.{name_of(event)}] | None:\n"
        f'        """{event.name}"""'
    )


def _protocol(event: EventFacts, *, is_only: bool) -> str:
    """Return how the protocol is told: a name of both means that of the first without it."""
    is_meant = is_only or event.protocol == PROTOCOLS[0]
    return f'protocol: Literal["{event.protocol}"]' + (" | None = None" if is_meant else "")


_REST_OF_ON = '''\
    @overload
    def on(self, *patterns: str, protocol: str | None = None) -> Callable[[H], H]:
        """Register a handler for several types, for ``"REFUND.*"``, or for a new type."""'''

_REST_OF_AS_A = '''\
    @overload
    def as_a(self, type: str, protocol: str | None = None) -> Event[Any] | None:
        """Return the event itself if it is of a type, else None."""'''
