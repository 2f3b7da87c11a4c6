"""Facts on operations: found by path, in agreement with the client's own tables."""

from __future__ import annotations

from typing import Any

import pytest

from wechatpay_chain import catalogue
from wechatpay_chain.catalogue import RateLimit, UploadFields, notation
from wechatpay_chain.protocol import unsigned

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"

# What the client does not want a sign of although the documentation shows one: pay_bank was seen
# without, and two operations stand under other paths in the PHP SDK.
BEYOND_THE_CATALOGUE = {
    "/mmpaymkttransfers/pay_bank",
    "/mmpaymkttransfers/promotion/paywwsptrans2pocket",
    "/mmpaymkttransfers/query_bank",
    "/mmpaysptrans/pay_bank",
    "/papay/entrustweb",
    "/papay/partner/entrustweb",
}


def test_there_are_as_many_operations_as_there_should_be() -> None:
    """The files hold all of them, those of v2 among them, and each is found again by its path."""
    known = list(catalogue.operations())
    assert len(known) == 1139
    assert len(list(catalogue.operations("v2/"))) == 122
    assert all(catalogue.find(one.method, one.path) is one for one in known)
    assert [(one.method, one.path) for one in known] == list(catalogue.headings())


def test_the_notation_reads_what_it_writes() -> None:
    """Every operation can be written down and read back without loss."""
    for one in catalogue.operations():
        assert notation.parse(notation.render(one)) == one


def test_client_and_catalogue_agree_on_what_is_unsigned() -> None:
    """Every v2 answer without a sign is one that the client takes without, and hardly another."""
    documented = {
        one.path.removeprefix("v2")
        for one in catalogue.operations("v2/")
        if one.has_unsigned_answer
    }
    assert documented - unsigned._UNSIGNED_V2 == set()
    assert unsigned._UNSIGNED_V2 - documented <= BEYOND_THE_CATALOGUE


FACTS: list[tuple[str, str, str, Any]] = [
    ("client_certificate", "POST", "v2/secapi/pay/refund", True),
    ("client_certificate", "POST", "v2/pay/orderquery", False),
    ("nonceless", "POST", "v2/papay/deletecontract", True),
    ("nonceless", "POST", "v2/pay/unifiedorder", False),
    ("has_unsigned_answer", "POST", "v2/mmpaymkttransfers/sendredpack", True),
    ("has_unsigned_answer", "POST", "v2/pay/unifiedorder", False),
    ("booleans", "POST", "v2/wxv/finishhotelbill", frozenset({"checked_in"})),
    ("booleans", "POST", "v2/pay/unifiedorder", frozenset()),
    ("upload_fields", "POST", "v3/pay/transactions/native", None),
    ("rate_limit", "POST", PUNISH, RateLimit(200, 60)),
    ("reentrant_days", "POST", PUNISH, 365),
    ("deprecated", "GET", "v3/merchant-service/complaints", True),
    ("base_uri", "POST", "v3/refunds", "https://api.mch.weixin.qq.com/hk/"),
    ("download", "GET", "/v3/billdownload/file", True),
    ("path", "GET", "/hk/v3/refunds/id/50000000382019052709732678859", "v3/refunds/id/{refund_id}"),
    ("variables", "GET", "v3/refunds/id/{refund_id}", ("refund_id",)),
    ("encrypted", "POST", PUNISH, (("json", "bal_account_no"), ("json", "card_no"))),
]


@pytest.mark.parametrize(("name", "method", "path", "fact"), FACTS, ids=str)
def test_a_fact_is_found_by_method_and_path(name: str, method: str, path: str, fact: Any) -> None:
    """What the documentation says of an operation is found, by its template or a real path."""
    assert getattr(catalogue.find(method, path), name) == fact


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "v2/secapi/pay/refund"),
        ("POST", "v3/no/such/upload"),
        ("POST", "v3/../v2/pay/unifiedorder"),
        ("GET", "v3"),
        ("GET", ""),
        ("GET", "/"),
    ],
)
def test_what_is_unknown_is_not_found(method: str, path: str) -> None:
    """Another method, another path, or none at all is in no file."""
    assert catalogue.find(method, path) is None


CHILDREN: list[tuple[str, set[str], set[str]]] = [
    ("", {"v2", "v3"}, set()),
    ("v3/refund", {"domestic"}, set()),
    ("v3/refund/domestic/refunds", {"{out_refund_no}"}, {"POST"}),
    ("v3/pay/transactions/id/4200", set(), {"GET"}),
    ("v3/no-such-thing", set(), set()),
]


@pytest.mark.parametrize(("path", "segments", "methods"), CHILDREN)
def test_what_follows_a_path_is_known(path: str, segments: set[str], methods: set[str]) -> None:
    """The next segments are listed, and the verbs of the path itself."""
    found, verbs = catalogue.children(path)
    assert segments <= found
    assert segments or not found
    assert verbs == methods


UPLOADS: dict[str, tuple[str, str | None, str | None, str]] = {
    "v3/merchant/media/upload": ("file", "filename", "sha256", "SHA256"),
    "v3/merchant/media/video_upload": ("file", "filename", "sha256", "SHA256"),
    "v3/ecommerce/account/cancel-applications/media": (
        "file", "file_name", "file_digest", "SHA256",
    ),
    "v3/global/merchant-storage/file/upload": ("file", "filename", "digest", "SHA256"),
    "v3/mch-manage/submission-files/sub-mchid/{sub_mchid}/upload": (
        "submission_file", "file_name", "file_digest", "SHA256",
    ),
    "v3/mch-manage/submission-files/sub-mchid/1900000109/upload": (
        "submission_file", "file_name", "file_digest", "SHA256",
    ),
    "v3/new-tax-control-fapiao/fapiao-applications/upload-fapiao-file": (
        "file", None, "digest", "SM3",
    ),
    "v3/taxi-invoice/cards/upload-file": ("file", None, "digest", "SM3"),
}  # fmt: skip


@pytest.mark.parametrize("path", UPLOADS)
def test_an_upload_is_laid_out_as_documented(path: str) -> None:
    """Part, name and digest of a file are called what the operation calls them."""
    operation = catalogue.find("POST", path)
    found = operation.upload_fields if operation else None
    assert isinstance(found, UploadFields)
    assert (found.file, found.filename, found.digest, found.algorithm) == UPLOADS[path]
