"""``wechatpay-chain certificates``: download WeChat Pay's certificates, checked, into files."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from getpass import getpass
from math import floor
from pathlib import Path
from typing import Any

from wechatpay_chain.certificates import PlatformCertificate, Refresh, files
from wechatpay_chain.cli import profile
from wechatpay_chain.cli.output import print_document, surface
from wechatpay_chain.cli.streams import complain
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.platform_keys import DAY, WARN_BEFORE
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.version import __version__

__all__ = ["add"]

_SHOWN = (
    "the process list and the shell's history show the APIv3 key that -k is given: write -k - to "
    "type it or pipe it in, -k @FILE, or set WECHATPAY_APIV3_KEY"
)


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "certificates",
        help="download WeChat Pay's certificates into files (下载平台证书)",
        description="Downloads WeChat Pay's certificates, verifies the answer with the keys in "
        "them, and writes each to wechatpay_SERIAL.pem. One fault, and nothing is written. What "
        "is not given is taken from the profile.",
        epilog="Example: certificates -m 1900000109 -s 3775… -f apiclient_key.pem -k - -o .",
    )
    parser.add_argument("-m", "--mchid", metavar="MCHID", help="the merchant's number (商户号)")
    parser.add_argument(
        "-s", "--serialno", metavar="SERIAL", help="the serial of its API certificate"
    )
    parser.add_argument("-f", "--privatekey", metavar="FILE", help="its private key")
    parser.add_argument(
        "-k",
        "--key",
        type=Sensitive,
        metavar="KEY",
        help="the APIv3 key: - (typed or piped), @FILE, or itself",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(tempfile.gettempdir()),
        metavar="DIR",
        help="where to write (the system's temporary directory)",
    )
    parser.add_argument("-u", "--baseuri", metavar="URL", help="another address of WeChat Pay")
    parser.add_argument("--ca", metavar="FILE", help="who must have issued the certificates (CA)")
    parser.add_argument(
        "--global",
        dest="path",
        action="store_const",
        const="v3/global/certificates",
        default="v3/certificates",
        help="of a merchant outside mainland China",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument("-V", "--version", action="version", version=__version__)
    profile.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Download and write; return 0 if all of it was right."""
    policy = Refresh(every=None, path=arguments.path, ca=arguments.ca)
    with profile.open_client(arguments, **_given(arguments), refresh=policy) as client:
        certificates = client.certificates.download()
    paths = files.save(certificates, arguments.output)
    _show(certificates, paths, as_document=arguments.json)
    return 0


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that are on the command line; the profile has the others."""
    named = {
        "mchid": arguments.mchid,
        "serial": arguments.serialno,
        "private_key": arguments.privatekey,
        "base_uri": arguments.baseuri,
        "apiv3_key": None if arguments.key is None else _secret(arguments.key),
    }
    return {name: value for name, value in named.items() if value is not None}


def _secret(told: Sensitive[str]) -> Sensitive[str]:
    if told.reveal() == "-":
        return _typed()
    if told.reveal().startswith("@"):
        return _in_file(Path(told.reveal()[1:]))
    complain(_SHOWN)
    return told


def _typed() -> Sensitive[str]:
    if sys.stdin is None:
        raise ConfigurationError("-k - reads the standard input, which is closed: give -k @FILE")
    if sys.stdin.isatty():
        return Sensitive(getpass("APIv3 key (it is not shown): ").strip())
    return Sensitive(sys.stdin.readline().strip())


def _in_file(path: Path) -> Sensitive[str]:
    try:
        return Sensitive(path.expanduser().read_text("utf-8-sig").strip())
    except OSError as error:
        raise ConfigurationError(
            f"-k @{path} cannot be read: {error.strerror or type(error).__name__}"
        ) from None
    except ValueError:
        # Its error would carry the bytes.
        pass
    raise ConfigurationError(f"-k @{path} is no text: the file must hold the APIv3 key alone")


def _show(
    certificates: Sequence[PlatformCertificate], paths: Sequence[Path], *, as_document: bool
) -> None:
    pairs = list(zip(certificates, paths, strict=True))
    if as_document:
        print_document({"certificates": [_document(one, path) for one, path in pairs]})
        return
    rows = [_row(one, path) for one, path in pairs]
    surface().table(("serial", "valid from", "valid to", "days left", "file"), rows)


def _document(one: PlatformCertificate, path: Path) -> dict[str, Any]:
    return {
        "serial_no": one.serial,
        "effective_time": one.not_before.isoformat(),
        "expire_time": one.not_after.isoformat(),
        "file": str(path.absolute()),
    }


def _row(one: PlatformCertificate, path: Path) -> tuple[tuple[str, str], ...]:
    left = floor((one.not_after.timestamp() - time.time()) / DAY)
    return (
        ("code", one.serial),
        ("", f"{one.not_before:%Y-%m-%d}"),
        ("", f"{one.not_after:%Y-%m-%d}"),
        ("warning" if left < WARN_BEFORE else "", str(left)),
        ("path", str(path)),
    )
