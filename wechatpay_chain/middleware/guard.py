"""One send, whatever happens: failures of the wire become our errors.

aiohttp sends GET, PUT and DELETE a second time when a kept-alive connection
dies under them, and it does so on its own exceptions only. So `guard`, the
outermost middleware, lets none of them pass: what left this machine once has
left it once. And it sends on any idle connection, also on one that an answer
came over which nobody had asked for; `Departure` does not, because that answer
would be taken for this request's.
"""

from __future__ import annotations

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.connector import Connection

from wechatpay_chain.errors import ConnectError, NotSentError, OutcomeUnknownError, WechatPayError
from wechatpay_chain.middleware import call as calls
from wechatpay_chain.middleware.call import Call

__all__ = ["WIRE_FAILURES", "Departure", "guard", "hide", "leave", "translate"]

WIRE_FAILURES = (aiohttp.ClientError, OSError, TimeoutError)
"""All that aiohttp raises about a connection."""

# With these, aiohttp had not begun to write the request.
_NOT_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)

_OPEN = "; it may or may not have taken effect: query it before anything else"


async def guard(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a request once: a middleware for `aiohttp.ClientSession`, to be put first.

    Raises:
        ConnectError: no connection could be made.
        OutcomeUnknownError: the connection failed later.
    """
    try:
        return await handler(request)
    except WIRE_FAILURES as error:
        failure = translate(error, calls.name(request), calls.of(request))
    except NotSentError as error:
        call = calls.of(request)
        if call is None or not call.left:
            raise
        # A middleware of the caller's sent it once before.
        failure = OutcomeUnknownError(
            f"{calls.name(request)}: sent, but not again ({error}){_OPEN}"
        )
    # Raised out here, so that the original, which holds the request, is not its context.
    raise failure


async def leave(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Note what comes: the innermost middleware of a `Client`'s calls."""
    call = calls.of(request)
    if call is None:
        return await handler(request)
    call.ready = True
    while True:
        try:
            answer = await handler(request)
        except _NotIdleError:
            # That connection is closed by now, and nothing was sent over it.
            continue
        call.answers.append(answer)
        return answer


class Departure(ClientRequest):
    """A request of a `Client`, which notes the moment from which something may have left."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request to the connection that was found or made for it.

        Raises:
            _NotIdleError: something came over that connection before anything was asked.
        """
        if conn.protocol is not None and conn.protocol.should_close:
            raise _NotIdleError
        call = calls.of(self)
        if call is not None:
            call.left = True
        return await super().send(conn)


class _NotIdleError(Exception):
    """A connection has an answer to no request."""


def translate(error: BaseException, what: str, call: Call | None) -> WechatPayError:
    """Return our error for one of aiohttp's, saying whether anything may have been sent.

    Of a request that belongs to no `call`, the kind of the error is all that tells.
    """
    failure: WechatPayError
    if not isinstance(error, _NOT_CONNECTED) if call is None else call.left:
        failure = OutcomeUnknownError(f"{what}: {_problem(error)}{_OPEN}")
    elif call is None or call.ready:
        failure = ConnectError(f"{what}: not sent, {_connect_problem(error)}")
    else:
        failure = NotSentError(f"{what}: not sent, {_unsent_problem(error)}")
    failure.__cause__ = _told(error)
    return failure


def hide(error: BaseException) -> None:
    """Take the tracebacks off an error and its causes: their frames hold headers and bodies."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__


def _told(error: BaseException) -> BaseException:
    """Return what may be shown of aiohttp's error; some of them hold the whole request."""
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, error.strerror)
    return aiohttp.ClientError(type(error).__name__)


def _unsent_problem(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "a middleware took too long: check a remote signer, and timeout"
    return f"a middleware failed with {type(error).__name__}"


def _problem(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer was cut off or damaged"
    if isinstance(error, TimeoutError):
        return "no whole answer came in time"
    return f"the connection was lost ({type(error).__name__})"


def _connect_problem(error: BaseException) -> str:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return "the gateway's TLS certificate or handshake was not accepted: check base_uri and CAs"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the gateway's name could not be resolved: check base_uri and DNS"
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return "the proxy could not be used: check proxy"
    if isinstance(error, TimeoutError):
        return "no connection could be made in time: check network, base_uri and connect_timeout"
    return "no connection could be made: check network, base_uri and proxy"
