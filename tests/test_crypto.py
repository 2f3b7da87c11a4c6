"""`Rsa`, `AesGcm`, `AesEcb` and `Hash`: PHP's answers, and errors that show nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.merchant import KEYS, pem, private, units
from tests.test_secrets import assert_hidden, shown
from wechatpay_chain import (
    AesEcb,
    AesGcm,
    AesInterface,
    ConfigurationError,
    DecryptError,
    Formatter,
    Hash,
    RequestError,
    Rsa,
    WechatPayError,
)

KEY = "abcdefghijklmnopqrstuvwxyz012345"
MERCHANT, PLATFORM = private("mch_key"), private("plat_key")


def bare(name: str) -> str:
    """Return the base64 of one of the vectors' keys."""
    return "".join(pem(name).splitlines()[1:-1])


@pytest.mark.parametrize("case", units()["rsa_sign"], ids=lambda case: case["message"][:9])
def test_a_signature_is_as_recorded(case: dict[str, Any]) -> None:
    """The merchant's key signs what PHP signed with it, from text and from bytes."""
    for message in (case["message"], case["message"].encode()):
        assert Rsa.sign(message, pem("mch_key")) == case["signature"]
        assert Rsa.verify(message, case["signature"], pem("mch_cert"))
        assert not Rsa.verify(message, case["signature"], pem("plat_pub"))


@pytest.mark.parametrize("case", units()["aes_gcm"], ids=lambda case: case["plaintext"])
def test_gcm_is_as_recorded(case: dict[str, Any]) -> None:
    """GCM makes PHP's base64 of PHP's arguments, in PHP's order, and opens it."""
    given = case["key"], case["iv"], case["aad"]
    assert AesGcm.encrypt(case["plaintext"], *given) == case["ciphertext"]
    assert AesGcm.decrypt(case["ciphertext"], *given) == case["plaintext"]


@pytest.mark.parametrize("case", units()["aes_ecb"], ids=lambda case: case["plaintext"])
def test_ecb_is_as_recorded(case: dict[str, Any]) -> None:
    """ECB makes PHP's base64 and opens it, with an IV that changes nothing or without."""
    assert AesEcb.encrypt(case["plaintext"], case["key"]) == case["ciphertext"]
    assert AesEcb.encrypt(case["plaintext"], case["key"], "iv") == case["ciphertext"]
    assert AesEcb.decrypt(case["ciphertext"], case["key"]) == case["plaintext"]


@pytest.mark.parametrize("case", units()["hash_md5"], ids=lambda case: str(case["key"]))
def test_md5_is_as_recorded(case: dict[str, Any]) -> None:
    """MD5 is PHP's, with a key, with WeCom's, and with the "0" that PHP takes for none."""
    assert Hash.md5(case["thing"], case["key"], case["agency"]) == case["out"]


@pytest.mark.parametrize("case", units()["hash_hmac"], ids=lambda case: case["algorithm"])
def test_hmac_is_as_recorded(case: dict[str, Any]) -> None:
    """HMAC is PHP's, with any of its algorithms."""
    assert Hash.hmac(case["thing"], case["key"], case["algorithm"]) == case["out"]


@pytest.mark.parametrize("case", units()["hash_sign"], ids=lambda case: case["type"])
def test_a_sign_is_as_recorded(case: dict[str, Any]) -> None:
    """A sign is PHP's, and None where PHP has none."""
    assert Hash.sign(case["type"], case["data"], case["key"]) == case["sign"]


def test_fields_are_signed_like_their_text() -> None:
    """A mapping is sorted and joined first, as PHP does it with an array."""
    fields = {"b": 2, "a": "1", "sign": "x", "empty": "", "none": None}
    for algorithm in Hash.ALGO_DICTONARIES:
        assert Hash.sign(algorithm, fields, "k") == Hash.sign(algorithm, "a=1&b=2", "k")
    assert Hash.ALGO_DICTONARIES[Hash.ALGO_MD5]("abc", "k") == Hash.md5("abc", "k")
    assert Hash.ALGO_DICTONARIES[Hash.ALGO_HMAC_SHA256]("abc", "k") == Hash.hmac("abc", "k")


def test_equal_texts_are_equal() -> None:
    """Only the same text is equal: not None, not another case, not half a surrogate pair."""
    assert Hash.equals("A1", "A1")
    assert Hash.equals("中", "中")
    assert not any(Hash.equals("A1", other) for other in (None, "", "a1", "A1 ", "中", "\udc80"))


@pytest.mark.parametrize("padding", [Rsa.PKCS1_OAEP_PADDING, Rsa.PKCS1_PADDING])
def test_what_is_encrypted_is_decrypted(padding: int) -> None:
    """Either padding gives the text back, up to the longest that fits."""
    longest = {4: 214, 1: 245}[padding]
    for text in ("", "张三", "x" * longest):
        sealed = Rsa.encrypt(text, pem("plat_pub"), padding)
        assert Rsa.decrypt(sealed, PLATFORM, padding) == text
    assert Rsa.decrypt(Rsa.encrypt(b"bytes", PLATFORM.public_key(), padding), PLATFORM, padding)
    with pytest.raises(RequestError, match=f"has {longest + 1} bytes; at most {longest}"):
        Rsa.encrypt("x" * (longest + 1), pem("plat_pub"), padding)


def test_oaep_is_the_default() -> None:
    """As in PHP, who names no padding gets OAEP, by OpenSSL's number."""
    assert (Rsa.PKCS1_PADDING, Rsa.PKCS1_OAEP_PADDING) == (1, 4)
    assert Rsa.decrypt(Rsa.encrypt("x", pem("plat_pub")), PLATFORM, 4) == "x"
    with pytest.raises(DecryptError):
        Rsa.decrypt(Rsa.encrypt("x", pem("plat_pub"), 1), PLATFORM)


def test_constants_are_openssls() -> None:
    """Sizes and names are those of PHP's interface."""
    sizes = AesInterface.KEY_LENGTH_BYTE, AesInterface.BLOCK_SIZE, AesInterface.AUTH_TAG_LENGTH_BYTE
    assert sizes == (32, 16, 16)
    assert (AesGcm.ALGO_AES_256_GCM, AesEcb.ALGO_AES_256_ECB) == ("aes-256-gcm", "aes-256-ecb")
    assert issubclass(AesGcm, AesInterface)
    assert issubclass(AesEcb, AesInterface)


def test_each_source_gives_its_key() -> None:
    """Each of PHP's ways to a key gives the same key."""
    traditional = MERCHANT.private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    pkcs1 = base64.b64encode(PLATFORM.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
    keys = [
        Rsa.from_(pem("mch_key")),
        Rsa.from_(pem("mch_key"), Rsa.KEY_TYPE_PRIVATE),
        Rsa.from_(MERCHANT),
        Rsa.from_pkcs8(bare("mch_key")),
        Rsa.from_pkcs1(base64.b64encode(traditional).decode()),
    ]
    assert {key.private_numbers() for key in keys} == {MERCHANT.private_numbers()}
    public = [
        Rsa.from_(f"file://{KEYS}/plat_pub.pem", Rsa.KEY_TYPE_PUBLIC),
        Rsa.from_(pem("plat_cert"), "public"),
        Rsa.from_(PLATFORM.public_key(), "public"),
        Rsa.from_spki(bare("plat_pub")),
        Rsa.from_pkcs1(pkcs1.decode(), Rsa.KEY_TYPE_PUBLIC),
        Rsa.from_spki(Rsa.pkcs1_to_spki(pkcs1.decode())),
    ]
    assert {key.public_numbers() for key in public} == {PLATFORM.public_key().public_numbers()}
    assert Rsa.pkcs1_to_spki(pkcs1.decode()) == bare("plat_pub")


def test_a_raw_body_is_verified_whatever_its_bytes() -> None:
    """`Formatter.response` and `Rsa.verify` carry bytes that are no UTF-8 unharmed."""
    body = b"\xff\x00\xed\xa0\x80\r\n"
    signature = Rsa.sign(b"1609459200\nNONCE\n" + body + b"\n", PLATFORM)
    assert Rsa.verify(Formatter.response("1609459200", "NONCE", body), signature, pem("plat_pub"))
    other = Formatter.response("1609459200", "NONCE", body.replace(b"\xff", b"\xfe"))
    assert not Rsa.verify(other, signature, pem("plat_pub"))


SECRET = "exposed-secret-of-thirty-two-b!!"
TEXT = "6222020200098765432"
CIPHERTEXT = AesGcm.encrypt(TEXT, KEY, "123456789012", "aad")
Wrong = tuple[Callable[[], object], type[WechatPayError], str]
WRONG: dict[str, Wrong] = {
    "gcm, other key": (
        lambda: AesGcm.decrypt(CIPHERTEXT, SECRET, "123456789012", "aad"),
        DecryptError,
        "^the ciphertext cannot be decrypted with this key$",
    ),
    "gcm, no base64": (
        lambda: AesGcm.decrypt(SECRET, SECRET, "123456789012"), DecryptError, "cannot be decrypted",
    ),
    "gcm, no iv": (lambda: AesGcm.decrypt(CIPHERTEXT, SECRET), DecryptError, "cannot be decrypted"),
    "gcm, encrypt without iv": (
        lambda: AesGcm.encrypt(TEXT, SECRET), RequestError, "iv must have 8 to 128 bytes",
    ),
    "gcm, short key": (
        lambda: AesGcm.encrypt(TEXT, SECRET[1:], "1" * 12), ConfigurationError, "32 bytes, not 31",
    ),
    "gcm, AES-128": (
        lambda: AesGcm.decrypt(CIPHERTEXT, SECRET[:16], "1" * 12), ConfigurationError, "not 16",
    ),
    "gcm, no text": (
        lambda: AesGcm.encrypt(5, SECRET, "1" * 12),  # type: ignore[arg-type]
        RequestError,
        "the plaintext must be text or bytes, not int",
    ),
    "gcm, half a pair": (
        lambda: AesGcm.encrypt("\ud800" + TEXT, SECRET, "1" * 12), RequestError, "half a surrogate",
    ),
    "gcm, no key": (
        lambda: AesGcm.decrypt(TEXT, None),  # type: ignore[arg-type]
        RequestError,
        "the key must be text or bytes, not NoneType",
    ),
    "ecb, other key": (
        lambda: AesEcb.decrypt(AesEcb.encrypt(TEXT, KEY), SECRET), DecryptError, "cannot be decr",
    ),
    "ecb, half a block": (
        lambda: AesEcb.decrypt("AAAA", SECRET), DecryptError, "cannot be decrypted",
    ),
    "ecb, no base64": (lambda: AesEcb.decrypt(SECRET, SECRET), DecryptError, "cannot be decrypted"),
    "ecb, empty": (lambda: AesEcb.decrypt("", SECRET), DecryptError, "cannot be decrypted"),
    "ecb, short key": (
        lambda: AesEcb.encrypt(TEXT, SECRET[:24]), ConfigurationError, "32 bytes, not 24",
    ),
    "rsa, other key": (
        lambda: Rsa.decrypt(Rsa.encrypt(TEXT, pem("plat_pub")), pem("mch_key")),
        DecryptError,
        "^the ciphertext cannot be decrypted with this key$",
    ),
    "rsa, no base64": (lambda: Rsa.decrypt(TEXT, pem("mch_key")), DecryptError, "cannot be decr"),
    "rsa, other padding": (
        lambda: Rsa.encrypt(TEXT, pem("plat_pub"), 3), RequestError, r"must be 4 \(OAEP\) or 1",
    ),
    "rsa, decrypt with other padding": (
        lambda: Rsa.decrypt(TEXT, pem("mch_key"), 0), RequestError, r"must be 4 \(OAEP\) or 1",
    ),
    "rsa, encrypt with a private key": (
        lambda: Rsa.encrypt(TEXT, pem("mch_key")), ConfigurationError, "public_key is a private",
    ),
    "rsa, sign with a public key": (
        lambda: Rsa.sign(TEXT, pem("plat_pub")), ConfigurationError, "private_key is a public key",
    ),
    "rsa, verify with a private key": (
        lambda: Rsa.verify(TEXT, "", pem("mch_key")), ConfigurationError, "is a private key",
    ),
    "rsa, type": (
        lambda: Rsa.from_(pem("mch_key"), "secret"),  # type: ignore[call-overload]
        RequestError,
        "a key's type is 'private' or 'public', not 'secret'",
    ),
    "rsa, PKCS#8 for PKCS#1": (
        lambda: Rsa.from_pkcs1(bare("mch_key")), ConfigurationError, "but a PKCS#8 key",
    ),
    "rsa, private for SPKI": (
        lambda: Rsa.from_spki(bare("mch_key")), ConfigurationError, "the key is no public.spki://",
    ),
    "rsa, SPKI for PKCS#1": (
        lambda: Rsa.pkcs1_to_spki(bare("plat_pub")), ConfigurationError, "but an SPKI public key",
    ),
    "hash, no algorithm": (
        lambda: Hash.hmac(TEXT, SECRET, "sha0"), RequestError, "no hash algorithm 'sha0'",
    ),
    "hash, a list": (
        lambda: Hash.sign("MD5", {"a": [SECRET]}, SECRET), RequestError, "the field 'a' must be",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_failure_shows_neither_key_nor_text(case: str) -> None:
    """What goes wrong is our own error in one line, whose frames hold no secret."""
    call, kind, words = WRONG[case]
    with pytest.raises(kind, match=words) as caught:
        call()
    assert type(caught.value) is kind
    assert len(str(caught.value).splitlines()) == 1
    assert_hidden(shown(caught.value), SECRET, TEXT)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_error_keeps_its_place_among_others() -> None:
    """Raised while another error is handled, ours shows that one as its context, as Python does."""
    with pytest.raises(DecryptError) as caught:
        try:
            raise KeyError("earlier")
        except KeyError:
            AesEcb.decrypt("AAAA", SECRET)
    assert isinstance(caught.value.__context__, KeyError)
