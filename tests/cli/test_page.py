"""The page on the command keeps its word, in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from wechatpay_chain.cli import arguments
from wechatpay_chain.cli.doctor import CHECKS
from wechatpay_chain.cli.profile.settings import SETTINGS
from wechatpay_chain.cli.request import CODES, INTERRUPTED, REFUSED

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "command.md", ROOT / "docs" / "zh" / "command.md"]
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name(page: Path) -> str:
    """Return a page's path below the project's root."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_line_is_a_command(page: Path) -> None:
    """Each line that a reader may copy is understood, as far as a parser can tell."""
    lines = [line for block in SHELL.findall(page.read_text("utf-8")) for line in block.split("\n")]
    commands = [line for line in lines if line.startswith("wechatpay-chain ")]
    assert len(commands) > 10
    for line in commands:
        words = shlex.split(line.partition(" | ")[0])[1:]
        if words != ["--help"]:
            assert arguments._parser(arguments._COMMANDS).parse_args(words).run


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_and_exit_codes_are_named(page: Path) -> None:
    """Each setting stands in the page, secret or not, and each exit code of a request."""
    text = page.read_text("utf-8")
    for setting in SETTINGS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{setting.name}` |"))
        assert f"`{setting.variable()}`" in row
        assert ("**" in row) is setting.kind.is_hidden
    for code in {0, 2, REFUSED, INTERRUPTED, *(code for _, code in CODES)}:
        assert f"\n| {code} |" in text


def test_checks_are_told_apart() -> None:
    """Each check says on the terminal what it looks at."""
    assert len({what for what, _ in CHECKS}) == len(CHECKS)
