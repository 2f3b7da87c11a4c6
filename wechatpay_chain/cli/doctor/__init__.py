"""``wechatpay-chain doctor``: explains a set-up, and says what to do where it is not well.

`command` runs the checks, one after the other, over one `examination`. They are in `machine`,
`keys`, `gateway`, `secrets` and `callback`, by what they look at.
"""

from wechatpay_chain.cli.doctor.command import CHECKS, add, examine

__all__ = ["CHECKS", "add", "examine"]
