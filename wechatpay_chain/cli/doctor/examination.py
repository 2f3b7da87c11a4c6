"""What is examined, and what is found: a line for each check, and what to do if it is not well."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain import tls_material
from wechatpay_chain.cli.profile import Profile
from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol import hosts
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = [
    "PORTAL",
    "SECURITY",
    "Check",
    "Examination",
    "Result",
    "State",
    "fault",
    "ok",
    "skipped",
    "warning",
]


PORTAL = "pay.weixin.qq.com > 账户中心"
"""Where on WeChat Pay's website the merchant's settings are."""

SECURITY = f"{PORTAL} > API安全"
"""Where keys and certificates are."""


class State(StrEnum):
    """How well something is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """What one check found, and what to do about it."""

    check: str
    state: State
    message: str
    advice: str = ""
    explains: bool = True
    """Whether what fails later may follow from it."""


def ok(check: str, message: str) -> Result:
    """Return that something is as it must be."""
    return Result(check, State.OK, message)


def warning(check: str, message: str, advice: str) -> Result:
    """Return that something works, and may not tomorrow."""
    return Result(check, State.WARNING, message, advice)


def fault(check: str, message: str, advice: str) -> Result:
    """Return that something does not work, or must not."""
    return Result(check, State.FAULT, message, advice)


def skipped(check: str, message: str) -> Result:
    """Return that something could not be looked at."""
    return Result(check, State.SKIPPED, message)


@dataclass
class Examination:
    """What is examined, and what the checks so far have found in it."""

    profile: Profile
    notify_url: str | None = None
    timeout: float = 10.0
    """Seconds that each step over the network may take."""
    clock: Callable[[], float] = time.time
    results: list[Result] = field(default_factory=list)
    private_key: RSAPrivateKey | None = field(default=None, repr=False)
    platform: dict[str, RSAPublicKey | x509.Certificate] = field(default_factory=dict)
    """WeChat Pay's keys that can be used, by id or serial."""
    is_reachable: bool = True
    problem: str = ""
    """Why no client could be made of keys that are well each by itself."""

    @property
    def base_uri(self) -> str:
        """Where requests go."""
        return self.profile.text("base_uri") or hosts.DEFAULT_BASE

    @property
    def is_local(self) -> bool:
        """Whether the gateway is on this machine, as the sandbox is."""
        try:
            return hosts.is_loopback(self.base_uri)
        except ValueError:
            return False

    def has_fault(self, *checks: str) -> bool:
        """Tell whether any check has found a fault; or one of these, one that explains others."""
        return any(
            one.state is State.FAULT and (not checks or (one.check in checks and one.explains))
            for one in self.results
        )

    def tls(self) -> ssl.SSLContext:
        """Return what a connection to the gateway trusts.

        Raises:
            ConfigurationError: ca_certs cannot be read.
        """
        authorities = self.profile.hidden("ca_certs")
        trusted = None if authorities.reveal() is None else tls_material.authorities(authorities)
        return ssl.create_default_context(cadata=trusted)

    @cached_property
    def client(self) -> Client | None:
        """A client with the keys that can be used; None if they are not enough for one."""
        overrides: dict[str, Any] = {"merchant": None, "apiv3_key": None, "timeout": self.timeout}
        if not self.profile.is_v2_only:
            if self.private_key is None or not self.platform:
                return None
            overrides |= {"private_key": self.private_key, "certs": self.platform}
        if self.has_fault("secret"):
            overrides["secret"] = None
        try:
            return self.profile.client(**overrides, connect_timeout=self.timeout)
        except ConfigurationError as error:
            self.problem = str(error)
            return None

    def close(self) -> None:
        """Close the client's connections, if one was made."""
        client = vars(self).get("client")
        if client is not None:
            client.close()

    def secret(self, name: str) -> Sensitive[Any] | None:
        """Return a secret; None if it is not set, or cannot be had."""
        try:
            return self.profile.hidden(name) if name in self.profile else None
        except ConfigurationError:
            return None


Check: TypeAlias = Callable[[Examination], Iterator[Result]]
"""One check: it looks at something and yields what it finds."""
