"""Encrypt what the XML protocol wants encrypted, before it is signed.

Which fields: what the catalogue says, and what is marked `Sensitive`. For which
key: that of ``cert_serial_number`` where an operation has such a field (the
platform certificate's serial, 平台证书序列号), else the one that
``v2/risk/getpublickey`` gives (获取RSA加密公钥), else WeChat Pay's preferred key.
Without any key what the catalogue says is left alone, as in the PHP SDK: the
caller has encrypted it by hand.

Sources: https://pay.weixin.qq.com/doc/v2/merchant/4011939840,
    https://pay.weixin.qq.com/doc/v2/institution/4011985625
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.catalogue import Operation, find
from wechatpay_chain.middleware import call as calls
from wechatpay_chain.middleware.call import Call
from wechatpay_chain.middleware.seal import Seal
from wechatpay_chain.middleware.v2 import request_fields
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol import transformer
from wechatpay_chain.protocol.sensitive import Path, replace

__all__ = ["V2Encryptor"]

KEY_FIELD = "cert_serial_number"

_NO_KEY = (
    "there is no key to encrypt it for: give v2_public_key, which v2/risk/getpublickey answers, "
    "or certs to Client"
)
_NO_SUCH_KEY = f"{KEY_FIELD} names a key that is not in certs: add the key, or leave the field out"


class V2Encryptor:
    """An aiohttp client middleware that encrypts the sensitive fields of v2 requests."""

    def __init__(
        self, keys: PlatformKeys | None = None, public_key: RSAPublicKey | None = None
    ) -> None:
        """Encrypt for WeChat Pay.

        Args:
            keys: its public keys and certificates, by public key id or serial.
            public_key: the key that ``v2/risk/getpublickey`` gives.
        """
        self._keys = keys
        self._public_key = public_key

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Encrypt the request's sensitive fields and send it on.

        Raises:
            RequestError: a value cannot be encrypted, or there is no key to do it for.
        """
        call = calls.of(request)
        if call is None:
            call = Call(operation=find(request.method, f"v2/{request.url.raw_path}"))
        operation = call.operation
        paths: list[Path] = [*call.sealed]
        if operation is not None and self._may_encrypt():
            paths += operation.encrypted
        paths = [path[1:] for path in paths if path[0] == "xml"]
        if paths:
            given = await request_fields(request, call)
            sealed = await self._encrypted(given, paths, operation)
            if sealed is not given:
                call.xml, call.unsigned = sealed, transformer.to_xml(sealed).encode()
                await request.update_body(call.unsigned)
        return await handler(request)

    def __repr__(self) -> str:
        return f"<V2Encryptor {', '.join(self._keys or ())}>"

    def _may_encrypt(self) -> bool:
        keys = self._keys
        return self._public_key is not None or (
            keys is not None and (len(keys) > 0 or keys.refreshes)
        )

    async def _encrypted(
        self, given: Mapping[str, Any], paths: list[Path], operation: Operation | None
    ) -> Mapping[str, Any]:
        """Return the fields with what is sensitive encrypted, and the key named if it is to be."""
        serial, key = await self._chosen(given, operation)
        seal = Seal(key, _NO_SUCH_KEY if serial else _NO_KEY)
        sealed = given
        for path in paths:
            sealed = replace(sealed, path, seal, ("xml",))
        return {**sealed, KEY_FIELD: serial} if serial and seal.used else sealed

    async def _chosen(
        self, given: Mapping[str, Any], operation: Operation | None
    ) -> tuple[str, RSAPublicKey | None]:
        """Return the serial that the request names or is to name, if any, and the key."""
        keys = self._keys
        if keys is None:
            named = str(given.get(KEY_FIELD) or "") if _names_key(operation) else ""
            return named, None if named else self._public_key
        if _names_key(operation):
            serial = str(given.get(KEY_FIELD) or "") or await keys.choose()
            if serial:
                return serial, await keys.find(serial)
        return "", self._public_key or await keys.find(await keys.choose())


def _names_key(operation: Operation | None) -> bool:
    body = operation.place("xml") if operation else None
    return body is not None and any(field.name == KEY_FIELD for field in body.fields)
