"""Sign requests and check answers of the XML protocol (v2).

Named as in the PHP SDK's handler stack; each works in a plain session too::

    middlewares = (guard, TransformResponse(secret), TransformRequest(mchid, secret))
    async with aiohttp.ClientSession(middlewares=middlewares) as session:
        await session.post(url, data=Transformer.to_xml({"mch_id": mchid, ...}))

An answer is checked with the algorithm that its request was signed by, never with
the one that its length suggests: whoever can choose chooses the weaker one.

Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain.errors import (
    ConfigurationError,
    DecodeError,
    Reason,
    RequestError,
    UnverifiedError,
)
from wechatpay_chain.middleware import call as calls
from wechatpay_chain.middleware.body import LARGEST_ANSWER, read
from wechatpay_chain.middleware.call import Call
from wechatpay_chain.middleware.verifier import distrusted
from wechatpay_chain.payload import signed_bytes
from wechatpay_chain.protocol import formatter, hosts, query, transformer, unsigned
from wechatpay_chain.protocol import hash as hashes
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import one_line, scalar
from wechatpay_chain.refusals import of_business
from wechatpay_chain.response import Response

__all__ = ["TransformRequest", "TransformResponse", "request_fields"]

Secret: TypeAlias = str | Sensitive[Any] | None

_OWNERS = ("mch_id", "mchid", "combine_mch_id")
"""The fields that name the merchant; the first that is there counts."""

_SUCCESS = "SUCCESS"


class TransformRequest:
    """An aiohttp client middleware that signs v2 requests: the XML body, or a GET's query."""

    def __init__(
        self,
        mchid: str,
        secret: Secret,
        *,
        origins: Iterable[str] = (),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Sign as a merchant.

        Args:
            mchid: the merchant's number (商户号); a request for another one is refused.
            secret: its key of the XML protocol (APIv2密钥).
            origins: addresses, besides WeChat Pay's own, that may be signed for.
            random: a source of random bytes, for the nonce.
        """
        self._mchid = mchid
        self._secret = Sensitive[Any](secret)
        self._origins = hosts.OFFICIAL | {hosts.origin(url) for url in origins}
        self._random = random

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Sign the request and send it on.

        Raises:
            RequestError: it names another merchant, an unknown ``sign_type``, or cannot be signed.
            ConfigurationError: there is no secret.
        """
        calls.refuse_foreign(request, self._origins)
        call = calls.of(request) or Call()
        if request.method == "GET":
            given: Mapping[str, Any] = query.parse(request.url.raw_query_string)
            calls.set_query(request, query.build(self._signed(given, call)))
        else:
            signed = self._signed(await request_fields(request, call), call)
            await request.update_body(transformer.to_xml(signed).encode())
        return await handler(request)

    def __repr__(self) -> str:
        return f"<TransformRequest {self._mchid}>"

    def _signed(self, given: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Return the fields with nonce and sign, in the order in which they were given."""
        owner = next((given[name] for name in _OWNERS if given.get(name) is not None), None)
        if owner is None or scalar(owner, "mch_id") != self._mchid:
            wrong = "has no mch_id" if owner is None else "names another merchant"
            raise RequestError(
                f"the request {wrong}: mch_id, mchid or combine_mch_id must be the client's own "
                f"{self._mchid}"
            )
        if not self._secret.reveal():
            raise ConfigurationError("v2 needs the merchant's APIv2密钥: give secret to Client")
        fields = dict(given)
        if not call.nonceless and fields.get("nonce_str") is None:
            fields["nonce_str"] = formatter.nonce(self._random)
        sign_type = scalar(fields.get("sign_type") or hashes.MD5, "sign_type")
        # Made before the secret is revealed: what fails here shows its frame's variables.
        text = formatter.query_string_like(formatter.ksort(fields))
        sign = hashes.sign(sign_type, text, self._secret.reveal())
        if sign is None:
            known = " and ".join(hashes.SIGN_TYPES)
            raise RequestError(f"sign_type is none that WeChat Pay knows: there are {known}")
        fields["sign"] = sign
        return fields


class TransformResponse:
    """An aiohttp client middleware that checks v2 answers."""

    def __init__(self, secret: Secret, *, limit: int = LARGEST_ANSWER) -> None:
        """Check with the merchant's key of the XML protocol (APIv2密钥).

        Args:
            secret: the key.
            limit: bytes of the largest answer that is read.
        """
        self._secret = Sensitive[Any](secret)
        self._limit = limit

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send the request on and check its answer.

        Raises:
            BusinessError: the answer says FAIL, and bears the right sign or none.
            UnverifiedError: its sign does not hold, or it says SUCCESS without one.
        """
        answer = await handler(request)
        try:
            await self._check(request, answer)
        except BaseException:
            # An answer that nobody will read keeps its connection for ever.
            answer.close()
            raise
        return answer

    def __repr__(self) -> str:
        return "<TransformResponse>"

    async def _check(self, request: ClientRequest, answer: ClientResponse) -> None:
        # A plain session decodes by itself, and its owner reads every body.
        call = calls.of(request) or Call(decodes=False)
        succeeded = 200 <= answer.status < 300
        may_be_unsigned = not succeeded or unsigned.is_unsigned_v2(request.url.raw_path)
        if succeeded and may_be_unsigned and call.streams:
            return
        body = b""
        try:
            body = await read(answer, self._limit, decode=call.decodes)
            call.unread = False
            if may_be_unsigned:
                call.verified = self._holds(_flat_or_empty(body), await _sign_type(request))
                return
            fields = _flat(body)
            verified = self._holds(fields, await _sign_type(request))
            if fields.get("sign") and not verified:
                raise UnverifiedError("its sign does not match", reason=Reason.BAD_SIGNATURE)
            if not _says_success(fields):
                response = Response.of(answer, body, verified=verified)
                raise of_business(calls.name(request), fields, response)
            if not verified:
                raise UnverifiedError("it has no sign", reason=Reason.MISSING_SIGN)
            call.verified = True
        except UnverifiedError as error:
            raise distrusted(error, calls.name(request), answer, body) from None

    def _holds(self, fields: Mapping[str, Any], sign_type: str) -> bool:
        given = fields.get("sign")
        if not self._secret.reveal() or not isinstance(given, str):
            return False
        try:
            text = formatter.query_string_like(formatter.ksort(fields))
        except RequestError:
            # Something nested, which no sign covers.
            return False
        wanted = hashes.sign(sign_type, text, self._secret.reveal())
        return wanted is not None and hashes.equals(wanted, given)


async def request_fields(request: ClientRequest, call: Call) -> Mapping[str, Any]:
    """Return the fields of a request: as they were given, or as its XML says."""
    content = await signed_bytes(request.body)
    if call.xml is not None and content == call.unsigned:
        return call.xml
    try:
        return transformer.to_array(content) if content else {}
    except DecodeError as error:
        raise RequestError(f"the body cannot be signed: {error}") from None


async def _sign_type(request: ClientRequest) -> str:
    """Return the algorithm that a request was signed by, from what was sent."""
    fields: Mapping[str, Any] = {}
    with suppress(DecodeError, RequestError):
        if request.method == "GET":
            fields = query.parse(request.url.raw_query_string)
        else:
            fields = transformer.to_array(await signed_bytes(request.body))
    return str(fields.get("sign_type") or hashes.MD5)


def _flat(body: bytes) -> Mapping[str, Any]:
    """Return an answer's fields, none of which may be there twice."""
    try:
        fields = transformer.to_array(body)
    except DecodeError as error:
        raise UnverifiedError(str(error), reason=Reason.UNREADABLE) from None
    for name, value in fields.items():
        if isinstance(value, list):
            raise UnverifiedError(
                f"{one_line(name)} is there {len(value)} times", reason=Reason.UNREADABLE
            )
    return fields


def _flat_or_empty(body: bytes) -> Mapping[str, Any]:
    """Return the fields of an answer that need have none, because its path is unsigned."""
    try:
        return _flat(body)
    except UnverifiedError:
        return {}


def _says_success(fields: Mapping[str, Any]) -> bool:
    """Tell whether an answer says that it all went well."""
    if "return_code" not in fields:
        raise UnverifiedError("it has no return_code", reason=Reason.UNREADABLE)
    return bool(
        fields["return_code"] == _SUCCESS and fields.get("result_code", _SUCCESS) == _SUCCESS
    )
