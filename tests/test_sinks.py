"""A download lands whole and right, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.drain import draining
from tests.support.merchant import client, signed_headers
from tests.support.server import HANG_UP, answer, serving
from wechatpay_chain import ClientError, OutcomeUnknownError, RequestError, UnverifiedError

BILL = "v3/billdownload/file"
STATEMENT = "v3/global/statements"
# Rows that hardly compress, so that half of the compressed bytes is half of the file.
CONTENT = b"`row`\r\n" + b"".join(
    b"`%s`\r\n" % hashlib.sha256(str(row).encode()).hexdigest().encode() for row in range(8_000)
)
SHA1 = hashlib.sha1(CONTENT).hexdigest()


def statement(content: bytes = CONTENT, digest: str = SHA1, **more: Any) -> bytes:
    """Return a statement whose signature covers its digest."""
    signed = signed_headers(covers=f'{{"sha1":"{digest}"}}')
    return answer(headers={"Wechatpay-Statement-Sha1": digest, **signed, **more}, body=content)


class AsyncSink:
    """A stream whose write is async."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    async def write(self, part: bytes) -> None:
        """Take a part."""
        await asyncio.sleep(0)
        self.parts.append(part)


# Made by the test that uses them: a signature is good for five minutes.
GOOD: dict[str, tuple[str, Callable[[], bytes], bool]] = {
    "a bill": (BILL, lambda: answer(body=CONTENT), False),
    "a compressed bill": (
        BILL,
        lambda: answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(CONTENT)),
        False,
    ),
    "a statement": (STATEMENT, statement, True),
    "a compressed statement": (
        STATEMENT,
        lambda: answer(
            headers={
                "Wechatpay-Statement-Sha1": SHA1,
                "Content-Encoding": "gzip",
                **signed_headers(covers=f'{{"sha1":"{SHA1}"}}'),
            },
            body=gzip.compress(CONTENT),
        ),
        True,
    ),
    "an ordinary answer": (
        "v3/x",
        lambda: answer(headers=signed_headers(CONTENT), body=CONTENT),
        True,
    ),
    "an empty bill": (BILL, answer, False),
}


@pytest.mark.parametrize("kind", ["path", "text path", "stream", "async stream"])
@pytest.mark.parametrize("name", GOOD)
def test_an_answer_goes_to_its_sink(name: str, kind: str, tmp_path: Path) -> None:
    """Paths and streams get the decompressed bytes, the response none, and says what it can."""
    path, make, verified = GOOD[name]
    told = make()
    expected = b"" if "empty" in name else CONTENT
    stream, slow = io.BytesIO(), AsyncSink()
    sinks: dict[str, Any] = {
        "path": tmp_path / "bill.csv",
        "text path": str(tmp_path / "bill.csv"),
        "stream": stream,
        "async stream": slow,
    }
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        response = root.chain(path).get(sink=sinks[kind])
        again = asyncio.run(root.chain(path).get_async(sink=tmp_path / "again"))
    assert (response.status, response.body, response.verified) == (200, b"", verified)
    assert again.verified is verified
    got = {"stream": stream.getvalue(), "async stream": b"".join(slow.parts)}.get(kind)
    assert ((tmp_path / "bill.csv").read_bytes() if got is None else got) == expected
    assert (tmp_path / "again").read_bytes() == expected
    assert not list(tmp_path.glob(".*"))


BAD: dict[str, tuple[str, Callable[[], Any], type[Exception]]] = {
    "cut bill": (
        BILL,
        lambda: [answer(headers={"Content-Length": "999999"}, body=CONTENT[:999]), HANG_UP],
        OutcomeUnknownError,
    ),
    "broken gzip": (
        BILL,
        lambda: answer(
            headers={"Content-Encoding": "gzip"}, body=gzip.compress(CONTENT)[:5000] + b"x" * 5000
        ),
        OutcomeUnknownError,
    ),
    "cut gzip": (
        BILL,
        lambda: answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(CONTENT)[:5000]),
        OutcomeUnknownError,
    ),
    "wrong digest": (STATEMENT, lambda: statement(CONTENT + b"x"), UnverifiedError),
    "forged digest": (
        STATEMENT,
        lambda: answer(
            headers={"Wechatpay-Statement-Sha1": SHA1, **signed_headers(CONTENT)}, body=CONTENT
        ),
        UnverifiedError,
    ),
    "unsigned statement": (
        STATEMENT,
        lambda: answer(headers={"Wechatpay-Statement-Sha1": SHA1}, body=CONTENT),
        UnverifiedError,
    ),
    "forged answer": (
        "v3/x",
        lambda: answer(headers=signed_headers(b"other"), body=CONTENT),
        UnverifiedError,
    ),
    "unsigned answer": ("v3/x", lambda: answer(body=CONTENT), UnverifiedError),
    "refusal": (
        BILL,
        lambda: answer("404 Not Found", body=b'{"code":"NO_STATEMENT_EXIST"}'),
        ClientError,
    ),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("before", [None, b"the old file"], ids=["new", "there already"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_download_leaves_the_path_as_it_was(
    name: str, before: bytes | None, face: str, tmp_path: Path
) -> None:
    """Whatever is wrong with an answer, the file is absent or the old one, and nothing is left."""
    path, make, error = BAD[name]
    told = make()
    target = tmp_path / "bill.csv"
    if before is not None:
        target.write_bytes(before)
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(error):
            if face == "sync":
                root.chain(path).get(sink=target)
            else:
                asyncio.run(root.chain(path).get_async(sink=target))
    assert (target.read_bytes() if target.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([target] if before is not None else [])


@pytest.mark.parametrize("at", range(0, 300_000, 14_999))
def test_a_download_cut_anywhere_is_absent_or_complete(at: int, tmp_path: Path) -> None:
    """Wherever the connection dies, half a file never appears."""
    body = gzip.compress(CONTENT)
    whole = answer(headers={"Content-Encoding": "gzip"}, body=body)
    cut = whole[: min(at, len(whole) - 1)]
    target = tmp_path / "bill.csv"
    with serving(lambda request: [cut, HANG_UP]) as server:
        with client(base_uri=server.base_uri) as root, pytest.raises(OutcomeUnknownError):
            root.chain(BILL).get(sink=target)
    assert list(tmp_path.iterdir()) == []


def test_a_large_download_without_a_sink_is_refused() -> None:
    """Into memory goes no more than the cap, however the size is told or hidden."""
    huge = b"x" * (9 * 1024 * 1024)
    for told in (
        answer(body=huge),
        answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(huge)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n900000\r\n"
        + huge
        + b"\r\n0\r\n\r\n",
    ):
        with serving(lambda request, told=told: told) as server:  # type: ignore[misc]
            with client(base_uri=server.base_uri) as root:
                for path in (BILL, "v3/x", STATEMENT):
                    with pytest.raises(UnverifiedError) as caught:
                        root.chain(path).get()
                    assert caught.value.reason in ("too-large", "missing-header")


def test_a_sink_that_fails_is_the_callers_error(tmp_path: Path) -> None:
    """What a stream's write raises reaches the caller, and the client lives on."""

    class Full(io.BytesIO):
        def write(self, part: Any) -> int:
            raise ValueError("no space")

    with serving(lambda request: answer(body=CONTENT)) as server:
        with client(base_uri=server.base_uri) as root:
            with pytest.raises(ValueError, match="no space"):
                root.chain(BILL).get(sink=Full())
            root.chain(BILL).get(sink=tmp_path / "x")
            with pytest.raises(RequestError, match="is a directory"):
                root.chain(BILL).get(sink=tmp_path)


HUGE = bytes(range(256)) * 4096 * 9


def test_a_large_signed_answer_is_verified_while_it_is_written(tmp_path: Path) -> None:
    """A path takes a signed answer of any size, once its signature holds; a stream could not."""
    whole = answer(headers=signed_headers(HUGE), body=HUGE)
    packed = answer(
        headers={"Content-Encoding": "gzip", **signed_headers(HUGE)}, body=gzip.compress(HUGE)
    )
    target = tmp_path / "file"
    for told in (whole, packed):
        with serving(lambda request, told=told: told) as server:  # type: ignore[misc]
            with client(base_uri=server.base_uri) as root:
                response = root.v3.x.get(sink=target)
                assert (response.verified, response.body) == (True, b"")
                assert target.read_bytes() == HUGE
                target.unlink()
                with pytest.raises(UnverifiedError) as caught:
                    root.v3.x.get(sink=io.BytesIO())
                assert caught.value.reason == "too-large"


def test_a_large_forged_answer_leaves_nothing(tmp_path: Path) -> None:
    """What does not hold in the end never was at the path; the error has the reason and advice."""
    told = answer(headers=signed_headers(b"other"), body=HUGE)
    target = tmp_path / "file"
    target.write_bytes(b"the old file")
    with serving(lambda request: told) as server, client(base_uri=server.base_uri) as root:
        with pytest.raises(UnverifiedError, match="query it before anything else") as caught:
            root.v3.x.get(sink=target)
    assert caught.value.reason == "bad-signature"
    assert caught.value.response is not None
    assert not caught.value.response.verified
    assert target.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_large_download_streams(face: str, tmp_path: Path) -> None:
    """64 MiB pass to the disk with a few MiB in memory."""
    size, target = 64 * 1024 * 1024, tmp_path / "bill.csv"
    with draining() as port, client(base_uri=f"http://127.0.0.1:{port}/") as root:
        bill = root.v3.billdownload.file
        tracemalloc.start()
        try:
            if face == "sync":
                bill.get(query={"token": str(size)}, sink=target)
            else:
                asyncio.run(bill.get_async(query={"token": str(size)}, sink=target))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert target.stat().st_size == size
    assert peak < 8 * 1024 * 1024
