"""An ordered stack of named middlewares, outermost first.

    client.stack                          # <Stack verifier → encryptor → signer → the wire>
    client.stack.before("signer", mine)   # mine sees a request before it is signed
    client.stack.after("verifier", mine)  # … and an answer before it is verified
    client.stack.replace("signer", mine)
    client.stack.remove("verifier")

    other = client.stack.copy()           # for one call: post(…, handler=other)

A request passes the names from left to right, its answer from right to left.
A change counts for the calls that start after it; a call on its way keeps the
stack that it started with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Lock

from aiohttp import ClientMiddlewareType

from wechatpay_chain.errors import ConfigurationError

__all__ = ["Stack"]


class Stack:
    """Named middlewares in order; safe to change while calls are made."""

    def __init__(self, entries: Iterable[tuple[str, ClientMiddlewareType]] = ()) -> None:
        """Hold (name, middleware) pairs, outermost first.

        Raises:
            ConfigurationError: a name is there twice, or a middleware cannot be called.
        """
        self._lock = Lock()
        self._set(())
        for name, middleware in entries:
            self._insert(len(self._entries), name, middleware)

    def before(
        self, neighbour: str, middleware: ClientMiddlewareType, *, name: str | None = None
    ) -> None:
        """Put a middleware just outside another: it sees the request first, the answer last.

        Raises:
            ConfigurationError: there is no such neighbour, or the name is taken.
        """
        with self._lock:
            self._insert(self._index(neighbour), name, middleware)

    def after(
        self, neighbour: str, middleware: ClientMiddlewareType, *, name: str | None = None
    ) -> None:
        """Put a middleware just inside another: it sees the request last, the answer first.

        Raises:
            ConfigurationError: there is no such neighbour, or the name is taken.
        """
        with self._lock:
            self._insert(self._index(neighbour) + 1, name, middleware)

    def replace(self, name: str, middleware: ClientMiddlewareType) -> None:
        """Put a middleware in another's place, under its name.

        Raises:
            ConfigurationError: there is no such name.
        """
        _check(name, middleware)
        with self._lock:
            at = self._index(name)
            self._set((*self._entries[:at], (name, middleware), *self._entries[at + 1 :]))

    def remove(self, name: str) -> ClientMiddlewareType:
        """Take a middleware out and return it.

        Raises:
            ConfigurationError: there is no such name.
        """
        with self._lock:
            at = self._index(name)
            _, removed = self._entries[at]
            self._set((*self._entries[:at], *self._entries[at + 1 :]))
        return removed

    def without(self, *names: str) -> tuple[ClientMiddlewareType, ...]:
        """Return the middlewares in order, less some; a name that is not there is no error."""
        if not names:
            return self._middlewares
        return tuple(middleware for name, middleware in self._entries if name not in names)

    def copy(self) -> Stack:
        """Return a stack with the same middlewares, to be changed for itself."""
        return Stack(self._entries)

    __copy__ = copy

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order, outermost first."""
        return tuple(name for name, _ in self._entries)

    def __getitem__(self, name: str) -> ClientMiddlewareType:
        return self._entries[self._index(name)][1]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[ClientMiddlewareType]:
        return iter(self.without())

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Stack {' → '.join((*self.names, 'the wire'))}>"

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise ConfigurationError(
                f"the stack has no middleware named {name!r}; it has {', '.join(self.names)}"
            )
        return self.names.index(name)

    def _insert(self, at: int, name: str | None, middleware: ClientMiddlewareType) -> None:
        if name is None:
            name = str(getattr(middleware, "__name__", type(middleware).__name__)).lower()
        _check(name, middleware)
        if name in self.names:
            raise ConfigurationError(f"the stack already has a middleware named {name!r}")
        self._set((*self._entries[:at], (name, middleware), *self._entries[at:]))

    def _set(self, entries: tuple[tuple[str, ClientMiddlewareType], ...]) -> None:
        self._entries = entries
        self._middlewares = tuple(middleware for _, middleware in entries)


def _check(name: str, middleware: object) -> None:
    if not callable(middleware):
        raise ConfigurationError(
            f"the middleware {name!r} must be callable as (request, handler), not "
            f"{type(middleware).__name__}"
        )
