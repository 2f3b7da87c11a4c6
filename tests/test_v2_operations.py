"""Every operation of the XML protocol, in every spelling, as the strict gateway sees it."""

from __future__ import annotations

import asyncio
import keyword
import re
from collections.abc import Iterator
from typing import Any

import pytest

from wechatpay_chain import BusinessError, Chain, Client, Response
from wechatpay_chain.catalogue import Operation, operations
from wechatpay_chain.sandbox import Sandbox

MCHID = "1900000109"
# Texts in which XML, a query or the sorted text could go wrong.
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
    """Return what an operation requires, with values that are hard to write."""
    given: dict[str, Any] = {"mch_id": MCHID}
    for at, (place, *names) in enumerate(operation.required):
        if place in ("xml", "query") and len(names) == 1 and names[0] not in ("nonce_str", "sign"):
            given[names[0]] = MCHID if "mch" in names[0] else TEXTS[at % len(TEXTS)]
    if "sign_type" in given:
        given["sign_type"] = operation.only_sign_type or "HMAC-SHA256"
    for name in operation.booleans:
        given[name] = False
    return given | {"mch_id": MCHID}


def attributes(root: Any, path: str, *, camel: bool) -> Any:
    """Walk a path by attributes, in snake_case or camelCase."""
    for segment in path.split("/"):
        if segment.startswith("{"):
            root = root[segment]
            continue
        name = segment.replace("-", "_")
        if camel:
            name = re.sub(r"-(\w)", lambda found: found[1].upper(), segment)
        root = getattr(root, name + "_" if keyword.iskeyword(name) else name)
    return root


SPELLINGS: dict[str, Any] = {
    "snake": lambda root, path: attributes(root, path, camel=False),
    "camel": lambda root, path: attributes(root, path, camel=True),
    "chain": lambda root, path: root.chain(path),
    "item": lambda root, path: root[path],
}


@pytest.mark.filterwarnings("ignore::wechatpay_chain.DeprecatedOperationWarning")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("operation", [*operations("v2/")], ids=str)
def test_an_operation_is_reached_and_its_sign_is_right(
    operation: Operation, spelling: str, client: Client, gateway: Sandbox
) -> None:
    """The gateway knows the operation, computes the same sign, and its answer is believed."""
    gateway.clear()
    method, path = operation.method, operation.path
    node: Chain = SPELLINGS[spelling](client, path)
    assert str(node) == path
    data = fields(operation)
    options: dict[str, Any] = {"query" if method == "GET" else "xml": data}
    if operation.nonceless:
        options["nonceless"] = True
    if operation.client_certificate:
        options["security"] = True
    query = [
        names[0]
        for place, *names in operation.required
        if place == "query" and names and method != "GET"
    ]
    if query:
        options["query"] = dict.fromkeys(query, "x y")
    variables = re.findall(r"\{(\w+)\}", path)
    options |= {name: name for name in variables}
    # Made-up values make no business; but the gateway took the request, and signed its no.
    outcome: Response | BusinessError
    try:
        if spelling in ("snake", "chain"):
            outcome = getattr(node, method.lower())(**options)
        else:
            outcome = asyncio.run(getattr(node, f"{method.lower()}_async")(options))
    except BusinessError as error:
        outcome = error
    assert outcome.verified is not operation.has_unsigned_answer, outcome
    [request] = gateway.requests
    reached = path.removeprefix("v2")
    for name in variables:
        reached = reached.replace("{" + name + "}", name)
    assert (request.method, request.path) == (method, reached)
    assert request.opened is not None, request.problem
    shown = gateway.identity.merchant.serial if "security" in options else None
    assert request.client_certificate == shown
