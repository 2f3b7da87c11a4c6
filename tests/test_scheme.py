"""Authorization schemes: what each puts on the wire, and that nothing passes for another's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

import wechatpay_chain
from tests.support.merchant import MCHID, MERCHANT_SERIAL, PLATFORM_ID, client, pem, private
from tests.support.server import Request, answer, serving
from wechatpay_chain import (
    Client,
    ClientError,
    ConfigurationError,
    Formatter,
    NotSentError,
    Payments,
    Reason,
    Scheme,
    Signer,
    UnverifiedError,
    Verifier,
    Webhooks,
    WechatPayError,
)
from wechatpay_chain.sandbox import Sandbox

MERCHANT = "WECHATPAY2-SHA256-RSA2048"
BRAND = "WECHATPAY-BRAND-SHA256-RSA2048"
ORDER = "v3/pay/transactions/out-trade-no/{out_trade_no}"
BODY = json.dumps({"ok": "好"}, ensure_ascii=False).encode()

# What the tests sign and verify with, whatever the package does.
Pad = tuple[padding.AsymmetricPadding, Any]
PKCS1: Pad = (padding.PKCS1v15(), hashes.SHA256())
PSS: Pad = (padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())


def pss_sign(message: bytes, key: Any) -> bytes:
    """Sign as the toy scheme does."""
    return key.sign(message, *PSS)


def pss_verify(digest: bytes, signature: bytes, key: Any) -> bool:
    """Verify as the toy scheme does, given the end of its digest."""
    try:
        key.verify(signature, digest, PSS[0], Prehashed(PSS[1]))
    except InvalidSignature:
        return False
    return True


TOY = Scheme(
    "TOY-SHA512-PSS",
    holder="toy_id",
    sign=pss_sign,
    digest=hashlib.sha512,
    verify=pss_verify,
    sign_type="PSS",
)


def authorized(request: Request) -> tuple[str, dict[str, str]]:
    """Return the scheme and the fields of a request's Authorization."""
    name, _, rest = request.headers["Authorization"].partition(" ")
    pairs = re.findall(r'(\w+)="([^"]*)"', rest)
    assert rest == ",".join(f'{key}="{value}"' for key, value in pairs)
    return name, dict(pairs)


def check_request(request: Request, pad: Pad = PKCS1) -> None:
    """Verify a request by the merchant's public key, by the book."""
    fields = authorized(request)[1]
    message = "\n".join(
        (request.method, request.target, fields["timestamp"], fields["nonce_str"], "")
    )
    private("mch_key").public_key().verify(
        base64.b64decode(fields["signature"], validate=True),
        message.encode() + request.body + b"\n",
        *pad,
    )


def signed_answer(name: str, pad: Pad = PKCS1, body: bytes = BODY, sent: bytes = b"") -> bytes:
    """Return an answer that is signed by the book, with one key or another's padding."""
    now = str(int(time.time()))
    message = f"{now}\nnonce\n".encode() + body + b"\n"
    signature = private("plat_key").sign(message, *pad)
    return answer(
        headers={
            "Wechatpay-Timestamp": now,
            "Wechatpay-Nonce": "nonce",
            "Wechatpay-Serial": PLATFORM_ID,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": name,
        },
        body=sent or body,
    )


@pytest.mark.parametrize(
    ("scheme", "name", "holder"),
    [(Scheme.RSA, MERCHANT, "mchid"), (Scheme.BRAND, BRAND, "brand_id")],
)
def test_a_request_names_its_scheme_and_its_holder(scheme: Scheme, name: str, holder: str) -> None:
    """The header is the documented one, and its signature the merchant's or brand's."""
    with serving(lambda request: signed_answer(name)) as server:
        with client(base_uri=server.base_uri, scheme=scheme) as signing:
            assert signing.v3.pay.transactions.native.post(json={"a": "中"}).verified
            assert asyncio.run(fetched(signing)) == {"ok": "好"}
    for request in server.requests:
        named, fields = authorized(request)
        assert named == name
        assert list(fields) == [holder, "serial_no", "timestamp", "nonce_str", "signature"]
        assert (fields[holder], fields["serial_no"]) == (MCHID, MERCHANT_SERIAL)
        check_request(request)


async def fetched(signing: Client) -> Any:
    """Return an answer that was asked for asynchronously."""
    return (await signing.v3.certificates.get_async()).json()


def test_a_brand_and_its_gateway_understand_each_other() -> None:
    """The sandbox serves brands: their scheme in, their scheme out."""
    with Sandbox(brand=True, mchid="1800008888") as gateway, gateway.client() as brand:
        told = brand.v3.certificates.get()
        assert told.verified
        assert told.headers["Wechatpay-Signature-Type"] == BRAND
        sent = gateway.requests[-1]
        assert sent.problem is None
        assert sent.headers["Authorization"].startswith(f'{BRAND} brand_id="1800008888",')


def test_a_gateway_serves_merchants_unless_told_otherwise() -> None:
    """Without the switch all is as before, and a second gateway is not changed by the first."""
    with Sandbox(brand=True), Sandbox() as gateway, gateway.client() as merchant:
        told = merchant.v3.certificates.get()
        assert told.headers["Wechatpay-Signature-Type"] == MERCHANT


WRONG_HOLDER = Scheme(BRAND, holder="mchid")


@pytest.mark.parametrize(
    ("is_brand", "settings", "field", "why"),
    [
        (True, {"scheme": Scheme.RSA}, "authorization", BRAND),
        (False, {"scheme": Scheme.BRAND}, "authorization", MERCHANT),
        (True, {"scheme": WRONG_HOLDER}, "authorization", "brand_id, mchid"),
        (True, {"mchid": "1900000001"}, "brand_id", "this brand is not known"),
        (True, {"serial": "5A"}, "serial_no", "this brand has no certificate"),
    ],
)
def test_who_signs_by_another_scheme_is_refused(
    is_brand: bool, settings: dict[str, Any], field: str, why: str
) -> None:
    """A merchant at a brands' gateway, and the reverse, get a 401 that says why."""
    with Sandbox(brand=is_brand) as gateway, gateway.client(**settings) as stranger:
        with pytest.raises(ClientError) as caught:
            stranger.v3.certificates.get()
    assert caught.value.status == 401
    assert isinstance(caught.value.detail, dict)
    assert caught.value.detail["field"] == field
    assert why in caught.value.detail["issue"]


@pytest.mark.parametrize(("is_brand", "other"), [(True, MERCHANT), (False, BRAND)])
@pytest.mark.parametrize("spelling", [str, str.lower, lambda name: name + " "])
def test_an_answer_by_another_scheme_is_not_trusted(
    is_brand: bool, other: str, spelling: Callable[[str], str]
) -> None:
    """A rightly signed answer that names the other scheme is refused for that."""
    name = spelling(other)
    with Sandbox(brand=is_brand) as gateway, gateway.client() as asking:
        gateway.misbehave("wrong-scheme", scheme=name)
        with pytest.raises(UnverifiedError) as caught:
            asking.v3.certificates.get()
    assert caught.value.reason is Reason.WRONG_SCHEME


KEYS = {"private_key": pem("mch_key"), "certs": {PLATFORM_ID: pem("plat_pub")}}


@pytest.mark.parametrize(
    "make",
    [
        lambda scheme: Client(MCHID, MERCHANT_SERIAL, **KEYS, scheme=scheme),
        lambda scheme: Client(MCHID, secret="0" * 32, scheme=scheme),
        lambda scheme: Signer(MCHID, MERCHANT_SERIAL, pem("mch_key"), scheme=scheme),
        lambda scheme: Verifier({PLATFORM_ID: pem("plat_pub")}, scheme=scheme),
        lambda scheme: Payments(MCHID, pem("mch_key"), scheme=scheme),
        lambda scheme: Webhooks({PLATFORM_ID: pem("plat_pub")}, "0" * 32, scheme=scheme),
    ],
    ids=["client", "v2 client", "signer", "verifier", "payments", "webhooks"],
)
def test_sm2_says_at_once_that_it_cannot_be_used(make: Callable[[Scheme], object]) -> None:
    """National cryptography has its seat, and an honest error when something is made with it."""
    with pytest.raises(ConfigurationError, match=r"WECHATPAY2-SM2-WITH-SM3 cannot be used: .*SM2"):
        make(Scheme.SM2)


@pytest.mark.parametrize("given", [BRAND, None, "brand", object()])
def test_a_scheme_is_a_scheme(given: Any) -> None:
    """A scheme's name is no scheme, and whatever takes one says so."""
    for make in (
        lambda: Client(MCHID, MERCHANT_SERIAL, **KEYS, scheme=given),
        lambda: Signer(MCHID, MERCHANT_SERIAL, pem("mch_key"), scheme=given),
        lambda: Verifier({PLATFORM_ID: pem("plat_pub")}, scheme=given),
        lambda: Payments(MCHID, pem("mch_key"), scheme=given),
    ):
        with pytest.raises(ConfigurationError, match="scheme must be a Scheme"):
            make()


@pytest.mark.parametrize("part", ["name", "holder", "sign_type"])
@pytest.mark.parametrize("value", ["", "A B", 'A"', "A\r\nX: 1", "A,b", "Ä", None])
def test_a_schemes_names_can_stand_in_a_header(part: str, value: Any) -> None:
    """What would break the header out of its field is refused when the scheme is made."""
    with pytest.raises(ConfigurationError, match=part):
        Scheme(**{"name": "TOY", part: value})


def test_a_scheme_of_ones_own() -> None:
    """Signing, hashing and verifying are the scheme's, for requests, answers and downloads."""
    large = b'{"x":"' + b"y" * 300_000 + b'"}'
    answers = [signed_answer(TOY.name, PSS), signed_answer(TOY.name, PSS, large)]
    with serving(lambda request: answers[request.target == "/v3/large"]) as server:
        with client(base_uri=server.base_uri, scheme=TOY) as toy:
            assert toy.v3.small.post(json={"a": 1}).json() == {"ok": "好"}
            sink = _Pieces()
            assert toy.v3.large.get(sink=sink).verified
            assert b"".join(sink.pieces) == large
    for request in server.requests:
        name, fields = authorized(request)
        assert (name, fields["toy_id"]) == ("TOY-SHA512-PSS", MCHID)
        check_request(request, PSS)
        with pytest.raises(InvalidSignature):
            check_request(request, PKCS1)


class _Pieces:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (lambda: signed_answer(TOY.name, PKCS1), Reason.BAD_SIGNATURE),
        (lambda: signed_answer(TOY.name, PSS, sent=BODY + b" "), Reason.BAD_SIGNATURE),
        (lambda: signed_answer(MERCHANT, PSS), Reason.WRONG_SCHEME),
        (lambda: signed_answer(MERCHANT, PKCS1), Reason.WRONG_SCHEME),
    ],
    ids=["another algorithm", "changed", "another name", "a merchant's"],
)
@pytest.mark.parametrize("sinks", [False, True])
def test_a_scheme_of_ones_own_trusts_nothing_else(
    told: Callable[[], bytes], reason: Reason, sinks: bool
) -> None:
    """What WeChat Pay's usual scheme signed, or the name of it, is not trusted under another."""
    options: dict[str, Any] = {"sink": _Pieces()} if sinks else {}
    with serving(lambda request: told()) as server:
        with client(base_uri=server.base_uri, scheme=TOY) as toy:
            with pytest.raises(UnverifiedError) as caught:
                toy.v3.small.get(**options)
    assert caught.value.reason is reason


def test_a_scheme_of_ones_own_with_a_key_elsewhere() -> None:
    """A remote signer takes the place of the scheme's own signing, not of its name and holder."""

    async def module(message: bytes) -> bytes:
        return pss_sign(message, private("mch_key"))

    with serving(lambda request: signed_answer(TOY.name, PSS)) as server:
        with client(base_uri=server.base_uri, scheme=TOY, private_key=module) as toy:
            assert toy.v3.small.post(json={}).verified
    assert authorized(server.requests[0])[0] == "TOY-SHA512-PSS"
    check_request(server.requests[0], PSS)


def unawaited(*given: Any) -> Any:
    """Return a coroutine, as an async function would, that needs no awaiting."""
    coroutine = asyncio.sleep(0)
    coroutine.close()
    return coroutine


def failing(*given: Any) -> Any:
    """Fail as a device that is away does."""
    raise OSError("device away")


@pytest.mark.parametrize(
    ("verify", "told"),
    [
        (failing, "verify of TOY-SHA512-PSS failed with OSError"),
        (lambda *given: None, "must return True or False, not NoneType"),
        (lambda *given: 1, "must return True or False, not int"),
        (lambda *given: "yes", "must return True or False, not str"),
        (lambda *given: False, "the signature does not match"),
        (unawaited, "must return True or False, not coroutine"),
    ],
)
def test_nothing_but_true_is_a_proof(verify: Any, told: str) -> None:
    """A verify that fails, or returns what only looks like a yes, leaves the answer unverified."""
    scheme = Scheme(TOY.name, sign=pss_sign, digest=hashlib.sha512, verify=verify)
    with serving(lambda request: signed_answer(TOY.name, PSS)) as server:
        with client(base_uri=server.base_uri, scheme=scheme) as toy:
            with pytest.raises(UnverifiedError, match=told) as caught:
                toy.v3.small.get()
    assert caught.value.reason is Reason.BAD_SIGNATURE
    assert caught.value.response is not None


@pytest.mark.parametrize(
    ("sign", "error", "told"),
    [
        (failing, NotSentError, "could not sign, its sign failed with OSError"),
        (lambda *given: "text", ConfigurationError, "must return the raw signature as bytes"),
        (lambda *given: b"", ConfigurationError, "must return the raw signature as bytes"),
        (unawaited, ConfigurationError, "as bytes, not coroutine"),
    ],
)
def test_a_scheme_that_cannot_sign_sends_nothing(
    sign: Any, error: type[WechatPayError], told: str
) -> None:
    """A sign that fails, or returns no signature, is our own error, and nothing leaves."""
    scheme = Scheme(TOY.name, sign=sign, digest=hashlib.sha512, verify=pss_verify)
    with serving(lambda request: signed_answer(TOY.name, PSS)) as server:
        with client(base_uri=server.base_uri, scheme=scheme) as toy:
            for call in (
                lambda: toy.v3.small.get(),
                lambda: toy.payments.jsapi("wx1", appid="wx2"),
            ):
                with pytest.raises(error, match=told) as caught:
                    call()
                assert not caught.value.sent
    assert server.requests == []


def test_what_front_ends_are_given_is_signed_by_the_scheme() -> None:
    """A scheme of one's own signs parameters too, and says its name for it."""
    made = Payments(MCHID, private("mch_key"), scheme=TOY).jsapi("wx1", appid="wx2")
    assert made["signType"] == "PSS"
    message = f"wx2\n{made['timeStamp']}\n{made['nonceStr']}\nprepay_id=wx1\n".encode()
    key = private("mch_key").public_key()
    key.verify(base64.b64decode(made["paySign"]), message, *PSS)


def test_ported_code_signs_as_a_merchant() -> None:
    """PHP's Formatter takes no scheme, and writes a merchant's header."""
    made = Formatter.authorization("1", "n", "s", 2, "f")
    assert made == (f'{MERCHANT} mchid="1",serial_no="f",timestamp="2",nonce_str="n",signature="s"')


def test_a_schemes_name_stands_in_one_place() -> None:
    """No module but the scheme's own spells one; the sandbox's eyes and the evidence excepted."""
    package = Path(wechatpay_chain.__file__).parent
    spelled = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"SHA256-RSA2048|SM2-WITH-SM3", path.read_text("utf-8"))
    }
    assert spelled == {
        "protocol/scheme.py",
        "sandbox/identity.py",
        "sandbox/misbehaviour.py",
        "sandbox/notification_forgeries.py",
        "cli/evidence.py",
    }
