"""What front ends need to invoke payment (调起支付): parameters, links and codes, signed."""

from wechatpay_chain.payments.parameters import (
    AppParameters,
    CouponParameters,
    JsapiParameters,
    MiniProgramParameters,
    RedPacketParameters,
    ScoreDetailParameters,
    ScoreEnableParameters,
    ScoreUseParameters,
    TransferParameters,
)
from wechatpay_chain.payments.payments import Payments
from wechatpay_chain.payments.qr import Qr

__all__ = [
    "AppParameters",
    "CouponParameters",
    "JsapiParameters",
    "MiniProgramParameters",
    "Payments",
    "Qr",
    "RedPacketParameters",
    "ScoreDetailParameters",
    "ScoreEnableParameters",
    "ScoreUseParameters",
    "TransferParameters",
]
