"""Verify answers: nothing that WeChat Pay did not sign is handed on as if it had.

Over the raw bytes, before anything in them is parsed::

    verifier = Verifier({"PUB_KEY_ID_…": "pub_key.pem"})
    async with aiohttp.ClientSession(middlewares=(guard, verifier, signer)) as session: ...

A 2xx raises `UnverifiedError` unless its signature holds; the few downloads
that are not signed stand in `wechatpay_chain.protocol.unsigned`. A refusal is
let through, signed or not: who makes an error of it says whether it was.

Sources: https://pay.weixin.qq.com/doc/v3/partner/4013059030,
    https://pay.weixin.qq.com/doc/global/v3/zh/4012354982
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from aiohttp import ClientHandlerType, ClientPayloadError, ClientRequest, ClientResponse
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.errors import Reason, UnverifiedError
from wechatpay_chain.keys import KeySource
from wechatpay_chain.middleware import call as calls
from wechatpay_chain.middleware.body import LARGEST_ANSWER, Unpacker, read
from wechatpay_chain.middleware.call import Call
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol import signature, unsigned
from wechatpay_chain.protocol.scheme import Scheme, check_scheme
from wechatpay_chain.protocol.signature import Signed
from wechatpay_chain.response import Response

__all__ = ["Verifier", "distrusted"]


class Verifier:
    """An aiohttp client middleware that verifies answers."""

    def __init__(
        self,
        keys: Mapping[str, KeySource],
        *,
        clock: Callable[[], float] = time.time,
        limit: int = LARGEST_ANSWER,
        scheme: Scheme = Scheme.RSA,
    ) -> None:
        """Verify with WeChat Pay's public keys and certificates, by serial or public key id.

        Args:
            keys: ``{serial_or_public_key_id: key_or_certificate}``, or a `PlatformKeys`.
            clock: seconds since the epoch.
            limit: bytes of the largest answer that is read.
            scheme: how answers are signed.

        Raises:
            ConfigurationError: a key is no public RSA key, or the scheme cannot be used.
        """
        self._keys = keys if isinstance(keys, PlatformKeys) else PlatformKeys(keys)
        self._clock = clock
        self._limit = limit
        self._scheme = check_scheme(scheme)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send the request on and verify its answer.

        Raises:
            UnverifiedError: a 2xx that cannot be trusted, with the reason.
        """
        answer = await handler(request)
        try:
            await self._verify(request, answer)
        except BaseException:
            # An answer that nobody will read keeps its connection for ever.
            answer.close()
            raise
        return answer

    def __repr__(self) -> str:
        return f"<Verifier {', '.join(self._keys)}>"

    async def _verify(self, request: ClientRequest, answer: ClientResponse) -> None:
        # A plain session decodes by itself, and its owner reads every body.
        call = calls.of(request) or Call(decodes=False)
        method, path = request.method, request.url.raw_path
        succeeded = 200 <= answer.status < 300
        body = b""
        try:
            if succeeded and unsigned.is_unsigned(method, path):
                if not call.streams:
                    await self._read(call, answer)
                return
            if succeeded and unsigned.is_statement(method, path) and _digests(answer):
                await self._verify_statement(call, answer)
                return
            if not succeeded and not signature.is_signed(answer.headers):
                return
            if succeeded and call.places:
                claim = self._claim(answer)
                call.proof = signature.Proof(claim, await self._key_of(claim))
            else:
                body = await self._read(call, answer)
                claim = self._claim(answer)
                signature.check(claim, await self._key_of(claim), body)
            call.verified = True
        except UnverifiedError as error:
            if succeeded or error.reason is Reason.TOO_LARGE:
                raise distrusted(error, calls.name(request), answer, body) from None

    async def _read(self, call: Call, answer: ClientResponse) -> bytes:
        body = await read(answer, self._limit, decode=call.decodes)
        call.unread = False
        return body

    def _claim(self, answer: ClientResponse) -> Signed:
        return signature.read(answer.headers, self._clock(), self._scheme)

    async def _key_of(self, claim: Signed) -> Callable[[str], RSAPublicKey | None]:
        """Return what gives the key that a claim names; it may have to be downloaded first."""
        key = await self._keys.find(claim.serial)
        return lambda _: key

    async def _verify_statement(self, call: Call, answer: ClientResponse) -> None:
        """Verify a statement, whose signature covers the digest that the body must have."""
        digests = _digests(answer)
        if len(digests) != 1:
            raise UnverifiedError(
                f"{unsigned.STATEMENT_DIGEST} is there {len(digests)} times",
                reason=Reason.REPEATED_HEADER,
            )
        covered = unsigned.statement_body(digests[0])
        claim = self._claim(answer)
        signature.check(claim, await self._key_of(claim), covered)
        proof = _Digest(digests[0])
        if call.streams:
            call.proof = proof
        else:
            proof.update(await self._read(call, answer))
            proof.finish()
        call.verified = True


class _Digest:
    """A check of a statement's text against the signed SHA-1 of it, in hexadecimal.

    It may be gzip as a file, not by HTTP's means; what counts is the text all the same.
    """

    def __init__(self, signed: str) -> None:
        self._signed = signed.lower().encode("utf-8", "surrogateescape")
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._unpacker = Unpacker()
        self._is_whole = True

    def update(self, part: bytes) -> None:
        try:
            for plain in self._unpacker.feed(part):
                self._hash.update(plain)
        except ClientPayloadError:
            self._is_whole = False

    def finish(self) -> None:
        try:
            self._hash.update(self._unpacker.finish())
        except ClientPayloadError:
            self._is_whole = False
        is_right = hmac.compare_digest(self._hash.hexdigest().encode(), self._signed)
        if not (is_right and self._is_whole):
            raise UnverifiedError(
                f"its SHA-1 is not the signed {unsigned.STATEMENT_DIGEST}",
                reason=Reason.BAD_DIGEST,
            )


def _digests(answer: ClientResponse) -> list[str]:
    return answer.headers.getall(unsigned.STATEMENT_DIGEST, [])


def distrusted(
    error: UnverifiedError, what: str, answer: ClientResponse, body: bytes
) -> UnverifiedError:
    """Return the error with the answer in it, saying what to do."""
    is_probe = signature.is_probe(answer.headers)
    probe = ", a deliberate probe by WeChat Pay" if is_probe else ""
    return UnverifiedError(
        f"{what}: {answer.status}, but the answer cannot be trusted: {error}{probe}; the "
        "operation may have happened: query it before anything else",
        reason=error.reason,
        is_probe=is_probe,
        response=Response.of(answer, body, verified=False),
    )
