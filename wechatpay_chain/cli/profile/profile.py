"""Whose client a command works with: a profile file, the environment over it, and commands.

Later wins: a table of the profile file, then the environment. Either may name a
command or a file for a secret, in place of the secret itself. No option here takes
a secret: everybody on the machine can read the list of processes.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.profile import advice, secret_sources
from wechatpay_chain.cli.profile.advice import PROFILE, PROFILES
from wechatpay_chain.cli.profile.materials import PKCS12, certificates, material
from wechatpay_chain.cli.profile.settings import BY_NAME, SETTINGS, Form, Kind, Setting
from wechatpay_chain.cli.profile.sources import (
    CERTS,
    DEFAULT_PROFILE,
    Source,
    Where,
    default_file,
    from_environment,
    from_file,
)
from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol import pem
from wechatpay_chain.protocol.frames import without_frames
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Profile", "add_options", "open_client", "open_profile"]


_PLATFORM = ("public_key_id", "public_key", CERTS)
_QUOTES = ('"', "'")
_SCHEMES = {"rsa": Scheme.RSA, "brand": Scheme.BRAND, "sm2": Scheme.SM2}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a profile to a command's parser."""
    group = parser.add_argument_group("whose account")
    group.add_argument(
        "--profile",
        metavar="NAME",
        help=f"the table of the profile file (${PROFILE}, or {DEFAULT_PROFILE})",
    )
    group.add_argument(
        "--profiles",
        metavar="FILE",
        help=f"the profile file (${PROFILES}, or ~/.config/wechatpay-chain/profiles.toml)",
    )


def open_client(arguments: argparse.Namespace, **overrides: Any) -> Client:
    """Return the client of the profile that a command was told to use.

    What is overridden is not looked up, so no command is run for it.

    Raises:
        ConfigurationError: a setting is missing or wrong; it says which, and where it came from.
    """
    return open_profile(arguments).client(**overrides)


@without_frames
def open_profile(
    arguments: argparse.Namespace, environment: Mapping[str, str] | None = None
) -> Profile:
    """Return the settings that a command was told to use; no secret is fetched yet.

    Raises:
        ConfigurationError: the profile file, or the table in it, cannot be used.
    """
    given = os.environ if environment is None else environment
    file = getattr(arguments, "profiles", None) or given.get(PROFILES)
    name = getattr(arguments, "profile", None) or given.get(PROFILE)
    where = Where(
        Path(file).expanduser() if file else default_file(given),
        name or DEFAULT_PROFILE,
        bool(file or name),
    )
    layers = [from_file(where), from_environment(given)]
    return Profile(where, {k: v for layer in layers for k, v in _single(layer).items()}, given)


class Profile:
    """Settings that were found, and where; secrets are fetched when they are asked for, once."""

    def __init__(
        self, where: Where, sources: Mapping[str, Source], environment: Mapping[str, str]
    ) -> None:
        self.where = where
        self._sources = sources
        self._environment = environment
        self._fetched: dict[str, Sensitive[Any]] = {}

    def __repr__(self) -> str:
        return f"<Profile {self.where}>"

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    @property
    def origins(self) -> dict[str, str]:
        """Where each setting that there is was found."""
        return {name: self._sources[name].origin for name in BY_NAME if name in self}

    @property
    def places(self) -> dict[str, list[str]]:
        """The settings that there are, by the place that they were found in."""
        found: dict[str, list[str]] = {}
        for name in self.origins:
            found.setdefault(self._sources[name].place, []).append(name)
        return found

    def how_to_set(self, name: str) -> str:
        """Return what to do about a setting that is missing."""
        return advice.how_to_set(name, self.where, self._environment)

    def text(self, name: str) -> str | None:
        """Return a setting that is text and may be shown."""
        return self._sources[name].value.reveal() if name in self else None

    def hidden(self, name: str) -> Sensitive[Any]:
        """Return a secret, or what `Client` takes for a key; it holds None if there is none.

        Raises:
            ConfigurationError: the command or file that should give it does not.
        """
        if name not in self:
            return Sensitive(None)
        if name not in self._fetched:
            self._fetched[name] = self._fetch(self._sources[name])
        return self._fetched[name]

    def path(self, name: str) -> Path | None:
        """Return the file that a setting names, if it is one and there."""
        value = self.hidden(name).reveal()
        return value if isinstance(value, Path) else None

    def key(self, name: str, passphrase: str) -> Sensitive[Any]:
        """Return a key or certificate together with its passphrase, if it has one."""
        material, lock = self.hidden(name), self.hidden(passphrase)
        if material.reveal() is None or lock.reveal() is None:
            return material
        return Sensitive((material, lock))

    def certs(self) -> dict[str, Any] | None:
        """Return WeChat Pay's keys by id and serial, or None if there are none.

        Raises:
            ConfigurationError: half of a pair is missing, or a directory has none in it.
        """
        self.refuse_half("public_key_id", "public_key")
        found = certificates(self._sources[CERTS]) if CERTS in self else {}
        key_id = self.text("public_key_id")
        return {**({key_id: self.hidden("public_key")} if key_id else {}), **found} or None

    def merchant(self) -> dict[str, Any] | None:
        """Return the merchant's TLS certificate and its key, or None.

        Raises:
            ConfigurationError: there is a key without a certificate.
        """
        if "merchant_cert" not in self:
            for name in ("merchant_key", "merchant_passphrase"):
                if name in self:
                    raise ConfigurationError(self._half(name, "merchant_cert"))
            return None
        certificate = self.key("merchant_cert", "merchant_passphrase")
        if "merchant_key" in self:
            key = self.key("merchant_key", "merchant_passphrase")
        elif str(self.path("merchant_cert")).lower().endswith(PKCS12):
            key = Sensitive(None)
        else:
            key = self.key("private_key", "private_key_passphrase")
        return {"cert": certificate, **({} if key.reveal() is None else {"key": key})}

    def scheme(self) -> Scheme:
        """Return how requests are signed.

        Raises:
            ConfigurationError: there is no such scheme.
        """
        name = (self.text("scheme") or "rsa").lower()
        known = {**_SCHEMES, **{one.name.lower(): one for one in _SCHEMES.values()}}
        if name not in known:
            raise ConfigurationError(
                f"scheme must be one of {', '.join(_SCHEMES)} (it is from {self.origins['scheme']})"
            )
        return known[name]

    def client(self, **overrides: Any) -> Client:
        """Make a client; what is overridden is not looked up.

        Raises:
            ConfigurationError: a setting is missing or wrong; it says which, and where it is from.
        """
        missing = self.missing(overrides)
        if missing:
            raise ConfigurationError(advice.missing(missing, self.where, self._environment))
        options = {name: read() for name, read in self._options().items() if name not in overrides}
        problem = ""
        try:
            return Client(**{**options, **overrides})
        except ConfigurationError as error:
            problem = self.located(str(error), overrides)
        raise ConfigurationError(problem)

    def located(self, problem: str, overridden: Iterable[str] = ()) -> str:
        """Return what an error of `Client` says, and where the setting at fault came from."""
        passphrase = _passphrase_of(problem)
        problem = problem.replace("give (key, passphrase)", f"set {passphrase.variable()}")
        if passphrase.name in self:
            # It is that setting which is at fault, and not the key.
            told = f"leave {self.origins[passphrase.name]} out"
            problem = problem.replace("give it without a passphrase", told)
        named = [s for s in SETTINGS if re.match(rf"{re.escape(s.spoken)}(?!\w)", problem)]
        key_id = self.text("public_key_id")
        if problem.startswith(f"certs[{key_id!r}]") and key_id is not None:
            named = [BY_NAME["public_key"]]
        if not named or named[0].name in overridden:
            return problem
        name = named[0].name
        if name in self:
            return f"{problem} ({name} is from {self.origins[name]})"
        return f"{problem}: {self.how_to_set(name)}" if problem.endswith("is missing") else problem

    @property
    def is_v2_only(self) -> bool:
        """Whether there is a key for the XML protocol and nothing for v3."""
        v3 = ("serial", "private_key", *_PLATFORM)
        return "secret" in self and not any(name in self for name in v3)

    def missing(self, given: Container[str] = ()) -> list[str]:
        """Return which settings a client lacks, but for those given.

        `certs` stands for WeChat Pay's key, in whichever form.
        """
        needed = ("mchid",) if self.is_v2_only else ("mchid", "serial", "private_key")
        found = [name for name in needed if name not in self and name not in given]
        is_there = any(name in self for name in _PLATFORM) or CERTS in given or "refresh" in given
        if not self.is_v2_only and not is_there:
            found.append(CERTS)
        return found

    @property
    def untidy(self) -> list[str]:
        """Where text has white space or quotes around it, which some readers of .env files leave.

        A key may have them: they are read over.
        """
        return [self._sources[name].origin for name in self.origins if self._is_untidy(name)]

    def _is_untidy(self, name: str) -> bool:
        text = self._sources[name].value.reveal()
        if not isinstance(text, str) or pem.is_recognised(text.encode("utf-8", "replace")):
            return False
        return text != text.strip() or text[:1] in _QUOTES

    def refuse_half(self, one: str, other: str) -> None:
        """Raise if only one of two settings that belong together is there.

        Raises:
            ConfigurationError: it is so.
        """
        if one in self and other not in self:
            raise ConfigurationError(self._half(one, other))
        if other in self and one not in self:
            raise ConfigurationError(self._half(other, one))

    def _half(self, there: str, missing: str) -> str:
        return (
            f"{there} is set ({self.origins[there]}), but {missing} is missing: "
            f"{self.how_to_set(missing)}"
        )

    def _options(self) -> dict[str, Any]:
        """Return how to read each option of `Client` that a profile can set."""
        plain = ("mchid", "serial", "base_uri")
        hidden = ("apiv3_key", "secret", "ca_certs", "v2_public_key")
        return {
            **{name: lambda name=name: self.text(name) for name in plain},
            **{name: lambda name=name: self._or_none(name) for name in hidden},
            "proxy": lambda: self.hidden("proxy"),
            "private_key": lambda: self.key("private_key", "private_key_passphrase"),
            "certs": self.certs,
            "merchant": self.merchant,
            "scheme": self.scheme,
        }

    def _or_none(self, name: str) -> Sensitive[Any] | None:
        return self.hidden(name) if name in self else None

    def _fetch(self, source: Source) -> Sensitive[Any]:
        kind = source.setting.kind
        if source.form is Form.COMMAND or (source.form is Form.FILE and kind is Kind.SECRET):
            return secret_sources.fetch(source, self._environment)
        if source.form is Form.FILE:
            return Sensitive(source.base / Path(source.value.reveal()).expanduser())
        return material(source.value, source.base) if kind.is_file else source.value


def _passphrase_of(problem: str) -> Setting:
    """Return the passphrase that belongs to what an error of `Client` is about."""
    owner = "merchant" if problem.startswith("merchant") else "private_key"
    return BY_NAME[f"{owner}_passphrase"]


def _single(layer: Iterable[Source]) -> dict[str, Source]:
    """Return sources by name; two forms of one setting would leave open which counts."""
    found: dict[str, Source] = {}
    for source in layer:
        name = source.setting.name
        if name in found:
            raise ConfigurationError(
                f"{name} is given twice, by {found[name].origin} and {source.origin}: keep one"
            )
        found[name] = source
    return found
