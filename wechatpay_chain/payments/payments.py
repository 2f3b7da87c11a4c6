"""`Payments`: what front ends need to invoke payment (调起支付).

An order of the protocol v3 is invoked with the merchant's private key, and one of the
XML protocol (v2) with its secret. A ``prepay_id`` does not show which of them it
came from, and the wrong signature is refused only on the payer's phone; so each
protocol has a face of its own, as with ``client.v3`` and ``client.v2``: `Payments`
takes no ``sign_type``, and `Payments.v2` has no RSA.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from wechatpay_chain.errors import RequestError
from wechatpay_chain.keys import KeySource
from wechatpay_chain.middleware.signer import RemoteSign
from wechatpay_chain.payments import fields, forms
from wechatpay_chain.payments.coupons import Coupons
from wechatpay_chain.payments.parameters import (
    AppParameters,
    JsapiParameters,
    MiniProgramParameters,
    TransferParameters,
)
from wechatpay_chain.payments.qr import Qr
from wechatpay_chain.payments.score import PayScore
from wechatpay_chain.payments.signatory import Making, Signatory
from wechatpay_chain.payments.v2 import V2Payments
from wechatpay_chain.promise import Promise
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["Payments"]


class Payments:
    """One merchant's payments, as front ends invoke them.

    `Client.payments` is one; without a client::

        payments = Payments("1900000109", "apiclient_key.pem", secret="…")
        payments.jsapi(prepay_id, appid="wxd678efh567hg6787")

    Nothing here sends anything.
    """

    def __init__(
        self,
        mchid: str,
        private_key: KeySource | RemoteSign | None = None,
        secret: str | Sensitive[Any] | None = None,
        *,
        scheme: Scheme = Scheme.RSA,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Sign as a merchant.

        Args:
            mchid: the merchant's number (商户号); a service provider's own (服务商).
            private_key: its private key (商户API私钥), or an async callable that signs
                elsewhere, as of `Client`.
            secret: its key of the XML protocol (APIv2密钥): for `v2`, and for pay score and
                coupons, which sign with it under v3 too.
            scheme: how v3 signs.
            clock: seconds since the epoch.
            random: a source of random bytes, for nonces.

        Raises:
            ConfigurationError: a key cannot be used, or there is neither key nor secret.
        """
        key, hidden = Sensitive[Any](private_key), Sensitive[Any](secret)
        # What is left in this frame may be seen in a traceback with locals.
        del private_key, secret
        self._signatory = Signatory(mchid, key, hidden, scheme, clock, random)
        self.v2 = V2Payments(self._signatory)
        """The same for orders of the XML protocol (v2)."""
        self.score = PayScore(self._signatory)
        """Pay score (微信支付分)."""
        self.coupons = Coupons(self._signatory)
        """Sending merchants' coupons (商家券)."""

    def jsapi(self, prepay_id: str, *, appid: str) -> JsapiParameters:
        """Return what a page in WeChat gives to ``getBrandWCPayRequest`` (JSAPI调起支付).

        Args:
            prepay_id: the answer's to ``v3/pay/transactions/jsapi``, or to a combined order's
                (合单) or a service provider's; it lives two hours.
            appid: the official account's that invokes payment; a service provider gives its
                own, or its merchant's ``sub_appid`` if the payer's openid belongs to that.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_1_4.shtml

        Raises:
            RequestError: a field is missing or malformed; the message names it.
            ConfigurationError: there is no private key.
            NotSentError: the remote signer failed.
        """
        return self._signatory.sign(self._jsapi(prepay_id, appid))

    def jsapi_async(self, prepay_id: str, *, appid: str) -> Promise[JsapiParameters]:
        """Return a promise of what `jsapi` returns."""
        return self._signatory.sign_async(self._jsapi(prepay_id, appid))

    def mini_program(self, prepay_id: str, *, appid: str) -> MiniProgramParameters:
        """Return what a mini program gives to ``wx.requestPayment`` (小程序调起支付).

        The mini program's `appid` is signed, and is not among the parameters.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_5_4.shtml

        Raises:
            RequestError, ConfigurationError, NotSentError: as of `jsapi`.
        """
        return self._signatory.sign(self._mini_program(prepay_id, appid))

    def mini_program_async(self, prepay_id: str, *, appid: str) -> Promise[MiniProgramParameters]:
        """Return a promise of what `mini_program` returns."""
        return self._signatory.sign_async(self._mini_program(prepay_id, appid))

    def app(self, prepay_id: str, *, appid: str, partnerid: str | None = None) -> AppParameters:
        """Return what an app gives to its ``PayReq`` (APP调起支付).

        Args:
            prepay_id: the answer's to ``v3/pay/transactions/app``.
            appid: the app's, from the open platform (开放平台).
            partnerid: the merchant's number, where it is not this one: a service provider gives
                its merchant's ``sub_mchid`` if the app is that merchant's.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_2_4.shtml

        Raises:
            RequestError, ConfigurationError, NotSentError: as of `jsapi`.
        """
        return self._signatory.sign(self._app(prepay_id, appid, partnerid))

    def app_async(
        self, prepay_id: str, *, appid: str, partnerid: str | None = None
    ) -> Promise[AppParameters]:
        """Return a promise of what `app` returns."""
        return self._signatory.sign_async(self._app(prepay_id, appid, partnerid))

    def h5(self, h5_url: str, *, redirect_url: str | None = None) -> str:
        """Return the address that a browser outside of WeChat is sent to (H5调起支付).

        It must be opened from a page on the domain that the merchant registered for H5
        payment: WeChat Pay looks at the ``Referer``. It lives five minutes.

        Args:
            h5_url: the answer's to ``v3/pay/transactions/h5``, or v2's ``mweb_url``.
            redirect_url: where the payer comes back to, paid or not: query the order there.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_3_4.shtml

        Raises:
            RequestError: an address is none, or has a ``redirect_url`` already.
        """
        address = fields.url(h5_url, "h5_url", fields.WEB)
        if redirect_url is None:
            return address
        target = fields.url(redirect_url, "redirect_url")
        if "#" in address or re.search("[?&]redirect_url=", address):
            raise RequestError(
                "h5_url has a fragment or a redirect_url already: give it as WeChat Pay answered it"
            )
        mark = "&" if "?" in address else "?"
        return f"{address}{mark}{fields.query_string({'redirect_url': target})}"

    def native(self, code_url: str) -> Qr:
        """Return the code that a payer scans, of an order made for Native payment (Native调起支付).

        Args:
            code_url: the answer's to ``v3/pay/transactions/native``, or to v2's, which lives two
                hours; or what `V2Payments.native_link` returns.

        Source: https://pay.weixin.qq.com/wiki/doc/apiv3/apis/chapter3_4_4.shtml

        Raises:
            RequestError: it is no ``weixin://`` address.
            ConfigurationError: the extra ``qr`` is not installed.
        """
        return Qr(fields.url(code_url, "code_url", ("weixin",)))

    def merchant_transfer(
        self, package_info: str, *, appid: str, mchid: str | None = None
    ) -> TransferParameters:
        """Return what ``requestMerchantTransfer`` takes (商家转账用户确认收款).

        It has no signature. A page in WeChat and a mini program take it as it is, an app
        its `query_string`.

        Args:
            package_info: the answer's to ``v3/fund-app/mch-transfer/transfer-bills``.
            appid: that of who asks: the official account, mini program or app.
            mchid: the merchant's number, where it is not this one.

        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012716430

        Raises:
            RequestError: a field is missing or malformed; the message names it.
        """
        return {
            "mchId": self._signatory.number(mchid, "mchid"),
            "appId": fields.identifier(appid, "appid"),
            "package": fields.opaque(package_info, "package_info"),
        }

    @staticmethod
    def query_string(parameters: Mapping[str, object]) -> str:
        """Return parameters as one text, percent-encoded.

        Pages in WeChat and apps take those of pay score and of transfers so (``queryString``,
        ``query``), where a mini program takes an object (``extraData``).

        Raises:
            RequestError: they are no mapping, or a value is no text.
        """
        if not isinstance(parameters, Mapping):
            raise RequestError(f"parameters must be a mapping, not {type(parameters).__name__}")
        return fields.query_string(
            {name: fields.plain(value, name) for name, value in parameters.items()}
        )

    def __repr__(self) -> str:
        if "_signatory" not in vars(self):
            return "<Payments that could not be made>"
        return f"<Payments {self._signatory.name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Payments hold keys, so they are not pickled: make them in each process")

    def _jsapi(self, prepay_id: str, appid: str) -> Making[JsapiParameters]:
        sign_type = self._signatory.scheme.sign_type
        return partial(forms.jsapi, prepay_id=prepay_id, appid=appid, sign_type=sign_type)

    def _mini_program(self, prepay_id: str, appid: str) -> Making[MiniProgramParameters]:
        sign_type = self._signatory.scheme.sign_type
        return partial(forms.mini_program, prepay_id=prepay_id, appid=appid, sign_type=sign_type)

    def _app(self, prepay_id: str, appid: str, partnerid: str | None) -> Making[AppParameters]:
        return lambda moment: forms.app(
            moment, prepay_id, appid, self._signatory.number(partnerid, "partnerid")
        )
