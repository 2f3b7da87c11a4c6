"""Facts on events: found by type and protocol, with the fields of what each brings."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from wechatpay_chain.catalogue import build_events, events
from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.catalogue.operation import walk

MOVED = {
    "DELIVERY_PLAN_STATE.DELIVER": "DELIVERY_PLAN.CHANGE",
    "MEMBERCARDSP.USER_CARD.CREATE": "BRAND_MEMBER_CARD_SP.USER_CARD.CREATE",
    "MEMBERCARDSP.USER_CARD.DELETE": "BRAND_MEMBER_CARD_SP.USER_CARD.DELETE",
}


def known(type_: str, protocol: str | None = None) -> EventFacts:
    """Return an event that is known."""
    found = events.find(type_, protocol)
    assert found is not None
    return found


def names(event: EventFacts) -> set[str]:
    """Return the names on the first level of what an event brings."""
    return {field.name for field in event.fields}


def test_there_are_as_many_events_as_there_should_be() -> None:
    """All are there, each is found again by its type, and each brings something."""
    found = list(events.events())
    assert len(found) == 115
    assert [one.protocol for one in found] == ["v3"] * 105 + ["v2"] * 10
    assert all(events.find(one.type, one.protocol) is one for one in found)
    assert [one.type for one in found if not one.fields] == []
    assert list(events.events("v2")) == found[105:]


def test_the_notation_reads_what_it_writes() -> None:
    """Every event can be written down and read back without loss."""
    for one in events.events():
        assert events.parse(build_events.render(one)) == one


@pytest.mark.parametrize(
    ("type_", "protocol"),
    [("NO.SUCH", None), ("", None), ("CHECK.SUCCESS", "v3"), ("REFUND.SUCCESS", "v2"),
     ("REFUND.SUCCESS", "v4"), ("refund.success", None), ("REFUND.SUCCESS\n", None)],
)  # fmt: skip
def test_what_is_unknown_is_not_found(type_: str, protocol: str | None) -> None:
    """Another type, another protocol or another case is no event."""
    assert events.find(type_, protocol) is None


@pytest.mark.parametrize("type_", ["TRANSACTION.SUCCESS", "TRANSACTION.FAIL"])
def test_a_name_of_both_protocols_means_the_first(type_: str) -> None:
    """Two names are events of v3 and of v2, with other fields; without a protocol it is v3's."""
    assert known(type_) is known(type_, "v3")
    assert names(known(type_, "v2")) & {"out_order_no", "event_id"} == {"out_order_no", "event_id"}
    assert known("CHECK.SUCCESS").protocol == "v2"


@pytest.mark.parametrize("type_", MOVED)
def test_an_event_that_moved_has_the_fields_of_the_new_one(type_: str) -> None:
    """What is documented under another name only is that, under either name."""
    one, home = known(type_), known(MOVED[type_])
    assert one.moved_to == home.type
    assert (one.fields, one.name, one.original_types) == (
        home.fields, home.name, home.original_types,
    )  # fmt: skip


FACTS: list[tuple[str, str | None, str, Any]] = [
    ("TRANSACTION.SUCCESS", None, "name", "支付成功通知"),
    ("MCHTRANSFER.BILL.FINISHED", None, "name", "商家转账回调通知(用户确认模式)"),
    ("TRANSACTION.SUCCESS", None, "original_types", ("profitsharing", "transaction")),
    ("BUDGET.CLOSED", None, "original_types", ()),
    ("PROFITSHARING.SUCCESS", None, "also", ("TRANSACTION.SUCCESS",)),
    ("PROFITSHARING.RETURN", None, "also", ("TRANSACTION.SUCCESS",)),
    ("REFUND.SUCCESS", None, "also", ()),
    ("MEMBERCARD.ACCEPT_CARD", None, "encrypted", (("phone_number",),)),
    (
        "MEMBERCARDSP.USER_CARD.DELETE",
        None,
        "encrypted",
        (
            ("phone_number",),
            ("user_information", "common_field_list", "[]", "value"),
            ("user_information", "custom_field_list", "[]", "user_chosen_values", "[]"),
        ),
    ),
    ("REFUND.SUCCESS", None, "encrypted", ()),
    ("refund-processed", None, "encrypted", ()),
    ("refund-processed", None, "cipher", "req_info"),
    ("refund-processed", None, "is_signed", False),
    ("TRANSACTION.SUCCESS", "v2", "cipher", "event_ciphertext"),
    ("TRANSACTION.SUCCESS", "v2", "sign_types", ("HMAC-SHA256",)),
    ("transaction-success", None, "sign_types", ()),
    ("transaction-success", None, "is_signed", True),
    ("vehicle-state-changed-for-parking", None, "sign_types", ("HMAC-SHA256",)),
    ("REFUND.SUCCESS", None, "sign_types", ()),
]


@pytest.mark.parametrize(("type_", "protocol", "name", "fact"), FACTS)
def test_a_fact_is_found_by_type(type_: str, protocol: str | None, name: str, fact: Any) -> None:
    """What the documentation says of an event is found."""
    assert getattr(known(type_, protocol), name) == fact


def test_only_refunds_of_v2_prove_nothing() -> None:
    """Of all events one has no signature."""
    assert [str(one) for one in events.events() if not one.is_signed] == ["v2 refund-processed"]


def test_a_payment_has_what_a_merchant_compares() -> None:
    """The list has a mix of payloads without the sum; what an order is checked by is there."""
    tree = {"/".join(path): field.type for path, field in walk(known("TRANSACTION.SUCCESS").fields)}
    wanted = {
        "mchid": "string",
        "out_trade_no": "string",
        "amount/total": "integer",
        "amount/payer_total": "integer",
        "payer/openid": "string",
        "trade_type": "string",
        "scene_info/device_id": "string",
        "receiver/account": "string",
        "sub_orders/[]": "object[]",
        "sub_orders/[]/amount/total_amount": "integer",
        "combine_payer_info/openid": "string",
    }
    assert wanted.items() <= tree.items()
    assert not any(path.startswith("scene_info/sub_orders") for path in tree)


def test_slips_of_the_list_are_mended() -> None:
    """Fields beside the body, below the wrong field, or there several times are in the resource."""
    assert known("RECHARGE.CLOSED").fields == known("RECHARGE.SUCCESS").fields
    assert "online_bank_recharge_info" in names(known("RECHARGE.CLOSED"))
    assert {"mchid", "out_contract_code"} <= names(known("ECOMMERCE_ENTRUST.SIGN"))
    withdrawal = {field.name: field for field in known("MCHWITHDRAW.CHANGE").fields}
    assert {"withdraw_id", "total_amount", "amount", "sub_mchid"} <= withdrawal.keys()
    assert withdrawal["withdraw_id"].required
    assert not withdrawal["amount"].required


def test_a_resource_of_v2_is_what_a_receiver_finds() -> None:
    """It is the XML without its sign, and what was encrypted stands beside the rest."""
    refund = known("refund-processed")
    assert {"mch_id", "refund_fee", "out_refund_no"} <= names(refund)
    assert "req_info" not in names(refund)
    assert {field.name for field in refund.envelope} >= {"mch_id", "req_info"}
    for one in events.events("v2"):
        assert not names(one) & {"sign", "req_info", "event_ciphertext"}


@pytest.mark.parametrize("one", list(events.events("v2")), ids=str)
def test_an_xml_event_is_recognised(one: EventFacts) -> None:
    """By its type if it has one, else by its fields, the required ones being enough."""
    fields: dict[str, object] = {f.name: "" for f in one.envelope if f.required}
    if one.has_type:
        fields["event_type"] = one.type
    assert events.recognise(fields) is one


@pytest.mark.parametrize("fields", [{}, {"mch_id": "1"}, {"event_type": "NO.SUCH"}])
def test_other_xml_is_no_event(fields: dict[str, object]) -> None:
    """What has nothing of any event is none, and neither is a type that nobody knows."""
    assert events.recognise(fields) is None


def test_facts_are_cheap_to_have() -> None:
    """Looking up an event loads neither aiohttp nor the client."""
    code = (
        "import sys; from wechatpay_chain.catalogue import events; events.find('REFUND.SUCCESS');"
        "print([m for m in ('aiohttp', 'wechatpay_chain.client') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
