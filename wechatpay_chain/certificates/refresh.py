"""Keep a ring of platform keys fresh: one download at a time, seldom, and never at a key's cost.

A download runs on a thread of its own, so that callers on any loop of any thread
can wait for the same one, and none of them can cancel it. There is no thread
between downloads: the first look-up after the interval starts one, in a forked
child as well. An idle program downloads nothing, and needs nothing: its first
unknown serial is looked for at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Any, TypeAlias

from wechatpay_chain import loops
from wechatpay_chain.certificates.download import PATHS
from wechatpay_chain.certificates.listing import PlatformCertificate
from wechatpay_chain.errors import CertificateError, ConfigurationError
from wechatpay_chain.keys import KeySource
from wechatpay_chain.middleware.guard import hide
from wechatpay_chain.platform_keys import WARN_BEFORE, PlatformKeys
from wechatpay_chain.warning import CertificateExpiryWarning

__all__ = ["FLOOR", "Refresh", "Refresher"]

FLOOR = 60.0
"""Seconds between two downloads, however many unknown serials come: anybody can make one up."""

RETRY = 600.0
"""Seconds after which a refresh that failed is tried again, if the interval is longer."""

PATIENCE = 10.0
"""Seconds that a download may take; callers may be waiting for it, callbacks among them."""

_SERIAL = re.compile(r"[0-9A-Fa-f]{1,40}")
"""Serials of certificates: no download brings anything else, such as a public key's id."""

_log = logging.getLogger("wechatpay_chain.certificates")

Fetched: TypeAlias = tuple[PlatformCertificate, ...]
Outcome: TypeAlias = "Fetched | CertificateError"


@dataclass(frozen=True)
class Refresh:
    """How a client keeps WeChat Pay's certificates fresh: ``Client(…, refresh=Refresh(…))``.

    Args:
        every: seconds between two refreshes in the background; None for none, so that only
            an unknown serial causes a download.
        path: ``v3/certificates``, or ``v3/global/certificates`` outside mainland China.
        ca: authorities (CA) that must have issued the certificates, PEM or a path; without
            them any issuer will do, because the list is sealed and signed.
        warn_before: days before its end from which a certificate in use is warned of, if
            there is none to follow it.
        monotonic: seconds of a clock that is never set.

    Raises:
        ConfigurationError: one of them cannot be used.
    """

    every: float | None = 12 * 3600.0
    path: str = PATHS[0]
    ca: KeySource | None = field(default=None, repr=False)
    warn_before: float = WARN_BEFORE
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)

    def __post_init__(self) -> None:
        if self.every is not None and not (_is_number(self.every) and 0 < self.every < inf):
            raise ConfigurationError("Refresh: every must be a number of seconds above 0, or None")
        if self.path not in PATHS:
            raise ConfigurationError(f"Refresh: path must be {' or '.join(PATHS)}")
        if not (_is_number(self.warn_before) and 0 <= self.warn_before < inf):
            raise ConfigurationError("Refresh: warn_before must be a number of days, 0 or more")
        if not callable(self.monotonic):
            raise ConfigurationError("Refresh: monotonic must be callable, such as time.monotonic")

    @classmethod
    def of(cls, option: object) -> Refresh:
        """Return what the option `refresh` of a client asks for.

        Raises:
            ConfigurationError: it is neither a `Refresh` nor a boolean.
        """
        if isinstance(option, Refresh):
            return option
        if isinstance(option, bool):
            return cls()
        raise ConfigurationError("refresh must be True, False or a Refresh")


class _Cause(Enum):
    """Why a download is to begin."""

    DUE = "the interval is over"
    UNKNOWN = "a key is needed that is not there"
    ASKED = "somebody calls for it, and is told of its failure"


@dataclass(eq=False)
class _Flight:
    """One download, and those who wait for it."""

    cause: _Cause
    first: str | None = None
    """What an empty ring is asked for, if it is one."""
    future: Future[Outcome] = field(default_factory=Future)
    process: int = field(default_factory=os.getpid)
    landed: bool = False
    """Also to be read in a forked child, where the future's own lock may be held for ever."""


class Refresher:
    """What fetches certificates for one ring."""

    def __init__(
        self,
        fetch: Callable[[], Coroutine[Any, Any, Fetched]],
        keys: PlatformKeys,
        policy: Refresh,
    ) -> None:
        self.last_error: CertificateError | None = None
        self._fetch = fetch
        self._keys = keys
        self._policy = policy
        self._flight: _Flight | None = None
        self._began = -inf
        self._due = self._after(policy.every)

    def __repr__(self) -> str:
        return f"<Refresher {self._policy.path}>"

    def touch(self) -> None:
        """Begin to refresh in the background, if it is time to; return at once."""
        if self._policy.monotonic() >= self._due:
            self._begin(_Cause.DUE)

    async def look_for(self, serial: str) -> None:
        """Refresh, if that may bring a serial, or any key for an empty one; failures are noted.

        Whoever comes less than `FLOOR` seconds after such a download began, and when it has
        ended, is turned away: it would hardly bring more.
        """
        if serial and not _SERIAL.fullmatch(serial):
            return
        flight = None if _inside.get() else self._begin(_Cause.UNKNOWN, serial)
        if flight is not None:
            await _landing(flight)

    async def refresh(self) -> Fetched:
        """Refresh now, or wait for the refresh that goes on; return what was listed.

        Raises:
            CertificateError: it failed; the keys stay as they were.
        """
        flight = None if _inside.get() else self._begin(_Cause.ASKED)
        if flight is None:
            raise CertificateError("certificates are refreshed already, by what led here")
        outcome = await _landing(flight)
        if isinstance(outcome, CertificateError):
            # Each caller gets one of its own: a traceback grows on the one that is raised.
            raise CertificateError(str(outcome))
        return outcome

    def _begin(self, cause: _Cause, serial: str = "") -> Future[Outcome] | None:
        """Return the download that goes on, or that was begun; None if it is too early for one."""
        with _starting:
            flight = self._flight
            if flight is not None and not flight.landed:
                if flight.process == os.getpid():
                    return flight.future
                # The parent's, which will never end here.
                self._began = -inf
            now = self._policy.monotonic()
            if cause is _Cause.DUE and now < self._due:
                # Another thread was faster, and that download has ended already.
                return None
            if cause is _Cause.UNKNOWN:
                if now - self._began < FLOOR:
                    return None
                self._began = now
            is_first = cause is _Cause.UNKNOWN and not self._keys
            flight = self._flight = _Flight(cause, serial if is_first else None)
            # Of a download that a fork cuts off, the child hears nothing more.
            self._due = self._after(self._sooner())
        # So that nobody who waits can cancel it for the others.
        flight.future.set_running_or_notify_cancel()
        thread = threading.Thread(
            target=self._run, args=(flight,), name="wechatpay-certificates", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            self._land(
                flight, CertificateError("no thread can be started to download certificates")
            )
        return flight.future

    def _run(self, flight: _Flight) -> None:
        _inside.set(True)
        outcome: Outcome = CertificateError("the download of certificates was broken off")
        try:
            outcome = loops.run(self._fetched())
        except CertificateError as error:
            outcome = error
        except TimeoutError:
            outcome = CertificateError(
                f"GET {self._policy.path}: no list of certificates came within {PATIENCE:g} s"
            )
        except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it is
            outcome = CertificateError(
                f"GET {self._policy.path}: failed with {type(error).__name__}"
            )
        finally:
            self._land(flight, outcome)

    async def _fetched(self) -> Fetched:
        async with asyncio.timeout(PATIENCE):
            found = await self._fetch()
        self._keys.put({one.serial: one.certificate for one in found})
        return found

    def _land(self, flight: _Flight, outcome: Outcome) -> None:
        """Note what became of a download, then tell those who wait."""
        if isinstance(outcome, CertificateError):
            hide(outcome)
            if self.last_error is None and flight.cause is not _Cause.ASKED:
                # Once, until one succeeds: an outage lasts for many of them.
                _log.warning("WeChat Pay's certificates were not refreshed: %s", outcome)
            self.last_error = outcome
            self._due = self._after(self._sooner())
        else:
            self.last_error = None
            self._due = self._after(self._policy.every)
            if flight.first is not None and (flight.first in self._keys or not flight.first):
                # A ring's first keys, which nobody made up: a rotation may follow at once.
                self._began = -inf
        flight.landed = True
        flight.future.set_result(outcome)
        try:
            self._keys.warn_of_expiry(self._policy.warn_before)
        except CertificateExpiryWarning as warning:
            # Made an error of by a filter; there is nobody here to catch it.
            _log.warning("%s", warning)

    def _sooner(self) -> float | None:
        every = self._policy.every
        return None if every is None else min(every, RETRY)

    def _after(self, seconds: float | None) -> float:
        return inf if seconds is None else self._policy.monotonic() + seconds


async def _landing(flight: Future[Outcome]) -> Outcome:
    """Wait for a download from any loop; whoever is cancelled meanwhile leaves it as it is."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake(_: Future[Outcome]) -> None:
        # A loop that was closed meanwhile has nobody left to wake.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_wake, waiter)

    flight.add_done_callback(wake)
    await waiter
    return flight.result()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_inside: ContextVar[bool] = ContextVar("wechatpay_chain.refreshing", default=False)
"""Set while a download goes on: what it meets on its way must not wait for it."""

_starting = threading.Lock()


def _renew_lock() -> None:
    # In a forked child nobody is left who would release it.
    global _starting
    _starting = threading.Lock()


loops.at_fork(_renew_lock)
