"""Arguments in, exit code out: the parser, and what is said when a command fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from wechatpay_chain.cli import demo, sandbox
from wechatpay_chain.cli.console import complain, discard_rest, prepare_streams
from wechatpay_chain.errors import WechatPayError
from wechatpay_chain.version import __version__

__all__ = ["run"]

INTERRUPTED = 130
NOBODY_READS = 141

_COMMANDS = (demo, sandbox)


def run(argv: Sequence[str] | None) -> int:
    """Parse the arguments, run the command and return its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if "run" not in arguments:
        parser.print_help(sys.stderr)
        return 2
    prepare_streams()
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_rest()
        return NOBODY_READS
    except WechatPayError as error:
        complain(error)
        return 1
    except OSError as error:
        complain(error)
        # It may have been stdout itself that is full.
        discard_rest()
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wechatpay-chain",
        description="A chainable client for WeChat Pay's API (微信支付). No account is needed for "
        "either command: they bring a gateway of their own.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
