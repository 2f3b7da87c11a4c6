"""A signal ends a sync call wherever it strikes, and nothing is left behind."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import contextlib
import itertools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from wechatpay_chain import interruption, loops

TURNS = asyncio.base_events.BaseEventLoop._run_once.__code__
AROUND = {loops.__file__, interruption.__file__}


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


def _turns(frame: FrameType) -> bool:
    return frame.f_code is TURNS


def _around(frame: FrameType) -> bool:
    return frame.f_code.co_filename in AROUND


@contextmanager
def struck(
    strike: Callable[[], object],
    line: int,
    times: int = 1,
    where: Callable[[FrameType], bool] = _turns,
) -> Iterator[None]:
    """Strike before the n-th line that runs there, in the event loop's own code, and after it."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if not where(frame):
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


async def _waiting(steps: list[str], *, last_turn: bool = True) -> None:
    """Wait for turns of the loop, as a call does for its socket, and clean up."""
    loop = asyncio.get_running_loop()
    steps.append("began")
    try:
        for _ in range(12):
            turn = loop.create_future()
            loop.call_soon(lambda turn=turn: turn.done() or turn.set_result(None))
            await turn
        await loop.create_future()
    finally:
        if last_turn:
            await asyncio.sleep(0)
        steps.append("ended")


async def _short(steps: list[str]) -> None:
    """Take a few turns of the loop."""
    steps.append("began")
    try:
        for _ in range(3):
            await asyncio.sleep(0)
    finally:
        steps.append("ended")


def _inside_a_loop(call: Any) -> Any:
    """Make a sync call where a loop runs, as in Jupyter."""

    async def blocking() -> Any:
        return loops.run(call)

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(blocking())
    finally:
        loop.close()


def _apart(function: Callable[..., object], *arguments: object) -> Iterator[object]:
    """Call something in a generator, which has its own record of what is being handled.

    A trace that raises in an ``except`` clause leaves that clause's error there (CPython 3.11).
    """
    yield function(*arguments)


CASES = {
    "Ctrl-C": (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
    "exit": (signal.SIGTERM, _exit, SystemExit),
    "time limit": (signal.SIGALRM, _raise_alarm, _AlarmError),
    "soft time limit": (signal.SIGUSR1, _raise_alarm, _AlarmError),
}


@pytest.mark.parametrize(("number", "handler", "error"), CASES.values(), ids=CASES)
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


@pytest.mark.parametrize("face", [loops.run, _inside_a_loop])
@pytest.mark.parametrize(("number", "handler", "error"), CASES.values(), ids=CASES)
def test_a_signal_strikes_at_any_line_around_the_loop(
    number: signal.Signals, handler: Any, error: type[BaseException], face: Any
) -> None:
    """No call begins after its caller was told that it ended, and nobody's handler is lost."""
    for line in itertools.count(1):
        struck_at: list[int] = []
        steps: list[str] = []
        call = _short(steps)

        def strike(struck_at: list[int] = struck_at, line: int = line) -> None:
            struck_at.append(line)
            signal.raise_signal(number)

        with contextlib.ExitStack() as stack:
            for one, theirs, _ in CASES.values():
                stack.enter_context(handled(one, theirs))
            ended = None
            try:
                with struck(strike, line, where=_around):
                    next(_apart(face, call))
            except BaseException as raised:  # noqa: BLE001 - it is looked at
                ended = type(raised)
            assert [signal.getsignal(one) for one, _, _ in CASES.values()] == [
                theirs for _, theirs, _ in CASES.values()
            ]
        if not struck_at:
            assert line > 20
            break
        assert sys.exception() is None
        assert ended is error
        assert steps in (["began", "ended"], [])
        before = list(steps)
        assert face(asyncio.sleep(0, "next")) == "next"
        assert steps == before
        # One that never began is not warned of.
        call.close()


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
