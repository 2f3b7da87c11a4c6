"""A framework that is not installed: the error says what to install."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from wechatpay_chain.errors import ConfigurationError

NEEDED = {"starlette": "starlette.requests", "django": "django.db", "flask": "flask"}
EXTRAS = [
    ("starlette", "starlette"),
    ("starlette", "fastapi"),
    ("django", "django"),
    ("flask", "flask"),
]


@pytest.mark.parametrize(("module", "extra"), EXTRAS)
def test_a_missing_framework_is_named_with_its_extra(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that can be copied to install it."""
    name = f"wechatpay_chain.integrations.{module}"
    monkeypatch.setitem(sys.modules, NEEDED[module], None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ConfigurationError) as caught:
        importlib.import_module(name)
    assert f"pip install 'wechatpay-chain[{extra}]'" in str(caught.value)


def test_the_frameworks_are_not_loaded_unasked() -> None:
    """One integration loads its own framework only."""
    code = (
        "import sys, wechatpay_chain.integrations.aiohttp\n"
        "assert not {'starlette', 'django', 'flask', 'fastapi'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
