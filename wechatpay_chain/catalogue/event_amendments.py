"""Where the list of events errs, or has less than the documentation: facts for `build` alone.

Sources: https://pay.weixin.qq.com/doc/v3/merchant/4012791861 (普通支付成功通知),
https://pay.weixin.qq.com/doc/v3/partner/4013080237 (服务商), and the list itself.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ADDED", "LIFTED", "SAME"]

ADDED: Mapping[str, str] = {
    # What a payer paid is missing, as its order's owner is: the list has other payloads' fields.
    "TRANSACTION.SUCCESS": """\
  appid: string
  mchid: string
  out_trade_no: string
  transaction_id: string
  trade_type: string = JSAPI | NATIVE | APP | MICROPAY | MWEB | FACEPAY
  trade_state: string = SUCCESS | REFUND | NOTPAY | CLOSED | REVOKED | USERPAYING | PAYERROR
  trade_state_desc: string
  bank_type: string
  attach: string
  success_time: string
  payer: object
    openid: string
    sp_openid: string
    sub_openid: string
  amount: object
    total: integer
    payer_total: integer
    currency: string = CNY
    payer_currency: string = CNY
  scene_info: object
    device_id: string
  promotion_detail: object[]
    coupon_id*: string
    name: string
    scope: string = GLOBAL | SINGLE
    type: string = CASH | NOCASH
    amount*: integer
    stock_id: string
    wechatpay_contribute: integer
    merchant_contribute: integer
    other_contribute: integer
    currency: string
    goods_detail: object[]
      goods_id*: string
      quantity*: integer
      unit_price*: integer
      discount_amount*: integer
      goods_remark: string
  sp_appid: string
  sp_mchid: string
  sub_appid: string
  sub_mchid: string
  sub_orders: object[]
    amount: object
      total_amount*: integer
      payer_amount*: integer
""",
}
"""Fields of a resource by its event, in the package's notation; of twins, its type counts."""

LIFTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "TRANSACTION.SUCCESS": {"scene_info": ("sub_orders", "combine_payer_info", "installment_info")},
}
"""Fields that the list has in one beside which they stand (合单支付)."""

SAME: Mapping[str, str] = {"RECHARGE.CLOSED": "RECHARGE.SUCCESS"}
"""Events whose fields the list has at wrong depths, and those that have the same in good order."""
