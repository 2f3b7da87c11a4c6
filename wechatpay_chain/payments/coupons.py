"""Sending merchants' coupons (商家券) from the front end, signed by the XML protocol's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wechatpay_chain.errors import RequestError
from wechatpay_chain.payments import fields
from wechatpay_chain.payments.parameters import Coupon, CouponParameters
from wechatpay_chain.payments.signatory import Signatory
from wechatpay_chain.protocol.hash import HMAC_SHA256

__all__ = ["Coupons"]

_LINK = "https://action.weixin.qq.com/busifavor/getcouponinfo"
_ALLOWED = ("stock_id", "out_request_no", "coupon_code")
_MOST = 10


class Coupons:
    """One merchant's coupons, as front ends send them."""

    def __init__(self, signatory: Signatory) -> None:
        self._signatory = signatory

    def h5(
        self,
        *,
        stock_id: str,
        out_request_no: str,
        openid: str,
        coupon_code: str | None = None,
        merchant: str | None = None,
    ) -> str:
        """Return the address, for a page in WeChat, at which the payer gets a coupon (H5发券).

        Args:
            stock_id: the batch's (批次号).
            out_request_no: the merchant's own number of the sending; once used, never again.
            openid: the payer's.
            coupon_code: the code, where the merchant gives codes itself.
            merchant: who sends (发券商户号), where it is not this one.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter9_4_1.shtml

        Raises:
            RequestError: a field is missing or malformed; the message names it.
            ConfigurationError: there is no secret.
        """
        given = {
            "stock_id": fields.identifier(stock_id, "stock_id"),
            "out_request_no": fields.identifier(out_request_no, "out_request_no"),
            "send_coupon_merchant": self._signatory.number(merchant, "merchant"),
            "open_id": fields.identifier(openid, "openid"),
        }
        if coupon_code is not None:
            given["coupon_code"] = fields.identifier(coupon_code, "coupon_code")
        sign = self._signatory.sign_fields(given, HMAC_SHA256)
        return f"{_LINK}?{fields.query_string({**given, 'sign': sign})}#wechat_redirect"

    def mini_program(
        self, coupons: Sequence[Coupon], *, merchant: str | None = None
    ) -> CouponParameters:
        """Return what the mini program's plug-in ``send-coupon`` takes (小程序发券插件).

        Each coupon's fields are signed under their names with the coupon's place behind
        them, counted from 0: ``stock_id0``, ``out_request_no0``, ``stock_id1``, …

        Args:
            coupons: one to ten, each with ``stock_id`` and ``out_request_no``, and with
                ``coupon_code`` where the merchant gives codes itself.
            merchant: who sends (发券商户号), where it is not this one.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter9_3_1.shtml

        Raises:
            RequestError: a field is missing, malformed, or none of these; the message names it.
            ConfigurationError: there is no secret.
        """
        if isinstance(coupons, (str, bytes, Mapping)) or not isinstance(coupons, Sequence):
            raise RequestError(f"coupons must be a list of them, not {type(coupons).__name__}")
        if not 1 <= len(coupons) <= _MOST:
            raise RequestError(f"coupons must be 1 to {_MOST}, not {len(coupons)}")
        checked = [_checked(coupon, f"coupons[{at}]") for at, coupon in enumerate(coupons)]
        merchant = self._signatory.number(merchant, "merchant")
        flat = {
            f"{name}{at}": str(value)
            for at, coupon in enumerate(checked)
            for name, value in coupon.items()
        }
        sign = self._signatory.sign_fields({**flat, "send_coupon_merchant": merchant}, HMAC_SHA256)
        return {"send_coupon_params": checked, "send_coupon_merchant": merchant, "sign": sign}

    def __repr__(self) -> str:
        return f"<Coupons {self._signatory.name}>"


def _checked(coupon: Coupon, where: str) -> Coupon:
    if not isinstance(coupon, Mapping):
        raise RequestError(f"{where} must be a mapping, not {type(coupon).__name__}")
    for name in coupon:
        # A field that is not signed would make the plug-in refuse the whole of it.
        if name not in _ALLOWED:
            raise RequestError(f"{where} has a field that is none of {', '.join(_ALLOWED)}")
    checked: Coupon = {
        "stock_id": fields.identifier(coupon.get("stock_id"), f"{where}.stock_id"),
        "out_request_no": fields.identifier(
            coupon.get("out_request_no"), f"{where}.out_request_no"
        ),
    }
    if "coupon_code" in coupon:
        checked["coupon_code"] = fields.identifier(coupon["coupon_code"], f"{where}.coupon_code")
    return checked
