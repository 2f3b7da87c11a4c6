"""Which operations the sandbox really carries out: one table.

Everything else that the catalogue knows is checked as strictly, and answered
with a file where that is what it gives, else with what its schema says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote

from wechatpay_chain.catalogue import Operation, find
from wechatpay_chain.sandbox import control_orders, json_bills, orders, refunds
from wechatpay_chain.sandbox.certificate_list import list_entry
from wechatpay_chain.sandbox.checks import main_document
from wechatpay_chain.sandbox.downloads import download
from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.ledger import Call, Ledger, Reply
from wechatpay_chain.sandbox.records import JsonObject, ReceivedRequest, Refusal
from wechatpay_chain.sandbox.schema_answers import shape_answer
from wechatpay_chain.sandbox.signing import encrypt

__all__ = ["OPERATIONS", "operate"]

Carried: TypeAlias = Callable[[Call], Reply]


def echo(call: Call) -> Reply:
    """Say back what was said (加解密测试), the secret part encrypted for the merchant."""
    answer: JsonObject = {"echo_message": call.document["echo_message"]}
    secret = call.document.get("encrypted_echo_message")
    if secret is not None:
        key = call.merchant.private_key.public_key()
        answer["encrypted_echo_message"] = encrypt(key, secret)
    return Reply(answer)


def certificates(call: Call) -> Reply:
    """List the platform certificates (平台证书), each sealed under the APIv3 key."""
    identity = call.identity
    if identity.platform.is_public_key_only(call.merchant.mchid):
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")
    return Reply({"data": [list_entry(key, identity.apiv3_key) for key in identity.listed]})


OPERATIONS: dict[tuple[str, str], Carried] = {
    ("POST", "v3/pay/transactions/native"): orders.create("NATIVE"),
    ("POST", "v3/pay/transactions/jsapi"): orders.create("JSAPI"),
    ("POST", "v3/pay/transactions/app"): orders.create("APP"),
    ("POST", "v3/pay/transactions/h5"): orders.create("MWEB"),
    ("GET", "v3/pay/transactions/out-trade-no/{out_trade_no}"): orders.query,
    ("GET", "v3/pay/transactions/id/{transaction_id}"): orders.query_by_transaction_id,
    ("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/close"): orders.close,
    ("POST", "v3/refund/domestic/refunds"): refunds.refund,
    ("GET", "v3/refund/domestic/refunds/{out_refund_no}"): refunds.query,
    ("POST", "v3/aggracct-bc/wb-channel/control-orders/punish"): control_orders.punish,
    ("POST", "v3/aggracct-bc/wb-channel/control-orders/recover"): control_orders.recover,
    ("GET", "v3/aggracct-bc/wb-channel/control-orders/{out_request_no}"): control_orders.query,
    ("GET", "v3/bill/tradebill"): json_bills.trade,
    ("GET", "v3/bill/fundflowbill"): json_bills.fund_flow,
    ("GET", "v3/billdownload/file"): json_bills.file,
    ("POST", "v3/security/echo"): echo,
    ("GET", "v3/certificates"): certificates,
    ("GET", "v3/global/certificates"): certificates,
}


def operate(
    request: ReceivedRequest,
    places: JsonObject,
    identity: Identity,
    merchant: Merchant,
    ledger: Ledger,
    now: float,
    base_uri: str,
) -> Reply:
    """Carry out what an opened request asks for; raise the Refusal if it cannot be done."""
    known = find(request.method, request.path)
    if known is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such operation")
    document, variables = main_document(request, places), _variables(known, request.path)
    operation = OPERATIONS.get((known.method, known.path))
    if operation is not None:
        with ledger.lock:
            return operation(Call(identity, merchant, ledger, now, variables, document, base_uri))
    asked = {**places["query"], **document, **variables}
    if known.download:
        return download(known, request.path, asked)
    if not known.response:
        # What says nothing on success is a 204; a question without a documented answer is not.
        return Reply({} if known.method == "GET" else None)
    return Reply(shape_answer(known, asked, merchant, now, base_uri))


def _variables(operation: Operation, path: str) -> dict[str, str]:
    """Return the values of a path's variables; the path may have a prefix before its version."""
    # {empty} stands for a slash at the end, behind which there is nothing.
    template = operation.path.removesuffix("/{empty}").split("/")
    segments = [segment for segment in path.split("/") if segment][-len(template) :]
    pairs = zip(template, segments, strict=True)
    return {name.strip("{}"): unquote(text) for name, text in pairs if name.startswith("{")}
