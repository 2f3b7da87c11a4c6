"""A local WeChat Pay gateway that checks every request as strictly as the real one.

::

    with Sandbox() as gateway:
        client = gateway.client()
        client.v3.pay.transactions.native.post(json={...})
        gateway.pay("the-out-trade-no")

Every operation that the catalogue knows is answered, by its schema where it is not
really carried out. The gateway speaks v3 and v2, serves several merchants with
``Sandbox(mchids=[…])``, and with ``Sandbox(tls=True)`` takes the certificates that
merchants show in the TLS handshake. It can also misbehave, in every way that
`MISBEHAVIOURS` names, and send callbacks: genuine ones, and those that `FORGERIES` names.
"""

from wechatpay_chain.sandbox.delivery import Delivery
from wechatpay_chain.sandbox.gateway import Sandbox
from wechatpay_chain.sandbox.identity import (
    Identity,
    Merchant,
    PlatformKey,
    throw_away_identity,
)
from wechatpay_chain.sandbox.misbehaviour import MISBEHAVIOURS, Misbehaviour
from wechatpay_chain.sandbox.notification_forgeries import FORGERIES, Forgery
from wechatpay_chain.sandbox.notifications import Notification
from wechatpay_chain.sandbox.records import Part, ReceivedRequest

__all__ = [
    "FORGERIES",
    "MISBEHAVIOURS",
    "Delivery",
    "Forgery",
    "Identity",
    "Merchant",
    "Misbehaviour",
    "Notification",
    "Part",
    "PlatformKey",
    "ReceivedRequest",
    "Sandbox",
    "throw_away_identity",
]
