"""`Driver`: what ``getDriver()`` gives a PHP program, the way to the stacks themselves.

::

    stack = client.get_driver().select("v2")     # <Stack transform_response → … → the wire>
    stack.before("transform_request", mine)

    unverified = client.get_driver().select("v3").copy()
    unverified.remove("verifier")
    client.v3.some.operation.get(handler=unverified)   # this call only
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wechatpay_chain.errors import RequestError, WechatPayError
from wechatpay_chain.flow import Flow
from wechatpay_chain.middleware.stack import Stack
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.response import Response

__all__ = ["Driver"]


class Driver:
    """One client's two stacks, and requests by method and path."""

    XML_BASED = "v2"
    JSON_BASED = "v3"

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def select(self, protocol: str = JSON_BASED) -> Stack:
        """Return the stack that calls of a protocol pass, ``"v2"`` or ``"v3"``; change it at will.

        Raises:
            ConfigurationError: there is no such protocol, or the client has no keys for it.
        """
        return self._flow.stack_of(protocol)

    def request(
        self, method: str, uri: str, options: Mapping[str, Any] | None = None, **more: Any
    ) -> Response:
        """Send a request to a path template that is taken as it is, and return its answer.

        Raises:
            WechatPayError: as a verb of a chain does.
        """
        try:
            return self._flow.send_sync(_method(method), _uri(uri), options, more)
        except WechatPayError as error:
            # A traceback with locals must not show what was to be encrypted.
            del options, more
            raise error.with_traceback(None)

    def request_async(
        self, method: str, uri: str, options: Mapping[str, Any] | None = None, **more: Any
    ) -> Promise[Response]:
        """Return a promise of the answer to such a request."""
        return self._flow.send_async(_method(method), _uri(uri), options, more)

    def __repr__(self) -> str:
        return "<Driver>"


def _method(method: object) -> str:
    if isinstance(method, str) and method.upper() in METHODS:
        return method.upper()
    raise RequestError(f"the method must be one of {', '.join(METHODS)}")


def _uri(uri: object) -> str:
    if isinstance(uri, str):
        return uri
    raise RequestError(f"a path must be a string, not {type(uri).__name__}")
