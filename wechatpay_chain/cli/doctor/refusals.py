"""What WeChat Pay's refusals of a signed echo mean for a set-up."""

from __future__ import annotations

import json

from wechatpay_chain.cli.doctor.examination import PORTAL, SECURITY, Result, fault, warning
from wechatpay_chain.errors import RefusedError
from wechatpay_chain.platform_keys import PUBLIC_KEY_ID
from wechatpay_chain.protocol.text import one_line

__all__ = ["echo_refused", "platform_key_unknown"]

_SERIAL_HOW = "openssl x509 -in apiclient_cert.pem -noout -serial; the key must be of that file"

# What a 401's detail or message has in it → the setting at fault, what is wrong, what to do.
_SIGN_FAULTS: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (
        ("timestamp", "时间戳"),
        "clock",
        "the gateway refuses the time of the request",
        "set this machine's clock over the network (NTP)",
    ),
    (
        ("the scheme", "认证类型"),
        "settings",
        "the gateway does not take that scheme",
        "leave scheme out, or set it to brand if mchid is the id of a brand (品牌)",
    ),
    (
        ("serial_no", "序列号"),
        "serial",
        "this merchant has no certificate of that serial",
        f"compare it: {_SERIAL_HOW}",
    ),
    (
        ('"mchid"', "商户号"),
        "settings",
        "mchid is not known, or not that of the serial",
        f"compare mchid with the one on {PORTAL} > 商户信息",
    ),
    (
        ("",),
        "private_key",
        "the gateway refuses our signature: private_key is not the key of serial",
        f"give the key of that certificate, or its serial: {_SERIAL_HOW}",
    ),
)


def echo_refused(error: RefusedError) -> Result:
    """Return what a refusal of a signed echo means."""
    words = f"{error.status} {error.code}".rstrip()
    said = f"{words}: {one_line(error.message)}" if error.message else words
    if error.status == 401:
        told = json.dumps(error.detail, ensure_ascii=False) if error.detail else ""
        for marks, check, problem, advice in _SIGN_FAULTS:
            if any(mark in told or mark in error.message for mark in marks):
                return fault(check, f"{problem} ({said})", advice)
    if error.status == 404:
        return fault(
            "gateway",
            f"it has no such operation ({words}), so it is not WeChat Pay's",
            "mend base_uri, or leave it out",
        )
    if error.status == 429:
        return warning("signature", f"too many requests ({words})", "try again in a minute")
    if error.status >= 500:
        return warning("signature", f"the gateway has failed ({said})", "try again later")
    if 300 <= error.status < 400:
        return fault("gateway", f"it redirects ({words})", "set base_uri to where it leads")
    if not error.verified and not error.code:
        return fault(
            "gateway",
            f"what answers is not WeChat Pay: {words} without a code or a signature",
            "check base_uri, and what stands between here and there",
        )
    return fault(
        "signature",
        f"the gateway refuses ({said})",
        "see what it says; is the merchant allowed to use APIv3?",
    )


def platform_key_unknown(serial: str, known: tuple[str, ...]) -> Result:
    """Return what it means that an answer is signed with a key that is not set."""
    check = "platform keys"
    name = one_line(serial, 64) or "an unknown key"
    if serial.startswith(PUBLIC_KEY_ID) and not any(map(_is_public, known)):
        return fault(
            check,
            f"this merchant is in public-key mode: answers are signed with {name}, but only "
            "certificates are set",
            f"set public_key_id and public_key: {SECURITY} > 微信支付公钥",
        )
    if serial.startswith(PUBLIC_KEY_ID):
        return fault(
            check,
            f"answers are signed with {name}, but {', '.join(known)} is set",
            f"set public_key_id to {name}, and public_key to that key",
        )
    return fault(
        check,
        f"answers are signed with the certificate {name}, which is not set",
        "get it: wechatpay-chain certificates; and set certs to where it is",
    )


def _is_public(name: str) -> bool:
    return name.startswith(PUBLIC_KEY_ID)
