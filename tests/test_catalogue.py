"""Facts on operations: found by path, in agreement with the client's own tables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.operations import operations
from wechatpay_chain import catalogue
from wechatpay_chain.catalogue import UploadFields
from wechatpay_chain.protocol import unsigned

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
    """The tables hold all of them, those of v2 among them."""
    assert len(operations()) == 1139
    assert len(operations("v2/")) == 122


def test_client_and_catalogue_agree_on_what_is_unsigned() -> None:
    """Every v2 answer without a sign is one that the client takes without, and hardly another."""
    documented = {
        path.removeprefix("v2")
        for method, path in operations("v2/")
        if catalogue.has_unsigned_answer(method, path)
    }
    assert documented - unsigned._UNSIGNED_V2 == set()
    assert unsigned._UNSIGNED_V2 - documented <= BEYOND_THE_CATALOGUE


FACTS: list[tuple[Any, str, str, Any]] = [
    (catalogue.needs_client_certificate, "POST", "v2/secapi/pay/refund", True),
    (catalogue.needs_client_certificate, "POST", "v2/pay/orderquery", False),
    (catalogue.needs_client_certificate, "GET", "v2/secapi/pay/refund", False),
    (catalogue.is_nonceless, "POST", "v2/papay/deletecontract", True),
    (catalogue.is_nonceless, "POST", "v2/pay/unifiedorder", False),
    (catalogue.has_unsigned_answer, "POST", "v2/mmpaymkttransfers/sendredpack", True),
    (catalogue.has_unsigned_answer, "POST", "v2/pay/unifiedorder", False),
    (catalogue.boolean_fields, "POST", "v2/wxv/finishhotelbill", frozenset({"checked_in"})),
    (catalogue.boolean_fields, "POST", "v2/pay/unifiedorder", frozenset()),
    (catalogue.upload_fields, "POST", "v3/pay/transactions/native", None),
    (catalogue.upload_fields, "POST", "v3/no/such/upload", None),
]


@pytest.mark.parametrize(("look_up", "method", "path", "fact"), FACTS, ids=str)
def test_a_fact_is_found_by_method_and_path(
    look_up: Any, method: str, path: str, fact: Any
) -> None:
    """What the documentation says of an operation is found; of an unknown one there is nothing."""
    assert look_up(method, path) == fact


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
    found = catalogue.upload_fields("POST", path)
    assert isinstance(found, UploadFields)
    assert (found.file, found.filename, found.digest, found.algorithm) == UPLOADS[path]
