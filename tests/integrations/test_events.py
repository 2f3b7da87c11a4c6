"""Everything that WeChat Pay sends, and every forgery of it, at each framework's door."""

from __future__ import annotations

import pytest

from tests.integrations.conftest import Served
from wechatpay_chain.catalogue import events
from wechatpay_chain.sandbox import Notification, Sandbox


@pytest.fixture(scope="session")
def notifications(gateway: Sandbox) -> list[Notification]:
    """One callback of each kind that is documented."""
    return [gateway.notification(facts) for facts in events.events()]


def test_every_event_is_verified_opened_and_acknowledged(
    served: Served, notifications: list[Notification]
) -> None:
    """All 115 come out of the handler as the gateway put them in, fields within fields too."""
    taken = [served.gateway.notify(served.url, one).acknowledged for one in notifications]
    assert len(taken) == 115
    assert all(taken)
    for event, sent in zip(served.events, notifications, strict=True):
        assert (event.protocol, event.type) == (sent.event.protocol, sent.event.type)
        assert event.resource == sent.resource
        assert event.sealed == ()
        assert event.verified is sent.event.is_signed
