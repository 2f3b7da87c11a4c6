"""Programs that are wrong in one line each, and what each type checker must say of it.

Above the line stand, for mypy and pyright, the rule and a regular expression that the
message must match. They are checked, not run: see `test_programs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechatpay_chain import Client, MediaUtil
from wechatpay_chain.webhooks.event import Event

if TYPE_CHECKING:
    from wechatpay_chain.openapi.event_handlers import Handlers
    from wechatpay_chain.openapi.events import RefundSuccess, TransactionSuccess
    from wechatpay_chain.openapi.events import V2PayscoreTransactionSuccess as Rented
    from wechatpay_chain.openapi.v3.pay import TransactionsNativePostAnswer as Answer
    from wechatpay_chain.openapi.v3.pay import TransactionsNativePostJson as Order


def a_misspelt_segment(client: Client) -> None:
    # mypy attr-defined: "Pay" has no attribute "transactons"
    # pyright reportAttributeAccessIssue: Attribute "transactons" is unknown
    client.v3.pay.transactons


def a_misspelt_group(client: Client) -> None:
    # mypy attr-defined: "V3" has no attribute "profit_sharing"
    # pyright reportAttributeAccessIssue: Attribute "profit_sharing" is unknown
    client.v3.profit_sharing


def a_misspelt_version(client: Client) -> None:
    # mypy attr-defined: "Client" has no attribute "v33"
    # pyright reportAttributeAccessIssue: Attribute "v33" is unknown
    client.v33


def a_misspelt_segment_in_camel_case(client: Client) -> None:
    # mypy attr-defined: "Transactions" has no attribute "outTradeNumber"
    # pyright reportAttributeAccessIssue: Attribute "outTradeNumber" is unknown
    client.v3.pay.transactions.outTradeNumber


def a_misspelt_variable(client: Client) -> None:
    # mypy attr-defined: "TransactionsId" has no attribute "_transactionid_"
    # pyright reportAttributeAccessIssue: Attribute "_transactionid_" is unknown
    client.v3.pay.transactions.id._transactionid_


def a_misspelt_method_of_the_client(client: Client) -> None:
    # mypy attr-defined: "Client" has no attribute "get_drivr"
    # pyright reportAttributeAccessIssue: Attribute "get_drivr" is unknown
    client.get_drivr()


def a_misspelt_verb(client: Client) -> None:
    # mypy attr-defined: "Certificates" has no attribute "gett"
    # pyright reportAttributeAccessIssue: Attribute "gett" is unknown
    client.v3.certificates.gett()


def a_verb_that_the_operation_lacks(client: Client) -> None:
    # mypy attr-defined: "Certificates" has no attribute "post"
    # pyright reportAttributeAccessIssue: Attribute "post" is unknown
    client.v3.certificates.post()


def an_async_verb_that_the_operation_lacks(client: Client) -> None:
    # mypy attr-defined: "TransactionsNative" has no attribute "get_async"
    # pyright reportAttributeAccessIssue: Attribute "get_async" is unknown
    client["v3/pay/transactions/native"].get_async()


def a_verb_of_a_path_that_is_no_operation(client: Client) -> None:
    # mypy attr-defined: "Transactions" has no attribute "post"
    # pyright reportAttributeAccessIssue: Attribute "post" is unknown
    client.v3.pay.transactions.post()


def a_verb_named_segment_called(client: Client) -> None:
    # mypy operator: "ReceiversDelete" not callable
    # pyright reportCallIssue: Object of type "ReceiversDelete" is not callable
    client.v3.profitsharing.receivers.delete()


def more_below_a_leaf(client: Client) -> None:
    # mypy attr-defined: "TransactionsNative" has no attribute "more"
    # pyright reportAttributeAccessIssue: Attribute "more" is unknown
    client.v3.pay.transactions.native.more


def an_item_that_is_no_path(client: Client) -> None:
    # mypy call-overload: No overload variant matches argument type "None"
    # pyright reportCallIssue: No overloads for "chain" match the provided arguments
    # pyright reportArgumentType: Type "None" is not assignable to type "Path"
    client[None]


def an_item_that_is_a_fraction(client: Client) -> None:
    # mypy call-overload: No overload variant of "__getitem__" of "TransactionsId" matches argument
    # pyright reportCallIssue: No overloads for "__getitem__" match the provided arguments
    # pyright reportArgumentType: Type "float" is not assignable to type "Chain | Node"
    client.v3.pay.transactions.id[1.5]


def a_chain_of_bytes(client: Client) -> None:
    # mypy call-overload: No overload variant of "chain" of "Root" matches argument type "bytes"
    # pyright reportCallIssue: No overloads for "chain" match the provided arguments
    # pyright reportArgumentType: Type "Literal[b"v3/certificates"]" is not assignable to type "Pat
    client.chain(b"v3/certificates")


def a_node_that_is_changed(client: Client) -> None:
    # mypy assignment: Incompatible types in assignment (expression has type "Refund", variable has
    # pyright reportAttributeAccessIssue: "Refund" is not assignable to "Pay"
    client.v3.pay = client.v3.refund


def a_missing_variable(client: Client) -> None:
    # mypy call-overload: No overload variant of "get" of "TransactionsIdByTransactionId" matches a
    # pyright reportCallIssue: No overloads for "get" match the provided arguments
    client.v3.pay.transactions.id._transaction_id_.get(query={"mchid": "1900000109"})


def a_missing_variable_of_a_template(client: Client) -> None:
    # mypy call-overload: No overload variant of "get" of "TransactionsIdByTransactionId" matches a
    # pyright reportCallIssue: No overloads for "get" match the provided arguments
    client["v3/pay/transactions/id/{transaction_id}"].get(query={"mchid": "1900000109"})


def a_variable_that_was_given(client: Client) -> None:
    # mypy call-overload: Unexpected keyword argument "transaction_id" for overloaded function "get
    # mypy call-overload: No overload variant of "get" of "TransactionsIdGivenTransactionId" matche
    # pyright reportCallIssue: No overloads for "get" match the provided arguments
    client.v3.pay.transactions.id["42"].get(transaction_id="42", query={"mchid": "1900000109"})


def a_variable_of_a_wrong_type(client: Client) -> None:
    # mypy call-overload: No overload variant of "get" of "TransactionsIdByTransactionId" matches a
    # pyright reportArgumentType: Type "None" is not assignable to type "Scalar"
    client.v3.pay.transactions.id._transaction_id_.get(transaction_id=None, query={"mchid": "1"})


def a_missing_document(client: Client) -> None:
    # mypy call-overload: All overload variants of "post" of "TransactionsNative" require at least
    # pyright reportCallIssue: No overloads for "post" match the provided arguments
    client.v3.pay.transactions.native.post()


def a_missing_field(client: Client) -> None:
    # mypy call-overload: No overload variant of "get" of "TransactionsIdGivenTransactionId" matche
    # pyright reportArgumentType: "mchid" is required in "TransactionsIdByTransactionIdGetQuery"
    client.v3.pay.transactions.id["42"].get(query={})


def a_missing_field_of_a_typed_document() -> None:
    # mypy typeddict-item: Missing keys ("description", "out_trade_no", "amount", "notify_url") for
    # pyright reportAssignmentType: "description" is required in "TransactionsNativePostJson"
    order: Order = {"appid": "wxd678efh567hg6787", "mchid": "1900000109"}
    print(order)


def a_misspelt_field(client: Client) -> None:
    # mypy typeddict-unknown-key: Extra key "algorithm_typ" for TypedDict "CertificatesGetQuery"
    # pyright reportArgumentType: "algorithm_typ" is an undefined item in type "CertificatesGetQuer
    client.v3.certificates.get(query={"algorithm_typ": "RSA"})


def a_misspelt_field_of_a_typed_document(order: Order) -> None:
    # mypy typeddict-unknown-key: TypedDict "TransactionsNativePostJson" has no key "atach"
    # pyright reportGeneralTypeIssues: "atach" is not a defined key in "TransactionsNativePostJson"
    order["atach"] = "more"


def a_misspelt_field_in_depth(order: Order) -> None:
    # mypy typeddict-unknown-key: Extra key "curency" for TypedDict "TransactionsNativePostJsonAmou
    # pyright reportGeneralTypeIssues: "curency" is an undefined item in type "TransactionsNativePo
    order["amount"] = {"total": 100, "curency": "CNY"}


def a_value_that_is_not_documented(client: Client) -> None:
    # mypy typeddict-item: Incompatible types (expression has type "Literal['RSB']", TypedDict item
    # pyright reportArgumentType: Type "Literal['RSB']" is not assignable to type "Literal['SM2', '
    client.v3.certificates.get(query={"algorithm_type": "RSB"})


def a_value_of_a_list_that_is_not_documented(order: Order) -> None:
    # mypy list-item: List item 0 has incompatible type "Literal['no_credits']"
    # pyright reportGeneralTypeIssues: Type "Literal['no_credits']" is not assignable to type "Lite
    order["limit_pay"] = ["no_credits"]


def text_for_a_number(order: Order) -> None:
    # mypy typeddict-item: Incompatible types (expression has type "str", TypedDict item "total" ha
    # pyright reportGeneralTypeIssues: "Literal['100']" is not assignable to "int"
    order["amount"] = {"total": "100"}


def a_number_for_text(order: Order) -> None:
    # mypy typeddict-item: Value of "out_trade_no" has incompatible type "int"
    # pyright reportGeneralTypeIssues: Type "Literal[1]" is not assignable to type "Text"
    order["out_trade_no"] = 1


def text_for_a_list(order: Order) -> None:
    # mypy typeddict-item: Value of "limit_pay" has incompatible type "str"
    # pyright reportGeneralTypeIssues: "Literal['no_credit']" is not assignable to "Sequence[Litera
    order["limit_pay"] = "no_credit"


def a_number_for_text_in_xml(client: Client) -> None:
    # mypy call-overload: No overload variant of "post" of "Orderquery" matches argument type "dict
    # pyright reportArgumentType: "Literal[10000100]" is not assignable to "str"
    client.v2.pay.orderquery.post(xml={"appid": "wx1", "mch_id": 10000100, "transaction_id": "1"})


def json_for_the_xml_protocol(client: Client) -> None:
    # mypy call-overload: Unexpected keyword argument "json" for overloaded function "post" of "Ord
    # pyright reportCallIssue: No overloads for "post" match the provided arguments
    client.v2.pay.orderquery.post(json={"appid": "wx1", "mch_id": "1", "transaction_id": "1"})


def an_option_of_the_other_protocol(client: Client) -> None:
    # mypy call-arg: Unexpected keyword argument "security" for "get" of "Certificates"
    # pyright reportCallIssue: No parameter named "security"
    client.v3.certificates.get(security=True)


def a_misspelt_option(client: Client) -> None:
    # mypy call-arg: Unexpected keyword argument "tiemout" for "get" of "Certificates"
    # pyright reportCallIssue: No parameter named "tiemout"
    client.v3.certificates.get(tiemout=3)


def an_option_of_a_wrong_type(client: Client) -> None:
    # mypy arg-type: Argument "timeout" to "get" of "Certificates" has incompatible type "str"
    # pyright reportArgumentType: Type "Literal['3']" is not assignable to type "float | None"
    client.v3.certificates.get(timeout="3")


def an_option_in_a_mapping_of_a_wrong_type(client: Client) -> None:
    # mypy typeddict-item: Incompatible types (expression has type "str", TypedDict item "timeout"
    # pyright reportArgumentType: Type "Literal['3']" is not assignable to type "float | None"
    client.v3.certificates.get({"timeout": "3"})


def a_misspelt_option_in_a_mapping(client: Client) -> None:
    # mypy typeddict-unknown-key: Extra key "jsn" for TypedDict "CertificatesGetOptions"
    # pyright reportArgumentType: "jsn" is an undefined item in type "CertificatesGetOptions"
    client.v3.certificates.get({"jsn": {}})


def a_missing_variable_in_a_mapping(client: Client) -> None:
    # mypy call-overload: No overload variant of "get" of "TransactionsIdByTransactionId" matches a
    # pyright reportArgumentType: "transaction_id" is required in "TransactionsIdByTransactionIdGet
    client.v3.pay.transactions.id._transaction_id_.get({"query": {"mchid": "1900000109"}})


def an_upload_without_a_file(client: Client) -> None:
    # mypy call-overload: All overload variants of "post" of "MediaUpload" require at least one arg
    # pyright reportCallIssue: No overloads for "post" match the provided arguments
    client.v3.merchant.media.upload.post()


def an_upload_of_a_whole_media_util(client: Client, media: MediaUtil) -> None:
    # mypy call-overload: No overload variant of "post" of "MediaUpload" matches argument type "Cal
    # pyright reportArgumentType: Type "() -> str" is not assignable to type "File | MediaUploadPos
    client.v3.merchant.media.upload.post(upload=media.get_content_type)


def a_misspelt_field_of_an_answer(answer: Answer) -> None:
    # mypy typeddict-item: TypedDict "TransactionsNativePostAnswer" has no key "code_ur"
    # pyright reportGeneralTypeIssues: "code_ur" is not a defined key in "TransactionsNativePostAns
    answer["code_ur"]


def a_misspelt_field_of_a_response(client: Client) -> None:
    # mypy typeddict-item: TypedDict "CertificatesGetAnswerData" has no key "serial_number"
    # pyright reportGeneralTypeIssues: "serial_number" is not a defined key in "CertificatesGetAnsw
    client.v3.certificates.get().json()["data"][0]["serial_number"]


def a_misspelt_field_of_an_xml_answer(client: Client) -> None:
    # mypy typeddict-item: TypedDict "OrderqueryPostAnswer" has no key "totalfee"
    # pyright reportGeneralTypeIssues: "totalfee" is not a defined key in "OrderqueryPostAnswer"
    client.v2.pay.orderquery.post(xml={"appid": "1", "mch_id": "1"}).xml()["totalfee"]


def a_number_of_an_xml_answer(client: Client) -> None:
    # mypy operator: Unsupported operand types for + ("str" and "int")
    # pyright reportOperatorIssue: Operator "+" not supported for types "str" and "Literal[1]"
    client.v2.pay.orderquery.post(xml={"appid": "1", "mch_id": "1"}).xml()["total_fee"] + 1


async def a_promise_that_is_not_awaited(client: Client) -> None:
    # mypy attr-defined: "Promise[Response[CertificatesGetAnswer, dict[str, Any]]]" has no attribut
    # pyright reportAttributeAccessIssue: Attribute "json" is unknown
    client.v3.certificates.get_async().json()


def a_forgotten_appid(client: Client) -> None:
    # mypy call-arg: Missing named argument "appid" for "jsapi" of "Payments"
    # pyright reportCallIssue: Argument missing for parameter "appid"
    client.payments.jsapi("wx1")


def a_sign_type_for_v3(client: Client) -> None:
    # mypy call-arg: Unexpected keyword argument "sign_type" for "jsapi" of "Payments"
    # pyright reportCallIssue: No parameter named "sign_type"
    client.payments.jsapi("wx1", appid="wx2", sign_type="MD5")


def rsa_for_v2(client: Client) -> None:
    # mypy arg-type: Argument "sign_type" to "jsapi" of "V2Payments" has incompatible type
    # pyright reportArgumentType: "Literal['RSA']" is not assignable to
    client.payments.v2.jsapi("wx1", appid="wx2", sign_type="RSA")


def a_misspelt_parameter(client: Client) -> None:
    # mypy typeddict-item: TypedDict "JsapiParameters" has no key "timestamp"
    # pyright reportGeneralTypeIssues: "timestamp" is not a defined key in "JsapiParameters"
    client.payments.jsapi("wx1", appid="wx2")["timestamp"]


def a_handler_of_another_event(webhooks: Handlers) -> None:
    # mypy type-var: "TransactionSuccess" of function cannot be "Callable[[Event[RefundSuccess]]
    # pyright reportArgumentType: "(event: Event[RefundSuccess]) -> None" cannot be assigned
    @webhooks.on("TRANSACTION.SUCCESS")
    def paid(event: Event[RefundSuccess]) -> None: ...


def a_handler_of_the_other_protocol(webhooks: Handlers) -> None:
    # mypy type-var: "TransactionSuccess" of function cannot be "Callable[[Event[V2Payscore
    # pyright reportArgumentType: "(event: Event[V2PayscoreTransactionSuccess]) -> None" cannot be
    @webhooks.on("TRANSACTION.SUCCESS")
    def paid(event: Event[Rented]) -> None: ...


def a_handler_that_takes_no_event(webhooks: Handlers) -> None:
    # mypy type-var: "H" of function cannot be "Callable[[], None]"
    # pyright reportArgumentType: Function accepts too few positional parameters
    @webhooks.on("REFUND.*")
    def refunded() -> None: ...


def a_handler_that_returns_no_reply(webhooks: Handlers) -> None:
    # mypy type-var: "TransactionSuccess" of function cannot be "Callable[[Event[Any]], bool]"
    # pyright reportArgumentType: "(event: Event[Any]) -> bool" cannot be assigned to parameter
    @webhooks.on("TRANSACTION.SUCCESS")
    def paid(event: Event) -> bool:
        return True


def a_misspelt_field_of_an_event(event: Event[TransactionSuccess]) -> None:
    # mypy typeddict-item: "TransactionSuccessAmount" has no key "totl"
    # pyright reportGeneralTypeIssues: "totl" is not a defined key in "TransactionSuccessAmount"
    event.resource["amount"]["totl"]


def a_misspelt_field_after_asking(event: Event[RefundSuccess]) -> None:
    if (paid := event.as_a("TRANSACTION.SUCCESS")) is not None:
        # mypy typeddict-item: "TransactionSuccess" has no key "refund_id"
        # pyright reportGeneralTypeIssues: "refund_id" is not a defined key in "TransactionSuccess"
        paid.resource["refund_id"]


def an_event_that_may_be_another(event: Event[RefundSuccess]) -> None:
    # mypy union-attr: "Event[RefundClosed] | None" has no attribute "resource"
    # pyright reportOptionalMemberAccess: "resource" is not a known attribute of "None"
    event.as_a("REFUND.CLOSED").resource
