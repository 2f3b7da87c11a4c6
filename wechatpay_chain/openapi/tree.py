"""The catalogue's paths as a tree, each node of which becomes one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.protocol.template import OPTIONAL

__all__ = ["Node", "grow", "pascal", "variable"]

Entry = tuple[tuple[str, ...], Operation]
"""The segments that are still to go to an operation, and the operation."""


@dataclass(frozen=True, slots=True)
class Node:
    """One path: a template, of whose variables those in `given` are values already.

    `by_value` is the node that a value leads to, where a variable is expected.
    """

    path: str
    given: frozenset[str]
    operations: tuple[Operation, ...]
    children: tuple[tuple[str, Node], ...]
    by_value: Node | None

    @property
    def name(self) -> str:
        """The class's name in its group's module: `TransactionsNative`, `…ByTransactionId`."""
        _, group, *below = self.path.split("/")
        return "".join(self._named(segment) for segment in below or [group])

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for _, child in self.children:
            yield from child.walk()
        if self.by_value is not None:
            yield from self.by_value.walk()

    def _named(self, segment: str) -> str:
        name = variable(segment)
        if name is None:
            # Two paths differ in nothing but a hyphen and an underscore.
            return "_".join(map(pascal, segment.split("_")))
        return ("Given" if name in self.given else "By") + pascal(name)


def grow(operations: Iterable[Operation]) -> Node:
    """Return the tree of all paths."""
    return _grow("", frozenset(), [(tuple(one.path.split("/")), one) for one in operations])


def variable(segment: str) -> str | None:
    """Return the name of the variable that a segment is; None if it is none."""
    return segment.strip("{}") if segment.startswith("{") else None


def pascal(name: str) -> str:
    """Return a name as a part of a class's name."""
    words = "".join(one if one.isalnum() else "_" for one in name).split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _grow(path: str, given: frozenset[str], entries: list[Entry]) -> Node:
    below: dict[str, list[Entry]] = {}
    for segments, operation in entries:
        if segments:
            below.setdefault(segments[0], []).append((segments[1:], operation))
    node = Node(
        path=path,
        given=given,
        operations=tuple(operation for segments, operation in entries if not segments),
        children=tuple((one, _grow(_join(path, one), given, below[one])) for one in sorted(below)),
        by_value=None,
    )
    return replace(node, by_value=_by_value(node, below))


def _by_value(node: Node, below: dict[str, list[Entry]]) -> Node | None:
    """Return the node of a value: whatever follows any of the variables that it may stand for."""
    # The stand-ins by which a path gets a trailing slash are no values.
    names = [name for name in map(variable, sorted(below)) if name and name not in OPTIONAL]
    entries = [entry for name in names for entry in below[f"{{{name}}}"]]
    twice = Counter((segments, operation.method) for segments, operation in entries)
    # Which of two operations is meant only their variables' names would tell.
    if not names or max(twice.values()) > 1:
        return None
    return _grow(_join(node.path, f"{{{names[0]}}}"), node.given | set(names), entries)


def _join(path: str, segment: str) -> str:
    return f"{path}/{segment}" if path else segment
