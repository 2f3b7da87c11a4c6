"""What to say of settings that are missing: how each is called, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from wechatpay_chain.cli.profile.settings import BY_NAME, SETTINGS
from wechatpay_chain.cli.profile.sources import CERTS, Where

__all__ = ["PROFILE", "PROFILES", "how_to_set", "is_missing", "missing"]

PROFILES, PROFILE = "WECHATPAY_PROFILES", "WECHATPAY_PROFILE"

_PREFIX = "WECHATPAY_"
_VARIABLES = {PROFILES, PROFILE, *(one.variable(form) for one in SETTINGS for form in one.forms)}
_PUBLIC_KEY = ("public_key_id", "public_key")


def how_to_set(name: str, where: Where, environment: Iterable[str]) -> str:
    """Return what to do about a setting; `certs` stands for WeChat Pay's key in any form."""
    if name == CERTS:
        return (
            "set WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY, or WECHATPAY_CERTS, or "
            f"public_key_id and public_key, or certs, in {where}"
        )
    wanted = BY_NAME[name].variable()
    return f"set {wanted}, or {name} in {where}{_near(wanted, environment)}"


def is_missing(name: str) -> str:
    """Return in words that a setting is missing."""
    return f"{_called(name)} is missing"


def missing(names: Sequence[str], where: Where, environment: Iterable[str]) -> str:
    """Return in one line that settings are missing, and what to do about all of them."""
    if len(names) == 1:
        return f"{is_missing(names[0])}: {how_to_set(names[0], where, environment)}"
    *others, last = map(_called, names)
    wanted = [name for one in names for name in (_PUBLIC_KEY if one == CERTS else (one,))]
    variables = [BY_NAME[name].variable() for name in wanted]
    hints = "".join(_near(variable, environment) for variable in variables)
    return (
        f"{', '.join(others)} and {last} are missing: set {', '.join(variables)}, or "
        f"{', '.join(wanted)} in {where}{hints}"
    )


def _called(name: str) -> str:
    return "WeChat Pay's key" if name == CERTS else name


def _near(wanted: str, environment: Iterable[str]) -> str:
    """Return which variable may have been meant for one that is not set."""
    unknown = {one for one in environment if one.startswith(_PREFIX)} - _VARIABLES
    near = difflib.get_close_matches(wanted, unknown, n=1, cutoff=0.85)
    return f" ({near[0]} is set: is that meant?)" if near else ""
