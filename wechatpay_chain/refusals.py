"""An answer that says no → the error that says what it said, and what to do.

WeChat Pay's own words are quoted in one line and cut where they grow long; they
are somebody else's, and may have been written by anybody if the answer is unsigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.errors import (
    BusinessError,
    ClientError,
    DecodeError,
    RedirectError,
    RefusedError,
    ServerError,
)
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import Response

__all__ = ["of_business", "of_status"]

_MEND = "mend the cause before sending it again"
_UNSIGNED = "; anybody may have written this: query before you send it again"
_LATER = "send it again later, and less often"
_QUERY = "the outcome is open: query it, and repeat with the same parameters only"

_ADVICE = {
    "SIGN_ERROR": "check that mchid, serial and private_key belong together, and the clock here",
    "RATELIMIT_EXCEEDED": _LATER,
    "FREQUENCY_LIMITED": _LATER,
}
# Codes of the XML protocol, which puts them into a 200.
_BUSINESS_ADVICE = {
    "SYSTEMERROR": _QUERY,
    "SYSTEM_ERROR": _QUERY,
    "BANKERROR": _QUERY,
    "USERPAYING": "the payer is asked for a password: query it until it is paid or closed",
    "SIGNERROR": "check that secret is the merchant's APIv2密钥",
    "FREQUENCY_LIMITED": _LATER,
    "FREQ_LIMIT": _LATER,
}


def of_status(what: str, response: Response, *, is_v2: bool, hint: str = "") -> RefusedError:
    """Return the error for an answer of status 3xx, 4xx or 5xx.

    Args:
        what: what to call the request.
        response: the answer.
        is_v2: whether it is of the XML protocol.
        hint: what else may be at fault in a 4xx.
    """
    fields = _fields(response, is_v2=is_v2)
    code, detail = one_line(fields.get("code") or fields.get("err_code")), fields.get("detail")
    text = str(
        fields.get("message") or fields.get("err_code_des") or fields.get("return_msg") or ""
    )
    kind: type[RefusedError]
    if response.status < 400:
        kind, advice = RedirectError, "redirects are not followed: check base_uri"
    elif response.status >= 500:
        kind = ServerError
        advice = "repeat it later with the same parameters, never with a new number"
    else:
        kind, advice = ClientError, _ADVICE.get(code, _MEND) + hint
    trust = "" if response.verified else ", in an answer whose signature is missing or wrong"
    name = f"{response.status} {code}".rstrip()
    quote = f": {one_line(text)}" if text else ""
    return kind(
        f"{what}: refused with {name}{trust}{quote} (request id "
        f"{one_line(response.request_id) or 'unknown'}); {advice}",
        status=response.status,
        code=code,
        text=text,
        detail=detail,
        request_id=response.request_id,
        verified=response.verified,
        response=response,
    )


def of_business(what: str, fields: Mapping[str, Any], response: Response) -> BusinessError:
    """Return the error for a 200 of the XML protocol that says FAIL."""
    code = one_line(
        fields.get("err_code")
        or fields.get("error_code")
        or fields.get("result_code")
        or fields["return_code"]
    )
    text = str(fields.get("err_code_des") or fields.get("return_msg") or "")
    trust = "" if response.verified else ", in an answer that is not signed"
    quote = f": {one_line(text)}" if text else ""
    # WeChat Pay signs the FAIL of a result_code, so without a sign anybody may have written it;
    # and what is neither SUCCESS nor FAIL says nothing.
    is_doubtful = not response.verified and fields["return_code"] == "SUCCESS"
    is_clear = "FAIL" in (fields["return_code"], fields.get("result_code"))
    advice = _BUSINESS_ADVICE.get(code, _MEND) if is_clear and not is_doubtful else _QUERY
    if not response.verified and advice is not _QUERY:
        advice += _UNSIGNED
    error = BusinessError(
        f"{what}: refused with {code}{trust}{quote}; {advice}",
        status=response.status,
        code=code,
        text=text,
        request_id=response.request_id,
        verified=response.verified,
        response=response,
    )
    error.data = fields
    return error


def _fields(response: Response, *, is_v2: bool) -> dict[str, Any]:
    """Return what a refusal says of itself, as far as it can be read."""
    try:
        value = response.xml() if is_v2 else response.json()
    except DecodeError:
        return {}
    return value if isinstance(value, dict) else {}
