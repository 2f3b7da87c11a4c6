"""Which session a call uses: one for each client and loop.

A session is closed with its client, or when its loop shuts down, or when its
client is garbage, whichever comes first; and it is never used in a forked child.
"""

from __future__ import annotations

import asyncio
import weakref
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, Protocol, TypeVar

from wechatpay_chain import loops

__all__ = ["Open", "Sessions"]


class Session(Protocol):
    """What can be kept for a loop: aiohttp's session, or anything that is closed like it."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it was closed."""

    async def close(self) -> None:
        """Close it, on its own loop."""


class Underway(Protocol):
    """A call that is to hear of it when its session is closed."""

    def hang_up(self) -> None:
        """End it with an error: its connection is about to be closed."""


S = TypeVar("S", bound=Session)


class Open(Generic[S]):
    """A session in use on one loop."""

    __slots__ = ("calls", "keeper", "session", "underway")

    def __init__(
        self, session: S, keeper: AsyncGenerator[None, None], underway: set[Underway]
    ) -> None:
        self.session = session
        self.keeper = keeper
        self.underway = underway
        self.calls = 0

    async def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop that stood still notice which idle connections were closed meanwhile."""
        if self.calls:
            # Others are under way, so the loop turns all the time.
            return
        lane = loops.lane_of(loop)
        if lane is None or lane.missed_something():
            for _ in range(loops.TURNS_TO_CLOSE):
                await asyncio.sleep(0)


class Sessions(Generic[S]):
    """One client's sessions, one a loop."""

    def __init__(self, create: Callable[[], S]) -> None:
        """Hold no session yet; `create` is called inside a running loop when one is needed."""
        self._create = create
        self.closed = False
        self._start()
        _all.add(self)

    async def open(self) -> Open[S]:
        """Return the running loop's session; its `calls` counts who uses it now."""
        loop = asyncio.get_running_loop()
        found = self._open.get(loop)
        if found is not None and not found.session.closed:
            await found.settle(loop)
            return found
        session = self._create()
        # A loop that shuts down closes the generators that began in it: so no session
        # outlives its loop.
        underway: set[Underway] = set()
        keeper = _keep(session, self._open, loop, underway)
        opened = self._open[loop] = Open(session, keeper, underway)
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
        """In a forked child: forget the parent's sessions, and return them untouched."""
        parked = self._open
        self._finalizer.detach()
        self._start()
        return parked

    def _start(self) -> None:
        self._open: dict[asyncio.AbstractEventLoop, Open[S]] = {}
        # It also holds what is open, so that none of it becomes garbage unclosed.
        self._finalizer = weakref.finalize(self, _abandon, self._open)
        self._finalizer.atexit = False


async def _keep(
    session: S,
    opened: dict[asyncio.AbstractEventLoop, Open[S]],
    loop: asyncio.AbstractEventLoop,
    underway: set[Underway],
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        opened.pop(loop, None)
        for call in underway:
            call.hang_up()
        await session.close()


def _finish(loop: asyncio.AbstractEventLoop, opened: Open[Any]) -> None:
    """Close a session on its own loop, from wherever this thread is."""
    if loop.is_closed():
        # No goodbye can be said without the loop, but sockets can be closed.
        connector = getattr(opened.session, "connector", None)
        if connector is not None:
            connector.close()
        return
    lane = loops.lane_of(loop)
    running = loops.running_loop()
    if running is loop or (lane is None and loop.is_running()):
        asyncio.run_coroutine_threadsafe(_aclose(opened.keeper), loop)
        return

    def turn() -> None:
        if lane is None:
            loop.run_until_complete(_aclose(opened.keeper))
        else:
            lane.run_if_open(lambda: _aclose(opened.keeper))

    if running is None:
        turn()
    else:
        loops.helpers().submit(turn).result()


def _abandon(opened: dict[asyncio.AbstractEventLoop, Open[Any]]) -> None:
    """Close the sessions of a client that is garbage, as soon as their loops turn."""
    for loop, found in list(opened.items()):
        if loop.is_closed():
            _finish(loop, found)
        else:
            loop.call_soon_threadsafe(_begin_to_close, loop, found)


def _begin_to_close(loop: asyncio.AbstractEventLoop, opened: Open[Any]) -> None:
    task = loop.create_task(_aclose(opened.keeper))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _aclose(keeper: AsyncGenerator[None, None]) -> None:
    await keeper.aclose()


_all: weakref.WeakSet[Sessions[Any]] = weakref.WeakSet()
_closing: set[asyncio.Task[None]] = set()
loops.at_fork(lambda: [sessions.park() for sessions in _all])
