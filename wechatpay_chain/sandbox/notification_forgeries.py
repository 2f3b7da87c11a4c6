"""Everything that may be wrong with a callback that a stranger, or a fault, sends: one table.

No receiver may acknowledge one of these. Where a forgery is in the headers or the bytes, all
else is as WeChat Pay signed it; where it is inside, the whole is signed anew, and well.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import hostile_xml
from wechatpay_chain.sandbox.answers import SCHEME_HEADER, SIGNATURE_HEADERS, json_bytes
from wechatpay_chain.sandbox.json_notifications import JsonDraft, document
from wechatpay_chain.sandbox.misbehaviour import FORGED_SERIAL
from wechatpay_chain.sandbox.xml_notifications import REFUND_CIPHER, XmlDraft
from wechatpay_chain.sandbox.xml_signing import SIGN_TYPES

__all__ = ["FORGERIES", "Forgery", "choose"]

Headers: TypeAlias = tuple[tuple[str, str], ...]
Written: TypeAlias = tuple[Headers, bytes]

_PAYMENT, _XML_PAYMENT = "TRANSACTION.SUCCESS", "transaction-success"
_WITH_SEALED_FIELD = "BRAND_MEMBER_CARD_SP.USER_CARD.CREATE"
_REFUND = "refund-processed"

_CLOCK_SKEW = 310
_FORGED_SECRET = "0" * 32
_FORGED_MERCHANT = "1900000001"
_LARGE = 2 * 1024 * 1024
_DEPTH = 100_000
# Shorter than the 12 bytes that AEAD_AES_256_GCM has, and enough for AES-GCM itself.
_SHORT_NONCE = 8


@dataclass(frozen=True)
class Forgery:
    """One row: what is wrong, in callbacks of which protocols, and an event that can have it."""

    summary: str
    protocols: frozenset[str]
    event: str
    change: Callable[[Any], Any]
    spoil: Callable[[Headers, bytes], Written]


def choose(name: str, draft: JsonDraft | XmlDraft) -> Forgery:
    """Return a forgery that a callback can have.

    Raises:
        ConfigurationError: there is none of that name, or the callback cannot have it.
    """
    forgery = FORGERIES.get(name)
    if forgery is None:
        raise ConfigurationError(f"there is no forgery {name!r}; there are {', '.join(FORGERIES)}")
    if draft.protocol not in forgery.protocols or not _can_have(name, draft):
        raise ConfigurationError(f"{draft.event} cannot have {name!r}; {forgery.event} can")
    return forgery


def _can_have(name: str, draft: JsonDraft | XmlDraft) -> bool:
    if name == "sealed-for-another":
        return bool(draft.event.encrypted)
    if name == "xml-wrong-refund-key":
        return draft.event.cipher == REFUND_CIPHER
    return name not in _OF_SIGN or draft.event.is_signed


@cache
def _foreign_key() -> RSAPrivateKey:
    """Return a good key that is nobody's: not WeChat Pay's, and no merchant's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


# What is wrong before it is signed.


def _shift_clock(seconds: int, draft: JsonDraft) -> JsonDraft:
    return replace(draft, timestamp=str(int(draft.timestamp) + seconds))


def _swap_serial(draft: JsonDraft) -> JsonDraft:
    other = next(serial for serial in draft.identity.platform_keys if serial != draft.serial)
    return replace(draft, serial=other)


def _sign_as_merchant(draft: JsonDraft) -> JsonDraft:
    return replace(draft, key=draft.identity.merchant.private_key)


def _say(change: Callable[[bytes], bytes], draft: JsonDraft) -> JsonDraft:
    """Change the body before it is signed."""
    return replace(draft, body=change(json_bytes(document(draft))))


def _double_key(body: bytes) -> bytes:
    return b'{"event_type":"REFUND.SUCCESS",' + body.removeprefix(b"{")


def _spoil_text(body: bytes) -> bytes:
    return b'{"remark":"\xff\xfe",' + body.removeprefix(b"{")


def _nest(body: bytes) -> bytes:
    nested = b"[" * _DEPTH + b"]" * _DEPTH
    return b'{"deep":' + nested + b"," + body.removeprefix(b"{")


def _pad(body: bytes) -> bytes:
    return b'{"padding":"' + b"x" * _LARGE + b'",' + body.removeprefix(b"{")


def _without_resource(body: bytes) -> bytes:
    said = json.loads(body)
    del said["resource"]
    return json_bytes(said)


def _tell(name: str, change: Callable[[str], str], draft: JsonDraft) -> JsonDraft:
    """Say another thing of the resource than what is true of its ciphertext."""
    said = document(draft)
    said["resource"][name] = change(said["resource"][name])
    return replace(draft, body=json_bytes(said))


def _flip(ciphertext: str) -> str:
    """Change one letter in the middle: it is good base64 still."""
    middle = len(ciphertext) // 2
    other = "A" if ciphertext[middle] != "A" else "B"
    return ciphertext[:middle] + other + ciphertext[middle + 1 :]


def _shorten_nonce(draft: JsonDraft) -> JsonDraft:
    return replace(draft, resource_nonce=draft.resource_nonce[:_SHORT_NONCE])


def _swap_sign_type(draft: XmlDraft) -> XmlDraft:
    other = next(name for name in SIGN_TYPES if name != draft.sign_type)
    # What it says of itself is the same lie: the receiver is to know better.
    told = {n: other if n in ("sign_type", "algorithm") else t for n, t in draft.fields.items()}
    return replace(draft, sign_type=other, fields=told)


def _be_another(draft: XmlDraft) -> XmlDraft:
    owners = ("mch_id", "combine_mch_id")
    told = {name: _FORGED_MERCHANT for name in owners if name in draft.fields}
    fields = {**draft.fields, **told}
    return replace(draft, fields=fields, secret=_FORGED_SECRET, refund_secret=_FORGED_SECRET)


# What is wrong with what was signed.


def _leave_out(header: str, headers: Headers, body: bytes) -> Written:
    return tuple(pair for pair in headers if pair[0] != header), body


def _double(header: str, headers: Headers, body: bytes) -> Written:
    return headers + tuple(pair for pair in headers if pair[0] == header), body


def _rewrite(header: str, change: Callable[[str], str], headers: Headers, body: bytes) -> Written:
    return tuple((n, change(v) if n == header else v) for n, v in headers), body


def _alter(change: Callable[[bytes], bytes], headers: Headers, body: bytes) -> Written:
    return headers, change(body)


def _tamper(body: bytes) -> bytes:
    return json_bytes({**json.loads(body), "summary": "tampered"})


def _reserialise(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=1).encode()


def _truncate(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _same(draft: Any) -> Any:
    return draft


def _as_written(headers: Headers, body: bytes) -> Written:
    return headers, body


def _before(
    summary: str, change: Callable[[JsonDraft], JsonDraft], event: str = _PAYMENT
) -> Forgery:
    return Forgery(summary, frozenset({"v3"}), event, change, _as_written)


def _after(summary: str, spoil: Callable[[Headers, bytes], Written]) -> Forgery:
    return Forgery(summary, frozenset({"v3"}), _PAYMENT, _same, spoil)


def _xml_before(
    summary: str, change: Callable[[XmlDraft], XmlDraft], event: str = _XML_PAYMENT
) -> Forgery:
    return Forgery(summary, frozenset({"v2"}), event, change, _as_written)


def _xml_after(summary: str, change: Callable[[bytes], bytes]) -> Forgery:
    return Forgery(summary, frozenset({"v2"}), _XML_PAYMENT, _same, partial(_alter, change))


_TIMESTAMP, _NONCE, _SERIAL, _SIGNATURE = (
    SIGNATURE_HEADERS[name] for name in ("timestamp", "nonce", "serial", "signature")
)
# What a callback without a sign cannot have; changed, it opens or not, and proves nothing before.
_OF_SIGN = frozenset(
    {"xml-missing-sign", "xml-bad-sign", "xml-tampered", "xml-wrong-algorithm", "xml-repeated-sign"}
)

FORGERIES: Mapping[str, Forgery] = {
    **{
        f"missing-{short}": _after(f"leave out {header}", partial(_leave_out, header))
        for short, header in SIGNATURE_HEADERS.items()
    },
    "empty-signature": _after(
        "send Wechatpay-Signature without a value",
        partial(_rewrite, _SIGNATURE, lambda value: ""),
    ),
    "doubled-signature": _after(
        "send Wechatpay-Signature twice, with the same value", partial(_double, _SIGNATURE)
    ),
    "doubled-serial": _after(
        "send Wechatpay-Serial twice, with the same value", partial(_double, _SERIAL)
    ),
    "malformed-timestamp": _before(
        "sign a timestamp with a plus before it, as `int()` takes it",
        lambda draft: replace(draft, timestamp=f"+{draft.timestamp}"),
    ),
    "malformed-signature": _after(
        "put a character that is not base64 into the signature",
        # One that a lenient decoder skips, and finds a good signature.
        partial(_rewrite, _SIGNATURE, lambda value: f"{value[:9]}!{value[9:]}"),
    ),
    "wrong-scheme": _after(
        "claim another signature scheme",
        partial(_rewrite, SCHEME_HEADER, lambda value: "WECHATPAY2-SM2-WITH-SM3"),
    ),
    "clock-behind": _before(
        "sign with a timestamp of 310 seconds ago", partial(_shift_clock, -_CLOCK_SKEW)
    ),
    "clock-ahead": _before(
        "sign with a timestamp of 310 seconds from now", partial(_shift_clock, _CLOCK_SKEW)
    ),
    "unknown-serial": _before(
        "name a key that nobody has", lambda draft: replace(draft, serial=FORGED_SERIAL)
    ),
    "bad-signature": _before(
        "sign with a key that is nobody's", lambda draft: replace(draft, key=_foreign_key())
    ),
    "merchant-signed": _before("sign with the merchant's own key", _sign_as_merchant),
    "swapped-serial": _before("sign with one platform key and name the other", _swap_serial),
    "tampered-body": _after("change the summary after signing", partial(_alter, _tamper)),
    "reserialised-body": _after(
        "write the same JSON in other bytes after signing", partial(_alter, _reserialise)
    ),
    "swapped-nonce": _after(
        "send another nonce than was signed",
        partial(_rewrite, _NONCE, lambda value: secrets.token_hex(16)),
    ),
    "probe": _after(
        "prefix the signature with WECHATPAY/SIGNTEST/, as WeChat Pay does to see who checks",
        partial(_rewrite, _SIGNATURE, lambda value: f"WECHATPAY/SIGNTEST/{value}"),
    ),
    "truncated-body": _after("send half of the body", partial(_alter, _truncate)),
    "not-json": _before("sign a body that is no JSON", partial(_say, lambda body: b"SUCCESS")),
    "duplicate-keys": _before("sign JSON with event_type twice", partial(_say, _double_key)),
    "not-utf8": _before("sign JSON with bytes that are not UTF-8", partial(_say, _spoil_text)),
    "empty-body": _before("sign an empty body", partial(_say, lambda body: b"")),
    "deep": _before("sign JSON nested 100,000 deep", partial(_say, _nest)),
    "no-resource": _before("sign a callback without a resource", partial(_say, _without_resource)),
    "wrong-apiv3-key": _before(
        "encrypt the resource under another APIv3 key",
        lambda draft: replace(draft, apiv3_key=_FORGED_SECRET),
    ),
    "tampered-ciphertext": _before(
        "change the ciphertext before signing", partial(_tell, "ciphertext", _flip)
    ),
    "wrong-associated-data": _before(
        "name other associated data than was authenticated",
        partial(_tell, "associated_data", lambda value: f"{value}x"),
    ),
    "wrong-algorithm": _before(
        "name another algorithm", partial(_tell, "algorithm", lambda value: "AEAD_SM4_GCM")
    ),
    "short-nonce": _before("encrypt the resource with a nonce of 8 bytes", _shorten_nonce),
    "resource-not-json": _before(
        "encrypt a text that is no JSON", lambda draft: replace(draft, plaintext="SUCCESS")
    ),
    "sealed-for-another": _before(
        "encrypt the sensitive fields in the resource for a key that is nobody's",
        lambda draft: replace(draft, field_key=_foreign_key().public_key()),
        _WITH_SEALED_FIELD,
    ),
    "too-large": _before("sign a body of more than 2 MiB", partial(_say, _pad)),
    "xml-missing-sign": _xml_after("leave out the sign", hostile_xml.unsign),
    "xml-bad-sign": _xml_before(
        "sign with another secret", lambda draft: replace(draft, secret=_FORGED_SECRET)
    ),
    "xml-tampered": _xml_after("add a field after signing", hostile_xml.tamper),
    "xml-wrong-algorithm": _xml_before(
        "sign with MD5 where HMAC-SHA256 is configured, or the reverse", _swap_sign_type
    ),
    "xml-doctype": _xml_after("declare a document type", hostile_xml.declare),
    "xml-entities": _xml_after(
        "declare entities that expand to a thousand million words", hostile_xml.laugh
    ),
    "xml-repeated-sign": _xml_after("send the sign twice", hostile_xml.repeat_sign),
    "xml-not-xml": _xml_after("send a body that is no XML", lambda body: b"<xml><a></xml>"),
    "xml-deep": _xml_after("nest elements 100,000 deep", hostile_xml.nest),
    "xml-wrong-refund-key": _xml_before(
        "encrypt req_info under another secret",
        lambda draft: replace(draft, refund_secret=_FORGED_SECRET),
        _REFUND,
    ),
    "xml-foreign-merchant": _xml_before(
        "be a callback for another merchant, under that one's secret", _be_another
    ),
}
"""By name. All of v3's are well-formed v3 otherwise, and all of v2's, ``xml-…``, v2."""
