"""Pay score, coupons, transfers and H5: recomputed by hmac alone, addresses parsed anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payments import by_the_book
from tests.support.merchant import MCHID, private
from wechatpay_chain import Payments, RequestError

SECRET = "exposed_your_key_here_have_risks"
PAYMENTS = Payments(MCHID, private("mch_key"), SECRET, clock=lambda: 1_530_097_563.4)
H5 = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx20161&package=1037687096"


def resigned(made: Any) -> str:
    """Return the HMAC-SHA256 of all fields but the sign."""
    fields = {name: value for name, value in made.items() if name != "sign"}
    return by_the_book.sha256(fields, SECRET)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: PAYMENTS.score.use("DJIOSQPYWDxsjdldeuwhdodwxasd_dDiodnwjh9we/+=="), ["package"]),
        (
            lambda: PAYMENTS.score.detail("1234323JKHDFE1243252", service_id="88888888000011"),
            ["service_id", "out_order_no"],
        ),
    ],
    ids=["wxpayScoreUse", "wxpayScoreDetail"],
)
def test_pay_score(make: Callable[[], Any], names: list[str]) -> None:
    """The documented fields, HMAC-SHA256 over all of them; the same as a query."""
    made = make()
    assert list(made) == ["mch_id", *names, "timestamp", "nonce_str", "sign_type", "sign"]
    assert (made["mch_id"], made["timestamp"]) == (MCHID, "1530097563")
    assert made["sign_type"] == "HMAC-SHA256"
    assert made["sign"] == resigned(made)
    assert json.loads(json.dumps(made)) == made
    query = PAYMENTS.query_string(made)
    assert dict(parse_qsl(query, strict_parsing=True)) == made
    assert "+" not in query


def test_permission_for_pay_score_has_no_sign() -> None:
    """wxpayScoreEnable takes the token of the pre-authorisation, and nothing else."""
    made = PAYMENTS.score.enable("DQVmVY/+=")
    assert made == {"apply_permissions_token": "DQVmVY/+="}
    assert PAYMENTS.query_string(made) == "apply_permissions_token=DQVmVY%2F%2B%3D"


@pytest.mark.parametrize("code", [None, "code_1"])
@pytest.mark.parametrize("merchant", [None, "10016226"])
def test_a_coupon_by_address(code: str | None, merchant: str | None) -> None:
    """The address of H5发券: documented fields, sign over all of them, and its fragment."""
    made = PAYMENTS.coupons.h5(
        stock_id="12111100000001",
        out_request_no="1002600620019090123143254435",
        openid="oX-1_z",
        coupon_code=code,
        merchant=merchant,
    )
    parts = urlsplit(made)
    assert made.startswith("https://action.weixin.qq.com/busifavor/getcouponinfo?")
    assert parts.fragment == "wechat_redirect"
    fields = dict(parse_qsl(parts.query, strict_parsing=True))
    assert fields["send_coupon_merchant"] == (merchant or MCHID)
    assert fields.get("coupon_code") == code
    assert fields.keys() - {"coupon_code"} == {
        "stock_id", "out_request_no", "send_coupon_merchant", "open_id", "sign"
    }  # fmt: skip
    assert fields["sign"] == resigned(fields)


def test_coupons_by_plug_in() -> None:
    """Each coupon's fields are signed under their names with its place, counted from 0."""
    coupons: list[Any] = [
        {"stock_id": "123", "out_request_no": "abc123"},
        {"stock_id": "abc", "out_request_no": "123abc", "coupon_code": "c|1"},
        *({"stock_id": f"s{k}", "out_request_no": f"r{k}"} for k in range(2, 10)),
    ]
    made = PAYMENTS.coupons.mini_program(coupons, merchant="10016226")
    assert made["send_coupon_params"] == coupons
    assert made["send_coupon_merchant"] == "10016226"
    signed = {
        "stock_id0": "123",
        "out_request_no0": "abc123",
        "stock_id1": "abc",
        "out_request_no1": "123abc",
        "coupon_code1": "c|1",
        **{f"stock_id{k}": f"s{k}" for k in range(2, 10)},
        **{f"out_request_no{k}": f"r{k}" for k in range(2, 10)},
        "send_coupon_merchant": "10016226",
    }
    assert made["sign"] == by_the_book.sha256(signed, SECRET)


GOOD = {"stock_id": "1", "out_request_no": "2"}


@pytest.mark.parametrize(
    ("coupons", "match"),
    [
        ([], "1 to 10, not 0"),
        ([GOOD] * 11, "1 to 10, not 11"),
        (GOOD, "a list"),
        (None, "a list"),
        ("coupons", "a list"),
        ([GOOD, "x"], r"coupons\[1\] must be a mapping"),
        ([{"stock_id": "1"}], r"coupons\[0\]\.out_request_no"),
        ([{**GOOD, "stock_id": 1}], r"coupons\[0\]\.stock_id must be text, not int"),
        ([{**GOOD, "stock_id": "1&"}], r"coupons\[0\]\.stock_id"),
        ([GOOD, {**GOOD, "coupon_code": None}], r"coupons\[1\]\.coupon_code"),
        ([{**GOOD, "customize_send_time": "x"}], r"coupons\[0\] has a field that is none of"),
    ],
)
def test_wrong_coupons(coupons: Any, match: str) -> None:
    """A wrong list, or a field that would not be signed, is refused by its place."""
    with pytest.raises(RequestError, match=match):
        PAYMENTS.coupons.mini_program(coupons)


BAD = ["", None, {"package": "a"}, 5, "a&b", "a\nb", "a b", "é", b"a", "\ud800"]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda value: PAYMENTS.score.use(value), "package"),
        (lambda value: PAYMENTS.score.enable(value), "apply_permissions_token"),
        (lambda value: PAYMENTS.score.detail(value, service_id="1"), "out_order_no"),
        (lambda value: PAYMENTS.score.detail("1", service_id=value), "service_id"),
        (lambda value: PAYMENTS.merchant_transfer(value, appid="wx1"), "package_info"),
        (lambda value: PAYMENTS.merchant_transfer("a", appid=value), "appid"),
        (lambda value: coupon(stock_id=value), "stock_id"),
        (lambda value: coupon(out_request_no=value), "out_request_no"),
        (lambda value: coupon(openid=value), "openid"),
    ],
)
def test_a_wrong_field_is_named(call: Callable[[Any], object], field: str, value: Any) -> None:
    """A value that is none, empty, no text or could move a border is refused by its name."""
    with pytest.raises(RequestError, match=f"^{field} "):
        call(value)


def coupon(**changes: Any) -> str:
    """Return the address of a coupon."""
    return PAYMENTS.coupons.h5(**{**GOOD, "openid": "o", **changes})


def test_a_transfer() -> None:
    """requestMerchantTransfer takes three fields and no sign; an app takes them as a query."""
    made = PAYMENTS.merchant_transfer("affffddafdfafddffda==", appid="wxf636efh567hg4356")
    assert made == {
        "mchId": MCHID,
        "appId": "wxf636efh567hg4356",
        "package": "affffddafdfafddffda==",
    }
    assert PAYMENTS.query_string(made) == (
        f"mchId={MCHID}&appId=wxf636efh567hg4356&package=affffddafdfafddffda%3D%3D"
    )
    assert PAYMENTS.merchant_transfer("a", appid="wx1", mchid="19")["mchId"] == "19"


def test_a_query_is_made_of_text() -> None:
    """What is no text cannot be a parameter; a coupon's list is none."""
    coupons: list[Any] = [GOOD]
    with pytest.raises(RequestError, match="send_coupon_params must be text, not list"):
        PAYMENTS.query_string(PAYMENTS.coupons.mini_program(coupons))
    not_one: Any = "a=1"
    with pytest.raises(RequestError, match="must be a mapping, not str"):
        PAYMENTS.query_string(not_one)


def test_h5() -> None:
    """The payer's way back is appended to the address, percent-encoded once."""
    assert PAYMENTS.h5(H5) == H5
    back = "https://www.example.com/回来?order=1&x=a b".replace(" ", "%20")
    made = PAYMENTS.h5(H5, redirect_url=back)
    assert made.startswith(f"{H5}&redirect_url=https%3A%2F%2Fwww.example.com%2F%E5%9B%9E")
    assert parse_qs(urlsplit(made).query)["redirect_url"] == [back]
    assert PAYMENTS.h5("https://h/p", redirect_url="app.example.com://") == (
        "https://h/p?redirect_url=app.example.com%3A%2F%2F"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_way_back_comes_back(tail: str) -> None:
    """What is accepted arrives as it was given, adds one field and changes none."""
    back = f"https://example.com/{tail}"
    if not back.isprintable() or " " in back:
        with pytest.raises(RequestError, match=r"^redirect_url "):
            PAYMENTS.h5(H5, redirect_url=back)
        return
    before, _, encoded = PAYMENTS.h5(H5, redirect_url=back).rpartition("&redirect_url=")
    assert before == H5
    assert unquote(encoded, errors="strict") == back
    assert not set(encoded) & set("&=#? +/")


@pytest.mark.parametrize(
    ("h5_url", "redirect_url", "field"),
    [
        (None, None, "h5_url"),
        ("", None, "h5_url"),
        ({"h5_url": H5}, None, "h5_url"),
        ("weixin://wxpay/bizpayurl?pr=1", None, "h5_url"),
        ("//wx.tenpay.com/", None, "h5_url"),
        ("https://", None, "h5_url"),
        (f"{H5}\r\nX: 1", None, "h5_url"),
        (f"{H5}#wechat", "https://example.com/", "h5_url"),
        (f"{H5}&redirect_url=https%3A%2F%2Fa", "https://example.com/", "h5_url"),
        (H5, "", "redirect_url"),
        (H5, "/paid", "redirect_url"),
        (H5, "https%3A%2F%2Fexample.com", "redirect_url"),
        (H5, "javascript:alert(1)", "redirect_url"),
        (H5, "http:///nowhere", "redirect_url"),
        (H5, "https://example.com/\ud800", "redirect_url"),
        (H5, 5, "redirect_url"),
    ],
)
def test_a_wrong_address_is_named(h5_url: Any, redirect_url: Any, field: str) -> None:
    """What is no absolute address, or is encoded or appended already, is refused by its name."""
    with pytest.raises(RequestError, match=f"^{field} "):
        PAYMENTS.h5(h5_url, redirect_url=redirect_url)
