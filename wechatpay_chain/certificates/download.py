"""Download WeChat Pay's certificates (平台证书), and trust them only if all of it holds.

It is the one answer whose key may arrive with it. So it passes the client's own
stack without the verifier, and is verified here: by the key that its serial names,
known or just received. What seals the certificates is the APIv3密钥.

Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain import refusals
from wechatpay_chain.certificates.listing import PlatformCertificate, read_list
from wechatpay_chain.errors import (
    CertificateError,
    ConfigurationError,
    OutcomeUnknownError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.parts import Parts
from wechatpay_chain.platform_keys import PUBLIC_KEY_ID, PlatformKeys
from wechatpay_chain.protocol import signature
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import Response

if TYPE_CHECKING:
    from wechatpay_chain.client import Client

__all__ = ["PATHS", "check_parts", "fetch"]

PATHS = ("v3/certificates", "v3/global/certificates")
"""Where the list is to be had; the second is that of merchants outside mainland China."""

_PUBLIC_KEY_MODE = (
    "this merchant has WeChat Pay's public key (微信支付公钥) in place of certificates, so nothing "
    "can be downloaded: give the key in certs as {'PUB_KEY_ID_…': 'pub_key.pem'}, from WeChat "
    "Pay's website"
)


def check_parts(parts: Parts) -> PlatformKeys:
    """Return the ring of a client that can download certificates.

    Raises:
        ConfigurationError: it cannot; the message says what is missing.
    """
    if parts.platform is None:
        raise ConfigurationError(
            "certificates need v3: give serial and private_key; this client is for v2 only"
        )
    if parts.apiv3_key.reveal() is None:
        raise ConfigurationError(
            "apiv3_key is missing: certificates come encrypted with it (APIv3密钥)"
        )
    return parts.platform


async def fetch(
    client: Client, parts: Parts, path: str, authorities: Sequence[x509.Certificate] = ()
) -> tuple[PlatformCertificate, ...]:
    """Return the certificates that WeChat Pay lists, checked; nothing else is changed.

    Args:
        client: whose transport, signer and middlewares carry the request.
        parts: its keys.
        path: one of `PATHS`.
        authorities: whom to trust to issue them; any issuer will do if there are none.

    Raises:
        CertificateError: they could not be had, or something about them is not right.
        ConfigurationError: the client has no apiv3_key, or is for v2 only.
    """
    keys = check_parts(parts)
    stack = client.stack.copy()
    if "verifier" in stack:
        stack.remove("verifier")
    problem: WechatPayError
    try:
        response = await client.chain(path).get_async(handler=stack, http_errors=False)
        if not 200 <= response.status < 300:
            raise _refusal(path, response, parts, keys)
        certificates = _read(response, parts, keys, authorities)
    except WechatPayError as error:
        problem = error
    else:
        return certificates
    # Raised out here: the frames above hold the whole answer.
    raise CertificateError(f"GET {path}: {_told(problem, path)}; the keys in use stay as they were")


def _told(error: WechatPayError, path: str) -> str:
    """Return the words of an error less the name of the call, which stands before them."""
    words = str(error).removeprefix(f"GET {path}: ")
    if isinstance(error, OutcomeUnknownError):
        # Nothing happens by a download.
        return f"{words.partition(';')[0]}: try again later"
    distrust = "the answer cannot be trusted: " if isinstance(error, UnverifiedError) else ""
    return f"{distrust}{words}"


def _read(
    response: Response[Any, Any],
    parts: Parts,
    keys: PlatformKeys,
    authorities: Sequence[x509.Certificate],
) -> tuple[PlatformCertificate, ...]:
    now = parts.clock()
    claim = signature.read(response.headers, now, parts.scheme)
    known = keys.get(claim.serial)
    if known is not None:
        # Nothing is looked into before it is verified, if that can be.
        signature.check(claim, lambda _: known, response.body)
    certificates = read_list(response.body, parts.apiv3_key, now, authorities)
    received = {one.serial: one.key for one in certificates}
    if known is None:
        signature.check(claim, _named(received), response.body)
    keys.check({one.serial: one.certificate for one in certificates})
    return certificates


def _named(received: Mapping[str, RSAPublicKey]) -> Callable[[str], RSAPublicKey | None]:
    def key_of(serial: str) -> RSAPublicKey:
        if serial not in received:
            unknown = "the answer is signed with a key that is neither known nor in its list"
            if serial.startswith(PUBLIC_KEY_ID):
                raise CertificateError(
                    f"{unknown}, but WeChat Pay's public key "
                    f"{one_line(serial, 60)} (微信支付公钥): give that in certs (to the "
                    "command: WECHATPAY_PUBLIC_KEY_ID and WECHATPAY_PUBLIC_KEY)"
                )
            raise CertificateError(
                f"{unknown}: somebody between here and WeChat Pay may have written it"
            )
        return received[serial]

    return key_of


def _refusal(
    path: str, response: Response[Any, Any], parts: Parts, keys: PlatformKeys
) -> WechatPayError:
    """Return the error for an answer that is no list, saying whether WeChat Pay signed it."""
    try:
        claim = signature.read(response.headers, parts.clock(), parts.scheme)
        signature.check(claim, keys.get, response.body)
        response.verified = True
    except UnverifiedError:
        pass
    refused = refusals.of_status(f"GET {path}", response, is_v2=False)
    if response.status == 404 and refused.code == "RESOURCE_NOT_EXISTS":
        return CertificateError(f"refused with 404 RESOURCE_NOT_EXISTS: {_PUBLIC_KEY_MODE}")
    return refused
