"""Files that are downloaded (下载): what is in them, where they lie, what vouches for them.

One bill stands for all bills of v3, so that the hash in an answer that tells
where a bill lies is that of the file that lies there.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012551932,
    https://pay.weixin.qq.com/doc/v3/partner/4013059030
"""

from __future__ import annotations

import base64
import gzip
import hashlib

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.sandbox.ledger import Reply
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.signing import Cover

__all__ = ["SHA1", "bill_url", "download"]

_BILL = (
    "交易时间,公众账号ID,商户号,微信订单号,商户订单号\r\n总交易单数,应结订单总金额\r\n`0,`0.00\r\n"
).encode()

SHA1 = hashlib.sha1(_BILL, usedforsecurity=False).hexdigest()
"""The hash of a bill, in hexadecimal, over what a packed one unpacks to."""

_PACKED = ".GZIP"
# The smallest picture: one white pixel.
_IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg=="
)
_PAGE = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"

# Statements by the path on the wire, where the prefix of the region belongs to it.
_BY_DIGEST = ("/v3/global/statements", "/hk/v3/statements")


def bill_url(base_uri: str, token: str, *, is_packed: bool) -> str:
    """Return where a bill lies; its token says whether it is packed (tar_type GZIP)."""
    return f"{base_uri}v3/billdownload/file?token={token}{_PACKED if is_packed else ''}"


def download(operation: Operation, path: str, asked: JsonObject) -> Reply:
    """Answer with a file, of the kind that the operation gives."""
    if operation.path.endswith("statements"):
        cover = Cover.DIGEST if path.lower() in _BY_DIGEST else Cover.BODY
        return Reply(None, _BILL, "text/plain; charset=utf-8", cover)
    if "/images/" in operation.path:
        return Reply(None, _IMAGE, "image/png", Cover.NOTHING)
    if "/transferdownload/" in operation.path:
        return Reply(None, _PAGE, "application/pdf", Cover.NOTHING)
    if str(asked.get("token", "")).endswith(_PACKED):
        return Reply(None, gzip.compress(_BILL, mtime=0), "application/x-gzip", Cover.NOTHING)
    return Reply(None, _BILL, "text/plain; charset=utf-8", Cover.NOTHING)
