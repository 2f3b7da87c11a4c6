"""`wechatpay-chain request`: what is sent, what is shown, and what the exit code says."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.account import Account
from tests.cli.command import ANSI, COMMAND, PATIENCE, environment, run_on_terminal, watched
from tests.support.server import Request, answer, serving
from wechatpay_chain import errors
from wechatpay_chain.catalogue import operations
from wechatpay_chain.cli.request import command
from wechatpay_chain.cli.request.target import aim
from wechatpay_chain.errors import RequestError
from wechatpay_chain.sandbox import Sandbox

ECHO = "v3/security/echo"
PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"
ORDER = {
    "out_request_no": "example_out_request_no",
    "mchid": "example_mchid",
    "bal_account_no": "6214-secret-account",
    "punish_scene": 1,
    "punish_reason": "example_punish_reason",
    "punish_end_time": "2015-05-20T13:29:35+08:00",
}
NATIVE = {
    "appid": "wxd678efh567hg6787",
    "mchid": "1900000109",
    "description": "深圳腾大-QQ公仔",
    "out_trade_no": "Shell217752501201407033233368018",
    "notify_url": "https://example.com/notify",
    "amount": {"total": 1},
}


@pytest.fixture
def gateway() -> Iterator[Sandbox]:
    """A running gateway."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def account(gateway: Sandbox, tmp_path: Path) -> Account:
    """An account of it."""
    return Account(gateway, tmp_path / "keys")


def test_an_order_is_made_and_queried(account: Account) -> None:
    """The body stands alone on stdout, for the next program; the status is on stderr."""
    made = account.run("request", "post", "v3/pay/transactions/native", "-j", json.dumps(NATIVE))
    assert (made.returncode, list(json.loads(made.stdout))) == (0, ["code_url"])
    assert made.stdout.count("\n") == 1
    assert made.stderr.startswith("200, verified, request id ")
    asked = account.run(
        "request",
        "GET",
        f"v3/pay/transactions/out-trade-no/{NATIVE['out_trade_no']}",
        "-q",
        "mchid=1900000109",
    )
    assert json.loads(asked.stdout)["trade_state"] == "NOTPAY"
    # What stands in a path stays as it is, capitals and all.
    assert account.gateway.requests[-1].path.endswith("Shell217752501201407033233368018")
    assert account.gateway.requests[-1].query == {"mchid": "1900000109"}


SPELLINGS = [
    (PUNISH, []),
    (f"/{PUNISH}", []),
    ("client.v3.aggracct_bc.wb_channel.control_orders.punish", []),
    ("client.v3.aggracctBc.wbChannel.controlOrders.punish.post(json={...})", []),
    ("v3/aggracctBc/wbChannel/controlOrders/punish", []),
    (f"https://api.mch.weixin.qq.com/{PUNISH}", []),
    (f"https://api2.mch.weixin.qq.com/{PUNISH}", []),
]


@pytest.mark.parametrize(("path", "pairs"), SPELLINGS)
def test_all_spellings_of_a_path(account: Account, path: str, pairs: list[str]) -> None:
    """A path may be spelled in any way that `api` knows; sensitive fields are encrypted."""
    ended = account.run("request", "post", path, *pairs, "-j", "-", stdin=json.dumps(ORDER))
    assert (ended.returncode, "wxpay_punish_no" in ended.stdout) == (0, True)
    (received,) = account.gateway.requests
    assert received.path == f"/{PUNISH}"
    assert b"6214-secret-account" not in received.body
    assert received.opened["bal_account_no"] == "6214-secret-account"


@pytest.mark.parametrize(
    ("method", "text", "given", "template", "variables", "query"),
    [
        (
            "GET",
            "v3/pay/transactions/id/{transaction_id}",
            {"transaction_id": "A/b"},
            "v3/pay/transactions/id/{transaction_id}",
            {"transaction_id": "A/b"},
            (),
        ),
        (
            "GET",
            "v3/pay/transactions/id/A%2Fb?mchid=1&x=",
            {},
            "v3/pay/transactions/id/{transaction_id}",
            {"transaction_id": "A/b"},
            (("mchid", "1"), ("x", "")),
        ),
        ("POST", "pay/orderquery", {}, "v2/pay/orderquery", {}, ()),
        ("GET", "v3/New/Thing", {}, "v3/New/Thing", {}, ()),
        ("GET", "v3/new/{Thing}/", {"Thing": "1"}, "v3/new/{Thing}/", {"Thing": "1"}, ()),
    ],
)
def test_paths(
    method: str,
    text: str,
    given: dict[str, str],
    template: str,
    variables: dict[str, str],
    query: tuple[tuple[str, str], ...],
) -> None:
    """A known path becomes the catalogue's, values and query apart; an unknown one stays."""
    target = aim(method, text, given)
    assert (target.template, target.variables, target.query) == (template, variables, query)


def test_every_operation_is_found_by_its_path() -> None:
    """The path of each operation in the catalogue, with values in it or without, means just that.

    Where two differ in the name of a variable alone, either will do: the wire is the same.
    """
    for one in operations():
        target = aim(one.method, one.path, {})
        assert target.template == one.path
        filled = re.sub(r"\{(?!empty)\w+\}", "Value%2F1", one.path)
        target = aim(one.method, filled, {})
        assert re.sub(r"\{\w+\}", "{}", target.template) == re.sub(r"\{\w+\}", "{}", one.path)
        assert set(target.variables.values()) <= {"Value/1"}
        assert len(target.variables) == len(set(one.variables) - {"empty"})


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("client.v3.security.echo.get()", {}, "that is GET, but POST"),
        ("security/ecko", {}, "is no path of the API"),
        ("nonsense", {}, "look for it with wechatpay-chain api"),
        (ECHO, {"json": "1"}, "no variable 'json'"),
        ("v3/pay/transactions/out-trade-no/1/close", {"out_trade_no": "2"}, "already"),
    ],
)
def test_paths_that_mean_nothing(text: str, given: dict[str, str], words: str) -> None:
    """What cannot be meant is refused, with what may have been meant."""
    with pytest.raises(RequestError, match=words.replace("(", r"\(")):
        aim("POST", text, given)


def test_one_document(account: Account) -> None:
    """--json gives one document: status, verified, request id, headers and the body."""
    ended = account.run("request", "post", ECHO, "-j", '{"echo_message":"你好"}', "--json")
    told = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(told) == ["status", "verified", "request_id", "headers", "body"]
    assert (told["status"], told["verified"]) == (200, True)
    assert told["body"] == {"echo_message": "你好"}
    assert told["request_id"] == told["headers"]["Request-ID"]


def test_sensitive_fields_are_opened_when_asked(account: Account) -> None:
    """An answer's encrypted fields show as they came, and opened with --open only."""
    body = '{"echo_message":"a","encrypted_echo_message":"secret-in-the-answer"}'
    closed = account.run("request", "post", ECHO, "-j", body)
    assert "secret-in-the-answer" not in closed.stdout
    for more in ([], ["--json"]):
        ended = account.run("request", "post", ECHO, "-j", body, "--open", *more)
        assert "secret-in-the-answer" in ended.stdout


def test_on_a_terminal(account: Account) -> None:
    """On a terminal the answer is indented and in colour, without control codes of others."""
    body = json.dumps({"echo_message": "你好\x1b[31m\x9b31m"})
    arguments = ["request", "post", ECHO, "-j", body, "--profiles", str(account.profile)]
    code, written = run_on_terminal(*arguments)
    plain = ANSI.sub("", written)
    assert code == 0
    assert "\x1b[" in written
    assert '  "echo_message": "你好\\u001b[31m\\u009b31m"' in plain
    assert "200, verified" in plain


def test_a_dry_run_sends_nothing(account: Account) -> None:
    """--dry-run shows the signed request without what must not be seen, and sends nothing."""
    body = json.dumps(ORDER)
    shown = account.run("request", "post", PUNISH, "-j", body, "--dry-run")
    told = json.loads(
        account.run("request", "post", PUNISH, "-j", body, "--dry-run", "--json").stdout
    )
    assert account.gateway.connections == 0
    assert "6214-secret-account" not in shown.stdout + json.dumps(told)
    assert told["headers"]["Authorization"] == "WECHATPAY2-SHA256-RSA2048 (hidden)"
    assert told["body"] == {**ORDER, "bal_account_no": "(hidden)"}
    assert told["length"] == int(told["headers"]["Content-Length"]) > 300
    assert told["url"] == f"{account.gateway.base_uri}{PUNISH}"
    assert "signature=" not in shown.stdout
    assert "Authorization: WECHATPAY2-SHA256-RSA2048 (hidden)" in shown.stdout


def test_a_dry_run_over_v2(account: Account) -> None:
    """A dry run shows the fields of the XML protocol, without the sign."""
    ended = account.run(
        "request", "post", "v2/pay/orderquery", "-x", "mch_id=1900000109", "-x",
        '{"out_trade_no":"1","appid":"wx1"}', "--dry-run", "--json",
    )  # fmt: skip
    assert json.loads(ended.stdout)["body"] == {
        "mch_id": "1900000109",
        "out_trade_no": "1",
        "appid": "wx1",
    }
    assert account.gateway.connections == 0


def test_the_xml_protocol(account: Account) -> None:
    """Fields of v2 are given one by one; a FAIL is a refusal with its code."""
    ended = account.run(
        "request", "post", "v2/pay/orderquery", "-x", "mch_id=1900000109", "-x", "appid=wx1",
        "-x", "out_trade_no=1",
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "refused with ORDERNOTEXIST" in ended.stderr


def test_uploads_and_downloads(account: Account, tmp_path: Path) -> None:
    """A file is uploaded with its meta part, and an answer goes into a file."""
    picture = tmp_path / "image.jpg"
    picture.write_bytes(b"no picture")
    ended = account.run("request", "post", "v3/merchant/media/upload", "--upload", str(picture))
    assert (ended.returncode, list(json.loads(ended.stdout))) == (0, ["media_id"])
    ended = account.run("request", "get", "v3/certificates", "-o", "-")
    assert list(json.loads(ended.stdout)) == ["data"]
    target = tmp_path / "answer.json"
    ended = account.run("request", "get", "v3/certificates", "-o", str(target))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert f"saved to {target}" in ended.stderr
    assert list(json.loads(target.read_text())) == ["data"]


def test_a_body_from_a_file(account: Account, tmp_path: Path) -> None:
    """-j @FILE reads a file; a document that could be read in two ways is refused unsent."""
    file = tmp_path / "body.json"
    file.write_text('{"echo_message": "from a file"}')
    ended = account.run("request", "post", ECHO, "-j", f"@{file}")
    assert "from a file" in ended.stdout
    file.write_text('{"echo_message": "after a mark"}', "utf-8-sig")
    ended = account.run("request", "post", ECHO, "-j", f"@{file}")
    assert "after a mark" in ended.stdout
    file.write_text('{"echo_message": "a", "echo_message": "b"}')
    ended = account.run("request", "post", ECHO, "-j", f"@{file}")
    assert (ended.returncode, "same key twice" in ended.stderr) == (4, True)
    assert len(account.gateway.requests) == 2


# What happens → the gateway's misbehaviour, the exit code, words on stderr.
OUTCOMES: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "refused": ("status", {"code": 403}, 1, "refused with 403"),
    "not signed": ("unsigned", {}, 3, "query it before anything else"),
    "forged": ("bad-signature", {}, 3, "query it before anything else"),
    "cut": ("truncated", {}, 3, "query it before anything else"),
    "hung up": ("hang-up-after", {}, 3, "query it before anything else"),
    "failed": ("status", {"code": 500}, 5, "never with a new number"),
}


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_exit_codes(account: Account, name: str, more: list[str]) -> None:
    """The exit code says what a script must do; nothing is sent twice."""
    misbehaviour, options, code, words = OUTCOMES[name]
    account.gateway.misbehave(misbehaviour, **options)
    ended = account.run("request", "post", ECHO, "-j", '{"echo_message":"a"}', *more)
    assert (ended.returncode, words in ended.stderr) == (code, True)
    assert len(account.gateway.requests) == 1
    if not more:
        assert ended.stdout == ""
        return
    told = json.loads(ended.stdout)
    assert told["error"]["sent"] is True
    assert told["error"]["message"] in ended.stderr
    if code == 3:
        # Nothing of what cannot be trusted is handed on.
        assert (told["verified"], told["body"], told["headers"]) == (False, None, {})


ERROR_CODES = {
    "ConfigurationError": 4, "NotSentError": 4, "RequestError": 4, "CheckError": 4,
    "SegmentError": 4, "ConnectError": 4, "RateLimitError": 4, "OutcomeUnknownError": 3,
    "UnverifiedError": 3, "RefusedError": 1, "RedirectError": 1, "ClientError": 1,
    "BusinessError": 1, "ServerError": 5, "DecodeError": 6, "DecryptError": 6,
}  # fmt: skip
# Raised by no request of the shell.
OTHERS = {"WechatPayError", "CertificateError"}


def test_every_error_has_its_exit_code() -> None:
    """Each error that a request may raise has an exit code, and of v2 the code counts too."""
    options = argparse.Namespace(json=False)
    kinds = [name for name in errors.__all__ if name != "Reason" and "Webhook" not in name]
    assert set(kinds) - OTHERS == set(ERROR_CODES)
    for name, code in ERROR_CODES.items():
        error = getattr(errors, name)(*(("", ()) if name == "CheckError" else ("",)))
        assert command._fail(error, None, options) == code, name
    for word in ("SYSTEMERROR", "BANKERROR", "USERPAYING"):
        assert command._fail(errors.BusinessError("", code=word), None, options) == 3


def test_nothing_was_sent(account: Account) -> None:
    """What cannot be sent exits with 4: no gateway, a missing setting, a request at fault."""
    assert account.run("request", "post", PUNISH, "-j", "{}", "--check").returncode == 4
    assert account.run("request", "post", ECHO, "-j", "{").returncode == 4
    assert account.run("request", "post", ECHO, "-v", "a").returncode == 4
    assert account.run("request", "get", "https://example.com/v3/certificates").returncode == 4
    assert account.gateway.connections == 0
    account.gateway.stop()
    ended = account.run("request", "post", ECHO, "-j", '{"echo_message":"a"}', "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["sent"]) == (4, False)
    account.drop("mchid")
    ended = account.run("request", "post", ECHO)
    assert (ended.returncode, "WECHATPAY_MCHID" in ended.stderr) == (4, True)
    account.gateway.start()


def test_an_answer_that_cannot_be_written(account: Account) -> None:
    """A full disk does not make a refusal of what took effect: the outcome must be queried."""
    command = [*COMMAND, "request", "post", ECHO, "-j", '{"echo_message":"a"}',
               "--profiles", str(account.profile)]  # fmt: skip
    for more, code in (([], 3), (["--json"], 3), (["--dry-run"], 1)):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [*command, *more],
                stdout=full,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                env=environment(),
                timeout=PATIENCE,
                check=False,
            )
        assert ended.returncode == code, more
        assert "No space left" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert len(account.gateway.requests) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_what_is_said_on_stderr_decides_nothing(account: Account) -> None:
    """Where nobody can read the status, the exit code still says what became of the request."""
    command = [*COMMAND, "request", "post", ECHO, "--profiles", str(account.profile), "-j"]
    for body, code in (('{"echo_message":"a"}', 0), ("{}", 1)):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [*command, body],
                stdout=subprocess.PIPE,
                stderr=full,
                encoding="utf-8",
                env=environment(),
                timeout=PATIENCE,
                check=False,
            )
        assert (ended.returncode, ended.stdout) == (code, f"{body}\n" if code == 0 else "")


def test_no_control_code_of_an_answer_acts(account: Account) -> None:
    """A terminal's control codes, and what turns text around, show as escapes in --json too."""
    text = "\x1b[31m\x9b31m\u202e\U000e0001é"
    body = json.dumps({"echo_message": text})
    for more in ([], ["--json"]):
        _, shown = run_on_terminal(
            "request", "post", ECHO, "-j", body, "--profiles", str(account.profile), *more
        )
        plain = ANSI.sub("", shown)
        assert '"\\u001b[31m\\u009b31m\\u202e\\udb40\\udc01é"' in plain
    ended = account.run("request", "post", ECHO, "-j", body, "--json")
    assert json.loads(ended.stdout)["body"] == {"echo_message": text}


def test_json_that_is_none_is_told_with_its_place(account: Account) -> None:
    """A fault in the JSON of -j is told by line and column."""
    ended = account.run("request", "post", ECHO, "-j", "-", stdin='{"a": 1,\n "b": }')
    assert (ended.returncode, "no JSON (at line 2, column 7)" in ended.stderr) == (4, True)


def test_variables_may_stand_behind_options(account: Account) -> None:
    """A variable of the path is found wherever it stands; a value of an option is none."""
    path = "v3/pay/transactions/out-trade-no/{out_trade_no}"
    ended = account.run("request", "get", path, "-q", "mchid=1900000109", "out_trade_no=7")
    assert (ended.returncode, "ORDER_NOT_EXIST" in ended.stderr) == (1, True)
    assert account.gateway.requests[0].path == f"/{path}".replace("{out_trade_no}", "7")
    ended = account.run("request", "get", path, "--apiv3-key", "out_trade_no=7")
    assert ended.returncode == 2


def test_an_unknown_option_is_named_without_its_value(account: Account) -> None:
    """Who guesses that an option takes a secret finds it neither on the screen nor in a log."""
    for option in (["--apiv3-key", "s3cret"], ["--apiv3-key=s3cret"], ["-Ks3cret"]):
        ended = account.run("request", "get", "v3/certificates", *option)
        assert ended.returncode == 2
        assert option[0][:2] in ended.stderr
        assert "s3cret" not in ended.stderr


def test_wrong_arguments(account: Account) -> None:
    """Arguments that are none exit with 2."""
    ended = account.run("request", "get", "v3/certificates", "--timeout", "soon")
    assert (ended.returncode, "no number of seconds" in ended.stderr) == (2, True)
    assert account.run("request", "fetch", ECHO).returncode == 2
    ended = account.run("request")
    assert (ended.returncode, ended.stderr.endswith("required: METHOD, PATH\n")) == (2, True)
    for twice in (["-j", "{}"], ["--upload", "a"], ["-o", "a"]):
        ended = account.run("request", "post", ECHO, *twice, *twice)
        assert (ended.returncode, "given twice" in ended.stderr) == (2, True), twice
    assert account.gateway.requests == []


def test_an_unknown_path_gets_a_hint(account: Account) -> None:
    """A path that is not in the catalogue is sent as it is, and on 404 the nearest is named."""
    ended = account.run("request", "post", "v3/securty/echo", "-j", "{}")
    assert (ended.returncode, f"did you mean {ECHO}?" in ended.stderr) == (1, True)
    ended = account.run("request", "get", ECHO)
    assert f"did you mean POST {ECHO}?" in ended.stderr
    assert [one.path for one in account.gateway.requests] == ["/v3/securty/echo", f"/{ECHO}"]


@pytest.mark.parametrize(
    ("number", "sent"),
    [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, True), (signal.SIGHUP, True)],
)
def test_ctrl_c(account: Account, number: signal.Signals, sent: bool) -> None:
    """Ctrl-C, and its like, says whether the request had left: whether its outcome is known."""
    arrived, interrupted = threading.Event(), threading.Event()

    def hold(request: Request) -> bytes:
        arrived.set()
        interrupted.wait(PATIENCE)
        return answer()

    with serving(hold) as server:
        if not sent:
            # A keyring's command waits for somebody to type.
            fifo = account.directory / "fifo"
            os.mkfifo(fifo)
            account.drop("apiv3_key_file").set(
                # Its stderr closed: interrupted while it starts, it is left to itself.
                apiv3_key_command=f"sh -c 'exec 2>&-; echo > {fifo}; exec sleep 600'"
            )
        process = subprocess.Popen(
            [*COMMAND, "request", "get", "v3/certificates", "--profiles", str(account.profile)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(**account.environment, WECHATPAY_BASE_URI=server.base_uri),
        )
        with watched(process):
            if sent:
                assert arrived.wait(PATIENCE)
            else:
                # Opened when the command has opened its end.
                (account.directory / "fifo").read_bytes()
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        interrupted.set()
    assert (process.returncode, out) == (130, "")
    assert ("may have taken effect" in err) is sent
    assert "Traceback" not in err


def test_warnings_are_one_line(account: Account) -> None:
    """A key that others can read is warned of in one line, without a place in the source."""
    (account.directory / "apiclient_key.pem").chmod(0o644)
    ended = subprocess.run(
        [sys.executable, "-m", "wechatpay_chain.cli", "request", "get", "v3/certificates",
         "--profiles", str(account.profile)],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    warned = [line for line in ended.stderr.splitlines() if "warning" in line]
    assert warned
    assert all(line.startswith("wechatpay-chain: warning: ") for line in warned)
    assert all("chmod 600" in line for line in warned)
