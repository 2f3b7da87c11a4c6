"""``wechatpay-chain bills``: download a bill, checked, and show its rows."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from wechatpay_chain.bills import Bill, Bills, Rows, rows
from wechatpay_chain.bills.intake import Progress
from wechatpay_chain.bills.requests import Kind, stem_of
from wechatpay_chain.cli.output import document
from wechatpay_chain.cli.profile import add_options, open_client
from wechatpay_chain.cli.signals import ended_as_by_ctrl_c
from wechatpay_chain.cli.streams import note, one_line
from wechatpay_chain.client import Client
from wechatpay_chain.errors import RequestError

__all__ = ["add"]

STDOUT = "-"

KINDS = {name: kind for name, kind in vars(Bills).items() if isinstance(kind, Kind)}
"""The bills that have a command of their own, by the name of their method."""

_CHOICES = {
    "trade": ("--type", "bill_type", ("ALL", "SUCCESS", "REFUND", "RECHARGE_REFUND")),
    "fund_flow": ("--account", "account_type", ("BASIC", "OPERATION", "FEES")),
    "sub_merchant_fund_flow": (
        "--account",
        "account_type",
        ("BASIC", "OPERATION", "FEES", "DEPOSIT"),
    ),
    "trade_v2": ("--type", "bill_type", ("ALL", "SUCCESS", "REFUND", "RECHARGE_REFUND")),
    "fund_flow_v2": ("--account", "account_type", ("Basic", "Operation", "Fees")),
}
"""The option that most callers want of a kind, the field it sets, and its values."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bills",
        help="download bills (账单), checked and whole",
        description="Downloads a bill: its hash is checked before the file appears, and where "
        "anything is wrong nothing appears.",
        epilog="Examples: bills trade 2026-11-01 · bills fund-flow --account OPERATION --gzip · "
        "bills trade --rows --json · bills get 'https://api.mch.weixin.qq.com/v3/billdownload/…' "
        "--sha1 HASH · bills rows trade.csv",
    )
    kinds = parser.add_subparsers(title="bills", metavar="BILL", required=True)
    for name, kind in KINDS.items():
        _add_kind(kinds, name, kind)
    get = kinds.add_parser("get", help="the bill at an address (download_url) that is known")
    get.add_argument("url", metavar="URL", help="it lives 30 seconds; - reads it from stdin")
    get.add_argument("--sha1", metavar="HASH", help="the hash_value that came with it")
    _add_output(get)
    get.set_defaults(run=_run_get)
    read = kinds.add_parser("rows", help="the rows of a bill that is here already")
    read.add_argument("file", metavar="FILE", help="a bill, packed or not")
    _add_reading(read)
    read.set_defaults(run=_run_rows)


def _add_kind(kinds: Any, name: str, kind: Kind) -> None:
    parser = kinds.add_parser(name.replace("_", "-"), help=kind.title)
    parser.add_argument("date", nargs="?", metavar="DATE", help="a day, by default yesterday's")
    if name in _CHOICES:
        option, field, choices = _CHOICES[name]
        parser.add_argument(option, dest="choice", choices=choices, help=f"the {field}")
    parser.add_argument("--gzip", action="store_true", help="have it packed on the way")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        type=_field,
        metavar="NAME=VALUE",
        help="one more field of the request, such as sub_mchid=1900000100",
    )
    _add_output(parser)
    parser.set_defaults(run=_run_kind, kind=name)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="where it goes, by default into this directory; - is stdout, once it is checked",
    )
    parser.add_argument("--rows", action="store_true", help="print its rows, tab-separated")
    parser.add_argument("--keep-gzip", action="store_true", help="store a packed bill packed")
    _add_reading(parser)
    add_options(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, with rows one a line")
    parser.add_argument(
        "--no-totals", action="store_true", help="read a bill that has no totals at its end"
    )


def _run_kind(arguments: argparse.Namespace) -> int:
    fields = dict(arguments.field)
    if getattr(arguments, "choice", None):
        fields[_CHOICES[arguments.kind][1]] = arguments.choice

    def download(client: Client, to: Path, **options: Any) -> Bill:
        named = getattr(client.bills, arguments.kind)
        request = named(arguments.date, gzip=arguments.gzip, **fields)
        return client.bills.download(request, to, **options)

    return _run(arguments, download)


def _run_get(arguments: argparse.Namespace) -> int:
    def download(client: Client, to: Path, **options: Any) -> Bill:
        url = sys.stdin.readline().strip() if arguments.url == "-" else arguments.url
        if not url.lower().startswith(("https://", "http://")):
            raise RequestError("an address begins with https://")
        return client.bills.download(url, to, hash_value=arguments.sha1, **options)

    return _run(arguments, download)


def _run_rows(arguments: argparse.Namespace) -> int:
    with rows(arguments.file, totals=not arguments.no_totals) as found:
        _print_rows(found, as_json=arguments.json)
    return 0


def _run(arguments: argparse.Namespace, download: Callable[..., Bill]) -> int:
    with ended_as_by_ctrl_c(), ExitStack() as stack:
        client = stack.enter_context(open_client(arguments))
        is_printed = arguments.output == STDOUT
        if is_printed or (arguments.rows and arguments.output is None):
            # Nobody asked for a file.
            output = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            output = Path(arguments.output or ".")
        with _progress() as progress:
            keeps = {"decompress": not arguments.keep_gzip, "progress": progress}
            bill = download(client, output, **keeps)
        if arguments.rows:
            with bill.rows(totals=not arguments.no_totals) as found:
                _print_rows(found, as_json=arguments.json)
        elif is_printed and bill.path is not None and sys.stdout is not None:
            with bill.path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            note(f"{bill.size} bytes  SHA-1 {bill.sha1}  {_trust(bill)}")
        elif arguments.json:
            told = {"path": str(bill.path), "size": bill.size, "sha1": bill.sha1}
            print(document({**told, "packed": bill.packed, "verified": bill.verified}, None))
        else:
            print(f"{bill.path}  {bill.size} bytes  SHA-1 {bill.sha1}  {_trust(bill)}")
    return 0


def _trust(bill: Bill) -> str:
    return "verified" if bill.verified else "not verified: no hash was promised"


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show a bar on a terminal; a pipe gets none."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich import progress
        from rich.console import Console
    except ModuleNotFoundError:
        # A bill is worth more than its bar.
        yield None
        return

    columns = (progress.BarColumn(), progress.DownloadColumn(), progress.TransferSpeedColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("bill", total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def _print_rows(found: Rows, *, as_json: bool) -> None:
    """Print details as they are read, and the totals behind them."""
    names: tuple[str, ...] = ()
    for row in found:
        names = _print_row("detail", row, names, as_json=as_json)
    for total in found.every_total:
        names = _print_row("total", total, names, as_json=as_json)


def _print_row(
    kind: str, row: dict[str, str], names: tuple[str, ...], *, as_json: bool
) -> tuple[str, ...]:
    if as_json:
        print(document({"kind": kind, "row": row}, None))
    else:
        if tuple(row) != names:
            print("\t".join(map(one_line, row)))
        # A tab, or a terminal's control code, in somebody's order must not act here.
        print("\t".join(map(one_line, row.values())))
    return tuple(row)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or stem_of(name.replace("_", "-")) != name.replace("_", "-"):
        raise argparse.ArgumentTypeError("it is not NAME=VALUE")
    return name, value
