"""Why an answer or a callback is refused, in one word for programs; `errors` exports it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reason"]


class Reason(StrEnum):
    """Why an answer or a callback could not be trusted."""

    MISSING_HEADER = "missing-header"
    REPEATED_HEADER = "repeated-header"
    MALFORMED_HEADER = "malformed-header"
    WRONG_SCHEME = "wrong-scheme"
    CLOCK = "clock"
    UNKNOWN_SERIAL = "unknown-serial"
    BAD_SIGNATURE = "bad-signature"
    BAD_DIGEST = "bad-digest"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    MISSING_SIGN = "missing-sign"
    WRONG_SIGN_TYPE = "wrong-sign-type"
    NOT_CONFIGURED = "not-configured"
    MALFORMED_BODY = "malformed-body"
    UNKNOWN_ALGORITHM = "unknown-algorithm"
    NOT_OPENED = "not-opened"
    SEALED_FIELD = "sealed-field"
    FOREIGN_MERCHANT = "foreign-merchant"
