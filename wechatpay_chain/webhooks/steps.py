"""One flow for sync and async code: a generator that says what to call, and two ways to do it.

What a flow calls is somebody else's: a handler, a duplicate hook, a ring of keys. Each may be
sync or async, whichever the program around it is.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from wechatpay_chain import loops
from wechatpay_chain.protocol.frames import without_frames

__all__ = ["Call", "Flow", "run", "run_async"]

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """What a flow wants to be called; it is sent what that returns, or thrown what it raises.

    With `to_its_end`, a caller that is cancelled meanwhile is told only when the flow ends.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    to_its_end: bool = False

    def __repr__(self) -> str:
        return "<Call>"


Flow: TypeAlias = Generator[Call, Any, T]


@without_frames
def run(flow: Flow[T]) -> T:
    """Run a flow in the caller's thread; sync functions see no running loop but the caller's."""
    advance: Callable[[], Call] = partial(next, flow)
    requests = _cancelling()
    while True:
        try:
            call = advance()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            value = call.function(*call.arguments)
            if inspect.isawaitable(value):
                value = loops.run(loops.waited(value))
            advance = partial(flow.send, value)
        except BaseException as error:  # noqa: BLE001 - the flow decides
            advance = partial(flow.throw, _meant(error, requests))


async def run_async(flow: Flow[T]) -> T:
    """Run a flow on the running loop; async functions are awaited, others get a thread.

    A thread cannot be stopped: a caller that is cancelled meanwhile is told at the flow's end,
    so that what was done is known as done.
    """
    advance: Callable[[], Call] = partial(next, flow)
    cancelled: list[asyncio.CancelledError] = []
    requests = _cancelling()
    while True:
        try:
            call = advance()
        except StopIteration as end:
            if cancelled:
                raise cancelled[0] from None
            return end.value  # type: ignore[no-any-return]
        try:
            advance = partial(flow.send, await _called(call, cancelled))
        except BaseException as error:  # noqa: BLE001 - the flow decides
            advance = partial(flow.throw, _meant(error, requests))


async def _called(call: Call, cancelled: list[asyncio.CancelledError]) -> Any:
    if _is_async(call.function):
        value = call.function(*call.arguments)
    else:
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        # The loop's own pool has a handful of threads, for which a program has other uses.
        value = await _ended(
            loop.run_in_executor(loops.helpers(), lambda: context.run(_plainly, call)),
            cancelled,
        )
    if not inspect.isawaitable(value):
        return value
    return await (_ended(asyncio.ensure_future(value), cancelled) if call.to_its_end else value)


def _plainly(call: Call) -> Any:
    try:
        return call.function(*call.arguments)
    except StopIteration as error:
        # No future can hold it, so that one would never end: a handler's `next` that finds nothing.
        raise RuntimeError("StopIteration").with_traceback(error.__traceback__) from None


async def _ended(future: asyncio.Future[T], cancelled: list[asyncio.CancelledError]) -> T:
    """Wait for a future's end, noting if the caller is cancelled meanwhile."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled.append(error)
    return future.result()


def _cancelling() -> int:
    """Return how often the running task was asked to end; 0 outside of any."""
    task = None if loops.running_loop() is None else asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _meant(error: BaseException, requests: int) -> BaseException:
    """Return what an error means to the flow.

    A function may have cancelled something of its own and waited for it: then nobody asked the
    caller to end, and it is an error like any other.
    """
    if isinstance(error, asyncio.CancelledError) and _cancelling() <= requests:
        return concurrent.futures.CancelledError().with_traceback(error.__traceback__)
    return error


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - not whether, but how it is called
    )
