"""Attributes, items and ``chain()`` → a path template; the verbs that send it.

Each step is a small immutable node that knows its client and its path. Nothing
is looked up and nothing is kept: a path that WeChat Pay adds tomorrow works the
day it appears.

A node has nothing of its own but the verbs and ``chain``; every other name is a
segment. A name that is a verb is both: ``receivers.delete(...)`` sends DELETE to
``…/receivers``, and ``receivers.delete.post(...)`` posts to ``…/receivers/delete``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from wechatpay_chain.catalogue import completion
from wechatpay_chain.errors import ConfigurationError, WechatPayError
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.protocol.segments import attribute
from wechatpay_chain.response import Response

__all__ = ["AsyncVerb", "Chain", "Sender", "Step", "SyncVerb", "register", "step_of"]

Options = Mapping[str, Any]


class Sender(Protocol):
    """What a node needs of its client."""

    identity: str

    def normalise(self, text: object) -> str: ...

    def send_sync(
        self, method: str, path: str, options: Options | None, more: Options
    ) -> Response: ...

    def send_async(
        self, method: str, path: str, options: Options | None, more: Options
    ) -> Promise[Response]: ...


class Chain:
    """A path under construction. Two are equal if their client and path are."""

    __slots__ = ("_path", "_sender")

    _path: str
    _sender: Sender

    def __init__(self, sender: Sender, path: str) -> None:
        _set_sender(self, sender)
        _set_path(self, path)

    def chain(self, path: object) -> Chain:
        """Return the node of a path below this one; capitals become hyphens, as in PHP."""
        return self._below(path)

    def __getitem__(self, path: object) -> Chain:
        return self._below(path)

    def __getattr__(self, name: str) -> Chain:
        return Chain(self._sender, _join(self._path, attribute(self._path, name)))

    if TYPE_CHECKING:
        # Declared for type checkers; made below from one table.
        @property
        def get(self) -> SyncVerb: ...
        @property
        def post(self) -> SyncVerb: ...
        @property
        def put(self) -> SyncVerb: ...
        @property
        def patch(self) -> SyncVerb: ...
        @property
        def delete(self) -> SyncVerb: ...
        @property
        def get_async(self) -> AsyncVerb: ...
        @property
        def post_async(self) -> AsyncVerb: ...
        @property
        def put_async(self) -> AsyncVerb: ...
        @property
        def patch_async(self) -> AsyncVerb: ...
        @property
        def delete_async(self) -> AsyncVerb: ...
        @property
        def getAsync(self) -> AsyncVerb: ...  # noqa: N802 - PHP's spelling
        @property
        def postAsync(self) -> AsyncVerb: ...  # noqa: N802
        @property
        def putAsync(self) -> AsyncVerb: ...  # noqa: N802
        @property
        def patchAsync(self) -> AsyncVerb: ...  # noqa: N802
        @property
        def deleteAsync(self) -> AsyncVerb: ...  # noqa: N802

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"<Chain {self._path}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Chain):
            return NotImplemented
        return self._path == other._path and self._sender.identity == other._sender.identity

    def __hash__(self) -> int:
        return hash((self._path, self._sender.identity))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Chain cannot be changed: {name!r} is not set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Chain cannot be changed: {name!r} is not deleted")

    # Without these, Python would make an endless iterator of __getitem__.
    __iter__ = None
    __contains__ = None

    def __copy__(self) -> Chain:
        return self

    def __deepcopy__(self, memo: object) -> Chain:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # The client's keys must not be pickled, so only its name goes along.
        return _restore, (type(self), self._sender.identity, self._path, *self._extra())

    def __dir__(self) -> list[str]:
        known = completion.verbs(self._path)
        verbs = [name for name, (_, method) in _VERBS.items() if known is None or method in known]
        own = [name for name in object.__dir__(self) if name not in _VERBS]
        return [*own, *verbs, *completion.names(self._path)]

    def _ipython_key_completions_(self) -> list[str]:
        return completion.keys(self._path)

    def _extra(self) -> tuple[str, ...]:
        return ()

    def _below(self, path: object) -> Chain:
        return Chain(self._sender, _join(self._path, self._sender.normalise(path)))


# A node cannot be changed, so what makes it goes past its own __setattr__.
_set_sender = Chain.__dict__["_sender"].__set__
_set_path = Chain.__dict__["_path"].__set__


class _VerbNode(Chain):
    __slots__ = ("_method", "_parent")

    _method: str
    _parent: str

    def __init__(self, sender: Sender, path: str, parent: str, method: str) -> None:
        super().__init__(sender, path)
        _set_parent(self, parent)
        _set_method(self, method)

    def _extra(self) -> tuple[str, ...]:
        return self._parent, self._method


_set_parent = _VerbNode.__dict__["_parent"].__set__
_set_method = _VerbNode.__dict__["_method"].__set__


class SyncVerb(_VerbNode):
    """A verb, to be called; or, followed by more, a segment that is named like one."""

    __slots__ = ()

    def __call__(self, options: Options | None = None, /, **more: Any) -> Response:
        """Send the request and return the verified answer.

        Args:
            options: options and path variables as one mapping, as ported code has them.
            **more: the same as keywords; they win over the mapping's.

        Raises:
            NotSentError: nothing was sent; a `RequestError` says what to mend in the call.
            OutcomeUnknownError: it was sent, and no whole answer came back.
            RefusedError: WeChat Pay answered 3xx, 4xx or 5xx.
            UnverifiedError: a 2xx whose signature does not hold.
        """
        try:
            return self._sender.send_sync(self._method, self._parent, options, more)
        except WechatPayError as error:
            # A traceback with locals must not show what was to be encrypted.
            del options, more
            raise error.with_traceback(None)


class AsyncVerb(_VerbNode):
    """A verb, to be called; or, followed by more, a segment that is named like one."""

    __slots__ = ()

    def __call__(self, options: Options | None = None, /, **more: Any) -> Promise[Response]:
        """Return a promise of the verified answer; awaiting it sends the request.

        The options are read now, so a mapping may be changed afterwards. Errors,
        those of the options too, are raised where the promise is awaited: the
        same ones as without ``_async``.
        """
        return self._sender.send_async(self._method, self._parent, options, more)


class Step(NamedTuple):
    """What a node stands for: whose it is, the path, and the method if it is a verb."""

    identity: str
    path: str
    method: str | None


def step_of(node: Chain) -> Step:
    """Return what a node stands for; as its attributes these names would be segments."""
    if isinstance(node, _VerbNode):
        return Step(node._sender.identity, node._parent, node._method)
    return Step(node._sender.identity, node._path, None)


_NAMES = tuple(method.lower() for method in METHODS)
_VERBS: dict[str, tuple[type[SyncVerb] | type[AsyncVerb], str]] = {
    **{name: (SyncVerb, name.upper()) for name in _NAMES},
    **{f"{name}_async": (AsyncVerb, name.upper()) for name in _NAMES},
    **{f"{name}Async": (AsyncVerb, name.upper()) for name in _NAMES},
}


def _verb(name: str, kind: type[SyncVerb] | type[AsyncVerb], method: str) -> property:
    def node(parent: Chain) -> SyncVerb | AsyncVerb:
        path = _join(parent._path, attribute(parent._path, name))
        return kind(parent._sender, path, parent._path, method)

    return property(node)


for _name, (_kind, _method) in _VERBS.items():
    setattr(Chain, _name, _verb(_name, _kind, _method))


_registered: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def register(sender: Sender) -> None:
    """Let nodes that are unpickled in this process, or a fork of it, find their client again."""
    _registered[sender.identity] = sender


class _Absent:
    """Stands for a client that is not in this process."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    def normalise(self, text: object) -> str:
        raise ConfigurationError(_ABSENT)

    def send_sync(self, method: str, path: str, options: Options | None, more: Options) -> Response:
        raise ConfigurationError(_ABSENT)

    def send_async(
        self, method: str, path: str, options: Options | None, more: Options
    ) -> Promise[Response]:
        raise ConfigurationError(_ABSENT)


_ABSENT = "this chain was unpickled where its client is not: walk its path from a client again"


def _restore(kind: Callable[..., Chain], identity: str, path: str, *extra: str) -> Chain:
    return kind(_registered.get(identity) or _Absent(identity), path, *extra)


def _join(path: str, segment: str) -> str:
    return f"{path}/{segment}" if path else segment
