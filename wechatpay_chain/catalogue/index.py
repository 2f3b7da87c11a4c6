"""Operations by method and path, read from the data files when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from pathlib import Path

from wechatpay_chain.catalogue import notation
from wechatpay_chain.catalogue.operation import Operation, Segments

__all__ = ["children", "find", "headings", "leads", "operations", "segments_of", "texts"]

_LONGEST_HEADING = 256
_DATA = Path(__file__).with_name("data")


@lru_cache(maxsize=1024)
def find(method: str, path: str) -> Operation | None:
    """Return what is known of an operation; None if it is not in the catalogue."""
    segments = segments_of(path)
    group = _group(*segments[:2]) if segments[:2] in _groups() else None
    entry = None if group is None else group.find(method, segments)
    return None if entry is None else entry.operation


def operations(prefix: str = "") -> Iterator[Operation]:
    """Yield every operation whose path begins like that, in the order of paths."""
    return (entry.operation for entry in _entries(prefix))


def headings(prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of the same, without reading what else is known of them."""
    return ((entry.method, entry.path) for entry in _entries(prefix))


def children(path: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the segments that are known to follow a path, and the methods it has itself.

    Any value stands for a path variable, save where the value is a known segment.
    """
    above = segments_of(path)
    depth = len(above)
    if depth < 2:
        known = [group for group in _groups() if group[:depth] == above]
        return frozenset(group[depth] for group in known), frozenset()
    entries = _group(*above[:2]).entries if above[:2] in _groups() else []
    fitting = [one for one in entries if len(one.segments) >= depth and leads(one.segments, above)]
    fitting = [one for one in fitting if one.segments[:depth] == above] or fitting
    segments = frozenset(one.segments[depth] for one in fitting if len(one.segments) > depth)
    return segments, frozenset(one.method for one in fitting if len(one.segments) == depth)


def texts() -> Iterator[str]:
    """Yield the text of each file, in the order of groups: to search is faster than to read."""
    return (_data(*group).decode() for group in sorted(_groups()))


class _Entry:
    """One operation in a file, read when it is asked for."""

    def __init__(self, block: memoryview) -> None:
        heading = bytes(block[:_LONGEST_HEADING]).partition(b"\n")[0].decode()
        self.method, _, self.path = heading.partition(" ")
        self.segments = segments_of(self.path)
        self._block = block

    @cached_property
    def operation(self) -> Operation:
        return notation.parse(str(self._block, "utf-8"))


class _Group:
    """The operations of one file, where a segment of a path may be a ``{variable}``."""

    def __init__(self, data: bytes) -> None:
        self.entries = list(map(_Entry, _blocks(data)))
        self._exact: dict[tuple[str, Segments], _Entry] = {}
        self._templated: dict[tuple[str, int], list[_Entry]] = {}
        for entry in self.entries:
            if any(segment.startswith("{") for segment in entry.segments):
                alike = self._templated.setdefault((entry.method, len(entry.segments)), [])
                alike.append(entry)
            else:
                self._exact[entry.method, entry.segments] = entry

    def find(self, method: str, segments: Segments) -> _Entry | None:
        found = self._exact.get((method, segments))
        if found is not None:
            return found
        fitting = [
            entry
            for entry in self._templated.get((method, len(segments)), ())
            if all(map(_fits, entry.segments, segments))
        ]
        # Of those that differ in the name of a variable alone, the one so named: capitals
        # in a path, as in /secapi/mch/modifyInstitutionsub, are written as a variable.
        for entry in fitting:
            if any(map(_is_named, entry.segments, segments)):
                return entry
        return fitting[0] if fitting else None


def _blocks(data: bytes) -> Iterator[memoryview]:
    """Yield what stands between empty lines, as views: most of it is never read."""
    view, start = memoryview(data), 0
    while start < len(data):
        end = data.find(b"\n\n", start)
        end = len(data) if end < 0 else end
        yield view[start:end]
        start = end + 2


def _entries(prefix: str) -> Iterator[_Entry]:
    for version, name in sorted(_groups()):
        if f"{version}/{name}".startswith(prefix) or prefix.startswith(f"{version}/{name}"):
            yield from (one for one in _group(version, name).entries if one.path.startswith(prefix))


def _fits(template: str, segment: str) -> bool:
    return template == segment or template.startswith("{")


def leads(template: Segments, above: Segments) -> bool:
    """Tell whether a known path goes through another, whose values stand for its variables."""
    return all(map(_fits, template, above))


def _is_named(template: str, segment: str) -> bool:
    return template.startswith("{") and template.strip("{}") == segment.strip("{}").lower()


def segments_of(path: str) -> Segments:
    """Split a path from its protocol version on; a trailing slash or ``{empty}`` adds nothing."""
    segments = [segment for segment in path.split("/") if segment not in ("", "{empty}")]
    for version in ("v3", "v2"):
        if version in segments:
            return tuple(segments[segments.index(version) :])
    return tuple(segments)


@cache
def _groups() -> frozenset[Segments]:
    """Return the first two segments of every known path; each such pair has a file."""
    return frozenset((file.parent.name, file.stem) for file in _DATA.glob("*/*.txt"))


@cache
def _group(version: str, name: str) -> _Group:
    return _Group(_data(version, name))


def _data(version: str, name: str) -> bytes:
    return _DATA.joinpath(version, f"{name}.txt").read_bytes()
