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
_V3_ONLY = frozenset({"serial", "privateKey", "private_key", "certs"})
_SECRET = frozenset(
    {"private_key", "certs", "apiv3_key", "secret", "merchant", "ca_certs", "proxy"}
)


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
        config = _less_stand_ins(config)
        unknown = [name for name in config if _NAMES.get(name, name) not in _KNOWN]
        settings = {_NAMES.get(name, name): _hidden(name, config[name]) for name in config}
        # A traceback with locals must not show the keys.
        del config
        if unknown:
            raise ConfigurationError(
                f"the factory does not know {', '.join(map(repr, unknown))}; it knows "
                f"{', '.join(sorted(_KNOWN))}"
            )
        return Client(**settings)


def _less_stand_ins(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a configuration without the stand-ins that PHP programs for v2 only give.

    The PHP SDK wants v3's settings of everybody, so these give texts that are no
    keys, and ``['any' => null]`` for certs: by that they are known.
    """
    certs = config.get("certs")
    stands_in = isinstance(certs, Mapping) and certs and not any(certs.values())
    if not stands_in or config.get("secret") is None:
        return config
    return {name: value for name, value in config.items() if name not in _V3_ONLY}


def _hidden(name: str, value: Any) -> Any:
    secret = _NAMES.get(name, name) in _SECRET and value is not None and not callable(value)
    return Sensitive(value) if secret else value
