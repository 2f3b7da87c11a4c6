"""Callbacks in Django, under WSGI and ASGI.

::

    path("notify", webhook_view(client.webhooks))
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from wechatpay_chain import loops
from wechatpay_chain.extras import missing
from wechatpay_chain.integrations.arguments import check
from wechatpay_chain.integrations.bodies import read
from wechatpay_chain.webhooks import Event, Webhooks
from wechatpay_chain.webhooks.router import Handler

try:
    from asgiref.sync import async_to_sync

    # Django says nothing of types.
    from django.db import connections, transaction  # type: ignore[import-untyped]
    from django.http import (  # type: ignore[import-untyped]
        HttpResponse,
        HttpResponseNotAllowed,
    )
except ImportError as error:
    raise missing("this integration", "django") from error

__all__ = ["webhook_view"]


def webhook_view(webhooks: Webhooks) -> Callable[..., Any]:
    """Return the view of a URL that takes callbacks (回调通知).

    It is a sync view, so sync handlers run where the ORM works and Django closes its
    connections, also under ASGI; there, async handlers run on the server's loop. It is exempt
    from CSRF checks, and from ``ATOMIC_REQUESTS``: a handler that must be undone when it fails
    is ``@transaction.atomic``. The largest body is ``webhooks.limit``, not
    ``DATA_UPLOAD_MAX_MEMORY_SIZE``.

    Raises:
        ConfigurationError: it is given something else than a `Webhooks`.
    """
    check(webhooks)

    def wechatpay_webhook(request: Any) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            body = read(request, webhooks.limit)
        except OSError:
            # Cut off, or in broken chunks.
            return HttpResponse(status=400)
        reply = webhooks.receive(request.headers, body, call=_call)
        return HttpResponse(reply.body, status=reply.status, headers=reply.headers)

    view: Any = wechatpay_webhook
    view.csrf_exempt = True
    # What a failing handler did would be committed, since its failure has become a reply.
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view  # type: ignore[no-any-return]


def _call(handler: Handler, event: Event[Any]) -> Any:
    value = handler(event)
    # Django's own way from sync to async: on any other loop, ORM calls wait for this thread.
    return async_to_sync(loops.waited)(value) if isawaitable(value) else value
