"""WeChat Pay's certificates (平台证书): download them, and keep them up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechatpay_chain.parts import Parts

if TYPE_CHECKING:
    from wechatpay_chain.client import Client

__all__ = ["Certificates"]


class Certificates:
    """The certificates of one client's key ring."""

    def __init__(self, client: Client, parts: Parts) -> None:
        self._client = client
        self._parts = parts
