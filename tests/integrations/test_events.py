"""Everything that WeChat Pay sends, and every forgery of it, at each framework's door."""

from __future__ import annotations

import logging

import pytest

from tests.integrations.conftest import Served
from wechatpay_chain.catalogue import events
from wechatpay_chain.errors import (
    Reason,
    WebhookBodyError,
    WebhookClockError,
    WebhookDecryptError,
    WebhookError,
    WebhookHeaderError,
    WebhookKeyError,
    WebhookSignatureError,
)
from wechatpay_chain.sandbox import FORGERIES, Notification, Sandbox

LOGGER = "wechatpay_chain.webhooks"
# New each time that a v2 callback is sent, so no part of what it was made with.
NONCES = {"nonce_str", "event_nonce"}

NO_SIGNATURE = (WebhookSignatureError, Reason.BAD_SIGNATURE, "the signature does not match")
NO_SIGN = (WebhookSignatureError, Reason.BAD_SIGNATURE, "its sign does not match")
NO_JSON = (WebhookBodyError, Reason.MALFORMED_BODY, "is no JSON (at")
NOT_OPENED = (WebhookDecryptError, Reason.NOT_OPENED, "does not open with this APIv3")
DOCTYPE = (WebhookBodyError, Reason.MALFORMED_BODY, "declares a document type")
PROBE = "refused WeChat Pay's own probe (bad-signature)"

# What each is refused with. What nobody can tell apart without the forger's key has one name.
REFUSED: dict[str, tuple[type[WebhookError], Reason, str]] = {
    "missing-timestamp": (WebhookHeaderError, Reason.MISSING_HEADER, "Wechatpay-Timestamp"),
    "missing-nonce": (WebhookHeaderError, Reason.MISSING_HEADER, "Wechatpay-Nonce"),
    "missing-serial": (WebhookHeaderError, Reason.MISSING_HEADER, "Wechatpay-Serial"),
    "missing-signature": (WebhookHeaderError, Reason.MISSING_HEADER, "Wechatpay-Signature"),
    "empty-signature": (WebhookHeaderError, Reason.MISSING_HEADER, "Wechatpay-Signature"),
    "doubled-signature": (WebhookHeaderError, Reason.REPEATED_HEADER, "Wechatpay-Signature"),
    "doubled-serial": (WebhookHeaderError, Reason.REPEATED_HEADER, "Wechatpay-Serial"),
    "malformed-timestamp": (WebhookHeaderError, Reason.MALFORMED_HEADER, "ten digits"),
    "malformed-signature": (WebhookHeaderError, Reason.MALFORMED_HEADER, "base64"),
    "wrong-scheme": (WebhookHeaderError, Reason.WRONG_SCHEME, "Wechatpay-Signature-Type"),
    "clock-behind": (WebhookClockError, Reason.CLOCK, "behind"),
    "clock-ahead": (WebhookClockError, Reason.CLOCK, "ahead"),
    "unknown-serial": (WebhookKeyError, Reason.UNKNOWN_SERIAL, "not configured"),
    "bad-signature": NO_SIGNATURE,
    "merchant-signed": NO_SIGNATURE,
    "swapped-serial": NO_SIGNATURE,
    "tampered-body": NO_SIGNATURE,
    "reserialised-body": NO_SIGNATURE,
    "swapped-nonce": NO_SIGNATURE,
    "truncated-body": NO_SIGNATURE,
    "probe": (WebhookSignatureError, Reason.BAD_SIGNATURE, PROBE),
    "not-json": NO_JSON,
    "empty-body": NO_JSON,
    "duplicate-keys": (WebhookBodyError, Reason.MALFORMED_BODY, "the same key twice"),
    "not-utf8": (WebhookBodyError, Reason.MALFORMED_BODY, "is not UTF-8"),
    "deep": (WebhookBodyError, Reason.MALFORMED_BODY, "the body is nested deeper"),
    "no-resource": (WebhookBodyError, Reason.MALFORMED_BODY, "resource is no object"),
    "wrong-apiv3-key": NOT_OPENED,
    "tampered-ciphertext": NOT_OPENED,
    "wrong-associated-data": NOT_OPENED,
    "wrong-algorithm": (WebhookDecryptError, Reason.UNKNOWN_ALGORITHM, "AEAD_AES_256_GCM"),
    "short-nonce": (WebhookDecryptError, Reason.NOT_OPENED, "12 bytes"),
    "resource-not-json": (WebhookDecryptError, Reason.NOT_OPENED, "inside resource is no JSON"),
    "sealed-for-another": (WebhookDecryptError, Reason.SEALED_FIELD, "cannot be decrypted"),
    "too-large": (WebhookBodyError, Reason.TOO_LARGE, "which no callback has"),
    "xml-missing-sign": (WebhookSignatureError, Reason.MISSING_SIGN, "has no sign"),
    "xml-bad-sign": NO_SIGN,
    "xml-tampered": NO_SIGN,
    "xml-wrong-algorithm": NO_SIGN,
    "xml-foreign-merchant": (WebhookBodyError, Reason.FOREIGN_MERCHANT, "another merchant"),
    "xml-doctype": DOCTYPE,
    "xml-entities": DOCTYPE,
    "xml-repeated-sign": (WebhookBodyError, Reason.MALFORMED_BODY, "sign is there 2 times"),
    "xml-not-xml": (WebhookBodyError, Reason.MALFORMED_BODY, "no well-formed UTF-8 XML"),
    "xml-deep": (WebhookBodyError, Reason.MALFORMED_BODY, "the XML is nested deeper"),
    "xml-wrong-refund-key": (WebhookDecryptError, Reason.NOT_OPENED, "req_info does not open"),
}
STATUS = {Reason.TOO_LARGE: 413}


@pytest.fixture(scope="module")
def notifications(gateway: Sandbox) -> list[Notification]:
    """One callback of each kind that is documented."""
    return [gateway.notification(facts) for facts in events.events()]


def test_every_event_is_verified_opened_and_acknowledged(
    served: Served, notifications: list[Notification]
) -> None:
    """All 115 come out of the handler as the gateway put them in, fields within fields too."""
    taken = [served.gateway.notify(served.url, one).acknowledged for one in notifications]
    assert len(taken) == 115
    assert all(taken)
    for event, sent in zip(served.events, notifications, strict=True):
        assert (event.protocol, event.type) == (sent.event.protocol, sent.event.type)
        resource = event.resource
        if event.protocol == "v2":
            resource = {name: resource[name] for name in resource.keys() - NONCES}
        assert resource == sent.resource
        assert event.sealed == ()
        assert event.verified is sent.event.is_signed


def test_every_forgery_has_its_reason() -> None:
    """None is left out, and the reasons are as many as there are causes to be told apart."""
    assert REFUSED.keys() == FORGERIES.keys()
    assert len(set(REFUSED.values())) >= 30


@pytest.mark.parametrize("name", REFUSED)
def test_every_forgery_is_refused_for_its_own_reason(
    served: Served, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets no 2xx, no handler hears of it, and the log says in one line what it is."""
    caplog.set_level(logging.INFO, LOGGER)
    kind, reason, words = REFUSED[name]
    (protocol,) = FORGERIES[name].protocols
    delivery = served.gateway.notify(
        served.url, FORGERIES[name].event, protocol=protocol, forgery=name
    )
    assert not delivery.acknowledged
    assert delivery.status == STATUS.get(reason, kind.status)
    assert (b"<return_code>FAIL<" in delivery.body) is (protocol == "v2")
    assert served.events == []
    (record,) = (record for record in caplog.records if record.name == LOGGER)
    said = record.getMessage()
    assert words in said
    assert f"({reason})" in said
    assert ("probe" in said) is (name == "probe")
    assert isinstance(record.args, tuple)
    assert name == "probe" or type(record.args[-1]) is kind
