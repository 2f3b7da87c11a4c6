"""`Transformer`: XML as PHP writes and reads it, and the same fields after a round trip."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.merchant import units
from wechatpay_chain import DecodeError, Hash, RequestError, Transformer

# XML 1.0, production 2, less nothing: carriage returns, "]]>" and emoji are text.
LETTERS = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
PIECES = st.sampled_from(
    ["\r", "\n", "\t", "\r\n", "]]>", "<", ">", "&", '"', "\x7f", "\x85", "😀"]
)
TEXT = st.lists(LETTERS | PIECES, max_size=12).map("".join)
NAME = st.from_regex(r"[A-Za-z_一-龥][A-Za-z0-9_.一-龥-]{0,20}", fullmatch=True)
FIELDS = st.dictionaries(NAME, TEXT, max_size=8)


@pytest.mark.parametrize("case", units()["to_xml"], ids=lambda case: str(case["data"]))
def test_xml_is_written_as_recorded(case: dict[str, Any]) -> None:
    """A mapping gives PHP's XML, to the letter."""
    options = [case[name] for name in ("headless", "indent", "root", "item") if name in case]
    assert Transformer.to_xml(case.get("data_full", case["data"]), *options) == case["xml"]


@pytest.mark.parametrize("case", units()["to_array"], ids=lambda case: case["xml"][:40])
def test_xml_is_read_as_recorded(case: dict[str, Any]) -> None:
    """XML gives PHP's array, save that what PHP should not have read is refused."""
    if case["xml"] in ("", "not xml") or "<!DOCTYPE" in case["xml"]:
        with pytest.raises(DecodeError):
            Transformer.to_array(case["xml"])
    else:
        assert Transformer.to_array(case["xml"]) == (case["data"] or {})


def test_the_defaults_are_phps() -> None:
    """Without an argument there is PHP's empty document."""
    assert Transformer.to_array() == {}
    assert Transformer.sanitize() == "<xml/>"
    assert Transformer.sanitize("a\x00b\x1f\t中\ufffe😀") == "ab\t中😀"


@given(FIELDS)
@example({"a": "]]>", "b": "\r\n", "c": "\r]]>\r", "d": "'\"<&>", "e": "😀", "f": " ", "g": ""})
@example({"a": "]]", "b": ">", "c": "]]]]>>", "d": "<![CDATA[x]]>", "e": "&#13;&amp;", "f": "\n"})
def test_fields_come_back_as_they_were(fields: dict[str, str]) -> None:
    """Whatever text XML can hold is the same after writing and reading."""
    assert Transformer.to_array(Transformer.to_xml(fields)) == fields
    assert Transformer.to_array(Transformer.to_xml(fields, headless=False).encode()) == fields


@given(
    st.dictionaries(NAME, TEXT | st.integers() | st.none() | st.just(True), max_size=8),
    st.sampled_from([Hash.ALGO_MD5, Hash.ALGO_HMAC_SHA256]),
)
def test_a_sign_survives_the_way(fields: dict[str, Any], algorithm: str) -> None:
    """Who reads the XML computes the sign that its writer computed."""
    read = Transformer.to_array(Transformer.to_xml(fields))
    assert Hash.sign(algorithm, read, "key") == Hash.sign(algorithm, fields, "key")


@given(st.text(min_size=1, max_size=5))
def test_a_name_that_xml_has_not_is_an_item(name: str) -> None:
    """Any key makes a document that can be read: under its name, or as an item."""
    read = Transformer.to_array(Transformer.to_xml({name: "1"}))
    assert read in ({name: "1"}, {"item": "1"})


@pytest.mark.parametrize("value", ["\x00", "a\x0bb", "\ud800", "\ufffe", object(), b"1", {1}])
def test_what_xml_cannot_hold_is_refused(value: object) -> None:
    """A control character, half a letter or an object is an error that names the field."""
    with pytest.raises(RequestError, match="field 'name'"):
        Transformer.to_xml({"name": value})
