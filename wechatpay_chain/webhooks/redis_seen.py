"""Callbacks that were handled, in Redis (or Valkey), for all processes that share it.

Each callback is one key: ``busy:OWNER`` with the lease as its time to live, then ``done:OWNER``.
Scripts, which Redis runs each on its own, decide, so that exactly one claim wins.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from wechatpay_chain import redis_library
from wechatpay_chain.errors import ConfigurationError, WechatPayError
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.webhooks.seen import LEASE, REMEMBERED, Claim, check_numbers

__all__ = ["RedisSeen"]

T = TypeVar("T")

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


class RedisSeen:
    """Remembers callbacks in Redis (or Valkey): one handler wins, across processes and machines.

    If Redis cannot be reached, no handler is called and no callback is acknowledged: WeChat Pay
    sends it again.
    """

    def __init__(
        self,
        redis: Any,
        *,
        prefix: str = "wechatpay:seen:",
        lease: float = LEASE,
        remembered: float = REMEMBERED,
    ) -> None:
        """Take an address or a client; nothing is connected yet.

        Args:
            redis: ``redis://``, ``rediss://`` or ``unix://``, or a client: a `redis.Redis`, which
                serves sync and async programs, or a `redis.asyncio.Redis`, which serves the one
                event loop that it is used on.
            prefix: what the keys in Redis begin with; programs that share it share callbacks.
            lease: seconds for which one that claimed a callback may work on it. A process that
                dies holds it no longer.
            remembered: seconds for which a callback that is done is remembered.

        Raises:
            ConfigurationError: the package redis is not installed, the address is none, or a
                number is not above zero.
        """
        address = Sensitive[Any](redis)
        # What is left in this frame may be seen in a traceback with locals.
        del redis
        check_numbers(lease=lease, remembered=remembered)
        if not isinstance(prefix, str):
            raise ConfigurationError("prefix must be text")
        library = redis_library.load("RedisSeen")
        self._failures = (library.RedisError, OSError, TimeoutError)
        client = _client(library, address)
        self._is_async = inspect.iscoroutinefunction(client.execute_command)
        self._scripts = {
            name: client.register_script(text)
            for name, text in (("claim", CLAIM), ("finish", FINISH), ("release", RELEASE))
        }
        self._prefix = prefix
        self._lease = _milliseconds(lease)
        self._remembered = _milliseconds(remembered)
        self._loop: asyncio.AbstractEventLoop | None = None

    def claim(self, id: str, owner: str, /) -> Claim | Awaitable[Claim]:  # noqa: A002
        """Claim a callback for a while, if nobody has it and it is not done.

        Raises:
            WechatPayError: Redis cannot be used.
        """
        return self._run("claim", id, owner, self._lease, _CLAIMS.__getitem__)

    def finish(self, id: str, owner: str, /) -> bool | Awaitable[bool]:  # noqa: A002
        """Remember it as done; return False if another has claimed it meanwhile.

        Raises:
            WechatPayError: Redis cannot be used.
        """
        return self._run("finish", id, owner, self._remembered, bool)

    def release(self, id: str, owner: str, /) -> bool | Awaitable[bool]:  # noqa: A002
        """Let others claim it; return False if another has claimed it meanwhile.

        Raises:
            WechatPayError: Redis cannot be used.
        """
        return self._run("release", id, owner, 0, bool)

    def __repr__(self) -> str:
        return f"<RedisSeen {self._prefix}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RedisSeen holds a connection, so it is not pickled: make one in each")

    def _run(
        self,
        name: str,
        id: str,  # noqa: A002
        owner: str,
        milliseconds: int,
        meaning: Callable[[int], T],
    ) -> T | Awaitable[T]:
        keys, arguments = [self._prefix + id], [owner, milliseconds]
        if self._is_async:
            return self._run_async(name, keys, arguments, meaning)
        try:
            return meaning(self._scripts[name](keys=keys, args=arguments))
        except self._failures as error:
            # No more than its kind: what Redis answers may quote a password.
            problem = type(error).__name__
        # Raised out here, so that the frames of the original, which hold it, are not shown.
        raise _unusable(problem)

    async def _run_async(
        self, name: str, keys: list[str], arguments: list[Any], meaning: Callable[[int], T]
    ) -> T:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ConfigurationError(
                "a redis.asyncio.Redis serves one event loop, and this is another: give RedisSeen "
                "an address, or a redis.Redis"
            )
        try:
            return meaning(await self._scripts[name](keys=keys, args=arguments))
        except self._failures as error:
            problem = type(error).__name__
        raise _unusable(problem)


def _unusable(problem: str) -> WechatPayError:
    return WechatPayError(
        f"the memory of callbacks in Redis cannot be used ({problem}): check that Redis runs, its "
        "address and its password"
    )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _client(library: Any, address: Sensitive[Any]) -> Any:
    given = address.reveal()
    if isinstance(given, str):
        del given
        made = _from_url(library, address)
        if made is not None:
            return made
    elif not isinstance(given, type) and hasattr(given, "register_script"):
        return given
    raise ConfigurationError(
        "RedisSeen needs an address such as redis://:password@host:6379/0 (or rediss://, unix://), "
        "a redis.Redis or a redis.asyncio.Redis"
    )


def _from_url(library: Any, address: Sensitive[Any]) -> Any | None:
    retry = redis_library.one_more_try()
    try:
        client = library.Redis.from_url(
            address.reveal(), socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=retry
        )
        # Not connected: it only takes the options, and says if there are others.
        client.connection_pool.make_connection()
    except (ValueError, AttributeError, TypeError):
        return None
    return client
