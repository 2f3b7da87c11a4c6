"""Errors that leave without the frames in which keys and plaintexts stand.

A crash reporter shows each frame of a traceback with its local variables. A function
that takes a secret as it is cannot keep it out of its own frame; this can.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["without_frames"]

P = ParamSpec("P")
R = TypeVar("R")


def without_frames(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function's errors start at its caller: what is inside, and the arguments, never show.

    ::

        @without_frames
        def decrypt(ciphertext: str, key: str) -> str: …
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - it is raised again
            bare = error.with_traceback(None)
        del args, kwargs
        bare.__cause__ = bare.__context__ = None
        try:
            # Outside of the except clause, which would be its context.
            raise bare
        finally:
            del bare

    return call
