"""What the commands take as arguments, read and checked."""

from __future__ import annotations

import argparse
from contextlib import suppress
from math import inf
from typing import Any

from wechatpay_chain.protocol.methods import METHODS

__all__ = ["Once", "method", "seconds", "timeout"]


class Once(argparse.Action):
    """Store a value, and want it no second time: the last one must not win in silence."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store it."""
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "it is given twice: give it once")
        setattr(namespace, self.dest, values)


def method(text: str) -> str:
    """Return an HTTP method in capitals."""
    if text.upper() not in METHODS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(METHODS)}")
    return text.upper()


def seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    with suppress(ValueError):
        if 0 < float(text) < inf:
            return float(text)
    raise argparse.ArgumentTypeError("that is no number of seconds")


def timeout(text: str) -> float:
    """Return a number of seconds, or 0 for no limit."""
    with suppress(ValueError):
        if 0 <= float(text) < inf:
            return float(text)
    raise argparse.ArgumentTypeError("that is no number of seconds; 0 is for no limit")
