"""v3's callbacks: what is genuine is opened, everything else has a reason of its own."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.merchant import PLATFORM_ID, pem, private
from tests.webhooks.callbacks import APIV3, NOW, PAYMENT, Callback, oaep, webhooks
from wechatpay_chain import ConfigurationError, Sensitive, errors
from wechatpay_chain.errors import Reason, WebhookDecryptError, WebhookError
from wechatpay_chain.platform_keys import PlatformKeys
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.webhooks import Event, Webhooks

HONEST = Callback()


def headers(callback: Callback = HONEST, **changes: Any) -> tuple[dict[str, str], bytes]:
    """Return a callback with other headers."""
    named = {
        f"Wechatpay-{name.replace('_', '-').title()}": value for name, value in changes.items()
    }
    made = {**callback.headers, **named}
    return {name: value for name, value in made.items() if value is not ...}, callback.body


def test_a_genuine_callback_is_an_event() -> None:
    """All that a callback says of itself is there, and its resource is open."""
    event = webhooks().parse(*HONEST.sent)
    assert event.id == "EV-2018022511223320873"
    assert event.type == "TRANSACTION.SUCCESS"
    assert event.summary == "支付成功"
    assert event.create_time == "2025-11-24T15:40:00+08:00"
    assert event.resource_type == "encrypt-resource"
    assert event.original_type == "transaction"
    assert event.resource == PAYMENT
    assert (event.protocol, event.verified, event.serial) == ("v3", True, PLATFORM_ID)
    assert event.sealed == ()


LENIENT = {
    "no associated data": HONEST.but(aad="", sealed={"associated_data": ...}),
    "null associated data": HONEST.but(aad="", sealed={"associated_data": None}),
    "empty associated data": HONEST.but(aad=""),
    "no summary": HONEST.but(envelope={"summary": ..., "resource_type": ..., "create_time": ...}),
    "no original type": HONEST.but(sealed={"original_type": ...}),
    "more fields": HONEST.but(envelope={"new": [1, {"x": None}]}, sealed={"new": 1}),
    "an unknown type": HONEST.but(type="SOMETHING.NEW"),
    "empty resource": HONEST.but(resource={}),
    "five minutes ago": HONEST.but(timestamp=str(NOW - 300)),
    "in five minutes": HONEST.but(timestamp=str(NOW + 300)),
}


@pytest.mark.parametrize("name", LENIENT)
def test_what_may_be_absent_or_new_is_taken(name: str) -> None:
    """WeChat Pay adds fields, and leaves out what the documents call optional."""
    assert webhooks().parse(*LENIENT[name].sent).id == HONEST.id


def test_signature_type_may_be_absent() -> None:
    """The scheme's name is checked where it is said."""
    assert webhooks().parse(*headers(signature_type=...)).id == HONEST.id


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, 0.0, -1e300])
def test_a_clock_that_is_out_of_order_takes_nothing(now: float) -> None:
    """Whatever it says, the refusal is one of ours, and names the clock."""
    with pytest.raises(errors.WebhookClockError, match="check the clock here"):
        webhooks(clock=lambda: now).parse(*HONEST.sent)


def deep(levels: int) -> bytes:
    """Return a JSON document nested so deep."""
    return b'{"a":' * levels + b"1" + b"}" * levels


H, C, K, S, D, B = (
    errors.WebhookHeaderError,
    errors.WebhookClockError,
    errors.WebhookKeyError,
    errors.WebhookSignatureError,
    errors.WebhookDecryptError,
    errors.WebhookBodyError,
)
R = Reason
PROBE = "WECHATPAY/SIGNTEST/" + HONEST.headers["Wechatpay-Signature"]
FORGED: dict[str, tuple[Any, type[WebhookError], Reason, str]] = {
    "no timestamp": (headers(timestamp=...), H, R.MISSING_HEADER, "Wechatpay-Timestamp"),
    "no nonce": (headers(nonce=...), H, R.MISSING_HEADER, "Wechatpay-Nonce"),
    "no serial": (headers(serial=...), H, R.MISSING_HEADER, "Wechatpay-Serial"),
    "no signature": (headers(signature=...), H, R.MISSING_HEADER, "Wechatpay-Signature"),
    "nine digits": (headers(timestamp="176397000"), H, R.MALFORMED_HEADER, "ten digits"),
    "spaced": (headers(timestamp=f" {NOW}"), H, R.MALFORMED_HEADER, "ten digits"),
    "signed number": (headers(timestamp="+176397000"), H, R.MALFORMED_HEADER, "ten digits"),
    "wide digits": (headers(timestamp="１７６３９７００００"), H, R.MALFORMED_HEADER, "ASCII"),
    "base64 with a line feed": (
        headers(signature=HONEST.headers["Wechatpay-Signature"] + "\n"),
        H, R.MALFORMED_HEADER, "Wechatpay-Signature",
    ),
    "no base64": (headers(signature="%%%"), H, R.MALFORMED_HEADER, "base64"),
    "another scheme": (
        headers(signature_type="WECHATPAY2-SM2-WITH-SM3"), H, R.WRONG_SCHEME, "Signature-Type",
    ),
    "the scheme twice": (
        headers(signature_type=[HONEST.headers["Wechatpay-Signature-Type"]] * 2),
        H, R.REPEATED_HEADER, "Signature-Type is there 2 times",
    ),
    "too old": (HONEST.but(timestamp=str(NOW - 301)).sent, C, R.CLOCK, "301 s behind"),
    "too new": (HONEST.but(timestamp=str(NOW + 301)).sent, C, R.CLOCK, "301 s ahead"),
    "unknown serial": (headers(serial="5157F09EFDC096DE15EBE81A47057A72"), K, R.UNKNOWN_SERIAL, ""),
    "serial in lower case": (headers(serial=PLATFORM_ID.lower()), K, R.UNKNOWN_SERIAL, ""),
    "another's key": (HONEST.but(signing_key="mch_key").sent, S, R.BAD_SIGNATURE, "signature"),
    "another nonce": (headers(nonce="x"), S, R.BAD_SIGNATURE, "signature"),
    "another time": (headers(timestamp=str(NOW - 1)), S, R.BAD_SIGNATURE, "signature"),
    "another body": ((HONEST.headers, HONEST.body + b" "), S, R.BAD_SIGNATURE, "signature"),
    "no body": ((HONEST.headers, b""), S, R.BAD_SIGNATURE, "signature"),
    "probe": (headers(signature=PROBE), S, R.BAD_SIGNATURE, "signature"),
    "not JSON": (HONEST.but(content=b"hello").sent, B, R.MALFORMED_BODY, "no JSON"),
    "not UTF-8": (HONEST.but(content=b'{"\xff":1}').sent, B, R.MALFORMED_BODY, "UTF-8"),
    "empty": (HONEST.but(content=b"").sent, B, R.MALFORMED_BODY, "no JSON"),
    "a list": (HONEST.but(content=b"[]").sent, B, R.MALFORMED_BODY, "no JSON object"),
    "keys twice": (HONEST.but(content=b'{"id":"1","id":"2"}').sent, B, R.MALFORMED_BODY, "twice"),
    "NaN": (HONEST.but(content=b'{"id":NaN}').sent, B, R.MALFORMED_BODY, "NaN"),
    "too deep": (HONEST.but(content=deep(65)).sent, B, R.MALFORMED_BODY, "deeper"),
    "no id": (HONEST.but(envelope={"id": ...}).sent, B, R.MALFORMED_BODY, "id is missing"),
    "empty id": (HONEST.but(id="").sent, B, R.MALFORMED_BODY, "id is missing"),
    "id a number": (HONEST.but(envelope={"id": 5}).sent, B, R.MALFORMED_BODY, "id is"),
    "no type": (HONEST.but(envelope={"event_type": ...}).sent, B, R.MALFORMED_BODY, "event_type"),
    "no resource": (HONEST.but(envelope={"resource": ...}).sent, B, R.MALFORMED_BODY, "resource"),
    "resource a text": (HONEST.but(envelope={"resource": "x"}).sent, B, R.MALFORMED_BODY, "resour"),
    "summary a list": (HONEST.but(envelope={"summary": []}).sent, B, R.MALFORMED_BODY, "summary"),
    "no ciphertext": (
        HONEST.but(sealed={"ciphertext": ...}).sent, B, R.MALFORMED_BODY, "resource.ciphertext",
    ),
    "nonce a number": (HONEST.but(sealed={"nonce": 5}).sent, B, R.MALFORMED_BODY, "resource.nonce"),
    "no algorithm": (HONEST.but(sealed={"algorithm": ...}).sent, D, R.UNKNOWN_ALGORITHM, "algor"),
    "another algorithm": (
        HONEST.but(sealed={"algorithm": "AEAD_SM4_GCM"}).sent, D, R.UNKNOWN_ALGORITHM, "AEAD_AES",
    ),
    "another key": (HONEST.but(key="x" * 32).sent, D, R.NOT_OPENED, "APIv3"),
    "another nonce inside": (
        HONEST.but(sealed={"nonce": "x" * 12}).sent, D, R.NOT_OPENED, "does not open",
    ),
    "long nonce": (HONEST.but(nonce="x" * 13).sent, D, R.NOT_OPENED, "12 bytes"),
    "no nonce inside": (HONEST.but(sealed={"nonce": ...}).sent, D, R.NOT_OPENED, "12 bytes"),
    "another associated data": (
        HONEST.but(sealed={"associated_data": "x"}).sent, D, R.NOT_OPENED, "does not open",
    ),
    "no base64 inside": (
        HONEST.but(sealed={"ciphertext": "%"}).sent, D, R.NOT_OPENED, "does not open",
    ),
    "no tag": (HONEST.but(sealed={"ciphertext": "AAAA"}).sent, D, R.NOT_OPENED, "does not open"),
    "no JSON inside": (HONEST.but(resource=b"x").sent, D, R.NOT_OPENED, "no JSON object"),
    "a list inside": (HONEST.but(resource=[1]).sent, D, R.NOT_OPENED, "no JSON object"),
    "keys twice inside": (HONEST.but(resource=b'{"a":1,"a":2}').sent, D, R.NOT_OPENED, "no JSON"),
}  # fmt: skip


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_genuine_is_refused_with_its_reason(name: str, face: str) -> None:
    """Each way to be wrong has its class, its reason, a line without values, and a non-2xx."""
    sent, kind, reason, words = FORGED[name]
    receiver = webhooks()
    with pytest.raises(WebhookError) as caught:
        if face == "sync":
            receiver.parse(*sent)
        else:
            asyncio.run(receiver.parse_async(*sent))
    error = caught.value
    assert (type(error), error.reason, error.protocol) == (kind, reason, "v3")
    assert words in str(error)
    assert len(str(error).splitlines()) == 1
    assert error.is_probe is (name == "probe")
    assert not 200 <= receiver.receive(*sent).status < 300


@pytest.mark.parametrize("probe", ["WECHATPAY/SIGNTEST/", PROBE])
def test_a_probe_is_labelled_whatever_else_is_wrong_with_it(probe: str) -> None:
    """A probe with an unknown serial, or an old one, is a probe all the same."""
    for changes in ({}, {"serial": "X"}, {"timestamp": "1000000000"}, {"nonce": ...}):
        with pytest.raises(WebhookError) as caught:
            webhooks().parse(*headers(signature=probe, **changes))
        assert caught.value.is_probe


def test_nothing_is_read_before_it_is_verified() -> None:
    """A forged body that is no JSON is a bad signature, not a bad body."""
    with pytest.raises(errors.WebhookSignatureError):
        webhooks().parse(HONEST.headers, b'{"id": NaN')


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(HONEST.body) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_body_is_refused(position: int, change: int) -> None:
    """No byte of a body is free."""
    body = bytearray(HONEST.body)
    body[position] ^= change
    with pytest.raises(WebhookError):
        RECEIVER.parse(HONEST.headers, body)


SIGNED = ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature"]
RECEIVER = webhooks()


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([*SIGNED, "Wechatpay-Signature-Type"]), st.data())
def test_any_changed_letter_of_a_signature_header_is_refused(name: str, data: Any) -> None:
    """No letter of the five headers is free: not a bit of base64, not a case."""
    value = HONEST.headers[name]
    position = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != value[position]))
    changed = value[:position] + letter + value[position + 1 :]
    with pytest.raises(WebhookError):
        RECEIVER.parse({**HONEST.headers, name: changed}, HONEST.body)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.dictionaries(st.sampled_from(SIGNED), st.text(max_size=20)))
def test_noise_is_refused_and_nothing_else_happens(body: bytes, given_headers: Any) -> None:
    """Whatever comes in, it is one of our errors, and receive answers it with a no."""
    with pytest.raises(WebhookError):
        RECEIVER.parse(given_headers, body)
    assert RECEIVER.receive(given_headers, body).status >= 400


MEMBER = {
    "phone_number": oaep("13800000000"),
    "openid": "o1",
    "user_information": {
        "common_field_list": [
            {"name": "A", "value": oaep("张三")},
            {"name": "B", "value": ""},
            {"name": "C"},
        ],
        "custom_field_list": [{"user_chosen_values": [oaep("x"), oaep("y")]}],
    },
}
OPENED = {
    "phone_number": "13800000000",
    "openid": "o1",
    "user_information": {
        "common_field_list": [
            {"name": "A", "value": "张三"},
            {"name": "B", "value": ""},
            {"name": "C"},
        ],
        "custom_field_list": [{"user_chosen_values": ["x", "y"]}],
    },
}
CARD = HONEST.but(type="BRAND_MEMBER_CARD_SP.USER_CARD.CREATE", resource=MEMBER)


def test_fields_inside_a_resource_are_opened_too() -> None:
    """What is encrypted for the merchant within a resource is opened with its private key."""
    event = webhooks(private_key=private("mch_key")).parse(*CARD.sent)
    assert event.resource == OPENED
    assert event.sealed == ()


def test_without_the_private_key_they_stay_and_are_named() -> None:
    """A receiver that holds no private key says which fields it could not open."""
    event = webhooks().parse(*CARD.sent)
    assert event.resource == MEMBER
    assert event.sealed == (
        "phone_number",
        "user_information.common_field_list[0].value",
        "user_information.custom_field_list[0].user_chosen_values[0]",
        "user_information.custom_field_list[0].user_chosen_values[1]",
    )


@pytest.mark.parametrize(
    "value", ["not encrypted", 5, {"a": 1}, oaep("x", "plat_key"), oaep("x")[:-4]], ids=str
)
def test_a_field_that_does_not_open_is_an_error(value: Any) -> None:
    """A field that this key does not open is named, never handed on as if it were opened."""
    callback = CARD.but(resource={**MEMBER, "phone_number": value})
    with pytest.raises(WebhookDecryptError, match="phone_number cannot be decrypted") as caught:
        webhooks(private_key=private("mch_key")).parse(*callback.sent)
    assert caught.value.reason is Reason.SEALED_FIELD


def test_what_is_not_configured_is_said() -> None:
    """A receiver for v2 refuses v3 by name; one without the APIv3 key says what is missing."""
    with pytest.raises(errors.WebhookKeyError, match="give keys") as caught:
        webhooks(keys=None).parse(*HONEST.sent)
    assert caught.value.reason is Reason.NOT_CONFIGURED
    with pytest.raises(errors.WebhookDecryptError, match="give apiv3_key") as caught:
        webhooks(apiv3_key=None).parse(*HONEST.sent)
    assert caught.value.reason is Reason.NOT_CONFIGURED


def test_a_brands_scheme_is_the_only_one_it_takes() -> None:
    """The configured scheme counts, not the one that a callback names."""
    brand = webhooks(scheme=Scheme.BRAND)
    with pytest.raises(errors.WebhookHeaderError, match="BRAND"):
        brand.parse(*HONEST.sent)
    event = brand.parse(*headers(signature_type="WECHATPAY-BRAND-SHA256-RSA2048"))
    assert event.id == HONEST.id


class Ring(PlatformKeys):
    """Keys of which one arrives when it is asked for."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[str] = []

    async def find(self, serial: str) -> Any:
        """Download, in a manner of speaking."""
        await asyncio.sleep(0)
        self.asked.append(serial)
        if serial == "BROKEN":
            raise ValueError("secret-text")
        return private("plat_key").public_key() if serial == PLATFORM_ID else None


@pytest.mark.parametrize("face", ["sync", "async"])
def test_an_unknown_serial_is_looked_for(face: str) -> None:
    """Sync and async receivers alike ask the ring, which may fetch what it lacks."""
    ring = Ring()
    receiver = webhooks(keys=ring)

    def parse(sent: Any) -> Event[Any]:
        if face == "sync":
            return receiver.parse(*sent)
        return asyncio.run(receiver.parse_async(*sent))

    assert parse(HONEST.sent).id == HONEST.id
    with pytest.raises(errors.WebhookKeyError):
        parse(headers(serial="X"))
    assert ring.asked == [PLATFORM_ID, "X"]


def test_keys_that_fail_to_be_fetched_are_a_no(caplog: pytest.LogCaptureFixture) -> None:
    """A ring that raises is logged without its words, and the callback comes again."""
    assert webhooks(keys=Ring()).receive(*headers(serial="BROKEN")).status == 500
    assert "ValueError" in caplog.text
    assert "secret-text" not in caplog.text


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "keys": ({"keys": [1]}, "keys must be a mapping"),
    "private among keys": ({"keys": {"A": pem("mch_key")}}, "is a private key"),
    "apiv3_key": ({"apiv3_key": "short"}, "apiv3_key must be text of 32 bytes"),
    "secret": ({"secret": b"x"}, "secret must be text"),
    "private key": ({"private_key": pem("plat_pub")}, "private_key is a public key"),
    "sign_type": ({"sign_type": "SHA1"}, "sign_type must be"),
    "scheme": ({"scheme": "RSA"}, "scheme must be"),
    "SM2": ({"scheme": Scheme.SM2}, "cannot be used"),
    "limit": ({"limit": 0}, "limit must be"),
    "limit no number": ({"limit": True}, "limit must be"),
    "mchid": ({"mchid": 19}, "mchid must be"),
    "seen": ({"seen": 5}, "seen must be"),
    "seen a class": ({"seen": dict}, "seen must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_found_at_once(name: str) -> None:
    """The receiver is not made with what cannot work."""
    settings_, words = WRONG[name]
    with pytest.raises(ConfigurationError, match=words):
        webhooks(**settings_)


def test_it_stands_alone() -> None:
    """Keys and the APIv3 key, as text, bytes or Sensitive, are all that v3 needs."""
    for key in (APIV3, APIV3.encode(), Sensitive(APIV3)):
        receiver = Webhooks({PLATFORM_ID: pem("plat_pub")}, key, clock=lambda: NOW)
        assert receiver.parse(*HONEST.sent).resource["amount"]["total"] == 100


def test_numbers_of_a_resource_stay_what_they_are() -> None:
    """A resource is read strictly and as it is: large integers are not rounded."""
    callback = HONEST.but(resource=json.dumps({"n": 2**63, "f": 0.5}).encode())
    assert webhooks().parse(*callback.sent).resource == {"n": 2**63, "f": 0.5}
