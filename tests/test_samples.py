"""Samples and example values: every one of them can be run and fits its schema."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from wechatpay_chain.catalogue import Operation, examples, find, operations, samples
from wechatpay_chain.protocol.segments import attribute, camel, snake

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"


def of(method: str, path: str) -> Operation:
    """Return a known operation."""
    found = find(method, path)
    assert found is not None
    return found


def test_every_path_can_be_spelled() -> None:
    """Attributes reach each segment in both cases, but for the twin of an endpoint with one."""
    unspelled = set()
    for one in operations():
        above = ""
        for segment in one.path.split("/"):
            for spell in (snake, camel):
                name = spell(above, segment)
                if name is None:
                    unspelled.add((spell.__name__, segment))
                else:
                    assert attribute(above, name) == segment
            above = f"{above}/{segment}" if above else segment
    assert unspelled == {("snake", "policy-periods")}


EXPRESSIONS: list[tuple[str, str, str]] = [
    ("pure", PUNISH, "client.v3.aggracct_bc.wb_channel.control_orders.punish"),
    ("declarative", PUNISH, f'client.chain("{PUNISH}")'),
    ("item", PUNISH, f'client["{PUNISH}"]'),
    ("pure", "v3/global/x/{id}", 'client.v3.global_.x["{id}"]'),
    ("pure", "v2/pay/orderquery", "client.v2.pay.orderquery"),
]


@pytest.mark.parametrize(("style", "path", "wanted"), EXPRESSIONS)
def test_an_expression_is_as_people_write_it(style: str, path: str, wanted: str) -> None:
    """Each style has its form; a path variable is an item."""
    assert samples.expression(path, style) == wanted


@pytest.mark.parametrize("style", samples.STYLES)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_sample_is_python(style: str, asynchronous: bool) -> None:
    """Each operation's sample compiles, and its values are the example's."""
    for one in operations():
        tree = ast.parse(samples.python(one, style, asynchronous=asynchronous))
        assigned = tree.body[0].value  # type: ignore[attr-defined]
        assert isinstance(assigned, ast.Await) is asynchronous
        call = assigned.value if asynchronous else assigned
        made = {key.arg: ast.literal_eval(key.value) for key in call.keywords}
        made.pop("sink", None)
        assert made == examples.options(one)


def test_a_php_sample_says_what_php_must_be_told() -> None:
    """Certificate, nonce and host stand in PHP's options; here the client knows them."""
    assert "'security' => true" in samples.php(of("POST", "v2/secapi/pay/refund"))
    assert "'nonceless' => true" in samples.php(of("POST", "v2/papay/deletecontract"))
    assert "'base_uri' => 'https://apihk" in samples.php(of("GET", "v3/global/certificates"))
    assert "security" not in samples.python(of("POST", "v2/secapi/pay/refund"))
    assert "->media->upload->post([" in samples.php(of("POST", "v3/merchant/media/upload"))
    id_of = samples.php(of("GET", "v3/pay/transactions/id/{transaction_id}"), asynchronous=True)
    assert re.search(r"->id->_transaction_id_->getAsync\(\[.*->wait\(\);", id_of, re.DOTALL)


VALUES: list[tuple[str, str, Any]] = [
    ("POST", PUNISH, ("json", "punish_scene", 1)),
    ("POST", PUNISH, ("json", "punish_end_time", "2015-05-20T13:29:35+08:00")),
    ("POST", PUNISH, ("json", "fund_repatriation_strategy", "ALL_FORBIDDEN")),
    ("POST", "v3/merchant/media/upload", ("upload", "file", "example.png")),
]


@pytest.mark.parametrize(("method", "path", "wanted"), VALUES)
def test_example_values_fit(method: str, path: str, wanted: Any) -> None:
    """Times, enums and numbers look like what they are."""
    place, name, value = wanted
    assert examples.options(of(method, path))[place][name] == value


def test_only_what_is_required_can_be_asked_for() -> None:
    """The shorter example lacks every optional field, and nothing that is required."""
    made = examples.options(of("POST", PUNISH), required_only=True)
    assert made == {
        "json": {
            "out_request_no": "example_out_request_no",
            "mchid": "example_mchid",
            "bal_account_no": "example_bal_account_no",
            "punish_scene": 1,
        }
    }
