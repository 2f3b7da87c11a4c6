"""Completion as editors and notebooks do it: pyright's language server, jedi, and `dir()`.

A bar in a line of code is where the cursor is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import Client
from wechatpay_chain.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
HEAD = "from wechatpay_chain import Client\n\ndef program(client: Client, number: str) -> None:\n"
INDENT = "    "

TYPED = [
    ("client.v3.pay.transactions.|", {"native", "jsapi", "out_trade_no", "outTradeNo", "id"}),
    ("client.v3.pay.transactions.out|", {"out_trade_no", "outTradeNo"}),
    ("client.v3.pay.transactions.native.po|", {"post", "post_async", "postAsync"}),
    ("client.v3.pay.transactions.id.|", {"_transaction_id_"}),
    ("client.v3.pay.transactions.out_trade_no[number].|", {"get", "get_async", "close"}),
    ("client.v3.profitsharing.receivers.delete.|", {"post", "post_async", "postAsync"}),
    ("client.v3.marketing.busifavor.coupons.|", {"return_"}),
]
TEXTS = [
    ('client["v3/pay/tr|"]', {"v3/pay/transactions/native", "v3/pay/transactions/jsapi"}),
    ('client.chain("v3/pay/tr|")', {"v3/pay/transactions/native", "v3/pay/transactions/jsapi"}),
    ('client.v3.pay.transactions["|"]', {"native", "out-trade-no"}),
    ('client.v3.pay.transactions.native.post(json={"|"})', {"appid", "amount", "notify_url"}),
    ('client.v3.pay.transactions.native.post(json={"amount": {"|"}})', {"total", "currency"}),
    ('client.v3.pay.transactions.native.post({"json": {"|"}})', {"appid", "amount"}),
    ('client.v3.certificates.get(query={"|"})', {"algorithm_type"}),
    ('client.v3.certificates.get(query={"algorithm_type": "|"})', {"RSA", "SM2", "ALL"}),
    ('client.v2.pay.orderquery.post(xml={"|"})', {"mch_id", "transaction_id"}),
    ('client.v3.certificates.get().json()["|"]', {"data"}),
    ('client.v3.certificates.get().json()["data"][0]["|"]', {"serial_no", "encrypt_certificate"}),
    ('client.v2.pay.orderquery.post(xml={}).xml()["|"]', {"trade_state", "total_fee"}),
]


class Server:
    """pyright's language server, spoken to over its standard streams."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._asked = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        capabilities = {"workspace": {"configuration": True}}
        self.ask(
            "initialize", rootUri=directory.as_uri(), processId=None, capabilities=capabilities
        )
        self.tell("initialized")

    def complete(self, code: str) -> set[str]:
        """Return what may stand where the bar is in a line of code."""
        before = code.partition("|")[0]
        self._asked += 1
        uri = (self.directory / f"program_{self._asked}.py").as_uri()
        text = HEAD + INDENT + code.replace("|", "")
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        position = {"line": HEAD.count("\n"), "character": len(INDENT + before)}
        answer = self.ask("textDocument/completion", textDocument={"uri": uri}, position=position)
        return {item["label"].strip("\"'") for item in answer["items"]}

    def ask(self, method: str, **params: Any) -> Any:
        """Return the answer to a request; questions that come in between are answered."""
        self._asked += 1
        number = self._asked
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" not in message and message.get("id") == number:
                return message["result"]
            if "method" in message and "id" in message:
                items = message["params"].get("items", [])
                self._send({"id": message["id"], "result": [self._setting(one) for one in items]})

    def tell(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def stop(self) -> None:
        """End the server."""
        self.ask("shutdown")
        self.tell("exit")
        self._process.communicate()

    def _setting(self, item: dict[str, str]) -> dict[str, Any]:
        analysis = {"extraPaths": [str(ROOT)]}
        if item.get("section") == "python.analysis":
            return analysis
        return {"pythonPath": sys.executable, "analysis": analysis}

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running language server."""
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    running = Server(tmp_path_factory.mktemp("workspace"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A living client, as a notebook has one."""
    with Sandbox() as gateway, gateway.client() as made:
        yield made


@pytest.mark.parametrize(("code", "wanted"), [*TYPED, *TEXTS])
def test_an_editor_completes(code: str, wanted: set[str], server: Server) -> None:
    """The language server offers paths, verbs, keys, values and the answer's fields."""
    assert wanted <= server.complete(code)


@pytest.mark.parametrize(("code", "absent"), [("client.v3.certificates.|", {"post", "put"})])
def test_an_editor_leaves_out(code: str, absent: set[str], server: Server) -> None:
    """Verbs that an operation lacks are not offered."""
    offered = server.complete(code)
    assert "get" in offered
    assert not absent & offered


@pytest.mark.parametrize(("code", "wanted"), TYPED)
def test_jedi_completes(code: str, wanted: set[str]) -> None:
    """So does jedi, from the same stubs, what is written with dots."""
    jedi = pytest.importorskip("jedi")
    project = jedi.Project(ROOT, sys_path=[str(ROOT), *sys.path])
    text = HEAD + INDENT + code.rstrip("|")
    script = jedi.Script(text, project=project, path=ROOT / "program.py")
    assert wanted <= {found.name for found in script.complete()}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("client.|", {"v2", "v3", "chain"}),
        ("client.v3.pay.transactions.|", {"native", "out_trade_no", "outTradeNo"}),
        ("client.v3.pay.transactions.out|", {"out_trade_no", "outTradeNo"}),
        ("client.v3.marketing.busifavor.coupons.ret|", {"return_"}),
    ],
)
def test_a_notebook_completes(code: str, wanted: set[str], client: Client) -> None:
    """Jupyter asks jedi with the living object."""
    jedi = pytest.importorskip("jedi")
    script = jedi.Interpreter(code.rstrip("|"), [{"client": client}])
    assert wanted <= {found.name for found in script.complete()}


def test_a_notebook_completes_in_brackets(client: Client) -> None:
    """IPython asks an object for its keys: whole paths of a client, what follows a node."""
    paths = client._ipython_key_completions_()
    assert {"v2/pay/orderquery", "v3/pay/transactions/native"} <= set(paths)
    below = client["v3"].pay.transactions._ipython_key_completions_()
    assert {"native", "id/{transaction_id}"} <= set(below)
    assert client["v3/brand-new"]._ipython_key_completions_() == []
