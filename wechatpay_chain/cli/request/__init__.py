"""``wechatpay-chain request``: any request from the shell, signed, encrypted and verified.

`target` says where it goes and `call_options` what is sent; `command` sends it, or
`dry_run` does not; `answer` shows what came back.
"""

from wechatpay_chain.cli.request.command import CODES, INTERRUPTED, REFUSED, add

__all__ = ["CODES", "INTERRUPTED", "REFUSED", "add"]
