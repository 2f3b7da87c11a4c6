"""Bills (账单) of v3: ask where one lies, and fetch it from there within 30 seconds.

Unlike the real gateway, this one makes the bill of a day that is not over yet, and an
empty one of a day without trade.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012551932,
    https://pay.weixin.qq.com/doc/v3/merchant/4012551886
"""

from __future__ import annotations

import datetime
import re
import secrets

from wechatpay_chain.catalogue import find
from wechatpay_chain.sandbox import bill_texts
from wechatpay_chain.sandbox.bill_files import BillFile, BillPlan
from wechatpay_chain.sandbox.downloads import bill_url, download
from wechatpay_chain.sandbox.ledger import Call, Reply
from wechatpay_chain.sandbox.records import Refusal
from wechatpay_chain.sandbox.signing import Cover

__all__ = ["LIFETIME", "file", "fund_flow", "trade"]

LIFETIME = 30
"""Seconds that an address lives."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PATH = "v3/billdownload/file"


def trade(call: Call) -> Reply:
    """Tell where one day's bill of trade (交易账单) lies, and its hash."""
    kind = str(call.document.get("bill_type", "ALL")).replace("_SPECIAL", "")
    kind = {"SUC": "SUCCESS", "REF": "REFUND"}.get(kind, kind)
    return _offer(call, bill_texts.trade(call.ledger, _date(call), kind))


def fund_flow(call: Call) -> Reply:
    """Tell where one day's bill of funds (资金账单) lies, and its hash."""
    return _offer(call, bill_texts.fund_flow(call.ledger, _date(call)))


def file(call: Call) -> Reply:
    """Answer with the bill that lies at an address (下载账单); never signed."""
    known = call.ledger.files.get(str(call.document.get("token", "")))
    if known is None:
        operation = find("GET", _PATH)
        if operation is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such operation")
        return download(operation, _PATH, call.document)
    if call.now > known.expires:
        raise Refusal(400, "INVALID_REQUEST", "The address has expired; ask for a new one")
    kind = "application/x-gzip" if known.is_packed else "text/plain; charset=utf-8"
    return Reply(None, None, kind, Cover.NOTHING, known)


def _offer(call: Call, text: str) -> Reply:
    plan = call.ledger.bill or BillPlan(text.encode())
    is_packed = call.document.get("tar_type") == "GZIP"
    token = secrets.token_urlsafe(24)
    files = call.ledger.files
    for old in [known for known, lying in files.items() if lying.expires < call.now]:
        del files[old]
    files[token] = BillFile(plan, is_packed, call.now + LIFETIME)
    url = bill_url(call.base_uri, token, is_packed=False)
    return Reply({"hash_type": "SHA1", "hash_value": plan.sha1, "download_url": url})


def _date(call: Call) -> str:
    date = str(call.document.get("bill_date", ""))
    try:
        if _DATE.fullmatch(date):
            datetime.date.fromisoformat(date)
            return date
    except ValueError:
        pass
    where = {"field": "/bill_date", "location": "query"}
    raise Refusal(400, "PARAM_ERROR", "bill_date is wrong", issue="it is no date", **where)
