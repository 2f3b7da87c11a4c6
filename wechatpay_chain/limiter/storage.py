"""What a storage of a limiter does: it gives each call its moment, and takes it back.

Moments are whole microseconds of one clock, so that those who share a storage
agree on them exactly. A call gets the first moment, from now on, at which one more
call leaves no window with more calls than it may hold. Those who come later see
the moments given before, so nobody asks twice: there is one question a call,
first come, first served, and no crowd when a window opens.

What is underneath is redis-py and one script. Libraries of rate limits (limits 5.8,
pyrate-limiter 4.5) go by each machine's own clock, so that one that is ahead lets
twice as many through, and answer no more than yes or no, for one limit at a time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["MICROSECONDS", "Place", "Storage", "Window"]

MICROSECONDS = 1_000_000
"""In a second."""


@dataclass(frozen=True, slots=True)
class Window:
    """A limit as it is counted: at most `calls` in any `length` microseconds, under a key."""

    key: str
    calls: int
    length: int


@dataclass(frozen=True, slots=True)
class Place:
    """The answer to a call: how many microseconds from now its moment is.

    `decisive` is the index of the window that made it so late. `name` is what the call
    is known by; None says that the moment is too far away, and has not been given.
    """

    wait: int
    decisive: int
    name: str | None


class Storage(Protocol):
    """Where the moments of calls are kept."""

    @abstractmethod
    async def take(self, windows: Sequence[Window], longest: int | None) -> Place:
        """Give a call its moment in all windows at once, if that is within `longest`.

        Raises:
            NotSentError: the storage cannot be reached.
        """

    async def give_back(self, windows: Sequence[Window], place: Place) -> None:
        """Forget a moment that is not going to be used."""

    def close(self) -> None:
        """Close what is open."""

    async def aclose(self) -> None:
        """Close what is open."""
