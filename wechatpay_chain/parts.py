"""What a client is made of: its keys and secrets, checked, and the stacks that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientMiddlewareType
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import check_apiv3_key, check_secret, check_token, load_private_key
from wechatpay_chain.middleware.encryptor import Encryptor
from wechatpay_chain.middleware.signer import RemoteSign, Signer
from wechatpay_chain.middleware.stack import Stack
from wechatpay_chain.middleware.v2 import TransformRequest, TransformResponse
from wechatpay_chain.middleware.v2_encryptor import V2Encryptor
from wechatpay_chain.middleware.verifier import Verifier
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol.scheme import Scheme, check_scheme
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Parts", "given"]


@dataclass(frozen=True)
class Parts:
    """A merchant's identity, as checked and loaded as it gets."""

    mchid: str
    serial: str | None
    signing: Sensitive[RSAPrivateKey | RemoteSign | None]
    platform: PlatformKeys | None
    apiv3_key: Sensitive[str | bytes | None]
    secret: Sensitive[str | None]
    scheme: Scheme
    clock: Callable[[], float]

    @classmethod
    def of(
        cls,
        mchid: str | None,
        serial: str | None,
        private_key: Sensitive[Any],
        certs: Sensitive[Any],
        apiv3_key: Sensitive[Any],
        secret: Sensitive[Any],
        scheme: Scheme,
        clock: Callable[[], float],
        *,
        refreshes: bool = False,
    ) -> Parts:
        """Check what a client is given; with a secret and no serial, key and certs it is for v2.

        If it `refreshes`, platform keys may be missing: they are downloaded when needed.

        Raises:
            ConfigurationError: something is missing or cannot be used; it says what.
        """
        mchid = check_token(given(mchid, "mchid"), "mchid")
        check_apiv3_key(apiv3_key)
        check_secret(secret)
        check_scheme(scheme)
        is_v2_only = serial is None and private_key.reveal() is None and certs.reveal() is None
        if is_v2_only and secret.reveal() is not None:
            nothing = Sensitive[Any](None)
            return cls(mchid, None, nothing, None, apiv3_key, secret, scheme, clock)
        serial = check_token(given(serial, "serial"), "serial")
        signing = _signing_key(private_key)
        platform = _platform_keys(certs, serial, signing, clock, may_lack=refreshes)
        return cls(mchid, serial, signing, platform, apiv3_key, secret, scheme, clock)

    def opening_key(self, other: Sensitive[Any]) -> Sensitive[RSAPrivateKey | None]:
        """Return the key that opens answers: the API's, or another where that is out of reach."""
        key = self.signing.reveal()
        return Sensitive(key) if isinstance(key, RSAPrivateKey) else other

    def stacks(
        self, encryptor: V2Encryptor, middlewares: Iterable[ClientMiddlewareType]
    ) -> dict[str, Stack]:
        """Return the stacks of the protocols that there are keys for, `middlewares` outermost."""
        stacks = {
            "v2": Stack(
                [
                    ("transform_response", TransformResponse(self.secret)),
                    ("encryptor", encryptor),
                    ("transform_request", TransformRequest(self.mchid, self.secret)),
                ]
            )
        }
        key = self.signing.reveal()
        if self.serial is not None and self.platform is not None and key is not None:
            clock, scheme = self.clock, self.scheme
            stacks["v3"] = Stack(
                [
                    ("verifier", Verifier(self.platform, clock=clock, scheme=scheme)),
                    ("encryptor", Encryptor(self.platform)),
                    ("signer", Signer(self.mchid, self.serial, key, clock=clock, scheme=scheme)),
                ]
            )
        outer = tuple(middlewares)
        for stack in stacks.values():
            outermost = stack.names[0]
            for middleware in outer:
                stack.before(outermost, middleware)
        return stacks


def given(value: str | None, name: str) -> str:
    """Return a setting that must be there.

    Raises:
        ConfigurationError: it is missing or empty.
    """
    if value is None or value == "":
        raise ConfigurationError(f"{name} is missing")
    return value


def _signing_key(key: Sensitive[Any]) -> Sensitive[RSAPrivateKey | RemoteSign | None]:
    if key.reveal() is None:
        raise ConfigurationError("private_key is missing")
    if callable(key.reveal()):
        return key
    return Sensitive(load_private_key(key))


def _platform_keys(
    certs: Sensitive[Any],
    serial: str,
    key: Sensitive[Any],
    clock: Callable[[], float],
    *,
    may_lack: bool,
) -> PlatformKeys:
    if not isinstance(certs.reveal() or {}, Mapping):
        raise ConfigurationError("certs must be a mapping of serials or public key ids to keys")
    sources = {name: Sensitive[Any](source) for name, source in (certs.reveal() or {}).items()}
    if not sources and not may_lack:
        raise ConfigurationError(
            "certs is missing: give WeChat Pay's public key as {'PUB_KEY_ID_…': key}, or its "
            "certificates by serial, or let refresh=True download these"
        )
    own = "is the merchant's own, but certs are WeChat Pay's keys (微信支付公钥 or 平台证书)"
    if serial.upper() in {name.upper() for name in sources if isinstance(name, str)}:
        raise ConfigurationError(f"certs[{serial!r}] {own}")
    keys = PlatformKeys(sources, clock=clock)
    private = key.reveal()
    if isinstance(private, RSAPrivateKey):
        for name, public in keys.items():
            if public.public_numbers() == private.public_key().public_numbers():
                raise ConfigurationError(f"certs[{name!r}] {own}")
    return keys
