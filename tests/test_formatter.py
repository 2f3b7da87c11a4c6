"""`Formatter`: PHP's texts, to the letter, and nonces that nobody guesses."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.support.merchant import units
from wechatpay_chain import Formatter, RequestError


@pytest.mark.parametrize("case", units()["joined"], ids=lambda case: str(case["pieces"]))
def test_pieces_are_joined_as_recorded(case: dict[str, Any]) -> None:
    """Each piece is followed by one line feed."""
    assert Formatter.joined_by_line_feed(*case["pieces"]) == case["out"]


def test_the_authorization_header_is_as_recorded() -> None:
    """The header's value has PHP's form, from PHP's arguments in PHP's order."""
    case = units()["authorization"]
    assert Formatter.authorization(*case["args"]) == case["out"]


@pytest.mark.parametrize("case", units()["query_string_like"], ids=lambda case: case["string"])
def test_fields_are_sorted_and_joined_as_recorded(case: dict[str, Any]) -> None:
    """Keys are sorted as texts; what is empty is left out, and zero is not empty."""
    ordered = Formatter.ksort(case["data"])
    assert list(ordered) == case["sorted_keys"]
    assert Formatter.query_string_like(ordered) == case["string"]


def test_request_and_response_are_what_is_signed() -> None:
    """A request's and an answer's text have their parts in order, each with its line feed."""
    assert (
        Formatter.request("GET", "/v3/x?a=1", 1609459200, "N")
        == "GET\n/v3/x?a=1\n1609459200\nN\n\n"
    )
    assert Formatter.request("POST", "/v3/x", "1", "N", "{}") == "POST\n/v3/x\n1\nN\n{}\n"
    assert Formatter.request("POST", "/v3/x", 1, "N", b"{}") == "POST\n/v3/x\n1\nN\n{}\n"
    assert Formatter.response("1609459200", "N", "中") == "1609459200\nN\n中\n"
    assert Formatter.response(1609459200, "N") == "1609459200\nN\n\n"


def test_a_body_of_bytes_comes_through() -> None:
    """Bytes are never shown as Python writes them, and come back as they were."""
    body = b"\xff\xfe{}\x00"
    text = Formatter.response(1, "N", body)
    assert "b'" not in text
    assert text.encode("utf-8", "surrogateescape") == b"1\nN\n" + body + b"\n"


def test_pieces_are_spelled_as_php_spells_them() -> None:
    """None is empty, True is 1, and an object is refused rather than shown."""
    assert Formatter.joined_by_line_feed(None, True, False, 1.5, "") == "\n1\n\n1.5\n\n"
    with pytest.raises(RequestError, match="a piece must be a string"):
        Formatter.joined_by_line_feed(object())


@pytest.mark.parametrize("size", [1, 16, 32, 33, 1000])
def test_a_nonce_has_its_size(size: int) -> None:
    """A nonce has as many letters and digits as were asked for, and never the same ones."""
    made = Formatter.nonce(size)
    assert re.fullmatch(f"[0-9A-Za-z]{{{size}}}", made)
    assert size < 16 or Formatter.nonce(size) != made
    assert len(Formatter.nonce()) == 32


@pytest.mark.parametrize("size", [0, -1])
def test_a_nonce_of_nothing_is_refused(size: int) -> None:
    """As in PHP, a nonce has at least one character."""
    with pytest.raises(RequestError, match=f"at least one character, not {size}"):
        Formatter.nonce(size)


def test_the_timestamp_is_now() -> None:
    """The timestamp is a whole number of seconds, of this moment."""
    before = int(time.time())
    assert before <= Formatter.timestamp() <= time.time()
