"""What the ``*_async`` verbs return: a coroutine with PHP's promise methods.

Python code awaits it, or gives it to `asyncio.create_task`, `gather`,
`wait_for` or a `TaskGroup`. Ported code chains it::

    client.v3.pay.transactions.native.post_async(json=order).then(show).otherwise(log).wait()

Nothing is sent before one of these happens. It is sent once, however often the
promise is awaited afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from inspect import isawaitable
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, overload

from wechatpay_chain.errors import ConfigurationError

__all__ = ["Promise", "Runner"]

T = TypeVar("T")
Runner = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end from code that is not async."""


class Promise(Coroutine[Any, Any, T], Generic[T]):
    """A call that has not been made yet; awaiting it makes it."""

    __slots__ = ("__weakref__", "_coroutine", "_drivers", "_outcome", "_run", "_waiting")

    def __init__(self, coroutine: Coroutine[Any, Any, T], run: Runner) -> None:
        self._coroutine = coroutine
        self._run = run
        # Each task that runs this promise has a driver of its own; the first one sends.
        self._drivers: dict[object, Coroutine[Any, Any, T]] = {}
        self._outcome: _Outcome[T] | None = None
        self._waiting: list[asyncio.Future[None]] | None = None

    def then(
        self,
        on_fulfilled: Callable[[T], Any] | None = None,
        on_rejected: Callable[[Exception], Any] | None = None,
    ) -> Promise[Any]:
        """Return a promise of what `on_fulfilled` makes of this one's value.

        What a callback returns is the new promise's value, and what it raises its
        error; if it returns a promise (or anything awaitable), the new one follows
        it. Without the callback that applies, value or error pass unchanged.
        """
        return Promise(_then(self, on_fulfilled, on_rejected), self._run)

    def otherwise(self, on_rejected: Callable[[Exception], Any]) -> Promise[Any]:
        """Return a promise of what `on_rejected` makes of this one's error.

        Unless it raises, the error is mended: the new promise has its value.
        """
        return self.then(None, on_rejected)

    @overload
    def wait(self, unwrap: Literal[True] = True) -> T: ...
    @overload
    def wait(self, unwrap: bool) -> T | None: ...
    def wait(self, unwrap: bool = True) -> T | None:
        """Make the call now and return its value, from code that is not async.

        With ``unwrap=False`` an error is kept in the promise instead of raised.
        """
        try:
            value: T = self._run(self)
        except Exception:
            if unwrap:
                raise
            return None
        return value if unwrap else None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._settle().__await__()

    def send(self, value: Any) -> Any:
        """Run until the next suspension; for event loops, not for people."""
        task = _current_task()
        driver = self._drivers.get(task)
        if driver is None:
            driver = self._drivers[task] = self._settle()
        return self._drive(task, driver.send, value)

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> Any:
        """Raise an error where the promise is suspended; for event loops, not for people."""
        error = kind if isinstance(kind, BaseException) else kind(value)
        task = _current_task()
        driver = self._drivers.get(task)
        if driver is not None:
            return self._drive(task, driver.throw, error)
        if self._waiting is None:
            self._abandon(error)
        raise error

    def close(self) -> None:
        """Give the promise up: nothing will be sent that was not sent already."""
        for driver in self._drivers.values():
            driver.close()
        self._drivers.clear()
        self._abandon(asyncio.CancelledError())

    def __repr__(self) -> str:
        state = "pending" if self._outcome is None else self._outcome.state
        return f"<Promise {state}>"

    def _drive(self, task: object, step: Callable[[Any], Any], value: Any) -> Any:
        try:
            return step(value)
        except BaseException:
            # Also StopIteration, by which a coroutine says that it is done.
            self._drivers.pop(task, None)
            raise

    def _abandon(self, error: BaseException) -> None:
        if self._outcome is None:
            self._outcome = _Outcome(error=error)
            self._coroutine.close()

    async def _settle(self) -> T:
        while self._outcome is None:
            if self._waiting is not None:
                await self._wait_for_other()
                continue
            self._waiting = []
            try:
                self._outcome = _Outcome(value=await self._coroutine)
            except BaseException as error:
                self._outcome = _Outcome(error=error)
                raise
            finally:
                for waiting in self._waiting:
                    waiting.get_loop().call_soon_threadsafe(_wake, waiting)
        return self._outcome.get()

    async def _wait_for_other(self) -> None:
        """Wait for whoever awaited this promise first: it is sent once."""
        if self._waiting is None:
            raise ConfigurationError("nobody is sending this promise")
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting


class _Outcome(Generic[T]):
    __slots__ = ("_error", "_value")

    def __init__(self, value: T | None = None, error: BaseException | None = None) -> None:
        self._value = value
        self._error = error

    @property
    def state(self) -> str:
        return "fulfilled" if self._error is None else "rejected"

    def get(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


def _current_task() -> object:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def _then(
    promise: Promise[T],
    on_fulfilled: Callable[[T], Any] | None,
    on_rejected: Callable[[Exception], Any] | None,
) -> Any:
    try:
        value: Any = await promise
    except Exception as error:
        if on_rejected is None:
            raise
        return await _follow(on_rejected(error))
    return value if on_fulfilled is None else await _follow(on_fulfilled(value))


async def _follow(value: Any | Awaitable[Any]) -> Any:
    while isawaitable(value):
        value = await value
    return value
