"""The ring of platform keys: chosen by serial only, added to as a whole, dated, preferred."""

from __future__ import annotations

import datetime
import os
import threading
import warnings
from typing import Any

import pytest
from cryptography import x509

from tests.support.merchant import MCHID, MERCHANT_SERIAL, private
from wechatpay_chain import CertificateError, CertificateExpiryWarning, Client, PlatformKeys
from wechatpay_chain.sandbox.platform import (
    PLATFORM_AUTHORITY,
    PlatformKey,
    platform_certificate,
    sign_certificate,
    throw_away_key,
)

NOW = 1_800_000_000.0
DAY = 86400.0
PUBLIC = "PUB_KEY_ID_0119000001092410000000000000"
OTHER = "PUB_KEY_ID_0219000001092410000000000000"


def moment(days: float) -> datetime.datetime:
    """Return a time so many days from NOW."""
    return datetime.datetime.fromtimestamp(NOW + days * DAY, datetime.UTC)


def made(start: float, end: float, owner: str = "ring") -> PlatformKey:
    """Return a certificate that is valid from and to so many days from NOW."""
    return platform_certificate(owner, (moment(start), moment(end)))


def ring(*keys: PlatformKey, **more: Any) -> PlatformKeys:
    """Return a ring of certificates whose clock stands at NOW."""
    return PlatformKeys({key.serial: key.shown for key in keys} | more, clock=lambda: NOW)


def listed(*keys: PlatformKey) -> dict[str, x509.Certificate]:
    """Return certificates as a refresh puts them in."""
    return {key.serial: key.shown for key in keys if isinstance(key.shown, x509.Certificate)}


OLD, NEW = made(-300, 30), made(-1, 1000, "new")
EXPIRED, LONG_EXPIRED = made(-900, -5), made(-900, -500)
FUTURE, FAR_FUTURE = made(2, 3000), made(90, 4000)
KEY = throw_away_key("ring").public_key()


@pytest.mark.parametrize(
    ("keys", "more", "preferred"),
    [
        ([OLD], {}, OLD.serial),
        ([OLD, NEW], {}, NEW.serial),
        ([NEW, OLD], {}, NEW.serial),
        ([NEW, OLD], {PUBLIC: KEY}, PUBLIC),
        ([OLD], {OTHER: KEY, PUBLIC: KEY}, OTHER),
        ([OLD, FUTURE, FAR_FUTURE], {}, OLD.serial),
        ([EXPIRED, OLD, LONG_EXPIRED], {}, OLD.serial),
        ([EXPIRED, LONG_EXPIRED], {}, EXPIRED.serial),
        ([FAR_FUTURE, FUTURE], {}, FUTURE.serial),
        ([FUTURE, EXPIRED], {}, FUTURE.serial),
        ([OLD], {"5A": KEY}, OLD.serial),
        ([FUTURE], {"5A": KEY}, "5A"),
        ([], {}, ""),
    ],
)
def test_preferred(keys: list[PlatformKey], more: dict[str, Any], preferred: str) -> None:
    """A public key is preferred, else the newest certificate in force, else the nearest to it."""
    assert ring(*keys, **more).preferred == preferred


def test_a_refresh_adds_and_drops_only_what_has_expired() -> None:
    """What a list does not name stays until it expires, and public keys stay for ever."""
    keys = ring(OLD, EXPIRED, **{PUBLIC: KEY})
    before = dict(keys)
    keys.put(listed(NEW, FUTURE))
    assert set(keys) == {OLD.serial, PUBLIC, NEW.serial, FUTURE.serial}
    assert keys[OLD.serial] == before[OLD.serial]
    assert keys.expires(NEW.serial) == NOW + 1000 * DAY
    assert keys.expires(PUBLIC) is keys.expires("nothing") is None
    assert set(keys.certificates) == {OLD.serial, NEW.serial, FUTURE.serial}


def test_a_known_serial_keeps_its_key() -> None:
    """A certificate with another key under a known serial is refused, and all with it."""
    keys = ring(OLD)
    impostor = sign_certificate(
        throw_away_key("foreign"), PLATFORM_AUTHORITY, (moment(-1), moment(9))
    )
    with pytest.raises(CertificateError, match="another key than is known"):
        keys.put({**listed(NEW), OLD.serial: listed(impostor)[impostor.serial]})
    assert dict(keys) == {OLD.serial: throw_away_key("ring").public_key()}


def test_dates_are_learnt_for_a_key_that_came_without() -> None:
    """The same key, given alone under its serial, gets the dates of its certificate."""
    keys = ring(**{OLD.serial: KEY})
    assert keys.expires(OLD.serial) is None
    keys.put(listed(OLD))
    assert keys.expires(OLD.serial) == NOW + 30 * DAY


def test_readers_never_see_half_of_an_update() -> None:
    """A reader in another thread sees all of a refresh or none of it."""
    keys = ring(OLD)
    pairs = [(made(-1, 99), made(-1, 99)) for _ in range(200)]
    seen: list[int] = []
    begun, done = threading.Event(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(len(list(keys)))
            begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait()
    for pair in pairs:
        keys.put(listed(*pair))
    done.set()
    reader.join()
    assert len(keys) == 401
    assert {count % 2 for count in seen} == {1}


def test_writers_lose_nothing_to_each_other() -> None:
    """Refreshes from many threads all end up in the ring."""
    keys = ring()
    certificates = [made(-1, 99) for _ in range(64)]
    threads = [threading.Thread(target=keys.put, args=(listed(one),)) for one in certificates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(keys) == {one.serial for one in certificates}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_a_lock_is_held() -> None:
    """A child can add certificates though its parent forked in the middle of adding some."""
    from wechatpay_chain import platform_keys

    keys = ring(OLD)
    with platform_keys._writing:
        pid = os.fork()
        if pid == 0:
            keys.put(listed(NEW))
            os._exit(0 if NEW.serial in keys else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def told(keys: PlatformKeys, days: float = 10) -> list[str]:
    """Return what a ring warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        keys.warn_of_expiry(days)
    assert all(one.category is CertificateExpiryWarning for one in caught)
    return [str(one.message) for one in caught]


SOON = made(-900, 3)


@pytest.mark.parametrize(
    ("keys", "more", "days", "words"),
    [
        ([OLD], {}, 10, []),
        ([OLD], {}, 31, ["expires in 30 days"]),
        ([SOON], {}, 10, ["expires in 3 days"]),
        ([SOON, NEW], {}, 10, []),
        ([SOON], {PUBLIC: KEY}, 10, []),
        ([SOON, FUTURE], {}, 10, []),
        ([SOON, made(-9, 5)], {}, 10, ["expires in 3 days", "expires in 5 days"]),
        ([EXPIRED, NEW], {}, 10, ["has expired"]),
        ([EXPIRED], {PUBLIC: KEY}, 10, ["has expired"]),
        ([SOON], {}, 0, []),
    ],
)
def test_expiry_warnings(
    keys: list[PlatformKey], more: dict[str, Any], days: float, words: list[str]
) -> None:
    """One that expires without a successor is warned of, and one that has expired; once each."""
    one = ring(*keys, **more)
    found = told(one, days)
    assert [word in text for word, text in zip(words, found, strict=True)] == [True] * len(words)
    assert told(one, days) == []


def test_a_client_warns_of_what_it_is_given() -> None:
    """A client that is made with an expired certificate says so, at the caller's line."""
    with pytest.warns(CertificateExpiryWarning, match=EXPIRED.serial) as caught:
        certs = {EXPIRED.serial: EXPIRED.pem}
        Client(MCHID, MERCHANT_SERIAL, private("mch_key"), certs, clock=lambda: NOW)
    assert caught[0].filename == __file__
    # Without dates there is nothing to warn of.
    Client(MCHID, MERCHANT_SERIAL, private("mch_key"), {PUBLIC: KEY})
