"""OAEP ciphertexts with SHA-1: RFC 8017, section 7.1, and what departs from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.support.forgeries.case import Case, Chance, Key, encoded, misspelled

HASH = 20
EMPTY_LABEL = hashlib.sha1(b"").digest()
TEXT = b"6222020200098765432"


def mask(seed: bytes, size: int, algorithm: str = "sha1") -> bytes:
    """Return MGF1 of a seed."""
    out = b""
    while len(out) < size:
        counter = len(out) // hashlib.new(algorithm).digest_size
        out += hashlib.new(algorithm, seed + counter.to_bytes(4, "big")).digest()
    return out[:size]


def mixed(one: bytes, other: bytes) -> bytes:
    """Return two texts of the same length, added bit by bit."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def data(text: bytes, size: int, label: bytes = EMPTY_LABEL) -> bytes:
    """Return the data block: the label's hash, zeros, a one, the text."""
    return label + bytes(size - 1 - HASH - len(label) - 1 - len(text)) + b"\x01" + text


def block(
    content: bytes, seed: bytes, *, first: int = 0, seed_mask: str = "sha1", data_mask: str = "sha1"
) -> bytes:
    """Return the padded block of a data block."""
    masked = mixed(content, mask(seed, len(content), data_mask))
    return bytes([first]) + mixed(seed, mask(masked, len(seed), seed_mask)) + masked


def ciphertext(comment: str, raw: bytes | str, plaintext: bytes | None = None) -> Case:
    """Return a case; without a plaintext it must not be opened."""
    return {
        "comment": comment,
        "ciphertext": raw if isinstance(raw, str) else encoded(raw),
        "plaintext": None if plaintext is None else plaintext.decode(),
        "result": "invalid" if plaintext is None else "valid",
    }


def cases(key: Key, other: Key) -> Iterator[Case]:
    """Yield all cases of a key."""
    chance = Chance(f"oaep {key.size}")
    yield from valid(key, chance)
    yield from departing_blocks(key, chance)
    yield from no_text(key, chance)
    yield from departing_numbers(key, other, chance)
    spelled = next(raw for raw in honest_ones(key, chance) if {"+", "/"} <= set(encoded(raw)))
    if len(spelled) % 3:
        yield from (ciphertext(f"base64: {what}", text) for what, text in misspelled(spelled))
        yield ciphertext("base64 that the misspelled ones come from", spelled, TEXT)


def honest_ones(key: Key, chance: Chance) -> Iterator[bytes]:
    """Yield one ciphertext of the text after the other."""
    while True:
        yield key.public(block(data(TEXT, key.size), chance(HASH)))


def valid(key: Key, chance: Chance) -> Iterator[Case]:
    """Yield honest ciphertexts."""
    longest = key.size - 2 * HASH - 2
    texts = [
        b"", b"1", b"0", b" ", b"\x00", b"\x01", b"\x00\x01", "张三".encode(), "😀".encode(), TEXT,
        b"x" * 100, b"x" * (longest - 1), b"x" * longest, b"\x01" * longest, b"\x00" * longest,
    ]  # fmt: skip
    for text in texts:
        yield ciphertext("valid", key.public(block(data(text, key.size), chance(HASH))), text)
    for seed in (bytes(HASH), b"\xff" * HASH, EMPTY_LABEL):
        yield ciphertext("valid, odd seed", key.public(block(data(TEXT, key.size), seed)), TEXT)
    zero = next(raw for raw in honest_ones(key, chance) if raw[0] == 0)
    yield ciphertext("begins with a zero", zero, TEXT)
    yield ciphertext("the zero that it begins with is dropped", zero[1:])


def departing_blocks(key: Key, chance: Chance) -> Iterator[Case]:
    """Yield blocks that are padded in another way, right masks or not."""
    right, size = data(TEXT, key.size), key.size
    contents: dict[str, bytes] = {
        "label is a space": data(TEXT, size, hashlib.sha1(b" ").digest()),
        "label is a NUL": data(TEXT, size, hashlib.sha1(b"\x00").digest()),
        "label is a name": data(TEXT, size, hashlib.sha1(b"label").digest()),
        "label's hash is all zero": data(TEXT, size, bytes(HASH)),
        "label's hash is all 0xff": data(TEXT, size, b"\xff" * HASH),
        "label's hash is missing": bytes(size - 2 - HASH - len(TEXT)) + b"\x01" + TEXT,
        "label's hash is SHA-256's": data(TEXT, size, hashlib.sha256(b"").digest()),
        "label's hash is SHA-256's, cut": data(TEXT, size, hashlib.sha256(b"").digest()[:HASH]),
        "label's hash is MD5's": data(TEXT, size, hashlib.md5(b"").digest()),
        "label's hash backwards": data(TEXT, size, EMPTY_LABEL[::-1]),
        "nothing behind the label's hash": EMPTY_LABEL + bytes(size - 1 - 2 * HASH),
        "all zero": bytes(size - 1 - HASH),
        "all 0xff": b"\xff" * (size - 1 - HASH),
        "all one": b"\x01" * (size - 1 - HASH),
        "text in the label's place": (TEXT + bytes(size))[: size - 1 - HASH],
        "no zeros and no one": EMPTY_LABEL + (TEXT * 20)[: size - 1 - 2 * HASH],
        "padded as in PKCS#1 v1.5": EMPTY_LABEL + b"\x02" + b"\xff" * 8 + right[HASH + 9 :],
    }  # fmt: skip
    for at in range(HASH):
        bit = 1 << at % 8
        contents[f"byte {at} of the label's hash is changed"] = (
            right[:at] + bytes([right[at] ^ bit]) + right[at + 1 :]
        )
    one = right.index(b"\x01", HASH)
    for wrong in (0x00, 0x02, 0x03, 0x10, 0x80, 0x81, 0xFE, 0xFF):
        contents[f"{wrong:#04x} for the one"] = right[:one] + bytes([wrong]) + right[one + 1 :]
    contents["no one, and no byte that is one"] = right[:one] + b"\x00" + bytes(len(TEXT))
    for at in (HASH, HASH + 1, (HASH + one) // 2, one - 1):
        for wrong in (0x02, 0x80, 0xFF):
            contents[f"byte {at} of the zeros is {wrong:#04x}"] = (
                right[:at] + bytes([wrong]) + right[at + 1 :]
            )
    contents["junk for the zeros"] = right[:HASH] + b"\x07" + chance(one - HASH - 1) + right[one:]
    contents["0xff for the zeros"] = right[:HASH] + b"\xff" * (one - HASH) + right[one:]
    for comment, content in contents.items():
        yield ciphertext(comment, key.public(block(content, chance(HASH))))
    for first in (0x01, 0x02, 0x7F, 0x40):
        yield ciphertext(
            f"first byte {first:#04x}", key.public(block(right, chance(HASH), first=first))
        )
    for algorithm in ("md5", "sha224", "sha256", "sha384", "sha512"):
        masks = {"both masks": ("seed_mask", "data_mask"), "seed's mask": ("seed_mask",),
                 "data's mask": ("data_mask",)}  # fmt: skip
        for name, which in masks.items():
            made = block(right, chance(HASH), **dict.fromkeys(which, algorithm))
            yield ciphertext(f"{name} with {algorithm}", key.public(made))
    for algorithm in ("sha224", "sha256", "sha384", "sha512"):
        yield ciphertext(
            f"OAEP with {algorithm}", key.public(whole(algorithm, algorithm, size, chance))
        )
        yield ciphertext(
            f"OAEP with {algorithm}, masks with SHA-1",
            key.public(whole(algorithm, "sha1", size, chance)),
        )
    seed = chance(HASH)
    bare = b"\x00" + seed + right
    yield ciphertext("no mask at all", key.public(bare))
    yield ciphertext(
        "only data masked", key.public(b"\x00" + seed + mixed(right, mask(seed, len(right))))
    )
    swapped = block(right, seed)
    yield ciphertext(
        "seed behind the data", key.public(b"\x00" + swapped[1 + HASH :] + swapped[1 : 1 + HASH])
    )
    yield ciphertext(
        "PKCS#1 v1.5", key.public(b"\x00\x02" + b"\x11" * (size - 3 - len(TEXT)) + b"\x00" + TEXT)
    )
    yield ciphertext(
        "PKCS#1 v1.5, signed",
        key.public(b"\x00\x01" + b"\xff" * (size - 3 - len(TEXT)) + b"\x00" + TEXT),
    )
    yield ciphertext("no padding, text at the end", key.public(bytes(size - len(TEXT)) + TEXT))
    yield ciphertext(
        "no padding, text in front", key.public(b"\x00" + TEXT + bytes(size - len(TEXT) - 1))
    )


def whole(algorithm: str, masks: str, size: int, chance: Chance) -> bytes:
    """Return the block of OAEP with another hash."""
    digest = hashlib.new(algorithm)
    long = digest.digest_size
    content = digest.digest() + bytes(size - 2 - 2 * long - len(TEXT)) + b"\x01" + TEXT
    return block(content, chance(long), seed_mask=masks, data_mask=masks)


def no_text(key: Key, chance: Chance) -> Iterator[Case]:
    """Yield honest ciphertexts of bytes that are no UTF-8: nothing that WeChat Pay sends."""
    raws = [
        b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"a\xfe", b"\xf5\x80\x80\x80",
        "中".encode("gbk"), "é".encode("latin-1"), "中".encode("utf-16"),
    ]  # fmt: skip
    for raw in raws:
        made = key.public(block(data(raw, key.size), chance(HASH)))
        yield ciphertext(f"no UTF-8 inside: {raw.hex()}", made)


def departing_numbers(key: Key, other: Key, chance: Chance) -> Iterator[Case]:
    """Yield ciphertexts that are other numbers, or as many bytes as they should not be."""
    right = key.public(block(data(TEXT, key.size), chance(HASH)))
    c, n, size = int.from_bytes(right, "big"), key.n, key.size
    numbers = {
        "0": 0, "1": 1, "2": 2, "n - 1": n - 1, "n": n, "n + 1": n + 1, "n - c": n - c,
        "c + 1": c + 1, "c - 1": c - 1, "2^8k - 1": (1 << 8 * size) - 1, "1 / c": pow(c, -1, n),
        "c * 2^e": c * pow(2, key.e, n) % n, "c * c": c * c % n, "c ^ d": pow(c, key.d, n),
    }  # fmt: skip
    for comment, number in numbers.items():
        yield ciphertext(f"ciphertext is {comment}", number.to_bytes(size, "big"))
    for bit in (0, 1, 7, 8, 100, 4 * size, 8 * size - 10):
        yield ciphertext(f"bit {bit} is flipped", (c ^ 1 << bit).to_bytes(size, "big"))
    for factor in (1, 2):
        yield ciphertext(f"ciphertext is c + {factor}n", (c + factor * n).to_bytes(size + 2, "big"))
    small = next(
        raw for raw in honest_ones(key, chance) if int.from_bytes(raw, "big") + n < 1 << 8 * size
    )
    yield ciphertext("the least ciphertext", small, TEXT)
    yield ciphertext(
        "c + n, no longer than c", (int.from_bytes(small, "big") + n).to_bytes(size, "big")
    )
    lengths = {
        "empty": b"", "one zero": b"\x00", "one byte": right[:1], "half": right[: size // 2],
        "last byte is missing": right[:-1], "first byte is missing": right[1:],
        "zero before": b"\x00" + right, "zero behind": right + b"\x00",
        "0xff before": b"\xff" + right,
        "itself behind": right + right, "backwards": right[::-1], "64 KiB of zeros": bytes(65_536),
        "as an octet string": b"\x04\x82\x01\x00" + right, "shifted by a byte": right[1:] + b"\x00",
    }  # fmt: skip
    for comment, raw in lengths.items():
        yield ciphertext(f"length: {comment}", raw)
    made = other.public(block(data(TEXT, other.size), chance(HASH)))
    yield ciphertext("made for another key", made)
