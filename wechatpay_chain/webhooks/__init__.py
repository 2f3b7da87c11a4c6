"""Callbacks (回调通知): verified, decrypted, handled once, acknowledged."""

from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.receiver import Webhooks
from wechatpay_chain.webhooks.redis_seen import RedisSeen
from wechatpay_chain.webhooks.reply import Reply
from wechatpay_chain.webhooks.seen import Claim, MemorySeen, Seen

__all__ = ["Claim", "Event", "MemorySeen", "RedisSeen", "Reply", "Seen", "Webhooks"]
