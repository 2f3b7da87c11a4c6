"""Callbacks in Flask.

::

    app.add_url_rule("/notify", view_func=webhook_view(client.webhooks))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wechatpay_chain.extras import missing
from wechatpay_chain.integrations.arguments import check
from wechatpay_chain.integrations.bodies import read
from wechatpay_chain.webhooks import Webhooks

try:
    from flask import Response, request
except ImportError as error:
    raise missing("this integration", "flask") from error

__all__ = ["webhook_view"]


def webhook_view(webhooks: Webhooks) -> Callable[[], Response]:
    """Return the view of a URL that takes callbacks (回调通知).

    Its handlers run in the request's thread and context, so that they may use
    ``current_app`` and ``request``. An application with several gives each an ``endpoint``.

    Raises:
        ConfigurationError: it is given something else than a `Webhooks`.
    """
    check(webhooks)

    def wechatpay_webhook() -> Response:
        if request.method != "POST":
            return Response(status=405, headers={"Allow": "POST"})
        try:
            # What was read before the view, Flask has kept.
            body = read(request.stream, webhooks.limit) or request.get_data()
        except OSError:
            # Cut off, or in broken chunks.
            return Response(status=400)
        reply = webhooks.receive(request.headers, body)
        return Response(reply.body, reply.status, dict(reply.headers))

    # Flask looks here where a route does not say itself.
    view: Any = wechatpay_webhook
    view.methods, view.provide_automatic_options = ["POST"], False
    return view  # type: ignore[no-any-return]
