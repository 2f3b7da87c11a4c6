"""The gateway as a sender of callbacks (回调通知): genuine ones, and forged ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import orders, xml_orders
from wechatpay_chain.sandbox.delivery import TIMEOUT, Delivery, deliver
from wechatpay_chain.sandbox.identity import Identity, PlatformKey
from wechatpay_chain.sandbox.ledger import Order
from wechatpay_chain.sandbox.notifications import (
    Notification,
    Wish,
    draft_of,
    known_event,
    platform_key,
    write,
)

__all__ = ["Sender"]


class Sender:
    """What sends callbacks in the name of WeChat Pay, with the keys of its identity."""

    identity: Identity
    _clock: Callable[[], float]

    def notification(
        self,
        event: str | EventFacts,
        *,
        protocol: str | None = None,
        resource: Mapping[str, Any] | None = None,
        whole: bool = False,
        forgery: str | None = None,
        key: str | PlatformKey | None = None,
        mchid: str | None = None,
        id: str | None = None,  # noqa: A002 - as WeChat Pay calls it
        event_type: str | None = None,
        original_type: str | None = None,
        associated_data: str | None = None,
        sign_type: str = "MD5",
    ) -> Notification:
        """Return a callback as WeChat Pay would send it, or as a forger would.

        Args:
            event: its type, such as ``TRANSACTION.SUCCESS``; in v2 also a name of the
                catalogue's, such as ``transaction-success``. A type that is not known brings
                just the `resource`.
            protocol: ``v3`` or ``v2``, for a type that is in both; v3 by default.
            resource: fields that take the place of made-up ones, object by object, in plain text;
                None takes one away.
            whole: whether `resource` is all there is, and nothing is made up.
            forgery: what is wrong with it: a name of `FORGERIES`.
            key: who signs v3: ``public-key``, ``certificate``, a serial, or a key itself; by
                default the key that answers are signed with.
            mchid: whose callback it is; the first merchant's by default.
            id: the callback's own, made up by default.
            event_type: another than the event's, as a `PROFITSHARING.SUCCESS` may have.
            original_type: what the resource says it is; as documented by default.
            associated_data: of the resource's encryption, and may be empty; the `original_type`
                by default.
            sign_type: the algorithm of v2's sign, ``MD5`` or ``HMAC-SHA256``, where the event does
                not have one of its own.

        Raises:
            ConfigurationError: no such merchant, key or forgery, or one that the event cannot have.
        """
        facts = known_event(event, protocol)
        merchant = self.identity.merchants.get(mchid or self.identity.merchant.mchid)
        if merchant is None:
            raise ConfigurationError(f"no merchant {mchid!r} is known to the sandbox")
        wish = Wish(
            resource=resource,
            whole=whole,
            id=id,
            event_type=event_type,
            original_type=original_type,
            associated_data=associated_data,
            sign_type=sign_type,
        )
        now = self._clock()
        platform = platform_key(self.identity, key)
        return write(draft_of(facts, self.identity, merchant, platform, now, wish), now, forgery)

    def notify(
        self,
        url: str,
        event: str | EventFacts | Notification,
        *,
        exact: bool = False,
        timeout: float = TIMEOUT,
        forgery: str | None = None,
        **options: Any,
    ) -> Delivery:
        """Send a callback to a URL and return what became of it, within five seconds.

        It waits for the answer, so a server on the caller's own event loop could not give one:
        `notify_async` is for that.

        Args:
            url: the receiver's, http or https.
            event: as of `notification`, which takes the `options`; or a callback that was made
                or sent before. That is delivered once more as WeChat Pay does: the same id and
                resource, signed anew.
            exact: whether a callback from before goes out with the very same bytes, as somebody
                sends it who recorded it.
            timeout: seconds to wait for the answer.
            forgery: what is wrong with it: a name of `FORGERIES`.

        Raises:
            ConfigurationError: as `notification`, or the URL is none.
        """
        if not isinstance(event, Notification):
            return deliver(url, self.notification(event, forgery=forgery, **options), timeout)
        if options:
            raise ConfigurationError(f"a callback that exists takes no {', '.join(options)}")
        if exact and forgery:
            raise ConfigurationError("a callback sent as it was cannot get a forgery as well")
        if not exact and event.draft is not None:
            event = write(event.draft, self._clock(), forgery or event.forgery)
        return deliver(url, event, timeout)

    async def notify_async(
        self, url: str, event: str | EventFacts | Notification, **options: Any
    ) -> Delivery:
        """Send a callback as `notify` does, from a thread, while the event loop goes on."""
        return await asyncio.to_thread(self.notify, url, event, **options)

    def notify_payment(self, order: Order) -> Delivery:
        """Tell the ``notify_url`` of an order that it is paid, in the order's own protocol."""
        mchid = order.asked["mchid"]
        if "xml" not in order.asked:
            told, event = orders.describe(order), "TRANSACTION.SUCCESS"
        else:
            ids = {"appid": order.asked["appid"], "mch_id": mchid}
            codes = {"return_code": "SUCCESS", "result_code": "SUCCESS"}
            told, event = {**codes, **ids, **xml_orders.describe(order)}, "transaction-success"
            del told["trade_state_desc"]
        return self.notify(order.asked["notify_url"], event, resource=told, whole=True, mchid=mchid)
