"""Events → the TypedDicts of their resources, and what registers handlers by them, in source.

A handler keeps its own type: what it is registered for says only what it must take. So each
event has a type variable, bound by what a handler of it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wechatpay_chain.catalogue.events import PROTOCOLS, EventFacts
from wechatpay_chain.openapi.documents import Documents, Kind

__all__ = ["MODULE", "handlers", "resources"]

MODULE = "t"
"""What the module of handlers calls that of the TypedDicts."""

_ANY = "Any"


def resources(events: Iterable[EventFacts]) -> list[str]:
    """Return the classes of the events' resources."""
    documents = Documents()
    for one in events:
        kind = Kind.XML_ANSWER if one.protocol == "v2" else Kind.ANSWER
        documents.add(one.resource_name, one.fields, kind)
    return list(documents.sources.values())


def handlers(events: Iterable[EventFacts]) -> list[str]:
    """Return the classes that know events by their types: `Handlers` and `Typed`."""
    known = list(events)
    names = Counter(one.type for one in known)
    return [
        _variable("H", _ANY),
        *(_variable(one.resource_name, f"{MODULE}.{one.resource_name}") for one in known),
        "class Handlers:",
        '    """What takes handlers: each must take the event that it is for."""',
        *(_on(one, is_only=names[one.type] == 1) for one in known),
        _REST_OF_ON,
        "class Typed:",
        '    """What may be an event of a known type."""',
        *(_as_a(one, is_only=names[one.type] == 1) for one in known),
        _REST_OF_AS_A,
    ]


def _variable(name: str, resource: str) -> str:
    return f'{name} = TypeVar("{name}", bound=Callable[[Event[{resource}]], Answer])'


def _on(event: EventFacts, *, is_only: bool) -> str:
    name = event.resource_name
    return (
        f'    @overload\n    def on(self, type: Literal["{event.type}"], /, *, '
        f"{_protocol(event, is_only=is_only)}) -> Callable[[{name}], {name}]:\n"
        f'        """{event.name}"""'
    )


def _as_a(event: EventFacts, *, is_only: bool) -> str:
    return (
        f'    @overload\n    def as_a(self, type: Literal["{event.type}"], '
        f"{_protocol(event, is_only=is_only)}) -> Event[{MODULE}.{event.resource_name}] | None:\n"
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
