"""What is answered to WeChat Pay: taken, or not and to be sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wechatpay_chain.errors import ConfigurationError, WebhookError
from wechatpay_chain.protocol import document, transformer
from wechatpay_chain.protocol.text import one_line

__all__ = ["V2", "V3", "Reply"]

V2, V3 = "v2", "v3"
"""The protocols of callbacks: XML with a sign, and signed JSON."""

LONGEST_MESSAGE = 200
"""Letters of a failure's message that are sent; WeChat Pay takes 256."""

_JSON = MappingProxyType({"Content-Type": "application/json; charset=utf-8"})
_XML = MappingProxyType({"Content-Type": "text/xml; charset=utf-8"})
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Reply:
    """The answer to a callback (回调应答), for any web framework to send.

    A handler may return one of its own, where WeChat Pay waits for more than a yes.

    Attributes:
        status: the HTTP status. A 2xx acknowledges; after anything else WeChat Pay sends the
            callback again, up to 15 times in 24 hours.
        headers: what the answer's headers are.
        body: its bytes, empty for v3's yes.

    Raises:
        ConfigurationError: no server could send it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    body: bytes = b""

    def __post_init__(self) -> None:
        # Here, where the handler's own line shows, and not when the event is handled.
        if not isinstance(self.status, int) or not 200 <= self.status <= 599:
            raise ConfigurationError("the status of a Reply must be a number from 200 to 599")
        if not isinstance(self.headers, Mapping) or not isinstance(self.body, bytes):
            raise ConfigurationError("a Reply takes a mapping of headers, and a body of bytes")

    @property
    def acknowledges(self) -> bool:
        """Whether WeChat Pay will take the callback for delivered."""
        return 200 <= self.status < 300

    @classmethod
    def success(cls, protocol: str = V3) -> Reply:
        """Return a protocol's yes: the callback is taken, and is not sent again.

        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012791861
        """
        if protocol == V2:
            return cls(200, _XML, _xml("SUCCESS", "OK"))
        return cls(200)

    @classmethod
    def failure(cls, message: str, protocol: str = V3, *, status: int = 500) -> Reply:
        """Return a protocol's no: WeChat Pay sends the callback again.

        Args:
            message: why, in a few words that WeChat Pay may see.
            protocol: ``"v3"`` or ``"v2"``.
            status: the HTTP status, no 2xx: also v2's no has one, besides its FAIL.
        """
        # Of what is left, all can be sent: half a surrogate pair is not printable.
        text = one_line(message, LONGEST_MESSAGE)
        if protocol == V2:
            return cls(status, _XML, _xml("FAIL", text))
        return cls(status, _JSON, document.dumps({"code": "FAIL", "message": text}))

    @classmethod
    def refusal(cls, error: WebhookError) -> Reply:
        """Return the no to a callback that `parse` refused, in the protocol that it came in.

        It says no more than the error's reason: whoever forged it may be reading.
        """
        return cls.failure(error.reason.value, error.protocol, status=error.status)


def _xml(code: str, message: str) -> bytes:
    return transformer.to_xml({"return_code": code, "return_msg": message}).encode()
