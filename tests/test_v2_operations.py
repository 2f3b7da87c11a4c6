"""Every operation of the XML protocol with values that are hard to write, before the gateway.

What `test_every_operation` calls with plain values is called with all that XML, a
query or the sorted text could get wrong; the sign must be right all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import BusinessError, Client, Response
from wechatpay_chain.catalogue import Operation, operations
from wechatpay_chain.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore::wechatpay_chain.DeprecatedOperationWarning")

MCHID = "1900000109"
TEXTS = (
    '价格 <100> & "优惠"',
    "a]]>b",
    "line1\nline2",
    "emoji 😀",
    "it's 100% a+b=c",
    "  spaces  ",
    "&amp;",
    "tab\tchar",
    "斜杠/反斜杠\\",
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway with TLS, without which half of the operations are closed."""
    with Sandbox(tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Sandbox) -> Iterator[Client]:
    """Its merchant's client."""
    with gateway.client() as made:
        yield made


def fields(operation: Operation) -> dict[str, Any]:
    """Return what an operation requires."""
    given: dict[str, Any] = {"mch_id": MCHID}
    for at, (place, *names) in enumerate(operation.required):
        if place in ("xml", "query") and len(names) == 1 and names[0] not in ("nonce_str", "sign"):
            given[names[0]] = MCHID if "mch" in names[0] else TEXTS[at % len(TEXTS)]
    if "sign_type" in given:
        given["sign_type"] = operation.only_sign_type or "HMAC-SHA256"
    for name in operation.booleans:
        given[name] = False
    return given | {"mch_id": MCHID}


@pytest.mark.parametrize("operation", [*operations("v2/")], ids=str)
def test_hard_values_are_signed_as_they_are_read(
    operation: Operation, client: Client, gateway: Sandbox
) -> None:
    """The gateway computes the same sign, reads the same values, and its answer is believed."""
    gateway.clear()
    data = fields(operation)
    options: dict[str, Any] = {"query" if operation.method == "GET" else "xml": data}
    query = [name for place, *rest in operation.required if place == "query" for name in rest]
    if query and operation.method != "GET":
        options["query"] = dict.fromkeys(query, "x y")
    options |= {name: name for name in operation.variables}
    # Made-up values make no business; but the gateway took the request, and signed its no.
    outcome: Response | BusinessError
    try:
        outcome = getattr(client[operation.path], operation.method.lower())(**options)
    except BusinessError as error:
        outcome = error
    assert outcome.verified is not operation.has_unsigned_answer, outcome
    [request] = gateway.requests
    assert request.opened is not None, request.problem
    assert {name: request.opened[name] for name in data} == {
        name: "" if value is False else value for name, value in data.items()
    }
    shown = gateway.identity.merchant.serial if operation.client_certificate else None
    assert request.client_certificate == shown
