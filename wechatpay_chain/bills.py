"""Bills (账单): download them, checked and whole, and read them row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wechatpay_chain.client import Client

__all__ = ["Bills"]


class Bills:
    """One merchant's bills."""

    def __init__(self, client: Client) -> None:
        self._client = client
