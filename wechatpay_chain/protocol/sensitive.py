"""Sensitive values: hidden while they are here, found by path, replaced in a copy.

A path is a tuple of names, as in `wechatpay_chain.catalogue`: ``"[]"`` stands
for every element of a list, a number for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NoReturn, TypeVar, cast

from wechatpay_chain.errors import RequestError

__all__ = ["Marked", "Path", "Sensitive", "dotted", "replace", "unwrap"]

T = TypeVar("T")
Path = tuple[str | int, ...]


class Sensitive(Generic[T]):
    """Mark a value that must not be seen: its repr hides it, and it cannot be pickled.

    In a call's ``json``, ``query`` or ``headers`` it is encrypted for WeChat
    Pay (敏感信息加密), whether the catalogue knows the field or not::

        client.v3.some.new.operation.post(json={"name": Sensitive("张三")})

    Wrapped around a key or secret given to `Client`, it keeps it out of the
    tracebacks of code on the way there.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T | Sensitive[T]) -> None:
        self._value = cast("T", value.reveal() if isinstance(value, Sensitive) else value)

    def reveal(self) -> T:
        """Return the value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Sensitive, self._value))

    def __repr__(self) -> str:
        return "Sensitive(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Sensitive value is not pickled: pass what it is made from instead")


class Marked(Exception):  # noqa: N818 - a signal between two functions, no error
    """Tells that a document holds a `Sensitive` value."""


def unwrap(value: Any, at: Path, found: list[Path]) -> Any:
    """Return a document with its `Sensitive` marks taken off, noting in `found` where they were.

    What holds no mark is returned as it is, not copied.
    """
    if isinstance(value, Sensitive):
        found.append(at)
        return value.reveal()
    if isinstance(value, Mapping):
        # A mapping may hold a name twice, as a MultiDict does; it stays what it is if it can.
        pairs = [(key, unwrap(item, (*at, str(key)), found)) for key, item in value.items()]
        return dict(pairs) if _changed([item for _, item in pairs], value.values()) else value
    if isinstance(value, (list, tuple)):
        items = [unwrap(item, (*at, index), found) for index, item in enumerate(value)]
        return items if _changed(items, value) else value
    return value


def replace(value: Any, path: Path, change: Callable[[Any, Path], Any], at: Path = ()) -> Any:
    """Return a document with `change` applied to what stands at a path, copying only the way there.

    A path that leads nowhere changes nothing. Lists are entered whether or not
    the path says that there is one; at the end of a path, each element is changed.
    """
    if isinstance(value, (list, tuple)) and not (path and isinstance(path[0], int)):
        rest = path[1:] if path and path[0] == "[]" else path
        items = [replace(item, rest, change, (*at, index)) for index, item in enumerate(value)]
        return items if _changed(items, value) else value
    if not path:
        return change(value, at)
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if not isinstance(value, (list, tuple)) or step >= len(value):
            return value
        item = replace(value[step], rest, change, (*at, step))
        return value if item is value[step] else [*value[:step], item, *value[step + 1 :]]
    if isinstance(value, Mapping) and step in value:
        item = replace(value[step], rest, change, (*at, step))
        return value if item is value[step] else {**value, step: item}
    # One object where a list was expected is taken for the list's only element.
    return replace(value, rest, change, at) if step == "[]" else value


def dotted(path: Path) -> str:
    """Return a path as people write it: ``json.receivers[0].name``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def refuse(value: object, where: str) -> None:
    """Raise if a `Sensitive` value stands where nothing is encrypted.

    Raises:
        RequestError: it does.
    """
    if isinstance(value, Sensitive):
        raise RequestError(f"{where} cannot be Sensitive: json, query and headers are encrypted")


def _changed(new: Any, old: Any) -> bool:
    return any(after is not before for after, before in _pairs(new, old))


def _pairs(new: Any, old: Any) -> Iterator[tuple[Any, Any]]:
    return zip(new, old, strict=True)
