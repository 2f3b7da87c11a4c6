"""The extras: packages that only some programs need, and what to say where one is missing."""

from __future__ import annotations

from collections.abc import Mapping

from wechatpay_chain.errors import ConfigurationError

__all__ = ["PACKAGES", "missing"]

PACKAGES: Mapping[str, str] = {
    "cli": "rich",
    "qr": "segno",
    "redis": "redis",
    "django": "django",
    "fastapi": "fastapi",
    "flask": "flask",
    "starlette": "starlette",
}
"""The package that each extra brings, under the name that it is imported by."""


def missing(what: str, extra: str) -> ConfigurationError:
    """Return the error for something that needs an extra which is not installed."""
    return ConfigurationError(
        f"{what} needs the package {PACKAGES[extra]}: pip install 'wechatpay-chain[{extra}]'"
    )
