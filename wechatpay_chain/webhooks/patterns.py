"""Which types of events a pattern such as ``REFUND.*`` stands for."""

from __future__ import annotations

from wechatpay_chain.errors import ConfigurationError

__all__ = ["check", "matches", "weight"]

ANY = "*"


def check(pattern: object) -> str:
    """Return a pattern: a type, or the beginning of some and a ``*``.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(pattern, str) and pattern and ANY not in pattern[:-1]:
        return pattern
    raise ConfigurationError(
        'a pattern is the type of an event, such as "REFUND.SUCCESS", or its beginning and a '
        'star, such as "REFUND.*" or "*"'
    )


def matches(pattern: str, type: str) -> bool:  # noqa: A002
    """Tell whether a pattern stands for a type."""
    if check(pattern).endswith(ANY):
        return type.startswith(pattern.removesuffix(ANY))
    return pattern == type


def weight(pattern: str) -> tuple[bool, int]:
    """Return what is greater for the more specific of two patterns for the same type."""
    return not pattern.endswith(ANY), len(pattern)
