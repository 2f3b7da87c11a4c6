"""``wechatpay-chain demo``: one call in all its spellings, against a gateway of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from wechatpay_chain import Client
from wechatpay_chain.cli import evidence
from wechatpay_chain.cli.console import Output
from wechatpay_chain.cli.evidence import Finding, Seen
from wechatpay_chain.cli.report import Document, Face, Plain, Terminal
from wechatpay_chain.cli.spellings import FORGED, ORDER, PROBE, QUERY, REFUSED, SPELLINGS, Spelling
from wechatpay_chain.cli.summary import summarise
from wechatpay_chain.sandbox import Sandbox

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="make one call in all its spellings, and prove what happened",
        description="Starts a gateway on this machine, calls it in PHP's six spellings and in "
        "Python's, and checks what went over the wire. Exits with 1 if a check fails.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return 0 if every check holds."""
    face = _face(arguments.json)
    with face.working("making keys for one merchant and for WeChat Pay"):
        gateway = Sandbox()
    with gateway:
        serial = gateway.identity.public_key.serial
        face.begin(gateway.base_uri, ORDER, serial)
        watched: list[Seen] = []
        findings: list[Finding] = []
        with gateway.client() as client:
            for finding in _findings(face, gateway, client, serial, watched):
                findings.append(finding)
                face.finding(finding)
        summary = summarise(gateway, watched, findings)
        face.end(summary)
    return 0 if summary.passed else 1


def _findings(
    face: Face, gateway: Sandbox, client: Client, serial: str, watched: list[Seen]
) -> Iterator[Finding]:
    """Make one call after the other and judge it."""

    def watch(spelling: Spelling, number: str | None = None) -> Seen:
        order = {**ORDER, "out_request_no": number} if number else ORDER
        with face.working(spelling.title):
            seen = evidence.watch(spelling, gateway, client, order, serial)
        watched.append(seen)
        return seen

    for spelling in SPELLINGS:
        yield evidence.call(watch(spelling))
    yield evidence.refusal(watch(REFUSED))
    gateway.misbehave("bad-signature")
    yield evidence.forgery(watch(FORGED, "example_forged"), probe=False)
    yield evidence.query(watch(QUERY, "example_forged"))
    gateway.misbehave("probe")
    yield evidence.forgery(watch(PROBE, "example_probe"), probe=True)


def _face(as_json: bool) -> Face:
    if as_json:
        return Document()
    console = Output(highlight=False, markup=False, emoji=False)
    return Terminal(console) if console.is_terminal else Plain(console)
