"""What a view is made of: a receiver, and not the client that has it."""

from __future__ import annotations

from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.webhooks import Webhooks

__all__ = ["check"]


def check(webhooks: object) -> None:
    """Want a receiver.

    A `Client` would do as badly as anything else, but only when a callback comes: each of its
    attributes is a path.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(webhooks, Webhooks):
        raise ConfigurationError(
            "webhook_view takes a Webhooks, such as client.webhooks, "
            f"not a {type(webhooks).__name__}"
        )
