"""v2's notifications: signed by the configured algorithm, or marked as unauthenticated."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import xml
from tests.support.merchant import MCHID
from tests.webhooks.callbacks import (
    REFUND,
    XML_PAYMENT,
    Callback,
    ecb,
    gcm,
    payscore,
    refund,
    webhooks,
    xml_callback,
)
from wechatpay_chain import errors
from wechatpay_chain.errors import Reason, WebhookError

HMAC = "HMAC-SHA256"
RECEIVER = webhooks(mchid=MCHID)


def test_a_payment_is_verified_and_named() -> None:
    """An ordinary payment has no type of its own: its fields tell."""
    event = RECEIVER.parse({}, xml_callback())
    assert event.type == "transaction-success"
    assert (event.protocol, event.verified, event.serial) == ("v2", True, "")
    assert event.resource == XML_PAYMENT
    assert event.id.startswith("v2-")


def test_payscores_ciphertext_is_opened() -> None:
    """What is inside stands beside what was around it, and the event's own id is kept."""
    event = RECEIVER.parse({}, payscore())
    assert (event.type, event.id, event.verified) == ("TRANSACTION.SUCCESS", "E1", True)
    assert event.create_time == "20251124154000"
    assert event.resource["out_order_no"] == "P1"
    assert event.resource["mch_id"] == MCHID
    assert not {"sign", "event_ciphertext"} & set(event.resource)


@pytest.mark.parametrize("status", ["SUCCESS", "CHANGE", "REFUNDCLOSE"])
def test_a_refund_is_opened_and_marked(status: str) -> None:
    """A refund notification bears no sign, so it is never called verified."""
    event = RECEIVER.parse({}, refund({**REFUND, "refund_status": status}))
    assert (event.type, event.verified) == ("refund-processed", False)
    assert event.resource["refund_status"] == status
    assert event.resource["mch_id"] == MCHID
    assert "req_info" not in event.resource
    assert "unverified" in repr(event)


def test_nothing_unencrypted_passes_for_a_field_of_a_refund() -> None:
    """Anybody can write around req_info: no field from there counts, nor makes an id or a type."""
    honest = RECEIVER.parse({}, refund())
    told = RECEIVER.parse(
        {},
        refund(
            event_id="EV-2018022511223320873",
            event_type="TRANSACTION.SUCCESS",
            event_ciphertext="x",
            transaction_id="9",
            refund_fee="9",
            success_time="9",
            appid="wx9",
            nonce_str="other",
        ),
    )
    assert (told.id, told.type) == (honest.id, honest.type)
    assert told.resource == honest.resource | {"appid": "wx9"}


def test_a_refund_that_bears_a_sign_must_bear_the_right_one() -> None:
    """A sign that is there is checked."""
    body = refund()
    fields = {"mch_id": MCHID, "req_info": ecb(xml.xml(REFUND))}
    assert RECEIVER.parse({}, xml_callback(fields)).verified
    with pytest.raises(errors.WebhookSignatureError):
        RECEIVER.parse({}, body.replace(b"</xml>", b"<sign>X</sign></xml>"))


KINDS: dict[str, tuple[dict[str, str], str, str]] = {
    "payment": (XML_PAYMENT, "MD5", "transaction-success"),
    "result failed": ({**XML_PAYMENT, "result_code": "FAIL"}, "MD5", "transaction-failed"),
    "trade failed": ({**XML_PAYMENT, "trade_state": "PAY_FAIL"}, "MD5", "transaction-failed"),
    "no result": (
        {name: XML_PAYMENT[name] for name in XML_PAYMENT if name != "result_code"},
        "MD5", "transaction-failed",
    ),
    "return failed": ({**XML_PAYMENT, "return_code": "FAIL"}, "MD5", "transaction-failed"),
    "combined": (
        {"combine_mch_id": MCHID, "combine_out_trade_no": "C1", "return_code": "SUCCESS",
         "result_code": "SUCCESS", "sub_order_list": '{"order_num":1}'},
        "MD5", "combined-transactions-success",
    ),
    "combined failed": (
        {"combine_mch_id": MCHID, "combine_out_trade_no": "C1", "result_code": "FAIL"},
        "MD5", "combined-transactions-failed",
    ),
    "contract": (
        {"mch_id": MCHID, "contract_id": "1", "change_type": "ADD", "plan_id": "2"},
        "MD5", "pap-contract-state-changed",
    ),
    "vehicle": (
        {"mch_id": MCHID, "plate_number": "A", "vehicle_event_createtime": "1"},
        HMAC, "vehicle-state-changed-for-parking",
    ),
    "risk": (
        {"mch_id": MCHID, "sub_mch_id": "1", "event_code": "1", "risk_level": "HIGH"},
        HMAC, "transactions-risk-occurred",
    ),
    "unknown": ({"mch_id": MCHID, "what": "ever"}, "MD5", "unknown"),
    # Signed with the same secret, and sent on by somebody who got hold of it.
    "answer to a refund": ({**XML_PAYMENT, "refund_id": "5"}, "MD5", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_each_notification_is_told_from_its_fields(name: str) -> None:
    """A failed trade is never named a success, and the algorithm is the documented one."""
    fields, sign_type, kind = KINDS[name]
    assert RECEIVER.parse({}, xml_callback(fields, sign_type)).type == kind
    other = HMAC if sign_type == "MD5" else "MD5"
    with pytest.raises(errors.WebhookSignatureError, match="does not match"):
        RECEIVER.parse({}, xml_callback(fields, other))


def test_a_notification_cannot_choose_how_it_is_checked() -> None:
    """Neither its sign_type nor its sign's length counts, only what is configured."""
    strict = webhooks(sign_type=HMAC)
    assert strict.parse({}, xml_callback(sign_type=HMAC)).verified
    for body in (
        xml_callback({**XML_PAYMENT, "sign_type": "MD5"}),
        xml_callback(sign_type="MD5"),
    ):
        with pytest.raises(errors.WebhookSignatureError):
            strict.parse({}, body)
    with pytest.raises(errors.WebhookSignatureError, match="give the sign_type") as caught:
        RECEIVER.parse({}, xml_callback({**XML_PAYMENT, "sign_type": HMAC}, HMAC))
    assert caught.value.reason is Reason.WRONG_SIGN_TYPE
    # Pay score is HMAC-SHA256 always, and may not be talked out of it.
    with pytest.raises(errors.WebhookSignatureError):
        RECEIVER.parse({}, payscore(sign_type="MD5"))


S, D, B, K = (
    errors.WebhookSignatureError,
    errors.WebhookDecryptError,
    errors.WebhookBodyError,
    errors.WebhookKeyError,
)
ENTITY = b'<!DOCTYPE x [<!ENTITY a "b">]><xml><sign>&a;</sign></xml>'
GOOD = xml_callback()
FORGED: dict[str, tuple[bytes, type[WebhookError], Reason]] = {
    "no sign": (xml_callback(sign=...), S, Reason.MISSING_SIGN),
    "empty sign": (xml_callback(sign=""), S, Reason.MISSING_SIGN),
    "lower case": (xml_callback(sign=xml.sign(XML_PAYMENT).lower()), S, Reason.BAD_SIGNATURE),
    "another secret": (
        xml_callback(sign=xml.sign(XML_PAYMENT, secret="x" * 32)), S, Reason.BAD_SIGNATURE,
    ),
    "another amount": (GOOD.replace(b"<total_fee>1<", b"<total_fee>9<"), S, Reason.BAD_SIGNATURE),
    "one field more": (GOOD.replace(b"</xml>", b"<a>1</a></xml>"), S, Reason.BAD_SIGNATURE),
    "FAIL unsigned": (xml.xml({"return_code": "FAIL", "mch_id": MCHID}), S, Reason.MISSING_SIGN),
    "sign no text": (GOOD.replace(b"<sign>", b"<sign><a/>"), B, Reason.MALFORMED_BODY),
    "twice": (GOOD.replace(b"</xml>", b"<appid>wx1</appid></xml>"), B, Reason.MALFORMED_BODY),
    "sign twice": (GOOD.replace(b"</xml>", b"<sign>x</sign></xml>"), B, Reason.MALFORMED_BODY),
    "nested": (GOOD.replace(b"</xml>", b"<a><b>1</b></a></xml>"), B, Reason.MALFORMED_BODY),
    "document type": (ENTITY, B, Reason.MALFORMED_BODY),
    "cut": (GOOD[:-5], B, Reason.MALFORMED_BODY),
    "foreign": (xml_callback({**XML_PAYMENT, "mch_id": "1"}), B, Reason.FOREIGN_MERCHANT),
    "nobody's": (xml_callback({"transaction_id": "1"}), B, Reason.MALFORMED_BODY),
    "foreign, unsigned": (
        xml_callback({**XML_PAYMENT, "mch_id": "1", "sub_mch_id": MCHID}, sign="x"),
        B, Reason.FOREIGN_MERCHANT,
    ),
    "foreign refund": (refund(mch_id="1"), B, Reason.FOREIGN_MERCHANT),
    "refund of another secret": (refund(secret="x" * 32), D, Reason.NOT_OPENED),
    "refund cut": (refund(req_info=ecb(xml.xml(REFUND))[:-24]), D, Reason.NOT_OPENED),
    "refund no base64": (refund(req_info="%"), D, Reason.NOT_OPENED),
    "refund no XML": (refund(req_info=ecb(b"hello")), D, Reason.NOT_OPENED),
    "refund of nothing": (refund({"a": "1"}), D, Reason.NOT_OPENED),
    "refund with a document type": (refund(req_info=ecb(ENTITY)), D, Reason.NOT_OPENED),
    "payscore algorithm": (payscore(event_algorithm="X"), D, Reason.UNKNOWN_ALGORITHM),
    "payscore nonce": (payscore(event_nonce="x" * 12), D, Reason.NOT_OPENED),
    "payscore key": (
        payscore(event_ciphertext=gcm(b"{}", key="x" * 32, aad="payscore")), D, Reason.NOT_OPENED,
    ),
    # Of the same text, and so with the same sign, as the genuine ones with one field more.
    "payscore id": (
        payscore(event_create_time="2025&event_id=E1", event_id=...), B, Reason.MALFORMED_BODY,
    ),
    "failure hidden": (
        xml_callback(total_fee="1&trade_state=PAY_FAIL"), B, Reason.MALFORMED_BODY,
    ),
    "payscore unsigned": (payscore(sign=...), S, Reason.MISSING_SIGN),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_genuine_is_refused_with_its_reason(name: str) -> None:
    """Each has its class and reason, and an answer in XML that says FAIL and is no 2xx."""
    body, kind, reason = FORGED[name]
    with pytest.raises(WebhookError) as caught:
        RECEIVER.parse({}, body)
    assert (type(caught.value), caught.value.reason, caught.value.protocol) == (kind, reason, "v2")
    assert len(str(caught.value).splitlines()) == 1
    reply = RECEIVER.receive({}, body)
    assert reply.status >= 400
    assert b"<return_code>FAIL</return_code>" in reply.body


def test_all_ways_for_a_refund_not_to_open_look_alike() -> None:
    """Padding, text or XML: a sender who could tell them apart could decrypt with that."""
    said = set()
    for name in FORGED:
        if name.startswith("refund"):
            with pytest.raises(WebhookError) as caught:
                RECEIVER.parse({}, FORGED[name][0])
            said.add(str(caught.value))
    assert len(said) == 1


def test_without_a_secret_no_xml_is_accepted() -> None:
    """Whoever sends XML to a v3 merchant gets no weaker check, but none at all."""
    receiver = webhooks(secret=None)
    for body in (GOOD, refund(), b"\xef\xbb\xbf \r\n<xml/>"):
        with pytest.raises(K, match="give secret") as caught:
            receiver.parse(Callback().headers, body)
        assert caught.value.reason is Reason.NOT_CONFIGURED


def test_the_body_alone_says_which_protocol() -> None:
    """A Content-Type turns neither protocol into the other."""
    honest = Callback()
    headers = {**honest.headers, "Content-Type": "text/xml"}
    assert RECEIVER.parse(headers, honest.body).protocol == "v3"
    assert RECEIVER.parse({"Content-Type": "application/json"}, GOOD).protocol == "v2"
    with pytest.raises(errors.WebhookHeaderError):
        RECEIVER.parse({"Content-Type": "text/xml"}, honest.body)


def test_a_resend_has_the_same_id() -> None:
    """A resend has another nonce, and so another sign; another payment has another id."""
    first = RECEIVER.parse({}, xml_callback()).id
    assert RECEIVER.parse({}, xml_callback({**XML_PAYMENT, "nonce_str": "n2"})).id == first
    assert RECEIVER.parse({}, xml_callback({**XML_PAYMENT, "out_trade_no": "T2"})).id != first
    one = {**XML_PAYMENT, "attach": "xbank_type1"}
    other = {**XML_PAYMENT, "attach": "x", "bank_type": "1"}
    assert RECEIVER.parse({}, xml_callback(one)).id != RECEIVER.parse({}, xml_callback(other)).id
    assert RECEIVER.parse({}, refund()).id == RECEIVER.parse({}, refund(nonce_str="m")).id


@pytest.mark.parametrize(
    ("genuine", "forged"),
    [
        (b"<xml>", b"<xml><more></more>"),
        (b"<xml>", b"<xml><trade_state/>"),
        (b"</total_fee><tracked>1</tracked>", b"&amp;tracked=1</total_fee>"),
    ],
)
def test_a_replay_gets_no_id_of_its_own(genuine: bytes, forged: bytes) -> None:
    """What the sign does not see, empty fields and bounds between fields, makes no new event."""
    receiver = webhooks()
    body = xml_callback(dict(sorted({**XML_PAYMENT, "tracked": "1"}.items())))
    assert genuine in body
    assert receiver.parse({}, body.replace(genuine, forged)).id == receiver.parse({}, body).id


@pytest.mark.parametrize(
    "text", ["a=1&b=2", "openid=o1&trade_state=x&total_fee=2", "&", "&=&sign="]
)
def test_a_query_string_is_an_attach_like_any_other(text: str) -> None:
    """What cannot have been a field of its own is the merchant's text."""
    assert RECEIVER.parse({}, xml_callback(attach=text)).resource["attach"] == text


def test_cdata_and_a_declaration_are_ordinary() -> None:
    """WeChat Pay writes its fields as CDATA."""
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + GOOD.replace(b"<attach>", b"").replace(
        b"<openid>o1</openid>", b"<openid><![CDATA[o1]]></openid>"
    )
    assert RECEIVER.parse({}, body).resource["openid"] == "o1"


TEXT = b"".join(GOOD.partition(b"<sign>")[:1])


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 127))
def test_any_changed_byte_of_a_signed_field_is_refused(position: int, change: int) -> None:
    """No byte before the sign is free, save where XML itself does not mind."""
    body = bytearray(GOOD)
    body[position] ^= change
    try:
        event = RECEIVER.parse({}, body)
    except WebhookError:
        return
    assert event.resource == XML_PAYMENT


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=100))
def test_noise_that_looks_like_xml_is_refused(noise: bytes) -> None:
    """Whatever follows the bracket, it is one of our errors."""
    with pytest.raises(WebhookError):
        RECEIVER.parse({}, b"<" + noise)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=64))
def test_noise_in_place_of_a_refund_is_refused(noise: bytes) -> None:
    """ECB has no tag: padding, text and fields are all that is asked, and all are asked."""
    with pytest.raises(errors.WebhookDecryptError):
        RECEIVER.parse({}, refund(req_info=base64.b64encode(noise).decode() or "x"))


@pytest.mark.parametrize("mchid", [MCHID, None])
def test_a_service_providers_own_number_is_enough(mchid: Any) -> None:
    """A service provider is mch_id, whoever its sub-merchant is; without mchid all are taken."""
    provider = {**XML_PAYMENT, "sub_mch_id": "77"}
    assert webhooks(mchid=mchid).parse({}, xml_callback(provider)).verified
