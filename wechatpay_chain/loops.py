"""Which event loop and which session a call runs on.

An async call runs on its caller's loop. A sync call runs on a loop that its
thread owns and that only turns during the call: nothing stands between the
caller and the socket. Inside a running loop (Jupyter) a sync call hops to a
helper thread, which has a loop of its own like any other thread.

A session belongs to one loop. It is closed with its client, or when its loop
shuts down, whichever comes first, and it is never used in a forked child.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import os
import selectors
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

import aiohttp

__all__ = ["Sessions", "run"]

T = TypeVar("T")


TURNS_TO_CLOSE = 4
"""Turns after which a loop has seen a peer's goodbye through to the end, also TLS's."""


LOOK_AGAIN = 0.1
"""Seconds after which a caller inside a loop looks whether it was cancelled."""


class _Lane:
    """One thread's own loop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        self.busy = threading.Lock()
        _lanes[self.loop] = self

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self.busy:
            task = self.loop.create_task(coroutine)
            try:
                return self.loop.run_until_complete(task)
            except BaseException:
                # Ctrl-C between two steps: the task must not live on unseen.
                self._finish(task)
                raise

    def missed_something(self) -> bool:
        """Tell whether a socket has news that the loop did not see while it stood still."""
        return bool(self._selector.select(0))

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                self.loop.run_until_complete(task)
        elif not task.cancelled():
            # Looked at, so that asyncio does not report it as lost.
            task.exception()

    def close(self) -> None:
        if not self.loop.is_closed():
            self.loop.run_until_complete(self._drain())
            self.loop.close()

    async def _drain(self) -> None:
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        # Transports that were closed say goodbye in the turns that follow.
        for _ in range(TURNS_TO_CLOSE):
            await asyncio.sleep(0)

    def __del__(self) -> None:
        # The thread has ended; its sessions are closed by the loop's shutdown.
        if not sys.is_finalizing() and _running_loop() is None:
            self.close()


class _Threads(threading.local):
    lane: _Lane | None = None


_lanes: weakref.WeakValueDictionary[asyncio.AbstractEventLoop, _Lane] = (
    weakref.WeakValueDictionary()
)
_threads = _Threads()
_helpers: ThreadPoolExecutor | None = None
_starting = threading.Lock()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from code that is not async, and return its value.

    Ctrl-C cancels it. Inside a running loop that loop stands still meanwhile,
    as with any blocking call.
    """
    if _running_loop() is None:
        return _lane().run(coroutine)
    hop = _Hop(coroutine)
    future = _helper().submit(contextvars.copy_context().run, hop.run)
    try:
        hop.wait(future)
    except BaseException:
        hop.cancel()
        raise
    return future.result()


class _Hop(Generic[T]):
    """A coroutine that runs on a helper thread while a thread with a running loop waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._caller = asyncio.current_task()
        self._requests = self._caller.cancelling() if self._caller else 0

    def run(self) -> T:
        """Run it: on the helper thread."""
        return _lane().run(self._noted())

    def wait(self, future: Future[T]) -> None:
        """Wait for its end: on the caller's thread.

        Where `asyncio.run` handles Ctrl-C, it only asks the caller's task to stop, and
        that task is here; so it is looked at from time to time.
        """
        while not wait([future], timeout=LOOK_AGAIN).done:
            if self._caller is not None and self._caller.cancelling() > self._requests:
                raise asyncio.CancelledError

    def cancel(self) -> None:
        """Cancel it: on the caller's thread."""
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _noted(self) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        return await self._coroutine


def _lane() -> _Lane:
    if _threads.lane is None or _threads.lane.loop.is_closed():
        _threads.lane = _Lane()
    return _threads.lane


def _helper() -> ThreadPoolExecutor:
    global _helpers
    with _starting:
        if _helpers is None:
            # More than one, so that a callback on a helper may call again.
            _helpers = ThreadPoolExecutor(32, "wechatpay-sync")
        return _helpers


class _Open:
    """A session in use on one loop."""

    __slots__ = ("calls", "keeper", "session")

    def __init__(self, session: aiohttp.ClientSession, keeper: AsyncGenerator[None, None]) -> None:
        self.session = session
        self.keeper = keeper
        self.calls = 0

    async def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop that stood still notice which idle connections were closed meanwhile."""
        if self.calls:
            # Others are under way, so the loop turns all the time.
            return
        lane = _lanes.get(loop)
        if lane is None or lane.missed_something():
            for _ in range(TURNS_TO_CLOSE):
                await asyncio.sleep(0)


class Sessions:
    """One client's sessions, one a loop."""

    def __init__(self, create: Callable[[], aiohttp.ClientSession]) -> None:
        """Hold no session yet; `create` is called inside a running loop when one is needed."""
        self._create = create
        self.closed = False
        self._start()
        _all_sessions.add(self)

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Give the running loop's session for one call."""
        opened = await self._get()
        opened.calls += 1
        try:
            yield opened.session
        finally:
            opened.calls -= 1

    async def _get(self) -> _Open:
        loop = asyncio.get_running_loop()
        found = self._open.get(loop)
        if found is not None and not found.session.closed:
            await found.settle(loop)
            return found
        session = self._create()
        # A loop that shuts down closes the generators that began in it: so no session
        # outlives its loop.
        keeper = _keep(session, self._open, loop)
        opened = self._open[loop] = _Open(session, keeper)
        await anext(keeper)
        return opened

    async def aclose(self) -> None:
        """Close the sessions of all loops; those of other threads once their calls are done."""
        self.closed = True
        mine = self._open.get(asyncio.get_running_loop())
        if mine is not None:
            await mine.keeper.aclose()
        if self._open:
            await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the sessions of all loops, those of other threads once their calls are done."""
        self.closed = True
        for loop, opened in list(self._open.items()):
            _finish(loop, opened)
            self._open.pop(loop, None)

    def park(self) -> object:
        """Forget the sessions of a parent process, and return them untouched."""
        parked = self._open
        self._finalizer.detach()
        self._start()
        return parked

    def _start(self) -> None:
        self._open: dict[asyncio.AbstractEventLoop, _Open] = {}
        # It also holds what is open, so that none of it becomes garbage unclosed.
        self._finalizer = weakref.finalize(self, _abandon, self._open)
        self._finalizer.atexit = False


async def _keep(
    session: aiohttp.ClientSession,
    opened: dict[asyncio.AbstractEventLoop, _Open],
    loop: asyncio.AbstractEventLoop,
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        opened.pop(loop, None)
        await session.close()


def _finish(loop: asyncio.AbstractEventLoop, opened: _Open) -> None:
    """Close a session on its own loop, from wherever this thread is."""
    if loop.is_closed():
        if opened.session.connector is not None:
            opened.session.connector.close()
        return
    lane = _lanes.get(loop)
    running = _running_loop()
    if running is loop or (lane is None and loop.is_running()):
        asyncio.run_coroutine_threadsafe(_aclose(opened.keeper), loop)
        return
    turn = loop.run_until_complete if lane is None else lane.run
    if running is None:
        turn(_aclose(opened.keeper))
    else:
        _helper().submit(turn, _aclose(opened.keeper)).result()


def _abandon(opened: dict[asyncio.AbstractEventLoop, _Open]) -> None:
    """Close the sessions of a client that is garbage, as soon as their loops turn."""
    for loop, found in list(opened.items()):
        if loop.is_closed():
            _finish(loop, found)
        else:
            loop.call_soon_threadsafe(_begin_to_close, loop, found)


def _begin_to_close(loop: asyncio.AbstractEventLoop, opened: _Open) -> None:
    task = loop.create_task(_aclose(opened.keeper))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _aclose(keeper: AsyncGenerator[None, None]) -> None:
    await keeper.aclose()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_all_sessions: weakref.WeakSet[Sessions] = weakref.WeakSet()
_forking: list[object] = []
_closing: set[asyncio.Task[None]] = set()


def _before_fork() -> None:
    # Held, so that a child, which drops its parent's other threads at once, does not
    # close their loops: parent and child share the kernel's side of each.
    _forking.extend(_lanes.values())


def _after_fork_in_parent() -> None:
    _forking.clear()


def _after_fork_in_child() -> None:
    import ctypes  # 10 ms that only a forked child has to spend

    global _forking, _helpers, _lanes, _starting, _threads
    parked = [_forking, _helpers, _threads, *(sessions.park() for sessions in _all_sessions)]
    # Never freed, not even at exit: freeing a loop unregisters its sockets in the
    # kernel's table, which is the parent's too, and the parent's calls would hang.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(parked))
    _forking = []
    _helpers = None
    _lanes = weakref.WeakValueDictionary()
    _starting = threading.Lock()
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


@atexit.register
def _close_main_lane() -> None:
    if _threads.lane is not None:
        _threads.lane.close()
