"""What cannot work is said when the program starts, not when the first callback comes."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import Sandbox

NEEDED = {"starlette": "starlette.requests", "django": "django.db", "flask": "flask"}
EXTRAS = [
    ("starlette", "starlette"),
    ("starlette", "fastapi"),
    ("django", "django"),
    ("flask", "flask"),
]


@pytest.mark.parametrize("module", NEEDED)
def test_a_missing_framework_is_named_with_its_extra(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that can be copied to install it."""
    name = f"wechatpay_chain.integrations.{module}"
    monkeypatch.setitem(sys.modules, NEEDED[module], None)
    for one in (name, "wechatpay_chain.integrations.starlette"):
        monkeypatch.delitem(sys.modules, one, raising=False)
    with pytest.raises(ConfigurationError) as caught:
        importlib.import_module(name)
    assert f"pip install 'wechatpay-chain[{module}]'" in str(caught.value)


def test_the_frameworks_are_not_loaded_unasked() -> None:
    """One integration loads its own framework only."""
    code = (
        "import sys, wechatpay_chain.integrations.aiohttp\n"
        "assert not {'starlette', 'django', 'flask', 'fastapi'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["aiohttp", *NEEDED])
def test_a_client_is_no_receiver(module: str, gateway: Sandbox) -> None:
    """Each of a client's attributes is a path, so it would pass for one until it is used."""
    integration = importlib.import_module(f"wechatpay_chain.integrations.{module}")
    with gateway.client() as client, pytest.raises(ConfigurationError, match=r"client\.webhooks"):
        integration.webhook_view(client)
