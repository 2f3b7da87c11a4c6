"""Keep to WeChat Pay's rate limits (频率限制), in one process or, through Redis, across many.

A call's way: `rules` say which limits it falls under, a storage (`memory_storage`,
`redis_storage`) gives it the first moment at which all of them have room, and
`limiter` waits for that moment, or refuses.
"""

from wechatpay_chain.limiter.limiter import RateLimiter

__all__ = ["RateLimiter"]
