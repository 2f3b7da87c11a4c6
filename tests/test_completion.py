"""What Tab offers: known segments in both spellings, the verbs that an operation has, keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core import completer

from tests.support.merchant import client
from wechatpay_chain import Chain, Client
from wechatpay_chain.catalogue import headings

GET = {"get", "get_async", "getAsync"}
POST = {"post", "post_async", "postAsync"}
EVERY_VERB = {
    name + suffix
    for name in ("get", "post", "put", "patch", "delete")
    for suffix in ("", "_async", "Async")
}


@pytest.fixture(scope="module")
def root() -> Iterator[Client]:
    """A client that sends nothing."""
    with client() as made:
        yield made


OFFERED: list[tuple[str, set[str]]] = [
    ("v3/aggracct-bc", {"wb_channel", "wbChannel"}),
    ("v3/refund", {"domestic"}),
    ("v3/refund/domestic/refunds", {*POST, "_out_refund_no_", "_refund_id_"}),
    ("v3/refund/domestic/refunds/{out_refund_no}", GET),
    (
        "v3/refund/domestic/refunds/1217752501",
        {*GET, "apply_abnormal_refund", "applyAbnormalRefund"},
    ),
    ("v3/aggracct-bc/wb-channel/control-orders/1217752501", GET),
    ("v3/aggracct-bc/wb-channel/control-orders/punish", POST),
    ("v3/of/tomorrow", EVERY_VERB),
    ("v2/secapi/pay/refund", POST),
]


@pytest.mark.parametrize(("path", "offered"), OFFERED)
def test_a_node_lists_what_is_known_to_follow(root: Client, path: str, offered: set[str]) -> None:
    """dir() shows just the known segments and verbs, and of an unknown path every verb."""
    names = {name for name in dir(root[path]) if name in offered or not name.startswith("_")}
    assert names == {*offered, "chain"}


def test_a_keyword_gets_an_underscore(root: Client) -> None:
    """A segment that Python reserves is offered as it must be written."""
    assert {"global_", "pay", "aggracct_bc", "aggracctBc"} <= set(dir(root.v3))
    assert "global" not in dir(root.v3)


def test_a_client_lists_its_methods_and_protocols(root: Client) -> None:
    """dir() of a client shows v2, v3 and what it can do itself."""
    public = {name for name in dir(root) if not name.startswith("_")}
    methods = {"aclose", "chain", "close", "describe", "get_driver", "stack"}
    methods |= {"bills", "certificates", "payments", "webhooks"}
    assert public == {"v2", "v3", *methods}


def test_every_name_leads_on(root: Client) -> None:
    """Following the offered names from a client, every known path but a hyphened twin is reached.

    The twin is there with an underscore too, and that one attributes reach.
    """
    known = {path.removesuffix("/{empty}") for _, path in headings()}
    above = {path[:end] for path in known for end, letter in enumerate(path) if letter == "/"}
    reached: set[str] = set()

    def follow(node: Chain) -> None:
        reached.add(str(node))
        for name in set(dir(node)) - PRIVATE:
            if not name.startswith("__"):
                below = getattr(node, name)
                if isinstance(below, Chain) and str(below) in known | above:
                    follow(below)

    follow(root.v2)
    follow(root.v3)
    assert {path for path in known - reached if "policy-periods" not in path} == set()


PRIVATE = {"_below", "_extra", "_ipython_key_completions_", "_path", "_sender"}


def test_brackets_complete_paths(root: Client) -> None:
    """A shell gets every known path from a client, and what follows from a node."""
    keys = root._ipython_key_completions_()
    assert set(keys) == {path for _, path in headings()}
    assert len(keys) == len(set(keys))
    assert root.v3.refund._ipython_key_completions_() == [
        "domestic/refunds",
        "domestic/refunds/{out_refund_no}",
        "domestic/refunds/{refund_id}/apply-abnormal-refund",
    ]
    assert all(str(root.v3.pay[key]) in keys for key in root.v3.pay._ipython_key_completions_())
    assert root.v3.of.tomorrow._ipython_key_completions_() == []
    assert "items" in root["v3/marketing/favor/stocks/123"]._ipython_key_completions_()


def test_a_shell_completes(root: Client) -> None:
    """IPython offers segments and keys behind the dot and the bracket."""
    shell = completer.IPCompleter(namespace={"client": root}, use_jedi=True)

    def offered(text: str) -> set[str]:
        with completer.provisionalcompleter():
            return {one.text for one in shell.completions(text, len(text))}

    assert {"control_orders", "controlOrders"} <= offered("client.v3.aggracct_bc.wb_channel.")
    assert offered("client.v3.aggracctBc.wbChannel.controlOrders.punish.po") == POST
    assert "v3/pay/transactions/native" in offered('client["v3/pay/tr')
