"""Callbacks in aiohttp.web.

::

    app.router.add_post("/notify", webhook_view(client.webhooks))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from wechatpay_chain.integrations.arguments import check
from wechatpay_chain.integrations.bodies import read_async
from wechatpay_chain.webhooks import Webhooks

__all__ = ["webhook_view"]


def webhook_view(webhooks: Webhooks) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of a route that takes callbacks (回调通知).

    Its handlers run on the application's loop if they are async, else in a thread. The
    largest body is ``webhooks.limit``, not the application's ``client_max_size``.

    Raises:
        ConfigurationError: it is given something else than a `Webhooks`.
    """
    check(webhooks)

    async def wechatpay_webhook(request: web.Request) -> web.Response:
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        try:
            body = await read_async(request.content.iter_any(), webhooks.limit)
            # What a middleware has read already, aiohttp has kept.
            body = body or await request.read()
        except (OSError, web.RequestPayloadError):
            # Cut off, or compressed though no callback is.
            return web.Response(status=400)
        reply = await webhooks.receive_async(request.headers, body)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    return wechatpay_webhook
