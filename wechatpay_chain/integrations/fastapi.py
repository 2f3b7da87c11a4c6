"""Callbacks in FastAPI, which is made of Starlette.

::

    app.add_api_route("/notify", webhook_view(client.webhooks), methods=["POST"])
"""

from __future__ import annotations

from wechatpay_chain.integrations.starlette import webhook_view

__all__ = ["webhook_view"]
