"""What stands between the wire and the receiver: methods, headers and bodies, byte by byte."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Iterable

import pytest

from tests.integrations.conftest import Served
from tests.integrations.servers import SERVERS, Serve
from wechatpay_chain.sandbox import Notification, Sandbox

SIGNED = ["Timestamp", "Nonce", "Serial", "Signature"]


@pytest.fixture
def notification(gateway: Sandbox) -> Notification:
    """A callback that nobody has sent yet."""
    return gateway.notification("TRANSACTION.SUCCESS")


def message(
    served: Served,
    notification: Notification,
    *more: str,
    body: bytes | None = None,
    method: str = "POST",
) -> bytes:
    """Return the bytes of a request; without a body of its own it has the callback's, whole."""
    lines = [f"{name}: {value}" for name, value in notification.headers]
    lines += ["Host: 127.0.0.1", "Connection: close", *more]
    if body is None:
        body = notification.body
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([f"{method} {served.path} HTTP/1.1", *lines, "", ""]).encode() + body


def say(served: Served, sent: bytes, *, is_all: bool = False) -> bytes:
    """Send some bytes and return what comes; `is_all` hangs up on the sender's side."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(sent)
        if is_all:
            connection.shutdown(socket.SHUT_WR)
        return _all(connection)


def _all(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionResetError:
        # It did not want to read the rest.
        pass
    return answer


def status(answer: bytes) -> int:
    """Return an answer's status, after those that say to go on; 0 if there is none."""
    while answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    return int(answer.split(b" ")[1]) if answer else 0


def reasons(records: Iterable[logging.LogRecord]) -> list[str]:
    """Return why callbacks were refused."""
    return [
        str(record.args[0])
        for record in records
        if record.name == "wechatpay_chain.webhooks" and isinstance(record.args, tuple)
    ]


def test_the_bytes_of_a_callback_are_taken(served: Served, notification: Notification) -> None:
    """What the other tests send would be acknowledged, were it not for what they change."""
    assert status(say(served, message(served, notification))) == 200
    assert [event.id for event in served.events] == [notification.id]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_answered(served: Served, notification: Notification, method: str) -> None:
    """Any other method gets 405 and is told which would do, however genuine the rest is."""
    answer = say(served, message(served, notification, method=method))
    assert status(answer) == 405
    assert b"\r\nallow: post\r\n" in answer.lower()
    assert served.events == []


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("is_same", [True, False], ids=["same", "other"])
def test_a_signature_header_that_is_there_twice_is_refused(
    served: Served,
    notification: Notification,
    name: str,
    is_same: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where the server joins the two, and also if both are the same."""
    header = f"Wechatpay-{name}"
    value = dict(notification.headers)[header] if is_same else "1"
    answer = say(served, message(served, notification, f"{header}: {value}"))
    assert status(answer) == 401
    assert reasons(caplog.records) == ["repeated-header"]
    assert served.events == []


def test_a_header_with_underscores_is_not_the_one_with_hyphens(
    served: Served, notification: Notification, caplog: pytest.LogCaptureFixture
) -> None:
    """WSGI knows no difference: what it joins is refused, what is dropped changes nothing."""
    answer = say(served, message(served, notification, "Wechatpay_Serial: PUB_KEY_ID_1"))
    assert (status(answer), reasons(caplog.records)) in [(200, []), (401, ["repeated-header"])]


def test_a_body_in_chunks(served: Served, notification: Notification) -> None:
    """Is taken like any other; Django reads none under WSGI, and then nothing is handled."""
    half = len(notification.body) // 2
    parts = [notification.body[:half], notification.body[half:], b""]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    answer = say(served, message(served, notification, "Transfer-Encoding: chunked", body=chunks))
    taken = served.framework != "django-wsgi"
    assert (status(answer) == 200) is taken
    assert len(served.events) == taken


def test_a_sender_that_waits_to_be_told_to_go_on(
    served: Served, notification: Notification
) -> None:
    """``Expect: 100-continue``: the body is sent when it is asked for."""
    head, _, body = message(served, notification, "Expect: 100-continue").partition(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(head + b"\r\n\r\n")
        told = connection.recv(65536)
        assert told.startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert status(told + _all(connection)) == 200
    assert [event.id for event in served.events] == [notification.id]


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
def test_a_body_that_a_middleware_has_read_is_taken(gateway: Sandbox, serve: Serve) -> None:
    """Programs log bodies: the receiver gets them all the same."""
    webhooks = gateway.client().webhooks
    webhooks.on("*")(lambda event: None)
    with serve(webhooks, is_read=True) as url:
        assert gateway.notify(url, "TRANSACTION.SUCCESS").acknowledged


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_body_that_is_cut_off_reaches_no_handler(
    served: Served, notification: Notification, kept: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Who hangs up halfway has said nothing, and fills no log with tracebacks."""
    whole = message(served, notification)
    start = len(whole) - len(notification.body)
    answer = say(served, whole[: start + int(kept * len(notification.body))], is_all=True)
    assert status(answer) == 0 or status(answer) >= 400
    assert served.events == []
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Transfer-Encoding: chunked", b"zz\r\nabc\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nabc"),
        ("Content-Encoding: gzip\r\nContent-Length: 3", b"abc"),
        ("Content-Encoding: br\r\nContent-Length: 3", b"abc"),
        ("Content-Length: 3\r\nContent-Length: 4", b"abcd"),
        ("Content-Length: -1", b"abc"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    served: Served, notification: Notification, header: str, body: bytes
) -> None:
    """Whoever sends it sees no traceback."""
    answer = say(served, message(served, notification, header, body=body), is_all=True)
    assert status(answer) == 0 or status(answer) >= 400
    assert b"Traceback" not in answer
    assert served.events == []


def test_a_body_that_ends_in_a_reset_reaches_no_handler(
    served: Served, notification: Notification
) -> None:
    """A connection that breaks halfway does no harm: the next callback is taken."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        # Zero seconds to linger: closing sends a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(message(served, notification)[:-10])
    assert status(say(served, message(served, notification))) == 200
    assert len(served.events) == 1


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_a_body_over_the_limit_is_refused(
    served: Served,
    notification: Notification,
    in_chunks: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The limit is the receiver's, and more than that is not read."""
    body = notification.body + b" " * (served.webhooks.limit + 1 - len(notification.body))
    if in_chunks:
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        answer = say(
            served, message(served, notification, "Transfer-Encoding: chunked", body=content)
        )
    else:
        length = f"Content-Length: {len(body)}"
        answer = say(served, message(served, notification, length, body=body))
    if in_chunks and served.framework == "django-wsgi":
        assert status(answer) >= 400
    else:
        assert status(answer) == 413
        assert reasons(caplog.records) == ["too-large"]
    assert served.events == []


def test_a_body_just_within_the_limit_is_read_whole(
    served: Served, notification: Notification, caplog: pytest.LogCaptureFixture
) -> None:
    """No framework's own limit, the default or a smaller one, stands in a callback's way."""
    body = notification.body + b" " * (served.webhooks.limit - len(notification.body))
    answer = say(served, message(served, notification, f"Content-Length: {len(body)}", body=body))
    assert status(answer) == 401
    assert reasons(caplog.records) == ["bad-signature"]


def test_a_body_without_an_end_is_not_read_to_its_end(
    served: Served, notification: Notification
) -> None:
    """Somebody who says a terabyte gets the answer after the limit."""
    if served.framework == "django-asgi":
        pytest.skip("Django reads a body to disk before it calls a view")
    head = message(served, notification, "Content-Length: 1099511627776", body=b"")
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(head + b" " * (served.webhooks.limit + 1))
        assert status(connection.recv(65536)) == 413
    assert served.events == []
