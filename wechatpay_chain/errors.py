"""Every error that this package raises, in one tree.

::

    WechatPayError
    ├── ConfigurationError        the client cannot be built or used like this: mend its settings
    ├── NotSentError              nothing left this machine: calling again is safe
    │   ├── RequestError          the call's own options make no valid request: mend the call
    │   │   ├── CheckError        ``Client(check=True)`` found faults in the fields: all of them
    │   │   └── SegmentError      an attribute name that is no path segment (also an AttributeError)
    │   ├── ConnectError          no connection to the gateway could be made
    │   └── RateLimitError        the call's rate limit has no room: call again later
    ├── OutcomeUnknownError       bytes left and no whole answer came back: query, then decide
    ├── RefusedError              the gateway answered, and the answer is no
    │   ├── RedirectError         3xx: never followed
    │   ├── ClientError           4xx: mend the cause
    │   ├── ServerError           5xx: the same request again, a few times, later
    │   └── BusinessError         v2's 200 that says FAIL: look at its code
    ├── UnverifiedError           a 2xx that cannot be trusted: the operation may have happened
    ├── CertificateError          no trustworthy certificates could be had: the old keys stay
    ├── WebhookError              a callback that must not be acknowledged
    │   ├── WebhookHeaderError    its signature headers are missing, repeated or malformed
    │   ├── WebhookClockError     its timestamp is too far from this machine's clock
    │   ├── WebhookKeyError       it names a platform key that is not known
    │   ├── WebhookSignatureError its signature does not hold
    │   ├── WebhookDecryptError   its resource, or a field in it, cannot be opened
    │   └── WebhookBodyError      its body is not what a callback has
    ├── DecodeError               a genuine answer whose body is not the JSON or XML asked for
    └── DecryptError              a ciphertext that this key does not open

What matters when money moves is whether a request may have taken effect, so
each class says it: `sent` is False only where nothing can have happened.

A message is one line: what went wrong, where, and what to do. Keys, secrets,
bodies and the Authorization header never enter one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from wechatpay_chain.reasons import Reason

if TYPE_CHECKING:
    from wechatpay_chain.response import Response

__all__ = [
    "BusinessError",
    "CertificateError",
    "CheckError",
    "ClientError",
    "ConfigurationError",
    "ConnectError",
    "DecodeError",
    "DecryptError",
    "NotSentError",
    "OutcomeUnknownError",
    "RateLimitError",
    "Reason",
    "RedirectError",
    "RefusedError",
    "RequestError",
    "SegmentError",
    "ServerError",
    "UnverifiedError",
    "WebhookBodyError",
    "WebhookClockError",
    "WebhookDecryptError",
    "WebhookError",
    "WebhookHeaderError",
    "WebhookKeyError",
    "WebhookSignatureError",
    "WechatPayError",
]


class WechatPayError(Exception):
    """Catch this to catch everything that this package raises by itself."""

    sent: ClassVar[bool] = False
    """Whether the request may have reached WeChat Pay."""


class ConfigurationError(WechatPayError):
    """The client's own settings are wrong; no call can help before they are mended."""


class NotSentError(WechatPayError):
    """Nothing left this machine, so nothing happened: calling again is safe."""


class RequestError(NotSentError):
    """The options of the call cannot make a valid request; mend the call."""


class CheckError(RequestError):
    """Fields of the request are not as documented; ``Client(check=True)`` looks for that.

    Attributes:
        problems: every fault, each with the path of its field, such as
            ``json.amount.total is required``. Values are never in them.
    """

    def __init__(self, what: str, problems: tuple[str, ...]) -> None:
        super().__init__(what, problems)
        self.problems = problems

    def __str__(self) -> str:
        count = "1 fault" if len(self.problems) == 1 else f"{len(self.problems)} faults"
        return f"{self.args[0]} was not sent, {count}: {'; '.join(self.problems)}"


class SegmentError(RequestError, AttributeError):
    """The attribute is no path segment.

    Also an AttributeError, so that `hasattr`, `copy` and the probing of shells
    and debuggers get the answer that they expect.
    """


class ConnectError(NotSentError):
    """No connection could be made: wrong host, no network, TLS refused, proxy down, timed out."""


class RateLimitError(NotSentError):
    """A `RateLimiter` held the call back: one of its limits (频率限制) has no room yet.

    Attributes:
        operation: the method and path that were to be called.
        calls: how many calls the limit allows
        seconds: in any stretch of so many seconds.
        retry_after: seconds from then until there is room, unless others take it.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        calls: int = 0,
        seconds: float = 0.0,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.calls = calls
        self.seconds = seconds
        self.retry_after = retry_after


class OutcomeUnknownError(WechatPayError):
    """Bytes left and no whole answer came back.

    The operation may or may not have happened. Query it by its own number
    first; where the API is re-entrant, repeat with exactly the same parameters.
    """

    sent = True


class RefusedError(WechatPayError):
    """The gateway answered with something else than success.

    Attributes:
        status: the HTTP status.
        code: WeChat Pay's error code, such as ``PARAM_ERROR``; empty if the body had none.
        detail: WeChat Pay's ``detail``, as it came: often says which field and why.
        request_id: quote this to WeChat Pay's support.
        verified: whether the answer bore a valid signature. If it is False anybody
            on the way may have written it.
        response: the whole answer.
    """

    sent = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        text: str = "",
        detail: Any = None,
        request_id: str = "",
        verified: bool = False,
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = text
        """WeChat Pay's own message, often in Chinese."""
        self.detail = detail
        self.request_id = request_id
        self.verified = verified
        self.response = response


class RedirectError(RefusedError):
    """A redirect. It is never followed: a signature is not for another address."""


class ClientError(RefusedError):
    """4xx: the request is at fault. The same request again will fail again (save 429)."""


class ServerError(RefusedError):
    """5xx: WeChat Pay is at fault. Repeat with the same parameters, never a new order number."""


class BusinessError(RefusedError):
    """A 200 of the XML protocol (v2) whose ``return_code`` or ``result_code`` is not SUCCESS.

    `code` is its ``err_code`` or ``error_code`` (or else ``return_code``), `message` its
    ``err_code_des`` (or ``return_msg``). After ``SYSTEMERROR``, ``BANKERROR`` or
    ``USERPAYING`` the outcome is open: query it, and repeat with the same number only. WeChat
    Pay does not sign a ``return_code`` of FAIL, so `verified` is then False.

    Attributes:
        data: the answer's fields.
    """

    data: Mapping[str, Any] = MappingProxyType({})


class UnverifiedError(WechatPayError):
    """A 2xx whose signature does not hold, which must be treated as forged.

    **The operation may have happened all the same.** Query it before anything else.

    Attributes:
        reason: a `Reason`.
        is_probe: True for WeChat Pay's own probing with wrong signatures
            (``WECHATPAY/SIGNTEST/``): proof that this check works, not an attack.
        response: the answer, for a look at it. Nothing in it can be trusted.

    Sources: https://pay.weixin.qq.com/doc/global/v3/zh/4012354982 (an unsigned 2xx is forged),
    https://pay.weixin.qq.com/doc/v3/merchant/4016241880 (probes)
    """

    sent = True

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.BAD_SIGNATURE,
        is_probe: bool = False,
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_probe = is_probe
        self.response = response


class CertificateError(WechatPayError):
    """WeChat Pay's certificates (平台证书) could not be downloaded, or cannot be trusted.

    All or nothing: the keys that were there before stay in use.
    """

    sent = True


class WebhookError(WechatPayError):
    """A callback (回调) that must not be acknowledged: WeChat Pay did not send it as it came.

    Attributes:
        reason: a `Reason`, one for each way to be wrong.
        status: the HTTP status to answer with; never a 2xx.
        is_probe: True for WeChat Pay's own probing with wrong signatures
            (``WECHATPAY/SIGNTEST/``): proof that this check works, not an attack.
        protocol: ``"v3"`` or ``"v2"``, whichever the callback looked like; `Reply.refusal`
            makes the answer that this protocol wants.

    Source: https://pay.weixin.qq.com/doc/v3/merchant/4016241880 (probes)
    """

    status: int = 401

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.BAD_SIGNATURE,
        is_probe: bool = False,
        protocol: str = "v3",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_probe = is_probe
        self.protocol = protocol


class WebhookHeaderError(WebhookError):
    """A signature header is missing, empty, there twice, malformed, or of another scheme."""


class WebhookClockError(WebhookError):
    """The timestamp is over five minutes from this machine's clock: a replay, or a wrong clock."""


class WebhookKeyError(WebhookError):
    """There is no key to check it with: an unknown serial, or nothing is configured for it."""


class WebhookSignatureError(WebhookError):
    """The signature (v3) or sign (v2) does not match the body: forged, altered, or a probe."""


class WebhookDecryptError(WebhookError):
    """The body is genuine, but the resource or a field in it does not open with these keys."""

    status = 500


class WebhookBodyError(WebhookError):
    """The body is no callback: too large, not JSON or XML, or without what every callback has."""

    status = 400


class DecodeError(WechatPayError):
    """The body is not what the caller asked to read it as.

    The answer itself is complete, and the operation took effect; look at
    `Response.body`.
    """

    sent = True


class DecryptError(WechatPayError):
    """A ciphertext was not made for this key, or was changed on the way.

    One message for every cause: which part was wrong would help whoever is guessing.
    """
