"""What a callback brings: made up by the event's fields, or given, or some of both.

The values are `made_values`'. A field that is given takes the place of one that is made up,
object by object; None takes it away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.catalogue import Field, FieldPath
from wechatpay_chain.catalogue.events import EventFacts, find
from wechatpay_chain.sandbox.made_values import Source, make, plain_name
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.signing import encrypt

__all__ = ["PROFIT_SHARING", "fields_of", "made", "merge", "sealed", "text"]

PROFIT_SHARING = "profitsharing"
"""The ``original_type`` by which a ``TRANSACTION.SUCCESS`` is none of a payment (分账动账通知)."""

# The event is documented for several kinds of orders at once; these are what a plain one has.
_PAYMENT = frozenset(
    {"appid", "mchid", "out_trade_no", "transaction_id", "trade_type", "trade_state"}
    | {"trade_state_desc", "bank_type", "attach", "success_time", "payer", "amount"}
    | {"scene_info", "promotion_detail"}
)
# Fields that speak of a failure, or that no callback with content has.
_LEFT_OUT = frozenset({"err_code", "err_code_des", "result_msg"})

_XML_TEXTS = {"return_code": "SUCCESS", "result_code": "SUCCESS", "return_msg": "OK"}
_XML_SUMS = ("_fee", "_amount")
_XML_COUNTS = ("_count", "order_num")


def fields_of(event: EventFacts, original_type: str) -> tuple[Field, ...]:
    """Return the fields of an event's resource of that ``original_type``."""
    if (event.protocol, event.type) != ("v3", "TRANSACTION.SUCCESS"):
        return event.fields
    if original_type == PROFIT_SHARING:
        twin = find("PROFITSHARING.SUCCESS", "v3")
        return event.fields if twin is None else twin.fields
    return tuple(field for field in event.fields if field.name in _PAYMENT)


def made(fields: Iterable[Field], source: Source) -> JsonObject:
    """Return a document with every field, its sensitive ones in plain text."""
    return {
        field.name.replace("$n", "0").replace("$m", "0"): _value(field, source)
        for field in fields
        if field.name not in _LEFT_OUT
    }


def merge(document: JsonObject, given: Mapping[str, Any]) -> JsonObject:
    """Return a document with what was given in its place."""
    found = dict(document)
    for name, value in given.items():
        there = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            found[name] = merge(there if isinstance(there, dict) else {}, value)
        else:
            found[name] = value
    return found


def sealed(document: JsonObject, paths: Iterable[FieldPath], key: RSAPublicKey) -> JsonObject:
    """Return a document whose sensitive fields (敏感信息加密) are encrypted for a key."""
    found = document
    for path in paths:
        found = _sealed(found, path, key)
    return found


def text(value: Any) -> str:
    """Write a value as the XML protocol does: whatever is no text in JSON's spelling."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(field: Field, source: Source) -> Any:
    if field.fields:
        inner: Any = made(field.fields, source)
        # A document inside a text is JSON in either protocol.
        inner = text(inner) if field.scalar == "string" else inner
    else:
        inner = _scalar(field, source)
    return [inner] if field.is_list else inner


def _scalar(field: Field, source: Source) -> Any:
    name = plain_name(field)
    if source.is_v2 and not field.enum:
        if name in _XML_TEXTS:
            return _XML_TEXTS[name]
        if name.endswith(_XML_SUMS):
            return "100"
        if name.endswith(_XML_COUNTS):
            return "1"
    return make(replace(field, name=name), source)


def _sealed(node: Any, path: FieldPath, key: RSAPublicKey) -> Any:
    if not path:
        return encrypt(key, text(node))
    name, *rest = path
    if name == "[]":
        several = node if isinstance(node, list) else []
        return [_sealed(one, tuple(rest), key) for one in several]
    if not isinstance(node, dict) or name not in node:
        return node
    return {**node, name: _sealed(node[name], tuple(rest), key)}
