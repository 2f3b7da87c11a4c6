"""The ``headers`` option → the headers of a request.

A line break in a header would let its value write headers of its own, so every
name and value is checked before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol import sensitive
from wechatpay_chain.protocol.sensitive import Path
from wechatpay_chain.protocol.text import scalar

__all__ = ["BROKEN", "build"]

_V3 = {
    "Accept": "application/json, text/plain, application/x-gzip, application/pdf, image/png, "
    "image/*;q=0.5",
    "Content-Type": "application/json; charset=utf-8",
}
_V2 = {
    "Accept": "text/xml, text/plain, application/x-gzip",
    "Content-Type": "text/xml; charset=utf-8",
}

# RFC 9110, section 5.6.2: what a header's name may be made of.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
BROKEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no header may hold: line breaks and other control characters."""

# These say where a message ends and who it is for; the transport alone knows.
_TRANSPORT_HEADERS = frozenset(
    {"authorization", "connection", "content-length", "expect", "host", "te", "transfer-encoding"}
)


def build(
    given: Any, content_type: str | None, sealed: list[Path], *, is_v2: bool
) -> CIMultiDict[str]:
    """Return the headers of a call: the defaults, and the caller's in their place.

    Args:
        given: the ``headers`` option. None takes all defaults away, and None as a
            header's value that default.
        content_type: what the body implies, if it does.
        sealed: gets the paths of `Sensitive` values.
        is_v2: whether the request is of the XML protocol.

    Raises:
        RequestError: a name or value is no header, or not the caller's to set.
    """
    headers = CIMultiDict({} if given is None else _V2 if is_v2 else _V3)
    if content_type is not None:
        headers["Content-Type"] = content_type
    if given is None:
        return headers
    if not isinstance(given, Mapping):
        raise RequestError(f"headers must be a mapping, not {type(given).__name__}")
    found: list[Path] = []
    plain = sensitive.unwrap(given, ("headers",), found)
    sealed.extend(found)
    for name in plain:
        headers.popall(_header_name(name), None)
    for name, value in plain.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None:
                headers.add(name, _header_value(name, item))
    return headers


def _header_name(name: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise RequestError("a header's name must be made of letters, digits and hyphens")
    if name.lower() in _TRANSPORT_HEADERS:
        raise RequestError(f"the header {name} is not the caller's to set: leave it out")
    return name


def _header_value(name: str, value: object) -> str:
    text = scalar(value, f"the header {name}")
    if BROKEN.search(text):
        raise RequestError(f"the header {name} holds a line break or another control character")
    return text.strip(" \t")
