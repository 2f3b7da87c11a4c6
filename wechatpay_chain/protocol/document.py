"""JSON in and out: written once and compactly, read strictly.

Two readers of one document must agree on what it says, so what they could read
differently is refused: a key that stands twice, NaN and infinities, nesting
beyond any real answer, bytes that are no UTF-8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from wechatpay_chain.errors import DecodeError, RequestError
from wechatpay_chain.protocol.sensitive import Marked, Sensitive

__all__ = ["MAXIMUM_DEPTH", "dumps", "loads"]

MAXIMUM_DEPTH = 64
_OPENING, _CLOSING = frozenset("{["), frozenset("}]")


def dumps(value: object, where: str = "json") -> bytes:
    """Return the bytes of a JSON document: those that are signed, and sent.

    Raises:
        RequestError: something in it has no JSON form.
        Marked: a `Sensitive` value is in it, which has to be unwrapped first.
    """
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        raise RequestError(f"{where} holds half a surrogate pair, which is no text") from None
    except (TypeError, ValueError, RecursionError) as error:
        # The standard library's words name a type at most, never a value.
        raise RequestError(f"{where} has no JSON form: {_first_line(error)}") from None


def loads(body: bytes) -> Any:
    """Return the value of a JSON document.

    Raises:
        DecodeError: it is no JSON, or JSON that could be read in two ways.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError("the body is not UTF-8, so it is no JSON") from None
    if _too_deep(text):
        raise DecodeError(f"the body is nested deeper than {MAXIMUM_DEPTH} levels")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DecodeError(f"the body is no JSON (at {place})") from None
    except ValueError:
        # An integer of thousands of digits: Python refuses to convert it.
        raise DecodeError("the body holds a number too long to read") from None


def _too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= MAXIMUM_DEPTH:
        return False
    depth = 0
    in_string = escaped = False
    for letter in text:
        if in_string:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = True
        elif letter in _OPENING:
            depth += 1
            if depth > MAXIMUM_DEPTH:
                return True
        elif letter in _CLOSING:
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DecodeError("the body has a JSON object with the same key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise DecodeError(f"the body holds {name}, which is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise DecodeError("the body holds a number too large to read")
    return value


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _no_form(value: object) -> object:
    if isinstance(value, Sensitive):
        raise Marked
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"an object of type {type(value).__name__}")


# Made once: json.dumps and json.loads would make one for every call.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_no_form
)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
