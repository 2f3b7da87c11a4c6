"""Who signs what front ends are given: one merchant's key and secret, clock and chance."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar, cast

from wechatpay_chain import loops
from wechatpay_chain.errors import ConfigurationError, RequestError
from wechatpay_chain.keys import check_secret, check_token, load_private_key
from wechatpay_chain.middleware.signer import checked_remote
from wechatpay_chain.payments.fields import identifier
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol import formatter
from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.protocol.scheme import Scheme, check_scheme
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Form", "Making", "Moment", "Signatory"]

T = TypeVar("T")


class Moment(NamedTuple):
    """When something is signed, in seconds since the epoch, and the nonce that goes with it."""

    timestamp: str
    nonce: str


@dataclass(frozen=True)
class Form(Generic[T]):
    """Parameters that lack only their signature: what it covers, and under which name it goes."""

    fields: Mapping[str, str]
    message: str
    place: str

    def signed(self, signature: bytes) -> T:
        """Return the parameters with their signature."""
        encoded = base64.b64encode(signature).decode("ascii")
        return cast("T", {**self.fields, self.place: encoded})


Making: TypeAlias = Callable[[Moment], Form[T]]
"""Makes parameters of a moment; what is wrong with them is found then."""


class Signatory:
    """One merchant, as who signs for front ends."""

    def __init__(
        self,
        mchid: object,
        private_key: Sensitive[Any],
        secret: Sensitive[Any],
        scheme: Scheme,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        """Check what a merchant signs with.

        Raises:
            ConfigurationError: something cannot be used, or there is neither key nor secret.
        """
        self._holder = check_token(mchid, "mchid")
        check_secret(secret)
        self.scheme = check_scheme(scheme)
        if private_key.reveal() is None and secret.reveal() is None:
            raise ConfigurationError(
                "private_key and secret are missing: give the key for v3 (商户API私钥), the "
                "secret for v2 (APIv2密钥), or both"
            )
        is_remote = callable(private_key.reveal())
        self._remote = checked_remote(private_key.reveal()) if is_remote else None
        is_here = private_key.reveal() is not None and not is_remote
        self._key = Sensitive(load_private_key(private_key) if is_here else None)
        self._secret = secret
        self._clock = clock
        self._random = random

    def __repr__(self) -> str:
        return f"<Signatory {vars(self).get('_holder', 'that could not be made')}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what signs holds keys, so it is not pickled: make one in each process")

    @property
    def name(self) -> str:
        """The number by which whoever signs is known: a merchant's, or a brand's."""
        return self._holder

    @property
    def mchid(self) -> str:
        """The merchant's number (商户号).

        Raises:
            ConfigurationError: it is a brand that signs.
        """
        if self.scheme.holder != Scheme.RSA.holder:
            raise ConfigurationError(
                f"{self.scheme.name} names its holder by {self.scheme.holder}, which is no "
                "merchant's number: give the merchant's, or use the merchant's own client"
            )
        return self._holder

    def number(self, given: str | None, name: str) -> str:
        """Return the merchant's number, or another's that was given.

        Raises:
            RequestError: what was given can be none.
            ConfigurationError: nothing was, and it is a brand that signs.
        """
        return self.mchid if given is None else identifier(given, name)

    def moment(self) -> Moment:
        """Return now, with a new nonce."""
        return Moment(str(int(self._clock())), formatter.nonce(self._random))

    def sign(self, make: Making[T]) -> T:
        """Return what `make` makes of this moment, signed with the private key.

        Raises:
            ConfigurationError: there is no private key.
            NotSentError: the remote signer failed.
        """
        if self._remote is not None:
            return self.sign_async(make).wait()
        # A key that is here needs no loop.
        form, message = self._made(make)
        return form.signed(self._signed_here(message))

    def sign_async(self, make: Making[T]) -> Promise[T]:
        """Return a promise of what `sign` returns."""
        return Promise(self._sign_async(make), loops.run)

    async def _sign_async(self, make: Making[T]) -> T:
        form, message = self._made(make)
        if self._remote is None:
            return form.signed(self._signed_here(message))
        return form.signed(await self._remote(message))

    def _made(self, make: Making[T]) -> tuple[Form[T], bytes]:
        if self._key.reveal() is None and self._remote is None:
            raise ConfigurationError(
                "private_key is missing: v3 signs with the merchant's private key (商户API私钥, "
                "apiclient_key.pem); for orders of the XML protocol see payments.v2"
            )
        form = make(self.moment())
        return form, form.message.encode()

    def _signed_here(self, message: bytes) -> bytes:
        return self.scheme.signature(message, self._key.reveal())

    def sign_fields(self, fields: Mapping[str, str], sign_type: str) -> str:
        """Return the sign of fields by the XML protocol's rule, under the merchant's secret.

        Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3

        Raises:
            ConfigurationError: there is no secret.
            RequestError: there is no such `sign_type`.
        """
        if self._secret.reveal() is None:
            raise ConfigurationError(
                "secret is missing: this is signed with the merchant's APIv2密钥, for v3's "
                "operations too"
            )
        if not isinstance(sign_type, str) or sign_type not in hashes.SIGN_TYPES:
            known = " and ".join(hashes.SIGN_TYPES)
            raise RequestError(f"sign_type is none that WeChat Pay knows: there are {known}")
        # Made before the secret is revealed: what fails here shows its frame's variables.
        joined = formatter.query_string_like(formatter.ksort(fields))
        return str(hashes.sign(sign_type, joined, self._secret.reveal()))
