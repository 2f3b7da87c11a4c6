"""What front ends need to invoke payment (调起支付): parameters, signed."""

from __future__ import annotations

from wechatpay_chain.parts import Parts

__all__ = ["Payments"]


class Payments:
    """One merchant's payments, as front ends invoke them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
