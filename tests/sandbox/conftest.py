"""A gateway and a merchant for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.merchant import Merchant
from wechatpay_chain.sandbox import Sandbox


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def merchant(gateway: Sandbox) -> Iterator[Merchant]:
    caller = Merchant(gateway)
    yield caller
    caller.close()
