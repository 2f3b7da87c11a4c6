"""Keeping keys fresh: one download at a time, seldom, for threads, loops and forks alike."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.certificates.test_certificates import ECHO, alone, downloads, serials
from wechatpay_chain import (
    CertificateExpiryWarning,
    Client,
    PlatformKeys,
    Refresh,
    UnverifiedError,
    loops,
)
from wechatpay_chain.sandbox import Sandbox

SOON = 60.0


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    """A gateway whose merchants have certificates, not public keys."""
    with Sandbox() as running:
        running.platform.sign_with(running.identity.certificate)
        yield running


class Clock:
    """A monotonic clock that a test winds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ring(client: Client) -> PlatformKeys:
    """Return a client's ring."""
    assert client._parts.platform is not None
    return client._parts.platform


def settled(wanted: Callable[[], bool]) -> None:
    """Wait for what a thread in the background does."""
    deadline = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def landed() -> bool:
    """Tell whether no download goes on."""
    return not any(one.name == "wechatpay-certificates" for one in threading.enumerate())


def unknown() -> str:
    """Return a serial that anybody could make up."""
    return "5A" + secrets.token_hex(19).upper()


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("works", [True, False])
def test_random_serials_cost_one_download_a_minute(
    gateway: Sandbox, face: str, works: bool
) -> None:
    """However many serials are made up, there is one download in any 60 s, also if it fails."""
    clock = Clock()
    with alone(gateway, refresh=Refresh(monotonic=clock)) as client:
        if not works:
            gateway.misbehave("status", times=None, path="v3/certificates")
        find = ring(client).find
        asked = 0
        for minute in range(1, 4):
            for _ in range(200):
                if face == "sync":
                    assert loops.run(find(unknown())) is None
                else:
                    assert asyncio.run(find(unknown())) is None
                asked += 1
                clock.now += (SOON - 1) / 200
                assert downloads(gateway) == minute
            clock.now += 1
        assert asked == 600


@pytest.mark.parametrize("first", ["genuine", "none", "made up"])
def test_the_first_keys_of_an_empty_ring_leave_room_for_a_rotation(
    gateway: Sandbox, first: str
) -> None:
    """A program that starts without keys takes a key that comes right after; once a minute."""
    clock = Clock()
    old = gateway.identity.certificate.serial
    with alone(gateway, certs=None, refresh=Refresh(monotonic=clock)) as client:
        find = ring(client).find
        if first == "none":
            assert loops.run(ring(client).choose()) == old
        else:
            loops.run(find(old if first == "genuine" else unknown()))
        new = gateway.platform.issue().serial
        found = loops.run(find(new))
        # Whoever makes up a serial has had the download of that minute.
        assert (found is not None) is (first != "made up")
        for _ in range(20):
            loops.run(find(unknown()))
        assert downloads(gateway) == (1 if first == "made up" else 2)
        clock.now += SOON
        assert loops.run(find(new)) is not None
        assert set(ring(client)) == {old, new}


def test_forged_answers_cost_one_download_a_minute(gateway: Sandbox) -> None:
    """Answers with made-up serials are refused, and one a minute at most causes a download."""
    clock = Clock()
    with alone(gateway, refresh=Refresh(monotonic=clock)) as client:
        for minute in range(1, 3):
            for _ in range(20):
                gateway.misbehave("unknown-serial", path="v3/security/echo", serial=unknown())
                with pytest.raises(UnverifiedError, match="not configured"):
                    client.v3.security.echo.post(json=ECHO)
            assert downloads(gateway) == minute
            clock.now += SOON


@pytest.mark.parametrize(
    "serial", ["", "PUB_KEY_ID_01", "nonsense", "5A" * 21, "５A", "5A\n", "x" * 9999]
)
def test_what_is_no_certificates_serial_causes_no_download(gateway: Sandbox, serial: str) -> None:
    """A download could not bring it, so there is none; only an empty ring asks for anything."""
    with alone(gateway, refresh=True) as client:
        if serial:
            assert loops.run(ring(client).find(serial)) is None
            assert downloads(gateway) == 0
        assert loops.run(ring(client).choose()) == gateway.identity.certificate.serial
        assert downloads(gateway) == 0


def test_a_forged_list_with_a_random_serial_does_not_recurse(gateway: Sandbox) -> None:
    """The answer to the download itself may name an unknown key: it is refused, and that is all."""
    with alone(gateway, refresh=Refresh(monotonic=Clock())) as client:
        gateway.misbehave("unknown-serial", times=None, serial=unknown())
        with pytest.raises(UnverifiedError):
            client.v3.security.echo.post(json=ECHO)
        assert downloads(gateway) == 1


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_middleware_that_calls_during_the_download(gateway: Sandbox, face: str) -> None:
    """A call that a download causes by itself does not wait for that download."""
    inner: list[object] = []
    rings: list[PlatformKeys] = []

    async def nosy(request: Any, handler: Any) -> Any:
        if request.url.path == "/v3/certificates" and not inner:
            inner.append(None)
            inner[0] = await rings[0].find(unknown())
            inner.append(await asyncio.to_thread(lambda: loops.run(rings[0].find(unknown()))))
        return await handler(request)

    new = gateway.platform.issue()
    with alone(gateway, refresh=True, middlewares=[nosy]) as client:
        rings.append(ring(client))
        if face == "sync":
            found = loops.run(ring(client).find(new.serial))
        else:
            found = asyncio.run(ring(client).find(new.serial))
        assert found == new.private_key.public_key()
        assert inner == [None, None]
    assert downloads(gateway) == 1


def test_64_threads_and_several_loops_share_one_download(gateway: Sandbox) -> None:
    """Whoever needs a key while it is downloaded waits for the same download, wherever it runs."""
    new = gateway.platform.issue()
    gateway.misbehave("delay", seconds=0.5, path="v3/certificates")
    found: list[object] = []
    gate = threading.Barrier(64 + 8)
    with alone(gateway, refresh=True) as client:
        keys = ring(client)

        def sync() -> None:
            gate.wait()
            found.append(loops.run(keys.find(new.serial)))

        async def many() -> None:
            found.extend(await asyncio.gather(*(keys.find(new.serial) for _ in range(20))))

        async def inside() -> None:
            # A sync call in a running loop hops to a helper thread.
            found.append(loops.run(keys.find(new.serial)))

        def own_loop(number: int) -> None:
            gate.wait()
            asyncio.run(many() if number % 2 else inside())

        threads = [threading.Thread(target=sync) for _ in range(64)]
        threads += [threading.Thread(target=own_loop, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [new.private_key.public_key()] * (64 + 4 * 20 + 4)
    assert downloads(gateway) == 1


def test_more_sync_callers_in_loops_than_there_are_helpers(gateway: Sandbox) -> None:
    """Helper threads that all wait for a download do not keep it from running."""
    new = gateway.platform.issue()
    gateway.misbehave("delay", seconds=0.3, path="v3/certificates")
    with alone(gateway, refresh=True) as client:
        keys = ring(client)

        async def inside() -> object:
            return loops.run(keys.find(new.serial))

        with ThreadPoolExecutor(50) as pool:
            found = list(pool.map(lambda _: asyncio.run(inside()), range(50)))
        assert found == [new.private_key.public_key()] * 50
    assert downloads(gateway) == 1


def test_a_waiter_that_is_cancelled_cancels_nobody_else(gateway: Sandbox) -> None:
    """The one who began a download may leave; the others get their key."""
    new = gateway.platform.issue()
    gateway.misbehave("delay", seconds=0.3, path="v3/certificates")

    async def main(keys: PlatformKeys) -> object:
        first = asyncio.create_task(keys.find(new.serial))
        second = asyncio.create_task(keys.find(new.serial))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    with alone(gateway, refresh=True) as client:
        assert asyncio.run(main(ring(client))) == new.private_key.public_key()
    assert downloads(gateway) == 1


def test_a_loop_that_ends_before_its_download(
    gateway: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """When all who waited have gone, loop and all, the download still ends well and serves."""
    new = gateway.platform.issue()
    gateway.misbehave("delay", seconds=0.3, path="v3/certificates")

    async def leave(keys: PlatformKeys) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keys.find(new.serial), 0.01)

    with alone(gateway, refresh=True) as client:
        asyncio.run(leave(ring(client)))
        settled(landed)
        assert ring(client)[new.serial] == new.private_key.public_key()
    assert caplog.records == []


def test_an_explicit_refresh_joins_the_download_that_goes_on(gateway: Sandbox) -> None:
    """`refresh` waits for a download that was begun; later it starts one, whatever the time."""
    new = gateway.platform.issue()
    gateway.misbehave("delay", seconds=0.3, path="v3/certificates")
    with alone(gateway, refresh=Refresh(monotonic=Clock())) as client:
        with ThreadPoolExecutor(8) as pool:
            lists = list(pool.map(lambda _: client.certificates.refresh(), range(8)))
        assert {tuple(one.serial for one in found) for found in lists} == {
            (gateway.identity.certificate.serial, new.serial)
        }
        assert downloads(gateway) == 1
        client.certificates.refresh()
        assert downloads(gateway) == 2


def test_other_downloads_leave_room_for_an_unknown_serial(gateway: Sandbox) -> None:
    """A key that came after a refresh is found at once: only unknown serials hold each other up."""
    clock = Clock()
    with alone(gateway, refresh=Refresh(monotonic=clock)) as client:
        client.certificates.refresh()
        gateway.platform.sign_with(gateway.platform.issue())
        assert client.v3.security.echo.post(json=ECHO).verified
        clock.now += 12 * 3600
        assert client.v3.security.echo.post(json=ECHO).verified
        settled(landed)
        gateway.platform.sign_with(gateway.platform.issue())
        assert client.v3.security.echo.post(json=ECHO).verified
    assert downloads(gateway) == 4


def test_what_the_middle_of_a_call_waits_for(gateway: Sandbox) -> None:
    """A call whose own time is up while it waits for a key leaves the download to the others."""
    gateway.platform.sign_with(new := gateway.platform.issue())
    gateway.misbehave("delay", seconds=0.5, path="v3/certificates")
    with alone(gateway, refresh=True) as client:
        with pytest.raises(Exception, match="query it before anything else"):
            client.v3.security.echo.post(json=ECHO, timeout=0.2)
        settled(landed)
        assert new.serial in ring(client)
        assert client.v3.security.echo.post(json=ECHO).verified


@pytest.mark.parametrize("face", ["sync", "async"])
def test_background_refresh(gateway: Sandbox, face: str) -> None:
    """The first look-up after the interval starts one download, and does not wait for it."""
    clock = Clock()
    first = gateway.identity.certificate
    with alone(gateway, refresh=Refresh(every=3600, monotonic=clock)) as client:

        def call() -> None:
            if face == "sync":
                assert client.v3.security.echo.post(json=ECHO).verified
            else:
                asyncio.run(again())

        async def again() -> None:
            assert (await client.v3.security.echo.post_async(json=ECHO)).verified

        call()
        clock.now += 3599
        call()
        assert downloads(gateway) == 0
        for expected in (1, 2):
            new = gateway.platform.issue()
            clock.now += 3600
            gateway.misbehave("delay", seconds=0.2, path="v3/certificates")
            call()
            call()
            settled(landed)
            assert new.serial in serials(client)
            call()
            assert downloads(gateway) == expected
        assert first.serial in serials(client)


def test_a_background_refresh_that_fails(
    gateway: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again after ten minutes, noted, and logged once until one succeeds."""
    clock = Clock()
    caplog.set_level(logging.INFO, "wechatpay_chain")
    with alone(gateway, refresh=Refresh(monotonic=clock)) as client:
        gateway.misbehave("status", times=None, path="v3/certificates")
        clock.now += 12 * 3600
        for expected in range(1, 5):
            for _ in range(3):
                assert client.v3.security.echo.post(json=ECHO).verified
                settled(landed)
            assert downloads(gateway) == expected
            assert "500 SYSTEM_ERROR" in str(client.certificates.last_error)
            clock.now += 600
        assert [record.name for record in caplog.records] == ["wechatpay_chain.certificates"]
        assert gateway.apiv3_key not in caplog.text
        gateway.behave()
        client.v3.security.echo.post(json=ECHO)
        settled(landed)
        assert client.certificates.last_error is None
        clock.now += 12 * 3600
        gateway.misbehave("status", path="v3/certificates")
        client.v3.security.echo.post(json=ECHO)
        settled(landed)
        assert len(caplog.records) == 2


def test_no_background_refresh(gateway: Sandbox) -> None:
    """With every=None, and without refresh, time alone causes no download."""
    clock = Clock()
    with alone(gateway, refresh=Refresh(every=None, monotonic=clock)) as client:
        clock.now += 10**9
        client.v3.security.echo.post(json=ECHO)
        assert landed()
    with alone(gateway) as client:
        assert loops.run(ring(client).find(unknown())) is None
    assert downloads(gateway) == 0


def test_a_program_that_cannot_start_a_thread(
    gateway: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that cannot begin is a download that failed."""

    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with alone(gateway, refresh=True) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", full)
            assert loops.run(ring(client).find(unknown())) is None
        assert "no thread" in str(client.certificates.last_error)
        assert client.v3.security.echo.post(json=ECHO).verified


def test_a_closed_client_refreshes_no_more(gateway: Sandbox) -> None:
    """A ring that outlives its client's closing keeps its keys."""
    client = alone(gateway, refresh=True)
    keys = ring(client)
    client.close()
    assert loops.run(keys.find(unknown())) is None
    assert "closed" in str(client.certificates.last_error)
    assert list(keys) == [gateway.identity.certificate.serial]


@pytest.mark.parametrize("action", ["always", "error"])
def test_a_warning_after_a_refresh(
    gateway: Sandbox, caplog: pytest.LogCaptureFixture, action: Any
) -> None:
    """A new certificate that ends soon is warned of; where that is an error, it is logged."""
    with alone(gateway, certs=None, refresh=Refresh(warn_before=10**6)) as client:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action, CertificateExpiryWarning)
            client.certificates.refresh()
            settled(landed)
        told = [str(one.message) for one in caught] + caplog.messages
        assert len(told) == 1
        assert "no key here outlasts it" in told[0]
        assert serials(client) == {gateway.identity.certificate.serial}
        assert client.v3.security.echo.post(json=ECHO).verified


FORK = """
import os, sys, threading
from tests.certificates.test_refresh import ring, unknown
from wechatpay_chain import Client, Refresh, loops
import json
settings = json.loads(sys.argv[1])
clock = lambda: 1000.0
client = Client(**settings, refresh=Refresh(monotonic=clock))
keys = ring(client)
mode, serial = sys.argv[2], sys.argv[3]
if mode == "landed":
    client.certificates.download()
    client.v3.certificates.get()
if mode == "flying":
    # The child is made in the middle of the parent's download, when its request is signed:
    # no program survives a fork while another of its threads is at work in OpenSSL.
    signed = threading.Event()
    async def note(request, handler):
        signed.set()
        return await handler(request)
    client.stack.after("signer", note)
    waiter = threading.Thread(target=lambda: loops.run(keys.find(serial)))
    waiter.start()
    signed.wait(20)
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        found = [None]
        def look():
            found[0] = loops.run(keys.find(serial))
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join(20)
        os._exit(0 if found[0] is not None and not any(t.is_alive() for t in threads) else 1)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
assert loops.run(keys.find(serial)) is not None
if mode == "flying": waiter.join()
client.close()
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("mode", ["fresh", "landed", "flying"])
def test_forked_children_refresh_for_themselves(gateway: Sandbox, mode: str) -> None:
    """A child refreshes like its parent, also if it was made in the middle of a download."""
    import json

    merchant, first = gateway.identity.merchant, gateway.identity.certificate
    new = gateway.platform.issue()
    if mode == "flying":
        gateway.misbehave("delay", seconds=1, path="v3/certificates")
    settings = {
        "mchid": merchant.mchid,
        "serial": merchant.serial,
        "private_key": merchant.private_key_pem,
        "certs": {first.serial: first.pem},
        "apiv3_key": gateway.apiv3_key,
        "base_uri": gateway.base_uri,
    }
    ended = subprocess.run(
        [sys.executable, "-c", FORK, json.dumps(settings), mode, new.serial],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[0, 0, 0, 0]\n"


def test_nothing_is_left_open(gateway: Sandbox) -> None:
    """A download leaves no thread behind, and a client that is garbage goes with its ring."""
    client = alone(gateway, refresh=True)
    client.certificates.refresh()
    settled(landed)
    gone = weakref.ref(client)
    client.close()
    del client
    gc.collect()
    assert gone() is None
