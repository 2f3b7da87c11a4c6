"""One client in many threads, loops and forked processes: all verified, nothing left open."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.merchant import client, signed_headers
from tests.support.server import Request, Server, answer, serving
from wechatpay_chain import Client, OutcomeUnknownError, WechatPayError, loops
from wechatpay_chain.loops import Lane

BODY = b'{"ok":1}'
CONNECTIONS = 100


def respond(request: Request) -> bytes:
    """Answer with a signed body."""
    return answer(headers=signed_headers(BODY), body=BODY)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers every call."""
    with serving(respond) as running:
        yield running


def open_sockets() -> int:
    """Return how many sockets this process holds."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


@pytest.fixture
def no_leak() -> Iterator[None]:
    """Check that a test leaves no socket and no thread behind it but the package's own."""
    gc.collect()
    sockets, threads = open_sockets(), threading.active_count()
    yield
    gc.collect()
    # The main thread's own loop (a pair of sockets) stays for the next call.
    assert open_sockets() <= sockets + 2
    own = [t for t in threading.enumerate() if t.name.startswith("wechatpay-")]
    assert threading.active_count() - len(own) <= threads


@pytest.mark.usefixtures("no_leak")
def test_32_threads_of_200_calls(server: Server) -> None:
    """Threads share a client; each keeps one connection, and closes it when it ends."""
    verified: list[int] = []

    def work(root: Client) -> None:
        verified.append(sum(root.v3.x.post(json={}).verified for _ in range(200)))

    with client(base_uri=server.base_uri) as root:
        threads = [threading.Thread(target=work, args=(root,)) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(verified) == len(server.requests) == 6400
        assert server.connections == 32
    server.close()


@pytest.mark.usefixtures("no_leak")
def test_2000_concurrent_async_calls(server: Server) -> None:
    """Two thousand calls at once are all verified, over a bounded number of connections."""

    async def main() -> None:
        async with client(base_uri=server.base_uri) as root:
            got = await asyncio.gather(*(root.v3.x.post_async(json={}) for _ in range(2000)))
            assert sum(response.verified for response in got) == 2000
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert len(server.requests) == 2000
    assert server.connections <= CONNECTIONS
    server.close()


FORK = """
    import os, sys, threading
    from tests.support.merchant import client
    root = client(base_uri=sys.argv[1])
    mode = sys.argv[2]
    assert root.v3.before.get().verified
    if mode == "threads":
        gate = threading.Event()
        def work():
            root.v3.thread.get()
            gate.wait()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        while len(threading.enumerate()) < 5: pass
    children = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            if mode != "idle":
                for _ in range(5):
                    assert root.v3.child[number].post(json={}).verified
                import asyncio
                assert asyncio.run(root.v3.child[number].get_async()).verified
            sys.exit(0)      # not os._exit: the interpreter tears everything down
        children.append(pid)
        assert root.v3.parent.get(timeout=5).verified
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    for _ in range(5):
        assert root.v3.parent.get(timeout=5).verified
    if mode == "threads":
        gate.set()
        for thread in threads: thread.join()
    root.close()
    print("done")
"""


def program(text: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own, where warnings are errors.

    What asyncio reports on a busy machine's slowness is left out: times are for benchmarks.
    """
    run = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(text), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent.parent,
        **options,
    )
    lines = run.stderr.splitlines(keepends=True)
    run.stderr = "".join(line for line in lines if not re.match(r"Executing <.* took ", line))
    return run


@pytest.mark.parametrize("mode", ["calls", "idle", "threads"])
def test_8_forked_workers_share_a_client(mode: str, server: Server) -> None:
    """A client made, and used, before a fork works after it, in the children and in the parent."""
    run = program(FORK, server.base_uri, mode)
    assert (run.stdout, run.stderr) == ("done\n", "")
    paths = [request.target for request in server.requests]
    expected = 0 if mode == "idle" else 8 * 6
    assert sum(path.startswith("/v3/child/") for path in paths) == expected


FORK_ASYNC = """
    import asyncio, os, sys
    from tests.support.merchant import client
    root = client(base_uri=sys.argv[1])

    async def main():
        assert (await root.v3.before.get_async()).verified
        for number in range(4):
            pid = os.fork()
            if pid == 0:
                assert root.v3.child.get().verified
                os._exit(0)
            assert (await root.v3.parent.get_async(timeout=5)).verified
            assert os.waitpid(pid, 0)[1] == 0
        assert (await root.v3.parent.get_async(timeout=5)).verified

    asyncio.run(main())
    print("done")
"""


def test_a_fork_under_a_running_loop(server: Server) -> None:
    """A child that is forked inside a running loop leaves its parent's loop alone."""
    run = program(FORK_ASYNC, server.base_uri)
    assert (run.stdout, run.stderr) == ("done\n", "")


FORGETFUL = {
    "sync": "root.v3.x.get()",
    "async": "asyncio.run(root.v3.x.get_async())",
    "both": "root.v3.x.get(); asyncio.run(root.v3.x.get_async()); root.v3.x.get()",
    "thread": "t = threading.Thread(target=root.v3.x.get); t.start(); t.join()",
    "inside a loop": "asyncio.run(inside())",
    "dropped": "root.v3.x.get(); del root; gc.collect()",
    "dropped async": "asyncio.run(dropped())",
    "error": "root.v3.x.get(base_uri='http://127.0.0.1:1/')",
    "at exit": "atexit.register(root.v3.x.get)",
}


@pytest.mark.parametrize("what", FORGETFUL)
def test_a_client_that_is_never_closed_leaves_no_warning(what: str, server: Server) -> None:
    """Without close, the end of loop, thread or program closes what is open, silently."""
    text = f"""
        import asyncio, atexit, gc, sys, threading
        from tests.support.merchant import client
        root = client(base_uri=sys.argv[1])
        async def inside():
            root.v3.x.get()
            await root.v3.x.get_async()
        async def dropped():
            made = client(base_uri=sys.argv[1])
            await made.v3.x.get_async()
            del made
            gc.collect()
            await asyncio.sleep(0)
        try:
            {FORGETFUL[what]}
        except Exception as error:
            print(type(error).__name__)
    """
    run = program(text, server.base_uri)
    assert run.stderr == ""
    assert run.stdout == ("ConnectError\n" if what == "error" else "")
    assert run.returncode == 0


CTRL_C = """
    import asyncio, sys
    from tests.support.merchant import client
    root = client(base_uri=sys.argv[1])

    async def inside():
        root.v3.slow.get()

    try:
        root.v3.slow.get() if sys.argv[2] == "script" else asyncio.run(inside())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(root.v3.quick.get().verified)
"""


@pytest.mark.parametrize("where", ["script", "running loop"])
def test_ctrl_c_cancels_and_the_client_lives_on(where: str) -> None:
    """Ctrl-C ends a sync call at once, hangs up, and the next call works."""
    arrived = threading.Event()
    hung_up = threading.Event()

    def slow(request: Request) -> Any:
        if request.target == "/v3/slow":
            arrived.set()
            return wait()
        return respond(request)

    def wait() -> Iterator[bytes]:
        hung_up.wait(30)
        yield answer(headers=signed_headers(BODY), body=BODY)

    with serving(slow) as server:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(CTRL_C), server.base_uri, where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert arrived.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        hung_up.set()
    assert (out, err) == ("interrupted\nTrue\n", "")
    assert [request.target for request in server.requests] == ["/v3/slow", "/v3/quick"]


@pytest.mark.asyncio
async def test_a_cancelled_call_is_not_sent_again(server: Server) -> None:
    """Cancelling a call that was sent closes its connection; the next call takes a new one."""
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def silent(request: Request) -> Any:
        if request.target == "/v3/silent":
            loop.call_soon_threadsafe(arrived.set)
            return []
        return respond(request)

    with serving(silent) as quiet:
        async with client(base_uri=quiet.base_uri) as root:
            task = asyncio.create_task(root.v3.silent.get_async())
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await root.v3.x.get_async()).verified
        assert [request.target for request in quiet.requests] == ["/v3/silent", "/v3/x"]
        assert quiet.connections == 2


def test_failed_calls_leave_no_connection(server: Server, no_leak: None) -> None:
    """Errors after an answer began close or return their connection: none piles up."""
    forged = answer(headers=signed_headers(BODY, covers="other"), body=BODY)
    refused = answer("400 Bad Request", body=b"no")
    cut = answer(headers={"Content-Length": "9"}, body=b"1")
    told = {"/v3/forged": [forged], "/v3/refused": [refused], "/v3/cut": [cut, b""]}

    def bad(request: Request) -> Any:
        return told.get(request.target, respond(request))

    with serving(bad) as bad_server, client(base_uri=bad_server.base_uri) as root:
        root.v3.x.get()
        before = open_sockets()
        for _ in range(20):
            for path in told:
                with pytest.raises(Exception, match=r"trusted|refused|cut off"):
                    root.chain(path).get()
        gc.collect()
        assert open_sockets() <= before + 2

        async def main() -> None:
            for path in told:
                with pytest.raises(Exception, match=r"trusted|refused|cut off"):
                    await root.chain(path).get_async()
            assert len(asyncio.all_tasks()) == 1

        asyncio.run(main())


def test_one_client_on_several_loops(server: Server) -> None:
    """Each loop has connections of its own, which end with it."""
    with client(base_uri=server.base_uri) as root:
        for _ in range(3):
            assert asyncio.run(root.v3.x.get_async()).verified
            assert root.v3.x.get().verified
        # Three loops of one connection each, and the main thread's one.
        assert server.connections == 4


def test_closing_waits_for_other_threads_calls(server: Server) -> None:
    """A close in one thread lets the calls of another finish."""
    release = threading.Event()
    arrived = threading.Event()

    def slow(request: Request) -> Any:
        arrived.set()
        release.wait(30)
        return respond(request)

    with serving(slow) as slow_server:
        root = client(base_uri=slow_server.base_uri)
        got: list[bool] = []
        thread = threading.Thread(target=lambda: got.append(root.v3.x.get().verified))
        thread.start()
        assert arrived.wait(30)
        closing = threading.Thread(target=root.close)
        closing.start()
        release.set()
        thread.join()
        closing.join()
        assert got == [True]


def test_the_timeout_of_a_call_is_its_own(server: Server) -> None:
    """A short timeout of one call does not shorten the next one's."""
    with serving(lambda request: [] if "slow" in request.target else respond(request)) as slow:
        with client(base_uri=slow.base_uri) as root:
            with pytest.raises(OutcomeUnknownError):
                root.v3.slow.get(timeout=0.1)
            assert root.v3.x.get().verified


def test_a_kept_lane_does_not_keep_a_threads_loop_open() -> None:
    """A thread's loop ends with it, also if somebody keeps its lane, as a traceback does."""
    kept: list[Lane] = []

    def fail() -> None:
        with pytest.raises(WechatPayError):
            sample.v3.x.get()
        owner = loops._threads.owner
        kept.extend([owner.lane] if owner else [])

    with serving(lambda request: answer("500 Oops")) as server:
        with client(base_uri=server.base_uri) as sample:
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
            assert [lane.loop.is_closed() for lane in kept] == [True]
