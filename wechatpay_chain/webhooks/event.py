"""`Event`: a callback that was verified and opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

__all__ = ["Event"]

if not TYPE_CHECKING:
    Typed = object
else:
    from wechatpay_chain.openapi.event_handlers import Typed

T_co = TypeVar("T_co", covariant=True, bound=Mapping[str, Any])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Event(Typed, Generic[T_co]):
    """A callback (回调通知), verified and decrypted."""

    id: str
    type: str
    resource: T_co
    summary: str = ""
    protocol: str = "v3"
