"""Names → path segments: the PHP SDK's normalisation and Python's dialect on top.

`normalise` mirrors the PHP SDK, surprises included, for whatever is given to an
attribute, an item or ``chain()``. `attribute` adds what only Python attributes
need: words joined by underscores, keywords with a trailing one, and refusing
the names by which shells, debuggers and `copy` probe an object.
"""

from __future__ import annotations

import keyword
import re
from functools import lru_cache

from wechatpay_chain.errors import SegmentError

__all__ = ["attribute", "camel", "has_capital", "is_v2", "normalise", "snake"]

_CAPITAL = re.compile(r"[A-Z]")
_HYPHEN = re.compile(r"-([a-z])")
_PLACEHOLDER = re.compile(r"_(.*)_", re.DOTALL)
_PROBED = ("_repr_", "_ipython_")

# The segments that really contain an underscore, by the paths they stand under;
# {} is any one segment. Everywhere else under v3 an underscore means a hyphen.
_V3_UNDERSCORES: dict[str, tuple[str, ...]] = {
    "mch_operate": ("v3",),
    "mch_archives": ("v3/aggracct-bc/wb-channel/account",),
    "mch_media": ("v3/aggracct-bc/wb-channel/account",),
    "sub_merchants": ("v3/apply4sub",),
    "applyment_id": ("v3/applyment4sub/applyment",),
    "business_code": ("v3/applyment4sub/applyment",),
    "commit_status": ("v3/businesscircle/users/{}/points",),
    "available_abroad_amounts": ("v3/funds-to-oversea/transactions/{}",),
    "video_upload": ("v3/merchant/media",),
    "policy_periods": ("v3/papay/insurance-sign",),
}
# Under v2 it is the other way round: underscores stay, save here.
_V2_HYPHENS = {"cgi_bin": "cgi-bin"}


def normalise(text: str) -> str:
    """Turn capitals into hyphens and ``_name_`` into ``{name}``, as the PHP SDK does.

    The whole string counts, not each segment: ``_name_`` is a placeholder only
    when nothing else is there, and every capital but a first one gets a hyphen.
    """
    if _CAPITAL.search(text):
        head = text[0].lower() if text[0].isascii() else text[0]
        text = head + _CAPITAL.sub(lambda found: "-" + found[0].lower(), text[1:])
    placeholder = _PLACEHOLDER.fullmatch(text)
    return "{" + placeholder[1] + "}" if placeholder else text


def has_capital(text: str) -> bool:
    """Tell whether `normalise` would rewrite a capital letter."""
    return _CAPITAL.search(text) is not None


@lru_cache(maxsize=4096)
def attribute(path: str, name: str) -> str:
    """Return the segment that an attribute stands for, under a path.

    Raises:
        SegmentError: a name that only Python itself or a tool would ask for.
    """
    if name == "_":
        return name
    if name.startswith("_"):
        if not _PLACEHOLDER.fullmatch(name) or name.startswith(("__", *_PROBED)):
            raise SegmentError(
                f"{name!r} is no path segment: a path variable is written _name_ or ['{{name}}']"
            )
        return normalise(name)
    segment = normalise(name.removesuffix("_"))
    if "_" not in segment:
        return segment
    above = path.split("/")
    if "v3" in above:
        return segment if _keeps_underscore(above, segment) else segment.replace("_", "-")
    return _V2_HYPHENS.get(segment, segment) if is_v2(path) else segment


def is_v2(path: str) -> bool:
    """Tell whether a path belongs to the XML protocol."""
    return path[:3].lower() == "v2/" or path.lower() == "v2"


def _keeps_underscore(above: list[str], segment: str) -> bool:
    above = above[above.index("v3") :]
    for parent in _V3_UNDERSCORES.get(segment, ()):
        wanted = parent.split("/")
        if len(wanted) == len(above) and all(
            want in ("{}", got) for want, got in zip(wanted, above, strict=True)
        ):
            return True
    return False


def snake(path: str, segment: str) -> str | None:
    """Return the attribute in snake_case that reaches a segment under a path; None if none does."""
    return _spelled(path, segment, segment.replace("-", "_"))


def camel(path: str, segment: str) -> str | None:
    """Return the attribute in PHP's camelCase that reaches a segment; None if none does."""
    return _spelled(path, segment, _HYPHEN.sub(lambda found: found[1].upper(), segment))


def _spelled(path: str, segment: str, name: str) -> str | None:
    if segment.startswith("{"):
        name = f"_{segment.strip('{}')}_"
    elif keyword.iskeyword(name):
        name += "_"
    if not name.isidentifier():
        return None
    try:
        return name if attribute(path, name) == segment else None
    except SegmentError:
        return None
