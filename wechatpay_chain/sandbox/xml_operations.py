"""Which operations of the v2 protocol the sandbox really carries out: one table.

Everything else that the catalogue knows is checked as strictly and answered with
a signed success that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wechatpay_chain.sandbox import bills, red_packets, xml_orders, xml_refunds
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply

__all__ = ["XML_OPERATIONS", "operate_xml"]

XmlOperation: TypeAlias = Callable[[XmlCall], XmlReply]


def public_key(call: XmlCall) -> XmlReply:
    """Give the RSA public key (获取RSA加密公钥) for bank transfers, in its PKCS#1 form."""
    key = call.identity.public_key.private_key.public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    return XmlReply({"result_code": "SUCCESS", "pub_key": pem})


XML_OPERATIONS: dict[str, XmlOperation] = {
    "v2/pay/unifiedorder": xml_orders.create,
    "v2/pay/micropay": xml_orders.micropay,
    "v2/pay/orderquery": xml_orders.query,
    "v2/pay/closeorder": xml_orders.close,
    "v2/secapi/pay/refund": xml_refunds.refund,
    "v2/pay/refundquery": xml_refunds.query,
    "v2/pay/downloadbill": bills.download,
    "v2/mmpaymkttransfers/sendredpack": red_packets.send,
    "v2/risk/getpublickey": public_key,
}


def operate_xml(path: str, call: XmlCall) -> XmlReply:
    """Carry out the operation at `path`; raise the failure if it cannot be done."""
    operation = XML_OPERATIONS.get(path)
    if operation is None:
        return XmlReply({"result_code": "SUCCESS"})
    with call.ledger.lock:
        return operation(call)
