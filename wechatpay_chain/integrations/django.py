"""Callbacks in Django.

::

    path("notify", webhook_view(client.webhooks))        # sync handlers, under WSGI or ASGI
    path("notify", webhook_view_async(client.webhooks))  # async handlers
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.integrations.bodies import read
from wechatpay_chain.webhooks import Reply, Webhooks

try:
    # Django says nothing of types.
    from django.db import connections, transaction  # type: ignore[import-untyped]
    from django.http import (  # type: ignore[import-untyped]
        HttpResponse,
        HttpResponseNotAllowed,
        UnreadablePostError,
    )
except ImportError as error:
    raise ConfigurationError(
        "this integration needs Django: pip install 'wechatpay-chain[django]'"
    ) from error

__all__ = ["webhook_view", "webhook_view_async"]


def webhook_view(webhooks: Webhooks) -> Callable[..., Any]:
    """Return the view of a URL that takes callbacks (回调通知), for sync handlers.

    They run in the request's thread, so that they may use the ORM; under ASGI that is the
    thread which Django gives to sync views. The view is exempt from CSRF checks, and from
    ``ATOMIC_REQUESTS``: a handler that must be undone when it fails is ``@transaction.atomic``.
    The largest body is ``webhooks.limit``, not ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
    """

    def wechatpay_webhook(request: Any) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return _response(webhooks.receive(request.headers, _body(request, webhooks.limit)))

    return _exempt(wechatpay_webhook)


def webhook_view_async(webhooks: Webhooks) -> Callable[..., Awaitable[Any]]:
    """Return the same as `webhook_view` does, for async handlers: they run on the server's loop."""

    async def wechatpay_webhook(request: Any) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        body = _body(request, webhooks.limit)
        return _response(await webhooks.receive_async(request.headers, body))

    return _exempt(wechatpay_webhook)


def _body(request: Any, limit: int) -> bytes:
    try:
        return read(request, limit)
    except UnreadablePostError:
        # WeChat Pay has hung up: nobody will read how this is refused.
        return b""


def _response(reply: Reply) -> Any:
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers)


def _exempt(view: Any) -> Any:
    # Not by Django's decorator, which makes async views sync before Django 5.
    view.csrf_exempt = True
    # Django refuses async views that are not, and a transaction that ends well because a
    # failure became a reply would keep half of what the handler did.
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
