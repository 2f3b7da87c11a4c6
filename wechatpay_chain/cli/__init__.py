"""The command ``wechatpay-chain``: see the package work, and have a gateway to work against."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wechatpay_chain.extras import missing

__all__ = ["main"]

_PARTS_OF_RICH = frozenset({"rich", "markdown_it", "mdurl", "pygments"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default the program's own; return its exit code.

    Codes: 0 done; 1 a check failed, or something is in the way; 2 the arguments are
    wrong (raised as SystemExit, as argparse does); 130 Ctrl-C; 141 nobody reads on.
    `request` has more of them, which say whether anything was sent.
    """
    try:
        # Here and not above: rich comes with an extra, and who lacks it is told so in one line.
        from wechatpay_chain.cli.arguments import run

        return run(argv)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PARTS_OF_RICH:
            raise
        print(f"wechatpay-chain: {missing('the command', 'cli')}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
