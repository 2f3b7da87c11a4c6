"""The demo's three faces: panels for a terminal, plain lines for a pipe, JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from wechatpay_chain.cli.evidence import ACCOUNT_FIELD, Check, Finding
from wechatpay_chain.cli.output import print_document
from wechatpay_chain.cli.spellings import Json
from wechatpay_chain.cli.streams import one_line
from wechatpay_chain.cli.summary import NEXT, Summary

__all__ = ["Document", "Face", "Plain", "Terminal", "code"]

_LINE = 76
_WIDEST = 100
"""Columns of a panel: wider ones are hard to read."""
_TITLE = "POST v3/aggracct-bc/wb-channel/control-orders/punish"
_WHAT = "发起微众台账管控: put a ledger account under control"


class Face(Protocol):
    """How the demo is shown."""

    def working(self, on: str) -> AbstractContextManager[Any]:
        """Show that something is being done."""
        ...

    def begin(self, base_uri: str, order: Json, serial: str) -> None:
        """Show what will be called."""

    def finding(self, finding: Finding) -> None:
        """Show a step and what is proved."""

    def end(self, summary: Summary) -> None:
        """Show what it all comes to."""


class Terminal:
    """Panels, in colour, with something that turns while work is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def working(self, on: str) -> AbstractContextManager[Any]:
        return self._console.status(Text(on, style="dim"))

    def begin(self, base_uri: str, order: Json, serial: str) -> None:
        body = Group(
            Text(_WHAT),
            Text(f"to a WeChat Pay gateway on this machine, {base_uri}", style="dim"),
            Text(),
            code(_given(order, serial)),
            Text(),
            _marked(Text(f"{ACCOUNT_FIELD} must leave encrypted."), "yellow", "!"),
        )
        self._panel(body, _TITLE, "cyan")

    def finding(self, finding: Finding) -> None:
        parts: list[RenderableType] = [code(finding.source), Text(), _facts(finding.facts)]
        if finding.problem:
            parts.append(Text(one_line(finding.problem), style="bold red"))
        if finding.note:
            parts += [Text(one_line(finding.note), style="yellow"), Text()]
        parts += _ticks(finding.checks, self._width - 4)
        style = "green" if finding.passed else "red"
        self._panel(Group(*parts), finding.title, style)

    def end(self, summary: Summary) -> None:
        table = Table.grid(padding=(0, 1))
        for check in summary.checks:
            mark, style = _mark(check)
            table.add_row(Text(mark, style=style), Text(check.name))
        following = Table.grid(padding=(0, 2))
        for what, why in NEXT:
            following.add_row(Text(what, style="bold"), Text(why, style="dim"))
        style = "green" if summary.passed else "red"
        title = "All checks passed" if summary.passed else "A check FAILED"
        self._panel(Group(table, Text(), Text("Next:"), following), title, style)

    def _panel(self, body: RenderableType, title: str, style: str) -> None:
        heading = Text(title, style="bold")
        panel = Panel(
            body, title=heading, title_align="left", border_style=style, width=self._width
        )
        self._console.print(panel)

    @property
    def _width(self) -> int:
        return min(self._console.width, _WIDEST)


class Plain:
    """Lines without colour or frames, none of them broken."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def working(self, on: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def begin(self, base_uri: str, order: Json, serial: str) -> None:
        self._say(_TITLE, f"{_WHAT}", f"to a WeChat Pay gateway on this machine, {base_uri}", "")
        self._say(*_indented(_given(order, serial)), "", f"{ACCOUNT_FIELD} must leave encrypted.")

    def finding(self, finding: Finding) -> None:
        self._say("", f"== {finding.title}", "", *_indented(finding.source), "")
        facts = [f"{name} {_shown(value)}" for name, value in finding.facts.items()]
        line = ", ".join(facts)
        self._say(*(f"  {fact}" for fact in ([line] if len(line) <= _LINE else facts) if fact))
        if finding.problem:
            self._say(f"  FAILED: {one_line(finding.problem)}")
        if finding.note:
            self._say(f"  {one_line(finding.note)}")
        self._say("  " + ", ".join(f"{_word(check)}: {check.name}" for check in finding.checks))

    def end(self, summary: Summary) -> None:
        self._say("", "== All checks passed" if summary.passed else "== A check FAILED", "")
        self._say(*(f"  {_word(check)}: {check.name}" for check in summary.checks), "")
        self._say(*(f"  next: {what} - {why}" for what, why in NEXT))

    def _say(self, *lines: str) -> None:
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)


class Document:
    """One JSON document, at the end."""

    def __init__(self) -> None:
        self._document: dict[str, Any] = {}
        self._steps: list[dict[str, Any]] = []

    def working(self, on: str) -> AbstractContextManager[Any]:
        return nullcontext()

    def begin(self, base_uri: str, order: Json, serial: str) -> None:
        self._document = {"base_uri": base_uri, "order": order, "serial": serial}

    def finding(self, finding: Finding) -> None:
        self._steps.append(
            {
                "kind": finding.kind,
                "title": finding.title,
                "source": finding.source,
                **finding.facts,
                "checks": {check.name: check.passed for check in finding.checks},
                "note": finding.note or None,
                "problem": finding.problem or None,
                "passed": finding.passed,
            }
        )

    def end(self, summary: Summary) -> None:
        document = {
            "passed": summary.passed,
            **self._document,
            "steps": self._steps,
            "summary": {
                **summary.counts,
                "checks": {check.name: check.passed for check in summary.checks},
            },
        }
        print_document(document)


def code(source: str) -> Syntax:
    """Return Python source in the terminal's own colours."""
    return Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True)


def _given(order: Json, serial: str) -> str:
    entries = "".join(f"    {json.dumps(k)}: {json.dumps(v)},\n" for k, v in order.items())
    return f'serial = "{serial}"\norder = {{\n{entries}}}'


def _facts(facts: Mapping[str, Any]) -> RenderableType:
    """Return facts in one line if they fit, else one below the other."""
    pairs = [(name, _shown(value)) for name, value in facts.items()]
    line = Text("   ").join(
        Text.assemble((name, "dim"), " ", (value, "bold")) for name, value in pairs
    )
    if cell_len(line.plain) <= _LINE:
        return line
    table = Table.grid(padding=(0, 2))
    for name, value in pairs:
        table.add_row(Text(name, style="dim"), Text(value, style="bold"))
    return Padding(table, (0, 0, 1, 0))


def _ticks(checks: Iterable[Check], width: int) -> list[Text]:
    """Return ticked claims in as few lines as they fit into, none of them broken."""
    lines = [Text()]
    for check in checks:
        claim = _tick(check)
        if lines[-1] and lines[-1].cell_len + 2 + claim.cell_len > width:
            lines.append(Text())
        lines[-1].append_text(Text("  ") if lines[-1] else Text()).append_text(claim)
    return lines


def _tick(check: Check) -> Text:
    mark, style = _mark(check)
    return Text.assemble((f"{mark} ", style), check.name)


def _mark(check: Check) -> tuple[str, str]:
    return ("✓", "green") if check.passed else ("✗", "bold red")


def _marked(text: Text, style: str, mark: str) -> Text:
    return Text.assemble((f"{mark} ", style), text)


def _word(check: Check) -> str:
    return "ok" if check.passed else "FAILED"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(set(value))} different" if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(value)


def _indented(source: str) -> list[str]:
    return [f"    {line}" for line in source.splitlines()]
