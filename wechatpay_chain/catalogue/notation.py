"""The notation that the data files are written in: text ⇄ `Operation`, or ⇄ a tree of fields.

    POST v3/aggracct-bc/wb-channel/control-orders/punish
    name: 发起微众台账管控
    rate_limit: 200/60
    doc: https://pay.weixin.qq.com/doc/v3/merchant/4016025247
    request
      json*: object
        out_request_no*: string
        bal_account_no*: string encrypted
        req_scene: string = SJT_MICRO_MERCHANT | WX_SHOP
    response
      wxpay_punish_no*: string

A field is a line, so that a change of one field is a change of one line. A star
says that it is required; its fields are indented below it. An empty line ends an
operation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from wechatpay_chain.catalogue.operation import FLAGS, Field, Operation, RateLimit

__all__ = ["parse", "parse_fields", "render", "render_fields", "sections", "split"]

_FIELD = re.compile(
    r"(?P<indent> *)(?P<name>.+?)(?P<star>\*?): (?P<type>\S+)(?P<encrypted> encrypted)?"
    r"(?: = (?P<enum>.+))?"
)
_YES = "yes"


def split(text: str) -> Iterator[tuple[str, str]]:
    """Yield (heading, block) for every operation in a file; a heading is ``METHOD path``."""
    for block in text.split("\n\n"):
        if block.strip():
            yield block.partition("\n")[0], block


def parse(block: str) -> Operation:
    """Return the operation that a block describes."""
    head, facts, trees = sections(block, ("request", "response"))
    method, _, path = head.partition(" ")
    limit = facts.get("rate_limit")
    reentrant = facts.get("reentrant", [None])[0]
    return Operation(
        method,
        path,
        facts["name"][0],
        request=parse_fields(trees["request"]),
        response=parse_fields(trees["response"]),
        docs=tuple(facts.get("doc", ())),
        base_uri=facts.get("base_uri", [None])[0],
        rate_limit=RateLimit(*map(int, limit[0].split("/"))) if limit else None,
        reentrant=reentrant is not None,
        reentrant_days=int(reentrant) if reentrant and reentrant != _YES else None,
        **{flag: flag in facts for flag in FLAGS},
    )


def render(operation: Operation) -> str:
    """Return the block that describes an operation, the inverse of `parse`."""
    lines = [f"{operation.method} {operation.path}", f"name: {operation.name}"]
    if operation.base_uri:
        lines.append(f"base_uri: {operation.base_uri}")
    lines += [f"{flag}: {_YES}" for flag in FLAGS if getattr(operation, flag)]
    if operation.rate_limit:
        lines.append(f"rate_limit: {operation.rate_limit.calls}/{operation.rate_limit.seconds}")
    if operation.reentrant:
        lines.append(f"reentrant: {operation.reentrant_days or _YES}")
    lines += [f"doc: {doc}" for doc in operation.docs]
    for title, fields in (("request", operation.request), ("response", operation.response)):
        if fields:
            lines += [title, *render_fields(fields)]
    return "\n".join(lines) + "\n"


def sections(
    block: str, titles: Collection[str]
) -> tuple[str, dict[str, list[str]], dict[str, list[str]]]:
    """Return a block's heading, its facts by name, and the lines of each tree by its title."""
    head, *lines = block.splitlines()
    facts: dict[str, list[str]] = {}
    trees: dict[str, list[str]] = {title: [] for title in titles}
    tree: list[str] | None = None
    for line in lines:
        if line in trees:
            tree = trees[line]
        elif tree is not None:
            tree.append(line)
        else:
            key, _, value = line.partition(": ")
            facts.setdefault(key, []).append(value)
    return head, facts, trees


def render_fields(fields: tuple[Field, ...], depth: int = 1) -> Iterator[str]:
    """Yield a line for each field, the inverse of `parse_fields`."""
    for field in fields:
        star = "*" if field.required else ""
        encrypted = " encrypted" if field.encrypted else ""
        enum = f" = {' | '.join(field.enum)}" if field.enum else ""
        yield f"{'  ' * depth}{field.name}{star}: {field.type}{encrypted}{enum}"
        yield from render_fields(field.fields, depth + 1)


def parse_fields(lines: list[str]) -> tuple[Field, ...]:
    """Return the fields that indented lines describe."""
    # What is still open, outermost first: the fields so far of each depth.
    open_fields: list[list[Field]] = [[]]
    heads: list[re.Match[str]] = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise ValueError(f"the catalogue has a line that is no field: {line!r}")
        _close(open_fields, heads, len(found["indent"]) // 2 - 1)
        heads.append(found)
        open_fields.append([])
    _close(open_fields, heads, 0)
    return tuple(open_fields[0])


def _close(open_fields: list[list[Field]], heads: list[re.Match[str]], depth: int) -> None:
    """Finish the fields that are deeper than, or as deep as, the next one."""
    while len(heads) > depth:
        inner, head = tuple(open_fields.pop()), heads.pop()
        enum = tuple(head["enum"].split(" | ")) if head["enum"] else ()
        open_fields[-1].append(
            Field(
                head["name"],
                head["type"],
                required=bool(head["star"]),
                encrypted=bool(head["encrypted"]),
                enum=enum,
                fields=inner,
            )
        )
