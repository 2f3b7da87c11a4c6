"""From bytes to an answer: one handler, called once, in the way that it was written."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.webhooks.callbacks import PAYMENT, Callback, payscore, refund, webhooks, xml_callback
from wechatpay_chain import ConfigurationError
from wechatpay_chain.webhooks import Event, MemorySeen, Reply, Webhooks

HONEST = Callback()
FORGED = (HONEST.headers, HONEST.body + b" ")
FACES = ["sync", "async"]


def receive(receiver: Webhooks, sent: Any, face: str) -> Reply:
    """Receive in one of the two ways."""
    if face == "sync":
        return receiver.receive(*sent)
    return asyncio.run(receiver.receive_async(*sent))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", ["sync", "async", "partial", "object", "returns awaitable"])
def test_handlers_of_both_kinds_are_called_in_both_ways(kind: str, face: str) -> None:
    """A sync program may have async handlers, and the other way round."""
    got: list[Event[Any]] = []

    async def slow(event: Event[Any]) -> None:
        await asyncio.sleep(0)
        got.append(event)

    class Object:
        async def __call__(self, event: Event[Any]) -> None:
            await slow(event)

    handlers: dict[str, Any] = {
        "sync": got.append,
        "async": slow,
        "partial": functools.partial(lambda extra, event: got.append(event), 1),
        "object": Object(),
        "returns awaitable": lambda event: slow(event),
    }
    receiver = webhooks()
    receiver.on("TRANSACTION.SUCCESS")(handlers[kind])
    assert receive(receiver, HONEST.sent, face) == Reply(200)
    assert [event.resource for event in got] == [PAYMENT]


def test_a_sync_handler_is_called_in_the_callers_thread_outside_of_any_loop() -> None:
    """Django's ORM refuses to work where a loop runs, and its transactions are a thread's own."""
    receiver = webhooks(seen=MemorySeen())
    seen: list[Any] = []

    @receiver.on("*")
    def handler(event: Event[Any]) -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        seen.append(threading.current_thread())

    assert receiver.receive(*HONEST.sent).status == 200
    assert seen == [threading.current_thread()]


def test_a_sync_handler_under_a_loop_gets_a_thread_and_the_context() -> None:
    """It may block without holding the loop up, and sees the request's context variables."""
    receiver = webhooks()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    turned = threading.Event()

    @receiver.on("*")
    def handler(event: Event[Any]) -> Reply | None:
        assert variable.get() == "here"
        return None if turned.wait(20) else event.fail()

    async def main() -> Reply:
        variable.set("here")
        task = asyncio.ensure_future(receiver.receive_async(*HONEST.sent))
        while not task.done():
            # Only a loop that turns gets here.
            turned.set()
            await asyncio.sleep(0)
        return await task

    assert asyncio.run(main()).status == 200


async def end_something_of_its_own(event: Event[Any]) -> None:
    """Wait for a task that somebody has cancelled, as a pool or a client of its own may do."""
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    await task


def raise_cancelled(event: Event[Any]) -> None:
    """Let through what a loop of its own was ended with."""
    raise asyncio.CancelledError


ANSWERS: dict[str, tuple[Callable[[Event[Any]], Any], int]] = {
    "None": (lambda event: None, 200),
    "ack": (lambda event: event.ack(), 200),
    "fail": (lambda event: event.fail("later"), 500),
    "own": (lambda event: Reply(202, {"X": "1"}, b"{}"), 202),
    "True": (lambda event: True, 500),
    "error": (lambda event: 1 / 0, 500),
    # What no future can hold.
    "next": (lambda event: next(iter([])), 500),
    # Nobody has cancelled the caller.
    "cancelled": (end_something_of_its_own, 500),
    "cancelled in a thread": (raise_cancelled, 500),
    "reply": (lambda event: Reply("200"), 500),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_handler_returns_is_the_answer(name: str, face: str) -> None:
    """None acknowledges, a reply is sent as it is, everything else is a no."""
    handler, status = ANSWERS[name]
    receiver = webhooks(seen=MemorySeen())
    receiver.on("*")(handler)
    assert receive(receiver, HONEST.sent, face).status == status
    # What failed left no claim behind; what did not is a duplicate now.
    assert receive(receiver, HONEST.sent, face).status == (500 if status == 500 else 200)


def test_a_failing_handler_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """The log says which event, which error and where, but nothing that the event held."""
    receiver = webhooks()

    @receiver.on("*")
    def handler(event: Event[Any]) -> None:
        raise ValueError(event.resource)

    assert receiver.receive(*HONEST.sent).status == 500
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wechatpay_chain.webhooks", logging.ERROR)
    assert "EV-2018022511223320873" in record.getMessage()
    assert "ValueError ← " in record.getMessage()
    assert "test_receive.py" in record.getMessage()
    assert PAYMENT["transaction_id"] not in caplog.text


@pytest.mark.parametrize("face", FACES)
def test_a_forged_callback_reaches_no_handler(face: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged in one line with its reason, and answered with a no."""
    receiver = webhooks()
    receiver.on("*")(lambda event: pytest.fail("called"))
    assert receive(receiver, FORGED, face).status == 401
    (record,) = caplog.records
    assert "bad-signature" in record.getMessage()
    assert record.levelno == logging.WARNING


def test_a_probe_is_refused_without_alarm(caplog: pytest.LogCaptureFixture) -> None:
    """WeChat Pay's own probing is no attack, and is never acknowledged."""
    caplog.set_level(logging.INFO)
    headers = {**HONEST.headers, "Wechatpay-Signature": "WECHATPAY/SIGNTEST/x"}
    assert webhooks().receive(headers, HONEST.body).status == 401
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "probe" in record.getMessage()


def test_an_event_without_a_handler_is_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is lost silently: the log says, once for a type, what to do."""
    receiver = webhooks()
    receiver.on("REFUND.*")(lambda event: None)
    for _ in range(3):
        assert receiver.receive(*HONEST.sent).status == 500
    (record,) = caplog.records
    assert '@webhooks.on("TRANSACTION.SUCCESS", protocol="v3")' in record.getMessage()


def test_the_most_specific_handler_is_the_one(caplog: pytest.LogCaptureFixture) -> None:
    """Exactly one handler is called, in whichever order they were registered."""
    called: list[str] = []
    receiver = webhooks()
    names = ["*", "TRANSACTION.*", "T*", "REFUND.*", "REFUND.SUCCESS", "TRANSACTION.SUCCESS"]
    for name in names:
        receiver.on(name)(lambda event, name=name: called.append(name))
    for kind in (
        "TRANSACTION.SUCCESS",
        "TRANSACTION.FAIL",
        "TX",
        "REFUND.SUCCESS",
        "REFUND.A",
        "X",
    ):
        receiver.receive(*HONEST.but(type=kind).sent)
    assert called == [
        "TRANSACTION.SUCCESS", "TRANSACTION.*", "T*", "REFUND.SUCCESS", "REFUND.*", "*",
    ]  # fmt: skip


def test_a_name_of_both_protocols_is_v3s() -> None:
    """Pay score's TRANSACTION.SUCCESS has other fields than a payment's."""
    called: list[str] = []
    receiver = webhooks()
    receiver.on("TRANSACTION.SUCCESS")(lambda event: called.append("v3"))
    assert receiver.receive({}, payscore()).status == 500
    receiver.on("TRANSACTION.SUCCESS", protocol="v2")(lambda event: called.append("v2"))
    receiver.on("TRANSACTION.*")(lambda event: called.append("*"))
    receiver.receive({}, payscore())
    receiver.receive(*HONEST.sent)
    receiver.receive({}, payscore(event_type="TRANSACTION.FAIL"))
    assert called == ["v2", "v3", "*"]


def test_v2s_are_routed_by_the_catalogues_names() -> None:
    """A failed trade never reaches a handler of successes."""
    called: list[str] = []
    receiver = webhooks()
    receiver.on("transaction-success", "refund-processed")(lambda event: called.append(event.type))
    assert receiver.receive({}, xml_callback()).body.startswith(b"<xml><return_code>SUCCESS")
    receiver.receive({}, refund())
    assert receiver.receive({}, xml_callback(result_code="FAIL")).status == 500
    assert called == ["transaction-success", "refund-processed"]


def test_a_pattern_has_one_handler() -> None:
    """Two handlers for one pattern would both count on being called."""
    receiver = webhooks()
    handler = receiver.on("A", "B.*")(lambda event: None)
    receiver.on("A")(handler)
    with pytest.raises(ConfigurationError, match="'A' has a handler"):
        receiver.on("A")(lambda event: None)
    with pytest.raises(ConfigurationError, match="say which events"):
        receiver.on()
    with pytest.raises(ConfigurationError, match="a pattern is"):
        # As a decorator without parentheses: it must not swallow the handler.
        receiver.on(handler)
    with pytest.raises(ConfigurationError, match="protocol must be"):
        receiver.on("C", protocol="v4")(handler)
    with pytest.raises(ConfigurationError, match="callable"):
        receiver.on("C")(5)
    for takes_another in (lambda: None, lambda self, event: None, lambda *, event: None):
        with pytest.raises(ConfigurationError, match="with the event alone"):
            receiver.on("C")(takes_another)
    for takes_it in ([].append, dict, lambda event, /, more=None: None, lambda *all: None):
        receiver.on(str(takes_it))(takes_it)


def test_the_clients_own_receiver_has_its_keys() -> None:
    """`client.webhooks` is one receiver, with whatever the client was given."""
    from tests.support.merchant import client, private
    from tests.webhooks.callbacks import APIV3, NOW, SECRET
    from tests.webhooks.test_json_callback import CARD, OPENED

    with client(
        apiv3_key=APIV3, secret=SECRET, private_key=private("mch_key"), clock=lambda: NOW
    ) as root:
        assert root.webhooks is root.webhooks
        assert root.webhooks.parse(*CARD.sent).resource == OPENED
        assert root.webhooks.parse({}, xml_callback()).verified
        assert root.webhooks.receive({}, xml_callback(mch_id="1")).status == 400
        root.webhooks.seen = MemorySeen()
        assert isinstance(root.webhooks.seen, MemorySeen)


def test_a_v2_merchants_receiver_takes_v2_alone() -> None:
    """A client without v3's keys has a receiver all the same."""
    from tests.webhooks.callbacks import SECRET
    from wechatpay_chain import Client

    with Client("1900000109", secret=SECRET) as root:
        assert root.webhooks.parse({}, xml_callback()).verified
        assert root.webhooks.receive(*HONEST.sent).status == 401


def test_a_caller_that_goes_away_leaves_no_half_handled_event() -> None:
    """A thread cannot be stopped: its event is done, and is not handled again."""
    memory = MemorySeen()
    receiver = webhooks(seen=memory)
    began, may_end, calls = threading.Event(), threading.Event(), []

    @receiver.on("*")
    def handler(event: Event[Any]) -> None:
        calls.append(event.id)
        began.set()
        may_end.wait(20)

    async def main() -> None:
        task = asyncio.ensure_future(receiver.receive_async(*HONEST.sent))
        await asyncio.to_thread(began.wait, 20)
        task.cancel()
        await asyncio.sleep(0)
        assert receiver.receive(*HONEST.sent).status == 500
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert receiver.receive(*HONEST.sent).status == 200
    assert calls == [HONEST.id]


def test_a_cancelled_async_handler_leaves_its_event_to_the_next() -> None:
    """What was cut off is handled when WeChat Pay sends it again."""
    receiver = webhooks(seen=MemorySeen())
    calls: list[str] = []
    began = asyncio.Event()

    @receiver.on("*")
    async def handler(event: Event[Any]) -> None:
        calls.append("began")
        began.set()
        if len(calls) == 1:
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(receiver.receive_async(*HONEST.sent))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await receiver.receive_async(*HONEST.sent)).status == 200

    asyncio.run(main())
    assert len(calls) == 2
