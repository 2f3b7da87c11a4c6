"""The first words of the sandbox: where it is, and how a client gets there."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from wechatpay_chain.cli.credentials import (
    APIV3_KEY,
    AUTHORITY,
    MERCHANT_CERTIFICATE,
    PROFILE,
    SECRET,
    Credentials,
)
from wechatpay_chain.cli.report import code
from wechatpay_chain.protocol.hosts import is_loopback

__all__ = ["welcome"]

_TITLE = "A WeChat Pay gateway on this machine"
_THEN = "Requests, as they arrive (Ctrl-C ends it):"


def welcome(console: Console, credentials: Credentials) -> None:
    """Print what a person needs to use the gateway."""
    rows = {
        "base_uri": credentials.base_uri,
        "mchid": f"{credentials.mchid} (brand id)" if credentials.brand else credentials.mchid,
        "merchant serial": credentials.serial,
        "public key id": credentials.public_key_id,
        "certificate": credentials.certificate_serial,
        "keys": str(credentials.keys),
        "merchant certificate": MERCHANT_CERTIFICATE,
        "APIv3 and APIv2 key": f"{APIV3_KEY}, {SECRET}",
        "profile": f"{PROFILE}: wechatpay-chain doctor --profiles {credentials.keys / PROFILE}",
    }
    if credentials.tls:
        rows["vouched for by"] = AUTHORITY
    elif not is_loopback(credentials.base_uri):
        rows["note"] = "Client takes http:// for this machine's own addresses only"
    if not console.is_terminal:
        lines = [f"{name}: {value}" for name, value in rows.items()]
        for line in (_TITLE, *lines, "", *credentials.snippet.splitlines(), "", _THEN):
            console.print(Text(line), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    title = Text(_TITLE, style="bold")
    console.print(Panel(table, title=title, title_align="left", border_style="green"))
    # No frame and no wrapping: this is to be copied.
    highlighted = code(credentials.snippet).highlight(credentials.snippet)
    console.print(highlighted, soft_wrap=True)
    console.print(Text(_THEN, style="dim"))
