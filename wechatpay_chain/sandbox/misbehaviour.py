"""Everything that a gateway, or somebody between it and you, may do wrong: one table.

`json_faults` and `xml_faults` say what each does to an answer of v3 and of v2; some
make sense in one of them only. The request was checked and carried out all the
same, the money has moved; only ``hang-up-before`` keeps a request from being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wechatpay_chain.sandbox.answers import SIGNATURE_HEADERS, Draft
from wechatpay_chain.sandbox.certificate_list import LIST_FAULTS
from wechatpay_chain.sandbox.faults import MEBIBYTE, Fault, Options
from wechatpay_chain.sandbox.json_faults import JSON_FAULTS, TIMESTAMP_FORMS
from wechatpay_chain.sandbox.xml_answers import XmlDraft
from wechatpay_chain.sandbox.xml_faults import XML_FAULTS

__all__ = ["MISBEHAVIOURS", "Misbehaviour"]


@dataclass(frozen=True)
class Misbehaviour:
    """One row: what is done to an answer of either protocol, and its options with defaults.

    Of a protocol in which it makes no sense the fault is None.
    """

    summary: str
    json: Fault[Draft] | None
    xml: Fault[XmlDraft] | None
    options: Options = field(default_factory=dict)

    @property
    def protocols(self) -> frozenset[str]:
        """The protocols whose answers it spoils: v3, v2 or both."""
        faults = {"v3": self.json, "v2": self.xml}
        return frozenset(version for version, fault in faults.items() if fault is not None)


FORGED_SERIAL = "5A" + "0" * 38

_EACH = {
    "missing": "leave out {0}",
    "empty": "send {0} without a value",
    "doubled": "send {0} twice, with the same value",
}

# Name → what it does, and its options with their defaults.
_ROWS: dict[str, tuple[str, Options]] = {
    "unsigned": ("send none of the signature headers; in XML no sign", {}),
    **{
        f"{way}-{short}": (summary.format(header), {})
        for way, summary in _EACH.items()
        for short, header in SIGNATURE_HEADERS.items()
    },
    "bad-signature": ("sign with a key that is not WeChat Pay's", {}),
    "malformed-signature": ("put a character that is not base64 into the signature", {}),
    "tampered-body": ("change the body after it was signed", {}),
    "probe": ("prefix the signature with WECHATPAY/SIGNTEST/", {}),
    "clock-behind": ("sign with a timestamp of the past", {"seconds": 310}),
    "clock-ahead": ("sign with a timestamp of the future", {"seconds": 310}),
    "malformed-timestamp": (
        f"write the timestamp in another form ({', '.join(TIMESTAMP_FORMS)}), or as a value",
        {"form": "fullwidth", "value": ""},
    ),
    "unknown-serial": ("name a key that nobody has", {"serial": FORGED_SERIAL}),
    "wrong-scheme": ("claim another signature scheme", {"scheme": "WECHATPAY2-SM2-WITH-SM3"}),
    "swapped-serial": ("sign with one platform key and name the other", {}),
    "unsigned-error": ("answer an error that is not signed", {"status": 500}),
    "status": ("answer a well signed error of any status", {"code": 500}),
    "error-forged": ("answer an error with a bad signature", {"status": 500}),
    "error-not-json": ("answer 502 with an HTML page, unsigned", {}),
    "delay": ("wait before answering what was carried out", {"seconds": 1.0}),
    "hang-up-before": ("close before reading the body; nothing is carried out", {}),
    "hang-up-after": ("carry the request out and close without an answer", {}),
    "hang-up-headers": ("close in the middle of the answer's headers", {}),
    "truncated": ("close in the middle of the answer's body", {}),
    "redirect": ("redirect, well signed", {"status": 307, "location": "/v3/redirected"}),
    "gzip": ("gzip the body, signed as it was before", {}),
    "gzip-corrupt": ("gzip the body and damage that", {}),
    "gzip-bomb": ("send little gzip that unpacks to `size` bytes", {"size": 256 * MEBIBYTE}),
    "too-large": ("send a signed body of more than `size` bytes", {"size": 9 * MEBIBYTE}),
    "not-json": ("send a signed body that is no JSON", {}),
    "duplicate-keys": ("send signed JSON with a doubled key", {}),
    "nan": ("send signed JSON with NaN in it", {}),
    "deep": ("send signed JSON nested 100,000 deep", {}),
    "not-utf8": ("send a body that is not UTF-8", {}),
    "empty": ("send a 200 without a body", {}),
    "certificates": (
        f"list the platform certificates wrongly ({', '.join(LIST_FAULTS)}), well signed",
        {"how": "tampered"},
    ),
    "wrong-sign-type": ("sign XML with MD5 where HMAC-SHA256 was asked for, or the reverse", {}),
    "business-failure": (
        "answer a signed result_code FAIL",
        {"code": "SYSTEMERROR", "message": "The system is at fault, please try again later"},
    ),
    "return-fail": ("answer an unsigned return_code FAIL", {"message": "签名失败"}),
    "not-xml": ("send a body that is no XML", {}),
    "xml-doctype": ("declare a document type before signed XML", {}),
    "xml-entities": ("send XML whose entities expand to a thousand million words", {}),
    "xml-external-entity": (
        "send XML with an entity that reads `url`",
        {"url": "file:///etc/passwd"},
    ),
    "xml-deep": ("send XML nested 100,000 deep", {}),
    "xml-repeated-sign": ("send XML with its sign twice", {}),
}

MISBEHAVIOURS: Mapping[str, Misbehaviour] = {
    name: Misbehaviour(summary, JSON_FAULTS.get(name), XML_FAULTS.get(name), options)
    for name, (summary, options) in _ROWS.items()
}
