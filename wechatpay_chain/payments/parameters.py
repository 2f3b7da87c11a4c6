"""The shapes of what front ends are given, by the names that WeChat's own interfaces read.

All of them are plain dictionaries of text, ready for JSON.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = [
    "AppParameters",
    "Coupon",
    "CouponParameters",
    "JsapiParameters",
    "MiniProgramParameters",
    "RedPacketParameters",
    "ScoreDetailParameters",
    "ScoreEnableParameters",
    "ScoreUseParameters",
    "TransferParameters",
]


class MiniProgramParameters(TypedDict):
    """What ``wx.requestPayment`` takes, in a mini program (小程序)."""

    timeStamp: str
    nonceStr: str
    package: str
    signType: str
    paySign: str


class JsapiParameters(MiniProgramParameters):
    """What ``WeixinJSBridge.invoke("getBrandWCPayRequest", …)`` takes, on a page in WeChat."""

    appId: str


class AppParameters(TypedDict):
    """What an app's ``PayReq`` takes."""

    appid: str
    partnerid: str
    prepayid: str
    package: str
    noncestr: str
    timestamp: str
    sign: str


class RedPacketParameters(MiniProgramParameters):
    """What ``wx.sendBizRedPacket`` takes, in a mini program."""


class ScoreUseParameters(TypedDict):
    """What ``openBusinessView`` takes for ``wxpayScoreUse`` (确认支付分订单)."""

    mch_id: str
    package: str
    timestamp: str
    nonce_str: str
    sign_type: str
    sign: str


class ScoreDetailParameters(TypedDict):
    """What ``openBusinessView`` takes for ``wxpayScoreDetail`` (支付分订单详情)."""

    mch_id: str
    service_id: str
    out_order_no: str
    timestamp: str
    nonce_str: str
    sign_type: str
    sign: str


class ScoreEnableParameters(TypedDict):
    """What ``openBusinessView`` takes for ``wxpayScoreEnable`` (开启支付分授权)."""

    apply_permissions_token: str


class TransferParameters(TypedDict):
    """What ``requestMerchantTransfer`` takes (商家转账用户确认收款)."""

    mchId: str
    appId: str
    package: str


class _CouponOfBatch(TypedDict):
    stock_id: str
    out_request_no: str


class Coupon(_CouponOfBatch, total=False):
    """One coupon (券) to send: its batch, the merchant's number for the sending, maybe a code."""

    coupon_code: str


class CouponParameters(TypedDict):
    """What the mini program's plug-in ``send-coupon`` takes (小程序发券插件)."""

    send_coupon_params: list[Coupon]
    send_coupon_merchant: str
    sign: str
