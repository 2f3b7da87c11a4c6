"""Handlers in each framework: where they run, what comes of what they raise, and how often."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import flask
import pytest
from django.db import connection, transaction

from tests.integrations.project import Notice
from tests.integrations.servers import SERVERS, Serve
from wechatpay_chain.integrations.flask import webhook_view
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.webhooks import Event, MemorySeen, Reply, Webhooks

TYPE = "TRANSACTION.SUCCESS"
SECRET = "told by nobody"
FRAMEWORKS = pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
DJANGO = {name: serve for name, serve in SERVERS.items() if name.startswith("django")}
KINDS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture
def webhooks(gateway: Sandbox) -> Webhooks:
    """A receiver without handlers."""
    return gateway.client().webhooks


def handle(webhooks: Webhooks, body: Callable[[Event[Any]], Any], is_async: bool) -> None:
    """Register a handler of either kind."""

    async def asynchronous(event: Event[Any]) -> Any:
        return body(event)

    webhooks.on(TYPE)(asynchronous if is_async else body)


@FRAMEWORKS
@KINDS
@pytest.mark.parametrize("error", [RuntimeError(SECRET), asyncio.CancelledError(SECRET)], ids=repr)
def test_a_handler_that_fails_gets_the_callback_again(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve, is_async: bool, error: BaseException
) -> None:
    """Its error becomes a no that tells nothing, on pages for debugging neither."""
    tries: list[str] = []

    def fail_once(event: Event[Any]) -> None:
        tries.append(event.id)
        if len(tries) == 1:
            raise error

    handle(webhooks, fail_once, is_async)
    with serve(webhooks) as url:
        notification = gateway.notification(TYPE)
        first, second = (gateway.notify(url, notification) for _ in range(2))
    assert (first.status, first.acknowledged) == (500, False)
    assert SECRET not in first.body.decode()
    assert b"Traceback" not in first.body
    assert (second.status, second.acknowledged) == (200, True)
    assert tries == [notification.id] * 2


@FRAMEWORKS
def test_a_callback_that_comes_twice_is_handled_once(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve
) -> None:
    """Both are acknowledged, signed anew or the very same; v2's have no id that says so."""
    handled: list[str] = []
    webhooks.on("*")(lambda event: handled.append(event.type))
    webhooks.seen = MemorySeen()
    types = [TYPE, "transaction-success"]
    with serve(webhooks) as url:
        sent = [gateway.notification(one) for one in types]
        deliveries = [
            gateway.notify(url, one, exact=exact) for one in sent for exact in (False, True, False)
        ]
    assert all(delivery.acknowledged for delivery in deliveries)
    assert handled == types


@FRAMEWORKS
@KINDS
def test_a_handler_may_answer_in_its_own_way(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve, is_async: bool
) -> None:
    """Status, headers and body come out as the handler's reply has them."""
    reply = Reply(202, {"Content-Type": "application/json", "X-Mark": "1"}, b'{"code":"SUCCESS"}')
    handle(webhooks, lambda event: reply, is_async)
    with serve(webhooks) as url:
        delivery = gateway.notify(url, TYPE)
    headers = {name.lower(): value for name, value in dict(delivery.headers).items()}
    assert (delivery.status, delivery.body) == (reply.status, reply.body)
    assert (headers["content-type"], headers["x-mark"]) == ("application/json", "1")


@FRAMEWORKS
def test_many_callbacks_are_taken_at_once(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve
) -> None:
    """Fifty at once, of which five sync handlers must be at work at once for any to end."""
    five, handled = threading.Barrier(5, timeout=30), []

    def wait_for_others(event: Event[Any]) -> None:
        five.wait()
        handled.append(event.id)

    handle(webhooks, wait_for_others, is_async=False)
    with serve(webhooks) as url:

        async def notify() -> list[bool]:
            sent = [gateway.notify_async(url, TYPE) for _ in range(50)]
            return [delivery.acknowledged for delivery in await asyncio.gather(*sent)]

        assert asyncio.run(notify()) == [True] * 50
    assert len(set(handled)) == 50


@pytest.mark.parametrize("framework", ["aiohttp", "starlette", "fastapi", "django-asgi"])
def test_async_handlers_run_on_the_applications_loop(
    gateway: Sandbox, webhooks: Webhooks, framework: str
) -> None:
    """So they may use what the application has opened on it; sync ones run on none."""
    loops: list[asyncio.AbstractEventLoop] = []

    @webhooks.on("REFUND.*")
    def check_loop(event: Event[Any]) -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    @webhooks.on(TYPE)
    async def note_loop(event: Event[Any]) -> None:
        loops.append(asyncio.get_running_loop())

    with SERVERS[framework](webhooks) as url:
        deliveries = [gateway.notify(url, one) for one in (TYPE, "REFUND.SUCCESS", TYPE)]
    assert [delivery.acknowledged for delivery in deliveries] == [True] * 3
    assert len(set(loops)) == 1


def test_flask_routes_need_no_methods(webhooks: Webhooks) -> None:
    """A route that does not say its methods takes POST, and Flask answers no other."""
    application = flask.Flask("wechatpay")
    application.add_url_rule("/notify", view_func=webhook_view(webhooks))
    (rule,) = (one for one in application.url_map.iter_rules() if one.rule == "/notify")
    assert rule.methods == {"POST"}


@KINDS
def test_flask_handlers_have_the_application_and_the_request(
    gateway: Sandbox, webhooks: Webhooks, is_async: bool
) -> None:
    """`current_app` and `request` are those of the callback."""
    found: list[object] = []
    handle(
        webhooks,
        lambda event: found.extend([flask.current_app.name, flask.request.path]),
        is_async,
    )
    with SERVERS["flask"](webhooks) as url:
        assert gateway.notify(url, TYPE).acknowledged
    assert found == ["wechatpay", "/notify"]


def note(event: Event[Any]) -> None:
    """Write the event down, in a transaction that stands in no other."""
    with transaction.atomic(durable=True):
        Notice.objects.create(event_id=event.id)


async def note_async(event: Event[Any]) -> None:
    """Write the event down."""
    await Notice.objects.acreate(event_id=event.id)


@pytest.mark.parametrize("serve", DJANGO.values(), ids=DJANGO)
@pytest.mark.parametrize("handler", [note, note_async])
def test_django_handlers_use_the_orm(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve, handler: Any
) -> None:
    """Sync and async handlers write to the database, also several at once."""
    webhooks.on(TYPE)(handler)
    notifications = [gateway.notification(TYPE) for _ in range(8)]
    with serve(webhooks) as url:

        async def notify() -> list[bool]:
            sent = [gateway.notify_async(url, one) for one in notifications]
            return [delivery.acknowledged for delivery in await asyncio.gather(*sent)]

        assert asyncio.run(notify()) == [True] * 8
    assert noted() == sorted(one.id for one in notifications)


@pytest.mark.parametrize("serve", DJANGO.values(), ids=DJANGO)
def test_a_django_handler_undoes_what_it_did_if_it_says_so(
    gateway: Sandbox, webhooks: Webhooks, serve: Serve
) -> None:
    """With `transaction.atomic`, a handler that fails leaves nothing behind."""

    @webhooks.on(TYPE)
    @transaction.atomic
    def fail(event: Event[Any]) -> None:
        note(event)
        raise RuntimeError(SECRET)

    with serve(webhooks) as url:
        assert not gateway.notify(url, TYPE).acknowledged
    assert noted() == []


def noted() -> list[str]:
    """Return what was written down, and forget it."""
    try:
        found = sorted(Notice.objects.values_list("event_id", flat=True))
        Notice.objects.all().delete()
        return found
    finally:
        connection.close()
