"""Callbacks that the gateway makes: genuine by the book, or wrong in just the way they say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.receiver import Receiver, Refused
from wechatpay_chain.catalogue import Field, events
from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.catalogue.operation import walk
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import FORGERIES, Notification, Sandbox, throw_away_identity

GATEWAY = Sandbox(mchids=["1900000999"])
ALL = list(events.events())
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}

REASONS: dict[str, str] = {
    "missing-timestamp": "0 × Wechatpay-Timestamp",
    "missing-nonce": "0 × Wechatpay-Nonce",
    "missing-serial": "0 × Wechatpay-Serial",
    "missing-signature": "0 × Wechatpay-Signature",
    "empty-signature": "1 × Wechatpay-Signature",
    "doubled-signature": "2 × Wechatpay-Signature",
    "doubled-serial": "2 × Wechatpay-Serial",
    "malformed-timestamp": "timestamp",
    "malformed-signature": "base64",
    "wrong-scheme": "scheme",
    "clock-behind": "clock",
    "clock-ahead": "clock",
    "unknown-serial": "serial",
    "bad-signature": "signature",
    "merchant-signed": "signature",
    "swapped-serial": "signature",
    "tampered-body": "signature",
    "reserialised-body": "signature",
    "swapped-nonce": "signature",
    "probe": "probe",
    "truncated-body": "signature",
    "not-json": "JSON",
    "duplicate-keys": "duplicate",
    "not-utf8": "UTF-8",
    "empty-body": "empty",
    "deep": "depth",
    "no-resource": "no resource",
    "wrong-apiv3-key": "not opened",
    "tampered-ciphertext": "not opened",
    "wrong-associated-data": "not opened",
    "wrong-algorithm": "algorithm",
    "short-nonce": "nonce",
    "resource-not-json": "resource",
    "sealed-for-another": "sealed for another",
    "too-large": "size",
    "xml-missing-sign": "no sign",
    "xml-bad-sign": "sign",
    "xml-tampered": "sign",
    "xml-wrong-algorithm": "sign",
    "xml-doctype": "declaration",
    "xml-entities": "declaration",
    "xml-repeated-sign": "duplicate",
    "xml-not-xml": "XML",
    "xml-deep": "depth",
    "xml-wrong-refund-key": "not opened",
    "xml-foreign-merchant": "sign",
}


def receiver(event: EventFacts, sign_type: str = "MD5") -> Receiver:
    """Return a receiver that is configured for an event."""
    return Receiver(GATEWAY, (event.sign_types or (sign_type,))[0])


def unsealed(opened: dict[str, Any], event: EventFacts) -> dict[str, Any]:
    """Return a resource with its sensitive fields in plain text."""
    text = json.loads(json.dumps(opened))
    for path in event.encrypted:
        unseal(text, list(path))
    return text


def unseal(node: Any, path: list[str]) -> None:
    """Decrypt, in place, what stands at a path."""
    name, rest = path[0], path[1:]
    if rest == ["[]"]:
        node[name] = [Receiver(GATEWAY).unseal(one) for one in node[name]]
    elif rest and rest[0] == "[]":
        for one in node[name]:
            unseal(one, rest[1:])
    elif rest:
        unseal(node[name], rest)
    else:
        node[name] = Receiver(GATEWAY).unseal(node[name])


@pytest.mark.parametrize("event", ALL, ids=str)
def test_every_event_opens_by_the_book(event: EventFacts) -> None:
    """Signature and encryption hold for libraries alone, and what is inside is what was meant."""
    sent = GATEWAY.notification(event)
    opened = receiver(event).open(sent)
    assert unsealed(opened, event) == sent.resource
    assert opened == sent.resource or event.encrypted


@pytest.mark.parametrize("event", ALL, ids=str)
def test_every_field_is_there_in_its_type(event: EventFacts) -> None:
    """What a callback brings has the documented fields; a payment those of plain payments."""
    sent = GATEWAY.notification(event)
    changing = {"nonce_str", "event_nonce", "event_associated_data", "err_code", "err_code_des"}
    wanted = {f.name.replace("_$n", "_0") for f in event.fields} - changing - {"result_msg"}
    if str(event) == "v3 TRANSACTION.SUCCESS":
        assert {"amount", "payer", "out_trade_no"} <= sent.resource.keys() < wanted
    else:
        assert sent.resource.keys() == wanted
    if event.protocol == "v2":
        assert {type(value) for value in sent.resource.values()} == {str}
    else:
        check(event.fields, sent.resource)


def check(fields: tuple[Field, ...], document: dict[str, Any]) -> None:
    """Check the types of a document."""
    for field in fields:
        if field.name not in document:
            continue
        value = document[field.name]
        for one in value if field.is_list else [value]:
            assert type(one) in (KINDS[field.scalar], int, float)
            assert isinstance(one, KINDS[field.scalar]), field
            if isinstance(one, dict):
                check(field.fields, one)


def test_headers_are_those_of_the_real_ones() -> None:
    """The headers have WeChat Pay's names and forms, and nothing twice."""
    sent = GATEWAY.notification("REFUND.SUCCESS")
    assert [name for name, _ in sent.headers] == [
        "Content-Type", "Request-ID", "Wechatpay-Timestamp", "Wechatpay-Nonce",
        "Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Signature-Type",
    ]  # fmt: skip
    assert sent.header("content-type") == "application/json; charset=UTF-8"
    assert sent.header("Nothing") is None
    body = json.loads(sent.body)
    assert body["event_type"] == "REFUND.SUCCESS"
    assert body["resource_type"] == "encrypt-resource"
    assert body["resource"]["original_type"] == "refund"
    assert len(body["resource"]["nonce"]) == 12


@pytest.mark.parametrize("key", ["public-key", "certificate", None])
def test_either_platform_key_signs(key: str | None) -> None:
    """The key can be chosen by its kind; by default it is the public key."""
    identity = GATEWAY.identity
    wanted = identity.certificate if key == "certificate" else identity.public_key
    for given in (key, wanted.serial, wanted):
        sent = GATEWAY.notification("REFUND.SUCCESS", key=given)
        assert sent.header("Wechatpay-Serial") == wanted.serial
        assert Receiver(GATEWAY).open(sent) == sent.resource


@pytest.mark.parametrize("associated_data", ["", "transaction", "退款"])
def test_associated_data_may_be_empty_or_anything(associated_data: str) -> None:
    """What is authenticated beside the resource is what was asked for, and opens."""
    sent = GATEWAY.notification("REFUND.SUCCESS", associated_data=associated_data)
    assert json.loads(sent.body)["resource"]["associated_data"] == associated_data
    assert Receiver(GATEWAY).open(sent) == sent.resource


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_v2_is_signed_as_configured(sign_type: str) -> None:
    """The sign is that of the algorithm asked for, where the event leaves it open."""
    sent = GATEWAY.notification("transaction-success", sign_type=sign_type)
    assert Receiver(GATEWAY, sign_type).open(sent) == sent.resource
    other = {"MD5": "HMAC-SHA256", "HMAC-SHA256": "MD5"}[sign_type]
    with pytest.raises(Refused, match="sign"):
        Receiver(GATEWAY, other).open(sent)


def test_fields_can_be_given() -> None:
    """What is given takes the place of what is made up, object by object; None takes it away."""
    given = {"amount": {"total": 888}, "attach": None, "promotion_detail": [], "new": {"a": [1]}}
    sent = GATEWAY.notification("TRANSACTION.SUCCESS", resource=given)
    assert sent.resource["amount"] | {"total": 888} == sent.resource["amount"]
    assert sent.resource["amount"]["payer_total"] == 1
    assert "attach" not in sent.resource
    assert sent.resource["promotion_detail"] == []
    assert sent.resource["new"] == {"a": [1]}
    whole = GATEWAY.notification("TRANSACTION.SUCCESS", resource={"mchid": "1"}, whole=True)
    assert Receiver(GATEWAY).open(whole) == {"mchid": "1"}


def test_fields_of_v2_go_where_they_belong() -> None:
    """A field of the envelope stays outside, any other goes into what is encrypted."""
    given = {"mch_id": "1900000109", "refund_fee": 88, "attach": "&<]]>"}
    sent = GATEWAY.notification("refund-processed", resource=given)
    assert Receiver(GATEWAY).open(sent)["refund_fee"] == "88"
    assert b"refund_fee" not in sent.body
    assert sent.resource["attach"] == "&<]]>"
    paid = GATEWAY.notification("transaction-success", resource={"attach": "&<]]>"})
    assert Receiver(GATEWAY).open(paid)["attach"] == "&<]]>"


def test_a_sensitive_field_that_is_given_is_encrypted() -> None:
    """The caller gives plain text, and the merchant's key alone opens what is sent."""
    sent = GATEWAY.notification("MEMBERCARD.ACCEPT_CARD", resource={"phone_number": "13800000000"})
    opened = Receiver(GATEWAY).open(sent)
    assert opened["phone_number"] != "13800000000"
    assert Receiver(GATEWAY).unseal(opened["phone_number"]) == "13800000000"


def test_a_profit_sharing_is_a_transaction_by_name() -> None:
    """Profit sharing comes as TRANSACTION.SUCCESS too, told apart by its original_type."""
    one = GATEWAY.notification("TRANSACTION.SUCCESS", original_type="profitsharing")
    two = GATEWAY.notification("PROFITSHARING.SUCCESS", event_type="TRANSACTION.SUCCESS")
    for sent in (one, two):
        body = json.loads(sent.body)
        assert body["event_type"] == "TRANSACTION.SUCCESS"
        assert body["resource"]["original_type"] == "profitsharing"
        assert sent.resource.keys() >= {"receiver", "out_order_no"}
        assert "trade_state" not in sent.resource


def test_a_name_of_both_protocols_can_be_told() -> None:
    """With the protocol payscore's event is meant, in XML."""
    sent = GATEWAY.notification("TRANSACTION.SUCCESS", protocol="v2")
    assert sent.body.startswith(b"<xml>")
    assert sent.event.cipher == "event_ciphertext"


def test_a_callback_for_another_merchant_has_its_keys() -> None:
    """The merchant that is named is in the resource, and v2 is signed with its secret."""
    assert GATEWAY.notification("REFUND.SUCCESS", mchid="1900000999").resource["mchid"] == (
        "1900000999"
    )
    sent = GATEWAY.notification("transaction-success", mchid="1900000999")
    with pytest.raises(Refused, match="sign"):
        Receiver(GATEWAY).open(sent)


def test_a_type_of_tomorrow_brings_what_is_given() -> None:
    """An unknown type is a v3 event with the given resource alone."""
    sent = GATEWAY.notification("SOMETHING.NEW", resource={"a": 1})
    assert Receiver(GATEWAY).open(sent) == {"a": 1}


def test_no_secret_shows() -> None:
    """A notification's repr has neither what it brings nor keys."""
    sent = GATEWAY.notification("REFUND.SUCCESS", resource={"mchid": "hidden"})
    shown = f"{sent!r} {sent.draft!r} {sent.event!r}"
    for hidden in ("hidden", GATEWAY.apiv3_key, GATEWAY.identity.merchant.secret):
        assert hidden not in shown


def test_there_is_a_reason_for_each_forgery() -> None:
    """Every forgery of the table is one that a receiver by the book refuses for its reason."""
    assert REASONS.keys() == FORGERIES.keys()
    assert len(FORGERIES) == 46


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_wrong_in_its_way_alone(name: str) -> None:
    """It is refused for its own reason, where the genuine one is taken."""
    forgery = FORGERIES[name]
    (protocol,) = forgery.protocols
    event = events.find(forgery.event, protocol)
    assert event is not None
    genuine = GATEWAY.notification(event)
    forged = GATEWAY.notification(event, forgery=name)
    assert receiver(event).open(genuine)
    with pytest.raises(Refused) as caught:
        unsealed(receiver(event).open(forged), event)
    assert str(caught.value) == REASONS[name]
    assert forged.forgery == name


INSIDE = [name for name, reason in REASONS.items() if reason in (
    "JSON", "duplicate", "UTF-8", "empty", "depth", "no resource", "not opened", "algorithm",
    "nonce", "resource", "size", "sealed for another",
) and not name.startswith("xml-")]  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_wrong_inside_is_well_signed(name: str) -> None:
    """The signature of a forgery of the content holds over the very bytes that are sent."""
    sent = GATEWAY.notification(FORGERIES[name].event, forgery=name)
    Receiver(GATEWAY).verify(list(sent.headers), sent.body)


def test_a_foreign_merchant_is_well_signed_under_its_own_secret() -> None:
    """The forgery is another merchant's genuine callback, not a broken one of this one's."""
    sent = GATEWAY.notification("transaction-success", forgery="xml-foreign-merchant")
    assert b"1900000001" in sent.body
    identity = throw_away_identity("1900000001")
    stranger = replace(identity, merchant=replace(identity.merchant, secret="0" * 32))
    assert Receiver(Sandbox(identity=stranger)).open(sent)["mch_id"] == "1900000001"


def test_a_reserialised_body_says_the_same() -> None:
    """Only the bytes differ: who parses before verifying finds nothing wrong with it."""
    sent = GATEWAY.notification("REFUND.SUCCESS", id="1", forgery="reserialised-body")
    assert json.loads(sent.body)["id"] == "1"
    assert b"\n" in sent.body


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"event": "REFUND.SUCCESS", "forgery": "no-such"}, "no forgery 'no-such'"),
    ({"event": "REFUND.SUCCESS", "forgery": "xml-tampered"}, "transaction-success can"),
    ({"event": "transaction-success", "forgery": "probe"}, "TRANSACTION.SUCCESS can"),
    ({"event": "REFUND.SUCCESS", "forgery": "sealed-for-another"}, "USER_CARD.CREATE can"),
    ({"event": "transaction-success", "forgery": "xml-wrong-refund-key"}, "refund-processed can"),
    ({"event": "refund-processed", "forgery": "xml-missing-sign"}, "transaction-success can"),
    ({"event": "REFUND.SUCCESS", "key": "no-such"}, "no platform key 'no-such'"),
    ({"event": "REFUND.SUCCESS", "mchid": "1"}, "no merchant '1'"),
    ({"event": "REFUND.SUCCESS", "protocol": "v2"}, "no event of v2"),
    ({"event": "transaction-success", "sign_type": "SM3"}, "sign_type"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_cannot_be_made_is_told(options: dict[str, Any], message: str) -> None:
    """A wish that makes no sense is an error that says what would."""
    with pytest.raises(ConfigurationError, match=message):
        GATEWAY.notification(**options)


def test_a_list_has_every_encrypted_path() -> None:
    """Every field that is documented as encrypted is found in the tree of its event."""
    for event in ALL:
        paths = {path for path, field in walk(event.fields) if field.encrypted}
        assert set(event.encrypted) == paths


def test_ids_differ() -> None:
    """Two callbacks are two: by id, and by every nonce."""
    one, two = (GATEWAY.notification("REFUND.SUCCESS") for _ in range(2))
    assert isinstance(one, Notification)
    assert one.id != two.id
    assert one.header("Wechatpay-Nonce") != two.header("Wechatpay-Nonce")
