"""Answers that are shaped by an operation's schema, for what is not really carried out.

Every documented field is there, in its type. What the request says is said back
(identifiers echoed, 原样返回), the rest is made up by `made_values`: a pure
function of the operation, the opened request and the time. Sensitive fields
(敏感信息加密) are encrypted for the merchant, who alone can read them.

A field takes the request's value of its name: that at the same place if there
is one, else the nearest, else the one that stands highest. A list that the
request has by name is answered element by element.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wechatpay_chain.catalogue import Field, Operation
from wechatpay_chain.sandbox.identity import Merchant
from wechatpay_chain.sandbox.made_values import Source, fit, make, plain_name
from wechatpay_chain.sandbox.records import JsonObject, parse_text
from wechatpay_chain.sandbox.signing import encrypt, longest_plaintext

__all__ = ["shape_answer"]

# Fields that speak of a failure. A success of v2 has none, also where they are called required.
_FAILURES = frozenset({"err_code", "err_code_des", "err_param", "error_code", "error_code_des"})
# A page that names a next one would have a caller turn pages for ever.
_NEXT = frozenset({"next", "next_page_token"})
_CHANGING = frozenset({"sign", "nonce_str"})


def shape_answer(
    operation: Operation, asked: JsonObject, merchant: Merchant, now: float, base_uri: str
) -> JsonObject:
    """Return an answer of `operation` to what was `asked`, from all places of the request.

    `base_uri` is where the gateway is reached, for the addresses in the answer.
    """
    kept = {n: _opened(value) for n, value in asked.items() if n not in _CHANGING}
    known = _by_name(kept)
    source = Source(
        mchid=merchant.mchid,
        now=now,
        base_uri=base_uri,
        seed=_seed(known),
        is_v2=operation.is_v2,
        is_packed=known.get("tar_type") == "GZIP",
    )
    fields = operation.response
    if operation.is_v2:
        fields = tuple(field for field in fields if field.name not in _FAILURES)
    return _Writer(merchant, source).document(fields, (known,), "")


@dataclass(frozen=True)
class _Writer:
    """Whose answer is written, and with which made-up values."""

    merchant: Merchant
    source: Source

    def document(
        self, fields: Iterable[Field], near: tuple[Mapping[str, Any], ...], at: str
    ) -> JsonObject:
        """Return an object; `near` is what the request says, by name, the nearest last."""
        return {
            _numbered(field.name): self._value(field, near, at)
            for field in fields
            if field.required or field.name not in _NEXT
        }

    def _value(self, field: Field, near: tuple[Mapping[str, Any], ...], at: str) -> Any:
        name = plain_name(field)
        told = next((known[name] for known in reversed(near) if name in known), None)
        if not field.is_list:
            return self._one(field, told, near, at)
        several = told if isinstance(told, list) and told else [told]
        return [
            self._one(field, one, near, f"{at}{number}/" if number else at)
            for number, one in enumerate(several)
        ]

    def _one(self, field: Field, told: Any, near: tuple[Mapping[str, Any], ...], at: str) -> Any:
        if field.fields:
            told = _opened(told)
            inner = (*near, _by_name(told)) if isinstance(told, dict) else near
            made = self.document(field.fields, inner, at)
            return _text(made) if field.scalar == "string" else made
        if field.name in _NEXT:
            return ""
        said = None if told is None else fit(field, told)
        if not field.encrypted:
            return make(field, self.source, at) if said is None else said
        key = self.merchant.private_key.public_key()
        if said is None or len(said.encode()) > longest_plaintext(key):
            said = make(field, self.source, at)
        return encrypt(key, said)


def _by_name(asked: JsonObject) -> Mapping[str, Any]:
    """Return every value of a document by its name, of several the one that stands highest."""
    found: dict[str, Any] = {}
    waiting: deque[Any] = deque([asked])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, dict):
            for name, value in node.items():
                found.setdefault(name, value)
        if isinstance(node, (dict, list)):
            waiting.extend(node.values() if isinstance(node, dict) else node)
    return found


def _opened(value: Any) -> Any:
    """Return what a JSON document in a text says, and any other value as it is."""
    document = parse_text(value)
    return value if document is None else document


def _seed(known: Mapping[str, Any]) -> str:
    said = {name: str(value) for name, value in known.items() if isinstance(value, (str, int))}
    number = next((text for name, text in said.items() if name.startswith("out_") and text), None)
    return number or "\n".join(f"{name}={said[name]}" for name in sorted(said))


def _numbered(name: str) -> str:
    """Return the first of the names that a repeated field of v2 has: ``coupon_id_0``."""
    return name.replace("$n", "0").replace("$m", "0")


def _text(document: JsonObject) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
