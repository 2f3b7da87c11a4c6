"""Checks of what a program runs on: its settings' places, packages, proxies."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator, Mapping

from wechatpay_chain.addresses import check_base
from wechatpay_chain.cli.doctor.examination import Examination, Result, fault, ok, skipped, warning
from wechatpay_chain.cli.profile.advice import is_missing
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.extras import PACKAGES
from wechatpay_chain.version import __version__

__all__ = ["extras", "proxies", "settings", "versions"]

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def settings(about: Examination) -> Iterator[Result]:
    """Say which settings there are and from where, and which are missing."""
    check, profile = "settings", about.profile
    for name in profile.missing():
        yield fault(check, is_missing(name), profile.how_to_set(name))
    try:
        profile.refuse_half("public_key_id", "public_key")
    except ConfigurationError as error:
        yield fault(check, str(error), "set both, or none")
    for origin in profile.untidy:
        yield warning(check, f"{origin} has quotes or white space around it", "take them off")
    for name in ("scheme", "base_uri"):
        yield from _value(about, name)
    if profile.is_v2_only:
        yield skipped("v3", "only secret is set, so this is an account for v2 alone")
    for place, names in profile.places.items():
        yield ok(check, f"from {place}: {', '.join(names)}")


def _value(about: Examination, name: str) -> Iterator[Result]:
    if name not in about.profile:
        return
    try:
        about.profile.scheme() if name == "scheme" else check_base(about.base_uri)
    except ConfigurationError as error:
        about.is_reachable = about.is_reachable and name != "base_uri"
        # An error over the scheme says by itself where it is from.
        problem = str(error) if name == "scheme" else about.profile.located(str(error))
        yield fault("settings", problem, f"mend {name}, or leave it out")


def versions(about: Examination) -> Iterator[Result]:
    """Say what runs here."""
    packages = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    words = (f"wechatpay-chain {__version__}", f"Python {platform.python_version()}", *packages)
    yield ok("versions", ", ".join(words))


_PACKAGES = ("aiohttp", "cryptography")


def extras(about: Examination) -> Iterator[Result]:
    """Say which extras are installed."""
    yield judge_extras({name: _is_there(module) for name, module in PACKAGES.items()})


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        # What is half installed, or kept from being imported.
        return False


def judge_extras(there: Mapping[str, bool]) -> Result:
    """Judge which extras are installed: none of them must be."""
    named = ", ".join(name for name, is_there in there.items() if is_there) or "none"
    missing = ", ".join(name for name, is_there in there.items() if not is_there)
    return ok("extras", f"installed: {named}" + (f"; not installed: {missing}" if missing else ""))


def proxies(about: Examination) -> Iterator[Result]:
    """Look for proxies in the environment, which the client does not take from there."""
    names = [name for one in _PROXIES for name in (one, one.lower()) if os.environ.get(name)]
    yield judge_proxies(names, is_set="proxy" in about.profile, is_local=about.is_local)


def judge_proxies(names: list[str], *, is_set: bool, is_local: bool) -> Result:
    """Judge proxies that the environment names; their values may hold passwords."""
    check = "proxies"
    if is_set:
        return ok(check, "requests go through the proxy of the setting proxy")
    if names and not is_local:
        return warning(
            check,
            f"{' and '.join(names)} is set, but proxies of the environment are not used",
            "set WECHATPAY_PROXY if requests must go through it",
        )
    return ok(check, "none is used")
