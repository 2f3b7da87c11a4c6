"""Pay score (微信支付分): what ``openBusinessView`` takes.

The operations are v3's, but what the front end gives is signed by the XML protocol's
rule: HMAC-SHA256 under the APIv2密钥, over all that is given. A mini program takes the
parameters as ``extraData``; a page in WeChat as ``queryString`` and an app as ``query``,
both in the form of `Payments.query_string`.
"""

from __future__ import annotations

from typing import Any, cast

from wechatpay_chain.payments import fields
from wechatpay_chain.payments.parameters import (
    ScoreDetailParameters,
    ScoreEnableParameters,
    ScoreUseParameters,
)
from wechatpay_chain.payments.signatory import Signatory
from wechatpay_chain.protocol.hash import HMAC_SHA256

__all__ = ["PayScore"]


class PayScore:
    """One merchant's pay score, as front ends invoke it."""

    def __init__(self, signatory: Signatory) -> None:
        self._signatory = signatory

    def use(self, package: str) -> ScoreUseParameters:
        """Return the parameters of ``wxpayScoreUse``: the payer confirms an order (确认订单).

        Args:
            package: the answer's to ``v3/payscore/serviceorder``.

        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012587900

        Raises:
            RequestError: a field is missing or malformed; the message names it.
            ConfigurationError: there is no secret.
        """
        signed = self._signed({"package": fields.opaque(package, "package")})
        return cast("ScoreUseParameters", signed)

    def detail(self, out_order_no: str, *, service_id: str) -> ScoreDetailParameters:
        """Return the parameters of ``wxpayScoreDetail``: the payer looks at an order (订单详情).

        Args:
            out_order_no: the merchant's own number of the order.
            service_id: the service's (服务ID).

        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012587900

        Raises:
            RequestError: a field is missing or malformed; the message names it.
            ConfigurationError: there is no secret.
        """
        signed = self._signed(
            {
                "service_id": fields.identifier(service_id, "service_id"),
                "out_order_no": fields.identifier(out_order_no, "out_order_no"),
            }
        )
        return cast("ScoreDetailParameters", signed)

    def enable(self, apply_permissions_token: str) -> ScoreEnableParameters:
        """Return the parameter of ``wxpayScoreEnable``: the payer permits a service (开启授权).

        It has no signature.

        Args:
            apply_permissions_token: the answer's to ``v3/payscore/permissions``.

        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012647349

        Raises:
            RequestError: it is missing or malformed.
        """
        token = fields.opaque(apply_permissions_token, "apply_permissions_token")
        return {"apply_permissions_token": token}

    def __repr__(self) -> str:
        return f"<PayScore {self._signatory.name}>"

    def _signed(self, subject: dict[str, str]) -> dict[str, Any]:
        timestamp, nonce = self._signatory.moment()
        given = {
            "mch_id": self._signatory.mchid,
            **subject,
            "timestamp": timestamp,
            "nonce_str": nonce,
            "sign_type": HMAC_SHA256,
        }
        return {**given, "sign": self._signatory.sign_fields(given, HMAC_SHA256)}
