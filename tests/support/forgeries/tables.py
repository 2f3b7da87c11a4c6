"""The three tables as the text of their files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.support.forgeries import gcm, oaep, pkcs1
from tests.support.forgeries.case import Case, load
from tests.support.merchant import VECTORS

DIRECTORY = VECTORS / "wycheproof-style"


def tables() -> dict[str, str]:
    """Return each file's name and text."""
    keys = load("plat_key"), load("rsa3072_key"), load("e3_key")
    other = load("mch_key")
    signatures = {
        "plat_key": [*pkcs1.cases(keys[0], other)],
        "rsa3072_key": [*pkcs1.valid(keys[1]), *pkcs1.longer(keys[1])],
        "e3_key": [*pkcs1.valid(keys[2]), *pkcs1.cube_roots(keys[2])],
    }
    return {
        "rsa-pkcs1-sha256-verify.json": table("RSASSA-PKCS1-v1_5, SHA-256", signatures),
        "rsa-oaep-sha1-decrypt.json": table(
            "RSAES-OAEP, SHA-1, MGF1 with SHA-1",
            {k.name: list(oaep.cases(k, other)) for k in keys[:2]},
        ),
        "aes-256-gcm-decrypt.json": table("AEAD_AES_256_GCM", {"": list(gcm.cases())}),
    }


def table(algorithm: str, groups: dict[str, Iterable[Case]]) -> str:
    """Return the text of a file: one case a line, numbered through."""
    number = 0
    lines: list[str] = []
    for key, found in groups.items():
        for case in found:
            number += 1
            numbered: dict[str, Any] = {"id": number, **({"rsa_key": key} if key else {}), **case}
            lines.append(json.dumps(numbered))
    cases = ",\n".join(lines)
    return f'{{"algorithm": {json.dumps(algorithm)}, "count": {number}, "cases": [\n{cases}\n]}}\n'
