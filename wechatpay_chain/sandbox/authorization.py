"""Check the Authorization header of a request, as strictly as the real gateway.

Pure but for the memory of nonces: the time is passed in. A refusal names the
field at fault; it never repeats a signature, a body or a key.
"""

from __future__ import annotations

import re
from typing import NoReturn

from wechatpay_chain.sandbox.identity import Identity, Merchant
from wechatpay_chain.sandbox.records import ReceivedRequest, Refusal
from wechatpay_chain.sandbox.signing import request_message, verify

__all__ = ["CLOCK_TOLERANCE", "Nonces", "check_authorization"]

FIELDS = frozenset({"serial_no", "timestamp", "nonce_str", "signature"})
"""The fields of the header besides the one that names the holder."""

CLOCK_TOLERANCE = 300

_PAIR = re.compile(r'([A-Za-z_]+)="([^"]*)"')
_CREDENTIALS = re.compile(rf"{_PAIR.pattern}(?:,[ \t]*{_PAIR.pattern})*")
_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"[0-9A-Za-z]{1,32}")


class Nonces:
    """The nonces of the last minutes, so that a request sent twice is seen as a replay.

    Each merchant has nonces of its own.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}

    def __contains__(self, mchid_and_nonce: tuple[str, str]) -> bool:
        return mchid_and_nonce in self._seen

    def add(self, mchid: str, nonce: str, now: float) -> None:
        # A timestamp may lie ahead by the tolerance, and stays valid that long after itself.
        # Entries are in order of arrival, so the old ones stand in front.
        for old, since in list(self._seen.items())[:8]:
            if since < now - 2 * CLOCK_TOLERANCE:
                del self._seen[old]
        self._seen[mchid, nonce] = now

    def clear(self) -> None:
        self._seen.clear()


def check_authorization(
    request: ReceivedRequest, identity: Identity, nonces: Nonces, now: float
) -> Merchant:
    """Return the merchant who signed, and remember the nonce; raise the 401 of a wrong header."""
    fields = _read(request, identity)
    merchant = identity.merchants.get(fields[identity.holder])
    timestamp, nonce = fields["timestamp"], fields["nonce_str"]
    if merchant is None:
        _refuse(request, identity.holder, f"this {identity.kind} is not known", fields)
    if fields["serial_no"] != merchant.serial:
        issue = f"this {identity.kind} has no certificate of that serial"
        _refuse(request, "serial_no", issue, fields)
    if not _TIMESTAMP.fullmatch(timestamp):
        _refuse(request, "timestamp", "it is not ten ASCII digits", fields)
    if abs(now - int(timestamp)) > CLOCK_TOLERANCE:
        _refuse(request, "timestamp", f"it is off by more than {CLOCK_TOLERANCE} seconds", fields)
    if not _NONCE.fullmatch(nonce):
        _refuse(request, "nonce_str", "it is not 1 to 32 letters and digits", fields)
    if (merchant.mchid, nonce) in nonces:
        _refuse(request, "nonce_str", "it was used before: this is a replay", fields)
    message = _message(request, fields)
    if not verify(merchant.private_key.public_key(), message, fields["signature"]):
        _refuse(request, "signature", "it does not match", fields)
    nonces.add(merchant.mchid, nonce, now)
    return merchant


def _read(request: ReceivedRequest, identity: Identity) -> dict[str, str]:
    """Take the five fields out of the header, each of which must be there exactly once."""
    headers = request.headers.getall("Authorization", [])
    if len(headers) != 1:
        _refuse(request, "authorization", f"expected one such header, got {len(headers)}", {})
    scheme, _, credentials = headers[0].partition(" ")
    if scheme != identity.scheme:
        issue = f"the scheme is not {identity.scheme}, a {identity.kind}'s"
        _refuse(request, "authorization", issue, {})
    if not _CREDENTIALS.fullmatch(credentials):
        _refuse(request, "authorization", 'it is not a list of name="value"', {})
    pairs = _PAIR.findall(credentials)
    fields = dict(pairs)
    if len(pairs) != len(fields):
        _refuse(request, "authorization", "a field is there twice", {})
    wanted = FIELDS | {identity.holder}
    if fields.keys() != wanted:
        odd = ", ".join(sorted(fields.keys() ^ wanted))
        _refuse(request, "authorization", f"missing or surplus: {odd}", {})
    return fields


def _message(request: ReceivedRequest, fields: dict[str, str]) -> bytes:
    return request_message(
        request.method,
        request.target,
        fields["timestamp"],
        fields["nonce_str"],
        request.signed_body,
    )


def _refuse(request: ReceivedRequest, field: str, issue: str, fields: dict[str, str]) -> NoReturn:
    """Raise SIGN_ERROR with what WeChat Pay tells on the string it expected to be signed."""
    url = request.target.encode("utf-8", "backslashreplace").decode()
    message = _message(request, fields) if fields else b""
    # The real gateway cuts its echo of the signed string; ours stops before the body,
    # which may hold what a log must not.
    truncated = "\n".join((request.method, url, fields["timestamp"], "")) if fields else ""
    raise Refusal(
        401,
        "SIGN_ERROR",
        "The signature of the request is wrong",
        field=field,
        issue=issue,
        location="authorization",
        sign_information={
            "method": request.method,
            "url": url,
            "truncated_sign_message": truncated,
            "sign_message_length": len(message),
        },
    )
