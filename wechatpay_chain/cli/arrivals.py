"""Requests that arrive at the sandbox, a line each: never a body, a query or a secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text

from wechatpay_chain.cli.streams import one_line
from wechatpay_chain.sandbox import Sandbox

__all__ = ["Arrival", "Arrivals", "as_json", "as_line"]

_PATH_WIDTH = 50


@dataclass(frozen=True)
class Arrival:
    """What is told of a request."""

    time: datetime
    method: str
    path: str
    problem: str | None
    misbehaviour: str | None


class Arrivals:
    """The requests of a gateway that were not told yet."""

    def __init__(self, gateway: Sandbox) -> None:
        self._gateway = gateway
        self._told = 0

    def new(self) -> Iterator[Arrival]:
        """Yield what arrived since the last time."""
        requests = self._gateway.requests[self._told :]
        self._told += len(requests)
        for request in requests:
            yield Arrival(
                datetime.now().astimezone(),
                one_line(request.method),
                one_line(request.path),
                one_line(request.problem) if request.problem else None,
                one_line(request.headers.get("Sandbox-Misbehave", "")) or None,
            )


def as_line(arrival: Arrival) -> Text:
    """Return a line for a person; in a pipe rich leaves the colours out."""
    outcome = Text("ok", "green") if arrival.problem is None else Text(arrival.problem, "red")
    line = Text.assemble(
        (f"{arrival.time:%H:%M:%S}  ", "dim"),
        (f"{arrival.method:<6}  ", "bold"),
        f"{arrival.path:<{_PATH_WIDTH}}  ",
        outcome,
    )
    if arrival.misbehaviour:
        line.append(f"  (as asked: {arrival.misbehaviour})", "yellow")
    return line


def as_json(arrival: Arrival) -> dict[str, Any]:
    """Return an object for a program."""
    return {
        "event": "request",
        "time": arrival.time.isoformat(timespec="milliseconds"),
        "method": arrival.method,
        "path": arrival.path,
        "ok": arrival.problem is None,
        "problem": arrival.problem,
        "misbehaviour": arrival.misbehaviour,
    }
