"""Check a request of the v2 protocol: operation, certificate, form, sign, required fields.

Pure but for the memory of nonces. Each refusal names the field at fault and never
repeats a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, unquote

from wechatpay_chain.catalogue import Operation, find
from wechatpay_chain.sandbox.authorization import Nonces
from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.records import ReceivedRequest
from wechatpay_chain.sandbox.xml_answers import FormFailure
from wechatpay_chain.sandbox.xml_document import parse_xml
from wechatpay_chain.sandbox.xml_fields import check_documents, open_fields
from wechatpay_chain.sandbox.xml_signing import SIGN_TYPES, matches

__all__ = ["XmlRequest", "check_xml_request"]

_MERCHANT_FIELDS = ("mch_id", "mchid", "combine_mch_id")
_NONCE_LENGTH = 32

# What nginx sends by itself; the text is what clients of the real gateway see.
_NO_CERTIFICATE = (
    "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n"
    "<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
    "<center>No required SSL certificate was sent{0}</center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_START_WITH_TLS = "start the sandbox with tls=True"


@dataclass(frozen=True)
class XmlRequest:
    """A request that passed the checks: who asked what, and how the answer is signed.

    The sensitive ones of its fields are opened.
    """

    merchant: Merchant
    operation: Operation
    fields: Mapping[str, str] = field(repr=False)
    sign_type: str | None


def check_xml_request(
    request: ReceivedRequest, identity: Identity, nonces: Nonces, now: float, *, tls: bool
) -> XmlRequest:
    """Return what was asked, and remember its nonce; raise the FormFailure of a wrong request."""
    operation = _known(request)
    if operation.client_certificate and request.client_certificate is None:
        _miss_certificate(tls)
    fields = _read(request)
    merchant = _merchant(fields, identity)
    sign_type = _sign_type(fields, operation.only_sign_type)
    nonce = fields.get("nonce_str", "")
    if not nonce and not operation.nonceless:
        _refuse("nonce_str", "the field is required")
    if len(nonce) > _NONCE_LENGTH:
        _refuse("nonce_str", f"it is longer than {_NONCE_LENGTH} characters")
    _check_required(request, operation, fields)
    if not fields.get("sign"):
        _refuse("sign", "the field is required")
    if not matches(fields, merchant.secret, sign_type, operation.booleans):
        _refuse("sign", f"it does not match, computed with {sign_type}")
    if nonce and (merchant.mchid, nonce) in nonces:
        _refuse("nonce_str", "it was used before: this is a replay")
    if operation.client_certificate:
        _check_certificate(request, merchant)
    nonces.add(merchant.mchid, nonce, now)
    check_documents(operation, fields)
    opened = open_fields(operation, fields, identity)
    signed = not operation.has_unsigned_answer
    return XmlRequest(merchant, operation, opened, sign_type if signed else None)


def _known(request: ReceivedRequest) -> Operation:
    """Return the operation, of whose path the wire lacks the version."""
    segments = request.path.split("/")
    odd = "" in segments[1:] or {".", ".."} & set(map(unquote, segments))
    operation = find(request.method, "v2" + request.path)
    if odd or operation is None:
        raise FormFailure("there is no such operation", 404)
    return operation


def _miss_certificate(tls: bool) -> NoReturn:
    hint = "" if tls else f": {_START_WITH_TLS}"
    page = _NO_CERTIFICATE.format(hint).encode()
    raise FormFailure(f"no client certificate was shown{hint}", 400, page)


def _read(request: ReceivedRequest) -> dict[str, str]:
    try:
        if request.method == "GET":
            return _query(request)
        media_type, *parameters = request.headers.get("Content-Type", "").lower().split(";")
        charsets = [p.partition("=")[2].strip(' "') for p in parameters if "charset" in p]
        if media_type.strip() != "text/xml" or charsets not in ([], ["utf-8"]):
            _refuse("Content-Type", "it is not text/xml in UTF-8")
        return parse_xml(request.body)
    except ValueError as error:
        raise FormFailure(str(error)) from None


def _query(request: ReceivedRequest) -> dict[str, str]:
    query = request.target.partition("?")[2]
    pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    if len(dict(pairs)) != len(pairs):
        raise ValueError("the query names a field twice")
    return dict(pairs)


def _merchant(fields: Mapping[str, str], identity: Identity) -> Merchant:
    name = next((name for name in _MERCHANT_FIELDS if fields.get(name)), None)
    if name is None:
        _refuse("mch_id", "the field is required")
    merchant = identity.merchants.get(fields[name])
    if merchant is None:
        _refuse(name, "this merchant is not known")
    return merchant


def _sign_type(fields: Mapping[str, str], only: str | None) -> str:
    given = fields.get("sign_type", "")
    if given and given not in SIGN_TYPES:
        _refuse("sign_type", f"it is none of {', '.join(SIGN_TYPES)}")
    if given and only not in (None, given):
        _refuse("sign_type", f"this operation takes {only} only")
    return given or "MD5"


def _check_required(
    request: ReceivedRequest, operation: Operation, fields: Mapping[str, str]
) -> None:
    """Want the first level of what the catalogue requires; `check_documents` goes deeper."""
    alternatives = operation.alternatives
    if alternatives and not any(fields.get(name) for name in alternatives):
        _refuse(" or ".join(alternatives), "one of them is required")
    places = {"xml": fields, "query": fields if request.method == "GET" else request.query}
    for place, *names in operation.required:
        if len(names) != 1 or place not in places or names[0] in alternatives:
            continue
        given = places[place].get(names[0])
        # An empty boolean is one that is false.
        if given is None or (given == "" and names[0] not in operation.booleans):
            _refuse(names[0], "the field is required")


def _check_certificate(request: ReceivedRequest, merchant: Merchant) -> None:
    # A merchant's serial in requests may be made up; what counts here is the certificate's own.
    if request.client_certificate != format(merchant.certificate.serial_number, "X"):
        raise FormFailure("the client certificate is not that of the merchant in the request")


def _refuse(where: str, issue: str) -> NoReturn:
    raise FormFailure(f"{where}: {issue}")
