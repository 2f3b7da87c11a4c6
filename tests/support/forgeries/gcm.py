"""AES-256-GCM with a tag of 16 bytes: NIST SP 800-38D by hand, and what departs from it."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tests.support.forgeries.case import Case, Chance, encoded, misspelled

TAG = 16
KEY = b"abcdefghijklmnopqrstuvwxyz012345"
IV, AAD = b"123456789012", b"certificate"
TEXT = b'{"out_trade_no":"1217752501201407033233368018"}'


def multiply(x: int, y: int) -> int:
    """Return the product of two blocks in GCM's field."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def inverse(x: int) -> int:
    """Return what a block must be multiplied with to give one."""
    result, power = 1 << 127, x
    for _ in range(127):
        power = multiply(power, power)
        result = multiply(result, power)
    return result


class Gcm:
    """GCM under one key, with no help from a library but for single blocks."""

    def __init__(self, key: bytes) -> None:
        self._encrypt = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - single blocks
        self.h = int.from_bytes(self.single(bytes(16)), "big")

    def single(self, block: bytes) -> bytes:
        """Return one block, encrypted."""
        return self._encrypt.update(block)

    def hash(self, *parts: bytes) -> int:
        """Return GHASH of the parts, each filled up to whole blocks."""
        value = 0
        for part in parts:
            for at in range(0, len(part), 16):
                value ^= int.from_bytes(part[at : at + 16].ljust(16, b"\x00"), "big")
                value = multiply(value, self.h)
        return value

    def first(self, iv: bytes) -> bytes:
        """Return the first counter block."""
        if len(iv) == 12:
            return iv + b"\x00\x00\x00\x01"
        return self.hash(iv, lengths(b"", iv)).to_bytes(16, "big")

    def seal(self, text: bytes, iv: bytes, aad: bytes) -> bytes:
        """Return ciphertext and tag."""
        first = self.first(iv)
        counter = int.from_bytes(first[12:], "big")
        stream = b"".join(
            self.single(first[:12] + ((counter + number) % (1 << 32)).to_bytes(4, "big"))
            for number in range(1, len(text) // 16 + 2)
        )
        made = bytes(a ^ b for a, b in zip(text, stream, strict=False))
        tag = self.hash(aad, made, lengths(aad, made)) ^ int.from_bytes(self.single(first), "big")
        return made + tag.to_bytes(TAG, "big")

    def iv_for(self, first: bytes) -> bytes:
        """Return the IV of 16 bytes from which a counter block comes."""
        undone = inverse(self.h)
        inner = multiply(int.from_bytes(first, "big"), undone)
        inner ^= int.from_bytes(lengths(b"", bytes(16)), "big")
        return multiply(inner, undone).to_bytes(16, "big")


def lengths(aad: bytes, text: bytes) -> bytes:
    """Return the block of lengths, in bits."""
    return (8 * len(aad)).to_bytes(8, "big") + (8 * len(text)).to_bytes(8, "big")


def resource(
    comment: str,
    raw: bytes | str,
    plaintext: bytes | None = None,
    *,
    key: bytes = KEY,
    iv: bytes = IV,
    aad: bytes = AAD,
) -> Case:
    """Return a case; without a plaintext it must not be opened."""
    return {
        "comment": comment,
        "key": key.hex(),
        "iv": iv.hex(),
        "aad": aad.hex(),
        "ciphertext": raw if isinstance(raw, str) else encoded(raw),
        "plaintext": None if plaintext is None else plaintext.decode(),
        "result": "invalid" if plaintext is None else "valid",
    }


def cases() -> Iterator[Case]:
    """Yield all cases."""
    gcm = Gcm(KEY)
    yield from valid(gcm)
    yield from departing_tags(gcm)
    yield from departing_inputs(gcm)
    yield from departing_lengths(gcm)
    for size in range(len(TEXT)):
        made = gcm.seal(TEXT[: size + 1], IV, AAD)
        if len(made) % 3 == 1 and {"+", "/"} <= set(encoded(made)):
            yield from (resource(f"base64: {what}", text) for what, text in misspelled(made))
            yield resource("base64 that the misspelled ones come from", made, TEXT[: size + 1])
            break


def valid(gcm: Gcm) -> Iterator[Case]:
    """Yield honest ciphertexts: every length around a block, and IVs that wrap the counter."""
    long = TEXT * 3
    for size in (0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128):
        yield resource(f"text of {size} bytes", gcm.seal(long[:size], IV, AAD), long[:size])
    for size in (0, 1, 15, 16, 17, 31, 32, 64, 200):
        aad = Chance("aad")(size)
        for text in (b"", TEXT):
            made = gcm.seal(text, IV, aad)
            yield resource(f"aad of {size} bytes, text of {len(text)}", made, text, aad=aad)
    for size in (8, 9, 11, 12, 13, 15, 16, 17, 24, 31, 32, 33, 64, 96, 127, 128):
        iv = Chance("iv")(size)
        yield resource(f"iv of {size} bytes", gcm.seal(TEXT, iv, AAD), TEXT, iv=iv)
    for iv in (bytes(12), b"\xff" * 12, bytes(16), b"\xff" * 16):
        yield resource(f"iv {iv.hex()}", gcm.seal(TEXT, iv, AAD), TEXT, iv=iv)
    for last in ("fffffffd", "fffffffe", "ffffffff", "7fffffff", "00000000"):
        for rest in ("00" * 12, "ff" * 12):
            iv = gcm.iv_for(bytes.fromhex(rest + last))
            assert gcm.first(iv).hex() == rest + last
            yield resource(f"counter begins at {last}", gcm.seal(long, iv, AAD), long, iv=iv)
    for key in (bytes(32), b"\xff" * 32, Chance("key")(32)):
        yield resource("another key, right", Gcm(key).seal(TEXT, IV, AAD), TEXT, key=key)
    for text in ("张三", "😀", "\x00", "\ufeff"):
        yield resource("text beyond ASCII", gcm.seal(text.encode(), IV, AAD), text.encode())


def departing_tags(gcm: Gcm) -> Iterator[Case]:
    """Yield tags that are changed, cut or invented."""
    for text in (b"", TEXT):
        made = gcm.seal(text, IV, AAD)
        body, tag = made[:-TAG], made[-TAG:]
        number = int.from_bytes(tag, "big")
        for at in range(TAG):
            for bit in (1, 0x80):
                wrong = tag[:at] + bytes([tag[at] ^ bit]) + tag[at + 1 :]
                yield resource(f"bit {bit:#04x} of the tag's byte {at} is flipped", body + wrong)
        tags = {
            "all zero": bytes(TAG), "all 0xff": b"\xff" * TAG, "all 0x80": b"\x80" * TAG,
            "all 0x01": b"\x01" * TAG, "turned over": bytes(byte ^ 0xFF for byte in tag),
            "every highest bit flipped": bytes(byte ^ 0x80 for byte in tag),
            "backwards": tag[::-1], "one more": ((number + 1) % (1 << 128)).to_bytes(TAG, "big"),
            "halves swapped": tag[8:] + tag[:8], "first half twice": tag[:8] * 2,
            "the hash alone": gcm.hash(AAD, body, lengths(AAD, body)).to_bytes(TAG, "big"),
            "the mask alone": gcm.single(gcm.first(IV)),
        }  # fmt: skip
        for comment, wrong in tags.items():
            yield resource(f"tag is {comment}", body + wrong)
        for size in range(TAG):
            yield resource(f"tag is cut to {size} bytes", body + tag[:size])
        yield resource("byte behind the tag", made + b"\x00")
        yield resource("tag before the text", tag + body) if body else resource("no tag", b"")
        yield resource("tag is there twice", made + tag)


def departing_inputs(gcm: Gcm) -> Iterator[Case]:
    """Yield honest ciphertexts, opened with something else."""
    made = gcm.seal(TEXT, IV, AAD)
    body, tag = made[:-TAG], made[-TAG:]
    for at in (0, 1, 15, 16, 17, len(body) - 1):
        for bit in (1, 0x80):
            wrong = body[:at] + bytes([body[at] ^ bit]) + body[at + 1 :]
            yield resource(f"bit {bit:#04x} of the text's byte {at} is flipped", wrong + tag)
    for at in range(len(IV)):
        wrong = IV[:at] + bytes([IV[at] ^ 1]) + IV[at + 1 :]
        yield resource(f"iv's byte {at} is changed", made, iv=wrong)
    for at in range(len(AAD)):
        wrong = AAD[:at] + bytes([AAD[at] ^ 1]) + AAD[at + 1 :]
        yield resource(f"aad's byte {at} is changed", made, aad=wrong)
    for comment, iv in {
        "cut": IV[:-1], "with a zero behind": IV + b"\x00", "backwards": IV[::-1],
        "the first counter block": IV + b"\x00\x00\x00\x01", "in hexadecimal": IV.hex().encode(),
        "filled up to a block": IV.ljust(16, b"\x00"),
    }.items():  # fmt: skip
        yield resource(f"iv is {comment}", made, iv=iv)
    for comment, aad in {
        "empty": b"", "cut": AAD[:-1], "with a zero behind": AAD + b"\x00",
        "upper case": AAD.upper(),
        "filled up to a block": AAD.ljust(16, b"\x00"),
        "with the text's first byte": AAD + body[:1], "another event's": b"transaction",
    }.items():  # fmt: skip
        yield resource(f"aad is {comment}", made, aad=aad)
    yield resource("aad where none was", gcm.seal(TEXT, IV, b""))
    yield resource("iv and aad are swapped", made, iv=AAD, aad=IV)
    yield resource("iv and aad are swapped, both of 12 bytes", gcm.seal(TEXT, IV, AAD + b"s"),
                   iv=AAD + b"s", aad=IV)  # fmt: skip
    for at in (0, 15, 31):
        wrong = KEY[:at] + bytes([KEY[at] ^ 1]) + KEY[at + 1 :]
        yield resource(f"key's byte {at} is changed", made, key=wrong)
    yield resource("another key", made, key=bytes(32))
    yield resource("another text's tag", body + gcm.seal(b"x", IV, AAD)[-TAG:])
    yield resource("another iv's text", gcm.seal(TEXT, b"x" * 12, AAD)[:-TAG] + tag)
    yield resource("the text in clear, with the tag", TEXT + tag)
    yield resource("encrypted twice", gcm.seal(made, IV, AAD))
    yield resource("blocks are swapped", body[16:32] + body[:16] + body[32:] + tag)
    for raw in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", "中".encode("gbk")):
        yield resource(f"no UTF-8 inside: {raw.hex()}", gcm.seal(raw, IV, AAD))


def departing_lengths(gcm: Gcm) -> Iterator[Case]:
    """Yield keys and IVs of sizes that are not used, and ciphertexts that are too short."""
    made = gcm.seal(TEXT, IV, AAD)
    for size in (16, 24):
        short = KEY[:size]
        yield resource(
            f"key of {size} bytes, made with it", Gcm(short).seal(TEXT, IV, AAD), key=short
        )
    for key in (b"", KEY[:1], KEY[:31], KEY + b"6", KEY * 2, KEY.hex().encode()):
        yield resource(f"key of {len(key)} bytes", made, key=key)
    for size in (0, 1, 4, 7, 129, 256):
        # NIST allows them, from one bit on; WeChat Pay has 12 bytes, and short ones repeat.
        iv = Chance("iv")(size)
        yield resource(f"iv of {size} bytes, made with it", gcm.seal(TEXT, iv, AAD), iv=iv)
    for size in (0, 1, 12, 15):
        yield resource(f"ciphertext of {size} bytes", made[:size])
    for size in (1, 15, 16, 17):
        yield resource(f"the last {size} bytes are missing", made[:-size])
        yield resource(f"the first {size} bytes are missing", made[size:])
        yield resource(f"{size} zeros before", bytes(size) + made)
        yield resource(f"{size} zeros before the tag", made[:-TAG] + bytes(size) + made[-TAG:])
    yield resource("iv before the ciphertext", IV + made)
    yield resource("there twice", made * 2)
