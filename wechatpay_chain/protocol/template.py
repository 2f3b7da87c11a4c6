"""RFC 6570 templates → paths, refusing what would become another operation.

All operators and modifiers expand as the PHP SDK's expander does. One thing is
stricter: a path variable that is missing or empty, and a ``.`` or ``..``
segment however it came, is refused, because ``…/id/{transaction_id}`` without
its value is a different operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from wechatpay_chain.errors import RequestError
from wechatpay_chain.protocol.text import encode, keep_reserved, scalar

__all__ = ["OPTIONAL", "expand", "variables"]

OPTIONAL = frozenset({"empty", "stub"})
"""The variables that may be missing: the documented ways to keep a trailing slash."""


class _Operator(NamedTuple):
    # RFC 6570, appendix A: the table that drives the whole expansion.
    first: str
    separator: str
    named: bool
    if_empty: str
    reserved: bool
    in_path: bool


_OPERATORS = {
    "": _Operator("", ",", False, "", False, True),
    "+": _Operator("", ",", False, "", True, True),
    "#": _Operator("#", ",", False, "", True, False),
    ".": _Operator(".", ".", False, "", False, True),
    "/": _Operator("/", "/", False, "", False, True),
    ";": _Operator(";", ";", True, "", False, True),
    "?": _Operator("?", "&", True, "=", False, False),
    "&": _Operator("&", "&", True, "=", False, False),
}


class _Variable(NamedTuple):
    name: str
    explode: bool
    prefix: int | None


class _Expression(NamedTuple):
    operator: _Operator
    variables: tuple[_Variable, ...]
    in_path: bool


_EXPRESSION = re.compile(r"\{([^}]+)\}")
_DOTS = re.compile(r"(?:^|[/\\])(?:\.|%2e){1,2}(?=$|[/\\])", re.IGNORECASE)


def expand(template: str, values: Mapping[str, object]) -> str:
    """Return the path (and query, if the template has one) with its variables filled in.

    Raises:
        RequestError: a path variable is missing, empty, or would change the path's
            meaning; or a value is no scalar, list or mapping.
    """
    parts: list[str] = []
    for part in _parse(template):
        parts.append(part if isinstance(part, str) else _fill(part, values, template))
    expanded = "".join(parts)
    if _DOTS.search(expanded.partition("?")[0].partition("#")[0]):
        raise RequestError(f"a segment of {template!r} is '.' or '..', which names another path")
    return expanded


@lru_cache(maxsize=1024)
def variables(template: str) -> frozenset[str]:
    """Return the names of a template's variables."""
    return frozenset(
        variable.name
        for part in _parse(template)
        if not isinstance(part, str)
        for variable in part.variables
    )


@lru_cache(maxsize=1024)
def _parse(template: str) -> tuple[str | _Expression, ...]:
    parts: list[str | _Expression] = []
    end = 0
    in_path = True
    for found in _EXPRESSION.finditer(template):
        literal = template[end : found.start()]
        in_path = in_path and not {"?", "#"} & set(literal)
        if literal:
            parts.append(keep_reserved(literal, f"the path {template!r}"))
        expression = _expression(found[1], in_path)
        in_path = expression.in_path
        parts.append(expression)
        end = found.end()
    if template[end:]:
        parts.append(keep_reserved(template[end:], f"the path {template!r}"))
    return tuple(parts)


def _expression(text: str, in_path: bool) -> _Expression:
    operator = _OPERATORS[text[0] if text[0] in _OPERATORS else ""]
    names = text[1:] if text[0] in _OPERATORS else text
    found = tuple(_variable(spec.strip()) for spec in names.split(","))
    return _Expression(operator, found, in_path and operator.in_path)


def _variable(spec: str) -> _Variable:
    name, colon, length = spec.partition(":")
    if colon and length.isdecimal():
        return _Variable(name, False, int(length))
    return _Variable(spec.removesuffix("*"), spec.endswith("*"), None)


def _fill(expression: _Expression, values: Mapping[str, object], template: str) -> str:
    operator = expression.operator
    filled: list[str] = []
    for variable in expression.variables:
        value = values.get(variable.name)
        text = None if value is None else _expand_value(operator, variable, value)
        if not text and expression.in_path and variable.name not in OPTIONAL:
            raise RequestError(_missing(variable.name, template, values))
        if text is None:
            continue
        filled.append(text)
    return operator.first + operator.separator.join(filled) if filled else ""


def _missing(name: str, template: str, values: Mapping[str, object]) -> str:
    if name in values:
        return f"the path variable {name!r} of {template!r} has no value, or an empty one"
    message = f"the path variable {name!r} of {template!r} has no value"
    if name.isidentifier():
        message += f": pass {name}=…"
    folded = name.replace("-", "").lower()
    for given in values:
        if given.replace("_", "").lower() == folded and given != name:
            return (
                f"{message} ({given!r} does not count: capitals in a placeholder's name become "
                "hyphens, so write placeholders in lower case)"
            )
    return message


def _expand_value(operator: _Operator, variable: _Variable, value: object) -> str | None:
    if isinstance(value, Mapping):
        return _expand_pairs(operator, variable, list(_pairs(operator, variable, value)))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return _expand_list(operator, variable, value)
    text = scalar(value, f"the variable {variable.name!r}")
    return _named(operator, variable.name, _encode(operator, variable, text[: variable.prefix]))


def _pairs(
    operator: _Operator, variable: _Variable, value: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if item is not None:
            text = scalar(item, f"{variable.name}[{key!r}]")
            yield _encode(operator, variable, str(key)), _encode(operator, variable, text)


def _expand_pairs(
    operator: _Operator, variable: _Variable, pairs: list[tuple[str, str]]
) -> str | None:
    if not pairs:
        return None
    if variable.explode:
        return operator.separator.join(f"{key}={text}" for key, text in pairs)
    return _named(operator, variable.name, ",".join(f"{key},{text}" for key, text in pairs))


def _expand_list(operator: _Operator, variable: _Variable, value: Sequence[object]) -> str | None:
    where = f"an item of {variable.name!r}"
    items = [_encode(operator, variable, scalar(item, where)) for item in value if item is not None]
    if not items:
        return None
    if variable.explode:
        return operator.separator.join(_named(operator, variable.name, item) for item in items)
    return _named(operator, variable.name, ",".join(items))


def _encode(operator: _Operator, variable: _Variable, text: str) -> str:
    where = f"the variable {variable.name!r}"
    if not operator.reserved:
        return encode(text, where)
    # A percent sign in a value is data, never the start of an escape.
    return keep_reserved(text.replace("%", "%25"), where)


def _named(operator: _Operator, name: str, text: str) -> str:
    if not operator.named:
        return text
    return f"{name}={text}" if text else name + operator.if_empty
