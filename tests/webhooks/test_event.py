"""Events and replies: quiet, frozen, and in the form that each protocol wants."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.webhooks.callbacks import Callback, refund, webhooks, xml_callback
from wechatpay_chain import ConfigurationError
from wechatpay_chain.errors import Reason, WebhookError, WebhookSignatureError
from wechatpay_chain.webhooks import Event, Reply

V3 = webhooks().parse(*Callback().sent)
V2 = webhooks().parse({}, xml_callback())


def fields(reply: Reply) -> dict[str, str]:
    """Return what a reply in XML says."""
    root = ElementTree.fromstring(reply.body)  # noqa: S314 - our own
    return {child.tag: child.text or "" for child in root}


def test_a_yes_is_what_each_protocol_wants() -> None:
    """v3 takes 200 without a body; v2 wants XML."""
    assert V3.ack() == Reply(200)
    assert V3.ack().acknowledges
    assert V2.ack().status == 200
    assert V2.ack().headers["Content-Type"].startswith("text/xml")
    assert fields(V2.ack()) == {"return_code": "SUCCESS", "return_msg": "OK"}


@pytest.mark.parametrize("message", ["not now", "稍后 <b>&]]>", "two\nlines", "\ud800", "x" * 999])
def test_a_no_can_always_be_sent(message: str) -> None:
    """Whatever the message, the answer is well-formed, short, and no 2xx."""
    for event in (V3, V2):
        reply = event.fail(message)
        assert reply.status == 500
        assert not reply.acknowledges
        assert isinstance(reply.body, bytes)
    said = json.loads(V3.fail(message).body)
    assert said["code"] == "FAIL"
    assert len(said["message"]) <= 256
    assert "\n" not in said["message"]
    assert fields(V2.fail(message))["return_code"] == "FAIL"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [("200", {}, b""), (0, {}, b""), (199, {}, b""), (600, {}, b""), (None, {}, b""),
     (200, None, b""), (200, [("X", "1")], b""), (200, {}, "SUCCESS"), (200, {}, None)],
)  # fmt: skip
def test_a_reply_that_no_server_could_send_is_none(status: Any, headers: Any, body: Any) -> None:
    """It fails in the handler that makes it, not after the event counts as handled."""
    with pytest.raises(ConfigurationError, match="Reply"):
        Reply(status, headers, body)


def test_a_refusal_speaks_the_protocol_of_what_it_refuses() -> None:
    """`Reply.refusal` has the error's status and protocol, and says no more than its reason."""
    error = WebhookSignatureError("long words", reason=Reason.BAD_SIGNATURE)
    assert Reply.refusal(error).status == 401
    assert json.loads(Reply.refusal(error).body) == {"code": "FAIL", "message": "bad-signature"}
    error = WebhookSignatureError("long words", reason=Reason.MISSING_SIGN, protocol="v2")
    assert fields(Reply.refusal(error)) == {"return_code": "FAIL", "return_msg": "missing-sign"}


@pytest.mark.parametrize("kind", [WebhookError, *WebhookError.__subclasses__()])
def test_every_refusal_is_no_2xx(kind: type[WebhookError]) -> None:
    """Nothing that was refused is ever acknowledged."""
    for reason in Reason:
        assert Reply.refusal(kind("x", reason=reason)).status >= 400


def test_an_event_shows_its_type_and_id_alone() -> None:
    """Its repr holds nothing of its resource."""
    assert repr(V3) == "<Event TRANSACTION.SUCCESS EV-2018022511223320873>"
    assert "T1" not in repr(V2)
    assert "unverified" in repr(webhooks().parse({}, refund()))


@pytest.mark.parametrize("make", [pickle.dumps, copy.deepcopy])
def test_an_event_and_its_receiver_are_not_pickled(make: Any) -> None:
    """What a task queue gets is chosen, not everything that was decrypted."""
    for thing in (V3, webhooks()):
        with pytest.raises(TypeError, match="not pickled"):
            make(thing)


def test_events_and_replies_are_frozen() -> None:
    """Nobody on the way changes what was verified."""
    for thing, name in ((V3, "type"), (Reply(200), "status")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, "x")


def test_an_event_is_known_by_its_type() -> None:
    """Where both protocols have a name, v3's is meant unless told otherwise."""
    payscore = Event(id="1", type="TRANSACTION.SUCCESS", resource={}, protocol="v2")
    assert V3.is_a("TRANSACTION.SUCCESS")
    assert not V3.is_a("TRANSACTION.SUCCESS", "v2")
    assert not V3.is_a("TRANSACTION")
    assert not payscore.is_a("TRANSACTION.SUCCESS")
    assert payscore.is_a("TRANSACTION.SUCCESS", "v2")
    assert V2.is_a("transaction-success")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("TRANSACTION.SUCCESS", True), ("TRANSACTION.*", True), ("*", True), ("TRANS*", True),
     ("REFUND.*", False), ("TRANSACTION", False), ("transaction.success", False),
     ("TRANSACTION.SUCCESS.*", False)],
)  # fmt: skip
def test_a_pattern_is_a_type_or_its_beginning(pattern: str, fits: bool) -> None:
    """A star stands for any end."""
    assert V3.matches(pattern) is fits


@pytest.mark.parametrize("pattern", ["", "*.SUCCESS", "A.*.B", 5, None])
def test_other_patterns_are_refused(pattern: Any) -> None:
    """A star elsewhere would make two patterns equally specific."""
    with pytest.raises(ConfigurationError, match="a pattern is"):
        V3.matches(pattern)
    with pytest.raises(ConfigurationError, match="a pattern is"):
        webhooks().on(pattern)(lambda event: None)
