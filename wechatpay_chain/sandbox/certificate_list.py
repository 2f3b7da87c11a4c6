"""The list of platform certificates (平台证书): its entries, and what may be wrong with them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain.sandbox.answers import Draft, json_bytes
from wechatpay_chain.sandbox.authority import EVER, LONG_AGO
from wechatpay_chain.sandbox.ledger import rfc3339
from wechatpay_chain.sandbox.platform import (
    FOREIGN_AUTHORITY,
    PLATFORM_AUTHORITY,
    PlatformKey,
    sign_certificate,
    throw_away_key,
)
from wechatpay_chain.sandbox.records import JsonObject
from wechatpay_chain.sandbox.signing import seal

__all__ = ["LIST_FAULTS", "list_entry", "spoil_list"]

_Entries = list[JsonObject]


def list_entry(key: PlatformKey, apiv3_key: str, text: str | None = None) -> JsonObject:
    """Return how a certificate stands in the list, sealed under the APIv3 key, or a text for it."""
    if not isinstance(key.shown, x509.Certificate):
        raise TypeError(f"{key.serial} is no certificate")
    nonce, purpose = secrets.token_hex(6), "certificate"
    return {
        "serial_no": key.serial,
        "effective_time": rfc3339(key.shown.not_valid_before_utc.timestamp()),
        "expire_time": rfc3339(key.shown.not_valid_after_utc.timestamp()),
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": purpose,
            "ciphertext": seal(apiv3_key, nonce, purpose, key.pem if text is None else text),
        },
    }


def spoil_list(draft: Draft, options: Mapping[str, Any]) -> Draft:
    """Spoil a list of certificates as told; any other answer stays as it is."""
    try:
        entries = json.loads(draft.body)["data"]
        is_list = all("encrypt_certificate" in entry for entry in entries)
    except (ValueError, KeyError, TypeError):
        return draft
    return LIST_FAULTS[options["how"]](draft, entries) if is_list else draft


def _say(draft: Draft, entries: _Entries) -> Draft:
    return replace(draft, body=json_bytes({"data": entries}))


def _sealed_otherwise(draft: Draft, entries: _Entries) -> Draft:
    other = secrets.token_hex(16)
    return _say(draft, [list_entry(key, other) for key in draft.identity.listed])


def _tamper(draft: Draft, entries: _Entries) -> Draft:
    sealed = entries[-1]["encrypt_certificate"]
    text = sealed["ciphertext"]
    sealed["ciphertext"] = f"{text[:99]}{'A' if text[99] != 'A' else 'B'}{text[100:]}"
    return _say(draft, entries)


def _rename(draft: Draft, entries: _Entries) -> Draft:
    entries[-1]["serial_no"] = "5A" + secrets.token_hex(19).upper()
    return _say(draft, entries)


def _misdate(draft: Draft, entries: _Entries) -> Draft:
    entries[-1]["expire_time"] = "2999-01-01T00:00:00+08:00"
    return _say(draft, entries)


def _with(make: Callable[[], PlatformKey]) -> Callable[[Draft, _Entries], Draft]:
    """Return the change that puts one more certificate at the end of a list."""

    def add(draft: Draft, entries: _Entries) -> Draft:
        return _say(draft, [*entries, list_entry(make(), draft.identity.apiv3_key)])

    return add


def _short_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - a fault


def _elliptic() -> PlatformKey:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    return sign_certificate(throw_away_key("foreign"), PLATFORM_AUTHORITY, EVER, curve)


def _text(draft: Draft, entries: _Entries) -> Draft:
    key = draft.identity.listed[-1]
    return _say(draft, [*entries[:-1], list_entry(key, draft.identity.apiv3_key, "no certificate")])


def _twice(draft: Draft, entries: _Entries) -> Draft:
    # Somebody else's certificate under a serial that stands there already.
    other = sign_certificate(throw_away_key("foreign"), PLATFORM_AUTHORITY, EVER)
    entry = list_entry(other, draft.identity.apiv3_key)
    return _say(draft, [*entries, {**entry, "serial_no": entries[-1]["serial_no"]}])


def _sign_unlisted(draft: Draft, entries: _Entries) -> Draft:
    stranger = sign_certificate(throw_away_key("foreign"), PLATFORM_AUTHORITY, EVER)
    return replace(draft, serial=stranger.serial, key=stranger.private_key)


LIST_FAULTS: Mapping[str, Callable[[Draft, _Entries], Draft]] = {
    "wrong-key": _sealed_otherwise,
    "tampered": _tamper,
    "other-serial": _rename,
    "other-dates": _misdate,
    "expired": _with(lambda: sign_certificate(throw_away_key("old"), PLATFORM_AUTHORITY, LONG_AGO)),
    "foreign": _with(lambda: sign_certificate(throw_away_key("foreign"), FOREIGN_AUTHORITY, EVER)),
    "short": _with(lambda: sign_certificate(_short_key(), PLATFORM_AUTHORITY, EVER)),
    "elliptic": _with(_elliptic),
    "no-certificate": _text,
    "twice": _twice,
    "empty": lambda draft, entries: _say(draft, []),
    "unlisted": _sign_unlisted,
}
"""How a list may be spoilt; each is well signed. Only who asks for a CA can tell ``foreign``."""
