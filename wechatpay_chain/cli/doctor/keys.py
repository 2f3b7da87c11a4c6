"""Checks that need no network: settings, keys, certificates, and whether they belong together."""

from __future__ import annotations

import datetime
import re
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from wechatpay_chain.cli.doctor.examination import (
    SECURITY,
    Examination,
    Result,
    State,
    fault,
    ok,
    skipped,
    warning,
)
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.keys import (
    KeyFileWarning,
    check_apiv3_key,
    load_certificate,
    load_key,
    load_private_key,
    public_key_of,
)
from wechatpay_chain.pem import PemUtil
from wechatpay_chain.platform_keys import PUBLIC_KEY_ID
from wechatpay_chain.protocol.pem import is_certificate

__all__ = ["apiv3_key", "merchant_certificate", "platform_keys", "private_key", "secret", "serial"]

SOON = 30
"""Days before its end that a certificate is warned of."""

V2_SECRET_SIZE = 32

_SERIAL = re.compile(r"[0-9A-Fa-f]+")
_SERIAL_SIZE = 40
_SERIAL_HOW = "openssl x509 -in apiclient_cert.pem -noout -serial"


def private_key(about: Examination) -> Iterator[Result]:
    """Load the merchant's private key; look at who may read its file."""
    profile, name = about.profile, "private_key"
    if name not in profile:
        return
    try:
        with warnings.catch_warnings():
            # Told below, with what else there is to tell of the file.
            warnings.simplefilter("ignore", KeyFileWarning)
            about.private_key = load_private_key(profile.key(name, "private_key_passphrase"))
    except ConfigurationError as error:
        problem = profile.located(str(error))
        how = f"give apiclient_key.pem, or make one: {SECURITY}"
        if "passphrase" in problem.lower():
            how = "mend its passphrase, or give another key"
        yield fault(name, problem, how)
        return
    path = profile.path(name)
    place = f"from {path or profile.origins[name]}"
    yield ok(name, f"RSA, {about.private_key.key_size} bits, {place}")
    if path is not None:
        yield judge_access(name, path, path.stat().st_mode)


def judge_access(check: str, path: Path, mode: int) -> Result:
    """Judge who may read a file that holds a secret."""
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        words = f"everybody on this machine can read {path}"
        # The key itself may be the right one.
        return Result(check, State.FAULT, words, f"chmod 600 {path}", explains=False)
    if mode & (stat.S_IRGRP | stat.S_IWGRP):
        return warning(check, f"the file's group can read {path}", f"chmod 600 {path}")
    return ok(check, "only its owner can read the file")


def serial(about: Examination) -> Iterator[Result]:
    """Look at whether the serial can be one of a merchant's certificate."""
    given = about.profile.text("serial")
    if given is not None:
        yield judge_serial(given, about.profile.origins["serial"])


def judge_serial(serial: str, origin: str) -> Result:
    """Judge the form of the serial of a merchant's certificate."""
    how = _SERIAL_HOW
    if serial.startswith(PUBLIC_KEY_ID):
        return fault(
            "serial",
            f"it is the id of WeChat Pay's public key, from {origin}",
            f"give the serial of the merchant's certificate: {how}",
        )
    if not _SERIAL.fullmatch(serial):
        return fault("serial", f"it is not hexadecimal, from {origin}", f"copy it anew: {how}")
    if len(serial) != _SERIAL_SIZE:
        return warning(
            "serial", f"it has {len(serial)} digits, and not {_SERIAL_SIZE}", f"compare: {how}"
        )
    if serial != serial.upper():
        return warning("serial", "it is not in capitals", f"set serial to {serial.upper()}")
    return ok("serial", serial)


def merchant_certificate(about: Examination) -> Iterator[Result]:
    """Look at whose certificate apiclient_cert.pem is, and for how long."""
    profile, check = about.profile, "merchant_cert"
    if check not in profile:
        yield skipped(check, "none is set; with one, key, serial and dates could be compared")
        return
    try:
        source = profile.key(check, "merchant_passphrase")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KeyFileWarning)
            found = load_certificate(source, "merchant['cert']")
            own = _merchant_key(about)
    except ConfigurationError as error:
        yield fault(check, profile.located(str(error)), f"give apiclient_cert.pem: {SECURITY}")
        return
    problems = list(
        judge_identity(
            found,
            mchid=profile.text("mchid"),
            serial=profile.text("serial"),
            keys=[one.public_key() for one in (about.private_key, own) if one is not None],
        )
    )
    yield from problems
    dates = judge_dates(check, "the merchant's certificate", found, about.clock())
    yield from [dates] if problems or dates.advice else []
    if not problems and not dates.advice:
        yield ok(
            check,
            f"of {profile.text('mchid')}, its serial and key fit, valid to "
            f"{found.not_valid_after_utc:%Y-%m-%d}",
        )


def _merchant_key(about: Examination) -> RSAPrivateKey | None:
    """Return the key of the merchant's certificate, None if it is one that is at fault already.

    Raises:
        ConfigurationError: it cannot be used.
    """
    profile = about.profile
    path = profile.path("merchant_key") if "merchant_key" in profile else None
    is_same = path is not None and path == _path(about, "private_key")
    if "merchant_key" not in profile or is_same:
        return about.private_key
    return load_private_key(profile.key("merchant_key", "merchant_passphrase"), "merchant['key']")


def _path(about: Examination, name: str) -> Path | None:
    """Return the file that a setting names; None if it cannot be had."""
    source = about.secret(name)
    value = None if source is None else source.reveal()
    return value if isinstance(value, Path) else None


def judge_identity(
    certificate: x509.Certificate,
    *,
    mchid: str | None,
    serial: str | None,
    keys: list[RSAPublicKey],
) -> Iterator[Result]:
    """Judge whether a certificate is that of a merchant, a serial and a key."""
    check = "merchant_cert"
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else "nobody"
    own = PemUtil.parse_certificate_serial_no(certificate)
    if mchid is not None and name != mchid:
        yield fault(
            check,
            f"it is the certificate of {name!r}, but mchid is {mchid!r}",
            "give the certificate of this merchant, or mend mchid",
        )
        # Whether another's certificate fits says nothing more.
        return
    if serial is not None and own.lstrip("0") != serial.upper().lstrip("0"):
        yield fault(
            "serial",
            f"it is {serial}, but the merchant's certificate has {own}",
            f"set serial to {own}",
        )
    if any(key != certificate.public_key() for key in keys):
        yield fault(
            "private_key",
            "it is not the key of the merchant's certificate",
            "give the apiclient_key.pem that was made together with that apiclient_cert.pem",
        )


def judge_dates(check: str, what: str, certificate: x509.Certificate, now: float) -> Result:
    """Judge the dates of a certificate."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if moment > end:
        return fault(
            check, f"{what} expired on {end:%Y-%m-%d}", f"get a new one: {SECURITY}; then set it"
        )
    if moment < begin:
        return fault(
            check,
            f"{what} is valid from {begin:%Y-%m-%d} only",
            "check this machine's clock, or use the certificate before it",
        )
    left = (end - moment).days
    if left < SOON:
        return warning(check, f"{what} expires in {left} days", f"get a new one: {SECURITY}")
    return ok(check, f"{what} is valid to {end:%Y-%m-%d}")


def platform_keys(about: Examination) -> Iterator[Result]:
    """Load WeChat Pay's keys; keep those that can be used."""
    check, profile = "platform keys", about.profile
    try:
        profile.refuse_half("public_key_id", "public_key")
    except ConfigurationError:
        # The check of settings has told it.
        return
    try:
        sources = profile.certs() or {}
    except ConfigurationError as error:
        yield fault(check, str(error), profile.how_to_set("certs"))
        return
    for name, source in sources.items():
        try:
            loaded = load_key(source, f"certs[{name!r}]")
            public = public_key_of(loaded, f"certs[{name!r}]")
        except ConfigurationError as error:
            yield fault(check, profile.located(str(error)), f"give WeChat Pay's key: {SECURITY}")
            continue
        key = loaded if is_certificate(loaded) else public
        result = judge_platform_key(
            name,
            key,
            own_serial=profile.text("serial"),
            own=about.private_key.public_key() if about.private_key else None,
            now=about.clock(),
        )
        yield result
        if not result.advice or result.state is State.WARNING:
            about.platform[name] = key


def judge_platform_key(
    name: str,
    key: RSAPublicKey | x509.Certificate,
    *,
    own_serial: str | None,
    own: RSAPublicKey | None,
    now: float,
) -> Result:
    """Judge a key of WeChat Pay's that stands under an id or a serial."""
    check = "platform keys"
    how = f"download WeChat Pay's public key (微信支付公钥): {SECURITY}"
    public = key.public_key() if isinstance(key, x509.Certificate) else key
    is_own_serial = name.upper() == (own_serial or "").upper()
    if public == own:
        return fault(check, f"{name} is the merchant's own key, and not WeChat Pay's", how)
    if not isinstance(key, x509.Certificate):
        if name.startswith(PUBLIC_KEY_ID):
            return ok(check, f"{name}: a public key (微信支付公钥), {key.key_size} bits")
        what = "the serial of the merchant's certificate, and " if is_own_serial else ""
        return fault(
            check,
            f"{name} is {what}no id of a public key, but a public key is given for it",
            f"its id stands beside it and begins with {PUBLIC_KEY_ID}: {SECURITY}",
        )
    serial = PemUtil.parse_certificate_serial_no(key)
    if name.startswith(PUBLIC_KEY_ID):
        return fault(check, f"{name} is the id of a public key, but a certificate is given", how)
    if serial.lstrip("0") != name.upper().lstrip("0"):
        return fault(
            check, f"{name} names a certificate whose own serial is {serial}", f"call it {serial}"
        )
    if is_own_serial:
        return fault(
            "serial",
            f"{name} is that of WeChat Pay's certificate (平台证书), or the merchant's is there",
            f"serial is the merchant's: {_SERIAL_HOW}; the certificate in certs is WeChat Pay's",
        )
    return judge_dates(check, f"the certificate {name} (平台证书)", key, now)


def apiv3_key(about: Examination) -> Iterator[Result]:
    """Look at the size of the APIv3 key, and whether it is another secret."""
    check, profile = "apiv3_key", about.profile
    if check not in profile:
        yield skipped(check, "it is not set; callbacks and certificates need it to be opened")
        return
    try:
        key = profile.hidden(check)
        check_apiv3_key(key)
    except ConfigurationError as error:
        yield fault(check, profile.located(str(error)), f"set or copy it: {SECURITY} > APIv3密钥")
        return
    other = about.secret("secret")
    if other is not None and other.reveal() == key.reveal():
        yield warning(
            check,
            "it is the same as secret, the key of v2",
            f"they are two keys, compare: {SECURITY} > APIv3密钥, APIv2密钥",
        )
        return
    yield ok(check, "32 bytes, as it must be")


def secret(about: Examination) -> Iterator[Result]:
    """Look at the size of the key of the XML protocol."""
    check, profile = "secret", about.profile
    if check not in profile:
        return
    try:
        size = len(str(profile.hidden(check).reveal()))
    except ConfigurationError as error:
        yield fault(check, str(error), f"set or copy it: {SECURITY} > APIv2密钥")
        return
    if size != V2_SECRET_SIZE:
        yield warning(
            check,
            f"it has {size} characters, and not {V2_SECRET_SIZE}",
            f"compare: {SECURITY} > APIv2密钥",
        )
        return
    yield ok(check, f"{size} characters, as it must be")
