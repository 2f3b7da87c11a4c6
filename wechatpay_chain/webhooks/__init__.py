"""Callbacks (回调通知): verified, decrypted, handled once, acknowledged."""

from wechatpay_chain.webhooks.receiver import Webhooks

__all__ = ["Webhooks"]
