"""Keys and what was decrypted show nowhere: not in a repr, an error's frames, or the log."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import pickle
from typing import Any

import pytest

from tests.support.merchant import pem, private
from tests.test_secrets import lines_of, shown
from tests.webhooks.callbacks import (
    APIV3,
    REFUND,
    SECRET,
    Callback,
    ecb,
    gcm,
    payscore,
    refund,
    webhooks,
    xml_callback,
)
from tests.webhooks.test_json_callback import CARD, MEMBER
from wechatpay_chain.errors import ConfigurationError, WebhookError
from wechatpay_chain.webhooks import Event, MemorySeen, Webhooks

INSIDE = "oUpF8uMuAJO-M2pxb1Q9zNjWeS6o"
HONEST = Callback(resource={"openid": INSIDE})
HIDDEN = [
    *lines_of(pem("mch_key"))[:4],
    APIV3,
    SECRET,
    hashlib.md5(SECRET.encode()).hexdigest(),
    INSIDE,
]
BROKEN = {"openid": INSIDE, **MEMBER, "phone_number": "x"}
REFUSED: dict[str, tuple[Any, bytes]] = {
    "altered": (HONEST.headers, HONEST.body + b" "),
    "header": ({}, HONEST.body),
    "algorithm": HONEST.but(sealed={"algorithm": "X"}).sent,
    "key": HONEST.but(key="x" * 32).sent,
    "no JSON inside": HONEST.but(resource=f"{INSIDE}{{".encode()).sent,
    "a list inside": HONEST.but(resource=[INSIDE]).sent,
    "no id": HONEST.but(id="").sent,
    "field": CARD.but(resource=BROKEN).sent,
    "sign": ({}, xml_callback(sign="x")),
    "refund": ({}, refund({"openid": INSIDE})),
    "refund without XML": ({}, refund(req_info=ecb(INSIDE.encode()))),
    "refund of others": ({}, refund({**REFUND, "openid": INSIDE}, mch_id="1")),
    "payscore": ({}, payscore(event_ciphertext=gcm(f"[{INSIDE!r}]".encode(), aad="payscore"))),
}


def receiver(**more: Any) -> Webhooks:
    """Return a receiver with every key there is."""
    return webhooks(private_key=private("mch_key"), mchid="1900000109", **more)


def assert_hidden(text: str) -> None:
    """Check that nothing secret stands in a text."""
    for secret in HIDDEN:
        assert secret not in text


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_shows_neither_keys_nor_what_was_opened(
    name: str, face: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a crash reporter, which shows each frame's variables, nor the log nor the answer."""
    caplog.set_level(logging.DEBUG)
    made, sent = receiver(), REFUSED[name]
    with pytest.raises(WebhookError) as caught:
        if face == "sync":
            made.parse(*sent)
        else:
            asyncio.run(made.parse_async(*sent))
    assert_hidden(shown(caught.value))
    assert caught.value.__context__ is None
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason) == (str(caught.value), caught.value.reason)
    assert_hidden(made.receive(*sent).body.decode())
    assert_hidden(caplog.text)


WRONG: dict[str, dict[str, Any]] = {
    "private key among keys": {"keys": {"A": pem("mch_key")}},
    "keys no mapping": {"keys": [pem("mch_key")]},
    "cut private key": {"private_key": pem("mch_key")[:900]},
    "sign_type": {"sign_type": "X", "private_key": pem("mch_key")},
    "apiv3_key": {"apiv3_key": APIV3 + INSIDE},
    "secret": {"secret": SECRET.encode()},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_receiver_that_could_not_be_made_shows_no_key(name: str) -> None:
    """Not even a key that was put in the wrong place."""
    with pytest.raises(ConfigurationError) as caught:
        webhooks(**WRONG[name])
    assert_hidden(shown(caught.value))


def test_objects_show_nothing() -> None:
    """No object on the way, nor any of its attributes, shows a key or a field."""
    made = receiver(seen=MemorySeen())
    event = made.parse(*HONEST.sent)
    things = [made, vars(made), vars(made._json), vars(made._xml), event, [event]]
    assert_hidden(repr(things))
    assert_hidden(repr([vars(value) for value in vars(made._json).values() if vars(value)]))


@pytest.mark.parametrize("name", ["handler", "duplicate", "no handler", "done"])
def test_the_log_shows_no_field(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is logged about a genuine callback, its fields are not in it."""
    caplog.set_level(logging.DEBUG)
    made = receiver(seen=MemorySeen())

    def fail(event: Event[Any]) -> None:
        raise KeyError(event.resource["openid"])

    if name != "no handler":
        made.on("*")(fail if name == "handler" else lambda event: None)
    for _ in range(2):
        made.receive(*HONEST.sent)
    assert caplog.records or name == "done"
    assert_hidden(caplog.text)
