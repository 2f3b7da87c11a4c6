"""Everything that a gateway, or somebody between it and you, may do wrong: one table.

A misbehaviour changes the draft of an answer before it is signed, or the
answer after that. The request was checked and carried out all the same, the
money has moved; only ``hang-up-before`` keeps a request from being read.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, TypeAlias

from wechatpay_chain.sandbox.answers import (
    SCHEME_HEADER,
    SIGNATURE_HEADERS,
    Answer,
    Cut,
    Draft,
    json_bytes,
)

__all__ = ["MISBEHAVIOURS", "Misbehaviour", "Options"]

Options: TypeAlias = Mapping[str, Any]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Misbehaviour:
    """One row: what is done, to the draft or to the answer, and its options with defaults."""

    summary: str
    draft: Callable[[Draft, Options], Draft] = lambda draft, options: draft
    answer: Callable[[Answer, Options], Answer] = lambda answer, options: answer
    options: Options = field(default_factory=dict)
    reads: bool = True


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

# Timestamps of the right time in a wrong form, many of which `int()` would take.
TIMESTAMP_FORMS: dict[str, Callable[[int], str]] = {
    "plus": lambda now: f"+{now}",
    "underscore": lambda now: f"{now // 10**9}_{now % 10**9:09d}",
    "eleven-digits": lambda now: f"0{now}",
    "fullwidth": lambda now: str(now).translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "fraction": lambda now: f"{now}.0",
    "milliseconds": lambda now: f"{now}000",
    "hexadecimal": lambda now: hex(now),
    "word": lambda now: "yesterday",
}

FORGED_SERIAL = "5A" + "0" * 38


def _say(body: bytes) -> Callable[[Draft, Options], Draft]:
    """Return the change to a signed 200 with that very body."""
    return lambda draft, options: replace(draft, status=200, body=body)


def _too_large(draft: Draft, options: Options) -> Draft:
    return replace(draft, status=200, body=json_bytes({"padding": "x" * options["size"]}))


def _error(draft: Draft, options: Options) -> Draft:
    status = options.get("code") or options["status"]
    code, message = ERRORS.get(status, ERRORS[500 if status >= 500 else 400])
    return replace(draft, status=status, body=json_bytes({"code": code, "message": message}))


def _forge(draft: Draft, options: Options) -> Draft:
    # The merchant's own key is a good RSA key that is certainly not WeChat Pay's.
    return replace(draft, key=draft.identity.merchant.private_key)


def _forge_error(draft: Draft, options: Options) -> Draft:
    return _forge(_error(draft, options), options)


def _shift_clock(sign: int) -> Callable[[Draft, Options], Draft]:
    def shift(draft: Draft, options: Options) -> Draft:
        return replace(draft, timestamp=str(int(draft.timestamp) + sign * options["seconds"]))

    return shift


def _malform_timestamp(draft: Draft, options: Options) -> Draft:
    written = options["value"] or TIMESTAMP_FORMS[options["form"]](int(draft.timestamp))
    return replace(draft, timestamp=written)


def _swap_serial(draft: Draft, options: Options) -> Draft:
    other = next(serial for serial in draft.identity.platform_keys if serial != draft.serial)
    return replace(draft, serial=other)


def _redirect(draft: Draft, options: Options) -> Draft:
    headers = (*draft.headers, ("Location", options["location"]))
    return replace(draft, status=options["status"], headers=headers)


def _gateway_page(draft: Draft, options: Options) -> Draft:
    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    return replace(draft, status=502, body=page, content_type="text/html")


def _unsign(answer: Answer, options: Options) -> Answer:
    signature = {*SIGNATURE_HEADERS.values(), SCHEME_HEADER}
    return _keep(answer, lambda name: name not in signature)


def _missing(header: str, answer: Answer, options: Options) -> Answer:
    return _keep(answer, lambda name: name != header)


def _empty(header: str, answer: Answer, options: Options) -> Answer:
    return _rewrite(answer, header, lambda value: "")


def _doubled(header: str, answer: Answer, options: Options) -> Answer:
    twice = tuple((name, value) for name, value in answer.headers if name == header)
    return replace(answer, headers=answer.headers + twice)


def _probe(answer: Answer, options: Options) -> Answer:
    header = SIGNATURE_HEADERS["signature"]
    return _rewrite(answer, header, lambda value: f"WECHATPAY/SIGNTEST/{value}")


def _malform_signature(answer: Answer, options: Options) -> Answer:
    # The stray character is one that a lenient decoder skips, and finds a good signature.
    return _rewrite(answer, SIGNATURE_HEADERS["signature"], lambda v: f"{v[:9]}!{v[9:]}")


def _tamper(answer: Answer, options: Options) -> Answer:
    # Still good JSON where it was: nothing but the signature gives it away.
    return _with_body(answer, answer.body + b" ")


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
    return _with_body(replace(answer, headers=headers), packed)


def _with_body(answer: Answer, body: bytes) -> Answer:
    # A 204 cannot have a body, so one that is given a body becomes a 200.
    return replace(answer, status=200 if answer.status == 204 else answer.status, body=body)


def _keep(answer: Answer, wanted: Callable[[str], bool]) -> Answer:
    kept = tuple((name, value) for name, value in answer.headers if wanted(name))
    return replace(answer, headers=kept)


def _rewrite(answer: Answer, header: str, change: Callable[[str], str]) -> Answer:
    changed = tuple((n, change(v) if n == header else v) for n, v in answer.headers)
    return replace(answer, headers=changed)


_EACH: tuple[tuple[str, str, Callable[[str, Answer, Options], Answer]], ...] = (
    ("missing", "leave out {0}", _missing),
    ("empty", "send {0} without a value", _empty),
    ("doubled", "send {0} twice, with the same value", _doubled),
)

MISBEHAVIOURS: Mapping[str, Misbehaviour] = {
    "unsigned": Misbehaviour("send none of the signature headers", answer=_unsign),
    **{
        f"{way}-{short}": Misbehaviour(summary.format(header), answer=partial(change, header))
        for way, summary, change in _EACH
        for short, header in SIGNATURE_HEADERS.items()
    },
    "bad-signature": Misbehaviour("sign with a key that is not WeChat Pay's", draft=_forge),
    "malformed-signature": Misbehaviour(
        "put a character that is not base64 into the signature", answer=_malform_signature
    ),
    "tampered-body": Misbehaviour("change the body after it was signed", answer=_tamper),
    "probe": Misbehaviour("prefix the signature with WECHATPAY/SIGNTEST/", answer=_probe),
    "clock-behind": Misbehaviour(
        "sign with a timestamp of the past", draft=_shift_clock(-1), options={"seconds": 310}
    ),
    "clock-ahead": Misbehaviour(
        "sign with a timestamp of the future", draft=_shift_clock(1), options={"seconds": 310}
    ),
    "malformed-timestamp": Misbehaviour(
        f"write the timestamp in another form ({', '.join(TIMESTAMP_FORMS)}), or as a value",
        draft=_malform_timestamp,
        options={"form": "fullwidth", "value": ""},
    ),
    "unknown-serial": Misbehaviour(
        "name a key that nobody has",
        draft=lambda draft, options: replace(draft, serial=options["serial"]),
        options={"serial": FORGED_SERIAL},
    ),
    "wrong-scheme": Misbehaviour(
        "claim another signature scheme",
        draft=lambda draft, options: replace(draft, scheme=options["scheme"]),
        options={"scheme": "WECHATPAY2-SM2-WITH-SM3"},
    ),
    "swapped-serial": Misbehaviour(
        "sign with one platform key and name the other", draft=_swap_serial
    ),
    "unsigned-error": Misbehaviour(
        "answer an error without signature headers",
        draft=_error,
        answer=_unsign,
        options={"status": 500},
    ),
    "status": Misbehaviour(
        "answer a well signed error of any status", draft=_error, options={"code": 500}
    ),
    "error-forged": Misbehaviour(
        "answer an error with a bad signature", draft=_forge_error, options={"status": 500}
    ),
    "error-not-json": Misbehaviour(
        "answer 502 with an HTML page, unsigned", draft=_gateway_page, answer=_unsign
    ),
    "delay": Misbehaviour(
        "wait before answering what was carried out", answer=_delay, options={"seconds": 1.0}
    ),
    "hang-up-before": Misbehaviour(
        "close before reading the body; nothing is carried out",
        answer=_cut(Cut.BEFORE_READING),
        reads=False,
    ),
    "hang-up-after": Misbehaviour(
        "carry the request out and close without an answer", answer=_cut(Cut.BEFORE_ANSWER)
    ),
    "hang-up-headers": Misbehaviour(
        "close in the middle of the answer's headers", answer=_cut(Cut.IN_HEADERS)
    ),
    "truncated": Misbehaviour("close in the middle of the answer's body", answer=_cut(Cut.IN_BODY)),
    "redirect": Misbehaviour(
        "redirect, well signed",
        draft=_redirect,
        options={"status": 307, "location": "/v3/redirected"},
    ),
    "gzip": Misbehaviour("gzip the body, signed as it was before", answer=_gzip),
    "gzip-corrupt": Misbehaviour("gzip the body and damage that", answer=_gzip_corrupt),
    "gzip-bomb": Misbehaviour(
        "send little gzip that unpacks to `size` bytes",
        answer=_gzip_bomb,
        options={"size": 256 * MEBIBYTE},
    ),
    "too-large": Misbehaviour(
        "send a signed body of more than `size` bytes",
        draft=_too_large,
        options={"size": 9 * MEBIBYTE},
    ),
    "not-json": Misbehaviour("send a signed body that is no JSON", draft=_say(b"SUCCESS")),
    "duplicate-keys": Misbehaviour(
        "send signed JSON with a doubled key",
        draft=_say(b'{"trade_state":"NOTPAY","trade_state":"SUCCESS"}'),
    ),
    "nan": Misbehaviour("send signed JSON with NaN in it", draft=_say(b'{"total":NaN}')),
    "deep": Misbehaviour(
        "send signed JSON nested 100,000 deep",
        draft=_say(b'{"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ),
    "not-utf8": Misbehaviour(
        "send a signed body that is not UTF-8", draft=_say(b'{"message":"\xff\xfe"}')
    ),
    "empty": Misbehaviour("send a signed 200 without a body", draft=_say(b"")),
}
