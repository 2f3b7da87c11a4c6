"""The moments of calls in Redis (or Valkey), for all processes and machines that share it.

Each window is a sorted set. One script, which Redis runs on its own, reads the
server's clock, so that no machine's own counts, and finds and keeps the moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from wechatpay_chain import redis_library
from wechatpay_chain.errors import ConfigurationError, NotSentError
from wechatpay_chain.limiter.storage import Place, Window
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.sessions import Sessions

__all__ = ["RedisStorage"]

CONNECTIONS = 8
"""Simultaneous connections of one limiter on one loop; further calls wait for one."""

TIMEOUT = 5.0
"""Seconds within which Redis must answer, and once more if it does not.

``?socket_timeout=…`` in the address says otherwise.
"""

# As in `memory_storage`, where it is told in words. KEYS: one for each window. ARGV: a name
# for the call, the longest wait or -1, then calls and length for each window.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local function text(number)
    return string.format('%.0f', number)
end

local function blocked_until(key, calls, length, moment)
    local begin, finish = '(' .. text(moment - length), '(' .. text(moment + length)
    if redis.call('ZCOUNT', key, begin, finish) < calls then
        return nil
    end
    local near = redis.call('ZRANGEBYSCORE', key, begin, finish, 'WITHSCORES')
    for first = #near / 2 - calls + 1, 1, -1 do
        local earliest = tonumber(near[2 * first])
        local latest = tonumber(near[2 * (first + calls - 1)])
        if math.max(latest, moment) - math.min(earliest, moment) < length then
            return earliest + length
        end
    end
    return nil
end

local moment, decisive, settled = now, 1, false
while not settled do
    settled = true
    for index, key in ipairs(KEYS) do
        local calls, length = tonumber(ARGV[1 + 2 * index]), tonumber(ARGV[2 + 2 * index])
        local later = blocked_until(key, calls, length, moment)
        if later then
            moment, decisive, settled = later, index, false
        end
    end
end

local longest = tonumber(ARGV[2])
if longest >= 0 and moment - now > longest then
    return {text(moment - now), decisive - 1, 0}
end
for index, key in ipairs(KEYS) do
    local length = tonumber(ARGV[2 + 2 * index])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - length))
    redis.call('ZADD', key, text(moment), ARGV[1])
    local last = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
    redis.call('PEXPIRE', key, text(math.ceil((last - now + length) / 1000)))
end
return {text(moment - now), decisive - 1, 1}
"""

GIVE_BACK = """
for _, key in ipairs(KEYS) do
    redis.call('ZREM', key, ARGV[1])
end
"""


class RedisStorage:
    """Sorted sets in Redis, over connections of each loop's own."""

    _where = "redis"

    def __init__(self, address: Sensitive[Any], name: Callable[[], str]) -> None:
        """Take an address, or a function that makes a client; nothing is connected yet.

        Args:
            address: ``redis://``, ``rediss://`` or ``unix://``; or what returns a new
                `redis.asyncio.Redis`, as Sentinel and clusters need.
            name: makes a new name for a call.

        Raises:
            ConfigurationError: redis is not installed, or the address is none.
        """
        redis = _library()
        self._failures = (redis.RedisError, OSError, TimeoutError)
        self._name = name
        self._where = _described(address)
        self._sessions = Sessions(lambda: _Connection(_client(address)))

    async def take(self, windows: Sequence[Window], longest: int | None) -> Place:
        """Give a call its moment in all windows at once, if that is within `longest`.

        Raises:
            NotSentError: Redis cannot be reached, or does not do as told.
        """
        name = self._name()
        rates = [number for window in windows for number in (window.calls, window.length)]
        limit = -1 if longest is None else longest
        wait, decisive, given = await self._run("take", windows, name, limit, *rates)
        return Place(int(wait), int(decisive), name if given else None)

    async def give_back(self, windows: Sequence[Window], place: Place) -> None:
        """Forget a moment that is not going to be used.

        Raises:
            NotSentError: as for `take`.
        """
        if place.name is not None:
            await self._run("give_back", windows, place.name)

    def close(self) -> None:
        """Close the connections of all threads and loops."""
        self._sessions.close()

    async def aclose(self) -> None:
        """Close the connections of all threads and loops."""
        await self._sessions.aclose()

    def __repr__(self) -> str:
        return f"<RedisStorage {self._where}>"

    async def _run(self, script: str, windows: Sequence[Window], *arguments: object) -> Any:
        if self._sessions.closed:
            raise NotSentError("not sent, the rate limiter is closed: make a new one")
        try:
            opened = await self._sessions.open()
            opened.calls += 1
            try:
                keys = [window.key for window in windows]
                return await opened.session.scripts[script](keys, arguments)
            finally:
                opened.calls -= 1
        except self._failures as error:
            # No more than its kind: what Redis answers may quote a password.
            problem = type(error).__name__
        # Raised out here, so that the frames of the original, which hold it, are not shown.
        raise NotSentError(
            f"not sent, the rate limiter's storage {self._where} cannot be used ({problem}): check "
            "that Redis runs, its address and its password"
        )


class _Connection:
    """A loop's client of Redis, as `Sessions` keeps it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.closed = False
        self.scripts = {
            "take": client.register_script(TAKE),
            "give_back": client.register_script(GIVE_BACK),
        }

    async def close(self) -> None:
        self.closed = True
        await self._client.aclose()


def _library() -> Any:
    return redis_library.load("a storage in Redis", "redis.asyncio")


def _client(address: Sensitive[Any]) -> Any:
    if callable(address.reveal()):
        made = address.reveal()()
        if hasattr(made, "register_script") and hasattr(made, "aclose"):
            return made
        raise ConfigurationError(
            "the function given as a limiter's storage must return a new redis.asyncio.Redis, not "
            f"{type(made).__name__}"
        )
    redis = _library()
    return redis.Redis.from_pool(_pool(address))


def _pool(address: Sensitive[Any]) -> Any:
    redis = _library()
    return redis.BlockingConnectionPool.from_url(
        address.reveal(),
        max_connections=CONNECTIONS,
        timeout=None,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=redis_library.one_more_try("redis.asyncio"),
        decode_responses=True,
    )


def _described(address: Sensitive[Any]) -> str:
    """Return where the storage is, less user and password."""
    if callable(address.reveal()):
        return "redis"
    try:
        pool = _pool(address)
        # Not connected: it only takes the options, and says if there are others.
        pool.make_connection()
        known = pool.connection_kwargs
    except (ValueError, AttributeError, TypeError):
        known = None
    if known is None:
        raise ConfigurationError(
            "storage must be None, an address such as redis://:password@host:6379/0 (or rediss://, "
            "unix://), or a function that returns a redis.asyncio.Redis"
        )
    path = known.get("path")
    if path is not None:
        return f"unix://{os.fspath(path)}"
    return f"redis://{known.get('host', 'localhost')}:{known.get('port', 6379)}"
