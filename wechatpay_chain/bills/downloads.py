"""`Bills`: ask where a bill lies, and get it from there, at once and once.

A request's way: `requests` or a chain says what to ask → `offers` reads the
verified answer → one signed GET for each file, poured into `intake` → the file
takes its place when everything holds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain import loops
from wechatpay_chain.bills import advice
from wechatpay_chain.bills.bill import Bill
from wechatpay_chain.bills.intake import LIMIT, Intake, Progress, Stopped, Writable
from wechatpay_chain.bills.offers import Offer, read
from wechatpay_chain.bills.reading import Rows, Source, rows
from wechatpay_chain.bills.requests import BillRequest, Kind
from wechatpay_chain.bills.sources import Asked, Settings, understand
from wechatpay_chain.bills.targets import Target, suffix
from wechatpay_chain.bills.unsealing import Unsealing
from wechatpay_chain.chain import Chain
from wechatpay_chain.errors import DecodeError, DecryptError, RequestError, WechatPayError
from wechatpay_chain.flow import Flow
from wechatpay_chain.middleware.guard import hide
from wechatpay_chain.parts import Parts
from wechatpay_chain.placement import Placement
from wechatpay_chain.protocol import aes
from wechatpay_chain.protocol.segments import is_v2
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.response import Response

__all__ = ["Bills"]

FRESH = 15.0
"""Seconds for which an address is taken for good; it lives 30 (下载地址有效期)."""

_SHARED = ("timeout", "connect_timeout", "proxy", "debug", "middlewares")
"""The options of a call that are for its download too."""

_Call: TypeAlias = tuple[object, Mapping[str, Any]]
"""What is downloaded, and the options of the request for it."""

_AEAD = {"algorithm": aes.GCM}


class Bills:
    """One merchant's bills."""

    trade = Kind("交易账单", "v3/bill/tradebill")
    fund_flow = Kind("资金账单", "v3/bill/fundflowbill")
    sub_merchant_fund_flow = Kind(
        "单个子商户资金账单",
        "v3/bill/sub-merchant-fundflowbill",
        fields={"account_type": "BASIC", **_AEAD},
    )
    ecommerce_fund_flow = Kind(
        "二级商户资金账单",
        "v3/ecommerce/bill/fundflowbill",
        fields={"account_type": "ALL", **_AEAD},
    )
    profit_sharing = Kind("分账账单", "v3/profitsharing/bills")
    payscore = Kind(
        "支付分账单",
        "v3/payscore/merchant-bill",
        fields={"encryption_algorithm": aes.GCM},
    )
    failed_withdrawals = Kind(
        "提现异常文件",
        "v3/merchant/fund/withdraw/bill-type/{bill_type}",
        variables={"bill_type": "NO_SUCC"},
    )
    funds_to_oversea = Kind("购付汇账单", "v3/funds-to-oversea/bill-download-url")
    statement = Kind(
        "境外对账单",
        "v3/global/statements",
        date="date",
        compact=True,
        merchant="mchid",
        encodes=True,
    )
    trade_v2 = Kind(
        "对账单",
        "v2/pay/downloadbill",
        compact=True,
        merchant="mch_id",
        fields={"bill_type": "ALL"},
    )
    fund_flow_v2 = Kind(
        "资金账单",
        "v2/pay/downloadfundflow",
        compact=True,
        merchant="mch_id",
        fields={"account_type": "Basic", "sign_type": "HMAC-SHA256"},
    )

    def __init__(
        self, flow: Flow, parts: Parts, opening_key: Sensitive[RSAPrivateKey | None]
    ) -> None:
        """Serve a client, with its way to WeChat Pay and the key that opens encrypted bills."""
        self._flow = flow
        self._parts = parts
        self._key = opening_key

    @property
    def mchid(self) -> str:
        """Whose bills they are."""
        return self._parts.mchid

    @property
    def clock(self) -> Callable[[], float]:
        """The client's clock."""
        return self._parts.clock

    def download(
        self,
        source: str | Chain | BillRequest | Response,
        to: str | os.PathLike[str] | Writable,
        *,
        hash_value: str | None = None,
        hash_type: str = "SHA1",
        decompress: bool = True,
        limit: int = LIMIT,
        progress: Progress | None = None,
        **options: Any,
    ) -> Bill:
        """Download a bill, check it, and put it where it belongs: whole, or not at all.

        Args:
            source: what tells or gives the bill: a request of `trade` and its like, a path or
                chain such as ``client.v3.bill.tradebill``, the answer to one, or an address
                (``download_url``), which lives 30 seconds.
            to: a path; a directory, in which the bill gets a name; or a binary stream, whose
                ``write`` may be async and gets bytes **before** they are verified.
            hash_value: what the hash of the decompressed file must be, with an address.
            hash_type: of which kind: SHA1, SHA256 or SM3.
            decompress: whether a packed bill is stored unpacked. The hash is checked in
                either case.
            limit: bytes that it may have, packed and unpacked; 64 GiB by default.
            progress: called with the bytes that came, and how many there will be or None, ten
                times a second at most; what it raises ends the download.
            **options: options of the request that is asked, such as ``query``; `timeout`,
                `connect_timeout` and `proxy` are for the download too. `timeout` is how long
                the connection may stand still.

        Raises:
            RequestError: the call cannot be made; the address is neither WeChat Pay's nor the
                client's own.
            RefusedError: there is no such bill, or the address has expired.
            OutcomeUnknownError: it broke off. Nothing is left of it: begin again.
            UnverifiedError: its hash is wrong or missing, its gzip damaged, or it is too large.
            DecodeError: the answer tells no address.
            DecryptError: an encrypted bill does not open.
            OSError: it cannot be written.
        """
        settings = Settings(decompress, limit, progress, hash_value, hash_type)
        call = Sensitive[_Call]((source, options))
        # A traceback with locals must not show the token of an address.
        del source, options
        try:
            return loops.run(self._run(call, to, settings))
        except WechatPayError as error:
            raise error.with_traceback(None)

    async def download_async(
        self,
        source: str | Chain | BillRequest | Response,
        to: str | os.PathLike[str] | Writable,
        *,
        hash_value: str | None = None,
        hash_type: str = "SHA1",
        decompress: bool = True,
        limit: int = LIMIT,
        progress: Progress | None = None,
        **options: Any,
    ) -> Bill:
        """Download a bill, as `download` does; a task that is cancelled leaves nothing."""
        settings = Settings(decompress, limit, progress, hash_value, hash_type)
        call = Sensitive[_Call]((source, options))
        del source, options
        try:
            return await self._run(call, to, settings)
        except WechatPayError as error:
            raise error.with_traceback(None)

    @staticmethod
    def rows(source: Source, *, totals: bool = True, encoding: str = "utf-8") -> Rows:
        """Return the rows of a bill; see `wechatpay_chain.bills.rows`."""
        return rows(source, totals=totals, encoding=encoding)

    def __repr__(self) -> str:
        return f"<Bills of {self.mchid}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Bills belong to a Client, which holds keys, so they are not pickled")

    async def _run(self, call: Sensitive[_Call], to: object, settings: Settings) -> Bill:
        try:
            settings.check()
            asked = self._understood(call, settings)
            target = Target.of(to, asked.stem)
            return await self._download(asked, target, settings)
        except WechatPayError as error:
            hide(error)
            raise error

    def _understood(self, call: Sensitive[_Call], settings: Settings) -> Asked:
        source, options = call.reveal()
        if isinstance(source, BillRequest) and source.bills is not self:
            raise RequestError("the bill was asked for with another client")
        return understand(source, options, settings, self._flow.identity)

    async def _download(self, asked: Asked, target: Target, settings: Settings) -> Bill:
        source = _Offers(self._flow, self._key, asked)
        count = await source.ask()
        with target.open() as out:
            intake = Intake(
                out.file if isinstance(out, Placement) else out,
                places=target.path is not None,
                decompress=settings.decompress,
                limit=settings.limit,
                progress=settings.progress,
                may_be_error=is_v2(asked.path),
                tells_total=count == 1,
            )
            verified = True
            for number in range(count):
                verified &= await source.pour(number, intake)
            await intake.end()
            path = target.path
            if isinstance(out, Placement):
                if target.is_directory:
                    path = out.path.with_name(asked.stem + suffix(intake.head))
                await out.place(path)
        return Bill(path, intake.size, intake.sha1, intake.packed, verified, count)


class _Offers:
    """The files of one bill, asked for again where an address may have grown too old."""

    def __init__(self, flow: Flow, key: Sensitive[RSAPrivateKey | None], asked: Asked) -> None:
        self._flow = flow
        self._key = key
        self._asked = asked
        self._offers = asked.offers
        self._since = 0.0

    async def ask(self) -> int:
        """Ask where the files are, if that is not known; return how many there are."""
        asked = self._asked
        self._since = asyncio.get_running_loop().time()
        if asked.offers is None and not asked.is_file:
            response = await self._flow.send_async(asked.method, asked.path, None, asked.options)
            self._offers = advice.of(asked.what, read, response, asked.operation)
        return 1 if self._offers is None else len(self._offers)

    async def pour(self, number: int, intake: Intake) -> bool:
        """Get one of the files; tell whether it is verified."""
        asked = self._asked
        if self._offers is None:
            intake.start(asked.promise, None)
            response = await self._send(
                asked.method, asked.path, {**asked.options, "sink": intake}, intake
            )
            advice.refuse(asked.what, intake.error, response)
            return response.verified or asked.promise is not None
        offer = await self._fresh(number)
        intake.start(offer.promise, self._unsealing(offer))
        # The token is never in a local variable, where a traceback would show it, and as a query
        # it is neither shown by a message nor written in another way than WeChat Pay did.
        response = await self._send(
            "GET",
            offer.place,
            {
                **{name: asked.options[name] for name in _SHARED if name in asked.options},
                "query": offer.query.reveal(),
                "sink": intake,
            },
            intake,
        )
        return response.verified or offer.promise is not None

    def _unsealing(self, offer: Offer) -> Unsealing | None:
        """Return what opens a file, if it is encrypted."""
        if offer.encrypt_key is None:
            return None
        try:
            return Unsealing(offer.encrypt_key.reveal(), offer.nonce, self._key)
        except DecryptError as error:
            problem = error
        raise advice.explain(problem, self._asked.what, is_given=self._asked.is_given)

    async def _fresh(self, number: int) -> Offer:
        """Return a file's offer, told a moment ago."""
        if self._offers is None:
            raise RequestError("nothing was asked")
        age = asyncio.get_running_loop().time() - self._since
        if number and age > FRESH and self._asked.offers is None:
            before = [offer.promise for offer in self._offers]
            await self.ask()
            if before != [offer.promise for offer in self._offers]:
                raise DecodeError(
                    f"{self._asked.what}: WeChat Pay changed the bill meanwhile: begin again"
                )
        return self._offers[number]

    async def _send(
        self, method: str, path: str, options: Mapping[str, Any], intake: Intake
    ) -> Response:
        promise = self._flow.send_async(method, path, None, options)
        del options
        try:
            try:
                response = await promise
            except Stopped:
                pass
            else:
                await intake.finish()
                return response
            # Raised out here, so that the signal is not its context.
            if intake.failure is not None:
                raise intake.failure
            raise RequestError("the download was stopped")
        except WechatPayError as error:
            failure = advice.explain(error, self._asked.what, is_given=self._asked.is_given)
        raise failure
