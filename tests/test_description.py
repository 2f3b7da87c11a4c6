"""Operations described and found: what a person reads, and what comes first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.merchant import client
from wechatpay_chain import Client, RequestError
from wechatpay_chain.catalogue import (
    Operation,
    describe,
    events,
    layout,
    operations,
    search,
    walk,
)
from wechatpay_chain.catalogue.description import Description
from wechatpay_chain.catalogue.location import locate
from wechatpay_chain.catalogue.searching import groups, suggest

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
NATIVE = "v3/pay/transactions/native"
REFUNDS = "v3/refund/domestic/refunds"
ID = "v3/pay/transactions/id/{transaction_id}"


@pytest.fixture(scope="module")
def root() -> Iterator[Client]:
    """A client that sends nothing."""
    with client() as made:
        yield made


MEANT: list[tuple[str, list[str]]] = [
    (PUNISH, [f"POST {PUNISH}"]),
    (f"/{PUNISH}/", [f"POST {PUNISH}"]),
    ("v3/aggracct_bc/wbChannel/controlOrders/punish", [f"POST {PUNISH}"]),
    ("client.v3.aggracctBc.wb_channel.controlOrders.punish.post(json={...})", [f"POST {PUNISH}"]),
    ("response = await client.v3.pay.transactions.native.post_async(", [f"POST {NATIVE}"]),
    ("v3.pay.transactions.native", [f"POST {NATIVE}"]),
    ('client["v3/pay"].transactions.chain("native")', [f"POST {NATIVE}"]),
    ("$instance->v3->pay->transactions->id->_transaction_id_->getAsync([", [f"GET {ID}"]),
    ("client.v3.pay.transactions.native.post", [f"POST {NATIVE}"]),
    ("v3/pay/transactions/id/4200001", [f"GET {ID}"]),
    ("https://api.mch.weixin.qq.com/v3/pay/transactions/id/42?mchid=1", [f"GET {ID}"]),
    ("https://api.mch.weixin.qq.com/pay/unifiedorder", ["POST v2/pay/unifiedorder"]),
    ("https://api.mch.weixin.qq.com/hk/v3/refunds", ["GET v3/refunds", "POST v3/refunds"]),
    ("GET v3/refunds", ["GET v3/refunds"]),
    ("v3/profitsharing/receivers/delete", ["POST v3/profitsharing/receivers/delete"]),
    ("client.v3.profitsharing.receivers.delete.post()", ["POST v3/profitsharing/receivers/delete"]),
    ("v3/pay", []),
    ("v3/pay/transactions/nothing", []),
    ("https://pay.weixin.qq.com/doc/v3/merchant/4016025247", []),
    ("client.v3.__class__", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "wanted"), MEANT)
def test_what_is_pasted_is_understood(text: str, wanted: list[str]) -> None:
    """Paths in any spelling, real ones, URLs and expressions all mean their operation."""
    assert [str(one) for one in locate(text)] == wanted


def test_every_operation_is_found_by_path_and_expression() -> None:
    """Each operation's own path describes it, alone with those of other methods there."""
    for one in operations():
        found = locate(one.path, one.method)
        assert found[0] is one or found[0].path.startswith(one.path.removesuffix("/{empty}"))


def test_a_client_describes_a_chain(root: Client) -> None:
    """A path, a chain, and the verb of a chain describe the same operation."""
    by_path = root.describe(PUNISH)
    node = root.v3.aggracct_bc.wb_channel.control_orders.punish
    for other in (node, node.post, node.postAsync, f"/{PUNISH}"):
        assert root.describe(other) == by_path
    assert by_path == describe(PUNISH, "post")


TOLD: list[tuple[str, list[str]]] = [
    (
        PUNISH,
        [
            "发起微众台账管控",
            f"POST {PUNISH}",
            "200/minute",
            "365 days",
            "https://pay.weixin.qq.com/doc/v3/merchant/4016025247",
            "    out_request_no*             string\n",
            "    bal_account_no*             string   encrypted 加密\n",
            "ALL_FORBIDDEN | ALL_ALLOWED_WHEN_UNIQUE",
            "\n  wxpay_punish_no*  string",
            "client.v3.aggracct_bc.wb_channel.control_orders.punish.post(\n",
        ],
    ),
    ("v2/secapi/pay/refund", ["双向证书", "and 20 more", "client.v2.secapi.pay.refund.post("]),
    ("v2/papay/deletecontract", ["nonce_str"]),
    ("v2/mmpaymkttransfers/sendredpack", ["no sign"]),
    ("v3/merchant-service/complaints", ["deprecated"]),
    ("v3/global/certificates", ["https://apihk.mch.weixin.qq.com/"]),
    ("v3/merchant/media/upload", ["upload=", "media_id"]),
    ("v3/billdownload/file", ["sink=", 'sink="example.bin"']),
    (
        "v3/merchant-service/complaint-notifications",
        ["\nGET v3", "\nPOST v3", "\nPUT v3", "\nDELETE v3"],
    ),
]


@pytest.mark.parametrize(("path", "parts"), TOLD)
def test_a_description_says_what_a_caller_must_know(path: str, parts: list[str]) -> None:
    """Name, path, host, certificate, limit, pages, fields and a sample are there."""
    text = str(describe(path))
    assert [part for part in parts if part not in f"\n{text}"] == []


def test_every_field_is_described_in_order() -> None:
    """Each field of each operation has its line, and lists of values are broken, not long."""
    for one in operations():
        text = str(Description((one,)))
        tree = text[: text.index("\nPython")].splitlines()
        names = iter([line.split()[0].removesuffix("*") for line in tree if line.startswith("  ")])
        fields = [field.name for part in (one.request, one.response) for _, field in walk(part)]
        # Each is looked for behind the one before.
        assert [name for name in fields if name.split()[0] not in names] == []
        assert [line for line in tree if " | " in line and layout.width(line) > 100] == []


def test_columns_align_under_chinese() -> None:
    """Labels of Chinese letters, each two columns wide, are padded to the same column."""
    lines = str(describe(PUNISH)).splitlines()[3:6]
    starts = {
        layout.width(line[: line.index(part)])
        for line, part in zip(lines, ("200/minute", "the same", "https:"), strict=True)
    }
    assert len(starts) == 1


def test_jupyter_gets_markup_that_shows_the_same() -> None:
    """The HTML holds the same letters, and marks what is required."""
    page = describe(PUNISH)._repr_html_()
    assert page.startswith("<pre")
    assert '<span style="color:#c00">*</span>' in page
    assert "<" not in layout.html([(("", "a < b"),)]).split(">", 1)[1].removesuffix("</pre>")


UNKNOWN: list[tuple[str, str | None, str]] = [
    ("v3/pay/transaction/nativ", None, "did you mean v3/pay/transactions/native or "),
    ("v3/pay", None, "v3/pay is no operation, it leads on to .*transactions$"),
    ("", None, "no operation is known at an empty path"),
    ("POST v3/certificates", None, "v3/certificates is known for GET, not for POST"),
    (NATIVE, "GET", f"{NATIVE} is known for POST, not for GET"),
    ("v3/nothing/of/the/kind", None, "no operation is known at v3/nothing/of/the/kind$"),
]


@pytest.mark.parametrize(("path", "method", "words"), UNKNOWN)
def test_what_is_unknown_is_said_with_the_nearest(
    root: Client, path: str, method: str | None, words: str
) -> None:
    """An unknown path raises one line that names known ones."""
    with pytest.raises(RequestError, match=words) as caught:
        root.describe(path, method)
    assert "\n" not in str(caught.value)


FIRST: list[tuple[list[str], list[str]]] = [
    (["退款"], [f"POST {REFUNDS}", f"GET {REFUNDS}/{{out_refund_no}}"]),
    (["申请退款"], [f"POST {REFUNDS}"]),
    (["refund"], [f"POST {REFUNDS}"]),
    (["punish"], [f"POST {PUNISH}"]),
    (["PUNISH"], [f"POST {PUNISH}"]),
    (["controlOrders", "发起"], [f"POST {PUNISH}"]),
    (["control_orders", "发起"], [f"POST {PUNISH}"]),
    (["native"], [f"POST {NATIVE}"]),
    (["jsapi", "下单"], ["POST v3/pay/transactions/jsapi"]),
    (["账单"], ["GET v3/billdownload/file"]),
    (["证书"], ["GET v3/certificates"]),
    (["关单"], ["POST v3/pay/transactions/out-trade-no/{out_trade_no}/close"]),
    (["v3/pay/transactions"], ["POST v3/pay/transactions/jsapi"]),
    (["4016025247"], [f"POST {PUNISH}"]),
    (["https://pay.weixin.qq.com/doc/v3/merchant/4016025247"], [f"POST {PUNISH}"]),
    (["relatedWebankPunishNo"], ["POST v3/aggracct-bc/wb-channel/control-orders/recover"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "wanted"), FIRST)
def test_what_is_meant_comes_first(words: list[str], wanted: list[str]) -> None:
    """The usual operation stands before special ones, whichever way it is asked for."""
    assert [f"{one.method} {one.path}" for one in search(words)][: len(wanted)] == wanted


def test_every_word_must_match() -> None:
    """More words find less; a method narrows; nothing is found for nonsense."""
    assert {one.path for one in search(["bal_account_no", "card_no"])} < {
        one.path for one in search(["bal_account_no"])
    }
    assert {one.method for one in search(["退款"], "GET")} == {"GET"}
    assert search(["退款", "no such thing"]) == []
    assert all(one.path.startswith("v3/pay/") for one in search(["v3/pay"]))


def test_search_finds_each_operation_by_each_of_its_parts() -> None:
    """An operation is among those that its own name, path and fields find."""

    def finds(one: Operation, word: str) -> bool:
        return (one.method, one.path) in {(m.method, m.path) for m in search([word])}

    for one in list(operations())[::60]:
        fields = [field.name for _, field in walk((*one.request, *one.response))]
        assert [word for word in (one.name, one.path, *fields[:3]) if not finds(one, word)] == []


def test_deprecated_operations_come_last() -> None:
    """What WeChat Pay advises against stands behind all else that matches."""
    found = [one.deprecated for one in search(["complaints"])]
    assert found == sorted(found)
    assert found[-1]
    assert search(["complaints"], "GET")[0].path == "v3/merchant-service/complaints-v2"


SUGGESTED: list[tuple[str, str]] = [
    ("退款查询", "查询退款"),
    ("punsh", "punish"),
    ("out_trade_nmo", "out_trade_no"),
]


@pytest.mark.parametrize(("word", "wanted"), SUGGESTED)
def test_a_near_miss_is_mended(word: str, wanted: str) -> None:
    """A misspelt word, and a name with its parts in another order, lead to the known one."""
    assert wanted in [one.replace("-", "_").strip("{}") for one in suggest([word])]


def test_groups_count_every_operation() -> None:
    """The groups hold all operations, under distinct paths."""
    known = groups()
    assert sum(one.count for one in known) == len(list(operations()))
    assert len({one.path for one in known}) == len(known)
    assert all(one.names for one in known)


def test_an_event_is_described() -> None:
    """A type of callbacks is described too: what it brings, and how a handler is registered."""
    text = str(describe("refund-processed"))
    for part in ("退款结果通知", "V2RefundProcessed", "it bears no sign", "out_refund_no*"):
        assert part in text
    assert '@client.webhooks.on("refund-processed")' in text
    moved = str(describe("MEMBERCARDSP.USER_CARD.CREATE"))
    assert "BRAND_MEMBER_CARD_SP.USER_CARD.CREATE" in moved
    assert "encrypted 加密" in moved
    assert "also 也作" in str(describe("PROFITSHARING.SUCCESS"))


def test_a_name_of_both_protocols_is_both_events() -> None:
    """What two events are called describes both, and tells how each is meant."""
    found = describe("TRANSACTION.SUCCESS")
    assert [str(one) for one in found.events] == [
        "v3 TRANSACTION.SUCCESS",
        "v2 TRANSACTION.SUCCESS",
    ]
    assert '.on("TRANSACTION.SUCCESS")\n' in str(found)
    assert '.on("TRANSACTION.SUCCESS", protocol="v2")\n' in str(found)
    assert found.operations == ()


def test_every_event_is_described() -> None:
    """No event fails to be shown, with every field of its resource."""
    for event in events.events():
        text = str(describe(event.type))
        assert [f.name for _, f in walk(event.fields) if f.name not in text] == []


def test_an_event_has_no_method() -> None:
    """With an HTTP method an operation is meant, and an event is none."""
    with pytest.raises(RequestError):
        describe("REFUND.SUCCESS", "GET")
