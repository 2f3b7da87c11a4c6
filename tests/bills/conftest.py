"""A gateway for the tests of bills, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wechatpay_chain import Client
from wechatpay_chain.sandbox import Sandbox


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    """A gateway that runs as long as a module's tests."""
    with Sandbox() as gateway:
        yield gateway


@pytest.fixture
def gateway(started: Sandbox) -> Iterator[Sandbox]:
    """The gateway, with nothing in it."""
    yield started
    started.clear()
    started.behave()


@pytest.fixture
def client(gateway: Sandbox) -> Iterator[Client]:
    """A client of the gateway."""
    with gateway.client() as made:
        yield made
