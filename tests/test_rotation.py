"""Rotation: while keys change under load, what is valid is taken and what is forged is not.

From certificate to certificate and from certificate to public key, with old and
new keys mixed from 0.1 % to 100 %: ten thousand calls over a socket, of sync
threads and async tasks on one client, and as many callbacks. The client is
never made anew, and downloads each certificate once.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wechatpay_chain import Client, Reason, Refresh, UnverifiedError, WebhookError
from wechatpay_chain.sandbox import Notification, PlatformKey, Sandbox
from wechatpay_chain.webhooks import Event

PERCENTAGES = (0.1, 1, 10, 50, 99.9, 100)
CALLS = 834
"""Of each stage: two rotations of six stages make ten thousand of them."""

CALLBACKS = 834
FORGERIES = {
    "bad-signature": {Reason.BAD_SIGNATURE},
    # The other key that is named may be one that the client does not have.
    "swapped-serial": {Reason.BAD_SIGNATURE, Reason.UNKNOWN_SERIAL},
    "tampered-body": {Reason.BAD_SIGNATURE},
    "unknown-serial": {Reason.UNKNOWN_SERIAL},
    "probe": {Reason.BAD_SIGNATURE},
}


def evenly() -> Callable[[], float]:
    """Return a source of numbers from 0 to 1 that miss no stretch of a five-hundredth for long."""
    numbers = itertools.count(1)
    lock = threading.Lock()

    def number() -> float:
        with lock:
            # Steps of the golden ratio spread as evenly as any.
            return next(numbers) * 0.6180339887498949 % 1

    return number


class Tally:
    """What became of calls and callbacks: which keys were met, and what went wrong."""

    def __init__(self) -> None:
        self.signed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []


def work(client: Client, numbers: range, tally: Tally, *, forged: bool) -> None:
    """Make calls from a thread; every seventh answer is forged if so told."""
    for number in numbers:
        fault = list(FORGERIES)[number // 7 % len(FORGERIES)] if forged and not number % 7 else ""
        judge_call(lambda o: client.v3.security.echo.post(**o), number, fault, tally)


def judge_call(
    call: Callable[[dict[str, Any]], Any], number: int, fault: str, tally: Tally
) -> None:
    """Make one call and note what became of it."""
    message = {"echo_message": str(number)}
    headers = {"Sandbox-Misbehave": fault} if fault else {}
    try:
        answer = call({"json": message, "headers": headers})
    except UnverifiedError as error:
        note(tally, fault, error)
    else:
        if fault or not answer.verified or answer.json() != message:
            tally.wrong.append(f"{number} {fault}: taken")
        tally.signed[answer.headers["Wechatpay-Serial"]] += 1


def note(tally: Tally, fault: str, error: UnverifiedError | WebhookError) -> None:
    """Note a refusal, which must be of a forgery and for its reason."""
    if not fault or error.reason not in FORGERIES[fault]:
        tally.wrong.append(f"{fault or 'valid'}: {error}")
    tally.refused[fault] += 1


def calls(client: Client, tally: Tally) -> None:
    """Make the calls of one stage: three fifths from threads, the rest from one loop's tasks."""
    share = CALLS * 3 // 5 // 4
    with ThreadPoolExecutor(4) as pool:
        parts = [range(n * share, (n + 1) * share) for n in range(4)]
        futures = [pool.submit(work, client, part, tally, forged=True) for part in parts]
        asyncio.run(tasks(client, range(4 * share, CALLS), tally))
        for future in futures:
            future.result()


async def tasks(client: Client, numbers: range, tally: Tally) -> None:
    """Make calls from tasks, ten at a time."""
    pending = iter(numbers)

    async def one_after_the_other() -> None:
        for number in pending:
            message = {"echo_message": str(number)}
            answer = await client.v3.security.echo.post_async(json=message)
            if not answer.verified or answer.json() != message:
                tally.wrong.append(f"{number}: taken unverified")
            tally.signed[answer.headers["Wechatpay-Serial"]] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(10)))


def callbacks(gateway: Sandbox, client: Client, tally: Tally) -> None:
    """Receive the callbacks of one stage, in threads and in a loop by turns."""
    faults = [
        list(FORGERIES)[n // 5 % len(FORGERIES)] if not n % 5 else "" for n in range(CALLBACKS)
    ]
    batch = [
        (gateway.notification("SECURITY_ECHO.SUCCESS", forgery=fault or None), fault)
        for fault in faults
    ]

    def judge(item: tuple[Notification, str]) -> None:
        sent, fault = item
        try:
            event = client.webhooks.parse(sent.headers, sent.body)
        except WebhookError as error:
            note(tally, fault, error)
        else:
            judge_event(event, sent, fault)

    def judge_event(event: Event[Any], sent: Notification, fault: str) -> None:
        tally.signed[event.serial] += 1
        if fault or event.id != sent.id or event.resource != sent.resource:
            tally.wrong.append(f"{fault or 'valid'}: taken")

    async def in_a_loop(items: list[tuple[Notification, str]]) -> None:
        for sent, fault in items:
            if fault:
                await asyncio.to_thread(judge, (sent, fault))
            else:
                event = await client.webhooks.parse_async(sent.headers, sent.body)
                judge_event(event, sent, "")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(judge, batch[::2]))
    asyncio.run(in_a_loop(batch[1::2]))


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    """A gateway whose merchants have certificates, not public keys yet."""
    with Sandbox() as running:
        running.platform.sign_with(running.identity.certificate)
        yield running


@pytest.mark.parametrize("to", ["certificate", "public key"])
def test_nothing_valid_is_refused_and_nothing_forged_is_accepted(gateway: Sandbox, to: str) -> None:
    """Five thousand calls and as many callbacks, over all stages of one rotation."""
    old = gateway.identity.certificate
    certs = {old.serial: old.shown}
    if to == "public key":
        # It is got from WeChat Pay's website beforehand; there is no download of it.
        new: PlatformKey = gateway.identity.public_key
        certs[new.serial] = new.shown
    with gateway.client(certs=certs, refresh=Refresh(monotonic=lambda: 1000.0)) as client:
        keys = client._parts.platform
        assert keys is not None
        if to == "certificate":
            new = gateway.platform.issue()
        source = evenly()
        total = Tally()
        for percent in PERCENTAGES:
            gateway.platform.rotate(old, new, percent, random=source)
            tally = Tally()
            calls(client, tally)
            callbacks(gateway, client, tally)
            assert tally.wrong == []
            assert set(tally.refused) == set(FORGERIES)
            assert set(tally.signed) == {old.serial, new.serial} - (
                {old.serial} if percent == 100 else set()
            )
            total.signed += tally.signed
            total.refused += tally.refused
        asked = [request.path for request in gateway.requests]
        # Forged serials could cause one a minute, and the clock here stands still.
        assert asked.count("/v3/certificates") == 1
        assert asked.count("/v3/security/echo") == CALLS * len(PERCENTAGES)
        assert total.signed.total() + total.refused.total() == (CALLS + CALLBACKS) * 6
        assert set(keys) >= {old.serial, new.serial}
