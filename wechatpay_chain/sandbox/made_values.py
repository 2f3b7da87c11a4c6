"""Values that the sandbox makes up for an answer: right in type and form, told by the field's name.

Numbers of WeChat Pay's own follow from the merchant's number of the same thing
(``out_…``) where the request has one, else from all that it says. So the same
request is answered with the same numbers, and the query of what was created
with those of its creation, though nothing is remembered.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Any

from wechatpay_chain.catalogue import Field
from wechatpay_chain.sandbox.downloads import SHA1, bill_url
from wechatpay_chain.sandbox.ledger import rfc3339

__all__ = ["Source", "fit", "make", "plain_name"]

_CHINA = datetime.timezone(datetime.timedelta(hours=8))
_NUMBER_WIDTH = 20
# Of an identifier that is a number in JSON too: below 2**53, which every reader takes.
_SMALL_WIDTH = 15

_MERCHANTS = ("mchid", "mch_id")
_OWN_NUMBERS = ("_id", "_no", "_code", "_number", "_sn", "_key", "_token")
_TIMES = ("_time", "time_end", "time_expire", "time_start")
_DATES = ("_date", "date")
_ADDRESSES = ("url", "_link")

_FIXED: dict[str, str] = {
    "hash_type": "SHA1",
    "hash_value": SHA1,
    "appid": "wx8888888888888888",
    "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    "currency": "CNY",
    "fee_type": "CNY",
}


@dataclass(frozen=True)
class Source:
    """What made-up values are made from: whose they are, when, where, and what was asked."""

    mchid: str
    now: float
    base_uri: str
    seed: str = field(repr=False)
    is_v2: bool = False
    is_packed: bool = False

    def digits(self, name: str, width: int) -> str:
        """Return a number of so many digits, always the same for the name."""
        digest = hashlib.sha256(f"{self.mchid}\n{self.seed}\n{name}".encode()).digest()
        return str(10 ** (width - 1) + int.from_bytes(digest) % (9 * 10 ** (width - 1)))

    @property
    def time(self) -> str:
        """The time as the protocol writes it."""
        return self._local("%Y%m%d%H%M%S") if self.is_v2 else rfc3339(self.now)

    @property
    def date(self) -> str:
        """The date as the protocol writes it."""
        return self._local("%Y%m%d" if self.is_v2 else "%Y-%m-%d")

    def _local(self, form: str) -> str:
        return datetime.datetime.fromtimestamp(self.now, _CHINA).strftime(form)


def make(field: Field, source: Source, at: str = "") -> Any:
    """Return one value for a field without fields of its own; `at` tells several of them apart."""
    for text in field.enum:
        value = fit(field, text)
        if value is not None:
            return value
    if field.scalar == "boolean":
        return True
    if field.scalar == "object":
        return {}
    name = plain_name(field)
    if field.scalar != "string":
        return _number(name, source, at)
    return _text(name, source, at)


def plain_name(field: Field) -> str:
    """Return a field's name without the ``_$n`` or ``_$n_$m`` of a repeated one of v2."""
    return field.name.partition("_$")[0]


def fit(field: Field, value: Any) -> Any:
    """Return a value in the field's type, as the field can hold it; None if it cannot."""
    if field.enum and _spelled(value) not in field.enum:
        return None
    if field.scalar == "string":
        # A boolean has no spelling that both JSON and people agree on.
        fits = isinstance(value, (str, int)) and not isinstance(value, bool)
        return str(value) if fits else None
    if field.scalar == "boolean":
        return {"true": True, "false": False}.get(_spelled(value))
    if field.scalar == "object":
        return value if isinstance(value, dict) else None
    return _read_number(_spelled(value), whole=field.scalar == "integer")


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_number(text: str, *, whole: bool) -> int | float | None:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _NUMBER_WIDTH:
        return int(text)
    before, point, after = digits.partition(".")
    decimal = before.isdigit() and after.isdigit() and text.isascii() and len(text) <= _NUMBER_WIDTH
    return float(text) if point and decimal and not whole else None


def _number(name: str, source: Source, at: str) -> int:
    if name.endswith("timestamp"):
        return int(source.now)
    if _names(name, _MERCHANTS):
        return int(source.mchid) if source.mchid.isdecimal() else 1
    if name == "offset":
        return 0
    return int(source.digits(at + name, _SMALL_WIDTH)) if _is_own_number(name) else 1


def _text(name: str, source: Source, at: str) -> str:
    fixed = next((text for end, text in _FIXED.items() if _names(name, (end,))), None)
    if fixed is not None:
        return fixed
    if name == "download_url":
        return bill_url(
            source.base_uri, source.digits(name, _NUMBER_WIDTH), is_packed=source.is_packed
        )
    if _names(name, _MERCHANTS):
        return source.mchid
    if name.endswith(_TIMES) or name == "time":
        return source.time
    if name.endswith(_DATES):
        return source.date
    if name.endswith(_ADDRESSES):
        return f"https://wxpay.example/{name}/{source.digits(at + name, _NUMBER_WIDTH)}"
    if _is_own_number(name):
        return source.digits(at + name, _NUMBER_WIDTH)
    return f"example_{name}"


def _is_own_number(name: str) -> bool:
    return name in ("id", "no", "code", "number") or name.endswith(_OWN_NUMBERS)


def _names(name: str, ends: tuple[str, ...]) -> bool:
    """Tell whether a name is one of these, or one of somebody's: ``sp_mchid``, ``sub_appid``."""
    return name in ends or name.endswith(tuple(f"_{end}" for end in ends))
