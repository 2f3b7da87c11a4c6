"""Which operations of the v2 protocol the sandbox really carries out: one table.

Everything else that the catalogue knows is checked as strictly and answered with
a success that says what its schema says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.sandbox import bills, red_packets, xml_orders, xml_refunds
from wechatpay_chain.sandbox.schema_answers import shape_answer
from wechatpay_chain.sandbox.xml_calls import XmlCall, XmlReply
from wechatpay_chain.sandbox.xml_document import XmlNode, XmlValue

__all__ = ["XML_OPERATIONS", "operate_xml"]

XmlOperation: TypeAlias = Callable[[XmlCall], XmlReply]

_OF_THE_DRAFT = ("return_msg", "nonce_str", "sign")


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
    "v2/pay/downloadfundflow": bills.download_fund_flow,
    "v2/mmpaymkttransfers/sendredpack": red_packets.send,
    "v2/risk/getpublickey": public_key,
}


def operate_xml(operation: Operation, call: XmlCall, base_uri: str) -> XmlReply:
    """Carry out an operation; raise the failure if it cannot be done."""
    carried = XML_OPERATIONS.get(operation.path)
    if carried is not None:
        with call.ledger.lock:
            return carried(call)
    made = shape_answer(operation, dict(call.fields), call.merchant, call.now, base_uri)
    said = {name: _written(value) for name, value in made.items()}
    success = {name: "SUCCESS" for name in ("return_code", "result_code") if name in made}
    # The draft makes a nonce and the sign; a message is that of the success.
    return XmlReply({n: v for n, v in said.items() if n not in _OF_THE_DRAFT} | success)


def _written(value: Any) -> XmlValue:
    """Return a value as XML has it: scalars as text."""
    return [_node(one) for one in value] if isinstance(value, list) else _node(value)


def _node(value: Any) -> XmlNode:
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items()}
    return str(value).lower() if isinstance(value, bool) else str(value)
