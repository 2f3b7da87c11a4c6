"""Control orders (微众台账管控): punish a ledger account, recover it, query either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wechatpay_chain.sandbox.ledger import Call, ControlOrder, Ledger, Reply
from wechatpay_chain.sandbox.records import JsonObject, Refusal

__all__ = ["punish", "query", "recover"]

_RULE_VERSION = 1
_ACTIONS = ["DISABLE_WITHDRAWAL", "DISABLE_PAY"]


def punish(call: Call) -> Reply:
    """Put a ledger account under control (发起管控); the same order again is the same order."""
    call.want_texts("out_request_no", "mchid", "bal_account_no")
    asked = call.document
    number = asked["out_request_no"]
    order = _known(call.ledger.punishments, asked)
    if order is None:
        wxpay_no = call.ledger.number("8100", call.now)
        order = call.ledger.punishments[number] = ControlOrder(asked, wxpay_no, call.time)
    return Reply({"wxpay_punish_no": order.number, "out_request_no": number})


def recover(call: Call) -> Reply:
    """End a control (解除管控) that was begun by `punish` with the same account."""
    call.want_texts("out_request_no", "related_webank_punish_no", "mchid", "bal_account_no")
    asked = call.document
    number = asked["out_request_no"]
    order = _known(call.ledger.recoveries, asked)
    if order is None:
        punishment = _punishment(call)
        punishment.effect_state = "RECOVERED"
        wxpay_no = call.ledger.number("8200", call.now)
        order = ControlOrder(asked, wxpay_no, call.time, punishment=punishment)
        call.ledger.recoveries[number] = order
    return Reply({"wxpay_recover_no": order.number, "out_request_no": number})


def query(call: Call) -> Reply:
    """Answer what became of a control order (查询控制单)."""
    kind = call.document["control_type"]
    if kind not in _KINDS:
        raise _wrong("PARAM_ERROR", "/control_type", "it is neither PUNISH nor RECOVER", "query")
    name, shelf, describe = _KINDS[kind]
    order = shelf(call.ledger).get(call.variables["out_request_no"])
    if order is None or order.asked["mchid"] != call.document["mchid"]:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such control order")
    return Reply({"control_scene": kind, name: describe(order)})


def _known(shelf: Mapping[str, ControlOrder], asked: JsonObject) -> ControlOrder | None:
    order = shelf.get(asked["out_request_no"])
    if order is not None and order.asked != asked:
        issue = "it was used with other parameters"
        raise _wrong("INVALID_REQUEST", "/out_request_no", issue)
    return order


def _punishment(call: Call) -> ControlOrder:
    asked = call.document
    order = call.ledger.punishments.get(asked["related_webank_punish_no"])
    if order is None or order.number != asked["related_wxpay_punish_no"]:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such control order to end")
    for name in ("mchid", "bal_account_no"):
        if order.asked[name] != asked[name]:
            raise _wrong("INVALID_REQUEST", f"/{name}", "the control order has another one")
    if order.effect_state == "RECOVERED":
        raise _wrong("INVALID_REQUEST", "/related_wxpay_punish_no", "that control has ended")
    return order


def _punish_order(order: ControlOrder) -> JsonObject:
    asked = order.asked
    optional = ("punish_reason", "punish_end_time")
    return {
        "wxpay_punish_no": order.number,
        "out_request_no": asked["out_request_no"],
        "mchid": asked["mchid"],
        "punish_scene": asked["punish_scene"],
        "punish_rule_version": _RULE_VERSION,
        **{name: asked[name] for name in optional if name in asked},
        "punish_start_time": order.accepted,
        "punish_accept_time": order.accepted,
        "punish_finish_time": order.accepted,
        "punish_state": "SUCCESS",
        "effect_state": order.effect_state,
        "control_action": _ACTIONS,
    }


def _recover_order(order: ControlOrder) -> JsonObject:
    asked = order.asked
    scene = order.punishment.asked["punish_scene"] if order.punishment else ""
    return {
        "wxpay_recover_no": order.number,
        "out_request_no": asked["out_request_no"],
        "related_wxpay_punish_no": asked["related_wxpay_punish_no"],
        "mchid": asked["mchid"],
        # The documentation has numbers in a punish_order and strings in a recover_order.
        "punish_scene": str(scene),
        "punish_rule_version": str(_RULE_VERSION),
        "recover_accept_time": order.accepted,
        "recover_finish_time": order.accepted,
        "recover_state": "SUCCESS",
        "recover_reason": asked["recover_reason"],
    }


def _wrong(code: str, field: str, issue: str, location: str = "body") -> Refusal:
    message = "The control order cannot be carried out as asked"
    return Refusal(400, code, message, field=field, issue=issue, location=location)


# control_type → name in the answer, where such orders are kept, how one is described.
_KINDS: dict[
    Any,
    tuple[
        str,
        Callable[[Ledger], Mapping[str, ControlOrder]],
        Callable[[ControlOrder], JsonObject],
    ],
] = {
    "PUNISH": ("punish_order", lambda ledger: ledger.punishments, _punish_order),
    "RECOVER": ("recover_order", lambda ledger: ledger.recoveries, _recover_order),
}
