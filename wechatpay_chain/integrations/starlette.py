"""Callbacks in Starlette.

::

    Route("/notify", webhook_view(client.webhooks), methods=["POST"])
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wechatpay_chain.extras import missing
from wechatpay_chain.integrations.arguments import check
from wechatpay_chain.integrations.bodies import read_async
from wechatpay_chain.webhooks import Webhooks

try:
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
except ImportError as error:
    raise missing("this integration", "starlette") from error

__all__ = ["webhook_view"]


def webhook_view(webhooks: Webhooks) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a route that takes callbacks (回调通知).

    Its handlers run on the application's loop if they are async, else in a thread.

    Raises:
        ConfigurationError: it is given something else than a `Webhooks`.
    """
    check(webhooks)

    # FastAPI reads the annotations, by the names of this module.
    async def wechatpay_webhook(request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        try:
            body = await read_async(request.stream(), webhooks.limit)
        except ClientDisconnect:
            # Cut off.
            return Response(status_code=400)
        reply = await webhooks.receive_async(request.headers.items(), body)
        return Response(reply.body, reply.status, reply.headers)

    return wechatpay_webhook
