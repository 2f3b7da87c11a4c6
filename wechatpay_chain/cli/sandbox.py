"""``wechatpay-chain sandbox``: the gateway alone, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NoReturn

from wechatpay_chain.cli.arrivals import Arrivals, as_json, as_line
from wechatpay_chain.cli.console import Output
from wechatpay_chain.cli.credentials import Credentials, write_keys
from wechatpay_chain.cli.welcome import welcome
from wechatpay_chain.sandbox import Sandbox

__all__ = ["add"]

POLL = 0.05
"""Seconds between two looks at what arrived; the gateway has no way to call back."""

# SIGHUP is what a program gets whose terminal was closed; Windows has none.
_STOPPING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


class _Stopped(BaseException):
    """The program was asked to end."""

    def __init__(self, code: int) -> None:
        self.code = code


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sandbox",
        help="run a local WeChat Pay gateway until Ctrl-C",
        description="Runs a gateway that checks requests as strictly as WeChat Pay does and "
        "signs its answers. Its keys are made anew each time and open nothing else.",
        epilog="A request may ask for trouble: see the header Sandbox-Misbehave, e.g. "
        "'bad-signature' or 'delay; seconds=2'. Exit codes: 130 after Ctrl-C, 0 after SIGTERM.",
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="where to listen; 0: any free port"
    )
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="the address to listen on (127.0.0.1)"
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="DIR",
        help="write the keys here and leave them; by default they are removed at the end",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak https; the keys then hold the certificate (ca.pem) that vouches for it",
    )
    parser.add_argument(
        "--brand", action="store_true", help="serve a brand (品牌) in place of a merchant"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; return 130 after Ctrl-C, else 0."""
    console = Output(highlight=False, markup=False, emoji=False)
    try:
        with _signals(), ExitStack() as stack:
            gateway = Sandbox(
                arguments.port, arguments.host, tls=arguments.tls, brand=arguments.brand
            )
            directory = arguments.keys
            if directory is None:
                directory = stack.enter_context(TemporaryDirectory(prefix="wechatpay-sandbox-"))
            gateway = stack.enter_context(gateway)
            keys = write_keys(gateway, Path(directory))
            credentials = Credentials.of(gateway, keys)
            _say_welcome(console, credentials, arguments.json)
            _follow(console, gateway, arguments.json)
    except _Stopped as stopped:
        return stopped.code


def _say_welcome(console: Output, credentials: Credentials, as_object: bool) -> None:
    if as_object:
        _print_json({"event": "started", **credentials.document})
    else:
        welcome(console, credentials)


def _follow(console: Output, gateway: Sandbox, as_object: bool) -> NoReturn:
    """Print each request as it arrives."""
    arrivals = Arrivals(gateway)
    while True:
        for arrival in arrivals.new():
            if as_object:
                _print_json(as_json(arrival))
            else:
                console.print(as_line(arrival), soft_wrap=True)
        time.sleep(POLL)


def _print_json(document: dict[str, Any]) -> None:
    if sys.stdout is not None:
        print(json.dumps(document), flush=True)


@contextmanager
def _signals() -> Iterator[None]:
    """Raise _Stopped on the first signal to end, and let no further one disturb the tidying up."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for other in handled:
            signal.signal(other, signal.SIG_IGN)
        raise _Stopped(130 if number == signal.SIGINT else 0)

    # Whoever started us may have chosen that a signal is ignored (nohup).
    handled = [one for one in _STOPPING if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, stop) for one in handled}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port: it must be from 0 to 65535")
    return port


def _host(text: str) -> str:
    try:
        text.encode("idna")
    except UnicodeError:
        raise argparse.ArgumentTypeError("that is no host name or address") from None
    return text
