"""What the APIv2密钥 signs for front ends, recomputed with hashlib and hmac alone.

`test_the_book_is_right` holds the recomputing itself against the sample that WeChat Pay
published; nothing expected here was made by the package.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payments import by_the_book
from tests.support.merchant import MCHID, private
from wechatpay_chain import ConfigurationError, Payments, RequestError, Sensitive

PREPAY = "wx201410272009395522657a690389285100"
APPID = "wxd678efh567hg6787"
SECRET = "exposed_your_key_here_have_risks"
PAYMENTS = Payments(MCHID, secret=SECRET, clock=lambda: 1_414_561_699.0)
SIGNS = {"MD5": by_the_book.md5, "HMAC-SHA256": by_the_book.sha256}
PACKAGE = "sendid=242e8abd163d300019b2cae74ba8e8c06e3f0e51&ver=8&sign=4110d649a5aef52d/+=&mchid=1"


def test_the_book_is_right() -> None:
    """The published sample has the published signs.

    Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3
    """
    sample = {
        "nonce_str": "ibuaiVcKdpRxkhJA",
        "appid": "wxd930ea5d5a258f4f",
        "mch_id": "10000100",
        "device_info": "1000",
        "body": "test",
    }
    secret = "192006250b4c09247ec02edce69f6a2d"
    assert by_the_book.md5(sample, secret) == "9A0A8659F005D6984697E2CA0A9CF3B7"
    assert by_the_book.sha256(sample, secret) == (
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    )


def test_a_fixed_moment() -> None:
    """At one moment, with one nonce, the parameters are those that OpenSSL made.

    Made with ``printf 'appId=…&nonceStr=…&package=…&signType=MD5&timeStamp=…&key=…' |
    openssl dgst -md5``, and ``-sha256 -hmac``, over the documented text.
    """
    fixed = Payments(MCHID, secret=SECRET, clock=lambda: 1_414_561_699, random=zeros)
    assert fixed.v2.jsapi(PREPAY, appid=APPID) == {
        "appId": APPID,
        "timeStamp": "1414561699",
        "nonceStr": "0" * 32,
        "package": f"prepay_id={PREPAY}",
        "signType": "MD5",
        "paySign": MADE_BY_OPENSSL["MD5"],
    }
    hmac = fixed.v2.jsapi(PREPAY, appid=APPID, sign_type="HMAC-SHA256")
    assert hmac["paySign"] == MADE_BY_OPENSSL["HMAC-SHA256"]


def zeros(size: int) -> bytes:
    """Return bytes without chance."""
    return bytes(size)


MADE_BY_OPENSSL = {
    "MD5": "41A5EE956E600CF1FCD62A7CF47173A8",
    "HMAC-SHA256": "144115EF7EA144D104A15286AF5FD85A8C2E70BC3ACB6F2D07DFF139E02790EE",
}


@pytest.mark.parametrize("sign_type", SIGNS)
def test_a_page_and_a_mini_program(sign_type: Any) -> None:
    """appId, timeStamp, nonceStr, package and signType are signed; a mini program lacks its id."""
    page = PAYMENTS.v2.jsapi(PREPAY, appid=APPID, sign_type=sign_type)
    assert page["signType"] == sign_type
    assert (page["appId"], page["package"]) == (APPID, f"prepay_id={PREPAY}")
    check(dict(page), "paySign", sign_type)
    mini = PAYMENTS.v2.mini_program(PREPAY, appid=APPID, sign_type=sign_type)
    assert mini.keys() == page.keys() - {"appId"}
    check({**mini, "appId": APPID}, "paySign", sign_type)


@pytest.mark.parametrize("sign_type", SIGNS)
def test_an_app(sign_type: Any) -> None:
    """All six fields of an app are signed, the merchant's number and the package too."""
    made = dict(PAYMENTS.v2.app(PREPAY, appid=APPID, sign_type=sign_type))
    assert made.keys() == {
        "appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"
    }  # fmt: skip
    assert (made["partnerid"], made["package"]) == (MCHID, "Sign=WXPay")
    check(made, "sign", sign_type)
    other = dict(PAYMENTS.v2.app(PREPAY, appid=APPID, sign_type=sign_type, partnerid="19"))
    assert other["partnerid"] == "19"
    check(other, "sign", sign_type)


def check(made: dict[str, Any], place: str, sign_type: str = "MD5") -> None:
    """Recompute a sign over all that is given besides it."""
    assert {type(value) for value in made.values()} == {str}
    given = {name: value for name, value in made.items() if name != place}
    assert made[place] == SIGNS[sign_type](given, SECRET)


def test_a_products_link() -> None:
    """Native's first mode: five fields signed with MD5, in the documented address."""
    link = PAYMENTS.v2.native_link("coffee-01", appid=APPID)
    assert re.fullmatch(
        r"weixin://wxpay/bizpayurl\?sign=[0-9A-F]{32}&appid=\w+&mch_id=\d+&product_id=coffee-01"
        r"&time_stamp=1414561699&nonce_str=\w{32}",
        link,
    )
    check(dict(parse_qsl(urlsplit(link).query, strict_parsing=True)), "sign")
    assert PAYMENTS.native(link).text == link


def test_a_red_packet() -> None:
    """Four fields are signed, signType is not; the package is percent-encoded before."""
    made = PAYMENTS.v2.red_packet(PACKAGE, appid=APPID)
    assert made.keys() == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert made["signType"] == "MD5"
    encoded = PACKAGE.replace("=", "%3D").replace("&", "%26")
    assert made["package"] == encoded.replace("/", "%2F").replace("+", "%2B")
    signed = {"appId": APPID, **{n: str(made[n]) for n in ("timeStamp", "nonceStr", "package")}}
    assert made["paySign"] == by_the_book.md5(signed, SECRET)


CONTRACT: dict[str, Any] = {
    "appid": APPID,
    "plan_id": 12535,
    "contract_code": "100000",
    "request_serial": "1000",
    "contract_display_account": "张三 (1/2)",
    "notify_url": "https://www.example.com/papay/notify",
}


@pytest.mark.parametrize("return_web", [False, True])
def test_a_contract(return_web: bool) -> None:
    """The values are signed as they are, and percent-encoded only in the address."""
    link = PAYMENTS.v2.contract_link(**CONTRACT, return_web=return_web)
    assert link.startswith("https://api.mch.weixin.qq.com/papay/entrustweb?")
    assert "notify_url=https%3A%2F%2Fwww.example.com%2Fpapay%2Fnotify&" in link
    assert link.isascii()
    assert " " not in link
    made = dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
    assert made.keys() - {"return_web"} == {*CONTRACT, "mch_id", "timestamp", "version", "sign"}
    assert made.get("return_web") == ("1" if return_web else None)
    assert (made["plan_id"], made["version"]) == ("12535", "1.0")
    assert made["contract_display_account"] == CONTRACT["contract_display_account"]
    check(made, "sign")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appid", None),
        ("plan_id", "1a"),
        ("plan_id", True),
        ("plan_id", -1),
        ("plan_id", 1.5),
        ("request_serial", ""),
        ("contract_code", "a b"),
        ("contract_display_account", "张三\n"),
        ("contract_display_account", "a&mch_id=1"),
        ("contract_display_account", "\ud800"),
        ("contract_display_account", Sensitive("张三")),
        ("notify_url", "www.example.com"),
        ("notify_url", "https://"),
        ("notify_url", "ftp://example.com/"),
        ("notify_url", "https://example.com/?a=1"),
        ("notify_url", "https://example.com/a&b"),
    ],
)
def test_a_wrong_field_of_a_contract(field: str, value: Any) -> None:
    """Whatever could move a border between two fields, or is none, is refused by its name."""
    with pytest.raises(RequestError, match=f"^{field} "):
        PAYMENTS.v2.contract_link(**{**CONTRACT, field: value})


@pytest.mark.parametrize("value", ["", None, {"prepay_id": PREPAY}, "a\n", "a&b", "a=b", "é", b"a"])
@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda value: PAYMENTS.v2.jsapi(value, appid=APPID), "prepay_id"),
        (lambda value: PAYMENTS.v2.jsapi(PREPAY, appid=value), "appid"),
        (lambda value: PAYMENTS.v2.mini_program(value, appid=APPID), "prepay_id"),
        (lambda value: PAYMENTS.v2.app(value, appid=APPID), "prepay_id"),
        (lambda value: PAYMENTS.v2.app(PREPAY, appid=value), "appid"),
        (lambda value: PAYMENTS.v2.native_link(value, appid=APPID), "product_id"),
        (lambda value: PAYMENTS.v2.red_packet(PACKAGE, appid=value), "appid"),
    ],
)
def test_a_wrong_field_is_named(call: Callable[[Any], object], field: str, value: Any) -> None:
    """A value that is none, empty, no text or could move a border is refused by its name."""
    with pytest.raises(RequestError, match=f"^{field} "):
        call(value)


@pytest.mark.parametrize("value", ["", None, {}, "a b", "a\n", "é"])
def test_a_red_packets_package(value: Any) -> None:
    """A package that did not come from WeChat Pay is refused."""
    with pytest.raises(RequestError, match=r"^package "):
        PAYMENTS.v2.red_packet(value, appid=APPID)


@pytest.mark.parametrize("sign_type", ["RSA", "md5", "SHA256", "", None, "HMAC-SHA256 ", []])
def test_an_unknown_sign_type(sign_type: Any) -> None:
    """Only v2's own algorithms can be named: RSA is v3's."""
    for call in (PAYMENTS.v2.jsapi, PAYMENTS.v2.mini_program, PAYMENTS.v2.app):
        with pytest.raises(RequestError, match="MD5 and HMAC-SHA256"):
            call(PREPAY, appid=APPID, sign_type=sign_type)


def test_v3_has_no_sign_type() -> None:
    """v3's forms take no sign_type, so that the wrong mix cannot be asked for."""
    v3: Any = Payments(MCHID, private("mch_key"), SECRET)
    for call in (v3.jsapi, v3.mini_program, v3.app, v3.jsapi_async):
        with pytest.raises(TypeError):
            call(PREPAY, appid=APPID, sign_type="MD5")


@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.v2.jsapi(PREPAY, appid=APPID),
        lambda one: one.v2.mini_program(PREPAY, appid=APPID),
        lambda one: one.v2.app(PREPAY, appid=APPID),
        lambda one: one.v2.native_link("a", appid=APPID),
        lambda one: one.v2.red_packet(PACKAGE, appid=APPID),
        lambda one: one.v2.contract_link(**CONTRACT),
        lambda one: one.score.use("a"),
        lambda one: one.score.detail("a", service_id="1"),
        lambda one: one.coupons.h5(stock_id="1", out_request_no="1", openid="o"),
        lambda one: one.coupons.mini_program([{"stock_id": "1", "out_request_no": "1"}]),
    ],
)
def test_without_a_secret(call: Callable[[Payments], object]) -> None:
    """What the secret signs says, without one, that it is missing, and which it is."""
    with pytest.raises(ConfigurationError, match=r"secret is missing.*APIv2密钥"):
        call(Payments(MCHID, private("mch_key")))


WORDS = st.from_regex(r"[0-9A-Za-z_.|*@-]{1,40}", fullmatch=True)


@given(prepay_id=WORDS, appid=WORDS, secret=st.text(min_size=1).filter(str.isprintable))
def test_odd_values_are_signed_rightly(prepay_id: str, appid: str, secret: str) -> None:
    """Whatever is accepted has the sign that the documented rule gives, under any secret."""
    if secret == "0":
        return  # PHP's "no key": no APIv2密钥 is one character.
    v2 = Payments(MCHID, secret=secret).v2
    page = dict(v2.jsapi(prepay_id, appid=appid))
    sign = page.pop("paySign")
    assert sign == by_the_book.md5({n: str(v) for n, v in page.items()}, secret)
    app = dict(v2.app(prepay_id, appid=appid, sign_type="HMAC-SHA256"))
    sign = app.pop("sign")
    assert sign == by_the_book.sha256({n: str(v) for n, v in app.items()}, secret)
    link = v2.native_link(prepay_id, appid=appid)
    fields = dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
    assert fields.pop("sign") == by_the_book.md5(fields, secret)
    assert (fields["product_id"], fields["appid"]) == (prepay_id, appid)
