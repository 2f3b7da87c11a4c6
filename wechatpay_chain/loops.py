"""Which event loop a call runs on.

An async call runs on its caller's loop. A sync call runs on a loop that its
thread owns and that only turns during the call: nothing stands between the
caller and the socket. Inside a running loop (Jupyter) a sync call hops to a
helper thread, which has a loop of its own like any other thread. A thread's
loop ends with it, and is never used in a forked child.
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
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Generic, TypeVar

from wechatpay_chain import interruption

__all__ = [
    "TURNS_TO_CLOSE",
    "Lane",
    "at_fork",
    "helpers",
    "lane_of",
    "run",
    "running_loop",
    "waited",
]

T = TypeVar("T")


TURNS_TO_CLOSE = 4
"""Turns after which a loop has seen a peer's goodbye through to the end, also TLS's."""


LOOK_AGAIN = 0.1
"""Seconds after which a caller inside a loop looks whether it was cancelled."""


LAST_TURNS = 1.0
"""Seconds that a call has to clean up when somebody insists on its end."""


class Lane:
    """One thread's own loop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        self.busy = threading.Lock()
        self._lost: set[asyncio.Task[Any]] = set()
        _lanes[self.loop] = self

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Turn the loop until the coroutine has ended, from any one thread at a time."""
        tasks: list[asyncio.Task[T]] = []
        # Outermost, so that no signal finds the lock held by nobody, or a task that the
        # next call would begin.
        with interruption.deferred(partial(self._cancel, tasks)) as raised, self.busy:
            return self._run(coroutine, tasks, raised)

    def run_if_open(self, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run what `make` makes, unless the lane was closed meanwhile by its thread's end."""
        with self.busy:
            if not self.loop.is_closed():
                self._run(make(), [], [])

    def missed_something(self) -> bool:
        """Tell whether a socket has news that the loop did not see while it stood still."""
        return bool(self._selector.select(0))

    def _run(
        self,
        coroutine: Coroutine[Any, Any, T],
        tasks: list[asyncio.Task[T]],
        raised: Sequence[BaseException],
    ) -> T:
        task = self.loop.create_task(coroutine)
        tasks.append(task)
        if raised:
            # It struck before there was a task to cancel.
            task.cancel()
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            self._finish(task, coroutine)
            raise

    def _cancel(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
            # Called from a signal's handler, which may have interrupted the wait for sockets.
            self.loop.call_soon_threadsafe(lambda: None)

    def _finish(self, task: asyncio.Task[Any], coroutine: Coroutine[Any, Any, Any]) -> None:
        # If something was raised inside the loop all the same, it may have lost the task, or
        # still mean to stop.
        task.cancel()
        with contextlib.suppress(Exception):
            self.loop.run_until_complete(asyncio.wait({task}, timeout=LAST_TURNS))
        if not task.done():
            self._lost.add(task)
            with contextlib.suppress(RuntimeError):
                coroutine.close()
            self._close()
        elif not task.cancelled():
            # Looked at, so that asyncio does not report it as lost.
            task.exception()

    def close(self) -> None:
        """End the loop, and close what is open on it."""
        with self.busy:
            self._close()

    def _close(self) -> None:
        if not self.loop.is_closed():
            self.loop.run_until_complete(self._drain())
            self.loop.close()

    async def _drain(self) -> None:
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()} - self._lost
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()
        # Transports that were closed say goodbye in the turns that follow.
        for _ in range(TURNS_TO_CLOSE):
            await asyncio.sleep(0)


class _Owner:
    """What a thread holds of its lane, and nobody else: the thread's end ends the lane.

    The lane itself may live on in the traceback of an error that somebody keeps.
    """

    def __init__(self) -> None:
        self.lane = Lane()
        _owners[self.lane.loop] = self

    def __del__(self) -> None:
        # The thread has ended; its sessions are closed by the loop's shutdown.
        if not sys.is_finalizing() and running_loop() is None:
            self.lane.close()


class _Threads(threading.local):
    owner: _Owner | None = None


_owners: weakref.WeakValueDictionary[asyncio.AbstractEventLoop, _Owner] = (
    weakref.WeakValueDictionary()
)
_lanes: weakref.WeakValueDictionary[asyncio.AbstractEventLoop, Lane] = weakref.WeakValueDictionary()
_threads = _Threads()
_helpers: ThreadPoolExecutor | None = None
_starting = threading.Lock()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from code that is not async, and return its value.

    Ctrl-C cancels it. Inside a running loop that loop stands still meanwhile,
    as with any blocking call.
    """
    if running_loop() is None:
        return _own_lane().run(coroutine)
    hop = _Hop(coroutine)
    with interruption.deferred(hop.cancel):
        future = helpers().submit(contextvars.copy_context().run, hop.run)
        hop.wait(future)
        return future.result()


async def waited(value: Awaitable[T]) -> T:
    """Await something, where a coroutine is wanted."""
    return await value


class _Hop(Generic[T]):
    """A coroutine that runs on a helper thread while a thread with a running loop waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._is_cancelled = False
        self._caller = asyncio.current_task()
        self._requests = self._caller.cancelling() if self._caller else 0

    def run(self) -> T:
        """Run it: on the helper thread."""
        return _own_lane().run(self._noted())

    def wait(self, future: Future[T]) -> None:
        """Wait for its end: on the caller's thread.

        Where `asyncio.run` handles Ctrl-C, it only asks the caller's task to stop, and
        that task is here; so it is looked at from time to time.
        """
        while not wait([future], timeout=LOOK_AGAIN).done:
            if self._caller is not None and self._caller.cancelling() > self._requests:
                self.cancel()
                raise asyncio.CancelledError

    def cancel(self) -> None:
        """Cancel it, also if it has not begun: on the caller's thread."""
        self._is_cancelled = True
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _noted(self) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._is_cancelled:
            self._coroutine.close()
            raise asyncio.CancelledError
        return await self._coroutine


def _own_lane() -> Lane:
    """Return this thread's own loop."""
    if _threads.owner is None or _threads.owner.lane.loop.is_closed():
        _threads.owner = _Owner()
    return _threads.owner.lane


def lane_of(loop: asyncio.AbstractEventLoop) -> Lane | None:
    """Return the lane that a loop belongs to, if it is a thread's own."""
    return _lanes.get(loop)


def helpers() -> ThreadPoolExecutor:
    """Return the threads that make sync calls for threads whose loop is running."""
    global _helpers
    with _starting:
        if _helpers is None:
            # More than one, so that a callback on a helper may call again.
            _helpers = ThreadPoolExecutor(32, "wechatpay-sync")
        return _helpers


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_forking: list[object] = []
_to_park: list[Callable[[], object]] = []


def at_fork(park: Callable[[], object]) -> None:
    """Call something in a forked child, and keep what it returns there for ever, untouched."""
    _to_park.append(park)


def _before_fork() -> None:
    # Held, so that a child, which drops its parent's other threads at once, does not
    # close their loops: parent and child share the kernel's side of each.
    # Not by an iterator, which would fail where other threads begin or end meanwhile.
    _forking.extend(owner() for owner in _owners.valuerefs())
    _forking.extend(lane() for lane in _lanes.valuerefs())


def _after_fork_in_parent() -> None:
    _forking.clear()


def _after_fork_in_child() -> None:
    import ctypes  # 10 ms that only a forked child has to spend

    global _forking, _helpers, _lanes, _owners, _starting, _threads
    parked = [_forking, _helpers, _threads, *(park() for park in _to_park)]
    # Never freed, not even at exit: freeing a loop unregisters its sockets in the
    # kernel's table, which is the parent's too, and the parent's calls would hang.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(parked))
    _forking = []
    _helpers = None
    _lanes = weakref.WeakValueDictionary()
    _owners = weakref.WeakValueDictionary()
    _starting = threading.Lock()
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


@atexit.register
def _close_own_lane() -> None:
    if _threads.owner is not None:
        _threads.owner.lane.close()
