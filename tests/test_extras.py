"""The table of extras: what the package names, it also declares."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from wechatpay_chain import extras

FOR_WORK = {"test", "docs", "lint"}


def test_each_extra_brings_its_package() -> None:
    """Each extra of pyproject.toml that users install is in the table, and brings that package."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    declared = project["project"]["optional-dependencies"]
    assert {*extras.PACKAGES} == {*declared} - FOR_WORK
    for extra, package in extras.PACKAGES.items():
        assert [one.partition(">")[0] for one in declared[extra]] == [package]


@pytest.mark.parametrize("extra", extras.PACKAGES)
def test_a_missing_one_says_what_to_install(extra: str) -> None:
    """The error names who needs what, and the command that brings it."""
    error = extras.missing("This", extra)
    command = f"pip install 'wechatpay-chain[{extra}]'"
    assert str(error) == f"This needs the package {extras.PACKAGES[extra]}: {command}"
