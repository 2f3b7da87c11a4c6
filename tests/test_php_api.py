"""Every public name of the PHP SDK has one here: the table in `docs/php-api.md`, walked.

The table's Python names are looked up, and its examples run, after the page's own
Python block, with a client of the sandbox.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.test_docs import (  # noqa: F401 - the fixtures of the documentation's examples
    DOCUMENTS,
    ROOT,
    blocks,
    directory,
    gateway,
    identity,
    run,
)
from wechatpay_chain.sandbox import Sandbox

PAGE, CHINESE = ROOT / "docs" / "php-api.md", ROOT / "docs" / "zh" / "php-api.md"
CODE = re.compile(r"`([^`]+)`")

# wechatpay-php 1.4.12, src/: the public methods and constants of each class.
PHP = {
    "Builder": ["factory"],
    "BuilderChainable": [
        "__get", "offsetGet", "chain", "getDriver", "get", "post", "put", "patch", "delete",
        "getAsync", "postAsync", "putAsync", "patchAsync", "deleteAsync",
    ],
    "ClientDecorator": ["__construct"],
    "ClientDecoratorInterface": [
        "VERSION", "XML_BASED", "JSON_BASED", "select", "request", "requestAsync",
    ],
    "ClientJsonTrait": ["signer", "verifier", "jsonBased"],
    "ClientXmlTrait": ["transformRequest", "transformResponse", "xmlBased"],
    "AesInterface": [
        "BLOCK_SIZE", "KEY_LENGTH_BYTE", "AUTH_TAG_LENGTH_BYTE", "ALGO_AES_256_GCM",
        "ALGO_AES_256_ECB",
    ],
    "AesGcm": ["encrypt", "decrypt"],
    "AesEcb": ["encrypt", "decrypt"],
    "Hash": ["ALGO_MD5", "ALGO_HMAC_SHA256", "ALGO_DICTONARIES", "md5", "hmac", "sign", "equals"],
    "Rsa": [
        "KEY_TYPE_PRIVATE", "KEY_TYPE_PUBLIC", "from", "fromPkcs8", "fromPkcs1", "fromSpki",
        "pkcs1ToSpki", "sign", "verify", "encrypt", "decrypt",
    ],
    "Formatter": [
        "nonce", "timestamp", "authorization", "request", "response", "joinedByLineFeed", "ksort",
        "queryStringLike",
    ],
    "Transformer": ["toArray", "toXml", "sanitize"],
    "MediaUtil": ["__construct", "getStream", "getContentType", "getMeta", "setMeta"],
    "PemUtil": [
        "loadCertificate", "loadCertificateFromString", "loadPrivateKey",
        "loadPrivateKeyFromString", "parseCertificateSerialNo",
    ],
    "WeChatPayException": [
        "DEP_XML_PROTOCOL_IS_REACHABLE_EOL", "EV3_RES_HEADERS_INCOMPLETE",
        "EV3_RES_HEADER_TIMESTAMP_OFFSET", "EV3_RES_HEADER_PLATFORM_SERIAL",
        "EV3_RES_HEADER_SIGNATURE_DIGEST",
    ],
    "InvalidArgumentException": [
        "ERR_INIT_MCHID_IS_MANDATORY", "ERR_INIT_SERIAL_IS_MANDATORY",
        "ERR_INIT_PRIVATEKEY_IS_MANDATORY", "ERR_INIT_CERTS_IS_MANDATORY",
        "ERR_INIT_CERTS_EXCLUDE_MCHSERIAL",
    ],
}  # fmt: skip
# Constants that are texts in PHP and say nothing that an example could show.
WITHOUT_EXAMPLE = ("DEP_", "ERR_INIT_")


class Row(NamedTuple):
    """One row: a name in PHP, its names here, an example."""

    php: str
    names: tuple[str, ...]
    example: str


def rows(page: Path) -> list[Row]:
    """Return the rows of the tables whose columns are PHP, Python, example."""
    found: list[Row] = []
    in_table = False
    for line in page.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            in_table = False
        elif cells[:2] == ["PHP", "Python"]:
            in_table = True
        elif in_table and not line.startswith("|---"):
            php, names, *example = cells
            found.append(
                Row(php.strip("`"), tuple(CODE.findall(names)), "".join(example).strip("|` "))
            )
    return found


ROWS = rows(PAGE)


@pytest.fixture
def namespace(directory: Path, gateway: Sandbox) -> Iterator[dict[str, Any]]:  # noqa: F811
    """What the page's Python block leaves behind."""
    with gateway.client() as client:
        made: dict[str, Any] = {"__name__": "__main__", "gateway": gateway, "client": client}
        for block in blocks(PAGE, "python"):
            run(block, made, PAGE)
        yield made


def test_the_table_is_complete() -> None:
    """Every public class, method and constant of the PHP SDK has its row."""
    there = [row.php for row in ROWS]
    wanted = [f"{owner}::{name}" for owner, names in PHP.items() for name in names]
    assert [name for name in wanted if name not in there] == []
    assert len(there) == len(set(there))
    assert "BuilderTrait" in PAGE.read_text("utf-8")


def test_only_texts_have_no_example() -> None:
    """A row without an example is one of PHP's texts of messages."""
    bare = [row.php for row in ROWS if not row.example]
    assert [name for name in bare if not name.split("::")[-1].startswith(WITHOUT_EXAMPLE)] == []
    nameless = [row.php for row in ROWS if not row.names]
    assert nameless == ["WeChatPayException::DEP_XML_PROTOCOL_IS_REACHABLE_EOL"]


def test_every_name_is_there(namespace: dict[str, Any]) -> None:
    """Every Python name in the table is found from the package's public names."""
    missing = []
    for row in ROWS:
        for name in row.names:
            first, *rest = name.split(".")
            try:
                functools.reduce(getattr, rest, namespace[first])
            except (KeyError, AttributeError):
                missing.append(name)
    assert missing == []


def test_every_example_runs(namespace: dict[str, Any]) -> None:
    """Every example is an expression that runs, in the order of the page."""
    failed = {}
    for row in ROWS:
        if row.example:
            try:
                eval(row.example, namespace)  # noqa: S307 - our own documentation
            except Exception as error:  # noqa: BLE001 - all that fail are shown together
                failed[row.example] = repr(error)
    assert failed == {}


def test_every_example_uses_its_name() -> None:
    """An example shows the name that its row is about."""
    lost = []
    for row in ROWS:
        last = {name.split(".")[-1] for name in row.names}
        shown = row.example and not any(name.startswith("__") for name in last)
        if shown and not any(name in row.example for name in last):
            lost.append(row.example)
    assert lost == []


def test_the_chinese_page_has_the_same_rows() -> None:
    """Both languages show the same names and examples."""
    assert rows(CHINESE) == ROWS
    assert {PAGE, CHINESE} <= set(DOCUMENTS)
