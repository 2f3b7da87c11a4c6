"""Callbacks (回调通知) as the gateway sends them: made, forged if so told, written, made anew.

A `Draft` is what WeChat Pay means to say, `written` the very headers and bytes. A forgery
changes the one or the other, and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wechatpay_chain.catalogue.events import EventFacts, find
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import json_notifications, resources, xml_notifications
from wechatpay_chain.sandbox.identity import Identity, Merchant, PlatformKey
from wechatpay_chain.sandbox.json_notifications import JsonDraft
from wechatpay_chain.sandbox.ledger import rfc3339
from wechatpay_chain.sandbox.made_values import Source
from wechatpay_chain.sandbox.notification_forgeries import choose
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.xml_notifications import XmlDraft
from wechatpay_chain.sandbox.xml_signing import SIGN_TYPES

__all__ = ["Draft", "Notification", "Wish", "draft_of", "known_event", "platform_key", "write"]

Draft: TypeAlias = JsonDraft | XmlDraft

_CERTIFICATE, _PUBLIC_KEY = "certificate", "public-key"


@dataclass(frozen=True, repr=False)
class Notification:
    """One callback as it goes over the wire.

    Attributes:
        event: what the catalogue knows of it.
        id: the same however often it is delivered; in v2 the ``event_id`` of those that have one.
        resource: what a receiver should find in it, opened. In v2 that is every field save the
            sign, nonces and the encrypted one, and beside them what was in that.
        headers: pairs, in order; a forgery may have one twice, or none.
        body: the bytes.
        forgery: what is wrong with it, by its name in `FORGERIES`; None for a genuine one.
    """

    event: EventFacts
    id: str
    resource: JsonObject
    headers: tuple[tuple[str, str], ...]
    body: bytes
    forgery: str | None = None
    draft: Draft | None = field(compare=False, default=None)

    def __repr__(self) -> str:
        mark = "" if self.forgery is None else f" {self.forgery}"
        return f"<Notification {self.event} {self.id}{mark}>"

    def header(self, name: str) -> str | None:
        """Return a header's first value, its name in any case; None if it is not there."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True)
class Wish:
    """What a caller says of a callback beyond its event; None is made up."""

    resource: Mapping[str, Any] | None = field(repr=False, default=None)
    whole: bool = False
    id: str | None = None
    event_type: str | None = None
    original_type: str | None = None
    associated_data: str | None = None
    sign_type: str = "MD5"


def known_event(event: str | EventFacts, protocol: str | None) -> EventFacts:
    """Return the facts of an event; one that is not known has no fields."""
    if isinstance(event, EventFacts):
        return event
    found = find(event, protocol)
    if found is None and protocol == "v2":
        raise ConfigurationError(f"{event!r} is no event of v2 that is known")
    return found or EventFacts("v3", event, event)


def platform_key(identity: Identity, key: str | PlatformKey | None) -> PlatformKey:
    """Return the key that is meant: one of them, its kind, or its serial."""
    if isinstance(key, PlatformKey):
        return key
    if key is None:
        return identity.platform_key(None)
    kinds = {_PUBLIC_KEY: identity.public_key, _CERTIFICATE: identity.certificate}
    known = kinds | dict(identity.platform_keys)
    if key not in known:
        raise ConfigurationError(f"there is no platform key {key!r}; there are {', '.join(known)}")
    return known[key]


def draft_of(
    event: EventFacts,
    identity: Identity,
    merchant: Merchant,
    key: PlatformKey,
    now: float,
    wish: Wish,
) -> Draft:
    """Draft a genuine callback for a merchant."""
    id_ = wish.id or str(uuid.uuid4())
    source = Source(
        mchid=merchant.mchid,
        now=now,
        base_uri="https://wxpay.example/",
        seed=id_,
        is_v2=event.protocol == "v2",
    )
    if event.protocol == "v2":
        return _xml_draft(event, identity, merchant, source, wish)
    original_type = wish.original_type or _original_type(event)
    made = {} if wish.whole else resources.made(resources.fields_of(event, original_type), source)
    told = wish.associated_data
    return JsonDraft(
        event=event,
        identity=identity,
        id=id_,
        create_time=rfc3339(now),
        event_type=wish.event_type or event.type,
        original_type=original_type,
        summary=event.name.removesuffix("通知"),
        resource=resources.merge(made, wish.resource or {}),
        associated_data=original_type if told is None else told,
        serial=key.serial,
        key=key.private_key,
        field_key=merchant.private_key.public_key(),
        apiv3_key=identity.apiv3_key,
    )


def write(draft: Draft, now: float, forgery: str | None) -> Notification:
    """Write a draft for one delivery, spoilt if so told.

    Raises:
        ConfigurationError: no such forgery, or one that this callback cannot have.
    """
    spoil = None if forgery is None else choose(forgery, draft)
    if isinstance(draft, JsonDraft):
        fresh_json = json_notifications.fresh(draft, now)
        changed_json = fresh_json if spoil is None else spoil.change(fresh_json)
        headers, body = json_notifications.written(changed_json)
        resource = draft.resource
    else:
        fresh_xml = xml_notifications.fresh(draft, now)
        changed_xml = fresh_xml if spoil is None else spoil.change(fresh_xml)
        headers, body = xml_notifications.written(changed_xml)
        resource = {**draft.fields, **draft.inside}
    if spoil is not None:
        headers, body = spoil.spoil(headers, body)
    return Notification(draft.event, draft.id, resource, headers, body, forgery, draft)


def _original_type(event: EventFacts) -> str:
    """Return what a resource says that it is; undocumented ones, the event's own first word."""
    # Of a payment there are two kinds, and the other one is not a payment.
    known = [one for one in event.original_types if one != resources.PROFIT_SHARING]
    return next(iter((*known, *event.original_types)), event.type.partition(".")[0].lower())


def _xml_draft(
    event: EventFacts, identity: Identity, merchant: Merchant, source: Source, wish: Wish
) -> XmlDraft:
    if wish.sign_type not in SIGN_TYPES:
        raise ConfigurationError(f"sign_type is none of {', '.join(SIGN_TYPES)}")
    sign_type = (event.sign_types or (wish.sign_type,))[0]
    outside = {one.name for one in event.envelope}
    changing = {"nonce_str", "event_nonce"}
    told = {
        "sign_type": sign_type,
        "event_id": source.seed,
        "event_type": event.type,
        "event_associated_data": wish.associated_data,
    }
    given = {name: text for name, text in told.items() if name in outside}
    made = {} if wish.whole else resources.made(event.fields, source)
    said = resources.merge(made, given | dict(wish.resource or {}))
    fields = {n: resources.text(one) for n, one in said.items() if n not in changing}
    is_inside = {n: event.cipher is not None and n not in outside for n in fields}
    return XmlDraft(
        event=event,
        merchant=merchant,
        id=source.seed,
        fields={name: text for name, text in fields.items() if not is_inside[name]},
        inside={name: text for name, text in fields.items() if is_inside[name]},
        sign_type=sign_type,
        secret=merchant.secret,
        refund_secret=merchant.secret,
        apiv3_key=identity.apiv3_key,
    )
