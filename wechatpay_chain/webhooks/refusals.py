"""Which of the six errors a callback is refused with."""

from __future__ import annotations

from wechatpay_chain.errors import (
    Reason,
    UnverifiedError,
    WebhookClockError,
    WebhookError,
    WebhookHeaderError,
    WebhookKeyError,
    WebhookSignatureError,
)

__all__ = ["of"]

_KINDS: dict[Reason, type[WebhookError]] = {
    Reason.MISSING_HEADER: WebhookHeaderError,
    Reason.REPEATED_HEADER: WebhookHeaderError,
    Reason.MALFORMED_HEADER: WebhookHeaderError,
    Reason.WRONG_SCHEME: WebhookHeaderError,
    Reason.CLOCK: WebhookClockError,
    Reason.UNKNOWN_SERIAL: WebhookKeyError,
}


def of(error: UnverifiedError, *, is_probe: bool) -> WebhookError:
    """Return the callback's error for what a signature's reader or proof found."""
    kind = _KINDS.get(error.reason, WebhookSignatureError)
    return kind(str(error), reason=error.reason, is_probe=is_probe)
