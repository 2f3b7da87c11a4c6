"""Nodes → classes, in Python source: what attributes, brackets and verbs lead to."""

from __future__ import annotations

from collections.abc import Iterator

from wechatpay_chain.openapi.calls import verbs
from wechatpay_chain.openapi.documents import Documents
from wechatpay_chain.openapi.tree import Node
from wechatpay_chain.protocol.segments import camel, snake

__all__ = ["attributes", "render"]


def render(node: Node, documents: Documents) -> str:
    """Return a node's class; the types that its verbs need go to `documents`."""
    base = "call.Node" if node.children else "call.Leaf"
    body = [*attributes(node), *_items(node), *verbs(node, documents)]
    return "\n".join([f"class {node.name}({base}):", *(body or ["    pass"])])


def attributes(node: Node) -> Iterator[str]:
    """Yield what attributes lead to, in snake_case and in PHP's camelCase if it differs."""
    for segment, child in node.children:
        names = (snake(node.path, segment), camel(node.path, segment))
        for name in dict.fromkeys(filter(None, names)):
            yield f"    {name}: {child.name}"


def _items(node: Node) -> Iterator[str]:
    """Yield what brackets lead to: a known segment, the value of a variable, or anything."""
    if not node.children:
        return
    for segment, child in node.children:
        yield _item(f'Literal["{segment}"]', child.name)
    if node.by_value is None:
        yield _item("call.Path", "Chain")
    else:
        yield _item("call.Segment", node.by_value.name)
        yield _item("Chain | call.Node", "Chain")


def _item(given: str, made: str) -> str:
    return f"    @overload\n    def __getitem__(self, path: {given}) -> {made}: ..."
