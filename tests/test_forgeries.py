"""No forged signature is accepted and no altered ciphertext opened; the honest ones are.

The tables are made in the way of Project Wycheproof: `tests/vectors/README.md` says how.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.forgeries.tables import DIRECTORY, tables
from tests.support.merchant import private
from wechatpay_chain import AesGcm, ConfigurationError, DecryptError, Rsa

LEAST = {
    "rsa-pkcs1-sha256-verify.json": 500,
    "rsa-oaep-sha1-decrypt.json": 300,
    "aes-256-gcm-decrypt.json": 300,
}
"""How many cases each table has at least: a table that shrinks proves less."""


def cases(name: str) -> list[Any]:
    """Return a table's cases."""
    found = json.loads((DIRECTORY / name).read_text("utf-8"))
    assert found["count"] == len(found["cases"])
    return [pytest.param(case, id=f"{case['id']} {case['comment']}") for case in found["cases"]]


@pytest.mark.parametrize("case", cases("rsa-pkcs1-sha256-verify.json"))
def test_a_signature_is_accepted_only_if_it_is_the_one(case: dict[str, Any]) -> None:
    """A signature holds if it is the very bytes that the key makes of the message."""
    key = private(case["rsa_key"]).public_key()
    accepted = Rsa.verify(bytes.fromhex(case["message"]), case["signature"], key)
    assert accepted is (case["result"] == "valid")


def opened(case: dict[str, Any], decrypt: Any) -> None:
    """Check that a ciphertext is opened, or else refused in the same words as every other one."""
    if case["result"] == "valid":
        assert decrypt() == case["plaintext"]
        return
    with pytest.raises(DecryptError) as caught:
        decrypt()
    assert str(caught.value) == "the ciphertext cannot be decrypted with this key"
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("case", cases("rsa-oaep-sha1-decrypt.json"))
def test_a_ciphertext_is_opened_only_if_it_is_whole(case: dict[str, Any]) -> None:
    """OAEP opens what was made for the key, and says nothing about why it opens no other."""
    key = private(case["rsa_key"])
    opened(case, lambda: Rsa.decrypt(case["ciphertext"], key))


@pytest.mark.parametrize("case", cases("aes-256-gcm-decrypt.json"))
def test_a_resource_is_opened_only_if_all_of_it_is_right(case: dict[str, Any]) -> None:
    """GCM opens nothing of which a bit, the nonce or the associated data differs."""
    key, iv, aad = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad"))
    if len(key) != AesGcm.KEY_LENGTH_BYTE:
        with pytest.raises(ConfigurationError, match="the key must have 32 bytes, not"):
            AesGcm.decrypt(case["ciphertext"], key, iv, aad)
        return
    opened(case, lambda: AesGcm.decrypt(case["ciphertext"], key, iv, aad))


@pytest.mark.parametrize("name", LEAST)
def test_a_table_is_complete(name: str) -> None:
    """Each table has its cases, of both kinds."""
    found = json.loads((DIRECTORY / name).read_text("utf-8"))["cases"]
    assert len(found) >= LEAST[name]
    assert {case["result"] for case in found} == {"valid", "invalid"}


def test_the_tables_are_what_their_script_makes() -> None:
    """Nobody edited the tables by hand: the script makes them again to the byte."""
    for name, text in tables().items():
        assert (DIRECTORY / name).read_text("utf-8") == text
    assert {path.name for path in DIRECTORY.iterdir()} == set(LEAST)
