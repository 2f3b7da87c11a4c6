"""The few answers that WeChat Pay does not sign, or signs by a digest: exact tables.

There is no way to switch verification off for a call: an operation either
stands here or its answer must be signed.

Source: https://pay.weixin.qq.com/doc/v3/partner/4013059030
"""

from __future__ import annotations

from urllib.parse import unquote

__all__ = ["STATEMENT_DIGEST", "is_statement", "is_unsigned", "is_unsigned_v2", "statement_body"]

_UNSIGNED = frozenset(
    {
        "/v3/billdownload/file",
        "/v3/transferdownload/signfile",
        "/v3/transferdownload/elecvoucherfile",
        "/v3/new-tax-control-fapiao/download",
    }
)
# One segment below these is an image; "upload" is an operation of its own.
_IMAGES = ("/v3/merchant-service/images/", "/v3/global/merchant-service/images/")
_STATEMENTS = frozenset({"/v3/global/statements", "/hk/v3/statements"})

# Answers of the XML protocol that bear no sign. The PHP SDK lists pay_bank and query_bank under
# mmpaymkttransfers; the endpoints are under mmpaysptrans.
_UNSIGNED_V2 = frozenset(
    {
        "/appauth/getaccesstoken",
        "/billcommentsp/batchquerycomment",
        "/mchrisk/querymchrisk",
        "/mchrisk/setmchriskcallback",
        "/mchrisk/syncmchriskresult",
        "/mmpaymkttransfers/gethbinfo",
        "/mmpaymkttransfers/gettransferinfo",
        "/mmpaymkttransfers/pay_bank",
        "/mmpaymkttransfers/promotion/paywwsptrans2pocket",
        "/mmpaymkttransfers/promotion/querywwsptrans2pocket",
        "/mmpaymkttransfers/promotion/transfers",
        "/mmpaymkttransfers/query_bank",
        "/mmpaymkttransfers/sendgroupredpack",
        "/mmpaymkttransfers/sendminiprogramhb",
        "/mmpaymkttransfers/sendredpack",
        "/mmpaysptrans/pay_bank",
        "/mmpaysptrans/query_bank",
        "/papay/entrustweb",
        "/papay/h5entrustweb",
        "/papay/partner/entrustweb",
        "/papay/partner/h5entrustweb",
        "/pay/downloadbill",
        "/pay/downloadfundflow",
        "/payitil/report",
        "/risk/getpublickey",
        "/risk/getviolation",
        "/secapi/mch/submchmanage",
        "/xdc/apiv2getsignkey/sign/getsignkey",
        "/xdc/apiv2sandbox/pay/micropay",
        "/xdc/apiv2sandbox/pay/orderquery",
    }
)

STATEMENT_DIGEST = "Wechatpay-Statement-Sha1"
"""The header with the hexadecimal SHA-1 of a statement, over its decompressed bytes."""


def is_unsigned(method: str, path: str) -> bool:
    """Tell whether the answer to a request is a file that WeChat Pay does not sign."""
    if method != "GET":
        return False
    path = path.lower()
    if path in _UNSIGNED:
        return True
    for images in _IMAGES:
        name = path.removeprefix(images)
        if name != path:
            name = unquote(name)
            return bool(name) and "/" not in name and name != "upload"
    return False


def is_unsigned_v2(path: str) -> bool:
    """Tell whether the answer at a path of the XML protocol bears no sign."""
    return path in _UNSIGNED_V2


def is_statement(method: str, path: str) -> bool:
    """Tell whether the answer is a statement, whose signature may cover only its digest."""
    return method == "GET" and path.lower() in _STATEMENTS


def statement_body(digest: str) -> bytes:
    """Return what stands in the signed text in place of a statement's bytes."""
    return b'{"sha1":"' + digest.encode("utf-8", "surrogateescape") + b'"}'
