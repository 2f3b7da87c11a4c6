"""A signal ends a sync call wherever it strikes, and nothing is left behind."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType
from typing import Any

import pytest

from wechatpay_chain import interruption, loops

TURNS = asyncio.base_events.BaseEventLoop._run_once.__code__


class _AlarmError(Exception):
    """What a program's own handler raises."""


def _raise_alarm(number: int, frame: FrameType | None) -> None:
    raise _AlarmError


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(3)


@contextmanager
def handled(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Handle a signal so, for a while."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def struck(
    strike: Callable[[], object], line: int, times: int = 1, code: CodeType = TURNS
) -> Iterator[None]:
    """Strike before the n-th line that some code runs, by default the loop's own, and after it."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code is not code:
            return None
        if event == "line":
            seen += 1
            if line <= seen < line + times:
                strike()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


async def _waiting(steps: list[str], *, last_turn: bool = True, for_ever: bool = True) -> None:
    """Wait for turns of the loop, as a call does for its socket, and clean up."""
    loop = asyncio.get_running_loop()
    steps.append("began")
    try:
        for _ in range(4):
            turn = loop.create_future()
            loop.call_soon(lambda turn=turn: turn.done() or turn.set_result(None))
            await turn
        if for_ever:
            await loop.create_future()
    finally:
        if last_turn:
            await asyncio.sleep(0)
        steps.append("ended")


CASES = [
    (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
    (signal.SIGTERM, _exit, SystemExit),
    (signal.SIGALRM, _raise_alarm, _AlarmError),
    (signal.SIGUSR1, _raise_alarm, _AlarmError),
]


@pytest.mark.parametrize(
    ("number", "handler", "error"), CASES, ids=["Ctrl-C", "exit", "time limit", "soft time limit"]
)
@pytest.mark.parametrize("line", range(1, 60))
def test_a_signal_strikes_at_any_line_of_the_loop(
    number: signal.Signals, handler: Any, error: type[BaseException], line: int
) -> None:
    """Its call cleans up and ends with what the handler raised, and the next call works."""
    steps: list[str] = []
    with handled(number, handler):
        with pytest.raises(error), struck(lambda: signal.raise_signal(number), line):
            loops.run(_waiting(steps))
        assert steps in (["began", "ended"], [])
        assert signal.getsignal(number) is handler
    assert loops.run(asyncio.sleep(0, "next")) == "next"


@pytest.mark.parametrize("line", range(1, 60))
def test_who_insists_is_not_made_to_wait(line: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal at the worst moment ends the call even if the loop forgot it by that."""
    monkeypatch.setattr(loops, "LAST_TURNS", 0.05)
    steps: list[str] = []
    strike = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    with handled(signal.SIGINT, signal.default_int_handler):
        with pytest.raises(KeyboardInterrupt), struck(strike, line, times=2):
            loops.run(_waiting(steps, last_turn=False))
        assert steps in (["began", "ended"], [])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert loops.run(asyncio.sleep(0, "next")) == "next"


@pytest.mark.parametrize("line", range(1, 30))
def test_a_signal_strikes_while_handlers_are_set(line: int) -> None:
    """No later signal is swallowed by what one interrupted call left behind."""
    setting = interruption.deferred.__wrapped__.__code__
    strike = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    with handled(signal.SIGINT, signal.default_int_handler), handled(signal.SIGTERM, _exit):
        with suppress(KeyboardInterrupt), struck(strike, line, code=setting):
            loops.run(_waiting([], for_ever=False))
        for number, error in [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]:
            with pytest.raises(error):
                signal.raise_signal(number)
    assert loops.run(asyncio.sleep(0, "next")) == "next"


def test_a_handler_that_raises_nothing_runs_at_once_and_ends_nothing() -> None:
    """A program's own handler works during a call as it does elsewhere."""
    told: list[int] = []

    async def signalled() -> str:
        signal.raise_signal(signal.SIGALRM)
        assert told == [signal.SIGALRM]
        return "answer"

    with handled(signal.SIGALRM, lambda number, _: told.append(number)):
        assert loops.run(signalled()) == "answer"


def test_a_handler_that_is_set_during_a_call_stays() -> None:
    """What a handler or a middleware sets is not set back at the end."""

    async def set_anew() -> None:
        signal.signal(signal.SIGALRM, _raise_alarm)

    with handled(signal.SIGALRM, _exit):
        loops.run(set_anew())
        assert signal.getsignal(signal.SIGALRM) is _raise_alarm


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_signal_without_a_handler_is_left_alone(handler: signal.Handlers) -> None:
    """One that is ignored, as by nohup, stays so during a call."""

    async def current() -> Any:
        return signal.getsignal(signal.SIGHUP)

    with handled(signal.SIGHUP, handler):
        assert loops.run(current()) is handler


def test_another_thread_touches_no_handler() -> None:
    """Only the main thread may set one, and only it is ever interrupted."""
    ended: list[str] = []
    thread = threading.Thread(
        target=lambda: ended.append(loops.run(asyncio.sleep(0, "there"))), daemon=True
    )
    thread.start()
    thread.join(30)
    assert ended == ["there"]
