"""Checks of the two symmetric keys against the gateway: what it seals, and what it signs.

All that is sent changes nothing: a list, and a query of an order that never was.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from wechatpay_chain.cli.doctor.examination import (
    SECURITY,
    Examination,
    Result,
    State,
    fault,
    ok,
    skipped,
    warning,
)
from wechatpay_chain.cli.doctor.gateway import IDENTITY, json_of
from wechatpay_chain.crypto import AesGcm
from wechatpay_chain.errors import (
    BusinessError,
    Reason,
    RefusedError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.platform_keys import PUBLIC_KEY_ID
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.response import Response

__all__ = ["certificates", "xml_protocol"]

_NOWHERE_APPID = "wx0000000000000000"
_UNSIGNED = (Reason.BAD_SIGNATURE, Reason.MISSING_SIGN)
_SIGN_WORDS = ("sign", "签名")


def certificates(about: Examination) -> Iterator[Result]:
    """List WeChat Pay's certificates: is there a newer one, and does apiv3_key open them?"""
    check = "certificates"
    key = None if about.has_fault("apiv3_key") else about.secret("apiv3_key")
    only = bool(about.platform) and not any(one.startswith(PUBLIC_KEY_ID) for one in about.platform)
    if about.profile.is_v2_only or (key is None and not only):
        return
    causes = ("gateway", *IDENTITY, *(("platform keys",) if only else ()))
    if about.client is None or not about.is_reachable or about.has_fault(*causes):
        yield skipped(check, "the faults above come first")
        return
    outcome: Response | WechatPayError
    try:
        outcome = about.client.get_driver().request("GET", "v3/certificates")
    except WechatPayError as error:
        outcome = error
    yield from judge_certificates(outcome, key, tuple(about.platform), is_only=only)


def judge_certificates(
    outcome: Response | WechatPayError,
    key: Sensitive[Any] | None,
    known: tuple[str, ...],
    *,
    is_only: bool,
) -> Iterator[Result]:
    """Judge the list of certificates; `is_only` tells that no public key is set."""
    check = "certificates"
    if isinstance(outcome, RefusedError) and outcome.code == "RESOURCE_NOT_EXISTS":
        words = "this merchant has none: it is in public-key mode (微信支付公钥)"
        if is_only:
            yield fault(
                "platform keys",
                f"{words}, but only certificates are set",
                f"set public_key_id and public_key: {SECURITY}",
            )
        else:
            yield ok(check, f"{words}; so apiv3_key shows with the first callback whether it fits")
        return
    response = outcome if isinstance(outcome, Response) else getattr(outcome, "response", None)
    # One that is signed with an unknown key proves nothing but what it is sealed with.
    is_sealed = isinstance(outcome, (Response, UnverifiedError)) and response is not None
    listed = _listed(response) if is_sealed and response is not None else []
    if not listed:
        why = "there is none in the answer" if isinstance(outcome, Response) else outcome
        yield warning(check, f"the list could not be had: {why}", "try again later")
        return
    if key is not None and not all(_opens(one, key) for one in listed):
        yield fault(
            "apiv3_key",
            "it does not open WeChat Pay's certificates",
            f"set it anew, here and there: {SECURITY} > APIv3密钥",
        )
    elif key is not None:
        yield ok("apiv3_key", f"opens WeChat Pay's certificates ({len(listed)})")
    serials = [str(one.get("serial_no")) for one in listed]
    new = [serial for serial in serials if serial not in known]
    if is_only and new:
        yield warning(
            check, f"{', '.join(new)} is in use, but not set", "wechatpay-chain certificates"
        )
    elif is_only:
        yield ok(check, f"all that are in use are set: {', '.join(serials)}")


def _listed(response: Response) -> list[dict[str, Any]]:
    value = json_of(response)
    data = value.get("data") if isinstance(value, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def _opens(listed: Mapping[str, Any], key: Sensitive[Any]) -> bool:
    sealed = listed.get("encrypt_certificate")
    if not isinstance(sealed, dict):
        return False
    parts = [sealed.get(name) for name in ("ciphertext", "nonce", "associated_data")]
    ciphertext, nonce, purpose = (part if isinstance(part, str) else "" for part in parts)
    try:
        AesGcm.decrypt(ciphertext, key.reveal(), nonce, purpose)
    except WechatPayError:
        return False
    return True


def xml_protocol(about: Examination) -> Iterator[Result]:
    """Query an order that never was: what the XML protocol says to that shows the secret."""
    check = "secret"
    if about.secret(check) is None or "mchid" not in about.profile:
        return
    if not about.is_reachable or about.client is None or about.has_fault("gateway"):
        yield skipped(check, "the faults above come first")
        return
    fields = {
        "appid": about.profile.text("appid") or _NOWHERE_APPID,
        "mch_id": about.profile.text("mchid"),
        "out_trade_no": f"doctor{secrets.token_hex(8)}",
    }
    outcome: Response | WechatPayError
    try:
        outcome = about.client.get_driver().request("POST", "v2/pay/orderquery", xml=fields)
    except WechatPayError as error:
        outcome = error
    result = judge_xml(outcome)
    if result.state is State.WARNING and about.has_fault("settings", "merchant_cert"):
        result = skipped(check, "the faults above come first")
    yield result


def judge_xml(outcome: Response | WechatPayError) -> Result:
    """Judge the answer to a query over v2, which WeChat Pay signs if the question's sign holds."""
    check = "secret"
    how = f"copy it, or set it anew: {SECURITY} > APIv2密钥"
    if isinstance(outcome, Response) or (isinstance(outcome, BusinessError) and outcome.verified):
        return ok(check, "v2 takes our sign, and its answer's sign holds")
    words = f"{outcome.code} {outcome.message}" if isinstance(outcome, RefusedError) else ""
    if any(word in words.lower() for word in _SIGN_WORDS):
        return fault(check, "v2 refuses our sign", how)
    if isinstance(outcome, UnverifiedError) and outcome.reason in _UNSIGNED:
        return fault(check, "the sign of v2's answer does not hold", how)
    if isinstance(outcome, UnverifiedError):
        return fault(
            "gateway",
            f"what answers over v2 is not WeChat Pay ({outcome.reason})",
            "check base_uri, and what stands between here and there",
        )
    return warning(
        check, f"v2 does not say whether it fits: {words or outcome}", "set appid and try again"
    )
