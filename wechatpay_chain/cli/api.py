"""``wechatpay-chain api``: find an operation by words or path, and see what it needs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from wechatpay_chain.catalogue import Match, Operation, events, search
from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.catalogue.location import is_path, locate, nearest
from wechatpay_chain.catalogue.searching import groups, suggest
from wechatpay_chain.cli import argument_types
from wechatpay_chain.cli.finding import Finding
from wechatpay_chain.cli.output import print_document, surface
from wechatpay_chain.cli.streams import complain
from wechatpay_chain.protocol.methods import METHODS

__all__ = ["add"]

LIMIT = 20


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "api",
        help="find an operation by words or path (查接口)",
        description="Shows the operations that have every word, in the path (in any spelling), "
        "the Chinese name or the name of a field; of one operation, or of a callback's type, "
        "all that is known of it. "
        "Without words it lists the groups.",
        epilog="Examples: api 退款 · api punish · api v3/pay/transactions/native · "
        "api client.v3.pay.transactions.native · api bal_account_no · api --method GET 账单 · "
        "api REFUND.SUCCESS. Exits with 1 if nothing is found.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="words, a path, a URL, or an expression"
    )
    parser.add_argument("--method", type=argument_types.method, help="only this HTTP method")
    parser.add_argument(
        "--limit", type=_number, default=LIMIT, metavar="N", help=f"rows at most ({LIMIT})"
    )
    parser.add_argument("--all", action="store_true", help="list every match, as rows")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what is found; return 1 if that is nothing."""
    words, method = _read(arguments.words, arguments.method)
    finding = _find(words, method, arguments.all)
    if arguments.json:
        print_document(finding.document)
    elif finding.is_empty:
        complain(finding.problem)
    else:
        finding.show(surface(), None if arguments.all else arguments.limit)
    return int(finding.is_empty)


def _find(words: Sequence[str], method: str | None, everything: bool) -> Finding:
    if not words and method is None and not everything:
        return Finding(groups=tuple(groups()))
    meant = () if everything else _meant(words, method)
    called = () if everything or method else _called(words)
    if meant or called:
        return Finding(words, operations=meant, events=called)
    matches = search(words, method)
    if not matches:
        asked = [method, *words] if method else words
        return Finding(asked, suggestions=_suggestions(words))
    chosen = None if everything else _chosen(matches)
    return Finding(words, matches, operations=(chosen,) if chosen else ())


def _read(words: Sequence[str], method: str | None) -> tuple[list[str], str | None]:
    """Take a method that stands before a path for what it is."""
    if len(words) > 1 and words[0] in METHODS:
        return list(words[1:]), method or words[0]
    return list(words), method


def _meant(words: Sequence[str], method: str | None) -> tuple[Operation, ...]:
    """Return the operations at a path, if that is what was given."""
    text = " ".join(words)
    return locate(text, method) if is_path(text) else ()


def _called(words: Sequence[str]) -> tuple[EventFacts, ...]:
    """Return the callbacks of a type, if that is what was given: v3's and v2's may share one."""
    if len(words) != 1:
        return ()
    # v3's types are in capitals, and v2's names are not.
    types = dict.fromkeys((words[0], words[0].upper()))
    found = [events.find(type_, protocol) for protocol in events.PROTOCOLS for type_ in types]
    return tuple(event for event in found if event is not None)


def _chosen(matches: Sequence[Match]) -> Operation | None:
    """Return the one that is clearly meant: the only one, or the only one so called."""
    first, *others = matches
    return None if others and not (first.is_exact and not others[0].is_exact) else first.operation


def _suggestions(words: Sequence[str]) -> list[str]:
    paths = [word for word in words if is_path(word)]
    # Those at the path itself are of another method than was asked for.
    there = [str(one) for word in paths for one in locate(word)]
    return there or [path for word in paths for path in nearest(word)] or suggest(words)


def _number(text: str) -> int:
    limit = int(text)
    if limit < 1:
        raise argparse.ArgumentTypeError("at least one row must be shown")
    return limit
