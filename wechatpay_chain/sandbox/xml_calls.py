"""One checked request of the v2 protocol, and how it reaches what v3 has already.

Orders and refunds are the same in both protocols, so v2 goes through v3's
operations, with the fields and the error codes of the one translated into those
of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.ledger import Call, Ledger, Reply
from wechatpay_chain.sandbox.records import JsonObject, Refusal
from wechatpay_chain.sandbox.xml_answers import BusinessFailure
from wechatpay_chain.sandbox.xml_document import XmlValue

__all__ = ["XmlCall", "XmlReply"]

# Code of a v3 error → code of the same in v2.
_CODES = {
    "ORDER_NOT_EXIST": "ORDERNOTEXIST",
    "ORDER_CLOSED": "ORDERCLOSED",
    "RESOURCE_NOT_EXISTS": "ORDERNOTEXIST",
    "TRADE_ERROR": "TRADE_STATE_ERROR",
}


@dataclass(frozen=True)
class XmlCall:
    """One checked request on its way into an operation."""

    identity: Identity
    merchant: Merchant
    ledger: Ledger
    now: float
    fields: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        """Return the value of a field, empty if it is not there."""
        return self.fields.get(name, "")

    def fen(self, name: str) -> int:
        """Return an amount; refuse what is not a positive whole number of fen."""
        text = self.text(name)
        if not (text.isascii() and text.isdigit()) or len(text) > 12 or int(text) < 1:
            raise BusinessFailure("PARAM_ERROR", f"{name} is not a positive number of fen")
        return int(text)

    def through(
        self,
        operation: Callable[[Call], Reply],
        document: JsonObject,
        variables: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """Carry out an operation of v3; return its answer, or raise its error as one of v2."""
        call = Call(self.identity, self.merchant, self.ledger, self.now, variables or {}, document)
        try:
            return dict(operation(call).document or {})
        except Refusal as refusal:
            issue = refusal.detail.get("issue")
            text = refusal.message + (f": {issue}" if issue else "")
            raise BusinessFailure(_CODES.get(refusal.code, refusal.code), text) from None


@dataclass(frozen=True)
class XmlReply:
    """What an operation answers: fields, or a file as it is."""

    fields: Mapping[str, XmlValue] = field(repr=False)
    file: bytes | None = field(repr=False, default=None)
    content_type: str = "text/plain; charset=utf-8"
