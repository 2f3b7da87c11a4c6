"""A gateway, and for each framework a receiver that a real server gives what comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integrations.servers import SERVERS
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.webhooks import Event, Webhooks


@dataclass
class Served:
    """One framework's server, and what its handlers were given."""

    framework: str
    gateway: Sandbox
    webhooks: Webhooks
    url: str = ""
    events: list[Event[Any]] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    @property
    def path(self) -> str:
        """The view's path."""
        return urlsplit(self.url).path


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway that sends callbacks."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def servers(gateway: Sandbox) -> Iterator[dict[str, Served]]:
    """Every framework, with a handler of either kind that notes its events."""
    with ExitStack() as stack:
        found = {}
        for framework, serve in SERVERS.items():
            webhooks = stack.enter_context(gateway.client()).webhooks
            served = found[framework] = Served(framework, gateway, webhooks)
            _take_notes(served)
            served.url = stack.enter_context(serve(webhooks))
        yield found


def _take_notes(served: Served) -> None:
    @served.webhooks.on("*")
    def note(event: Event[Any]) -> None:
        served.events.append(event)

    @served.webhooks.on("REFUND.*", "TRANSFER*")
    async def note_too(event: Event[Any]) -> None:
        served.events.append(event)


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, servers: dict[str, Served]) -> Served:
    """One framework after the other."""
    one = servers[request.param]
    one.events.clear()
    return one
