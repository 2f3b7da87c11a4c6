"""What a look-up came to: shown to a person, or as a document to a program."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wechatpay_chain.catalogue import Description, Match, Operation, samples
from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.catalogue.layout import Line
from wechatpay_chain.catalogue.searching import Group
from wechatpay_chain.cli.paper import Surface

__all__ = ["Finding"]

_HEADS = ("method", "name", "path", "found in")
_NAMES = 3
"""Names of operations that tell what a group is about."""


@dataclass(frozen=True)
class Finding:
    """Operations or events to be described, operations that match, groups, or near misses."""

    words: Sequence[str] = ()
    matches: Sequence[Match] = ()
    operations: tuple[Operation, ...] = ()
    events: tuple[EventFacts, ...] = ()
    groups: tuple[Group, ...] = ()
    suggestions: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.matches or self.operations or self.events or self.groups)

    @property
    def problem(self) -> str:
        """What to say when nothing was found."""
        asked = " ".join(self.words)
        if self.suggestions:
            return f"nothing matches {asked!r}: did you mean {' or '.join(self.suggestions)}?"
        if len(self.words) > 1:
            return f"nothing matches all of {asked!r}: try fewer words"
        return f"nothing matches {asked!r}: without words, the command lists all groups"

    def show(self, surface: Surface, limit: int | None) -> None:
        """Show it to a person; of several matches at most so many."""
        if self.operations or self.events:
            described = Description(self.operations, self.events)
            surface.lines(described.lines(surface.columns))
        elif self.groups:
            surface.table(("group", "operations", "such as"), [_group(one) for one in self.groups])
        else:
            rows = [_row(one) for one in self.matches[:limit]]
            # Names and paths show by themselves where the words are.
            columns = 4 if any(any(one.fields) for one in self.matches[:limit]) else 3
            surface.table(_HEADS[:columns], [row[:columns] for row in rows])
        surface.lines(self._hints(limit))

    @property
    def document(self) -> dict[str, Any]:
        """The same for a program; everything, whatever the limit."""
        return {
            "words": list(self.words),
            "matches": [_match(one) for one in self.matches],
            "operations": [_operation(one) for one in self.operations],
            "events": [_event(one) for one in self.events],
            "groups": [{"path": one.path, "operations": one.count} for one in self.groups],
            "suggestions": list(self.suggestions),
        }

    def _hints(self, limit: int | None) -> Iterator[Line]:
        """Yield the last lines: how to see more."""
        hint = ""
        if self.groups:
            hint = "see one: wechatpay-chain api v3/refund; or search: wechatpay-chain api 退款"
        elif len(self.matches) > 1 and self.operations:
            others = len(self.matches) - 1
            hint = f"{others} more match: wechatpay-chain api --all {shlex.join(self.words)}"
        elif self.matches and not self.operations:
            first = self.matches[0]
            hint = f"see one: wechatpay-chain api {first.method} {first.path}"
            if limit is not None and len(self.matches) > limit:
                hint = f"{limit} of {len(self.matches)}, --all lists them; {hint}"
        if hint:
            yield ()
            yield (("label", hint),)


def _row(match: Match) -> tuple[tuple[str, str], ...]:
    name = f"{match.name} (deprecated)" if match.deprecated else match.name
    return (
        ("method", match.method),
        ("warning" if match.deprecated else "", name),
        ("path", match.path),
        ("label", match.where),
    )


def _group(group: Group) -> tuple[tuple[str, str], ...]:
    names = "、".join(group.names[:_NAMES]) + ("…" if len(group.names) > _NAMES else "")
    return ("path", group.path), ("", f"{group.count:>3}"), ("label", names)


def _match(match: Match) -> dict[str, Any]:
    return {
        "method": match.method,
        "path": match.path,
        "name": match.name,
        "found_in": match.where,
        "deprecated": match.deprecated,
    }


def _event(event: EventFacts) -> dict[str, Any]:
    return {
        "protocol": event.protocol,
        "type": event.type,
        "name": event.name,
        "original_types": list(event.original_types),
        "fields": [asdict(one) for one in event.fields],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    limit = operation.rate_limit
    return {
        "method": operation.method,
        "path": operation.path,
        "name": operation.name,
        "base_uri": operation.base_uri,
        "client_certificate": operation.client_certificate,
        "nonceless": operation.nonceless,
        "download": operation.download,
        "upload": operation.upload,
        "deprecated": operation.deprecated,
        "rate_limit": {"calls": limit.calls, "seconds": limit.seconds} if limit else None,
        "reentrant": operation.reentrant,
        "reentrant_days": operation.reentrant_days,
        "docs": list(operation.docs),
        "request": [asdict(one) for one in operation.request],
        "response": [asdict(one) for one in operation.response],
        "python": samples.python(operation),
        "php": samples.php(operation),
    }
