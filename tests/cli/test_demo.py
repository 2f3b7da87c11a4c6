"""`wechatpay-chain demo`: what it shows in a pipe, on a terminal, as JSON, and that it is true."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rich.cells import cell_len

from tests.cli.command import ANSI, run, run_on_terminal
from wechatpay_chain import Client
from wechatpay_chain.cli import demo, main
from wechatpay_chain.cli.spellings import ORDER, SPELLINGS
from wechatpay_chain.sandbox import Sandbox

SOURCES = [
    "client.v3.aggracctBc.wbChannel.controlOrders.punish.postAsync({",
    'client.chain("v3/aggracct-bc/wb-channel/control-orders/punish").postAsync({',
    'client["v3/aggracct-bc/wb-channel/control-orders/punish"].postAsync({',
    "client.v3.aggracctBc.wbChannel.controlOrders.punish.post({",
    'client.chain("v3/aggracct-bc/wb-channel/control-orders/punish").post({',
    'client["v3/aggracct-bc/wb-channel/control-orders/punish"].post({',
    "client.v3.aggracct_bc.wb_channel.control_orders.punish.post(",
    "await punish.post_async(",
    "await asyncio.gather(*promises)",
]
SHOWN = [
    "异步纯链式",
    "同步属性式",
    "ClientError",
    "PARAM_ERROR",
    "request_id",
    "UnverifiedError",
    "bad-signature",
    "may have happened",
    "A probe",
    "docs/guide.md",
    "wechatpay-chain sandbox",
]


@pytest.mark.parametrize("secret", ["PRIVATE KEY", "WECHATPAY2-SHA256-RSA2048 ", "Authorization"])
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_no_secrets(arguments: list[str], secret: str) -> None:
    """Neither keys nor the Authorization header are shown."""
    assert secret not in run("demo", *arguments).stdout


def test_in_a_pipe() -> None:
    """In a pipe there are plain lines with all spellings, and nothing on stderr."""
    ended = run("demo")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert [text for text in SOURCES + SHOWN if text not in ended.stdout] == []
    assert "FAILED" not in ended.stdout
    assert "ok: 32 calls, 32 requests" in ended.stdout


def test_as_json() -> None:
    """--json prints one document in which everything is true."""
    ended = run("demo", "--json")
    document = json.loads(ended.stdout)
    steps = document["steps"]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert document["passed"] is True
    assert document["order"] == ORDER
    assert [step["source"] for step in steps[:9]] == [one.source for one in SPELLINGS]
    assert [step["kind"] for step in steps[9:]] == ["refusal", "forgery", "query", "probe"]
    assert {step["passed"] for step in steps} == {True}
    assert {value for step in steps for value in step["checks"].values()} == {True}
    assert set(document["summary"]["checks"].values()) == {True}
    assert document["summary"]["encrypted"] == 31
    assert document["summary"]["in_plain"] == 0


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal(columns: int) -> None:
    """On a terminal there are colours, and no line is wider than it, Chinese included."""
    code, written = run_on_terminal("demo", columns=columns)
    assert code == 0
    assert "\x1b[32m" in written
    lines = re.split(r"[\r\n]+", ANSI.sub("", written))
    assert max(map(cell_len, lines)) <= columns
    if columns == 80:
        # The sources have the room that they were laid out for: none is broken.
        text = "\n".join(lines)
        assert [source for source in SOURCES if source not in text] == []


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.title)
def test_shown_source_fits(spelling: Any) -> None:
    """Each source is valid where it stands, and fits into a panel of 80 columns."""
    assert max(map(len, spelling.source.splitlines())) <= 76
    compile(
        f"async def shown():\n    {spelling.source.replace(chr(10), chr(10) + '    ')}", "", "exec"
    )


async def leak(request: Any, handler: Any) -> Any:
    """Put the account number where nobody encrypts it."""
    request.headers["X-Debug"] = ORDER["bal_account_no"]
    return await handler(request)


async def send_twice(request: Any, handler: Any) -> Any:
    """Send each request once more, as a careless retry does."""
    (await handler(request)).release()
    return await handler(request)


@pytest.mark.parametrize(
    ("overrides", "failing"),
    [
        ({"encrypt": False}, {"200", "encrypted", "verified"}),
        ({"middlewares": [leak]}, {"encrypted"}),
    ],
    ids=["not encrypted", "leaked in a header"],
)
def test_a_check_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    overrides: dict[str, Any],
    failing: set[str],
) -> None:
    """When a claim does not hold the demo says which, and exits with 1."""

    class Careless(Sandbox):
        def client(self, **more: Any) -> Client:
            return super().client(**{**more, **overrides})

    monkeypatch.setattr(demo, "Sandbox", Careless)
    assert main(["demo", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert False in document["summary"]["checks"].values()
    for step in document["steps"][:9]:
        assert failing <= {name for name, passed in step["checks"].items() if not passed}
    if failing == {"encrypted"}:
        assert document["steps"][0]["checks"]["opened by the gateway"] is True
    assert main(["demo"]) == 1
    assert "FAILED: encrypted" in capsys.readouterr().out
