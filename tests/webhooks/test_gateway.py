"""Every event and every forgery of the gateway, which is an independent sender."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import Client
from wechatpay_chain.catalogue import events
from wechatpay_chain.errors import Reason, WebhookError
from wechatpay_chain.sandbox import FORGERIES, Sandbox
from wechatpay_chain.webhooks import kinds

EVENTS = list(events.events())


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway with keys of its own."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Sandbox) -> Iterator[Client]:
    """A merchant that has all keys, of both protocols."""
    with gateway.client() as made:
        yield made


@pytest.mark.parametrize("facts", EVENTS, ids=str)
def test_every_event_is_opened(facts: events.EventFacts, gateway: Sandbox, client: Client) -> None:
    """What the gateway put in comes out, sealed fields opened, and the type is right."""
    sent = gateway.notification(facts)
    event = client.webhooks.parse(sent.headers, sent.body)
    assert event.protocol == facts.protocol
    assert event.type in (facts.type, *facts.also)
    assert event.is_a(event.type, facts.protocol)
    assert event.verified is facts.is_signed
    assert event.sealed == ()
    if facts.protocol == "v3":
        assert event.id == sent.id
        assert event.resource == sent.resource
    else:
        around = {field.name for field in facts.envelope}
        assert {name: event.resource[name] for name in sent.resource} == sent.resource
        assert set(event.resource) - set(sent.resource) <= around


V2 = [facts for facts in EVENTS if facts.protocol == "v2"]


@pytest.mark.parametrize("facts", V2, ids=str)
def test_v2s_types_agree_with_the_catalogue(facts: events.EventFacts) -> None:
    """What tells a notification is documented of it, and the least that it may have will do."""
    fields = {
        field.name: field.enum[0] if field.enum else "1"
        for field in facts.envelope
        if field.required
    }
    if facts.type == kinds.REFUND:
        inside = {field.name for field in facts.fields}
        assert set(kinds.OF_REFUND) <= inside
        assert set(kinds.AROUND_REFUND) <= {field.name for field in facts.envelope}
        return
    fields |= {name: "SUCCESS" for name in ("return_code", "result_code") if name in fields}
    assert kinds.of(fields) == facts.type
    recognised = events.recognise(fields)
    assert recognised is not None
    assert recognised.type == facts.type


def refused(gateway: Sandbox, client: Client, forgery: str, protocol: str) -> WebhookError:
    """Return the error that a forgery is refused with."""
    made = FORGERIES[forgery]
    own = events.find(made.event)
    kind = made.event
    if own is None or own.protocol != protocol or protocol not in made.protocols:
        kind = "transaction-success" if protocol == "v2" else "TRANSACTION.SUCCESS"
    sent = gateway.notification(kind, protocol=protocol, forgery=forgery)
    assert client.webhooks.receive(sent.headers, sent.body).status >= 400
    with pytest.raises(WebhookError) as caught:
        client.webhooks.parse(sent.headers, sent.body)
    return caught.value


CASES = [(name, protocol) for name, made in FORGERIES.items() for protocol in made.protocols]


@pytest.mark.parametrize(("forgery", "protocol"), sorted(CASES))
def test_every_forgery_is_refused(
    forgery: str, protocol: str, gateway: Sandbox, client: Client
) -> None:
    """Each with one of the six errors, in one line."""
    error = refused(gateway, client, forgery, protocol)
    assert error.reason in Reason
    assert error.status >= 400
    assert error.is_probe is ("probe" in forgery)
    assert (error.reason is Reason.FOREIGN_MERCHANT) is ("foreign-merchant" in forgery)
    assert len(str(error).splitlines()) == 1


def test_the_merchants_own_settings_are_used(gateway: Sandbox, client: Client) -> None:
    """HMAC-SHA256 is taken where it is configured, and only there."""
    sent: Any = gateway.notification("transaction-success", sign_type="HMAC-SHA256")
    with pytest.raises(WebhookError) as caught:
        client.webhooks.parse(sent.headers, sent.body)
    assert caught.value.reason in (Reason.WRONG_SIGN_TYPE, Reason.BAD_SIGNATURE)
