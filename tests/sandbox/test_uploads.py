"""What the gateway wants of an upload, and how little of it it keeps."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.merchant import Answer, Merchant
from wechatpay_chain.sandbox import Sandbox

IMAGE = "/v3/merchant/media/upload"
FAPIAO = "/v3/new-tax-control-fapiao/fapiao-applications/upload-fapiao-file"
TAXI = "/v3/taxi-invoice/cards/upload-file"
SUBMISSION = "/v3/mch-manage/submission-files/sub-mchid/1900000110/upload"
DILIGENCE = "/v3/mch-operation-manage/enhanced-due-diligence/1/upload"
CONTENT = b"\x89PNG\r\n--XX\r\n--X\r\n\r\n\0" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MEBIBYTE = 1024 * 1024


def sm3(content: bytes) -> str:
    return hashlib.new("sm3", content).hexdigest()


def head(name: str, filename: str | None, content_type: str) -> bytes:
    """Return what stands before the content of a part."""
    named = f'; filename="{filename}"' if filename is not None else ""
    return (
        f'--BOUND\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    ).encode()


def form(*parts: tuple[bytes, bytes]) -> bytes:
    """Join parts to a body."""
    return b"".join(before + content + b"\r\n" for before, content in parts) + b"--BOUND--\r\n"


def upload(
    merchant: Merchant,
    path: str,
    meta: Any,
    *,
    name: str = "file",
    filename: str | None = "a.png",
    content: bytes = CONTENT,
    meta_type: str = "application/json",
    body: bytes | None = None,
    **forged: Any,
) -> Answer:
    """Sign the meta part and send both parts."""
    text = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    if body is None:
        body = form(
            (head("meta", None, meta_type), text), (head(name, filename, "image/png"), content)
        )
    headers: dict[str, str | None] = {"Content-Type": "multipart/form-data; boundary=BOUND"}
    return merchant.call("POST", path, body=body, headers=headers, signed_body=text, **forged)


@pytest.mark.parametrize(
    ("path", "name", "meta", "answer"),
    [
        (IMAGE, "file", {"filename": "a.png", "sha256": SHA256}, "media_id"),
        (IMAGE, "file", {"filename": "a.png", "sha256": SHA256.upper()}, "media_id"),
        (
            "/v3/global/merchant-service/images/upload",
            "file",
            {"filename": "a.png", "sha256": SHA256},
            "media_id",
        ),
        (
            "/v3/ecommerce/account/cancel-applications/media",
            "file",
            {"file_name": "a.png", "file_digest": SHA256},
            "media_id",
        ),
        (
            "/hk/v3/global/merchant-storage/file/upload",
            "file",
            {"filename": "a.png", "digest": SHA256},
            "file_id",
        ),
        (
            SUBMISSION,
            "submission_file",
            {"file_name": "a", "file_digest": SHA256, "item_id": 1},
            "file_id",
        ),
        (
            DILIGENCE,
            "due_diligence_file",
            {"file_name": "a", "file_digest": SHA256, "sub_mchid": "1", "item_id": 1},
            "file_id",
        ),
        (
            FAPIAO,
            "file",
            {"file_type": "PDF", "digest_alogrithm": "SM3", "digest": sm3(CONTENT)},
            "fapiao_media_id",
        ),
        (
            TAXI,
            "file",
            {
                "company_mchid": "1",
                "region_id": 1,
                "digest": sm3(CONTENT),
                "digest_algorithm": "DIGEST_ALGORITHM_SM3",
            },
            "fapiao_media_id",
        ),
        (
            "/v3/marketing/favor/media/image-upload",
            "file",
            {"filename": "a.png", "sha256": SHA256},
            "media_url",
        ),
    ],
)
def test_good_uploads(
    merchant: Merchant, gateway: Sandbox, path: str, name: str, meta: dict[str, Any], answer: str
) -> None:
    """Each upload is taken under the names that it has, and answered with the name of the file."""
    made = upload(merchant, path, meta, name=name)
    assert (made.status, made.problem()) == (200, None)
    assert list(made.json()) == [answer]
    assert made.json()[answer]
    (received,) = gateway.requests
    assert received.parts is not None
    assert (received.json, received.opened) == (meta, meta)
    assert received.parts[name].content == CONTENT
    assert received.parts[name].filename == "a.png"
    assert received.body.endswith(b"--BOUND--\r\n")


GOOD = {"filename": "a.png", "sha256": SHA256}


@pytest.mark.parametrize(
    ("meta", "changes", "field"),
    [
        ({**GOOD, "sha256": sm3(CONTENT)}, {}, "/meta/sha256"),
        ({**GOOD, "sha256": ""}, {}, "/meta/sha256"),
        ({**GOOD, "sha256": 1}, {}, "/meta/sha256"),
        ({"filename": "a.png"}, {}, "/meta/sha256"),
        ({"sha256": SHA256}, {}, "/meta/filename"),
        (GOOD, {"content": CONTENT + b"x"}, "/meta/sha256"),
        (GOOD, {"content": b""}, "/file"),
        (GOOD, {"name": "media"}, "/file"),
        (GOOD, {"filename": None}, "/file"),
        (GOOD, {"filename": ""}, "/file"),
        (GOOD, {"meta_type": "text/plain"}, "/meta"),
        (b"[]", {}, "/meta"),
        (b"{", {}, "/meta"),
        (b'{"sha256":"1","sha256":"2"}', {}, "/meta"),
    ],
)
def test_wrong_uploads(
    merchant: Merchant, gateway: Sandbox, meta: Any, changes: dict[str, Any], field: str
) -> None:
    """What is missing, or says something else than the file, is refused by its name."""
    answer = upload(merchant, IMAGE, meta, **changes)
    assert (answer.status, answer.json()["code"], answer.problem()) == (400, "PARAM_ERROR", None)
    assert answer.json()["detail"]["field"] == field
    assert gateway.requests[0].problem


@pytest.mark.parametrize(
    ("path", "meta", "field"),
    [
        (FAPIAO, {"digest_alogrithm": "SM3", "digest": SHA256}, "/meta/digest"),
        (FAPIAO, {"digest": sm3(CONTENT)}, "/meta/digest_alogrithm"),
        (FAPIAO, {"digest_alogrithm": "SHA256", "digest": SHA256}, "/meta/digest_alogrithm"),
        (TAXI, {"digest_algorithm": "SM3", "digest": sm3(CONTENT)}, "/meta/digest_algorithm"),
    ],
)
def test_wrong_algorithms(merchant: Merchant, path: str, meta: dict[str, Any], field: str) -> None:
    """Where the meta part must say SM3 the digest is one of SM3, under its documented name."""
    answer = upload(merchant, path, {"file_type": "PDF", **meta})
    assert answer.json()["detail"]["field"] == field


def test_required_fields_of_meta(merchant: Merchant) -> None:
    """What the catalogue requires of the meta part is wanted as well."""
    meta = {"file_name": "a", "file_digest": SHA256}
    answer = upload(merchant, SUBMISSION, meta, name="submission_file")
    assert answer.json()["detail"]["field"] == "/meta/item_id"


TEXT = json.dumps(GOOD).encode()
META = (head("meta", None, "application/json"), TEXT)
FILE = (head("file", "a.png", "image/png"), CONTENT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--BOUND--\r\n",
        form(META, FILE)[:-10],
        form(META, META, FILE),
        form(META, FILE, FILE),
        form((b"--BOUND\r\n\r\n", TEXT), FILE),
        form(META, FILE).replace(b"BOUND", b"OTHER"),
    ],
)
def test_malformed_uploads(merchant: Merchant, gateway: Sandbox, body: bytes) -> None:
    """Neither a form that is cut off nor one with a part twice is taken for an upload."""
    answer = upload(merchant, IMAGE, TEXT, body=body)
    assert answer.status in (400, 401)
    assert gateway.requests[0].problem
    assert merchant.call("POST", IMAGE, {"a": 1}).json()["detail"]["field"] == "Content-Type"


def test_the_order_of_the_parts(merchant: Merchant) -> None:
    """A file may come before its meta part."""
    assert upload(merchant, IMAGE, TEXT, body=form(FILE, META)).status == 200


@pytest.mark.parametrize("signed", [b"", form(META, FILE), TEXT + b" "])
def test_what_is_signed(merchant: Merchant, signed: bytes) -> None:
    """The signature covers the very bytes of the meta part, and those alone."""
    headers: dict[str, str | None] = {"Content-Type": "multipart/form-data; boundary=BOUND"}
    body = form(META, FILE)
    answer = merchant.call("POST", IMAGE, body=body, headers=headers, signed_body=signed)
    assert (answer.status, answer.json()["detail"]["field"]) == (401, "signature")


@pytest.mark.parametrize(
    "filename", ["商户 图.png", "a'b;c=d.png", "a%22b.png", "a\\\\b.png", "é.png"]
)
def test_file_names(merchant: Merchant, gateway: Sandbox, filename: str) -> None:
    """A file name may have spaces, signs and characters of any script."""
    assert upload(merchant, IMAGE, GOOD, filename=filename).status == 200
    assert gateway.requests[0].parts is not None
    assert gateway.requests[0].parts["file"].filename


@pytest.mark.parametrize(
    "disposition",
    [
        "form-data",
        "form-data; name",
        'form-data; name="file',
        "form-data; name=a b",
        "; name=x",
        "",
    ],
)
def test_malformed_dispositions(merchant: Merchant, gateway: Sandbox, disposition: str) -> None:
    """A part whose Content-Disposition cannot be read has no name, and is refused."""
    broken = f"--BOUND\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    answer = upload(merchant, IMAGE, TEXT, body=form(META, (broken, CONTENT)))
    assert answer.status in (400, 401)
    assert gateway.requests[0].problem


def test_an_upload_where_none_is_wanted(merchant: Merchant) -> None:
    """Other operations take no upload."""
    answer = upload(merchant, "/v3/pay/transactions/native", GOOD)
    assert answer.json()["detail"]["field"] == "Content-Type"


def pieces(size: int) -> Iterator[bytes]:
    """Yield so many MiB of a file."""
    for number in range(size):
        yield bytes([number % 256]) * MEBIBYTE


@pytest.mark.parametrize("right", [True, False])
def test_a_large_upload(merchant: Merchant, gateway: Sandbox, right: bool) -> None:
    """Of 64 MiB the digest is taken and little is kept, in memory or on record."""
    digest = hashlib.sha256()
    for piece in pieces(64):
        digest.update(piece)
    text = json.dumps({**GOOD, "sha256": digest.hexdigest() if right else SHA256}).encode()
    begin = form((head("meta", None, "application/json"), text))[: -len(b"--BOUND--\r\n")]
    begin, end = begin + head("file", "a.mp4", "video/mp4"), b"\r\n--BOUND--\r\n"
    path = "/v3/merchant/media/video_upload"
    connection = merchant.connect()
    connection.putrequest("POST", path, skip_accept_encoding=True)
    for name, value in {
        "Accept": "*/*",
        "User-Agent": "tests",
        "Content-Type": "multipart/form-data; boundary=BOUND",
        "Content-Length": str(len(begin) + 64 * MEBIBYTE + len(end)),
        "Authorization": merchant.authorization("POST", path, text),
    }.items():
        connection.putheader(name, value)
    tracemalloc.start()
    try:
        connection.endheaders(begin)
        for piece in pieces(64):
            connection.send(piece)
        connection.send(end)
        with connection.getresponse() as response:
            answer = json.loads(response.read())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ("media_id" in answer) is right
    assert peak < 16 * MEBIBYTE
    (received,) = gateway.requests
    assert received.parts is not None
    file = received.parts["file"]
    assert (file.size, file.digest) == (64 * MEBIBYTE, digest.hexdigest())
    assert (received.body, len(file.head)) == (b"", MEBIBYTE)
    with pytest.raises(ValueError, match="were kept"):
        _ = file.content


def test_a_large_body_that_is_no_upload(merchant: Merchant, gateway: Sandbox) -> None:
    """Other bodies have a limit, and are not read beyond it."""
    path = "/v3/pay/transactions/native"
    connection = merchant.connect()
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(17 * MEBIBYTE))
    connection.endheaders()
    try:
        for piece in pieces(17):
            connection.send(piece)
    except ConnectionError:
        pass
    else:
        with connection.getresponse() as response:
            assert response.status == 413
    assert "larger than" in str(gateway.requests[0].problem)


def test_hanging_up_on_an_upload(merchant: Merchant, gateway: Sandbox) -> None:
    """Misbehaviour works on uploads as well."""
    gateway.misbehave("hang-up-before")
    with pytest.raises(ConnectionError):
        upload(merchant, IMAGE, GOOD)
    assert gateway.requests[0].problem == "hung up"
    gateway.misbehave("bad-signature")
    assert upload(merchant, IMAGE, GOOD).problem() == "signature"
