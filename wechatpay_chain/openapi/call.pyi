"""What the generated types have in common: a node, the options of every call, kinds of values."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, TypedDict

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain.chain import Chain
from wechatpay_chain.media import MediaUtil
from wechatpay_chain.payload import Multipart
from wechatpay_chain.protocol.sensitive import Sensitive

Text: TypeAlias = str | Sensitive[str]
"""Text that is encrypted for WeChat Pay if it is marked, or if the field is known to be."""

Texts: TypeAlias = list[str] | list[Text] | tuple[Text, ...]
"""A list of texts. (A sequence of them would be a mere str, too.)"""

Scalar: TypeAlias = str | int
"""The value of a path variable, as an option of a call."""

class Node:
    """A known path. `Chain` is its counterpart for the others: everything goes there."""

    def chain(self, path: Path) -> Chain:
        """Return the node of a path below this one; capitals become hyphens, as in PHP."""

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class Leaf(Node):
    """A known path below which no other is known."""

    def __getitem__(self, path: Path) -> Chain: ...

class AnyText(Protocol):
    """Any str. Beside str itself, pyright would not complete the known paths in brackets."""

    def removeprefix(self, prefix: str, /) -> str: ...

Segment: TypeAlias = AnyText | int
"""The value of a path variable in brackets."""

Path: TypeAlias = Segment | Chain | Node
"""What may be given to ``chain()`` and in brackets."""

class Middleware(Protocol):
    """A middleware of aiohttp's clients, under a name that is short in messages."""

    def __call__(
        self, request: ClientRequest, handler: ClientHandlerType, /
    ) -> Awaitable[ClientResponse]: ...

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

class _TextWritable(Protocol):
    def write(self, data: str, /) -> object: ...

class HeadlessOptions(TypedDict, total=False):
    """The options of every call, save its headers."""

    allow_redirects: Literal[False] | None
    base_uri: str | None
    connect_timeout: float | None
    debug: bool | _TextWritable | None
    encrypt: bool | None
    handler: Any
    http_errors: bool | None
    middlewares: Iterable[Middleware] | Middleware | None
    proxy: str | Mapping[str, Any] | Sensitive[str] | None
    sink: str | PathLike[str] | _Writable | None
    timeout: float | None

class CallOptions(HeadlessOptions, total=False):
    """The options of every call."""

    headers: Headers | None

class XmlCallOptions(CallOptions, total=False):
    """The options of every call of the XML protocol."""

    nonceless: bool | None
    security: bool | None

Headers: TypeAlias = Mapping[str, Text | float | Texts | None]
File: TypeAlias = str | PathLike[str] | BinaryIO | bytes
Body: TypeAlias = str | bytes | bytearray | memoryview | Multipart | MediaUtil
Parts: TypeAlias = Sequence[Mapping[str, Any]]
