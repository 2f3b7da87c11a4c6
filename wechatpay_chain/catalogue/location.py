"""From what somebody pastes – a path, a URL, an expression – to the operations that it means."""

from __future__ import annotations

import re

from wechatpay_chain.catalogue.index import children, find, headings
from wechatpay_chain.catalogue.operation import Operation
from wechatpay_chain.errors import SegmentError
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.protocol.segments import attribute, normalise

__all__ = ["fold", "is_path", "locate", "nearest", "read"]

_ADDRESS = re.compile(r"https?://[^/]+/")
_PAGE = re.compile(r"https?://pay\.(?:weixin\.qq\.com|wechatpay\.cn)/(?:doc|wiki|static)/")
# As in `response = await client.v3…` or `$instance->v3…`.
_ROOT = re.compile(r"(?:[\w$]+\s*=\s*)?(?:await\s+)?\$?(?P<name>[A-Za-z_]\w*)(?=\s*(?:\.|->|\[))")
_STEP = re.compile(
    r"""\s*(?:
      (?:\.|->)\s*chain\(\s*(?P<quote>['"])(?P<chained>.*?)(?P=quote)\s*\)
    | \[\s*(?P<mark>['"])(?P<item>.*?)(?P=mark)\s*\]
    | (?:\.|->)\s*(?P<name>\w+)(?P<called>\s*\()?
    )""",
    re.VERBOSE,
)
_VERB = re.compile(r"(get|post|put|patch|delete)(?:[-_]?async)?", re.IGNORECASE)
_FOLDED = {"-": "", "_": "", "（": "(", "）": ")"}
_NEAREST = 3
_LIKENESS = 0.75


def fold(text: str) -> str:
    """Return text without what tells spellings apart: capitals, hyphens, underscores."""
    text = text.lower()
    # Several times faster than str.translate, on text with Chinese in it.
    for letter, other in _FOLDED.items():
        text = text.replace(letter, other)
    return text


def is_path(text: str) -> bool:
    """Tell whether text is meant as a path, a URL of the API or an expression, not as a word."""
    text = text.strip()
    return not _PAGE.match(text) and ("/" in text or _ROOT.match(text) is not None)


def read(text: str) -> tuple[str | None, str]:
    """Return (method, path) of a path, a URL or an expression; None if it names no method."""
    text = text.strip()
    method, _, rest = text.partition(" ")
    if method in METHODS and rest:
        return method, read(rest)[1]
    root = _ROOT.match(text)
    if root is not None:
        return _walk(text, root)
    return None, re.split(r"[?#]", _ADDRESS.sub("", text), maxsplit=1)[0].strip("/")


def locate(text: str, method: str | None = None) -> tuple[Operation, ...]:
    """Return the known operations that a path, a URL or an expression means, of one method or all.

    A path may have values for its variables, and any of the spellings: `controlOrders`,
    `control_orders` and `control-orders` are the same.
    """
    named, path = read(text)
    found = _at(path)
    above, _, last = path.rpartition("/")
    verb = _VERB.fullmatch(last)
    if not found and verb:
        named, found = named or verb[1].upper(), _at(above)
    wanted = method or named
    return tuple(one for one in found if wanted in (None, one.method))


def nearest(text: str) -> list[str]:
    """Return the known paths that are most like the one given."""
    from difflib import get_close_matches  # only for this, and it takes memory

    path = read(text)[1]
    folded = {fold(known): known for _, known in headings()}
    return [folded[one] for one in get_close_matches(fold(path), folded, _NEAREST, _LIKENESS)]


def _at(path: str) -> list[Operation]:
    """Return the operations at a path, with ``v2/`` left out too, as on the wire."""
    for given in (path, f"v2/{path}"):
        methods = sorted(children(given)[1], key=METHODS.index)
        found = [one for method in methods if (one := find(method, given)) is not None]
        if found:
            return found
    return _alike(path)


def _alike(path: str) -> list[Operation]:
    wanted = [fold(segment) for segment in path.split("/")]
    found: dict[int, list[Operation]] = {}
    for method, known in headings(wanted[0] if wanted[0] in ("v2", "v3") else "v"):
        segments = known.split("/")
        values = sum(segment.startswith("{") for segment in segments)
        if len(segments) == len(wanted) and all(map(_fits, segments, wanted)):
            one = find(method, known)
            found.setdefault(values, []).extend([one] if one else [])
    return found[min(found)] if found else []


def _fits(template: str, folded: str) -> bool:
    return template.startswith("{") or fold(template) == folded


def _walk(text: str, root: re.Match[str]) -> tuple[str | None, str]:
    """Follow an expression as the chain would."""
    path = root["name"] if root["name"] in ("v2", "v3") else ""
    for step in _steps(text[root.end() :]):
        name = step["name"]
        if name is not None and step["called"]:
            verb = _VERB.fullmatch(name)
            return (verb[1].upper() if verb else None), path
        try:
            segment = (
                normalise(step["chained"] or step["item"] or "")
                if name is None
                else (attribute(path, name))
            )
        except SegmentError:
            break
        path = f"{path}/{segment}" if path else segment
    return None, path.strip("/")


def _steps(text: str) -> list[re.Match[str]]:
    """Return the steps that stand at a text's beginning, one directly behind the other."""
    steps: list[re.Match[str]] = []
    end = 0
    while (step := _STEP.match(text, end)) is not None:
        steps.append(step)
        end = step.end()
        if step["called"]:
            break
    return steps
