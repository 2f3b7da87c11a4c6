"""Arguments in, exit code out: the parser, and what is said when a command fails."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from wechatpay_chain.cli.streams import complain, discard_rest, note, prepare_streams
from wechatpay_chain.errors import WechatPayError
from wechatpay_chain.version import __version__

__all__ = ["run"]

INTERRUPTED = 130
NOBODY_READS = 141

# Each is a module beside this one, with a function `add`.
_COMMANDS = ("api", "bills", "certificates", "demo", "doctor", "request", "sandbox")
_PAIR = re.compile(r"\w+=")


def run(argv: Sequence[str] | None) -> int:
    """Parse the arguments, run the command and return its exit code."""
    given = sys.argv[1:] if argv is None else argv
    # Before the help, too: it names things in Chinese.
    prepare_streams()
    # Only the one that is asked for is imported: a look-up needs no gateway, nor rich.
    parser = _parser(given[:1] if given and given[0] in _COMMANDS else _COMMANDS)
    arguments, unknown = parser.parse_known_args(given)
    if "pairs" in arguments and all(map(_PAIR.match, unknown)):
        # Of what stands behind an option, argparse does not see where it belongs.
        arguments.pairs += unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(map(_shown, unknown, ['', *unknown]))}")
    if "run" not in arguments:
        parser.print_help(sys.stderr)
        return 2
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_rest()
        return NOBODY_READS
    except (WechatPayError, OSError) as error:
        return _fail(error, as_document=getattr(arguments, "json", False))
    return code


def _fail(error: WechatPayError | OSError, *, as_document: bool) -> int:
    """Say what is wrong; a program that reads one document, or one a line, gets one more."""
    from wechatpay_chain.cli.failure import complain_of, told_of
    from wechatpay_chain.cli.output import document

    if isinstance(error, WechatPayError):
        complain_of(error)
    else:
        complain(error)
    try:
        if as_document:
            print(document({"error": told_of(error)}, None), flush=True)
    except OSError:
        pass
    if isinstance(error, OSError):
        # It may have been stdout itself that is full.
        discard_rest()
    return 1


def _shown(argument: str, before: str) -> str:
    """Return an option without its value: somebody may have guessed that it takes a secret."""
    if not argument.startswith("-"):
        return "…" if before.startswith("-") else argument
    return argument.partition("=")[0] if argument.startswith("--") else argument[:2]


def _warn(message: Warning | str, *where: Any, **more: Any) -> None:
    """Say what is warned of in one line; which line of the package does it helps nobody here."""
    note(f"wechatpay-chain: warning: {message}")


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wechatpay-chain",
        description="A chainable client for WeChat Pay's API (微信支付). api, demo and sandbox "
        "need no account; the others take one from a profile.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in names:
        _command(name).add(commands)
    return parser


def _command(name: str) -> Any:
    return import_module(f"{__package__}.{name}")
