"""What the three tables share: keys as integers, bytes from a fixed seed, misspelled base64."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.merchant import private

Case = dict[str, Any]


class Key(NamedTuple):
    """An RSA key as integers, and the size of its modulus in bytes."""

    name: str
    n: int
    e: int
    p: int
    q: int
    d: int
    size: int

    def private(self, block: int | bytes) -> bytes:
        """Return the private operation on a block, whatever stands in it."""
        number = block if isinstance(block, int) else int.from_bytes(block, "big")
        assert number < self.n
        # By the two primes, which is four times as fast.
        at_p = pow(number, self.d % (self.p - 1), self.p)
        at_q = pow(number, self.d % (self.q - 1), self.q)
        result = at_q + self.q * ((at_p - at_q) * pow(self.q, -1, self.p) % self.p)
        return result.to_bytes(self.size, "big")

    def public(self, block: int | bytes) -> bytes:
        """Return the public operation on a block, whatever stands in it."""
        number = block if isinstance(block, int) else int.from_bytes(block, "big")
        assert number < self.n
        return pow(number, self.e, self.n).to_bytes(self.size, "big")


def load(name: str) -> Key:
    """Return one of the vectors' keys as integers."""
    numbers = private(name).private_numbers()
    n = numbers.public_numbers.n
    size = (n.bit_length() + 7) // 8
    return Key(name, n, numbers.public_numbers.e, numbers.p, numbers.q, numbers.d, size)


@dataclass
class Chance:
    """Bytes that look random and are the same each time."""

    seed: str
    drawn: int = 0

    def __call__(self, size: int) -> bytes:
        """Return the next bytes."""
        out = b""
        while len(out) < size:
            out += hashlib.sha256(f"{self.seed} {self.drawn}".encode()).digest()
            self.drawn += 1
        return out[:size]


def encoded(raw: bytes) -> str:
    """Return base64 as it should be."""
    return base64.b64encode(raw).decode()


def misspelled(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong, base64 that is read only by whoever is lenient).

    `raw` must leave unused bits in the last letter, and have a "+" and a "/" in its base64.
    """
    right = encoded(raw)
    body, padding = right.rstrip("="), right[len(right.rstrip("=")) :]
    assert padding
    assert "+" in right
    assert "/" in right
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(body[-1])
    unused = 2 * len(padding)
    for bits in range(1, 1 << unused):
        yield (
            f"unused bits of the last letter are {bits}",
            body[:-1] + alphabet[last + bits] + padding,
        )
    yield "URL-safe alphabet", right.replace("+", "-").replace("/", "_")
    yield "URL-safe alphabet without padding", body.replace("+", "-").replace("/", "_")
    yield "spaces for pluses", right.replace("+", " ")
    yield "percent-encoded", right.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    yield "no padding", body
    yield "one sign of padding too few", right[:-1]
    yield "one sign of padding too many", right + "="
    yield "four signs of padding too many", right + "===="
    yield "padding in front", padding + body
    yield "padding in the middle", body[:8] + padding + body[8:] + padding
    yield "other base64 behind", right + "AAAA"
    yield "a letter behind the padding", right + "A"
    yield "line feed behind", right + "\n"
    yield "line feed before", "\n" + right
    yield "space behind", right + " "
    yield "space before", " " + right
    yield "tab inside", right[:40] + "\t" + right[40:]
    yield "lines of 16", "\n".join(right[at : at + 16] for at in range(0, len(right), 16))
    yield "CRLF inside", right[:16] + "\r\n" + right[16:]
    yield "NUL behind", right + "\x00"
    yield "NUL inside", right[:20] + "\x00" + right[20:]
    yield "no ASCII: full-width letters", "".join(chr(ord(c) + 0xFEE0) for c in right)
    yield "no ASCII behind", right + "\u00a0"
    yield "byte order mark before", "\ufeff" + right
    yield "half a surrogate pair behind", right + "\udc80"
    yield "exclamation mark inside", right[:20] + "!" + right[20:]
    yield "quoted", f'"{right}"'
    yield "hexadecimal", raw.hex()
    yield "encoded twice", encoded(right.encode())
    yield "upper case", right.upper()
    yield "lower case", right.lower()
    yield "data URL", "data:;base64," + right
    yield "WeChat Pay's probe", "WECHATPAY/SIGNTEST/" + right
