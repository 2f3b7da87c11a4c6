"""The operations that the catalogue knows."""

from __future__ import annotations

import json
from importlib.resources import files

from wechatpay_chain import catalogue

__all__ = ["operations"]


def operations(version: str = "") -> list[tuple[str, str]]:
    """Return (method, path) of every operation whose path begins like that."""
    text = files(catalogue).joinpath("required.json").read_text("utf-8")
    found = (key.split(" ") for key in json.loads(text))
    return [(method, path) for method, path in found if path.startswith(version)]
