"""Encrypted bills (加密账单), in one file or several, open, and only if nothing was changed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.merchant import client, private, signed_headers
from tests.support.server import Request, answer, serving
from wechatpay_chain import (
    ClientError,
    ConfigurationError,
    DecodeError,
    DecryptError,
    UnverifiedError,
)
from wechatpay_chain.bills import downloads

PARTS = [b"a,b\r\n" + b"`1,`2\r\n" * 40_000, b"`3,`4\r\n" * 7, b""]
# No text: half of all bytes are none in UTF-8.
KEY, NONCE = bytes(range(240, 256)) * 2, "n" * 12


def sealed_key(key: bytes = KEY, name: str = "mch_key") -> str:
    """Encrypt a file's key for a merchant."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    return base64.b64encode(private(name).public_key().encrypt(key, oaep)).decode()


class Gateway:
    """Tells the parts of a bill, last first, and gives them, each opened by its own nonce."""

    def __init__(self, pack: bool, change: Callable[[bytes], bytes] = lambda raw: raw) -> None:
        self.pack = pack
        self.change = change
        self.asked = 0
        self.more: dict[str, Any] = {}
        self.hashes = [hashlib.sha1(part).hexdigest() for part in PARTS]

    def __call__(self, request: Request) -> bytes:
        """Answer a request."""
        if "billdownload" in request.target:
            number = int(request.target.partition("token=")[2])
            raw = gzip.compress(PARTS[number]) if self.pack else PARTS[number]
            nonce = f"{number}{NONCE}"[:12].encode()
            return answer(body=self.change(AESGCM(KEY).encrypt(nonce, raw, b"")))
        self.asked += 1
        base = f"http://{request.headers['Host']}/v3/billdownload/file?token="
        told = [
            {"bill_sequence": number + 1, "download_url": f"{base}{number}", "hash_type": "SHA1",
             "hash_value": self.hashes[number], "encrypt_key": sealed_key(),
             "nonce": f"{number}{NONCE}"[:12], **self.more}
            for number in range(len(PARTS))
        ]  # fmt: skip
        document = {"download_bill_count": len(told), "download_bill_list": told[::-1]}
        body = json.dumps(document).encode()
        return answer(headers=signed_headers(body), body=body)


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
def test_files_are_opened_and_put_together(pack: bool, tmp_path: Path) -> None:
    """Each is opened, unpacked and checked; they are one bill, in the order of their numbers."""
    gateway = Gateway(pack)
    with serving(gateway) as server, client(base_uri=server.base_uri) as root:
        request = root.bills.sub_merchant_fund_flow("2024-11-01", sub_mchid="1", gzip=pack)
        bill = request.download(tmp_path / "x")
        assert "algorithm=AEAD_AES_256_GCM" in server.requests[0].target
        stored = request.download(tmp_path / "y", decompress=False)
    whole = b"".join(PARTS)
    assert (tmp_path / "x").read_bytes() == whole
    assert (bill.files, bill.verified, bill.sha1) == (3, True, hashlib.sha1(whole).hexdigest())
    kept = (tmp_path / "y").read_bytes()
    assert (stored.packed, gzip.decompress(kept) if pack else kept) == (pack, whole)
    assert len(list(bill.rows(totals=False))) == 40_007
    assert gateway.asked == 2


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit": lambda raw: bytes([raw[0] ^ 1]) + raw[1:],
    "the tag": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
    "cut": lambda raw: raw[:-1],
    "shorter than a tag": lambda raw: raw[:10],
    "nothing": lambda raw: b"",
    "more": lambda raw: raw + b"x",
}


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_leaves_nothing(name: str, pack: bool, tmp_path: Path) -> None:
    """What was changed, cut or lengthened does not open, and no part of the bill stays."""
    with serving(Gateway(pack, CHANGES[name])) as server, client(base_uri=server.base_uri) as root:
        request = root.bills.ecommerce_fund_flow("2024-11-01")
        with pytest.raises((DecryptError, UnverifiedError), match="begin again"):
            request.download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "more",
    [
        {"encrypt_key": sealed_key(name="plat_key")},
        {"encrypt_key": sealed_key(b"k" * 31)},
        {"encrypt_key": "AAAA"},
        {"encrypt_key": "no base64!"},
        {"nonce": "short"},
        {"nonce": ""},
        {"encrypt_key": sealed_key(b"j" * 32)},
    ],
)
def test_a_key_that_does_not_fit_opens_nothing(more: dict[str, Any], tmp_path: Path) -> None:
    """A key for somebody else, of a wrong size, or another one: one error for all."""
    gateway = Gateway(pack=False)
    gateway.more = more
    with serving(gateway) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(DecryptError, match="does not open with the merchant's private_key"):
            root.bills.ecommerce_fund_flow("2024-11-01").download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_key_out_of_reach_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """With a remote signer there is no key here that could open a bill."""

    async def sign(message: bytes) -> bytes:
        key = private("mch_key")
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    with serving(Gateway(pack=False)) as server:
        with client(base_uri=server.base_uri, private_key=sign) as root:
            with pytest.raises(ConfigurationError, match="give it to Client"):
                root.bills.ecommerce_fund_flow("2024-11-01").download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_addresses_are_asked_for_again_before_they_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long first file does not spoil the second, unless the bill itself was changed."""
    monkeypatch.setattr(downloads, "FRESH", -1.0)
    gateway = Gateway(pack=True)
    with serving(gateway) as server, client(base_uri=server.base_uri) as root:
        root.bills.ecommerce_fund_flow("2024-11-01").download(tmp_path / "x")
        assert gateway.asked == 3
        (tmp_path / "x").unlink()

        def change(done: int, total: int | None) -> None:
            assert total is None
            gateway.hashes[2] = "0" * 40

        with pytest.raises(DecodeError, match="changed the bill meanwhile: begin again"):
            root.bills.ecommerce_fund_flow("2024-11-01").download(tmp_path / "x", progress=change)
    assert list(tmp_path.iterdir()) == []


def test_a_later_file_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    """A bill is all of its files."""
    gateway = Gateway(pack=False)

    def respond(request: Request) -> bytes:
        return answer("404 Not Found") if "token=1" in request.target else gateway(request)

    with serving(respond) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(ClientError, match="begin again"):
            root.bills.ecommerce_fund_flow("2024-11-01").download(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
