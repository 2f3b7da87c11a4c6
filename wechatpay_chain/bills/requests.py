"""Which bills there are by name, and how each is asked for: one table.

A row becomes a method of `client.bills`. Bills without a row are downloaded by
their path, as ``client.bills.download("v3/…", …)``.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012551932,
    https://pay.weixin.qq.com/doc/v2/merchant/4011935219
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from wechatpay_chain.errors import RequestError

if TYPE_CHECKING:
    import os

    from wechatpay_chain.bills.bill import Bill
    from wechatpay_chain.bills.downloads import Bills
    from wechatpay_chain.bills.intake import Writable

__all__ = ["CHINA", "BillRequest", "Kind", "Named", "check_date", "stem_of"]

CHINA = datetime.timezone(datetime.timedelta(hours=8))
"""Bills go by the days of China's clock (北京时间)."""

_FIRST = datetime.date(2013, 8, 1)
"""WeChat Pay has no bills from before it was there."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNSAFE = re.compile(r"[^0-9A-Za-z-]+")
_LONGEST_PART = 48
_CHOSEN = ("bill_type", "account_type")
"""Fields that make another bill of the same day, so that its name must tell."""

Date = datetime.date | str | None


@dataclass(frozen=True)
class BillRequest:
    """A bill that can be asked for: nothing was sent yet.

    Its address lives 30 seconds, so asking and downloading are one step: `download`,
    or ``client.bills.download(request, …)``.
    """

    bills: Bills = field(repr=False, compare=False)
    method: str
    path: str
    options: Mapping[str, Any] = field(repr=False)
    stem: str

    def download(self, to: str | os.PathLike[str] | Writable, **options: Any) -> Bill:
        """Ask for the bill and download it; see `Bills.download`."""
        return self.bills.download(self, to, **options)

    async def download_async(self, to: str | os.PathLike[str] | Writable, **options: Any) -> Bill:
        """Ask for the bill and download it; see `Bills.download`."""
        return await self.bills.download_async(self, to, **options)


@dataclass(frozen=True)
class Kind:
    """One kind of bill: the operation, and how it is asked.

    As an attribute of `Bills` it is a method that makes a `BillRequest`.
    """

    title: str
    path: str
    date: str = "bill_date"
    compact: bool = False
    """Whether the date is written without hyphens."""
    merchant: str | None = None
    """The field that must hold the merchant's own number."""
    encodes: bool = False
    """Whether it is packed by HTTP's means, and not by tar_type."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What is asked for unless the caller says otherwise."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Those of the path."""

    @property
    def is_v2(self) -> bool:
        """Whether it is of the XML protocol."""
        return self.path.startswith("v2/")

    def options(self, fields: Mapping[str, Any], *, gzip: bool) -> dict[str, Any]:
        """Return the options of a call that asks with these fields."""
        place = "xml" if self.is_v2 else "query"
        packing = {"tar_type": "GZIP"} if gzip and not self.encodes else {}
        head = {"headers": {"Accept-Encoding": "gzip"}} if gzip and self.encodes else {}
        return {place: {**self.fields, **packing, **fields}, **head, **self.variables}

    @overload
    def __get__(self, bills: None, owner: type[Bills]) -> Kind: ...
    @overload
    def __get__(self, bills: Bills, owner: type[Bills]) -> Named: ...
    def __get__(self, bills: Bills | None, owner: type[Bills]) -> Kind | Named:
        return self if bills is None else Named(bills, self)


class Named:
    """What makes requests for one kind of bill."""

    def __init__(self, bills: Bills, kind: Kind) -> None:
        self._bills = bills
        self._kind = kind

    def __call__(self, date: Date = None, /, *, gzip: bool = False, **fields: Any) -> BillRequest:
        """Return a request for the bill of one day; nothing is sent.

        Args:
            date: a day in China, as ``2026-11-01`` or a `datetime.date`; by default yesterday.
            gzip: whether WeChat Pay packs it on the way (tar_type GZIP).
            **fields: more fields of the request, as documented.

        Raises:
            RequestError: there cannot be a bill of that day.
        """
        kind = self._kind
        day = check_date(date, self._bills.clock)
        written = day.strftime("%Y%m%d") if kind.compact else day.isoformat()
        own = {kind.merchant: self._bills.mchid} if kind.merchant else {}
        options = kind.options({kind.date: written, **own, **fields}, gzip=gzip)
        chosen = [str(fields[name]) for name in _CHOSEN if name in fields]
        whose = str(fields.get("sub_mchid", self._bills.mchid))
        stem = stem_of(kind.path, *chosen, whose, day.isoformat())
        method = "POST" if kind.is_v2 else "GET"
        return BillRequest(self._bills, method, kind.path, options, stem)


def check_date(date: Date, clock: Callable[[], float]) -> datetime.date:
    """Return the day that a bill is of, by default yesterday in China.

    Raises:
        RequestError: it is no date, not over yet, or from before WeChat Pay.
    """
    today = datetime.datetime.fromtimestamp(clock(), CHINA).date()
    if date is None:
        return today - datetime.timedelta(days=1)
    if isinstance(date, datetime.datetime):
        # Whose midnight it is would be a guess.
        raise RequestError("a bill's date is a day, so give a datetime.date")
    if isinstance(date, str):
        try:
            date = datetime.date.fromisoformat(date) if _DATE.fullmatch(date) else None
        except ValueError:
            date = None
    if not isinstance(date, datetime.date):
        raise RequestError("a bill's date must be a day such as 2026-11-01")
    if date >= today:
        raise RequestError(
            f"there is no bill of {date} yet: in China it is {today}, and a day's bill is made "
            "the morning after, at about 10"
        )
    if date < _FIRST:
        raise RequestError(f"there is no bill of {date}: WeChat Pay began later")
    return date


def stem_of(*parts: str) -> str:
    """Return a file name's stem, made of what is safe in parts that may be anybody's."""
    cleaned = (_UNSAFE.sub("-", part.rpartition("/")[2]).strip("-") for part in parts)
    return "-".join(part[:_LONGEST_PART] for part in cleaned if part) or "bill"
