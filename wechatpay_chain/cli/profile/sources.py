"""Where settings come from: a profile file, and over it the environment.

A value knows where it was found, so that every complaint can say so.
"""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.profile.settings import SETTINGS, Form, Setting
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import KeyFileWarning
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.warning import warn

__all__ = [
    "CERTS",
    "DEFAULT_PROFILE",
    "Source",
    "Where",
    "default_file",
    "from_environment",
    "from_file",
]

CERTS = "certs"
DEFAULT_PROFILE = "default"

_KEYS = {setting.key(form): (setting, form) for setting in SETTINGS for form in setting.forms}


@dataclass(frozen=True)
class Source:
    """One setting as it was found; its value is hidden, whatever it is."""

    setting: Setting
    form: Form
    origin: str
    """What to say of where it was found."""
    base: Path
    """What a relative path is relative to."""
    value: Sensitive[Any] = field(repr=False)
    place: str = "the environment"
    """Where all that was found there comes from."""


@dataclass(frozen=True)
class Where:
    """The file and the table in it that were chosen; the file need not be there."""

    file: Path
    profile: str
    is_asked_for: bool = False
    """Whether somebody has named the file or the table, so that both must be there."""

    def __str__(self) -> str:
        return f"[{self.profile}] of {self.file}"


def default_file(environment: Mapping[str, str]) -> Path:
    """Return where the profile file is, if nobody says otherwise."""
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "wechatpay-chain" / "profiles.toml"


def from_environment(environment: Mapping[str, str]) -> Iterator[Source]:
    """Yield what the environment sets; an empty variable sets nothing."""
    for setting in SETTINGS:
        for form in setting.forms:
            name = setting.variable(form)
            if environment.get(name):
                value = Sensitive[Any](environment[name])
                yield Source(setting, form, name, Path(), value)


def from_file(where: Where) -> Iterator[Source]:
    """Yield what a table of a profile file sets.

    Raises:
        ConfigurationError: it cannot be read, is no TOML, lacks the table, or has a key in it
            that nothing is known of; or others may write commands into it.
    """
    table = _table(where)
    found = [_source(name, Sensitive(value), where) for name, value in table.reveal().items()]
    _check_access(where.file, found)
    yield from found


def _source(name: str, value: Sensitive[Any], where: Where) -> Source:
    if name not in _KEYS:
        near = difflib.get_close_matches(name, _KEYS, n=1, cutoff=0.6)
        hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(_KEYS)}"
        raise ConfigurationError(f"there is no setting {name!r}, which stands in {where}{hint}")
    setting, form = _KEYS[name]
    is_table = setting.name == CERTS and isinstance(value.reveal(), dict)
    if not is_table and not isinstance(value.reveal(), str):
        raise ConfigurationError(f"{name} in {where} must be text, in quotes")
    return Source(
        setting, form, f"{name} in {where}", where.file.absolute().parent, value, str(where)
    )


def _table(where: Where) -> Sensitive[dict[str, Any]]:
    document = _document(where)
    tables = {name: one for name, one in document.reveal().items() if isinstance(one, dict)}
    loose = [name for name in document.reveal() if name not in tables]
    if loose:
        raise ConfigurationError(
            f"{loose[0]} in {where.file} stands in no table: write [{DEFAULT_PROFILE}] above it"
        )
    if where.profile in tables:
        return Sensitive(tables[where.profile])
    if not where.is_asked_for:
        return Sensitive({})
    there = f"there are {', '.join(tables)}" if tables else "there is none"
    raise ConfigurationError(f"there is no profile {where}: {there}; choose one with --profile")


def _document(where: Where) -> Sensitive[dict[str, Any]]:
    try:
        text = Sensitive(where.file.read_bytes())
    except FileNotFoundError:
        if not where.is_asked_for:
            return Sensitive({})
        raise ConfigurationError(f"there is no profile file {where.file}") from None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigurationError(f"{where.file} cannot be read: {problem}") from None
    try:
        return Sensitive(tomllib.loads(text.reveal().decode("utf-8-sig")))
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        # Its words name a place, and at most a key or one letter of the text.
        problem = str(error).rpartition("(")[2].rstrip(")")
    raise ConfigurationError(f"{where.file} is no TOML: {problem}")


def _check_access(file: Path, found: list[Source]) -> None:
    """Want a file of secrets to be its owner's to read, and one of commands its owner's to write.

    Raises:
        ConfigurationError: others may write what would be run here.
    """
    if os.name != "posix" or not found:
        return
    mode = file.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and any(one.form is Form.COMMAND for one in found):
        raise ConfigurationError(
            f"{file} names commands to run, and others may write it: chmod 600 {file}"
        )
    if mode & (stat.S_IRGRP | stat.S_IROTH) and any(map(_is_secret, found)):
        warn(f"{file} holds secrets and can be read by others: chmod 600 {file}", KeyFileWarning)


def _is_secret(source: Source) -> bool:
    if source.form is not Form.VALUE or not source.setting.kind.is_hidden:
        return False
    # Of a key it is the text that is secret, and not where its file lies.
    return not source.setting.kind.is_file or "\n" in source.value.reveal()
