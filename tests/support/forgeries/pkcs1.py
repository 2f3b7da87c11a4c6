"""PKCS#1 v1.5 signatures with SHA-256: RFC 8017, 8.2 and 9.2, and what departs from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

from tests.support.forgeries.case import Case, Chance, Key, encoded, misspelled

MESSAGE = b"POST\n/v3/pay/transactions/native\n1609459200\nNONCE\n{}\n"
NULL = b"\x05\x00"
SHA256 = bytes.fromhex("0609608648016503040201")
OTHER_HASHES = {
    "MD5": "06082a864886f70d0205",
    "SHA-1": "06052b0e03021a",
    "SHA-224": "0609608648016503040204",
    "SHA-384": "0609608648016503040202",
    "SHA-512": "0609608648016503040203",
    "SHA-512/256": "0609608648016503040206",
    "SHA3-256": "0609608648016503040208",
    "SM3": "06082a811ccf55018311",
    "RSA with SHA-256": "06092a864886f70d01010b",
}


def der(tag: int, content: bytes, length: bytes | None = None) -> bytes:
    """Return tag, length and content; the length as given if it is."""
    return bytes([tag]) + (bytes([len(content)]) if length is None else length) + content


def digest_info(digest: bytes, oid: bytes = SHA256, parameters: bytes = NULL) -> bytes:
    """Return what is padded: which hash, and the hash."""
    return der(0x30, der(0x30, oid + parameters) + der(0x04, digest))


def block(
    info: bytes,
    size: int,
    *,
    head: bytes = b"\x00\x01",
    separator: bytes = b"\x00",
    tail: bytes = b"",
) -> bytes:
    """Return the padded block, as long as the modulus."""
    filling = size - len(head) - len(separator) - len(info) - len(tail)
    return head + b"\xff" * filling + separator + info + tail


def sha(message: bytes) -> bytes:
    """Return the hash that is signed."""
    return hashlib.sha256(message).digest()


@cache
def honest(message: bytes, key: Key) -> bytes:
    """Return the one signature of a message."""
    return key.private(block(digest_info(sha(message)), key.size))


def signature(
    comment: str, raw: bytes | str, result: str = "invalid", message: bytes = MESSAGE
) -> Case:
    """Return a case."""
    text = raw if isinstance(raw, str) else encoded(raw)
    return {"comment": comment, "message": message.hex(), "signature": text, "result": result}


def cases(key: Key, other: Key) -> Iterator[Case]:
    """Yield all cases of a key, which is as long as the other one."""
    yield from valid(key)
    yield from departing_digests(key)
    yield from departing_lengths(key)
    yield from longer(key)
    yield signature("another key's signature", honest(MESSAGE, other))
    spelled = next(m for m in numbered() if {"+", "/"} <= set(encoded(honest(m, key))))
    for comment, text in misspelled(honest(spelled, key)):
        yield signature(f"base64: {comment}", text, message=spelled)
    right = honest(spelled, key)
    yield signature("base64 that the misspelled ones come from", right, "valid", spelled)


def longer(key: Key) -> Iterator[Case]:
    """Yield what depends on the size of the key."""
    yield from departing_padding(key)
    yield from departing_numbers(key)
    yield from other_schemes(key)


def numbered() -> Iterator[bytes]:
    """Yield one message after the other, to look for a signature of some form."""
    yield from (f"message {number}".encode() for number in range(100_000))


def valid(key: Key) -> Iterator[Case]:
    """Yield honest signatures."""
    messages = [
        MESSAGE,
        b"",
        b"\x00",
        b"a",
        "中文".encode(),
        b"\xff\xfe\x80",
        b"x" * 1000,
        bytes(range(256)),
    ]
    for message in messages:
        yield signature("valid", honest(message, key), "valid", message)


def departing_digests(key: Key) -> Iterator[Case]:
    """Yield blocks whose DigestInfo is another one."""
    digest = sha(MESSAGE)
    infos = {
        "NULL is missing": digest_info(digest, parameters=b""),
        "NULL is an empty text": digest_info(digest, parameters=b"\x0c\x00"),
        "NULL is a zero": digest_info(digest, parameters=b"\x02\x01\x00"),
        "NULL is a sequence": digest_info(digest, parameters=b"\x30\x00"),
        "NULL has content": digest_info(digest, parameters=b"\x05\x01\x00"),
        "NULL is there twice": digest_info(digest, parameters=NULL * 2),
        "NULL before the OID": digest_info(digest, oid=NULL, parameters=SHA256),
        "junk behind NULL": digest_info(digest, parameters=NULL + b"\x04\x04junk"),
        "no OID": digest_info(digest, oid=b""),
        "no algorithm": der(0x30, der(0x04, digest)),
        "no hash": der(0x30, der(0x30, SHA256 + NULL)),
        "junk behind the hash, inside": der(
            0x30, der(0x30, SHA256 + NULL) + der(0x04, digest) + b"\x04\x04junk"
        ),
        "junk before the algorithm": der(
            0x30, b"\x05\x00" + der(0x30, SHA256 + NULL) + der(0x04, digest)
        ),
        "hash before the algorithm": der(0x30, der(0x04, digest) + der(0x30, SHA256 + NULL)),
        "bare hash": digest,
        "hash as octet string only": der(0x04, digest),
        "hash as bit string": der(0x30, der(0x30, SHA256 + NULL) + der(0x03, b"\x00" + digest)),
        "hash in a constructed string": der(
            0x30,
            der(0x30, SHA256 + NULL) + der(0x24, der(0x04, digest[:16]) + der(0x04, digest[16:])),
        ),
        "hash in hexadecimal": digest_info(digest.hex().encode()),
        "hash of the hash": digest_info(sha(digest)),
        "hash of nothing": digest_info(sha(b"")),
        "hash of the message and a line feed": digest_info(sha(MESSAGE + b"\n")),
        "hash is all zero": digest_info(bytes(32)),
        "hash is empty": digest_info(b""),
        "hash backwards": digest_info(digest[::-1]),
        "hash with a zero before": digest_info(b"\x00" + digest),
        "hash with a zero behind": digest_info(digest + b"\x00"),
        "DigestInfo in a DigestInfo": digest_info(digest_info(digest)),
        "DigestInfo in a sequence": der(0x30, digest_info(digest)),
        "set for the outer sequence": der(0x31, digest_info(digest)[2:]),
        "empty": b"",
    }  # fmt: skip
    infos |= {f"hash of {size} bytes": digest_info(digest[:size]) for size in (1, 16, 20, 28, 31)}
    infos |= {
        f"OID of {name}, hash of SHA-256": digest_info(digest, bytes.fromhex(oid))
        for name, oid in OTHER_HASHES.items()
    }
    right = digest_info(digest)
    infos |= {
        f"byte {at} of the DigestInfo is changed": (
            right[:at] + bytes([right[at] ^ bit]) + right[at + 1 :]
        )
        for at in range(len(right))
        for bit in [1 << at % 8]
    }
    for comment, info in infos.items():
        yield signature(comment, key.private(block(info, key.size)))


def departing_lengths(key: Key) -> Iterator[Case]:
    """Yield DigestInfos whose lengths are BER and no DER, or wrong."""
    digest = sha(MESSAGE)
    oid, algorithm = SHA256[2:], SHA256 + NULL
    plain_algorithm, plain_hash = der(0x30, algorithm), der(0x04, digest)
    for name, form in {
        "in two bytes": lambda size: bytes([0x81, size]),
        "in three bytes": lambda size: bytes([0x82, 0, size]),
        "in five bytes": lambda size: bytes([0x84, 0, 0, 0, size]),
        "in nine bytes": lambda size: bytes([0x88, *bytes(7), size]),
        "one too small": lambda size: bytes([size - 1]),
        "one too large": lambda size: bytes([size + 1]),
        "zero": lambda size: b"\x00",
        "huge": lambda size: b"\x84\xff\xff\xff\xff",
        "2^32 more": lambda size: b"\x85\x01\x00\x00\x00" + bytes([size]),
        "indefinite": lambda size: b"\x80",
        "reserved": lambda size: b"\xff",
    }.items():
        end = b"\x00\x00" if name == "indefinite" else b""
        parts = {
            "DigestInfo": der(
                0x30, plain_algorithm + plain_hash + end, form(len(plain_algorithm + plain_hash))
            ),
            "algorithm": der(0x30, der(0x30, algorithm + end, form(len(algorithm))) + plain_hash),
            "OID": der(0x30, der(0x30, der(0x06, oid + end, form(len(oid))) + NULL) + plain_hash),
            "NULL": der(0x30, der(0x30, SHA256 + b"\x05" + form(1) + end) + plain_hash),
            "hash": der(0x30, plain_algorithm + der(0x04, digest + end, form(len(digest)))),
        }
        for part, info in parts.items():
            if (name, part) != ("one too small", "NULL") and (name, part) != ("zero", "NULL"):
                yield signature(f"length of the {part}: {name}", key.private(block(info, key.size)))


def departing_padding(key: Key) -> Iterator[Case]:
    """Yield blocks that are padded in another way."""
    info = digest_info(sha(MESSAGE))
    right = block(info, key.size)
    start = len(right) - len(info)
    chance = Chance("padding")
    blocks: dict[str, bytes] = {}
    for size in (0, 1, 7, 8, 9, 32):
        head = b"\x00\x01" + b"\xff" * size + b"\x00" + info
        rest = key.size - len(head)
        blocks[f"{size} bytes of padding, junk behind the hash"] = head + chance(rest)
        blocks[f"{size} bytes of padding, zeros behind the hash"] = head + bytes(rest)
        blocks[f"{size} bytes of padding, 0xff behind the hash"] = head + b"\xff" * rest
        blocks[f"{size} bytes of padding, zeros before the hash"] = (
            b"\x00\x01" + b"\xff" * size + bytes(rest + 1) + info
        )
        blocks[f"{size} bytes of padding, junk before the hash"] = (
            b"\x00\x01" + b"\xff" * size + b"\x00" + chance(rest) + info
        )
    for kind in (0x00, 0x02, 0x03, 0x11, 0x81, 0xFF):
        blocks[f"block type {kind:#04x}"] = b"\x00" + bytes([kind]) + right[2:]
    blocks["block type 2 with random padding"] = (
        b"\x00\x02" + chance(start - 3).replace(b"\x00", b"\x01") + b"\x00" + info
    )
    for first in (0x01, 0x02, 0x40, 0x7F):
        blocks[f"first byte {first:#04x}"] = bytes([first]) + right[1:]
    for at in (2, 3, 9, 10, start // 2, start - 3, start - 2):
        for wrong in (0x00, 0x01, 0x7F, 0xFE):
            blocks[f"byte {at} of the padding is {wrong:#04x}"] = (
                right[:at] + bytes([wrong]) + right[at + 1 :]
            )
    for wrong in (0x00, 0x01, 0x80, 0xFE):
        blocks[f"padding of {wrong:#04x} only"] = (
            b"\x00\x01" + bytes([wrong]) * (start - 3) + b"\x00" + info
        )
    blocks["padding from a bad generator"] = b"\x00\x01" + chance(start - 3) + b"\x00" + info
    blocks |= {
        f"separator {wrong:#04x}": right[: start - 1] + bytes([wrong]) + info
        for wrong in (1, 2, 0xFF)
    }
    blocks |= {
        f"{size} byte(s) of {what} behind the hash": block(info, key.size, tail=tail * size)
        for size in (1, 2, 16)
        for what, tail in (("zero", b"\x00"), ("0xff", b"\xff"), ("space", b" "))
    }
    blocks["first zero is missing"] = right[1:] + b"\x00"
    blocks["no padding, hash in front"] = info + bytes(key.size - len(info))
    blocks["no padding, hash at the end"] = bytes(key.size - len(info)) + info
    blocks["raw hash"] = bytes(key.size - 32) + sha(MESSAGE)
    blocks["raw message"] = bytes(key.size - len(MESSAGE)) + MESSAGE
    blocks["two separators"] = right[: start - 2] + b"\x00\x00" + info
    blocks["the block twice as short, twice"] = (right[:3] + right[-len(info) - 10 :]).ljust(
        key.size, b"\x00"
    )
    for comment, content in blocks.items():
        if content[0] < key.n >> 8 * (key.size - 1):
            yield signature(comment, key.private(content))


def departing_numbers(key: Key) -> Iterator[Case]:
    """Yield signatures that are other numbers, or as many bytes as they should not be."""
    right = honest(MESSAGE, key)
    s, n, size = int.from_bytes(right, "big"), key.n, key.size
    numbers = {
        "0": 0, "1": 1, "2": 2, "n - 1": n - 1, "n": n, "n + 1": n + 1, "n - s": n - s,
        "s + 1": s + 1, "s - 1": s - 1, "s / 2": s // 2, "2^8k - 1": (1 << 8 * size) - 1,
        "1 / s": pow(s, -1, n), "s * s": s * s % n, "s ^ e": pow(s, key.e, n),
        "e": key.e,
        "the block itself": int.from_bytes(block(digest_info(sha(MESSAGE)), size), "big"),
    }  # fmt: skip
    for comment, number in numbers.items():
        yield signature(f"signature is {comment}", number.to_bytes(size, "big"))
    for bit in (0, 1, 7, 8, 100, 4 * size, 8 * size - 10):
        yield signature(f"bit {bit} is flipped", (s ^ 1 << bit).to_bytes(size, "big"))
    for factor in (1, 2, 256):
        yield signature(f"signature is s + {factor}n", (s + factor * n).to_bytes(size + 2, "big"))
    small = next(m for m in numbered() if int.from_bytes(honest(m, key), "big") + n < 1 << 8 * size)
    yield signature("the least signature", honest(small, key), "valid", small)
    larger = int.from_bytes(honest(small, key), "big") + n
    yield signature("s + n, no longer than s", larger.to_bytes(size, "big"), message=small)
    lengths = {
        "empty": b"", "one zero": b"\x00", "one byte": right[:1], "half": right[: size // 2],
        "last byte is missing": right[:-1], "first byte is missing": right[1:],
        "first and last byte are missing": right[1:-1], "zero before": b"\x00" + right,
        "two zeros before": b"\x00\x00" + right, "zero behind": right + b"\x00",
        "0xff before": b"\xff" + right, "itself behind": right + right, "backwards": right[::-1],
        "as an octet string": b"\x04\x82\x01\x00" + right,
        "as an integer": b"\x02\x82\x01\x00" + right,
        "zeros of double length": bytes(2 * size), "64 KiB of zeros": bytes(65_536),
        "shifted by a byte": right[1:] + b"\x00",
    }  # fmt: skip
    for comment, raw in lengths.items():
        yield signature(f"length: {comment}", raw)
    zero = next(m for m in numbered() if honest(m, key)[0] == 0)
    yield signature("begins with a zero", honest(zero, key), "valid", zero)
    yield signature("the zero that it begins with is dropped", honest(zero, key)[1:], message=zero)
    yield signature("another message", right, message=MESSAGE.replace(b"native", b"jsapi"))
    yield signature("the message without its last line feed", right, message=MESSAGE[:-1])
    yield signature("no message", right, message=b"")


def other_schemes(key: Key) -> Iterator[Case]:
    """Yield honest signatures of another scheme or hash."""
    for name in ("MD5", "SHA-1", "SHA-224", "SHA-384", "SHA-512"):
        digest = hashlib.new(name.replace("-", "").lower(), MESSAGE).digest()
        info = digest_info(digest, bytes.fromhex(OTHER_HASHES[name]))
        yield signature(f"signature with {name}", key.private(block(info, key.size)))
    for salt in (0, 20, 32, key.size - 34):
        yield signature(f"PSS, {salt} bytes of salt", key.private(pss(MESSAGE, key, salt)))
    trailer = b"\x34\xcc"
    x931 = b"\x6b" + b"\xbb" * (key.size - 36) + b"\xba" + sha(MESSAGE) + trailer
    if x931[0] < key.n >> 8 * (key.size - 1):
        yield signature("X9.31", key.private(x931))
    yield signature(
        "ISO 9796-2 trailer", key.private(b"\x00" + bytes(key.size - 34) + sha(MESSAGE) + b"\xbc")
    )
    yield signature(
        "encrypted with the public key", key.public(block(digest_info(sha(MESSAGE)), key.size))
    )


def pss(message: bytes, key: Key, salt_size: int) -> bytes:
    """Return the PSS block of a message (RFC 8017, 9.1.1)."""
    salt = Chance("pss")(salt_size)
    size = (key.n.bit_length() - 1 + 7) // 8
    digest = sha(bytes(8) + sha(message) + salt)
    data = bytes(size - salt_size - 34) + b"\x01" + salt
    mask = b"".join(sha(digest + number.to_bytes(4, "big")) for number in range(size // 32 + 1))
    masked = bytearray(a ^ b for a, b in zip(data, mask, strict=False))
    masked[0] &= 0xFF >> (8 * size - (key.n.bit_length() - 1))
    return (bytes(masked) + digest + b"\xbc").rjust(key.size, b"\x00")


def cube_roots(key: Key) -> Iterator[Case]:
    """Yield what is forged without the private key, where the public exponent is 3.

    Bleichenbacher's forgery of 2006: a cube whose first bytes are a short padding and a
    hash deceives who does not look at the rest; one whose last bytes are the hash, who
    does not look at the padding.
    """
    assert key.e == 3
    for message in (MESSAGE, b"", b"forged"):
        info = digest_info(sha(message))
        for padding in (0, 1, 7, 8):
            head = b"\x00\x01" + b"\xff" * padding + b"\x00" + info
            target = int.from_bytes(head.ljust(key.size, b"\xff"), "big")
            root = integer_root(target)
            made = (root**3).to_bytes(key.size, "big")
            assert made.startswith(head)
            yield signature(
                f"cube root, {padding} bytes of padding, junk behind the hash",
                root.to_bytes(key.size, "big"),
                message=message,
            )
    odd = next(m for m in numbered() if sha(m)[-1] & 1)
    tail = b"\x00" + digest_info(sha(odd))
    root = 1
    for bit in range(8 * len(tail)):
        if (root**3 ^ int.from_bytes(tail, "big")) >> bit & 1:
            root |= 1 << bit
    assert (root**3).to_bytes(key.size, "big").endswith(tail)
    yield signature("cube root, hash at the end", root.to_bytes(key.size, "big"), message=odd)


def integer_root(number: int) -> int:
    """Return the largest integer whose cube is not larger."""
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low
