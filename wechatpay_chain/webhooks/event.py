"""`Event`: a callback that was verified and opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.webhooks import kinds, patterns
from wechatpay_chain.webhooks.reply import Reply

if not TYPE_CHECKING:
    from typing import TypeVar

    Typed = object
    T_co = TypeVar("T_co", covariant=True)
else:
    # Checkers have it, installed or not; Python's own has no default before 3.13.
    from typing_extensions import TypeVar

    from wechatpay_chain.openapi.event_handlers import Typed

    # Any mapping: events are typed by their resource's fields, a dict that is a TypedDict.
    T_co = TypeVar("T_co", covariant=True, bound=Mapping[str, Any], default=Any)

__all__ = ["Event"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Event(Generic[T_co], Typed):
    """A callback (回调通知), verified and decrypted.

    Its repr shows id and type only, and it is not pickled: a queue of tasks gets what it needs
    of `resource`.

    Attributes:
        id: the same each time that WeChat Pay sends this callback. v2 notifications without an
            ``event_id`` get a digest of their fields for one.
        type: such as ``TRANSACTION.SUCCESS``. v2 notifications without an ``event_type`` get the
            catalogue's name, such as ``transaction-success``.
        summary: WeChat Pay's remark, often in Chinese; empty in v2.
        create_time: when it was made, as WeChat Pay writes it.
        resource_type: ``encrypt-resource``; empty in v2.
        original_type: what `resource` is, such as ``transaction`` or ``refund``.
        resource: the fields themselves, opened.
        protocol: ``"v3"`` or ``"v2"``.
        verified: whether a signature or sign proves who sent it. v2's refund notification
            (退款结果通知) has none: query the refund before acting on it.
        serial: the platform key that verified it; empty in v2.
        sealed: the paths of fields that are still encrypted, because the merchant's private key
            was not given.
    """

    id: str
    type: str
    resource: T_co
    summary: str = ""
    create_time: str = ""
    resource_type: str = ""
    original_type: str = ""
    protocol: str = "v3"
    verified: bool = True
    serial: str = ""
    sealed: tuple[str, ...] = ()

    def ack(self) -> Reply:
        """Return the answer that takes the callback: WeChat Pay does not send it again."""
        return Reply.success(self.protocol)

    def fail(self, message: str = "it could not be handled") -> Reply:
        """Return the answer that does not take the callback: WeChat Pay sends it again.

        Args:
            message: why, in a few words that WeChat Pay may see.
        """
        return Reply.failure(message, self.protocol)

    def is_a(self, type: str, protocol: str | None = None) -> bool:  # noqa: A002
        """Tell whether the event is of a type; `as_a` tells type checkers too.

        Where both protocols have a type of one name, v3's is meant, unless `protocol` is ``"v2"``.
        """
        wanted = protocol or kinds.protocol_of(type)
        return self.type == type and wanted in (None, self.protocol)

    if not TYPE_CHECKING:

        def as_a(self, type: str, protocol: str | None = None) -> Event[Any] | None:  # noqa: A002
            """Return the event itself if it is of a type, else None."""
            return self if self.is_a(type, protocol) else None

    def matches(self, pattern: str) -> bool:
        """Tell whether the event's type is that of a pattern such as ``"REFUND.*"`` or ``"*"``."""
        return patterns.matches(pattern, self.type)

    def __repr__(self) -> str:
        mark = "" if self.verified else " unverified"
        return f"<Event {one_line(self.type)} {one_line(self.id)}{mark}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Event holds decrypted fields, so it is not pickled: pass its resource")
