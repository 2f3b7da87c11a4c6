"""The XML protocol: what PHP sent is sent, and only what bears the right sign is believed."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.merchant import MCHID, calls, pem, units
from tests.support.merchant import client as v3_client
from tests.support.server import Request, Server, answer, serving
from tests.support.xml import SECRET, fields, sign, signed, xml
from tests.test_conformance_wire import IGNORED, SPELLINGS, node, options_for
from wechatpay_chain import (
    Builder,
    BusinessError,
    Client,
    ClientError,
    ConfigurationError,
    RequestError,
    Sensitive,
    ServerError,
    TransformRequest,
    TransformResponse,
    UnverifiedError,
    guard,
)

CALLS = [call for call in calls() if call["id"].startswith("v2/")]
MERCHANT = {"cert": pem("mch_cert"), "key": pem("mch_key")}
FORM = {"mch_id": MCHID, "nonce_str": "n"}


def client(**settings: Any) -> Client:
    """Return a client for v2 only."""
    return Client(**({"mchid": MCHID, "secret": SECRET, "merchant": MERCHANT} | settings))


def honest(request: Request) -> bytes:
    """Answer SUCCESS, signed as the request was."""
    given = fields(request) if request.body else {}
    is_hmac = given.get("sign_type") == "HMAC-SHA256" or "HMAC-SHA256" in request.target
    return signed(sign_type="HMAC-SHA256" if is_hmac else "MD5")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that answers every call."""
    with serving(honest) as running:
        yield running


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["id"])
def test_recorded_call_makes_the_recorded_request(
    call: dict[str, Any], spelling: str, server: Server, tmp_path: Any
) -> None:
    """A v2 call sends PHP's bytes, sign and all: as a mapping, as keywords, and async."""
    with client(mchid=call["mchid"], base_uri=server.base_uri) as root:
        verb = getattr(node(root, call["chain"][spelling]), call["verb"])
        options = options_for(call, server, tmp_path)
        before = len(server.requests)
        verb(options)
        verb(**options)
        later = getattr(node(root, call["chain"][spelling]), f"{call['verb']}_async")

        async def send() -> None:
            await later(**options)
            await root.aclose()

        asyncio.run(send())
    expect = call["expect"]
    parts = urlsplit(expect["url"])
    for got in server.requests[before:]:
        assert got.method == expect["method"]
        assert got.target == parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {k.lower(): v for k, v in got.headers.items() if k.lower() not in IGNORED}
        assert headers == {k.lower(): v for k, v in expect["headers"].items()}
        assert got.body == expect.get("xml_body", "").encode()
        assert "Authorization" not in got.headers
    assert len(server.requests) - before == 3


@pytest.mark.parametrize("case", units()["v2"], ids=lambda case: str(case["options"])[:70])
def test_a_unit_makes_the_recorded_request(case: dict[str, Any], server: Server) -> None:
    """What PHP sends is sent; what it does not send, and an unknown sign_type, is refused."""
    before = len(server.requests)
    with client(base_uri=server.base_uri) as root:
        verb = getattr(root.v2.pay.x, case["method"])
        if case["not_sent"] or "SHA1" in str(case["options"]):
            with pytest.raises(RequestError):
                verb(case["options"])
            assert len(server.requests) == before
            return
        verb(case["options"])
    got = server.requests[-1]
    parts = urlsplit(case["url"])
    assert got.target == parts.path + (f"?{parts.query}" if parts.query else "")
    assert got.body == case["body"].encode()


def test_a_nonce_is_added_unless_it_is_not_wanted(server: Server) -> None:
    """A fresh nonce of 32 characters is signed with the rest; with nonceless there is none."""
    with client(base_uri=server.base_uri) as root:
        for _ in range(2):
            root.v2.pay.unifiedorder.post(xml={"mch_id": MCHID})
        root.v2.pay.unifiedorder.post(xml={"mch_id": MCHID}, nonceless=True)
        root.v2.pay.unifiedorder.post(xml={"mch_id": MCHID}, nonceless=False)
    sent = [fields(request) for request in server.requests[-4:]]
    assert all(each["sign"] == sign(each) for each in sent)
    nonces = [each.get("nonce_str") for each in sent]
    assert nonces[2] is None
    assert len({*nonces}) == 4
    assert all(len(nonce) == 32 and nonce.isalnum() for nonce in nonces if nonce)


def test_booleans_are_signed_as_php_signs_them(server: Server) -> None:
    """True is 1; False is an empty element, and an empty value in what is signed."""
    with client(base_uri=server.base_uri) as root:
        root.v2.wxv.finishhotelbill.post(xml={**FORM, "a": True, "checked_in": False})
    body = server.requests[-1].body
    assert b"<a>1</a><checked_in></checked_in>" in body
    import hashlib

    text = f"a=1&checked_in=&mch_id={MCHID}&nonce_str=n&key={SECRET}"
    assert hashlib.md5(text.encode()).hexdigest().upper().encode() in body


@pytest.mark.parametrize(
    "text", ["a]]>b", "a\rb", "<\r\n>", "&#13;", "]]>", "  ", "'", "<![CDATA["]
)
def test_what_is_read_is_what_was_signed(text: str, server: Server) -> None:
    """Whatever a field holds, who reads the XML computes the same sign."""
    with client(base_uri=server.base_uri) as root:
        root.v2.pay.unifiedorder.post(xml={**FORM, "body": text})
    got = fields(server.requests[-1])
    assert got["body"] == text
    assert got["sign"] == sign(got)


@pytest.mark.parametrize(
    ("query", "words"), [("a=%D6%D0", "no UTF-8"), ("a=1&a=2", "'a' twice")], ids=["GBK", "twice"]
)
def test_a_query_that_cannot_be_signed_is_not_sent(query: str, words: str, server: Server) -> None:
    """What the gateway would read otherwise than it was signed does not leave."""
    before = len(server.requests)
    with client(base_uri=server.base_uri) as root, pytest.raises(RequestError, match=words):
        root.v2.papay.h5entrustweb.get(query=f"mch_id={MCHID}&{query}")
    assert len(server.requests) == before


def test_a_get_may_be_given_as_xml(server: Server) -> None:
    """A GET has no body, so the fields of xml become its query."""
    with client(base_uri=server.base_uri) as root:
        root.v2.papay.h5entrustweb.get(xml={**FORM, "a": "x y"}, nonceless=True)
    got = server.requests[-1]
    wanted = sign({**FORM, "a": "x y"})
    assert got.target == f"/papay/h5entrustweb?mch_id={MCHID}&nonce_str=n&a=x%20y&sign={wanted}"
    assert got.body == b""


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no merchant": ({"xml": {}}, "has no mch_id"),
    "another merchant": ({"xml": {"mch_id": "1"}}, "names another merchant"),
    "nothing at all": ({}, "has no mch_id"),
    "sign type": ({"xml": {**FORM, "sign_type": "md5"}}, "sign_type is none"),
    "nested": ({"xml": {**FORM, "detail": {"a": 1}}}, "json.dumps"),
    "list": ({"xml": {**FORM, "detail": [1]}}, "json.dumps"),
    "name": ({"xml": {**FORM, "a b": "1"}}, "no XML name"),
    "control": ({"xml": {**FORM, "a": "\x00"}}, "control character"),
    "surrogate": ({"xml": {**FORM, "a": "\ud800"}}, "control character"),
    "object": ({"xml": {**FORM, "a": object()}}, "must be a string"),
    "no mapping": ({"xml": "<xml/>"}, "must be a mapping"),
    "json": ({"json": {"mch_id": MCHID}}, "takes xml"),
    "two": ({"xml": FORM, "body": "x"}, "2 bodies"),
    "no xml": ({"body": "nonsense"}, "cannot be signed"),
    "sensitive": ({"xml": {**FORM, "a": Sensitive("x")}}, "no key to encrypt it for"),
    "sensitive header": ({"xml": FORM, "headers": {"a": Sensitive("x")}}, "only fields of xml"),
    "security": ({"xml": FORM, "security": "yes"}, "True or False"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_signed_is_not_sent(name: str, server: Server) -> None:
    """A v2 request that nobody could check is refused with its reason, and nothing leaves."""
    options, words = REFUSED[name]
    before = len(server.requests)
    with client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError, match=words) as caught:
            root.v2.pay.unifiedorder.post(**options)
    assert len(server.requests) == before
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("options", [{"xml": {}}, {"nonceless": True}, {"security": True}], ids=str)
def test_options_of_v2_are_refused_in_v3(options: dict[str, Any]) -> None:
    """Nothing that only v2 has is silently dropped from a v3 call."""
    with v3_client() as root, pytest.raises(RequestError, match="v2/"):
        root.v3.x.post(**options)


def test_a_body_of_xml_is_signed(server: Server) -> None:
    """XML that a program wrote by itself is signed like any other."""
    with client(base_uri=server.base_uri) as root:
        root.v2.pay.unifiedorder.post(body=xml({"mch_id": MCHID, "a": "1"}))
    got = fields(server.requests[-1])
    assert (got["a"], got["sign"]) == ("1", sign(got))


# What an answer says → what is raised, and the attributes of that.
OUTCOMES: dict[str, tuple[bytes, type[Exception] | None, dict[str, Any]]] = {
    "ok": (signed(), None, {}),
    "ok, hmac": (signed(sign_type="HMAC-SHA256"), UnverifiedError, {"reason": "bad-signature"}),
    "no sign": (
        answer(body=xml({"return_code": "SUCCESS", "result_code": "SUCCESS"})),
        UnverifiedError,
        {"reason": "missing-sign"},
    ),
    "empty sign": (signed(sign=""), UnverifiedError, {"reason": "missing-sign"}),
    "bad sign": (signed(sign="0" * 32), UnverifiedError, {"reason": "bad-signature"}),
    "lower sign": (
        answer(
            body=xml({"return_code": "SUCCESS", "sign": sign({"return_code": "SUCCESS"}).lower()})
        ),
        UnverifiedError,
        {"reason": "bad-signature"},
    ),
    "other field": (signed(extra="1"), UnverifiedError, {"reason": "bad-signature"}),
    "return fail": (
        answer(body=xml({"return_code": "FAIL", "return_msg": "签名错误"})),
        BusinessError,
        {"code": "FAIL", "message": "签名错误", "verified": False},
    ),
    "result fail": (
        signed({"result_code": "FAIL", "err_code": "ORDERPAID", "err_code_des": "已支付"}),
        BusinessError,
        {"code": "ORDERPAID", "message": "已支付", "verified": True},
    ),
    "result fail, forged": (
        signed({"result_code": "FAIL", "err_code": "NOTENOUGH"}, sign="x"),
        UnverifiedError,
        {"reason": "bad-signature"},
    ),
    "result fail, unsigned": (
        answer(body=xml({"return_code": "SUCCESS", "result_code": "FAIL", "err_code": "X"})),
        BusinessError,
        {"code": "X", "verified": False},
    ),
    "return fail, forged": (
        answer(body=xml({"return_code": "FAIL", "sign": "x"})),
        UnverifiedError,
        {"reason": "bad-signature"},
    ),
    "empty body": (answer(), UnverifiedError, {"reason": "unreadable"}),
    "not xml": (answer(body=b"SUCCESS"), UnverifiedError, {"reason": "unreadable"}),
    "json": (answer(body=b'{"return_code":"SUCCESS"}'), UnverifiedError, {"reason": "unreadable"}),
    "no return_code": (answer(body=xml({"a": "1"})), UnverifiedError, {"reason": "unreadable"}),
    "doctype": (
        answer(body=b"<!DOCTYPE xml>" + xml({"return_code": "SUCCESS"})),
        UnverifiedError,
        {"reason": "unreadable"},
    ),
    "neither": (
        signed({"result_code": "SUCCESS "}),
        BusinessError,
        {"code": "SUCCESS ", "verified": True},
    ),
    "two codes": (
        answer(
            body=b"<xml><return_code>FAIL</return_code><return_code>SUCCESS</return_code></xml>"
        ),
        UnverifiedError,
        {"reason": "unreadable"},
    ),
    "two signs": (
        answer(body=signed().partition(b"\r\n\r\n")[2].replace(b"<sign>", b"<sign>x</sign><sign>")),
        UnverifiedError,
        {"reason": "unreadable"},
    ),
    "nested": (
        answer(body=b"<xml><return_code>SUCCESS</return_code><a><b>1</b></a><sign>x</sign></xml>"),
        UnverifiedError,
        {"reason": "bad-signature"},
    ),
    "204": (answer("204 No Content"), UnverifiedError, {"reason": "unreadable"}),
    "404": (answer("404 Not Found", body=b"<html>"), ClientError, {"status": 404}),
    "signed 403": (
        signed({"result_code": "FAIL", "err_code": "NO_AUTH", "err_code_des": "无权限"}).replace(
            b"200 OK", b"403 Forbidden"
        ),
        ClientError,
        {"status": 403, "code": "NO_AUTH", "message": "无权限", "verified": True},
    ),
    "502": (
        answer("502 Bad Gateway", body=xml({"return_code": "FAIL", "return_msg": "busy"})),
        ServerError,
        {"message": "busy"},
    ),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", OUTCOMES)
def test_an_answer_is_believed_or_named(name: str, face: str) -> None:
    """Only SUCCESS with the right sign is returned; every other answer has an error of its own."""
    told, error, attributes = OUTCOMES[name]
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:

        def send() -> Any:
            if face == "sync":
                return root.v2.pay.unifiedorder.post(xml=FORM)
            return asyncio.run(closing())

        async def closing() -> Any:
            async with root:
                return await root.v2.pay.unifiedorder.post_async(xml=FORM)

        if error is None:
            response = send()
            assert response.verified
            assert response.xml()["return_code"] == "SUCCESS"
            return
        with pytest.raises(error) as caught:
            send()
    for attribute, value in attributes.items():
        assert getattr(caught.value, attribute) == value
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    if error is BusinessError:
        assert caught.value.data["return_code"]
        assert again.data == caught.value.data


def test_the_answer_to_an_hmac_request_must_be_hmac() -> None:
    """MD5 is not accepted where the request used HMAC-SHA256: nobody else chooses."""
    form = {**FORM, "sign_type": "HMAC-SHA256"}
    for sign_type, accepted in (("HMAC-SHA256", True), ("MD5", False)):
        told = signed(sign_type=sign_type)
        with (
            serving(lambda request, told=told: told) as server,
            client(base_uri=server.base_uri) as root,
        ):
            if accepted:
                assert root.v2.pay.unifiedorder.post(xml=form).verified
            else:
                with pytest.raises(UnverifiedError):
                    root.v2.pay.unifiedorder.post(xml=form)


VERIFY: dict[str, Callable[[], bytes]] = {
    "ok": lambda: signed(),
    "ok hmac": lambda: signed(sign_type="HMAC-SHA256"),
    "no sign": lambda: OUTCOMES["no sign"][0],
    "bad sign": lambda: OUTCOMES["bad sign"][0],
    "return fail": lambda: OUTCOMES["return fail"][0],
    "result fail": lambda: OUTCOMES["result fail"][0],
    "empty body": lambda: answer(),
    "not xml": lambda: answer(body=b"not xml"),
    "no return_code": lambda: OUTCOMES["no return_code"][0],
}


@pytest.mark.parametrize(
    "case", units()["verify_v2"], ids=lambda case: f"{case['segment']} {case['case']}"
)
def test_an_answer_is_accepted_or_refused_as_recorded(case: dict[str, Any]) -> None:
    """PHP's outcome for each path and answer; an HMAC answer wants an HMAC request here."""
    form = {**FORM, "sign_type": "HMAC-SHA256"} if case["case"] == "ok hmac" else FORM
    told = VERIFY[case["case"]]()
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        if case["outcome"] == "accepted":
            response = root.chain(case["segment"]).post(xml=form)
            assert response.verified is (case["case"] in ("ok", "ok hmac", "result fail"))
        else:
            with pytest.raises((BusinessError, UnverifiedError)):
                root.chain(case["segment"]).post(xml=form)


def test_a_business_failure_says_what_to_do() -> None:
    """The error's one line has code, words and advice, and no field of the request."""
    told = signed({"result_code": "FAIL", "err_code": "SYSTEMERROR", "err_code_des": "系统\n超时"})
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(BusinessError) as caught:
            root.v2.pay.unifiedorder.post(xml=FORM)
    assert str(caught.value) == (
        "POST v2/pay/unifiedorder: refused with SYSTEMERROR: 系统 超时; the outcome is open: "
        "query it, and repeat with the same parameters only"
    )
    assert caught.value.sent


def test_an_unsigned_failure_is_not_taken_for_the_end() -> None:
    """Whoever strips the sign off a FAIL gets no new order out of it: the advice is to query."""
    said = {"return_code": "SUCCESS", "result_code": "FAIL", "err_code": "NOTENOUGH"}
    told = answer(body=xml(said))
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(BusinessError, match="not signed; the outcome is open: query it"):
            root.v2.pay.unifiedorder.post(xml=FORM)


def test_a_mapping_that_is_changed_after_the_call_changes_nothing(server: Server) -> None:
    """Options are read when the verb is called, not when the promise is awaited."""
    xml_fields = {**FORM, "out_trade_no": "1"}

    async def send() -> None:
        async with client(base_uri=server.base_uri) as root:
            promise = root.v2.pay.unifiedorder.post_async(xml=xml_fields)
            xml_fields["out_trade_no"] = "2"
            await promise

    asyncio.run(send())
    got = fields(server.requests[-1])
    assert (got["out_trade_no"], got["sign"]) == ("1", sign(got))


def test_a_member_of_an_enum_says_its_value(server: Server) -> None:
    """Texts and numbers may be members of enums, wherever they stand."""

    class Currency(str, Enum):  # noqa: UP042 - a StrEnum is its value by itself
        CNY = "CNY"

    class Fen(int, Enum):
        ONE = 1

    with client(base_uri=server.base_uri) as root:
        root.v2.pay.unifiedorder.post(xml={**FORM, "fee_type": Currency.CNY, "total_fee": Fen.ONE})
        got = fields(server.requests[-1])
        assert (got["fee_type"], got["total_fee"], got["sign"]) == ("CNY", "1", sign(got))
        for wrong in (float("nan"), float("inf"), 10**5000):
            with pytest.raises(RequestError):
                root.v2.pay.unifiedorder.post(xml={**FORM, "a": wrong})


def test_a_file_that_is_not_signed_goes_to_its_sink(tmp_path: Any) -> None:
    """A bill of v2 is streamed to a path like one of v3."""
    told = answer(body=b"`a`,`b`\n")
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        response = root.v2.pay.downloadbill.post(xml=FORM, sink=tmp_path / "bill.csv")
        assert (response.verified, response.body) == (False, b"")
    assert (tmp_path / "bill.csv").read_bytes() == b"`a`,`b`\n"


def test_one_client_speaks_both_protocols() -> None:
    """A client with v3's keys and v2's secret does both, over one flow."""
    from tests.support.merchant import signed_headers

    def respond(request: Request) -> bytes:
        if request.target.startswith("/v3/"):
            return answer(headers=signed_headers(b"{}"), body=b"{}")
        return signed()

    with (
        serving(respond) as server,
        v3_client(base_uri=server.base_uri, secret=SECRET) as root,
    ):
        assert root.v3.x.post(json={}).verified
        assert root.v2.pay.unifiedorder.post(xml=FORM).verified
        assert root["v2/pay/unifiedorder"].post(xml=FORM).verified
        assert root.chain("{+path}").post(path="v2/pay/unifiedorder", xml=FORM).verified
        assert [request.target for request in server.requests] == ["/v3/x"] + [
            "/pay/unifiedorder"
        ] * 3
    assert server.connections == 1


def test_a_client_for_v2_needs_nothing_of_v3(server: Server) -> None:
    """mchid and secret are enough; a v3 call then says what is missing."""
    with Client(mchid=MCHID, secret=SECRET, base_uri=server.base_uri) as root:
        assert root.v2.pay.unifiedorder.post(xml=FORM).verified
        with pytest.raises(ConfigurationError, match="v3 needs serial, private_key and certs"):
            root.v3.certificates.get()
        with pytest.raises(ConfigurationError, match="v2 only"):
            _ = root.stack
    with pytest.raises(ConfigurationError, match="serial is missing"):
        Client(mchid=MCHID, secret=SECRET, private_key=pem("mch_key"))
    with pytest.raises(ConfigurationError, match="mchid is missing"):
        Client(secret=SECRET)


def test_phps_stand_ins_for_v3_are_understood(server: Server) -> None:
    """The factory takes the texts that PHP programs for v2 only give as keys."""
    config = {
        "mchid": MCHID,
        "serial": "nop",
        "privateKey": "any",
        "certs": {"any": None},
        "secret": SECRET,
        "base_uri": server.base_uri,
    }
    with Builder.factory(config) as root:
        assert root.v2.pay.unifiedorder.post({"xml": FORM}).verified
    del config["secret"]
    with pytest.raises(ConfigurationError):
        Builder.factory(config)


def test_a_client_without_secret_sends_no_v2() -> None:
    """Without the key nothing is signed, and nothing leaves."""
    with serving(honest) as server, v3_client(base_uri=server.base_uri) as root:
        with pytest.raises(ConfigurationError, match="give secret to Client"):
            root.v2.pay.unifiedorder.post(xml=FORM)
        assert server.requests == []


@pytest.mark.parametrize("secret", [b"bytes", 5, ""])
def test_a_secret_must_be_text(secret: Any) -> None:
    """A secret that is no text is refused when the client is made, and not shown."""
    with pytest.raises(ConfigurationError, match="secret must be text"):
        Client(mchid=MCHID, secret=secret)


def test_the_middlewares_work_in_a_plain_session(server: Server) -> None:
    """Anybody's session signs and checks v2 with them, a body it wrote by itself."""
    middlewares = (
        guard,
        TransformResponse(SECRET),
        TransformRequest(MCHID, SECRET, origins=[server.base_uri]),
    )

    async def send() -> str:
        async with aiohttp.ClientSession(middlewares=middlewares) as session:
            async with session.post(
                f"{server.base_uri}pay/unifiedorder", data=xml({"mch_id": MCHID})
            ) as response:
                text = await response.text()
            with pytest.raises(RequestError, match="nothing is signed for it"):
                await session.post("https://example.com/", data=xml({"mch_id": MCHID}))
            return text

    assert "SUCCESS" in asyncio.run(send())
    got = fields(server.requests[-1])
    assert got["sign"] == sign(got)
