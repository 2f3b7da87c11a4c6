"""What the sandbox remembers of one merchant: orders, refunds, control orders, red packets.

Data only. What may be done with it is in `orders`, `refunds` and
`control_orders`. One lock guards it all: requests are worked off in the
server's thread, while a test pays or clears from its own.
"""

from __future__ import annotations

import datetime
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.records import JsonObject, Refusal
from wechatpay_chain.sandbox.signing import Cover

if TYPE_CHECKING:
    from wechatpay_chain.sandbox.bill_files import BillFile, BillPlan

__all__ = ["Call", "ControlOrder", "Ledger", "Order", "Refund", "Reply", "rfc3339"]

_CHINA = datetime.timezone(datetime.timedelta(hours=8))


@dataclass
class Order:
    """A payment order (订单): what it was created with, and how far it came."""

    trade_type: str
    asked: JsonObject
    prepay_id: str
    trade_state: str = "NOTPAY"
    transaction_id: str | None = None
    success_time: str | None = None
    openid: str | None = None

    @property
    def total(self) -> int:
        total: int = self.asked["amount"]["total"]
        return total


@dataclass
class Refund:
    """A refund (退款) of a part or all of one order; it succeeds when it is first queried."""

    order: Order
    asked: JsonObject
    answer: JsonObject

    @property
    def amount(self) -> int:
        amount: int = self.asked["amount"]["refund"]
        return amount


@dataclass
class ControlOrder:
    """A control order (管控单) on the ledger account of a merchant: a punishment or its end."""

    asked: JsonObject
    number: str
    accepted: str
    effect_state: str = "ACTIVE"
    punishment: ControlOrder | None = None


@dataclass
class Ledger:
    """Everything that one merchant created, by its own numbers.

    `numbers` counts WeChat Pay's numbers; all ledgers of a gateway share it. `files` are
    by their tokens, and `bill` stands for every bill of v3 where a test wants one.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    punishments: dict[str, ControlOrder] = field(default_factory=dict)
    recoveries: dict[str, ControlOrder] = field(default_factory=dict)
    red_packets: dict[str, tuple[Mapping[str, str], str]] = field(default_factory=dict)
    files: dict[str, BillFile] = field(default_factory=dict)
    bill: BillPlan | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def number(self, prefix: str, now: float, width: int = 28) -> str:
        """Return a number of WeChat Pay's own, never the same twice, also after `clear`."""
        date = datetime.datetime.fromtimestamp(now, _CHINA).strftime("%Y%m%d")
        rest = width - len(prefix) - len(date)
        return f"{prefix}{date}{next(self.numbers):0{rest}d}"

    def clear(self) -> None:
        """Forget everything that was created."""
        with self.lock:
            for kept in (
                self.orders,
                self.refunds,
                self.punishments,
                self.recoveries,
                self.red_packets,
                self.files,
            ):
                kept.clear()
            self.bill = None


@dataclass(frozen=True)
class Call:
    """One checked request on its way into an operation.

    `variables` are those of the path, `document` is the body with its
    sensitive fields decrypted, or the query of a request without a body. `base_uri` is
    where the gateway is reached.
    """

    identity: Identity
    merchant: Merchant
    ledger: Ledger
    now: float
    variables: Mapping[str, str]
    document: JsonObject
    base_uri: str = ""

    @property
    def time(self) -> str:
        return rfc3339(self.now)

    def want_own_mchid(self) -> None:
        """Refuse a merchant number other than the one that signed."""
        if self.document.get("mchid") != self.merchant.mchid:
            raise Refusal(400, "MCH_NOT_EXISTS", "The mchid is not the one that signed")

    def want_texts(self, *names: str) -> None:
        """Refuse a number or reason that is no string; such values name what is kept here."""
        for name in names:
            if not isinstance(self.document.get(name), str):
                message = "A parameter of the request is wrong"
                where = {"field": f"/{name}", "location": "body"}
                raise Refusal(400, "PARAM_ERROR", message, issue="it is not a string", **where)


@dataclass(frozen=True)
class Reply:
    """What an operation answers: a document, or a file; with neither it is a bare 204.

    A `stream` is a file that is made while it is sent.
    """

    document: Mapping[str, Any] | None
    file: bytes | None = field(repr=False, default=None)
    content_type: str = "application/json; charset=utf-8"
    cover: Cover = Cover.BODY
    stream: BillFile | None = None

    @property
    def status(self) -> int:
        is_bare = self.document is None and self.file is None and self.stream is None
        return 204 if is_bare else 200


def rfc3339(now: float) -> str:
    """Write a time as WeChat Pay does: to the second, in Chinese time."""
    return datetime.datetime.fromtimestamp(now, _CHINA).isoformat(timespec="seconds")
