"""The same for orders of the XML protocol (v2), which signs with the merchant's secret."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from wechatpay_chain.errors import RequestError
from wechatpay_chain.payments import fields
from wechatpay_chain.payments.forms import APP_PACKAGE
from wechatpay_chain.payments.parameters import (
    AppParameters,
    JsapiParameters,
    MiniProgramParameters,
    RedPacketParameters,
)
from wechatpay_chain.payments.signatory import Signatory
from wechatpay_chain.protocol.hash import MD5
from wechatpay_chain.protocol.text import encode

__all__ = ["SignType", "V2Payments"]

SignType: TypeAlias = Literal["MD5", "HMAC-SHA256"]

_ENTRUST = "https://api.mch.weixin.qq.com/papay/entrustweb"


class V2Payments:
    """One merchant's payments of the XML protocol, as front ends invoke them.

    `sign_type` is always the one that the order was made with: WeChat Pay wants the
    same for both.
    """

    def __init__(self, signatory: Signatory) -> None:
        self._signatory = signatory

    def jsapi(self, prepay_id: str, *, appid: str, sign_type: SignType = "MD5") -> JsapiParameters:
        """Return what a page in WeChat gives to ``getBrandWCPayRequest``.

        Args:
            prepay_id: the answer's to ``v2/pay/unifiedorder`` with ``trade_type`` JSAPI.
            appid: the official account's that invokes payment.
            sign_type: as the order's.

        Source: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=7_7&index=6

        Raises:
            RequestError: a field is missing or malformed; the message names it.
            ConfigurationError: there is no secret.
        """
        timestamp, nonce = self._signatory.moment()
        given = {
            "appId": fields.identifier(appid, "appid"),
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": f"prepay_id={fields.identifier(prepay_id, 'prepay_id')}",
            "signType": sign_type,
        }
        sign = self._signatory.sign_fields(given, sign_type)
        return cast("JsapiParameters", {**given, "paySign": sign})

    def mini_program(
        self, prepay_id: str, *, appid: str, sign_type: SignType = "MD5"
    ) -> MiniProgramParameters:
        """Return what a mini program gives to ``wx.requestPayment``.

        The mini program's `appid` is signed, and is not among the parameters.

        Source: https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=7_7&index=5

        Raises:
            RequestError, ConfigurationError: as of `jsapi`.
        """
        signed = self.jsapi(prepay_id, appid=appid, sign_type=sign_type)
        return cast(
            "MiniProgramParameters",
            {name: value for name, value in signed.items() if name != "appId"},
        )

    def app(
        self,
        prepay_id: str,
        *,
        appid: str,
        partnerid: str | None = None,
        sign_type: SignType = "MD5",
    ) -> AppParameters:
        """Return what an app gives to its ``PayReq``; here everything in it is signed.

        Args:
            prepay_id: the answer's to ``v2/pay/unifiedorder`` with ``trade_type`` APP.
            appid: the app's, from the open platform (开放平台).
            partnerid: the merchant's number, where it is not this one.
            sign_type: as the order's; it is not among the parameters.

        Source: https://pay.weixin.qq.com/wiki/doc/api/app/app.php?chapter=9_12&index=2

        Raises:
            RequestError, ConfigurationError: as of `jsapi`.
        """
        timestamp, nonce = self._signatory.moment()
        given = {
            "appid": fields.identifier(appid, "appid"),
            "partnerid": self._signatory.number(partnerid, "partnerid"),
            "prepayid": fields.identifier(prepay_id, "prepay_id"),
            "package": APP_PACKAGE,
            "noncestr": nonce,
            "timestamp": timestamp,
        }
        sign = self._signatory.sign_fields(given, sign_type)
        return cast("AppParameters", {**given, "sign": sign})

    def native_link(self, product_id: str, *, appid: str) -> str:
        """Return the link of a product, for a code that is printed once (Native模式一).

        Whoever scans it makes WeChat Pay ask the merchant for an order; `Payments.native`
        makes a code of it.

        Args:
            product_id: the merchant's own id of what is sold.
            appid: the official account's.

        Source: https://pay.weixin.qq.com/wiki/doc/api/native.php?chapter=6_4

        Raises:
            RequestError, ConfigurationError: as of `jsapi`.
        """
        timestamp, nonce = self._signatory.moment()
        given = {
            "appid": fields.identifier(appid, "appid"),
            "mch_id": self._signatory.mchid,
            "product_id": fields.identifier(product_id, "product_id"),
            "time_stamp": timestamp,
            "nonce_str": nonce,
        }
        sign = self._signatory.sign_fields(given, MD5)
        return f"weixin://wxpay/bizpayurl?{fields.query_string({'sign': sign, **given})}"

    def red_packet(self, package: str, *, appid: str) -> RedPacketParameters:
        """Return what ``wx.sendBizRedPacket`` takes, in a mini program (小程序红包).

        Its ``signType`` is not signed, and can only be MD5; its ``package`` is
        percent-encoded before it is signed.

        Args:
            package: the answer's to ``v2/mmpaymkttransfers/sendminiprogramhb``, as it came.
            appid: the mini program's.

        Source: https://pay.weixin.qq.com/doc/v2/merchant/4011937425

        Raises:
            RequestError, ConfigurationError: as of `jsapi`.
        """
        timestamp, nonce = self._signatory.moment()
        given = {
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": encode(fields.opaque(package, "package", pairs=True), "package"),
        }
        appid = fields.identifier(appid, "appid")
        sign = self._signatory.sign_fields({"appId": appid, **given}, MD5)
        return cast("RedPacketParameters", {**given, "signType": MD5, "paySign": sign})

    def contract_link(
        self,
        *,
        appid: str,
        plan_id: str | int,
        contract_code: str,
        request_serial: str | int,
        contract_display_account: str,
        notify_url: str,
        return_web: bool = False,
    ) -> str:
        """Return the address at which a payer in WeChat agrees to deductions (公众号纯签约).

        That is for delegated deductions (委托代扣). The values are signed as they are, and
        percent-encoded afterwards.

        Args:
            appid: the official account's.
            plan_id: the template's (协议模板), from WeChat Pay.
            contract_code: the merchant's own number of the contract.
            request_serial: the merchant's own number of this request, digits only.
            contract_display_account: the payer's name with the merchant, which is shown.
            notify_url: where WeChat Pay tells that it was signed.
            return_web: whether the payer comes back to the page before.

        Source: https://pay.weixin.qq.com/wiki/doc/api/pap.php?chapter=18_1&index=1

        Raises:
            RequestError, ConfigurationError: as of `jsapi`.
        """
        notify_url = fields.text(fields.url(notify_url, "notify_url", fields.WEB), "notify_url")
        if "?" in notify_url:
            raise RequestError("notify_url must have no query: WeChat Pay takes none")
        given = {
            "appid": fields.identifier(appid, "appid"),
            "contract_code": fields.identifier(contract_code, "contract_code"),
            "contract_display_account": fields.text(
                contract_display_account, "contract_display_account"
            ),
            "mch_id": self._signatory.mchid,
            "notify_url": notify_url,
            "plan_id": fields.number(plan_id, "plan_id"),
            "request_serial": fields.number(request_serial, "request_serial"),
            **({"return_web": "1"} if return_web else {}),
            "timestamp": self._signatory.moment().timestamp,
            "version": "1.0",
        }
        sign = self._signatory.sign_fields(given, MD5)
        return f"{_ENTRUST}?{fields.query_string({**given, 'sign': sign})}"

    def __repr__(self) -> str:
        return f"<V2Payments {self._signatory.name}>"
