"""What the commands take as arguments, read and checked."""

from __future__ import annotations

import argparse
from contextlib import suppress
from math import inf

from wechatpay_chain.protocol.methods import METHODS

__all__ = ["method", "seconds", "timeout"]


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
