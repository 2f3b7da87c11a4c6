"""The PHP SDK's ``Crypto`` classes in Python's spelling: `Rsa`, `AesGcm`, `AesEcb`, `Hash`.

For code that signs, encrypts or opens something by itself; `Client` needs none of it.
Keys are given as in `wechatpay_chain.keys`, and checked. Ciphertexts and signatures
are base64, read strictly. Whatever goes wrong, the error shows neither key nor text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, overload

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wechatpay_chain import keys
from wechatpay_chain.errors import ConfigurationError, DecryptError, RequestError
from wechatpay_chain.keys import KeySource
from wechatpay_chain.protocol import aes, hash, rsa  # noqa: A004
from wechatpay_chain.protocol.binary import decode, octets
from wechatpay_chain.protocol.frames import without_frames

__all__ = ["AesEcb", "AesGcm", "AesInterface", "Hash", "Rsa"]

_UNOPENED = "the ciphertext cannot be decrypted with this key"


class Rsa:
    """RSA as WeChat Pay uses it: SHA-256 with PKCS#1 v1.5 to sign, OAEP with SHA-1 to encrypt."""

    KEY_TYPE_PUBLIC: ClassVar[Literal["public"]] = "public"
    KEY_TYPE_PRIVATE: ClassVar[Literal["private"]] = "private"
    PKCS1_PADDING: ClassVar[int] = rsa.PKCS1_PADDING
    PKCS1_OAEP_PADDING: ClassVar[int] = rsa.PKCS1_OAEP_PADDING

    @overload
    @staticmethod
    def from_(thing: KeySource, type: Literal["private"] = "private") -> RSAPrivateKey: ...

    @overload
    @staticmethod
    def from_(thing: KeySource, type: Literal["public"]) -> RSAPublicKey: ...

    @staticmethod
    @without_frames
    def from_(thing: KeySource, type: str = KEY_TYPE_PRIVATE) -> RSAPrivateKey | RSAPublicKey:  # noqa: A002
        """Return a key from a path, a ``file://`` URL, PEM, DER, or prefixed base64.

        Raises:
            ConfigurationError: it cannot be read, or is another kind of key.
            RequestError: `type` is neither of the two.
        """
        if type == Rsa.KEY_TYPE_PRIVATE:
            return keys.load_private_key(thing, "the key")
        if type == Rsa.KEY_TYPE_PUBLIC:
            return keys.load_public_key(thing, "the key")
        raise RequestError(f"a key's type is 'private' or 'public', not {type!r}")

    @overload
    @staticmethod
    def from_pkcs1(thing: str, type: Literal["private"] = "private") -> RSAPrivateKey: ...

    @overload
    @staticmethod
    def from_pkcs1(thing: str, type: Literal["public"]) -> RSAPublicKey: ...

    @staticmethod
    @without_frames
    def from_pkcs1(thing: str, type: str = KEY_TYPE_PRIVATE) -> RSAPrivateKey | RSAPublicKey:  # noqa: A002
        """Return the key in the base64 of PKCS#1, which stands in ``RSA PRIVATE KEY`` PEM.

        Raises:
            ConfigurationError: it is something else.
        """
        if type == Rsa.KEY_TYPE_PUBLIC:
            return Rsa.from_(f"public.pkcs1://{thing}", "public")
        return Rsa.from_(f"private.pkcs1://{thing}")

    @staticmethod
    @without_frames
    def from_pkcs8(thing: str) -> RSAPrivateKey:
        """Return the private key in the base64 of PKCS#8, which stands in ``PRIVATE KEY`` PEM.

        Raises:
            ConfigurationError: it is something else.
        """
        return Rsa.from_(f"private.pkcs8://{thing}")

    @staticmethod
    @without_frames
    def from_spki(thing: str) -> RSAPublicKey:
        """Return the public key in the base64 of SPKI, which stands in ``PUBLIC KEY`` PEM.

        Raises:
            ConfigurationError: it is something else.
        """
        return Rsa.from_(f"public.spki://{thing}", "public")

    @staticmethod
    @without_frames
    def pkcs1_to_spki(thing: str) -> str:
        """Return the base64 of a public key as SPKI, from its base64 as PKCS#1.

        Raises:
            ConfigurationError: it is something else.
        """
        key = Rsa.from_pkcs1(thing, "public")
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode("ascii")

    @staticmethod
    @without_frames
    def encrypt(
        plaintext: str | bytes, public_key: KeySource, padding: int = PKCS1_OAEP_PADDING
    ) -> str:
        """Return the base64 ciphertext of a text, such as a bank account's number.

        Raises:
            ConfigurationError: the key is no public one.
            RequestError: the text is too long for the key, or the padding another one.
        """
        _check_padding(padding)
        key = keys.load_public_key(public_key)
        raw = octets(plaintext, "the plaintext")
        longest = rsa.longest_plaintext(key, padding)
        if len(raw) > longest:
            raise RequestError(
                f"the plaintext has {len(raw)} bytes; at most {longest} can be encrypted with this "
                "key"
            )
        return rsa.encrypt(raw, key, padding)

    @staticmethod
    @without_frames
    def decrypt(ciphertext: str, private_key: KeySource, padding: int = PKCS1_OAEP_PADDING) -> str:
        """Return the text inside a base64 ciphertext.

        ``PKCS1_PADDING`` has no checksum: what was made for another key may open as nonsense.

        Raises:
            ConfigurationError: the key is no private one.
            DecryptError: it was not made for this key, or changed on the way.
            RequestError: the padding is another one.
        """
        _check_padding(padding)
        key = keys.load_private_key(private_key)
        try:
            return rsa.decrypt(ciphertext, key, padding)
        except ValueError:
            raise DecryptError(_UNOPENED) from None

    @staticmethod
    @without_frames
    def sign(message: str | bytes, private_key: KeySource) -> str:
        """Return the base64 signature of a message, such as `Formatter.request` makes.

        Raises:
            ConfigurationError: the key is no private one.
        """
        key = keys.load_private_key(private_key)
        signed = rsa.sign(octets(message, "the message", "surrogateescape"), key)
        return base64.b64encode(signed).decode("ascii")

    @staticmethod
    @without_frames
    def verify(message: str | bytes, signature: str, public_key: KeySource) -> bool:
        """Tell whether a base64 signature is that key's, over that message.

        Raises:
            ConfigurationError: the key is no public one.
        """
        key = keys.load_public_key(public_key)
        try:
            raw = decode(signature)
        except ValueError:
            return False
        return rsa.verify(octets(message, "the message", "surrogateescape"), raw, key)


class AesInterface:
    """What the two ciphers have in common: sizes in bytes, and OpenSSL's names."""

    BLOCK_SIZE: ClassVar[int] = 16
    KEY_LENGTH_BYTE: ClassVar[int] = aes.KEY_SIZE
    AUTH_TAG_LENGTH_BYTE: ClassVar[int] = 16
    ALGO_AES_256_GCM: ClassVar[str] = "aes-256-gcm"
    ALGO_AES_256_ECB: ClassVar[str] = "aes-256-ecb"


class AesGcm(AesInterface):
    """AEAD_AES_256_GCM: the resources of v3's callbacks and certificates, under the APIv3 key."""

    @staticmethod
    @without_frames
    def encrypt(
        plaintext: str | bytes, key: str | bytes, iv: str | bytes = "", aad: str | bytes = ""
    ) -> str:
        """Return the base64 of ciphertext and tag.

        Raises:
            ConfigurationError: the key has not 32 bytes.
            RequestError: `iv`, WeChat Pay's ``nonce``, has not 8 to 128 bytes.
        """
        secret = _key(key)
        nonce = octets(iv, "iv")
        if not 8 <= len(nonce) <= 128:
            raise RequestError(f"iv must have 8 to 128 bytes (WeChat Pay's: 12), not {len(nonce)}")
        return aes.gcm_encrypt(
            octets(plaintext, "the plaintext"), secret, nonce, octets(aad, "aad")
        )

    @staticmethod
    @without_frames
    def decrypt(
        ciphertext: str, key: str | bytes, iv: str | bytes = "", aad: str | bytes = ""
    ) -> str:
        """Return the text inside a resource: its ``ciphertext``, ``nonce``, ``associated_data``.

        Raises:
            ConfigurationError: the key has not 32 bytes.
            DecryptError: it was made with another key, `iv` or `aad`, or changed on the way.
        """
        secret = _key(key)
        nonce, associated = octets(iv, "iv"), octets(aad, "aad")
        try:
            return aes.gcm_decrypt(ciphertext, secret, nonce, associated).decode()
        except ValueError:
            raise DecryptError(_UNOPENED) from None


class AesEcb(AesInterface):
    """AES-256-ECB: ``req_info`` of v2's refund notifications, under ``Hash.md5(secret)``."""

    @staticmethod
    @without_frames
    def encrypt(plaintext: str | bytes, key: str | bytes, iv: str | bytes = "") -> str:
        """Return the base64 ciphertext of a text; `iv` is there for the signature's sake only.

        Raises:
            ConfigurationError: the key has not 32 bytes.
        """
        return aes.ecb_encrypt(octets(plaintext, "the plaintext"), _key(key))

    @staticmethod
    @without_frames
    def decrypt(ciphertext: str, key: str | bytes, iv: str | bytes = "") -> str:
        """Return the text inside a base64 ciphertext; `iv` is there for the signature's sake only.

        Raises:
            ConfigurationError: the key has not 32 bytes.
            DecryptError: it was made with another key, or changed on the way.
        """
        secret = _key(key)
        try:
            return aes.ecb_decrypt(ciphertext, secret).decode()
        except ValueError:
            raise DecryptError(_UNOPENED) from None


class Hash:
    """The keyed hashes of v2."""

    ALGO_MD5: ClassVar[str] = hash.MD5
    ALGO_HMAC_SHA256: ClassVar[str] = hash.HMAC_SHA256
    ALGO_DICTONARIES: ClassVar[Mapping[str, Callable[[str, str], str]]] = hash.SIGN_TYPES
    """PHP's spelling: each value of ``sign_type``, and what it does."""

    @staticmethod
    @without_frames
    def md5(thing: str, key: str = "", agency: bool = False) -> str:
        """Return the MD5, in lower case, of a text and of its key, if any, behind it.

        With `agency` the key is WeCom's (企业微信) and stands behind ``&secret=``.
        """
        return hash.md5(thing, key, agency=agency)

    @staticmethod
    @without_frames
    def hmac(thing: str, key: str, algorithm: str = "sha256") -> str:
        """Return the HMAC, in lower case, of a text with its key behind it, under that key.

        Raises:
            RequestError: there is no such algorithm.
        """
        try:
            return hash.hmac(thing, key, algorithm)
        except ValueError:
            raise RequestError(f"there is no hash algorithm {algorithm!r}") from None

    @staticmethod
    @without_frames
    def sign(type: str, data: str | Mapping[str, object], key: str) -> str | None:  # noqa: A002
        """Return the sign, in upper case, of sorted ``k=v`` text, or of fields.

        None for a `type` that is neither ``MD5`` nor ``HMAC-SHA256``.

        Raises:
            RequestError: a field is no text, number or boolean.
        """
        return hash.sign(type, data, key)

    @staticmethod
    def equals(known: str, user: str | None = None) -> bool:
        """Tell whether two texts are the same, in a time that does not tell where they differ."""
        return hash.equals(known, user)


def _check_padding(padding: int) -> None:
    if padding not in rsa.PADDINGS:
        raise RequestError(
            f"padding must be {rsa.PKCS1_OAEP_PADDING} (OAEP) or {rsa.PKCS1_PADDING} (PKCS#1 "
            f"v1.5), not {padding!r}"
        )


def _key(key: str | bytes) -> bytes:
    raw = octets(key, "the key")
    if len(raw) != aes.KEY_SIZE:
        raise ConfigurationError(f"the key must have {aes.KEY_SIZE} bytes, not {len(raw)}")
    return raw
