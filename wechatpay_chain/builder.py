"""`Builder.factory`: a client from the array that PHP programs have."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Builder"]

_NAMES = {
    "privateKey": "private_key",
    "apiv3Key": "apiv3_key",
    "connectTimeout": "connect_timeout",
    "baseUri": "base_uri",
}
_KNOWN = frozenset(signature(Client).parameters)
_SECRET = frozenset({"private_key", "apiv3_key", "secret"})


class Builder:
    """Where PHP programs get their client from."""

    @staticmethod
    def factory(config: Mapping[str, Any]) -> Client:
        """Return a client made of PHP's array, with PHP's names or Python's.

        ::

            Builder.factory({"mchid": "…", "serial": "…", "privateKey": "file://…", "certs": {…}})

        Raises:
            ConfigurationError: as `Client` does, or a name that it does not know.
        """
        if not isinstance(config, Mapping):
            raise ConfigurationError(f"the factory takes one mapping, not {type(config).__name__}")
        value = None
        unknown = [key for key in config if _NAMES.get(key, key) not in _KNOWN]
        settings: dict[str, Any] = {}
        for key, value in config.items():
            name = _NAMES.get(key, key)
            hide = name in _SECRET and value is not None and not callable(value)
            settings[name] = Sensitive(value) if hide else value
        # A traceback with locals must not show the keys.
        del config, value
        if unknown:
            raise ConfigurationError(
                f"the factory does not know {', '.join(map(repr, unknown))}; it knows "
                f"{', '.join(sorted(_KNOWN))}"
            )
        return Client(**settings)
