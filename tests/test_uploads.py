"""Uploads: PHP's multipart to the letter, of which only meta is signed, and files that stream."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import re
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes

from tests.support.drain import draining
from tests.support.merchant import MCHID, MERCHANT_SERIAL, calls, client, pem, signed_headers, units
from tests.support.server import Request, Server, accepting, answer, serving
from tests.test_conformance_wire import SPELLINGS, check_signature, node
from wechatpay_chain import (
    Client,
    MediaUtil,
    OutcomeUnknownError,
    RequestError,
    Sensitive,
    Signer,
)

CALLS = [call for call in calls() if "upload" in call]
IMAGE = base64.b64decode(units()["media"]["content_b64"])
META = units()["media"]["meta"]


def respond(request: Request) -> bytes:
    """Answer honestly."""
    return answer(headers=signed_headers(b"{}"), body=b"{}")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that answers every call."""
    with serving(respond) as running:
        yield running


def parts(request: Request) -> list[tuple[dict[str, str], bytes]]:
    """Take a multipart body apart, strictly: (headers, content) of each part."""
    head = {name.lower(): value for name, value in request.headers.items()}
    found = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{40})", head["content-type"])
    assert found
    delimiter = f"--{found[1]}".encode()
    assert request.body.endswith(b"\r\n" + delimiter + b"--\r\n")
    pieces = (b"\r\n" + request.body).split(b"\r\n" + delimiter)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    taken = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = (line.split(": ", 1) for line in head.decode().split("\r\n"))
        taken.append((dict(lines), content))
    return taken


def meta_of(request: Request) -> dict[str, Any]:
    """Return the value of the meta part."""
    value: dict[str, Any] = json.loads(parts(request)[0][1])
    return value


def check_upload(request: Request, mchid: str = MCHID) -> None:
    """Check that the signature covers the meta part and nothing else."""
    check_signature(mchid, replace(request, body=parts(request)[0][1]))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["id"])
def test_recorded_upload_makes_the_recorded_request(
    call: dict[str, Any], spelling: str, server: Server
) -> None:
    """An upload sends PHP's parts, through the helper, as a mapping and as a one-liner."""
    upload, expect = call["upload"], call["expect"]
    content = base64.b64decode(upload["content_b64"])
    media = MediaUtil(upload["filename"], io.BytesIO(content))
    media.set_meta(upload["meta"])
    before = len(server.requests)
    with client(mchid=call["mchid"], base_uri=server.base_uri) as root:
        verb = getattr(node(root, call["chain"][spelling]), call["verb"])
        typed = {"content-type": media.get_content_type()}
        verb({**call["options"], "body": media.get_stream(), "headers": typed})
        verb(**call["options"], body=media.get_stream())
        verb(**call["options"], body=media)
        verb(**call["options"], upload=media)
        given = {"file": content, "filename": upload["filename"], "meta": upload["meta"]}
        verb(**call["options"], upload=given)
    sent = server.requests[before:]
    assert len(sent) == 5
    for got in sent:
        assert got.target == "/" + call["chain"]["declarative"][0][1]
        assert got.headers["Accept"] == expect["headers"]["Accept"]
        assert len(got.body) == int(got.headers["Content-Length"])
        for (headers, body), wanted in zip(parts(got), expect["multipart"], strict=True):
            headers.pop("Content-Length", None)
            assert list(headers.items()) == list(wanted["headers"].items())
            assert body == base64.b64decode(wanted["content_b64"])
        assert parts(got)[0][1].decode() == expect["signed_body"]
        check_upload(got, call["mchid"])


def test_a_media_is_framed_as_recorded() -> None:
    """The body is PHP's, byte for byte, its boundary aside."""
    media = MediaUtil("image.jpg", IMAGE)
    assert media.get_meta() == META
    boundary = media.get_content_type().partition("boundary=")[2]
    body = asyncio.run(media.get_stream().as_bytes())
    wanted = base64.b64decode(units()["media"]["multipart_text_b64"])
    assert body.replace(boundary.encode(), b"BOUNDARY") == wanted
    assert media.get_stream().size == len(body)


def test_meta_can_be_replaced_and_made_anew() -> None:
    """set_meta takes JSON, tells its size, and without one makes it from the file again."""
    media = MediaUtil("image.jpg", IMAGE)
    assert media.set_meta('{"a":1}') == 7
    assert media.get_meta() == '{"a":1}'
    assert media.set_meta() == len(META)
    assert media.get_meta() == META
    with pytest.raises(RequestError, match="meta must be JSON text"):
        media.set_meta({"a": 1})  # type: ignore[arg-type]
    assert repr(media) == "<MediaUtil image.jpg>"


class Pipe(io.RawIOBase):
    """A stream that can only be read once, from its start to its end."""

    name = 7

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


def sources(tmp_path: Path) -> dict[str, Any]:
    """Return the same file in every form in which it may be given."""
    path = tmp_path / "图片.jpg"
    path.write_bytes(IMAGE)
    named = {"filename": "图片.jpg"}
    return {
        "path": path,
        "text": str(path),
        "open file": path.open("rb"),
        "file at its end": _at_end(path.open("rb")),
        "bytes": {"file": IMAGE, **named},
        "bytearray": {"file": bytearray(IMAGE), **named},
        "memory": {"file": io.BytesIO(IMAGE), **named},
        "pipe": {"file": Pipe(IMAGE), **named},
        "another name": {"file": path, **named},
        "media": MediaUtil(path),
    }


def _at_end(file: Any) -> Any:
    file.read()
    return file


FORMS = (
    "path", "text", "open file", "file at its end", "bytes", "bytearray", "memory", "pipe",
    "another name", "media",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_taken_in_every_form(form: str, tmp_path: Path, server: Server) -> None:
    """Path, bytes or file, again and again: the same upload, with name and digest."""
    given = sources(tmp_path)
    try:
        with client(base_uri=server.base_uri) as root:
            for _ in range(1 if form == "pipe" else 2):
                root.v3.merchant.media.upload.post(upload=given[form])
                got = server.requests[-1]
                assert meta_of(got) == {
                    "filename": "图片.jpg",
                    "sha256": hashlib.sha256(IMAGE).hexdigest(),
                }
                headers, content = parts(got)[1]
                assert content == IMAGE
                assert headers == {
                    "Content-Disposition": 'form-data; name="file"; filename="图片.jpg"',
                    "Content-Length": "12",
                    "Content-Type": "image/jpeg",
                }
                check_upload(got)
    finally:
        for each in given.values():
            if isinstance(each, io.BufferedReader):
                assert not each.closed
                each.close()


def test_an_operation_names_its_own_fields(server: Server) -> None:
    """The part, the fields of meta and the digest are the ones that the operation documents."""
    given = {"file": b"pdf", "filename": "a.pdf"}
    digest = hashlib.sha256(b"pdf").hexdigest()
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(b"pdf")
    with client(base_uri=server.base_uri) as root:
        root.v3.mch_manage["submission-files/sub-mchid/{sub_mchid}/upload"].post(
            sub_mchid="19", upload={**given, "meta": {"item_id": 1}}
        )
        assert meta_of(server.requests[-1]) == {
            "file_name": "a.pdf",
            "file_digest": digest,
            "item_id": 1,
        }
        assert 'name="submission_file"' in parts(server.requests[-1])[1][0]["Content-Disposition"]
        root.v3["new-tax-control-fapiao"].fapiao_applications.upload_fapiao_file.post(
            upload={**given, "meta": {"file_type": "PDF"}}
        )
        assert meta_of(server.requests[-1]) == {
            "digest": sm3.finalize().hex(),
            "digest_alogrithm": "SM3",
            "file_type": "PDF",
        }
        root.v3.some.new.upload.post(upload={**given, "meta": {"sha256": None, "x": "1"}})
        assert meta_of(server.requests[-1]) == {"filename": "a.pdf", "x": "1"}


def test_sensitive_fields_of_meta_are_encrypted(server: Server) -> None:
    """A field of meta that the catalogue or the caller marks leaves encrypted, and signed so."""
    from tests.support.merchant import private
    from wechatpay_chain import Rsa

    meta = {
        "merchant_contact_information": {"consultation_phone_number": "13800138000"},
        "openid": Sensitive("o1"),
    }
    with client(base_uri=server.base_uri) as root:
        root.v3.marketing.shopping_receipt.shoppingreceipts.post(
            upload={"file": IMAGE, "filename": "a.jpg", "meta": meta}
        )
    got = server.requests[-1]
    sent = meta_of(got)
    phone = sent["merchant_contact_information"]["consultation_phone_number"]
    assert Rsa.decrypt(phone, private("plat_key")) == "13800138000"
    assert Rsa.decrypt(sent["openid"], private("plat_key")) == "o1"
    assert got.headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")
    assert len(got.body) == int(got.headers["Content-Length"])
    check_upload(got)


REFUSED: dict[str, tuple[Any, str]] = {
    "no file": ("/no/such/image.jpg", "is no file that can be read"),
    "directory": ("/", "the name of an upload"),
    "a directory": ("/tmp", "is no file that can be read"),
    "no name": (b"bytes", "has no file name"),
    "text file": ({"file": io.StringIO("x"), "filename": "a.jpg"}, "opened as binary"),
    "nothing": ({"filename": "a.jpg"}, "upload must be"),
    "surplus": ({"file": b"", "name": "a.jpg"}, "upload must be"),
    "number": ({"file": 5, "filename": "a.jpg"}, "must be a path, bytes or a binary file"),
    "line break": ({"file": b"", "filename": 'a"\r\nX: y.jpg'}, "line break"),
    "NUL": ({"file": b"", "filename": "a\0.jpg"}, "line break or another control"),
    "surrogate": ({"file": b"", "filename": "a\ud800.jpg"}, "surrogate"),
    "meta": ({"file": b"", "filename": "a.jpg", "meta": [1]}, "upload's meta must be"),
    "dots": ({"file": b"", "filename": ".."}, "cannot be '..'"),
    "closed": ({"file": _at_end(io.BytesIO()), "filename": ""}, "the name of an upload"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_upload_is_not_sent(name: str, server: Server) -> None:
    """A file that is not there, or a name that would write headers, is refused in one line."""
    given, words = REFUSED[name]
    before = len(server.requests)
    with client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError, match=words) as caught:
            root.v3.merchant.media.upload.post(upload=given)
    assert len(server.requests) == before
    assert len(str(caught.value).splitlines()) == 1


def test_a_quote_in_a_file_name_cannot_end_it(server: Server) -> None:
    """A file may be called anything that is one line; its quotes are escaped."""
    with client(base_uri=server.base_uri) as root:
        root.v3.merchant.media.upload.post(upload={"file": IMAGE, "filename": 'a"; x="b.jpg'})
    disposition = parts(server.requests[-1])[1][0]["Content-Disposition"]
    assert disposition == 'form-data; name="file"; filename="a%22; x=%22b.jpg"'


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_file_that_shrinks_on_the_way_is_an_open_outcome(face: str, tmp_path: Path) -> None:
    """What was announced cannot be sent any more, so the request breaks off and says so."""
    path = tmp_path / "image.jpg"
    path.write_bytes(os.urandom(1024 * 1024))
    with serving(respond) as server, client(base_uri=server.base_uri) as root:
        media = MediaUtil(path)
        media.set_meta('{"a":1}')
        stream = media.get_stream()
        os.truncate(path, 1000)
        with pytest.raises(OutcomeUnknownError):
            if face == "sync":
                root.v3.merchant.media.upload.post(body=stream)
            else:
                asyncio.run(root.v3.merchant.media.upload.post_async(body=stream))
        assert root.v3.x.post(json={}).verified


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_large_file_streams(face: str, tmp_path: Path) -> None:
    """64 MiB pass with a few MiB in memory, digest and all."""
    path = tmp_path / "video.mp4"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(1024 * 1024))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    with draining() as port, client(base_uri=f"http://127.0.0.1:{port}/") as root:
        verb = root.v3.merchant.media.video_upload
        tracemalloc.start()
        try:
            if face == "sync":
                response = verb.post(upload=path)
            else:
                response = asyncio.run(verb.post_async(upload=path))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert response.json() == {"size": path.stat().st_size, "digest": digest}
    assert peak < 8 * 1024 * 1024


def test_a_media_is_sent_by_a_plain_session(server: Server) -> None:
    """The stream is a payload of aiohttp: with the signer alone, any session uploads it."""
    signer = Signer(MCHID, MERCHANT_SERIAL, pem("mch_key"), origins=[server.base_uri])
    media = MediaUtil("image.jpg", IMAGE)

    async def send() -> None:
        async with aiohttp.ClientSession(middlewares=(signer,)) as session:
            url = f"{server.base_uri}v3/merchant/media/upload"
            async with session.post(url, data=media.get_stream()) as response:
                assert response.status == 200

    asyncio.run(send())
    assert parts(server.requests[-1])[0][1].decode() == META
    check_upload(server.requests[-1])


MULTIPART: dict[str, tuple[list[dict[str, Any]], list[tuple[dict[str, str], bytes]]]] = {
    "text": (
        [{"name": "a", "contents": "1"}],
        [({"Content-Disposition": 'form-data; name="a"', "Content-Length": "1"}, b"1")],
    ),
    "number": (
        [{"name": "a", "contents": 12}],
        [({"Content-Disposition": 'form-data; name="a"', "Content-Length": "2"}, b"12")],
    ),
    "boolean": (
        [{"name": "a", "contents": True}, {"name": "b", "contents": 1.5}],
        [
            ({"Content-Disposition": 'form-data; name="a"', "Content-Length": "1"}, b"1"),
            ({"Content-Disposition": 'form-data; name="b"', "Content-Length": "3"}, b"1.5"),
        ],
    ),
    "own disposition": (
        [{"name": "a", "contents": "x", "headers": {"content-disposition": "form-data; name=z"}}],
        [({"content-disposition": "form-data; name=z", "Content-Length": "1"}, b"x")],
    ),
    "file": (
        [
            {"name": "a", "contents": b"x", "filename": "dir/b.png"},
            {"name": "c", "contents": "y", "headers": {"X-A": "b", "content-type": "text/x"}},
        ],
        [
            (
                {
                    "Content-Disposition": 'form-data; name="a"; filename="b.png"',
                    "Content-Length": "1",
                    "Content-Type": "image/png",
                },
                b"x",
            ),
            (
                {
                    "X-A": "b",
                    "content-type": "text/x",
                    "Content-Disposition": 'form-data; name="c"',
                    "Content-Length": "1",
                },
                b"y",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", MULTIPART)
def test_multipart_is_framed_and_signed_whole(name: str, server: Server) -> None:
    """The multipart option makes Guzzle's parts; without a meta part all of it is signed."""
    given, wanted = MULTIPART[name]
    with client(base_uri=server.base_uri) as root:
        root.v3.x.post(multipart=given)
    got = server.requests[-1]
    assert [(list(h.items()), c) for h, c in parts(got)] == [
        (list(h.items()), c) for h, c in wanted
    ]
    check_signature(MCHID, got)


def test_of_a_multipart_with_meta_only_that_is_signed(server: Server) -> None:
    """An upload that is put together by hand is signed as WeChat Pay wants it."""
    with client(base_uri=server.base_uri) as root:
        root.v3.merchant.media.upload.post(
            multipart=[
                {"name": "meta", "contents": META, "headers": {"Content-Type": "application/json"}},
                {"name": "file", "contents": IMAGE, "filename": "image.jpg"},
            ]
        )
    check_upload(server.requests[-1])


BAD_PARTS: list[tuple[Any, str]] = [
    ({}, "must be a list of parts"),
    ([], "must be a list of parts"),
    (["a"], "must be a mapping with name and contents"),
    ([{"name": "a"}], "must be a mapping with name and contents"),
    ([{"name": "a", "contents": "", "x": 1}], "which a part has not"),
    ([{"name": "a\r\n", "contents": ""}], "line break"),
    ([{"name": "a", "contents": "", "filename": "\n"}], "line break"),
    ([{"name": "a", "contents": "", "headers": {"A": "b\r\nC: d"}}], "line break"),
    ([{"name": "a", "contents": "", "headers": ["A"]}], "must be a mapping"),
    ([{"name": "a", "contents": Sensitive("x")}], "cannot be Sensitive"),
    ([{"name": "a", "contents": None}], "must be a path, bytes"),
    ([{"name": "a", "contents": {}}], "must be a path, bytes"),
]


@pytest.mark.parametrize(("given", "words"), BAD_PARTS, ids=lambda value: str(value)[:40])
def test_a_bad_part_is_refused(given: Any, words: str) -> None:
    """A part that is none, or that would write headers, is refused before anything is sent."""
    root: Client = client()
    with root, pytest.raises(RequestError, match=words):
        root.v3.x.post(multipart=given)


def test_a_file_that_is_gone_when_it_is_sent_was_not_sent(tmp_path: Path, server: Server) -> None:
    """What cannot be read any more for its digest is an error in one line, and nothing left."""
    path = tmp_path / "image.jpg"
    path.write_bytes(IMAGE)
    media = MediaUtil(path)
    path.unlink()
    before = len(server.requests)
    with client(base_uri=server.base_uri) as root:
        with pytest.raises(RequestError, match="upload cannot be read: No such file"):
            root.v3.merchant.media.upload.post(upload=media)
    assert len(server.requests) == before


def test_a_mark_that_nobody_would_see_is_refused() -> None:
    """Sensitive in a MediaUtil's own meta would be sent in the clear, so it is an error."""
    with pytest.raises(RequestError, match=r"meta\.name cannot be Sensitive in a MediaUtil"):
        MediaUtil("a.jpg", b"", meta={"name": Sensitive("张三")})


def test_a_meta_that_is_changed_after_the_call_changes_nothing(server: Server) -> None:
    """The fields of meta are those that it had when the verb was called."""
    meta = {"a": {"b": 1}}

    async def send() -> None:
        async with client(base_uri=server.base_uri) as root:
            given = {"file": IMAGE, "filename": "a.jpg", "meta": meta}
            promise = root.v3.merchant.media.upload.post_async(upload=given)
            meta["a"]["b"] = 2
            await promise

    asyncio.run(send())
    assert meta_of(server.requests[-1])["a"] == {"b": 1}


@pytest.mark.parametrize("kind", ["path", "file", "memory"])
def test_one_media_is_sent_many_times_at_once(kind: str, tmp_path: Path, server: Server) -> None:
    """Threads that share a MediaUtil, and the file in it, each send all of it."""
    content = os.urandom(1_500_000)
    path = tmp_path / "big.bin"
    path.write_bytes(content)
    with path.open("rb") as file:
        stream = {"path": None, "file": file, "memory": io.BytesIO(content)}[kind]
        media = MediaUtil(path, stream)
        before = len(server.requests)
        with client(base_uri=server.base_uri) as root, ThreadPoolExecutor(4) as pool:
            verb = root.v3.merchant.media.upload
            sent = [pool.submit(verb.post, body=media.get_stream()) for _ in range(8)]
            assert all(one.result().verified for one in sent)
    for request in server.requests[before:]:
        assert parts(request)[1][1] == content
    assert len(server.requests) - before == 8


def test_a_file_that_was_closed_is_named(tmp_path: Path) -> None:
    """A file that its owner closed before it was sent is an error of ours, and nothing is sent."""
    path = tmp_path / "a.jpg"
    path.write_bytes(IMAGE)
    with path.open("rb") as file:
        media = MediaUtil("a.jpg", file)
    with client() as root, pytest.raises(RequestError, match=r"upload cannot be read: .*closed"):
        root.v3.merchant.media.upload.post(upload=media)


def test_a_slow_stream_is_not_read_when_the_promise_is_made(server: Server) -> None:
    """What can be read only once is read in a thread when it is sent, not in the caller's loop."""
    reads: list[threading.Thread] = []

    class Slow(Pipe):
        def readinto(self, buffer: Any) -> int:
            if len(buffer):
                reads.append(threading.current_thread())
            return super().readinto(buffer)

    async def send() -> None:
        async with client(base_uri=server.base_uri) as root:
            given = {"file": Slow(IMAGE), "filename": "a.jpg"}
            promise = root.v3.merchant.media.upload.post_async(upload=given)
            assert reads == []
            await promise

    asyncio.run(send())
    assert reads
    assert threading.main_thread() not in reads
    assert parts(server.requests[-1])[1][1] == IMAGE


@pytest.mark.parametrize("ending", ["timeout", "cancel"])
def test_an_upload_that_stands_still_ends_and_leaves_nothing(ending: str) -> None:
    """A peer that takes nothing more cannot hold a call, nor its socket, for ever."""
    upload: dict[str, Any] = {"file": bytes(16 * 1024 * 1024), "filename": "a.mp4"}

    async def send(root: Client, accepted: Queue[socket.socket]) -> None:
        timeout = 0.2 if ending == "timeout" else None
        verb = root.v3.merchant.media.video_upload
        task = asyncio.ensure_future(verb.post_async(upload=upload, timeout=timeout))
        with closing(await asyncio.to_thread(accepted.get)) as connection:
            await asyncio.to_thread(connection.recv, 1, socket.MSG_PEEK)
            if ending == "cancel":
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                with pytest.raises(OutcomeUnknownError, match="no whole answer came in time"):
                    await task
            # What was not sent yet is dropped; it does not wait for the other end to read on.
            assert await asyncio.to_thread(read_all, connection) < len(upload["file"])
        await root.aclose()

    # A server that accepts, and then reads nothing.
    accepted: Queue[socket.socket] = Queue()
    with accepting(accepted.put) as port:
        asyncio.run(send(client(base_uri=f"http://127.0.0.1:{port}/"), accepted))


def read_all(connection: socket.socket) -> int:
    """Read until the connection ends; return how many bytes came."""
    connection.settimeout(10)
    size = 0
    while part := connection.recv(1024 * 1024):
        size += len(part)
    return size


def test_a_slow_upload_is_given_the_time_it_needs(tmp_path: Path) -> None:
    """The timeout counts from the last piece that was taken, not from the beginning."""
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(24 * 1024 * 1024))
    # At least 96 pieces, each of which the server takes 0.02 s for: longer than the timeout.
    with draining(pause=0.02) as port, client(base_uri=f"http://127.0.0.1:{port}/") as root:
        response = root.v3.merchant.media.video_upload.post(upload=path, timeout=1.0)
        assert response.json()["size"] == path.stat().st_size
