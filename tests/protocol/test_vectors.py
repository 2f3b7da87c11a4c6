"""The pure protocol against what the PHP SDK was seen to do."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.merchant import private, units
from wechatpay_chain.errors import DecodeError, RequestError
from wechatpay_chain.protocol import formatter, query, rsa, transformer
from wechatpay_chain.protocol.scheme import Scheme
from wechatpay_chain.protocol.template import expand

# PHP expands a path variable without a value to nothing; here it is refused.
MISSING = {"v3/{nul}"}
# PHP answers these with an empty array or obeys the document type; here they are errors.
NO_XML = ("", "not xml")


@pytest.mark.parametrize("case", units()["template"], ids=lambda case: case["template"])
def test_a_template_expands_as_recorded(case: dict[str, Any]) -> None:
    """A template gives PHP's text, save where a path variable is missing."""
    if case["template"] in MISSING:
        with pytest.raises(RequestError, match="has no value"):
            expand(case["template"], case["variables"])
    else:
        assert expand(case["template"], case["variables"]) == case["expanded"]


@pytest.mark.parametrize("case", units()["query"], ids=lambda case: str(case["query"]))
def test_a_query_is_built_as_recorded(case: dict[str, Any]) -> None:
    """A query gives PHP's percent-encoding."""
    assert f"/v3/x?{query.build(case['query'])}" == case["target"]


@pytest.mark.parametrize("case", units()["to_array"], ids=lambda case: case["xml"][:40])
def test_xml_is_read_as_recorded(case: dict[str, Any]) -> None:
    """XML gives PHP's array, save that what PHP should not have read is refused."""
    if case["xml"] in NO_XML or "<!DOCTYPE" in case["xml"]:
        with pytest.raises(DecodeError):
            transformer.to_array(case["xml"])
    else:
        assert transformer.to_array(case["xml"]) == (case["data"] or {})


@pytest.mark.parametrize("case", units()["joined"], ids=lambda case: str(case["pieces"]))
def test_pieces_are_joined_as_recorded(case: dict[str, Any]) -> None:
    """Each piece is followed by one line feed."""
    assert formatter.joined_by_line_feed(*case["pieces"]) == case["out"]


def test_the_authorization_header_is_as_recorded() -> None:
    """The header's value has PHP's form, to the letter."""
    mchid, nonce, signature, timestamp, serial = units()["authorization"]["args"]
    made = formatter.authorization(Scheme.RSA, mchid, nonce, signature, timestamp, serial)
    assert made == units()["authorization"]["out"]


@pytest.mark.parametrize("case", units()["rsa_sign"], ids=lambda case: case["message"][:9])
def test_a_signature_is_as_recorded(case: dict[str, Any]) -> None:
    """The merchant's key signs what PHP signed with it."""
    made = rsa.sign(case["message"].encode(), private("mch_key"))
    assert base64.b64encode(made).decode() == case["signature"]
    assert rsa.verify(case["message"].encode(), made, private("mch_key").public_key())
