"""What may go wrong with an answer of v3: its signature headers, its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from wechatpay_chain.sandbox.answers import (
    SCHEME_HEADER,
    SIGNATURE_HEADERS,
    Answer,
    Draft,
    json_bytes,
)
from wechatpay_chain.sandbox.certificate_list import spoil_list
from wechatpay_chain.sandbox.faults import (
    ERRORS,
    WIRE_FAULTS,
    Fault,
    Options,
    redirect,
    show_page,
    with_body,
)

__all__ = ["JSON_FAULTS", "TIMESTAMP_FORMS"]

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


def _say(body: bytes) -> Callable[[Draft, Options], Draft]:
    """Return the change to a signed 200 with that very body."""
    return lambda draft, options: replace(draft, status=200, body=body)


def _pad(draft: Draft, options: Options) -> Draft:
    return replace(draft, status=200, body=json_bytes({"padding": "x" * options["size"]}))


def _make_error(draft: Draft, options: Options) -> Draft:
    status = options.get("code") or options["status"]
    code, message = ERRORS.get(status, ERRORS[500 if status >= 500 else 400])
    return replace(draft, status=status, body=json_bytes({"code": code, "message": message}))


def _forge(draft: Draft, options: Options) -> Draft:
    # The merchant's own key is a good RSA key that is certainly not WeChat Pay's.
    return replace(draft, key=draft.identity.merchant.private_key)


def _forge_error(draft: Draft, options: Options) -> Draft:
    return _forge(_make_error(draft, options), options)


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


def _unsign(answer: Answer, options: Options) -> Answer:
    signature = {*SIGNATURE_HEADERS.values(), SCHEME_HEADER}
    return _keep(answer, lambda name: name not in signature)


def _leave_out(header: str, answer: Answer, options: Options) -> Answer:
    return _keep(answer, lambda name: name != header)


def _empty(header: str, answer: Answer, options: Options) -> Answer:
    return _rewrite(answer, header, lambda value: "")


def _double(header: str, answer: Answer, options: Options) -> Answer:
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
    return with_body(answer, answer.body + b" ")


def _keep(answer: Answer, wanted: Callable[[str], bool]) -> Answer:
    kept = tuple((name, value) for name, value in answer.headers if wanted(name))
    return replace(answer, headers=kept)


def _rewrite(answer: Answer, header: str, change: Callable[[str], str]) -> Answer:
    changed = tuple((n, change(v) if n == header else v) for n, v in answer.headers)
    return replace(answer, headers=changed)


_HEADER_FAULTS = {"missing": _leave_out, "empty": _empty, "doubled": _double}

JSON_FAULTS: Mapping[str, Fault[Draft]] = {
    **{name: Fault(answer=change) for name, change in WIRE_FAULTS.items()},
    **{
        f"{way}-{short}": Fault(answer=partial(change, header))
        for way, change in _HEADER_FAULTS.items()
        for short, header in SIGNATURE_HEADERS.items()
    },
    "unsigned": Fault(answer=_unsign),
    "bad-signature": Fault(draft=_forge),
    "malformed-signature": Fault(answer=_malform_signature),
    "tampered-body": Fault(answer=_tamper),
    "probe": Fault(answer=_probe),
    "clock-behind": Fault(draft=_shift_clock(-1)),
    "clock-ahead": Fault(draft=_shift_clock(1)),
    "malformed-timestamp": Fault(draft=_malform_timestamp),
    "unknown-serial": Fault(draft=lambda draft, told: replace(draft, serial=told["serial"])),
    "wrong-scheme": Fault(draft=lambda draft, told: replace(draft, scheme=told["scheme"])),
    "swapped-serial": Fault(draft=_swap_serial),
    "unsigned-error": Fault(_make_error, _unsign),
    "status": Fault(draft=_make_error),
    "error-forged": Fault(draft=_forge_error),
    "error-not-json": Fault(show_page, _unsign),
    "redirect": Fault(draft=redirect),
    "too-large": Fault(draft=_pad),
    "not-json": Fault(draft=_say(b"SUCCESS")),
    "duplicate-keys": Fault(draft=_say(b'{"trade_state":"NOTPAY","trade_state":"SUCCESS"}')),
    "nan": Fault(draft=_say(b'{"total":NaN}')),
    "deep": Fault(draft=_say(b'{"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
    "not-utf8": Fault(draft=_say(b'{"message":"\xff\xfe"}')),
    "empty": Fault(draft=_say(b"")),
    "certificates": Fault(draft=spoil_list),
}
