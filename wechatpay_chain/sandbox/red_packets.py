"""Cash red packets (现金红包): send one."""

from __future__ import annotations

import re

from wechatpay_chain.sandbox.xml_answers import BusinessFailure
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply

__all__ = ["send"]

_MCH_BILLNO = re.compile(r"[0-9A-Za-z]{1,28}")
# Fen that one packet may hold.
_LEAST, _MOST = 30, 50_000

_SAID_AGAIN = ("mch_billno", "re_openid", "total_amount")
_CHANGING = ("sign", "nonce_str", "sign_type")


def send(call: XmlCall) -> XmlReply:
    """Send a red packet (发放红包); the same number again is the same packet."""
    number = call.text("mch_billno")
    if not _MCH_BILLNO.fullmatch(number):
        raise BusinessFailure("PARAM_ERROR", "mch_billno is not 1 to 28 letters or digits")
    if not _LEAST <= call.fen("total_amount") <= _MOST:
        raise BusinessFailure("MONEY_LIMIT", f"total_amount is not from {_LEAST} to {_MOST} fen")
    if call.text("total_num") != "1":
        raise BusinessFailure("PARAM_ERROR", "total_num is not 1")
    asked = {name: text for name, text in call.fields.items() if name not in _CHANGING}
    list_id = call.ledger.number("1000", call.now)
    known, list_id = call.ledger.red_packets.setdefault(number, (asked, list_id))
    if known != asked:
        raise BusinessFailure("PARAM_ERROR", "mch_billno was used with other parameters")
    said = {name: call.text(name) for name in _SAID_AGAIN}
    return XmlReply({"result_code": "SUCCESS", **said, "send_listid": list_id})
