"""A bill is downloaded whole and right, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.support.merchant import client as plain_client
from tests.support.merchant import signed_headers
from tests.support.server import HANG_UP, Request, answer, serving
from wechatpay_chain import (
    BusinessError,
    Client,
    ClientError,
    DecodeError,
    OutcomeUnknownError,
    Reason,
    RedirectError,
    RequestError,
    UnverifiedError,
)
from wechatpay_chain.bills import Bill
from wechatpay_chain.sandbox import Sandbox

DAY = "2024-11-01"
TEXT = ("交易时间,商户订单号\r\n" + "".join(f"`2026,`order-{n}\r\n" for n in range(9_000))
        + "总交易单数\r\n`9000\r\n").encode()  # fmt: skip
SHA1 = hashlib.sha1(TEXT).hexdigest()


def get(face: str, client: Client, source: Any, to: Any, **options: Any) -> Bill:
    """Download by one of the two faces."""
    if face == "sync":
        return client.bills.download(source, to, **options)
    return asyncio.run(client.bills.download_async(source, to, **options))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("decompress", [False, True])
def test_a_bill_is_stored_as_wanted_and_hashed_as_text(
    face: str, is_packed: bool, decompress: bool, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """Packed or not, stored packed or not: the hash is that of the text, and holds."""
    gateway.bill(content=TEXT)
    target = tmp_path / "bill.csv"
    bill = get(face, client, client.bills.trade(DAY, gzip=is_packed), target, decompress=decompress)
    stored = target.read_bytes()
    assert (bill.path, bill.sha1, bill.verified) == (target, SHA1, True)
    assert bill.size == len(stored)
    assert bill.packed is (is_packed and not decompress)
    assert (gzip.decompress(stored) if bill.packed else stored) == TEXT
    assert len(list(bill.rows())) == 9_000
    assert list(tmp_path.iterdir()) == [target]


def test_asking_and_downloading_are_one_signed_request_each(
    gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """The gateway, which checks signatures, gets the question and one GET of the file."""
    client.bills.download(client.v3.bill.tradebill, tmp_path / "x", query={"bill_date": DAY})
    assert [(one.method, one.path) for one in gateway.requests] == [
        ("GET", "/v3/bill/tradebill"),
        ("GET", "/v3/billdownload/file"),
    ]
    assert all(one.problem is None for one in gateway.requests)


SOURCES: dict[str, Any] = {
    "request": lambda client: client.bills.trade(DAY),
    "chain": lambda client: client.v3.bill.tradebill,
    "verb": lambda client: client.v3.bill.tradebill.get,
    "async verb": lambda client: client.v3.bill.tradebill.get_async,
    "path": lambda client: "v3/bill/tradebill",
    "path with a slash": lambda client: "/v3/bill/tradebill",
    "answer": lambda client: client.v3.bill.tradebill.get(query={"bill_date": DAY}),
    "address": lambda client: client.v3.bill.tradebill.get(query={"bill_date": DAY}).json()[
        "download_url"
    ],
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_bill_comes_from_whatever_tells_it(
    name: str, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """A request, chain, verb, path, verified answer or address: the same bill."""
    gateway.bill(content=TEXT)
    options = {} if name in ("request", "answer", "address") else {"query": {"bill_date": DAY}}
    bill = client.bills.download(SOURCES[name](client), tmp_path / "x", **options)
    assert (tmp_path / "x").read_bytes() == TEXT
    # Of an address alone nothing is promised.
    assert bill.verified is (name != "address")


def test_an_address_with_its_hash_is_verified(
    gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """The hash that a caller kept is checked; its case and spelling do not matter."""
    gateway.bill(content=TEXT)
    for kind, value in (("SHA1", SHA1), ("sha-1", SHA1.upper()),
                        ("SHA256", hashlib.sha256(TEXT).hexdigest()),
                        ("SM3", hashlib.new("sm3", TEXT).hexdigest())):  # fmt: skip
        url = client.v3.bill.tradebill.get(query={"bill_date": DAY}).json()["download_url"]
        bill = client.bills.download(url, tmp_path / "x", hash_value=value, hash_type=kind)
        assert bill.verified
        with pytest.raises(UnverifiedError):
            wrong = "0" * len(value)
            client.bills.download(url, tmp_path / "y", hash_value=wrong, hash_type=kind)
    assert not (tmp_path / "y").exists()


ADDRESSES = {
    "/v3/billdownload/file?token=a%2Bb%2f+/=&tartype=gzip": None,
    "/v3/billdownload/file?token=%7Bx%7D&token=b#fragment?x": "token=%7Bx%7D&token=b",
    "/v3/billdownload/file?token={x}": "token=%7Bx%7D",
    "/v3/billdownload/file": None,
}


@pytest.mark.parametrize("is_told", [False, True], ids=["given", "told"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_fetched_as_it_is(address: str, is_told: bool, tmp_path: Path) -> None:
    """A token with percent signs is WeChat Pay's own: written anew it would be another one."""
    expected = ADDRESSES[address]

    def tell(request: Request) -> bytes:
        if "tradebill" not in request.target:
            return answer(body=TEXT)
        url = f"http://{request.headers['Host']}{address}"
        body = f'{{"download_url":"{url}","hash_type":"SHA1","hash_value":"{SHA1}"}}'.encode()
        return answer(headers=signed_headers(body), body=body)

    with serving(tell) as server, plain_client(base_uri=server.base_uri) as root:
        source = "v3/bill/tradebill" if is_told else f"{server.base_uri}{address[1:]}"
        root.bills.download(source, tmp_path / "x")
        target = server.requests[-1].target
    assert target == (f"/v3/billdownload/file?{expected}" if expected else address)


@pytest.mark.parametrize("source", ["address", "request", "path"])
def test_a_checked_client_downloads(source: str, gateway: Sandbox, tmp_path: Path) -> None:
    """``Client(check=True)`` finds the token of a file where it is, in the address."""
    gateway.bill(content=TEXT)
    with gateway.client(check=True) as client:
        told = client.v3.bill.tradebill.get(query={"bill_date": DAY}).json()
        url = told["download_url"]
        sources = {"request": client.bills.trade(DAY), "address": url,
                   "path": "v3/billdownload/file?" + url.partition("?")[2]}  # fmt: skip
        assert client.bills.download(sources[source], tmp_path / "x").sha1 == SHA1


def test_a_refused_path_shows_no_token(gateway: Sandbox, client: Client, tmp_path: Path) -> None:
    """Whoever gives a file's path with its token finds the operation in the error, and no more."""
    url = f"v3/billdownload/file?token={TOKEN}"
    for source in (url, gateway.base_uri + url):
        gateway.misbehave("status", code=404, path="v3/billdownload/file")
        with pytest.raises(ClientError, match="billdownload/file: refused with 404") as caught:
            client.bills.download(source, tmp_path / "x")
        assert TOKEN not in str(caught.value)


BAD: dict[str, tuple[dict[str, Any], bool, type[Exception], Reason | None]] = {
    "wrong hash": ({"wrong_hash": True}, False, UnverifiedError, Reason.BAD_DIGEST),
    "wrong hash, packed": ({"wrong_hash": True}, True, UnverifiedError, Reason.BAD_DIGEST),
    "short": ({"lacks": 40}, False, UnverifiedError, Reason.BAD_DIGEST),
    "more": ({"extra": b"`1"}, False, UnverifiedError, Reason.BAD_DIGEST),
    "gzip without its end": ({"lacks": 1}, True, UnverifiedError, Reason.UNREADABLE),
    "gzip without its tail": ({"lacks": 8}, True, UnverifiedError, Reason.UNREADABLE),
    "half a gzip": ({"lacks": 5_000}, True, UnverifiedError, Reason.UNREADABLE),
    "garbage behind gzip": ({"extra": b"garbage"}, True, UnverifiedError, Reason.UNREADABLE),
    "a NUL behind gzip": ({"extra": b"\0"}, True, UnverifiedError, Reason.UNREADABLE),
    "half a gzip behind": ({"extra": b"\x1f\x8b"}, True, UnverifiedError, Reason.UNREADABLE),
    "one gzip more": ({"extra": gzip.compress(b"`9\r\n")}, True, UnverifiedError,
                      Reason.BAD_DIGEST),
    "cut": ({"cut": 1_000}, False, OutcomeUnknownError, None),
    "cut gzip": ({"cut": 1_000}, True, OutcomeUnknownError, None),
}  # fmt: skip


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("before", [None, b"the old bill"], ids=["new", "there already"])
@pytest.mark.parametrize("decompress", [True, False], ids=["unpacked", "as it came"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_bill_leaves_nothing(
    name: str,
    decompress: bool,
    before: bytes | None,
    face: str,
    gateway: Sandbox,
    client: Client,
    tmp_path: Path,
) -> None:
    """Whatever is wrong, the target is absent or the old one, and the error says begin again."""
    faults, is_packed, kind, reason = BAD[name]
    gateway.bill(content=TEXT, **faults)
    target = tmp_path / "bill.csv"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(kind, match="begin again") as caught:
        request = client.bills.trade(DAY, gzip=is_packed)
        get(face, client, request, target, decompress=decompress)
    assert getattr(caught.value, "reason", None) == reason
    assert (target.read_bytes() if target.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([target] if before is not None else [])


def test_a_bill_of_several_gzips_is_one(gateway: Sandbox, client: Client, tmp_path: Path) -> None:
    """gzip allows several streams, one after the other."""
    url = "v3/billdownload/file?token=x"
    whole = gzip.compress(TEXT[:999]) + gzip.compress(b"") + gzip.compress(TEXT[999:])
    with serving(lambda request: answer(body=whole)) as server:
        with plain_client(base_uri=server.base_uri) as root:
            bill = root.bills.download(server.base_uri + url, tmp_path / "x", hash_value=SHA1)
    assert (tmp_path / "x").read_bytes() == TEXT
    assert bill.verified


def test_a_bill_larger_than_the_limit_is_refused(
    gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """A bomb stops at the limit, packed or not, and so does gzip that unpacks to nothing."""
    gateway.bill(content=bytes(30 * 1024 * 1024))
    for decompress in (True, False):
        request = client.bills.trade(DAY, gzip=True)
        with pytest.raises(UnverifiedError, match="larger than 1000000 bytes") as caught:
            client.bills.download(request, tmp_path / "x", limit=1_000_000, decompress=decompress)
        assert caught.value.reason == Reason.TOO_LARGE
    gateway.bill(content=b"", extra=gzip.compress(b"") * 50_000)
    with pytest.raises(UnverifiedError, match="larger than 900000 bytes"):
        client.bills.trade(DAY, gzip=True).download(tmp_path / "x", limit=900_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("redirect", {"location": "https://evil.example/x"}, RedirectError),
        ("status", {"code": 404}, ClientError),
        ("hang-up-after", {}, OutcomeUnknownError),
        ("truncated", {}, OutcomeUnknownError),
    ],
)
def test_a_download_is_refused(
    name: str,
    options: dict[str, Any],
    kind: type[Exception],
    gateway: Sandbox,
    client: Client,
    tmp_path: Path,
) -> None:
    """Redirects are not followed, refusals are errors; nothing is left of either."""
    gateway.misbehave(name, path="v3/billdownload/file", **options)
    with pytest.raises(kind):
        client.bills.trade(DAY).download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("name", ["bad-signature", "unsigned", "tampered-body"])
def test_an_address_is_taken_from_a_verified_answer_only(
    name: str, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """Who forges the answer gets no request to sign."""
    gateway.misbehave(name)
    with pytest.raises(UnverifiedError):
        client.bills.trade(DAY).download(tmp_path / "x")
    assert len(gateway.requests) == 1


def test_an_expired_address_says_what_to_do(client: Client, tmp_path: Path) -> None:
    """An address that was kept for over 30 seconds is refused; the operation is to be given."""
    now = [1_800_000_000.0]
    with Sandbox(clock=lambda: now[0]) as gateway:
        with gateway.client(clock=lambda: now[0]) as client:
            told = client.v3.bill.tradebill.get(query={"bill_date": DAY})
            now[0] += 31
            url = told.json()["download_url"]
            for source in (told, url):
                with pytest.raises(ClientError, match="lives 30 seconds: give the operation"):
                    client.bills.download(source, tmp_path / "x")
            client.bills.trade(DAY).download(tmp_path / "x")


TOKEN = "ThE-SeCrEt-ToKeN"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v3/billdownload/file",
        "http://api.mch.weixin.qq.com/v3/billdownload/file",
        "https://api.mch.weixin.qq.com.evil.example/v3/billdownload/file",
        "https://api.mch.weixin.qq.com@evil.example/v3/billdownload/file",
        "https://api.mch.weixin.qq.com:8443/v3/billdownload/file",
        "https://api.mch.weixin.qq.com\\@evil.example/x",
        "https://127.0.0.1:1/v3/billdownload/file",
        "http://[::1]:1/v3/billdownload/file",
        "https://evil.example\\.weixin.qq.com/x",
        "https:///v3/billdownload/file",
        "https://api.mch.weixin.qq.com\r\n.evil.example/x",
    ],
)
def test_nothing_is_signed_for_a_foreign_host(url: str, tmp_path: Path) -> None:
    """Neither a given address nor one in an answer leads elsewhere; the token does not show."""

    def tell(request: Request) -> bytes:
        body = b'{"download_url":"%s","hash_type":"SHA1","hash_value":"%s"}' % (
            f"{url}?token={TOKEN}".replace("\\", "\\\\").replace("\r\n", "\\r\\n").encode(),
            SHA1.encode(),
        )
        return answer(headers=signed_headers(body), body=body)

    with serving(tell) as server, plain_client(base_uri=server.base_uri) as root:
        for source in (f"{url}?token={TOKEN}", root.v3.bill.tradebill):
            with pytest.raises(RequestError) as caught:
                root.bills.download(source, tmp_path / "x")
            shown = "".join(traceback.TracebackException.from_exception(
                caught.value, capture_locals=True).format())  # fmt: skip
            # This test's own frame knows it, of course.
            assert TOKEN not in "".join(
                part for part in shown.split("  File ") if "test_download.py" not in part
            )
            assert TOKEN not in str(caught.value)
        assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


ANSWERS: dict[str, tuple[str, bytes, type[Exception], str]] = {
    "no hash where one is promised": (
        "v3/bill/tradebill", b'{"download_url":"URL"}', UnverifiedError, "hash_type"),
    "no value": (
        "v3/bill/tradebill", b'{"download_url":"URL","hash_type":"SHA1"}', UnverifiedError,
        "hash_value is missing"),
    "an empty hash": (
        "v3/bill/tradebill", b'{"download_url":"URL","hash_type":"SHA1","hash_value":""}',
        UnverifiedError, "hash_value is missing"),
    "an unknown hash": (
        "v3/bill/tradebill", b'{"download_url":"URL","hash_type":"MD5","hash_value":"00"}',
        UnverifiedError, "'MD5' is none of SHA1, SHA256, SM3"),
    "half a hash": (
        "v3/bill/tradebill", b'{"download_url":"URL","hash_type":"SHA1","hash_value":"00ff"}',
        UnverifiedError, "no SHA1 in hexadecimal"),
    "no address": ("v3/bill/tradebill", b"{}", DecodeError, "tells no download_url"),
    "not yet": (
        "v3/fund-app/mch-transfer/elecsign/out-bill-no/1", b'{"state":"GENERATING"}', DecodeError,
        "GENERATING: ask again later"),
    "a list": ("v3/bill/tradebill", b"[]", DecodeError, "no JSON object"),
    "several things": (
        "v3/x/y", b'{"files":[{"download_url":"URL"},{"download_url":"URL"}]}', DecodeError,
        "2 files"),
    "a gap": (
        "v3/payscore/merchant-bill",
        b'{"download_bill_count":2,"download_bill_list":[{"bill_sequence":1},{"bill_sequence":3}]}',
        DecodeError, "numbered from 1"),
    "a wrong count": (
        "v3/payscore/merchant-bill",
        b'{"download_bill_count":2,"download_bill_list":[{"bill_sequence":1}]}', DecodeError,
        "counts 2"),
    "no JSON": ("v3/bill/tradebill", b"<html>", DecodeError, "JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_tells_no_bill_is_an_error(name: str, tmp_path: Path) -> None:
    """What an answer lacks is said, and nothing is downloaded."""
    path, body, kind, words = ANSWERS[name]

    def tell(request: Request) -> bytes:
        told = body.replace(
            b"URL", f"http://{request.headers['Host']}/v3/billdownload/file".encode()
        )
        return answer(headers=signed_headers(told), body=told)

    with serving(tell) as server, plain_client(base_uri=server.base_uri) as root:
        with pytest.raises(kind, match=words):
            root.bills.download(path, tmp_path / "x")
        assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def statement(content: bytes, digest: str = SHA1, **headers: str) -> bytes:
    """Return a statement whose signature covers its digest."""
    signed = signed_headers(covers=f'{{"sha1":"{digest}"}}')
    return answer(headers={"Wechatpay-Statement-Sha1": digest, **signed, **headers}, body=content)


def test_a_statement_is_checked_by_its_signed_digest(tmp_path: Path) -> None:
    """`Wechatpay-Statement-Sha1` is over the decompressed bytes; a wrong one leaves nothing."""
    packed = gzip.compress(TEXT)
    halves = gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])
    encoded = statement(packed, **{"Content-Encoding": "gzip"})
    good = [statement(TEXT), encoded, statement(packed), statement(halves)]
    for told in good:
        with serving(lambda request, told=told: told) as server:
            with plain_client(base_uri=server.base_uri) as root:
                bill = root.bills.statement(DAY).download(tmp_path / "x")
                assert (
                    server.requests[0].target
                    == "/v3/global/statements?date=20241101&mchid=1900000109"
                )
        assert (tmp_path / "x").read_bytes() == TEXT
        assert bill.verified
    (tmp_path / "x").unlink()
    bad = [statement(TEXT + b"x"), answer(headers={"Wechatpay-Statement-Sha1": SHA1}, body=TEXT),
           statement(TEXT, "0" * 40), statement(gzip.compress(TEXT + b"x")), statement(packed[:-1]),
           statement(packed + b"x"), statement(packed + packed), statement(packed[:1])]  # fmt: skip
    for told in bad:
        with serving(lambda request, told=told: told) as server:
            with plain_client(base_uri=server.base_uri) as root:
                with pytest.raises(UnverifiedError, match="begin again"):
                    root.bills.statement(DAY).download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_v2_gives_a_bill_or_an_error_in_xml(tmp_path: Path) -> None:
    """v2 answers either with 200; the error never becomes a file."""
    failed = (
        b"<xml><return_code>FAIL</return_code><return_msg>No Bill Exist</return_msg>"
        b"<error_code>20002</error_code></xml>"
    )
    for body in (TEXT, gzip.compress(TEXT), b"\xef\xbb\xbf" + TEXT):
        with serving(lambda request, body=body: answer(body=body)) as server:
            with plain_client(base_uri=server.base_uri, secret="x" * 32) as root:
                request = root.bills.trade_v2(DAY, appid="wx1", gzip=True)
                bill = request.download(tmp_path / "x")
                sent = server.requests[0]
        assert bill.verified is False
        assert len(list(bill.rows())) == 9_000
        assert (sent.method, sent.target) == ("POST", "/pay/downloadbill")
        for field in (b"<bill_date>20241101<", b"<tar_type>GZIP<", b"<mch_id>1900000109<"):
            assert field in sent.body
    (tmp_path / "x").unlink()
    prolog = b'<?xml version="1.0" encoding="utf-8"?>'
    for body in (failed, b"\n" + failed, b"\xef\xbb\xbf" + failed, prolog + failed):
        with serving(lambda request, body=body: answer(body=body)) as server:
            with plain_client(base_uri=server.base_uri, secret="x" * 32) as root:
                with pytest.raises(BusinessError, match="No Bill Exist") as caught:
                    root.bills.fund_flow_v2(DAY, appid="wx1").download(tmp_path / "x")
        assert caught.value.code == "20002"
    for body in (b"<html>log in</html>", b"", gzip.compress(b""), failed[:40]):
        with serving(lambda request, body=body: answer(body=body)) as server:
            with plain_client(base_uri=server.base_uri, secret="x" * 32) as root:
                with pytest.raises(DecodeError, match="POST v2/pay/downloadbill: "):
                    root.bills.trade_v2(DAY, appid="wx1").download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


POSTED: dict[str, Any] = {
    "v2 chain": lambda root: (root.v2.pay.downloadbill, {"xml": {"mch_id": "1900000109"}}),
    "v2 path": lambda root: ("v2/pay/downloadbill", {"xml": {"mch_id": "1900000109"}}),
    "v3 path": lambda root: ("v3/webizpay/bill/trade-bill", {"json": {"date": DAY}}),
    "v3 verb": lambda root: (root.v3.transfer.bill_receipt.post, {"json": {"x": "1"}}),
}


@pytest.mark.parametrize("name", POSTED)
def test_an_operation_that_is_posted_is_known_as_one(name: str, tmp_path: Path) -> None:
    """The method is the one that the catalogue knows, or the verb's."""

    def respond(request: Request) -> bytes:
        if "v3" not in request.target or "billdownload" in request.target:
            return answer(body=TEXT)
        body = b'{"download_url":"http://%s/v3/billdownload/file","hash_type":"SHA1",' % (
            request.headers["Host"].encode()
        ) + b'"hash_value":"%s"}' % SHA1.encode()  # fmt: skip
        return answer(headers=signed_headers(body), body=body)

    with serving(respond) as server:
        with plain_client(base_uri=server.base_uri, secret="x" * 32) as root:
            source, options = POSTED[name](root)
            root.bills.download(source, tmp_path / "x", **options)
        assert server.requests[0].method == "POST"
    assert (tmp_path / "x").read_bytes() == TEXT


def test_a_directory_gets_a_safe_name(gateway: Sandbox, client: Client, tmp_path: Path) -> None:
    """A bill's name is made here, of its kind, merchant and day, and never leads elsewhere."""
    day = tmp_path / "day"
    day.mkdir()
    gateway.bill(content=TEXT)
    trade = client.bills.trade(DAY).download(day)
    refunds = client.bills.trade(DAY, bill_type="REFUND", gzip=True).download(
        str(day), decompress=False
    )
    receipt = client.bills.download("v3/transferdownload/signfile", day, query={"token": "a/../b"})
    assert {trade.path, refunds.path, receipt.path} == set(day.iterdir()) == {
        day / "tradebill-1900000109-2024-11-01.csv",
        day / "tradebill-REFUND-1900000109-2024-11-01.csv.gz",
        day / "signfile.pdf",
    }  # fmt: skip
    query = {"bill_date": "../../../x"}
    with pytest.raises(ClientError):
        client.bills.download("v3/bill/tradebill", day, query=query)
    sub = client.bills.trade(DAY, sub_mchid="../../../evil").download(day)
    assert sub.path == day / "tradebill-evil-2024-11-01.csv"
    assert list(tmp_path.iterdir()) == [day]


class AsyncSink:
    """A stream whose write is async."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    async def write(self, part: bytes) -> None:
        """Take a part."""
        await asyncio.sleep(0)
        self.parts.append(part)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_gets_the_bytes(face: str, gateway: Sandbox, client: Client) -> None:
    """Binary streams, sync and async; a wrong hash is an error all the same."""
    gateway.bill(content=TEXT)
    stream, slow = io.BytesIO(), AsyncSink()
    bill = get(face, client, client.bills.trade(DAY, gzip=True), stream)
    get(face, client, client.bills.trade(DAY, gzip=True), slow)
    assert stream.getvalue() == b"".join(slow.parts) == TEXT
    assert bill.path is None
    with pytest.raises(RequestError, match="went to a stream"):
        bill.rows()
    gateway.bill(content=TEXT, wrong_hash=True)
    with pytest.raises(UnverifiedError):
        get(face, client, client.bills.trade(DAY), io.BytesIO())


class Slow(io.RawIOBase):
    """A stream without a buffer, which takes what fits, and then no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.taken = b""

    def write(self, part: Any) -> int | None:
        """Take up to a thousand bytes."""
        part = bytes(part[: min(1_000, self.room)])
        self.room -= len(part)
        self.taken += part
        return len(part) or None


def test_a_stream_without_a_buffer_gets_all_the_bytes(gateway: Sandbox, client: Client) -> None:
    """A short write is gone on with; a stream that takes no more is an error, not a short bill."""
    gateway.bill(content=TEXT)
    roomy, tight = Slow(len(TEXT)), Slow(1_500)
    bill = client.bills.trade(DAY).download(roomy)
    assert (roomy.taken, bill.size) == (TEXT, len(TEXT))
    with pytest.raises(BlockingIOError, match="buffered"):
        client.bills.trade(DAY).download(tight)


WRONG: dict[str, Any] = {
    "a text stream": lambda c, t: c.bills.trade(DAY).download(io.StringIO()),
    "no target": lambda c, t: c.bills.trade(DAY).download(None),
    "a number": lambda c, t: c.bills.download(3, t / "x"),
    "nothing": lambda c, t: c.bills.download("", t / "x"),
    "a space": lambda c, t: c.bills.download(" https://api.mch.weixin.qq.com/x", t / "x"),
    "a line break": lambda c, t: c.bills.download("https://api.mch.weixin.qq.com/x\n", t / "x"),
    "half a letter": lambda c, t: c.bills.trade(DAY).download(str(t / "x\ud800")),
    "an empty path": lambda c, t: c.bills.trade(DAY).download(""),
    "no directory": lambda c, t: c.bills.trade(DAY).download(t / "no" / "x"),
    "a NUL": lambda c, t: c.bills.trade(DAY).download(str(t / "x\0y")),
    "a sink": lambda c, t: c.bills.trade(DAY).download(t / "x", sink="y"),
    "no errors": lambda c, t: c.bills.trade(DAY).download(t / "x", http_errors=False),
    "a limit": lambda c, t: c.bills.trade(DAY).download(t / "x", limit=0),
    "a float limit": lambda c, t: c.bills.trade(DAY).download(t / "x", limit=1e9),
    "a flag": lambda c, t: c.bills.trade(DAY).download(t / "x", decompress=1),
    "a callback": lambda c, t: c.bills.trade(DAY).download(t / "x", progress=True),
    "a hash": lambda c, t: c.bills.trade(DAY).download(t / "x", hash_value=SHA1),
    "a bad hash": lambda c, t: c.bills.download("https://a/", t / "x", hash_value="00"),
    "a bad kind": lambda c, t: c.bills.download("https://a/", t / "x", hash_value=SHA1,
                                                 hash_type="MD5"),
    "a foreign chain": lambda c, t: c.bills.download(plain_client().v3.bill.tradebill, t / "x"),
    "a foreign request": lambda c, t: c.bills.download(plain_client().bills.trade(DAY), t / "x"),
    "today": lambda c, t: c.bills.trade("2999-01-01"),
    "no day": lambda c, t: c.bills.trade("2026-02-30"),
    "a compact day": lambda c, t: c.bills.trade("20241101"),
    "long ago": lambda c, t: c.bills.trade("1999-01-01"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_sends_nothing(
    name: str, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """What makes no download is refused before anything is sent."""
    with pytest.raises(RequestError):
        WRONG[name](client, tmp_path)
    assert gateway.requests == []
    assert list(tmp_path.iterdir()) == []


def test_the_day_is_chinas() -> None:
    """Yesterday by default; today's bill cannot be there yet, whatever this machine's zone."""
    # 2026-11-02, 00:30 in China; the day before in Europe.
    with plain_client(clock=lambda: 1_793_550_600.0) as root:
        assert root.bills.trade().options["query"]["bill_date"] == "2026-11-01"
        with pytest.raises(RequestError, match="in China it is 2026-11-02"):
            root.bills.trade("2026-11-02")


def test_progress_is_told_and_may_stop(gateway: Sandbox, client: Client, tmp_path: Path) -> None:
    """The last report is the whole; the callback's own errors come out as they are."""
    gateway.bill(20 * 1024 * 1024)
    told: list[tuple[int, int | None]] = []
    bill = client.bills.trade(DAY).download(
        tmp_path / "x", progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (bill.size, bill.size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) < 100

    async def tell(done: int, total: int | None) -> None:
        await asyncio.sleep(0)
        told.append((done, total))

    count = len(told)
    client.bills.trade(DAY, gzip=True).download(tmp_path / "x", progress=tell)
    assert len(told) > count
    (tmp_path / "x").unlink()
    for error in (ValueError("enough"), OSError("enough"), TimeoutError("enough"),
                  KeyboardInterrupt("enough")):  # fmt: skip

        def stop(done: int, total: int | None, error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error), match="enough"):
            client.bills.trade(DAY).download(tmp_path / "x", progress=stop)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("given", [False, True], ids=["operation", "address"])
def test_a_full_disk_is_the_systems_error(
    gateway: Sandbox, client: Client, face: str, given: bool
) -> None:
    """What the disk says is not the connection's; it shows no address, and the client lives on."""
    gateway.bill(content=TEXT)
    told = client.v3.bill.tradebill.get(query={"bill_date": DAY})
    with pytest.raises(OSError, match="No space left") as caught:
        with Path("/dev/full").open("wb", buffering=0) as full:
            if given and face == "sync":
                client.bills.download(told.json()["download_url"], full)
            elif given:
                asyncio.run(client.bills.download_async(told.json()["download_url"], full))
            else:
                get(face, client, client.bills.trade(DAY), full)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "token=" not in "".join(shown.format())
    assert client.bills.trade(DAY).download(io.BytesIO()).verified


def test_a_cancelled_download_leaves_nothing(
    gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """A task that is cancelled in the middle leaves the old file, and nothing beside it."""
    gateway.bill(8 * 1024 * 1024)
    target = tmp_path / "x"
    target.write_bytes(b"the old bill")

    async def main() -> None:
        begun = asyncio.Event()
        download = client.bills.download_async(
            client.bills.trade(DAY), target, progress=lambda done, total: begun.set()
        )
        task = asyncio.create_task(download)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert target.read_bytes() == b"the old bill"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_closed_client_ends_its_downloads(
    face: str, gateway: Sandbox, client: Client, tmp_path: Path
) -> None:
    """aiohttp would let a download whose session was closed wait for ever."""
    gateway.bill(8 * 1024 * 1024)

    async def main() -> None:
        begun = asyncio.Event()
        download = client.bills.download_async(
            client.bills.trade(DAY), tmp_path / "x", progress=lambda done, total: begun.set()
        )
        task = asyncio.create_task(download)
        await begun.wait()
        await client.aclose()
        await task

    with pytest.raises(OutcomeUnknownError, match="begin again"):
        if face == "async":
            asyncio.run(main())
        else:
            client.bills.trade(DAY).download(
                tmp_path / "x", progress=lambda done, total: client.close()
            )
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_kept(gateway: Sandbox, client: Client, tmp_path: Path) -> None:
    """A new bill keeps the permissions of the old one."""
    target = tmp_path / "x"
    target.touch(mode=0o600)
    client.bills.trade(DAY).download(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_cut_connection_is_not_resumed(tmp_path: Path) -> None:
    """One GET, whatever happens: nothing is asked for twice by itself."""
    whole = answer(body=TEXT)
    with serving(lambda request: [whole[:500], HANG_UP]) as server:
        with plain_client(base_uri=server.base_uri) as root:
            with pytest.raises(OutcomeUnknownError):
                root.bills.download(f"{server.base_uri}v3/billdownload/file", tmp_path / "x")
        assert len(server.requests) == 1
