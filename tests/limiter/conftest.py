"""A Redis server for the tests of the rate limiter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.support.redis_server import PASSWORD, redis_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Give the address of a running server."""
    with redis_server() as port:
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"


@pytest.fixture
def address(server: str) -> str:
    """Give the address of a running server that holds nothing."""
    with redis.Redis.from_url(server) as client:
        client.flushall()
    return server


@pytest.fixture(params=["memory", "redis"])
def storage(request: pytest.FixtureRequest) -> str | None:
    """Give each kind of storage in turn, holding nothing."""
    if request.param == "memory":
        return None
    found: str = request.getfixturevalue("address")
    return found
