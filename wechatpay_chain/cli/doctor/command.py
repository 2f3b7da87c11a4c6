"""The command itself: every check in its order, and what they find as it is found."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

from wechatpay_chain.catalogue.layout import Line
from wechatpay_chain.cli import argument_types, profile
from wechatpay_chain.cli.doctor import callback, gateway, keys, machine, secrets
from wechatpay_chain.cli.doctor.examination import Check, Examination, Result, State, fault
from wechatpay_chain.cli.output import print_document, surface
from wechatpay_chain.cli.profile import open_profile
from wechatpay_chain.cli.streams import one_line, progress
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import KeyFileWarning

__all__ = ["CHECKS", "add", "examine"]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("packages", machine.versions),
    ("extras", machine.extras),
    ("settings", machine.settings),
    ("the private key", keys.private_key),
    ("the serial", keys.serial),
    ("the merchant's certificate", keys.merchant_certificate),
    ("WeChat Pay's keys", keys.platform_keys),
    ("the APIv3 key", keys.apiv3_key),
    ("the APIv2 key", keys.secret),
    ("proxies", machine.proxies),
    ("the gateway and its clock", gateway.gateway),
    ("signatures and encryption", gateway.signature),
    ("certificates", secrets.certificates),
    ("the XML protocol", secrets.xml_protocol),
    ("the callback", callback.callback),
)
"""What is looked at, in this order: a later check may build on what an earlier one loaded."""

_ROLES = {
    State.OK: "method",
    State.WARNING: "warning",
    State.FAULT: "required",
    State.SKIPPED: "label",
}
_STATE_WIDTH, _CHECK_WIDTH = 7, 13


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="check a set-up: keys, clock, signature, callback (自检)",
        description="Looks at settings, keys and certificates, asks the gateway for an echo, and "
        "posts something unsigned to the callback address, which must refuse it. Nothing that it "
        "sends changes anything.",
        epilog="Exits with 1 if there is a fault.",
    )
    parser.add_argument("--notify-url", metavar="URL", help="the callback address to look at")
    parser.add_argument(
        "--timeout",
        type=argument_types.seconds,
        default=10.0,
        metavar="SECONDS",
        help="of each step (10)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    profile.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what is found; return 1 if there is a fault in it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KeyFileWarning)
        told = _Told(arguments.json)
        try:
            settings = open_profile(arguments)
        except ConfigurationError as error:
            result = fault("settings", str(error), "mend the profile file, or name another")
            told.tell(result)
            told.finish([result], {})
            return 1
        about = Examination(settings, arguments.notify_url, arguments.timeout)
        for result in examine(about):
            told.tell(result)
        # Of files with secrets that are no keys of ours, each of which warns by itself.
        told_of = [str(one.message) for one in caught if one.category is KeyFileWarning]
        for text in dict.fromkeys(told_of):
            message, _, advice = text.rpartition(": ")
            result = Result("files", State.WARNING, message, advice)
            about.results.append(result)
            told.tell(result)
    told.finish(about.results, settings.origins)
    return int(about.has_fault())


def examine(about: Examination) -> Iterator[Result]:
    """Run every check, one after the other; yield what each finds as soon as it is found."""
    try:
        for what, check in CHECKS:
            with progress(f"looking at {what}"):
                found = list(check(about))
            about.results += found
            yield from found
    finally:
        about.close()


class _Told:
    """What is told as it comes: lines to a person, or all at the end to a program."""

    def __init__(self, as_document: bool) -> None:
        self._surface = None if as_document else surface()

    def tell(self, result: Result) -> None:
        if self._surface is not None:
            self._surface.lines([_line(result)])

    def finish(self, results: list[Result], origins: dict[str, str]) -> None:
        counts = {state: sum(one.state is state for one in results) for state in State}
        if self._surface is None:
            print_document(
                {
                    "passed": not counts[State.FAULT],
                    "counts": {str(state): count for state, count in counts.items()},
                    "findings": [
                        {
                            "check": one.check,
                            "state": str(one.state),
                            "message": one.message,
                            "advice": one.advice,
                        }
                        for one in results
                    ],
                    "settings": origins,
                }
            )
            return
        faults, alarms = counts[State.FAULT], counts[State.WARNING]
        words = f"{faults or 'no'} fault{'' if faults == 1 else 's'}, {alarms or 'no'} " + (
            "warning" if alarms == 1 else "warnings"
        )
        self._surface.lines([(), (("required" if faults else "method", words),)])


def _line(result: Result) -> Line:
    advice = f" → {one_line(result.advice)}" if result.advice else ""
    return (
        (_ROLES[result.state], f"{result.state:<{_STATE_WIDTH}}  "),
        ("title", f"{result.check:<{_CHECK_WIDTH}}  "),
        ("", one_line(result.message)),
        ("code", advice),
    )
