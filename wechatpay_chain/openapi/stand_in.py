"""What the modules of documents hold at run time: any name, for a plain dict.

So a program may import the types of its documents as it imports anything, and
what only type checkers need is never read when it runs.
"""

from __future__ import annotations

__all__ = ["__getattr__"]


def __getattr__(name: str) -> type[dict[str, object]]:
    """Return what a document is at run time.

    Raises:
        AttributeError: a name by which Python itself looks for something.
    """
    if name.startswith("_"):
        raise AttributeError(name)
    return dict
