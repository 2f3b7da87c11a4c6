"""What Tab offers behind a path: the names and keys that lead on, and the verbs that are known."""

from __future__ import annotations

from wechatpay_chain.catalogue.index import children, headings, leads, segments_of
from wechatpay_chain.protocol.segments import camel, snake

__all__ = ["keys", "names", "verbs"]


def names(path: str) -> list[str]:
    """Return the attributes that reach the known segments below a path, in both spellings."""
    found: set[str] = set()
    for segment in children(path)[0]:
        found.update(name for spell in (snake, camel) if (name := spell(path, segment)))
    return sorted(found)


def verbs(path: str) -> frozenset[str] | None:
    """Return the HTTP methods that a path has; None if nothing is known of it.

    There are none where known paths only lead on.
    """
    segments, methods = children(path)
    if not segments and not methods:
        return None
    return methods


def keys(path: str) -> list[str]:
    """Return the rest of every known path below this one, for ``client["v3/…"]``."""
    above = segments_of(path)
    known = (tuple(known.split("/")) for _, known in headings("/".join(above[:2])))
    beyond = (one[len(above) :] for one in known if leads(one, above))
    return list(dict.fromkeys("/".join(rest) for rest in beyond if rest))
