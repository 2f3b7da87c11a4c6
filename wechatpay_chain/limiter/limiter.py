"""`RateLimiter`: before a call is sent, wait until its limits have room, or refuse."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain import catalogue
from wechatpay_chain.errors import ConfigurationError, NotSentError, RateLimitError
from wechatpay_chain.limiter.memory_storage import MemoryStorage
from wechatpay_chain.limiter.redis_storage import RedisStorage
from wechatpay_chain.limiter.rules import Documented, Limit, Rules, Stated
from wechatpay_chain.limiter.storage import MICROSECONDS, Place, Storage, Window
from wechatpay_chain.option_values import check_seconds
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import one_line

__all__ = ["RateLimiter"]

TRIES = 100
"""How often a call asks for another moment because it came too late for the one it got."""

GIVING_BACK = 1.0
"""Seconds that giving a moment back may take: a call that is cancelled waits for it."""


class RateLimiter:
    """Keeps calls within their rate limits (频率限制); nothing is sent that is over one.

    ::

        client = Client(…, rate_limiter=RateLimiter())                     # this process
        client = Client(…, rate_limiter=RateLimiter("redis://10.0.0.5"))   # all that share it
        aiohttp.ClientSession(middlewares=(RateLimiter(mchid="…"), guard, …))

    Limits are counted for each merchant by itself, over any stretch of time as long as
    the limit's: 200 a minute are never 201 within 60 s, wherever those begin. One limiter
    serves any number of clients, threads, event loops and forked processes; in a forked
    process the one in memory counts for itself.

    In a `Client` a call waits before anything of it begins, so its ``timeout`` does not
    run meanwhile. In a plain session the wait is part of aiohttp's total timeout.
    """

    def __init__(
        self,
        storage: str | Callable[[], Any] | None = None,
        *,
        limits: Mapping[str, Stated] | None = None,
        documented: bool | Documented = True,
        on_limit: Literal["wait", "refuse"] = "wait",
        longest_wait: float = 0,
        margin: float = 0.5,
        mchid: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        name: Callable[[], str] = lambda: os.urandom(12).hex(),
    ) -> None:
        """Make a limiter; nothing is connected yet.

        Args:
            storage: where calls are counted: in this process (None), in Redis at an address
                (``redis://:password@host:6379/0``, ``rediss://``, ``unix://``), or through
                what a function returns, a new ``redis.asyncio.Redis`` for each loop.
            limits: your own limits (`wechatpay_chain.limiter.rules`), which add to the
                documented ones: all that apply must have room.
            documented: whether the limits that WeChat Pay documents are kept; or a
                function that tells them.
            on_limit: ``"wait"`` until there is room, or ``"refuse"`` with `RateLimitError`.
            longest_wait: seconds beyond which a call is refused instead, at once; 0 for no limit.
            margin: seconds by which each limit's window is counted longer than it is. Calls
                leave evenly but do not arrive so: this takes up how much longer one is on
                its way than another. Half of it is for this process, half for the network.
            mchid: the merchant's number, for a plain session; a `Client` says its own.
            clock: seconds that never go backwards, for waiting and for counting in memory;
                in Redis its own clock counts.
            sleep: waits so many seconds.
            name: makes a name that no other call has.

        Raises:
            ConfigurationError: a setting cannot be understood, or redis is not installed.
        """
        address = Sensitive[Any](storage)
        # What is left in this frame may be seen in a traceback with locals.
        del storage
        if on_limit not in ("wait", "refuse"):
            raise ConfigurationError("on_limit must be 'wait' or 'refuse'")
        if on_limit == "refuse" and longest_wait:
            raise ConfigurationError("longest_wait is for on_limit='wait': 'refuse' never waits")
        if not isinstance(limits or {}, Mapping):
            raise ConfigurationError("limits must be a mapping of operations or paths to rates")
        if documented is True:
            documented = catalogue.find
        self._rules = Rules(limits or {}, documented or None)
        longest = check_seconds(longest_wait, "longest_wait", ConfigurationError)
        self._longest = 0.0 if on_limit == "refuse" else longest or None
        self._margin = check_seconds(margin, "margin", ConfigurationError)
        self._mchid = mchid
        self._clock = clock
        self._sleep = sleep
        self._storage: Storage = (
            MemoryStorage(clock) if address.reveal() is None else RedisStorage(address, name)
        )

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request on when its limits have room: a middleware, to be put first.

        Raises:
            NotSentError: as `acquire` does.
        """
        path = request.url.raw_path
        # The wire does not show that a path belongs to the XML protocol.
        await self.acquire(request.method, path if "/v3/" in path else f"v2{path}")
        return await handler(request)

    async def acquire(self, method: str, path: str, *, mchid: str | None = None) -> None:
        """Return when a call may be sent, and count it.

        A call that is cancelled while it waits is not counted.

        Raises:
            RateLimitError: there is no room now, or not within `longest_wait`.
            NotSentError: the storage cannot be reached, or this process is too busy to
                send a call at the moment that it was given.
        """
        limits = self._rules.applying(method, path)
        if not limits:
            return
        windows = self._windows(limits, self._mchid if mchid is None else mchid)
        what = f"{method} {one_line(path)}"
        begin = self._clock()
        for _ in range(TRIES):
            asked = self._clock()
            left = None if self._longest is None else max(0.0, self._longest - asked + begin)
            place = await self._take(windows, left, what)
            if place.name is None:
                raise _refusal(what, limits[place.decisive], place.wait / MICROSECONDS)
            try:
                await self._sleep_until(self._clock() + place.wait / MICROSECONDS)
            except asyncio.CancelledError:
                await self._give_back(windows, place)
                raise
            late = self._clock() - asked - place.wait / MICROSECONDS
            if late <= self._margin / 2 or not self._margin:
                return
            await self._give_back(windows, place)
        raise NotSentError(
            f"{what}: not sent, this process or the limiter's storage takes "
            f"longer than half the margin of {self._margin:g} s: relieve it, or set margin higher"
        )

    def close(self) -> None:
        """Close the connections of all threads and loops; it cannot be used afterwards."""
        self._storage.close()

    async def aclose(self) -> None:
        """Close the connections of all threads and loops; it cannot be used afterwards."""
        await self._storage.aclose()

    def __repr__(self) -> str:
        if "_storage" not in vars(self):
            return "<RateLimiter that could not be made>"
        return f"<RateLimiter {self._storage!r}>"

    def _windows(self, limits: Sequence[Limit], mchid: str) -> list[Window]:
        # In braces, so that a cluster keeps all that a merchant's call needs in one place.
        return [
            Window(
                f"wechatpay-chain:{{{mchid}}}:{limit.scope}:{limit.calls}/{limit.seconds:g}",
                limit.calls,
                round((limit.seconds + self._margin) * MICROSECONDS),
            )
            for limit in limits
        ]

    async def _take(self, windows: Sequence[Window], longest: float | None, what: str) -> Place:
        try:
            return await self._storage.take(
                windows, None if longest is None else round(longest * MICROSECONDS)
            )
        except NotSentError as error:
            problem = str(error)
        raise NotSentError(f"{what}: {problem}")

    async def _sleep_until(self, moment: float) -> None:
        while (left := moment - self._clock()) > 0:
            await self._sleep(left)

    async def _give_back(self, windows: Sequence[Window], place: Place) -> None:
        # If it cannot be given back it is wasted, and no more than that.
        with suppress(NotSentError, TimeoutError):
            async with asyncio.timeout(GIVING_BACK):
                await self._storage.give_back(windows, place)


def _refusal(what: str, limit: Limit, seconds: float) -> RateLimitError:
    return RateLimitError(
        f"{what}: not sent, the limit of {limit} has no room for another {seconds:.1f} s",
        operation=what,
        calls=limit.calls,
        seconds=limit.seconds,
        retry_after=seconds,
    )
