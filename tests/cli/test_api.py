"""`wechatpay-chain api`: what a person finds, in a pipe, on a terminal, as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

from tests.cli.command import ANSI, PATIENCE, environment, run, run_on_terminal
from wechatpay_chain.catalogue import operations
from wechatpay_chain.cli import main

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
REFUNDS = "v3/refund/domestic/refunds"


def test_words_find_what_is_meant() -> None:
    """The usual refund stands first, in plain lines, and the last line says how to see it."""
    ended = run("api", "退款")
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert lines[0].split() == ["POST", "申请退款", REFUNDS]
    assert lines[1].split() == ["GET", "查询单笔退款", f"{REFUNDS}/{{out_refund_no}}"]
    assert len({cell_len(line[: line.index(" v")]) for line in lines[:-2]}) == 1
    assert lines[-1].endswith(f"see one: wechatpay-chain api POST {REFUNDS}")


DESCRIBED: list[list[str]] = [
    ["punish"],
    ["PUNISH"],
    ["发起微众台账管控"],
    [PUNISH],
    ["POST", PUNISH],
    ["--method", "post", f"/{PUNISH}"],
    ["client.v3.aggracct_bc.wb_channel.control_orders.punish"],
    ["client.v3.aggracctBc.wbChannel.controlOrders.punish.post(json={...})"],
    ["https://api.mch.weixin.qq.com/" + PUNISH],
    ["https://pay.weixin.qq.com/doc/v3/merchant/4016025247"],
]


@pytest.mark.parametrize("arguments", DESCRIBED)
def test_one_operation_is_described(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A word that is clearly meant, a path, an expression and a page show all of the operation."""
    assert main(["api", *arguments]) == 0
    written = capsys.readouterr().out
    assert written.startswith(f"发起微众台账管控\nPOST {PUNISH}\n")
    assert "bal_account_no*             string   encrypted 加密\n" in written
    assert "client.v3.aggracct_bc.wb_channel.control_orders.punish.post(" in written


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("REFUND.SUCCESS", ["v3 REFUND.SUCCESS"]),
        ("refund.success", ["v3 REFUND.SUCCESS"]),
        ("TRANSACTION.FAIL", ["v3 TRANSACTION.FAIL", "v2 TRANSACTION.FAIL"]),
        ("refund-processed", ["v2 refund-processed"]),
    ],
)
def test_a_callback_is_described(
    word: str, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A callback's type shows its fields, of both protocols where both have one of that name."""
    assert main(["api", word]) == 0
    written = capsys.readouterr().out
    assert [line for line in written.splitlines() if line.startswith(("v3 ", "v2 "))] == shown
    assert "client.webhooks.on(" in written
    assert main(["api", "--json", word]) == 0
    found = json.loads(capsys.readouterr().out)["events"]
    assert [f"{one['protocol']} {one['type']}" for one in found] == shown


def test_others_that_match_are_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """Under a description stands how many others match; that command lists them."""
    main(["api", "punish"])
    more = re.search(r"(\d+) more match: wechatpay-chain (.*)$", capsys.readouterr().out)
    assert more
    assert main(more[2].split()) == 0
    rows = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len(rows) == int(more[1]) + 1
    assert rows[1].split()[-1] == "punish_type"


def test_rows_are_limited(capsys: pytest.CaptureFixture[str]) -> None:
    """--limit shows so many and says of how many; --all shows each."""
    main(["api", "退款", "--limit", "3"])
    table, hint = capsys.readouterr().out.split("\n\n")
    found = re.match(r"3 of (\d+),", hint)
    assert found
    assert len(table.splitlines()) == 3
    main(["api", "退款", "--all"])
    assert len(capsys.readouterr().out.split("\n\n")[0].splitlines()) == int(found[1])


def test_without_words_there_are_groups(capsys: pytest.CaptureFixture[str]) -> None:
    """Alone the command lists the groups, and all their operations are counted."""
    assert main(["api"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.split("\n\n")[0].splitlines()]
    assert sum(int(row[1]) for row in rows) == len(list(operations()))
    assert ["v3/refund", "3", "申请退款、查询单笔退款、发起异常退款"] in rows


NOTHING: list[tuple[list[str], str]] = [
    (["punsh"], "did you mean punish"),
    (["退款查询"], "did you mean 查询退款"),
    (["v3/pay/transaction/nativ"], "did you mean v3/pay/transactions/native"),
    (["退款", "punish"], "try fewer words"),
    (["qqqqqqqqqqqq"], "lists all groups"),
    ([PUNISH, "--method", "GET"], f"did you mean POST {PUNISH}?"),
]


@pytest.mark.parametrize(("words", "said"), NOTHING)
def test_nothing_found(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is one line on stderr, with what is near, and exit code 1."""
    assert main(["api", *words]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("wechatpay-chain: nothing matches ")
    assert written.err.count("\n") == 1
    assert said in written.err


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json has one shape, whether it describes, lists, groups or finds nothing."""
    documents = []
    for arguments, code in ((["punish"], 0), (["退款"], 0), ([], 0), (["punsh"], 1)):
        assert main(["api", "--json", *arguments]) == code
        documents.append(json.loads(capsys.readouterr().out))
    assert len({tuple(document) for document in documents}) == 1
    described, listed, grouped, empty = documents
    one = described["operations"][0]
    assert (one["method"], one["path"], one["name"]) == ("POST", PUNISH, "发起微众台账管控")
    assert one["rate_limit"] == {"calls": 200, "seconds": 60}
    assert [field["name"] for field in one["request"][0]["fields"] if field["encrypted"]] == [
        "bal_account_no",
        "card_no",
    ]
    assert "punish.post(" in one["python"]
    assert "punish->post([" in one["php"]
    assert listed["operations"] == []
    assert listed["matches"][0]["path"] == REFUNDS
    assert sum(group["operations"] for group in grouped["groups"]) == len(list(operations()))
    assert "punish" in empty["suggestions"]


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal(columns: int) -> None:
    """On a terminal there is a table in colour, no wider than it, Chinese included."""
    code, written = run_on_terminal("api", "退款", columns=columns)
    assert code == 0
    assert "\x1b[1;32mPOST" in written
    lines = re.split(r"[\r\n]+", ANSI.sub("", written))
    assert max(map(cell_len, lines[:-2])) <= columns
    assert lines[0].split() == ["method", "name", "path"]
    code, written = run_on_terminal("api", "punish", columns=columns)
    assert (code, "\x1b[33mencrypted" in written) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [["api", "--limit", "0"], ["api", "--limit", "x"], ["api", "--method", "FETCH", "退款"]],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    """Wrong arguments exit with 2 and a usage."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_only_what_is_needed_is_imported() -> None:
    """In a pipe a look-up loads no rich and no gateway, and does without rich on a terminal."""
    program = (
        "import sys\n"
        "sys.modules['rich'] = None\n"
        "from wechatpay_chain.cli import main\n"
        "code = main(['api', 'punish'])\n"
        "assert 'wechatpay_chain.sandbox' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    for more in ({}, {"FORCE_COLOR": "1"}):
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            capture_output=True,
            encoding="utf-8",
            env=environment(**more),
            timeout=PATIENCE,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("发起微众台账管控\n")
