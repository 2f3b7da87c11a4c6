"""Find operations by words: of a path, a Chinese name, a field, or the address of a page.

The data files' text is searched before any of it is read as operations, so that a
search takes milliseconds. What comes first is what people mostly mean: see `_rank`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import log2

from wechatpay_chain.catalogue.index import find, texts
from wechatpay_chain.catalogue.location import fold, is_path, read
from wechatpay_chain.catalogue.notation import split
from wechatpay_chain.catalogue.operation import Operation

__all__ = ["Group", "Match", "Place", "groups", "search", "suggest"]

_FIELD = re.compile(r"^ +(.+?)\*?: ", re.MULTILINE)
_NAME = re.compile(r"^name: (.+)$", re.MULTILINE)
_PATH = re.compile(r"^[A-Z]+ (v\d/.+)$", re.MULTILINE)
# Its address, or its number.
_PAGE = re.compile(r"https?://.*|\d{6,}")
_SUGGESTED = 5
_ANSWER = "\nresponse\n"
_VERSION = re.compile(r"(?<=.)v\d$")
_DEPRECATED = "\ndeprecated: "
_OVERSEAS = re.compile(r"^base_uri: \S*hk\b", re.MULTILINE)


class Place(IntEnum):
    """Where a word was found; the lower, the more likely it is what was meant."""

    WHOLE_NAME = 0
    NAME = 1
    LAST_SEGMENT = 2
    BENEATH = 3
    SEGMENT = 4
    PATH = 5
    PAGE = 6
    FIELD = 7
    ANSWER_FIELD = 8
    PART_OF_FIELD = 9
    PART_OF_ANSWER_FIELD = 10


@dataclass(frozen=True, slots=True)
class Match:
    """One operation that has every word, and where it has them.

    `places` and `fields` are in the order of the words; where it was no field that
    had the word, its name is empty.
    """

    method: str
    path: str
    name: str
    places: tuple[Place, ...]
    fields: tuple[str, ...]
    deprecated: bool

    @property
    def operation(self) -> Operation | None:
        """All that is known of it."""
        return find(self.method, self.path)

    @property
    def is_exact(self) -> bool:
        """Whether each word is its whole name or the last segment of its path."""
        return all(place in (Place.WHOLE_NAME, Place.LAST_SEGMENT) for place in self.places)

    @property
    def where(self) -> str:
        """Where the words were found, to be shown."""
        return ", ".join(dict.fromkeys(map(_told, self.places, self.fields)))


@dataclass(frozen=True, slots=True)
class Group:
    """Operations whose paths begin with the same two segments."""

    path: str
    count: int
    names: tuple[str, ...]


def groups() -> list[Group]:
    """Return all groups, each with the names of its operations, the shortest first."""
    found = []
    for text in texts():
        paths, names = _PATH.findall(text), _names(text)
        found.append(Group("/".join(paths[0].split("/")[:2]), len(paths), tuple(names)))
    return found


def search(words: Sequence[str], method: str | None = None) -> list[Match]:
    """Return the operations that have every word, those that are mostly meant first.

    Args:
        words: parts of a path in any spelling, of a name, of a field's name; or the
            address or number of an official page.
        method: only operations of this HTTP method.
    """
    wanted = [fold(read(word)[1] if is_path(word) else word.strip()) for word in words]
    wanted = [word for word in wanted if word]
    found = []
    for text in texts():
        folded = fold(text)
        if all(word in folded for word in wanted):
            found += [one for block in split(text) if (one := _match(*block, wanted))]
    matches = [match for _, match in sorted(found, key=lambda one: one[0])]
    # Who gives a path down to v3/pay does not ask for v3/payscore.
    beneath = [one for one in matches if Place.BENEATH in one.places]
    return [one for one in beneath or matches if method in (None, one.method)]


def suggest(words: Sequence[str]) -> list[str]:
    """Return known words that are like those of which nothing is known."""
    from difflib import get_close_matches  # only for this, and it takes memory

    known = "".join(texts())
    folded = fold(known)
    unknown = [word for word in words if fold(word) not in folded]
    if not unknown:
        return []
    names = _names(known)
    segments = [part for path in _PATH.findall(known) for part in path.split("/")]
    vocabulary = {fold(one): one for one in (*_FIELD.findall(known), *segments, *names)}
    found: Counter[str] = Counter()
    for word in unknown:
        # Chinese words mostly differ in the order of their parts: 退款查询, 查询退款.
        if not word.isascii():
            found.update([one for one in names if set(word) <= set(one)][:_SUGGESTED])
        close = get_close_matches(fold(word), vocabulary, _SUGGESTED)
        found.update(vocabulary[one] for one in close)
    return list(found)[:_SUGGESTED]


_Key = tuple[bool, int, int, float, str]


def _names(text: str) -> list[str]:
    """Return the names of a text's operations, the shortest first: they are the general ones."""
    return sorted(dict.fromkeys(_NAME.findall(text)), key=len)


def _match(heading: str, block: str, wanted: Sequence[str]) -> tuple[_Key, Match] | None:
    folded = fold(block)
    if not all(word in folded for word in wanted):
        return None
    method, _, path = heading.partition(" ")
    named = _NAME.search(block)
    name = named[1] if named else ""
    found = [place for word in wanted if (place := _place(word, path, name, block))]
    if len(found) < len(wanted):
        return None
    places = tuple(place for place, _ in found)
    fields = tuple(field for _, field in found)
    match = Match(method, path, name, places, fields, _DEPRECATED in block)
    return _rank(match, block), match


def _place(word: str, path: str, name: str, block: str) -> tuple[Place, str] | None:
    """Return where a word is in a block, with the name of the field that has it."""
    if word in fold(name):
        return (Place.WHOLE_NAME if word == fold(name) else Place.NAME), ""
    if word in fold(path):
        return _place_in_path(word, fold(path)), ""
    request, _, answer = block.partition(_ANSWER)
    if _PAGE.fullmatch(word):
        pages = [line for line in fold(request).splitlines() if line.startswith("doc: ")]
        return (Place.PAGE, "") if any(word in page for page in pages) else None
    asked, answered = _FIELD.findall(request), _FIELD.findall(answer)
    for whole in (True, False):
        for names, place in ((asked, Place.FIELD), (answered, Place.ANSWER_FIELD)):
            for field in names:
                if word == fold(field) or (not whole and word in fold(field)):
                    return (place if whole else Place(place + 2)), field
    return None


def _place_in_path(word: str, path: str) -> Place:
    if "/" in word and f"{path}/".startswith(f"{word}/"):
        return Place.BENEATH
    segments = [_stem(one) for one in path.split("/") if not one.startswith("{")]
    word = _stem(word)
    if word == segments[-1]:
        return Place.LAST_SEGMENT
    return Place.SEGMENT if word in segments else Place.PATH


def _stem(word: str) -> str:
    """Return a word that is the same for one refund and many, and for ``complaints-v2``."""
    return _VERSION.sub("", word).removesuffix("s")


def _rank(match: Match, block: str) -> _Key:
    """Return what matches are sorted by.

    What WeChat Pay advises against comes last. Of those that have the words in
    equally telling places, first v3 at the usual
    hosts, then v2, then overseas. What is more general has a shorter name and path,
    and more products need it, so that more pages document it.
    """
    far = 2 if _OVERSEAS.search(block) else int(match.path.startswith("v2/"))
    is_named = all(place <= Place.NAME for place in match.places)
    special = match.path.count("/") - log2(1 + block.count("\ndoc: "))
    if is_named:
        special += 0.75 * len(match.name)
    return match.deprecated, sum(match.places), far, special, f"{match.path} {match.method}"


def _told(place: Place, field: str) -> str:
    if field:
        return f"answer {field}" if "ANSWER" in place.name else field
    if place is Place.PAGE:
        return "page"
    return "name" if place <= Place.NAME else "path"
