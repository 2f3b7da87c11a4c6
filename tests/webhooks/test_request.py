"""Headers in whatever a framework holds them, and bodies as bytes alone."""

from __future__ import annotations

import email.message
import io
from collections.abc import Callable
from typing import Any
from wsgiref.headers import Headers as WsgirefHeaders

import pytest
from django.conf import settings as django_settings
from django.http import HttpHeaders
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from starlette.datastructures import Headers as StarletteHeaders
from werkzeug.datastructures import EnvironHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

from tests.webhooks.callbacks import Callback, webhooks
from wechatpay_chain import ConfigurationError
from wechatpay_chain.errors import Reason, WebhookBodyError, WebhookHeaderError

if not django_settings.configured:
    django_settings.configure()

CALLBACK = Callback()
Pairs = list[tuple[str, str]]


def environ(pairs: Pairs) -> dict[str, Any]:
    """Return a WSGI environ, in which what is there twice is joined."""
    made: dict[str, Any] = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(), "REMOTE_PORT": 5}
    for name, value in pairs:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        made[key] = f"{made[key]},{value}" if key in made else value
    return made


def message(pairs: Pairs) -> email.message.Message:
    """Return the headers of http.client and http.server."""
    made = email.message.Message()
    for name, value in pairs:
        made.add_header(name, value)
    return made


def raw(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """Return ASGI's raw headers."""
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def lists(pairs: Pairs) -> dict[str, list[str]]:
    """Return a mapping of lists."""
    made: dict[str, list[str]] = {}
    for name, value in pairs:
        made.setdefault(name.lower(), []).append(value)
    return made


SPELLINGS: dict[str, Callable[[Pairs], Any]] = {
    "pairs": list,
    "tuple of lists": lambda pairs: tuple(list(pair) for pair in pairs),
    "generator": lambda pairs: (pair for pair in pairs),
    "bytes pairs": raw,
    "ASGI scope": lambda pairs: {"type": "http", "asgi": {}, "headers": raw(pairs)},
    "lists": lists,
    "bytes lists": lambda pairs: {
        name.encode(): [value.encode() for value in values] for name, values in lists(pairs).items()
    },
    "WSGI": environ,
    "Django META": environ,
    "Django": lambda pairs: HttpHeaders(environ(pairs)),
    "werkzeug": WerkzeugHeaders,
    "werkzeug environ": lambda pairs: EnvironHeaders(environ(pairs)),
    "Starlette": lambda pairs: StarletteHeaders(raw=raw(pairs)),
    "multidict": MultiDict,
    "aiohttp": lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)),
    "http.client": message,
    "wsgiref": WsgirefHeaders,
}
MAPPINGS: dict[str, Callable[[Pairs], Any]] = {
    "dict": dict,
    "lower case": lambda pairs: {name.lower(): value for name, value in pairs},
    "upper case": lambda pairs: {name.upper(): value for name, value in pairs},
    "bytes": lambda pairs: {name.encode(): value.encode() for name, value in pairs},
}
SIGNED = ["Timestamp", "Nonce", "Serial", "Signature"]


@pytest.mark.parametrize("spelling", SPELLINGS | MAPPINGS)
def test_headers_are_taken_as_any_framework_holds_them(spelling: str) -> None:
    """A genuine callback is one in every container."""
    pairs = list(CALLBACK.headers.items())
    event = webhooks().parse((SPELLINGS | MAPPINGS)[spelling](pairs), CALLBACK.body)
    assert event.id == CALLBACK.id


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("first", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_doubled_header_is_seen_in_every_container(spelling: str, first: bool, name: str) -> None:
    """A second signature header, before or behind the right one, is never overlooked."""
    pairs = list(CALLBACK.headers.items())
    second = (f"Wechatpay-{name}", CALLBACK.headers[f"Wechatpay-{name}"])
    doubled = [second, *pairs] if first else [*pairs, second]
    with pytest.raises(WebhookHeaderError, match=f"Wechatpay-{name} is there 2") as caught:
        webhooks().parse(SPELLINGS[spelling](doubled), CALLBACK.body)
    assert caught.value.reason is Reason.REPEATED_HEADER


@pytest.mark.parametrize("name", SIGNED)
def test_names_that_differ_in_case_are_one_name(name: str) -> None:
    """A dictionary can hold a header twice under two spellings."""
    full = f"Wechatpay-{name}"
    doubled = CALLBACK.headers | {full.lower(): CALLBACK.headers[full]}
    with pytest.raises(WebhookHeaderError, match="is there 2 times"):
        webhooks().parse(doubled, CALLBACK.body)


def test_a_sender_cannot_make_a_scope_of_headers() -> None:
    """Headers called asgi and headers are headers like any other."""
    pairs = [*CALLBACK.headers.items(), ("asgi", "x"), ("headers", "x")]
    for make in (*MAPPINGS.values(), StarletteHeaders, CIMultiDict):
        given = make(raw=raw(pairs)) if make is StarletteHeaders else make(pairs)
        assert webhooks().parse(given, CALLBACK.body).id == CALLBACK.id


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.MISSING_HEADER),
        ("", Reason.MISSING_HEADER),
        ([], Reason.MISSING_HEADER),
        (["", ""], Reason.REPEATED_HEADER),
        ("a\nb", Reason.MALFORMED_HEADER),
        ("a\x00", Reason.MALFORMED_HEADER),
        ("签", Reason.MALFORMED_HEADER),
        (b"\xff", Reason.MALFORMED_HEADER),
        (17, Reason.MALFORMED_HEADER),
    ],
    ids=str,
)
def test_a_header_that_is_none_is_refused_by_name(name: str, value: Any, reason: Reason) -> None:
    """Missing, empty, no text, or with anything that could pass for the body's beginning."""
    full = f"Wechatpay-{name}"
    with pytest.raises(WebhookHeaderError, match=full) as caught:
        webhooks().parse({**CALLBACK.headers, full: value}, CALLBACK.body)
    assert caught.value.reason is reason


def test_a_nonce_cannot_take_in_the_bodys_beginning() -> None:
    """What is signed is one text, so a line break would let a nonce end where it likes."""
    callback = CALLBACK.but(content=b'{"a":\n1}')
    headers = callback.headers
    headers["Wechatpay-Nonce"] += '\n{"a":'
    with pytest.raises(WebhookHeaderError):
        webhooks().parse(headers, b"1}")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_body_is_bytes(kind: Any) -> None:
    """All kinds of bytes are taken."""
    assert webhooks().parse(CALLBACK.headers, kind(CALLBACK.body)).id == CALLBACK.id


@pytest.mark.parametrize("body", [CALLBACK.body.decode(), {"id": "1"}, None, 5, [1]], ids=str)
def test_a_body_that_was_decoded_is_the_programmers_mistake(body: Any) -> None:
    """The error says where each framework has the raw bytes, for parse and receive."""
    for method in (webhooks().parse, webhooks().receive):
        with pytest.raises(ConfigurationError, match=r"request.body\(\) in Starlette"):
            method(CALLBACK.headers, body)


@pytest.mark.parametrize("headers", [None, 5, "a: b", b"x", [1], [("a", "b", "c")]], ids=str)
def test_headers_that_are_none_are_the_programmers_mistake(headers: Any) -> None:
    """What is neither a mapping nor pairs is no request's headers."""
    with pytest.raises(ConfigurationError, match="headers must be"):
        webhooks().parse(headers, CALLBACK.body)


def test_a_large_body_is_refused_before_anything_is_done_with_it() -> None:
    """Its headers are not even looked at; one that just fits is."""
    receiver = webhooks(limit=100)
    for body in (b"x" * 101, memoryview(b"x" * 104).cast("I")):
        with pytest.raises(WebhookBodyError, match="more than 100 bytes") as caught:
            receiver.parse({}, body)
        assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(WebhookHeaderError):
        receiver.parse({}, b"x" * 100)
