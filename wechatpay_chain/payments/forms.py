"""The parameters that v3 signs with the merchant's private key, and the text that is signed.

Every line of that text ends with a line feed, the last one too.

Sources: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_1_4.shtml (JSAPI),
    https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_2_4.shtml (APP),
    https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_5_4.shtml (小程序)
"""

from __future__ import annotations

from wechatpay_chain.payments import fields
from wechatpay_chain.payments.parameters import (
    AppParameters,
    JsapiParameters,
    MiniProgramParameters,
)
from wechatpay_chain.payments.signatory import Form, Moment
from wechatpay_chain.protocol.formatter import joined_by_line_feed

__all__ = ["APP_PACKAGE", "app", "jsapi", "mini_program"]

APP_PACKAGE = "Sign=WXPay"
"""What an app's ``package`` always is."""


def jsapi(moment: Moment, prepay_id: str, appid: str, sign_type: str) -> Form[JsapiParameters]:
    """Return what a page in WeChat gives to ``getBrandWCPayRequest``."""
    appid = fields.identifier(appid, "appid")
    inner = mini_program(moment, prepay_id, appid, sign_type)
    return Form({"appId": appid, **inner.fields}, inner.message, inner.place)


def mini_program(
    moment: Moment, prepay_id: str, appid: str, sign_type: str
) -> Form[MiniProgramParameters]:
    """Return what a mini program gives to ``wx.requestPayment``: its appid is signed, not given."""
    appid = fields.identifier(appid, "appid")
    package = f"prepay_id={fields.identifier(prepay_id, 'prepay_id')}"
    return Form(
        {
            "timeStamp": moment.timestamp,
            "nonceStr": moment.nonce,
            "package": package,
            "signType": sign_type,
        },
        joined_by_line_feed(appid, moment.timestamp, moment.nonce, package),
        "paySign",
    )


def app(moment: Moment, prepay_id: str, appid: str, partnerid: str) -> Form[AppParameters]:
    """Return what an app gives to its ``PayReq``; the merchant's number is given, not signed."""
    appid = fields.identifier(appid, "appid")
    prepay_id = fields.identifier(prepay_id, "prepay_id")
    return Form(
        {
            "appid": appid,
            "partnerid": fields.identifier(partnerid, "partnerid"),
            "prepayid": prepay_id,
            "package": APP_PACKAGE,
            "noncestr": moment.nonce,
            "timestamp": moment.timestamp,
        },
        joined_by_line_feed(appid, moment.timestamp, moment.nonce, prepay_id),
        "sign",
    )
