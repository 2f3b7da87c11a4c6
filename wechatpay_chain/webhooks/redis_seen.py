"""Callbacks that were handled, in Redis (or Valkey), for all processes that share it.

Each callback is one key: ``busy:OWNER`` with the lease as its time to live, then ``done:OWNER``.
Scripts, which Redis runs each on its own, decide, so that exactly one claim wins.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Awaitable
from typing import Any, NoReturn

from wechatpay_chain.errors import ConfigurationError, WechatPayError
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.webhooks.seen import LEASE, REMEMBERED, Claim, check_numbers

__all__ = ["RedisSeen"]

TIMEOUT = 2.0
"""Seconds within which Redis must answer, and once more if it does not: WeChat Pay waits for 5.

``?socket_timeout=…`` in the address says otherwise.
"""

# KEYS: the callback's. ARGV: the owner, then the time to live in milliseconds. A script that
# ran but whose answer was lost is sent again, and says the same again.
CLAIM = """
local held = redis.call('GET', KEYS[1])
if not held then
    redis.call('SET', KEYS[1], 'busy:' .. ARGV[1], 'PX', ARGV[2])
    return 0
end
if held == 'busy:' .. ARGV[1] then return 0 end
if string.sub(held, 1, 5) == 'busy:' then return 1 end
return 2
"""

FINISH = """
local held = redis.call('GET', KEYS[1])
if held and held ~= 'busy:' .. ARGV[1] and held ~= 'done:' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'done:' .. ARGV[1], 'PX', ARGV[2])
return 1
"""

RELEASE = """
local held = redis.call('GET', KEYS[1])
if not held then return 1 end
if held ~= 'busy:' .. ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""

_CLAIMS = (Claim.MINE, Claim.BUSY, Claim.DONE)


class SeenError(WechatPayError):
    """The memory of callbacks cannot be reached, so no callback is handled."""
