"""What the gateway says where it follows a schema alone: echoes, made-up values, files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.merchant import FOUR, OAEP, Answer, Merchant

BILLS = "/v3/fund-app/mch-transfer/transfer-bills"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")


def good(answer: Answer) -> Any:
    """Return the document of a signed success."""
    assert (answer.status, answer.problem()) == (200, None), answer.body
    return answer.json()


def transfer(**changes: Any) -> dict[str, Any]:
    """Return the body of a transfer (商家转账)."""
    return {
        "appid": "wx1",
        "out_bill_no": "T1",
        "transfer_scene_id": "1000",
        "openid": "o-1",
        "transfer_amount": 400000,
        "transfer_remark": "x",
        "transfer_scene_report_infos": [{"info_type": "a", "info_content": "b"}],
        **changes,
    }


def test_what_was_said_is_said_back(merchant: Merchant) -> None:
    """Values of the request are those of the answer, in the type that the schema says."""
    asked = f"{BILLS}/out-bill-no/T%2F1"
    told = good(merchant.call("GET", asked))
    assert told["out_bill_no"] == "T/1"
    assert told["mch_id"] == merchant.mchid
    assert TIME.fullmatch(told["create_time"])
    paged = good(
        merchant.call("GET", "/v3/marketing/favor/stocks?offset=3&limit=7&stock_creator_mchid=9")
    )
    assert (paged["offset"], paged["limit"]) == (3, 7)
    assert paged["data"][0]["stock_creator_mchid"] == "9"


def test_numbers_follow_from_the_merchants_own(merchant: Merchant) -> None:
    """Creation, repetition and query of one thing tell one number; another thing has another."""
    first, again, other = (
        good(merchant.call("POST", BILLS, transfer(**change)))["transfer_bill_no"]
        for change in ({}, {}, {"out_bill_no": "T2"})
    )
    queried = good(merchant.call("GET", f"{BILLS}/out-bill-no/T1"))["transfer_bill_no"]
    assert first == again == queried != other


def test_a_list_is_answered_element_by_element(merchant: Merchant) -> None:
    """Each element has what was said of it, and a number of its own."""
    receivers = [
        {"type": "MERCHANT_ID", "account": str(n), "amount": n, "description": f"d{n}"}
        for n in range(1, 4)
    ]
    order = {
        "appid": "wx1",
        "transaction_id": "4200",
        "out_order_no": "P1",
        "receivers": receivers,
        "unfreeze_unsplit": True,
    }
    told = good(merchant.call("POST", "/v3/profitsharing/orders", order))["receivers"]
    assert [{name: one[name] for name in receivers[0]} for one in told] == receivers
    assert len({one["detail_id"] for one in told}) == 3


def test_an_enum_is_said_back_only_if_it_is_one(merchant: Merchant) -> None:
    """A status is a documented one, whatever the request says under that name."""
    target = "/v3/merchant-service/complaints-v2/1/negotiation-historys?operate_type=NONSENSE"
    told = good(merchant.call("GET", target))["data"][0]
    assert told["operate_type"] == "USER_CREATE_COMPLAINT"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            "/v3/taxi-invoice/user-taxi-orders?openid=o&company_mchid=1&appid=wx1&begin_date=2026-01-01&end_date=2026-01-02&region_id=1",
            {},
        ),
        (
            "/v3/merchantfund/merchant/income-records?account_type=BASIC&date=2026-01-01",
            {"next": ""},
        ),
    ],
)
def test_pages_come_to_an_end(merchant: Merchant, target: str, told: dict[str, str]) -> None:
    """No answer names a next page, for which a caller might ask for ever."""
    links = good(merchant.call("GET", f"{target}&offset=0&limit=1"))["links"]
    assert {name: links[name] for name in links if name == "next"} == told


def test_nothing_to_say(merchant: Merchant) -> None:
    """What is documented to answer nothing answers a signed nothing."""
    target = "/v3/merchant-service/complaints-v2/1/complete"
    answer = merchant.call("POST", target, {"complainted_mchid": "1"})
    assert (answer.status, answer.body, answer.problem()) == (204, b"", None)


def test_sensitive_answers(merchant: Merchant) -> None:
    """A field that came encrypted for WeChat Pay goes back encrypted for the merchant."""
    echoed = {"echo_message": "a", "encrypted_echo_message": merchant.encrypt("张三")}
    told = good(merchant.call("POST", "/v3/security/echo", echoed, headers=merchant.serial_header))
    sealed = base64.b64decode(told["encrypted_echo_message"], validate=True)
    assert merchant.me.private_key.decrypt(sealed, OAEP).decode() == "张三"


@pytest.mark.parametrize("tar_type", ["", "&tar_type=GZIP"])
def test_a_bill_lies_where_it_is_said(merchant: Merchant, tar_type: str) -> None:
    """The hash is that of the file at the address, and the file is packed if so asked."""
    told = good(merchant.call("GET", f"/v3/bill/tradebill?bill_date=2026-01-01{tar_type}"))
    assert told["hash_type"] == "SHA1"
    assert told["download_url"].startswith(merchant.gateway.base_uri)
    address = urlsplit(told["download_url"])
    file = merchant.call("GET", f"{address.path}?{address.query}")
    assert file.status == 200
    assert not any(file.all(name) for name in FOUR)
    content = gzip.decompress(file.body) if tar_type else file.body
    assert hashlib.sha1(content).hexdigest() == told["hash_value"]
    assert file.all("Content-Type") == [
        "application/x-gzip" if tar_type else "text/plain; charset=utf-8"
    ]


@pytest.mark.parametrize(
    ("target", "beginning"),
    [
        ("/v3/merchant-service/images/a", b"\x89PNG\r\n\x1a\n"),
        ("/v3/transferdownload/signfile?token=1", b"%PDF-"),
        ("/v3/transferdownload/elecvoucherfile?token=1&source=x", b"%PDF-"),
    ],
)
def test_files(merchant: Merchant, target: str, beginning: bytes) -> None:
    """Files come as what they are, unsigned; the refusal of one is signed."""
    answer = merchant.call("GET", target)
    assert (answer.status, answer.problem()) == (200, FOUR[0])
    assert answer.body.startswith(beginning)
    merchant.gateway.misbehave("status", code=404)
    assert merchant.call("GET", target).problem() is None


@pytest.mark.parametrize("path", ["/v3/global/statements", "/hk/v3/statements", "/v3/statements"])
def test_statements(merchant: Merchant, path: str) -> None:
    """A statement is signed by its digest, where the path is one of those."""
    answer = merchant.call("GET", f"{path}?date=20260101&mchid=1")
    digest = hashlib.sha1(answer.body).hexdigest()
    by_digest = path != "/v3/statements"
    assert answer.all("Wechatpay-Statement-Sha1") == ([digest] if by_digest else [])
    covered = json.dumps({"sha1": digest}, separators=(",", ":")).encode()
    assert answer.problem(covered if by_digest else None) is None


def test_a_document_in_a_text(merchant: Merchant) -> None:
    """Required fields are wanted inside JSON that a field holds as text."""
    path = "/v3/mch-operation-manage/enhanced-due-diligence/1/submit"
    answer = merchant.call("POST", path, {"sub_mchid": "1", "submit_data": '{"other":1}'})
    assert (answer.status, answer.json()["detail"]["field"]) == (400, "/submit_data/record_fields")
    for let_through in ('{"record_fields":[{}]}', "no JSON", "[1]"):
        assert (
            merchant.call("POST", path, {"sub_mchid": "1", "submit_data": let_through}).status
            == 200
        )
