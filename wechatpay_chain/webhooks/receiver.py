"""`Webhooks`: what comes in as headers and a body goes out as an event and a reply."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from wechatpay_chain.keys import KeySource
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Webhooks"]


class Webhooks:
    """The receiver of one merchant's callbacks."""

    def __init__(
        self,
        keys: Mapping[str, KeySource] | None = None,
        apiv3_key: str | bytes | Sensitive[Any] | None = None,
        *,
        secret: str | Sensitive[Any] | None = None,
        private_key: KeySource | None = None,
        scheme: Scheme = Scheme.RSA,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys if isinstance(keys, PlatformKeys) else PlatformKeys(keys or {})
        self._apiv3_key = Sensitive[Any](apiv3_key)
        self._secret = Sensitive[Any](secret)
        self._private_key = private_key
        self._scheme = scheme.check()
        self._clock = clock
