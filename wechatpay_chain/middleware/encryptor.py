"""Encrypt what WeChat Pay wants encrypted (敏感信息加密), before it is signed.

The catalogue says which fields of which operation; `Sensitive` marks others::

    encryptor = Encryptor({"PUB_KEY_ID_…": "pub_key.pem"})
    middlewares = (guard, verifier, encryptor, signer)

What already is ciphertext of the key's size is left alone, so that a request
passes any number of times, and code that encrypts by hand keeps working.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain.catalogue import FieldPath, find
from wechatpay_chain.keys import KeySource
from wechatpay_chain.middleware import call
from wechatpay_chain.middleware.seal import Seal
from wechatpay_chain.payload import META, Multipart, signed_bytes
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol import document, signature
from wechatpay_chain.protocol.sensitive import Path, replace
from wechatpay_chain.protocol.text import encode

__all__ = ["Encryptor"]

_NO_SUCH_KEY = (
    f"{signature.SERIAL} names a key that is not in certs: add the key, or leave the header to the "
    "client"
)
_NO_KEY = (
    "there is no key to encrypt it for, and none could be downloaded: see "
    "client.certificates.last_error, or give certs"
)


def encrypted_fields(method: str, path: str) -> tuple[FieldPath, ...]:
    """Return the fields that the catalogue calls sensitive; of an unknown operation, none."""
    operation = find(method, path)
    return () if operation is None else operation.encrypted


class Encryptor:
    """An aiohttp client middleware that encrypts sensitive fields."""

    def __init__(
        self,
        keys: Mapping[str, KeySource],
        *,
        fields: Callable[[str, str], tuple[FieldPath, ...]] = encrypted_fields,
    ) -> None:
        """Encrypt for WeChat Pay's public keys and certificates, by serial or public key id.

        The request's ``Wechatpay-Serial`` chooses among them and is set if it is not there.

        Args:
            keys: ``{serial_or_public_key_id: key_or_certificate}``, or a `PlatformKeys`.
            fields: a function of method and path that tells which fields are sensitive.

        Raises:
            ConfigurationError: a key is no public RSA key.
        """
        self._keys = keys if isinstance(keys, PlatformKeys) else PlatformKeys(keys)
        self._fields = fields

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Encrypt the request's sensitive fields and send it on.

        Raises:
            RequestError: a value cannot be encrypted, or ``Wechatpay-Serial`` names no known key.
        """
        ours = call.of(request)
        paths: list[Path] = [*self._fields(request.method, request.url.raw_path)]
        if ours is not None:
            # The path on the wire may have a prefix that hides which operation it is.
            paths += ours.operation.encrypted if ours.operation else ()
            paths += ours.sealed
        if paths:
            await self._encrypt(request, paths)
        return await handler(request)

    def __repr__(self) -> str:
        return f"<Encryptor {', '.join(self._keys)}>"

    async def _encrypt(self, request: ClientRequest, paths: list[Path]) -> None:
        serial = request.headers.get(signature.SERIAL) or await self._keys.choose()
        seal = Seal(await self._keys.find(serial), _NO_SUCH_KEY if serial else _NO_KEY)
        _encrypt_query(request, [path for path in paths if path[0] == "query"], seal)
        _encrypt_headers(request, [path for path in paths if path[0] == "headers"], seal)
        await _encrypt_json(request, [path for path in paths if path[0] == "json"], seal)
        await _encrypt_meta(request, [path for path in paths if path[:2] == ("body", META)], seal)
        if seal.used:
            request.headers[signature.SERIAL] = serial


async def _encrypt_json(request: ClientRequest, paths: list[Path], seal: Seal) -> None:
    if not paths:
        return
    body = request.body
    if isinstance(body, Multipart):
        return
    content = await signed_bytes(body)
    sealed = _sealed(content, [path[1:] for path in paths], seal, ("json",))
    if sealed is not None:
        await request.update_body(sealed)


async def _encrypt_meta(request: ClientRequest, paths: list[Path], seal: Seal) -> None:
    """Encrypt fields of an upload's meta part, the only one that holds any."""
    body = request.body
    meta = await body.meta() if paths and isinstance(body, Multipart) else None
    if meta is None:
        return
    sealed = _sealed(meta, [path[2:] for path in paths], seal, ("body", META))
    if sealed is not None and isinstance(body, Multipart):
        await request.update_body(body.with_meta(sealed))


def _sealed(content: bytes, paths: list[Path], seal: Seal, at: Path) -> bytes | None:
    """Return a JSON document with its fields encrypted, or None if there is nothing to encrypt."""
    if not _may_hold(content, paths):
        return None
    try:
        plain = json.loads(content)
    except ValueError:
        # No JSON, so the fields are not there; the gateway will say what it thinks of it.
        return None
    sealed = plain
    for path in paths:
        sealed = replace(sealed, path, seal, at)
    return None if sealed is plain else document.dumps(sealed)


def _may_hold(content: bytes, paths: list[Path]) -> bool:
    """Tell whether a document may hold a field; most have none, and are not parsed for it."""
    if b"\\u" in content:
        # A name may be spelled with escapes.
        return True
    return any(str(_last_name(path)).encode() in content for path in paths)


def _last_name(path: Path) -> str | int:
    names = [step for step in path if step != "[]" and not isinstance(step, int)]
    return names[-1] if names else ""


def _encrypt_query(request: ClientRequest, paths: list[Path], seal: Seal) -> None:
    names = {str(path[1]) for path in paths}
    if not names:
        return
    pairs: list[str] = []
    for pair in request.url.raw_query_string.split("&"):
        name, equals, value = pair.partition("=")
        key = unquote(name)
        if key in names and equals:
            plain = unquote(value)
            ciphertext = seal(plain, ("query", key))
            if ciphertext != plain:
                pair = f"{name}={encode(ciphertext, key)}"
        pairs.append(pair)
    call.set_query(request, "&".join(pairs))


def _encrypt_headers(request: ClientRequest, paths: list[Path], seal: Seal) -> None:
    for path in paths:
        name = str(path[1])
        request.headers[name] = seal(request.headers[name], path)
