"""The parameters of v3: verified with the merchant's public key, by cryptography and by OpenSSL.

What is signed is built here from the documented rule, never by the package.
"""

from __future__ import annotations

import asyncio
import base64
import enum
import json
import pickle
import re
import subprocess
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payments import by_the_book
from tests.support.merchant import MCHID, client, pem, private
from wechatpay_chain import (
    Client,
    ConfigurationError,
    NotSentError,
    Payments,
    RequestError,
    Scheme,
    Sensitive,
)
from wechatpay_chain.sandbox import Sandbox

PREPAY = "wx201410272009395522657a690389285100"
APPID = "wxd678efh567hg6787"
NOW = 1_414_561_699.9
PAYMENTS = Payments(MCHID, private("mch_key"), clock=lambda: NOW)

JSAPI = {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
APP = {"appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"}
FORMS = ["jsapi", "mini_program", "app"]


def make(payments: Payments, form: str, prepay_id: Any = PREPAY, appid: Any = APPID) -> Any:
    """Return one form's parameters."""
    return getattr(payments, form)(prepay_id, appid=appid)


def lines(
    form: str, made: dict[str, str], prepay_id: str = PREPAY, appid: str = APPID
) -> list[str]:
    """Return what the documentation says that a form signs."""
    if form == "app":
        return [appid, made["timestamp"], made["noncestr"], prepay_id]
    return [appid, made["timeStamp"], made["nonceStr"], f"prepay_id={prepay_id}"]


def signature(form: str, made: dict[str, str]) -> str:
    """Return a form's signature."""
    return made["sign" if form == "app" else "paySign"]


@pytest.mark.parametrize(
    ("form", "names"), [("jsapi", JSAPI), ("mini_program", JSAPI - {"appId"}), ("app", APP)]
)
def test_a_form_has_the_documented_fields(form: str, names: set[str]) -> None:
    """Each form is a plain dictionary of text with exactly the documented names."""
    made = make(PAYMENTS, form)
    assert made.keys() == names
    assert type(made) is dict
    assert {type(value) for value in made.values()} == {str}
    assert json.loads(json.dumps(made)) == made
    by_the_book.verify(signature(form, made), *lines(form, made))


def test_what_is_constant_in_them() -> None:
    """Time, number and the fixed words are as documented."""
    jsapi, app = make(PAYMENTS, "jsapi"), make(PAYMENTS, "app")
    assert jsapi["appId"] == app["appid"] == APPID
    assert jsapi["timeStamp"] == app["timestamp"] == "1414561699"
    assert (jsapi["package"], jsapi["signType"]) == (f"prepay_id={PREPAY}", "RSA")
    assert (app["package"], app["partnerid"], app["prepayid"]) == ("Sign=WXPay", MCHID, PREPAY)
    for nonce in (jsapi["nonceStr"], app["noncestr"]):
        assert re.fullmatch("[0-9A-Za-z]{32}", nonce)


@pytest.mark.parametrize("form", FORMS)
def test_openssl_verifies_it(form: str, tmp_path: Path) -> None:
    """The command line of OpenSSL holds each form's signature for the merchant's."""
    made = make(PAYMENTS, form)
    (tmp_path / "key.pem").write_text(pem("mch_key"))
    (tmp_path / "sign").write_bytes(base64.b64decode(signature(form, made)))
    (tmp_path / "text").write_text("\n".join(lines(form, made)) + "\n")
    ended = subprocess.run(
        ["openssl", "dgst", "-sha256", "-prverify", "key.pem", "-signature", "sign", "text"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verified OK" in ended.stdout, ended.stderr


@pytest.mark.parametrize("form", FORMS)
def test_nothing_else_is_signed(form: str) -> None:
    """Without its last line feed, in another order, or with a value changed, it does not hold."""
    made = make(PAYMENTS, form)
    right = lines(form, made)
    for wrong in (
        [*right[:-1], right[-1] + "x"],
        [right[0], right[2], right[1], right[3]],
        right[:-1],
        ["wx2", *right[1:]],
    ):
        with pytest.raises(Exception, match=r"^$") as caught:
            by_the_book.verify(signature(form, made), *wrong)
        assert type(caught.value).__name__ == "InvalidSignature"


@pytest.mark.parametrize("form", FORMS)
def test_a_nonce_is_used_once(form: str) -> None:
    """Two results for one order differ in nonce and signature; the same chance makes the same."""
    assert make(PAYMENTS, form) != make(PAYMENTS, form)
    fixed = Payments(MCHID, private("mch_key"), clock=lambda: NOW, random=lambda size: b"7" * size)
    assert make(fixed, form) == make(fixed, form)


def test_a_service_provider() -> None:
    """A provider invokes with the appid and number of whoever the order names."""
    made = PAYMENTS.app(PREPAY, appid="wxsub", partnerid="1900000111")
    assert (made["appid"], made["partnerid"]) == ("wxsub", "1900000111")
    by_the_book.verify(made["sign"], "wxsub", made["timestamp"], made["noncestr"], PREPAY)


# Everything that a dictionary's value, a form field or a mistake may be.
ANYTHING = st.one_of(
    st.text(),
    st.text("wx0123456789abcdef_-.&=\n\r %\x00\u3000", min_size=1),
    st.from_regex(r"[0-9A-Za-z_.|*@-]{1,64}", fullmatch=True),
    st.from_regex(r"wx[0-9a-z]{1,40}[\n&]?", fullmatch=True),
    st.none(),
    st.integers(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
)


@pytest.mark.parametrize("form", FORMS)
@given(prepay_id=ANYTHING, appid=ANYTHING)
def test_odd_values_are_signed_rightly_or_refused(form: str, prepay_id: Any, appid: Any) -> None:
    """Whatever is given: either a signature that the documented rule verifies, or its name."""
    is_good = [
        isinstance(value, str) and bool(re.fullmatch(r"[0-9A-Za-z_.|*@-]+", value))
        for value in (prepay_id, appid)
    ]
    if all(is_good):
        made = make(PAYMENTS, form, prepay_id, appid)
        by_the_book.verify(signature(form, made), *lines(form, made, prepay_id, appid))
    else:
        with pytest.raises(RequestError, match=r"^(prepay_id|appid) (must be|is|may)[^\n]+$"):
            make(PAYMENTS, form, prepay_id, appid)


class Word(enum.StrEnum):
    """An enumeration of texts, as programs have them."""

    PREPAY = PREPAY


def test_a_text_is_its_text() -> None:
    """A member of an enumeration is signed, and given, as what it holds."""
    made = make(PAYMENTS, "jsapi", Word.PREPAY)
    assert made["package"] == f"prepay_id={PREPAY}"
    assert type(make(PAYMENTS, "app", Word.PREPAY)["prepayid"]) is str


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    ["", None, {"prepay_id": PREPAY}, [PREPAY], PREPAY.encode(), 1, True, Sensitive(PREPAY),
     f"prepay_id={PREPAY}", f"{PREPAY}\n", f"{PREPAY}\r\n", f"{PREPAY}&a", f"{PREPAY}\x00", " ",
     "ｗｘ１", "\ud800"],
)  # fmt: skip
def test_a_wrong_field_is_named(form: str, value: Any) -> None:
    """A value that is empty, no text, or could move a border is refused by its field's name."""
    with pytest.raises(RequestError, match=r"^prepay_id "):
        make(PAYMENTS, form, prepay_id=value)
    with pytest.raises(RequestError, match=r"^appid "):
        make(PAYMENTS, form, appid=value)
    promise = getattr(PAYMENTS, f"{form}_async")(value, appid=APPID)
    with pytest.raises(RequestError, match=r"^prepay_id "):
        asyncio.run(settled(promise))


async def settled(promise: Any) -> Any:
    """Await a promise."""
    return await promise


class Module:
    """A key that is elsewhere, and counts."""

    def __init__(self, answers: Any = None) -> None:
        self.answers = answers
        self.messages: list[bytes] = []

    async def sign(self, message: bytes) -> Any:
        """Sign a message, or do what it was told."""
        await asyncio.sleep(0)
        self.messages.append(message)
        if isinstance(self.answers, Exception):
            raise self.answers
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        right = private("mch_key").sign(message, padding.PKCS1v15(), hashes.SHA256())
        return right if self.answers is None else self.answers


@pytest.mark.parametrize("form", FORMS)
def test_a_key_elsewhere(form: str) -> None:
    """Sync, async, promised and under a running loop, a remote signer is asked once each."""
    module = Module()
    payments = Payments(MCHID, module.sign, clock=lambda: NOW)

    async def inside() -> list[Any]:
        promise = getattr(payments, f"{form}_async")(PREPAY, appid=APPID)
        return [make(payments, form), await promise, await promise]

    made = [make(payments, form), *asyncio.run(inside())]
    made.append(getattr(payments, f"{form}_async")(PREPAY, appid=APPID).wait())
    for one in made:
        by_the_book.verify(signature(form, one), *lines(form, one))
    assert len(module.messages) == 4


@pytest.mark.parametrize(
    ("answers", "error", "match"),
    [
        (OSError("token away"), NotSentError, "remote signer failed with OSError"),
        ("text", ConfigurationError, "must return the raw signature as bytes, not str"),
        (b"", ConfigurationError, "must return the raw signature"),
    ],
)
def test_a_key_elsewhere_that_fails(answers: Any, error: type[Exception], match: str) -> None:
    """A remote signer that fails or returns no signature is our own error, sync and async."""
    payments = Payments(MCHID, Module(answers).sign)
    with pytest.raises(error, match=match):
        payments.jsapi(PREPAY, appid=APPID)
    with pytest.raises(error, match=match):
        asyncio.run(settled(payments.jsapi_async(PREPAY, appid=APPID)))


def test_a_clients_payments() -> None:
    """A client's payments have its number, key, secret and clock, and are always the same."""
    with client(secret="0" * 32, clock=lambda: NOW) as one:
        assert one.payments is one.payments
        for form in FORMS:
            made = make(one.payments, form)
            by_the_book.verify(signature(form, made), *lines(form, made))
        assert one.payments.app(PREPAY, appid=APPID)["timestamp"] == "1414561699"
        signed = one.payments.v2.app(PREPAY, appid=APPID)
        assert signed["partnerid"] == MCHID


def test_from_an_order_to_the_payers_phone() -> None:
    """What the gateway answers to an order is what the forms take."""
    order = {
        "appid": APPID,
        "mchid": "1900000109",
        "description": "咖啡",
        "out_trade_no": "invoke_0001",
        "notify_url": "https://www.example.com/notify",
        "amount": {"total": 1},
    }
    with Sandbox() as gateway, gateway.client() as merchant:
        paths = merchant.v3.pay.transactions
        native = paths.native.post(json=order).json()
        jsapi = paths.jsapi.post(
            json={**order, "out_trade_no": "invoke_0002", "payer": {"openid": "o-1_2"}}
        ).json()
        h5 = paths.h5.post(
            json={
                **order,
                "out_trade_no": "invoke_0003",
                "scene_info": {"payer_client_ip": "10.0.0.1", "h5_info": {"type": "Wap"}},
            }
        ).json()
        payments = merchant.payments
        assert payments.native(native["code_url"]).text == native["code_url"]
        made = payments.jsapi(jsapi["prepay_id"], appid=APPID)
        assert made["package"] == f"prepay_id={jsapi['prepay_id']}"
        assert payments.h5(h5["h5_url"]) == h5["h5_url"]


def test_many_threads_and_tasks() -> None:
    """One object serves threads and tasks at once, each with a right signature of its own."""
    made: list[Any] = []

    def thread() -> None:
        async def tasks() -> list[Any]:
            return await asyncio.gather(
                *(PAYMENTS.jsapi_async(PREPAY, appid=APPID) for _ in range(5))
            )

        made.extend([*asyncio.run(tasks()), PAYMENTS.jsapi(PREPAY, appid=APPID)])

    threads = [threading.Thread(target=thread) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({one["nonceStr"] for one in made}) == 48
    for one in made:
        by_the_book.verify(one["paySign"], *lines("jsapi", one))


@pytest.mark.parametrize("form", FORMS)
def test_without_a_private_key(form: str) -> None:
    """A client for v2 says what v3 lacks, and where its own forms are."""
    with Client(MCHID, secret="0" * 32) as v2_only:
        with pytest.raises(ConfigurationError, match=r"private_key is missing.*payments\.v2"):
            make(v2_only.payments, form)
        assert v2_only.payments.v2.jsapi(PREPAY, appid=APPID)["paySign"]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "private_key and secret are missing"),
        ({"mchid": None, "secret": "0" * 32}, "mchid"),
        ({"mchid": "19\n", "secret": "0" * 32}, "mchid"),
        ({"secret": ""}, "secret"),
        ({"secret": 5}, "secret"),
        ({"private_key": "/nowhere/apiclient_key.pem"}, "private_key"),
        ({"private_key": pem("plat_pub")}, "private_key is a public key"),
    ],
)
def test_what_cannot_sign(settings: dict[str, Any], match: str) -> None:
    """Wrong settings are found when the object is made."""
    with pytest.raises(ConfigurationError, match=match):
        Payments(**{"mchid": MCHID, **settings})


@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.app(PREPAY, appid=APPID),
        lambda one: one.merchant_transfer("a", appid=APPID),
        lambda one: one.score.use("a"),
        lambda one: one.v2.app(PREPAY, appid=APPID),
        lambda one: one.v2.native_link("a", appid=APPID),
        lambda one: one.coupons.mini_program([{"stock_id": "1", "out_request_no": "1"}]),
    ],
)
def test_a_brand_is_no_merchant(call: Callable[[Payments], object]) -> None:
    """A brand's id never passes for a merchant's number."""
    brand = Payments("1800008888", private("mch_key"), "0" * 32, scheme=Scheme.BRAND)
    with pytest.raises(ConfigurationError, match="brand_id"):
        call(brand)
    assert brand.app(PREPAY, appid=APPID, partnerid=MCHID)["partnerid"] == MCHID


def test_nothing_secret_shows() -> None:
    """Neither a repr, nor a pickle, nor a traceback with locals shows key or secret."""
    secret, key = "exposed_your_key_here_have_risks", pem("mch_key")
    payments = Payments(MCHID, key, secret)
    shown = [repr(payments), repr(payments.v2), repr(payments.score), repr(payments.coupons)]
    for one in (payments, payments.v2, payments.score, payments.coupons):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(one)

    async def broken(message: bytes) -> bytes:
        raise OSError("away")

    for fails in (
        lambda: payments.v2.jsapi(PREPAY, appid=APPID, sign_type="SHA1"),
        lambda: payments.jsapi(None, appid=APPID),
        lambda: payments.v2.red_packet("\ud800", appid=APPID),
        lambda: payments.coupons.mini_program([{"stock_id": "1"}]),
        lambda: Payments(MCHID, broken, secret).jsapi(PREPAY, appid=APPID),
        lambda: Payments(MCHID, key.replace("A", "!"), secret),
        lambda: Payments("", key, secret),
        lambda: Payments(MCHID, key, Sensitive(secret), scheme=Scheme.SM2),
    ):
        with pytest.raises((RequestError, ConfigurationError, NotSentError)) as caught:
            fails()
        error: BaseException | None = caught.value
        while error is not None:
            shown.append(f"{error!r} {error}")
            shown += [
                repr(frame.f_locals)
                for frame, _ in traceback.walk_tb(error.__traceback__)
                if frame.f_code.co_filename != __file__
            ]
            error = error.__cause__ or error.__context__
    assert len(shown) > 30
    for line in [secret, *key.splitlines()[1:4]]:
        assert all(line not in text for text in shown)
