"""Whose client a command works with: settings from the environment."""

from __future__ import annotations

import argparse
import os
from typing import Any

from wechatpay_chain.client import Client
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["add_options", "open_client"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a profile to a command's parser."""


def open_client(arguments: argparse.Namespace, **overrides: Any) -> Client:
    """Return the client of the profile that a command was told to use.

    Raises:
        ConfigurationError: a setting is missing or wrong; it says which, and where it came from.
    """
    plain = {
        "mchid": os.environ.get("WECHATPAY_MCHID"),
        "serial": os.environ.get("WECHATPAY_SERIAL"),
        "base_uri": os.environ.get("WECHATPAY_BASE_URI"),
    }
    key_id = os.environ.get("WECHATPAY_PUBLIC_KEY_ID")
    hidden = {
        "private_key": Sensitive(os.environ.get("WECHATPAY_PRIVATE_KEY")),
        "apiv3_key": Sensitive(os.environ.get("WECHATPAY_APIV3_KEY")),
        "secret": Sensitive(os.environ.get("WECHATPAY_SECRET")),
    }
    certs = {key_id: os.environ.get("WECHATPAY_PUBLIC_KEY", "")} if key_id else None
    return Client(**{"certs": certs, **plain, **hidden, **overrides})
