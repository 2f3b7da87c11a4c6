"""What may follow a path, for `dir()` and for the completion of Jupyter and IPython.

These look at living objects; editors and type checkers read `wechatpay_chain.openapi`.
"""

from __future__ import annotations

from wechatpay_chain.catalogue import children, headings
from wechatpay_chain.protocol.segments import camel, snake

__all__ = ["attributes", "keys"]


def attributes(path: str) -> list[str]:
    """Return the attributes that lead to known segments below a path, in both spellings."""
    names = (spell(path, segment) for segment in children(path)[0] for spell in (snake, camel))
    return sorted({name for name in names if name is not None})


def keys(path: str) -> list[str]:
    """Return what leads from a path to known operations when written in brackets."""
    segments, _ = children(path)
    prefix = f"{path}/" if path else ""
    below = {known.removeprefix(prefix) for _, known in headings(prefix)}
    return sorted(below | segments)
