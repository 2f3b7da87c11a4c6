"""What may go wrong with any answer, whatever is in it: cuts, delays, compression.

A fault changes the draft of an answer before it is signed, or the answer after
that. `json_faults` and `xml_faults` hold those that know what they spoil.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar

from wechatpay_chain.sandbox.answers import Answer, Cut, Draft
from wechatpay_chain.sandbox.xml_answers import XmlDraft

__all__ = [
    "ERRORS",
    "MEBIBYTE",
    "WIRE_FAULTS",
    "Drafted",
    "Fault",
    "Options",
    "redirect",
    "show_page",
    "with_body",
]

Options: TypeAlias = Mapping[str, Any]
Drafted = TypeVar("Drafted", Draft, XmlDraft)

MEBIBYTE = 1024 * 1024

# A status → the code and message that WeChat Pay puts into the body of such an error.
ERRORS: dict[int, tuple[str, str]] = {
    400: ("PARAM_ERROR", "A parameter of the request is wrong"),
    401: ("SIGN_ERROR", "The signature of the request is wrong"),
    403: ("NO_AUTH", "The merchant has no permission"),
    404: ("RESOURCE_NOT_EXISTS", "There is no such resource"),
    429: ("RATELIMIT_EXCEEDED", "Too many requests"),
    500: ("SYSTEM_ERROR", "The system is at fault, please try again later"),
    502: ("BAD_GATEWAY", "The gateway is at fault, please try again later"),
    503: ("SERVICE_UNAVAILABLE", "The service is not available, please try again later"),
}


@dataclass(frozen=True)
class Fault(Generic[Drafted]):
    """What is done to a draft, and to the answer that it became."""

    draft: Callable[[Drafted, Options], Drafted] = lambda draft, options: draft
    answer: Callable[[Answer, Options], Answer] = lambda answer, options: answer


def redirect(draft: Drafted, options: Options) -> Drafted:
    """Send the client elsewhere."""
    headers = (*draft.headers, ("Location", options["location"]))
    return replace(draft, status=options["status"], headers=headers)


def show_page(draft: Drafted, options: Options) -> Drafted:
    """Show a page of the web server in front of the gateway."""
    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    return replace(draft, status=502, body=page, content_type="text/html")


def with_body(answer: Answer, body: bytes) -> Answer:
    """Give an answer another body; a 204 cannot have one, so it becomes a 200."""
    return replace(answer, status=200 if answer.status == 204 else answer.status, body=body)


def _cut(where: Cut) -> Callable[[Answer, Options], Answer]:
    return lambda answer, options: replace(answer, cut=where)


def _delay(answer: Answer, options: Options) -> Answer:
    return replace(answer, delay=answer.delay + options["seconds"])


def _gzip(answer: Answer, options: Options) -> Answer:
    return _encoded(answer, gzip.compress(answer.body))


def _gzip_corrupt(answer: Answer, options: Options) -> Answer:
    packed = bytearray(gzip.compress(answer.body))
    packed[len(packed) // 2] ^= 0xFF
    packed[-6] ^= 0xFF
    return _encoded(answer, bytes(packed))


def _gzip_bomb(answer: Answer, options: Options) -> Answer:
    return _encoded(answer, _bomb(options["size"]))


@cache
def _bomb(size: int) -> bytes:
    """Return gzip of so many blanks, in whole MiB, made in no time."""
    blank = b" " * MEBIBYTE
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush a block needs nothing that came before, so it serves again and again.
    block = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    count = size // MEBIBYTE
    checksum = 0
    for _ in range(count):
        checksum = zlib.crc32(blank, checksum)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    tail = struct.pack("<II", checksum, count * MEBIBYTE & 0xFFFFFFFF)
    return head + block * count + packer.flush() + tail


def _encoded(answer: Answer, packed: bytes) -> Answer:
    headers = (*answer.headers, ("Content-Encoding", "gzip"))
    return with_body(replace(answer, headers=headers), packed)


WIRE_FAULTS: Mapping[str, Callable[[Answer, Options], Answer]] = {
    "delay": _delay,
    "hang-up-before": _cut(Cut.BEFORE_READING),
    "hang-up-after": _cut(Cut.BEFORE_ANSWER),
    "hang-up-headers": _cut(Cut.IN_HEADERS),
    "truncated": _cut(Cut.IN_BODY),
    "gzip": _gzip,
    "gzip-corrupt": _gzip_corrupt,
    "gzip-bomb": _gzip_bomb,
}
