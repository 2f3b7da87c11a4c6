"""Names become paths, and nodes behave as values whatever probes them."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support.merchant import client
from wechatpay_chain import (
    CapitalWarning,
    Chain,
    Client,
    RequestError,
    SegmentError,
)

PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"


@pytest.fixture(scope="module")
def root() -> Iterator[Client]:
    """A client that sends nothing."""
    with client() as made:
        yield made


SPELLINGS: dict[str, Any] = {
    "snake": lambda c: c.v3.aggracct_bc.wb_channel.control_orders.punish,
    "camel": lambda c: c.v3.aggracctBc.wbChannel.controlOrders.punish,
    "chain": lambda c: c.chain(PUNISH),
    "item": lambda c: c[PUNISH],
    "items": lambda c: c["v3"]["aggracct-bc"]["wb-channel/control-orders"]["punish"],
    "mixed": lambda c: c.v3["aggracct-bc"].wbChannel.chain("control-orders").punish,
    "node in a node": lambda c: c.chain(c.v3.aggracct_bc)["wb-channel"].control_orders.punish,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_spellings_are_one_node(spelling: str, root: Client) -> None:
    """However it is spelled, a path is the same node."""
    node = SPELLINGS[spelling](root)
    assert str(node) == PUNISH
    assert node == root[PUNISH]
    assert hash(node) == hash(root[PUNISH])
    assert repr(node) == f"<Chain {PUNISH}>"


PATHS: list[tuple[Any, str]] = [
    (lambda c: c.v3.mch_operate.risk.withdrawl_apply, "v3/mch_operate/risk/withdrawl-apply"),
    (
        lambda c: c.v3.aggracct_bc.wb_channel.account.mch_archives,
        "v3/aggracct-bc/wb-channel/account/mch_archives",
    ),
    (
        lambda c: c.v3.aggracct_bc.wb_channel.account.mch_media,
        "v3/aggracct-bc/wb-channel/account/mch_media",
    ),
    (lambda c: c.v3.apply4sub.sub_merchants._x_, "v3/apply4sub/sub_merchants/{x}"),
    (
        lambda c: c.v3.applyment4sub.applyment.applyment_id._applyment_id_,
        "v3/applyment4sub/applyment/applyment_id/{applyment_id}",
    ),
    (
        lambda c: c.v3.applyment4sub.applyment.business_code,
        "v3/applyment4sub/applyment/business_code",
    ),
    (
        lambda c: c.v3.businesscircle.users._openid_.points.commit_status,
        "v3/businesscircle/users/{openid}/points/commit_status",
    ),
    (
        lambda c: c.v3.businesscircle.users["anybody"].points.commit_status,
        "v3/businesscircle/users/anybody/points/commit_status",
    ),
    (
        lambda c: c.v3["funds-to-oversea/transactions/{transaction_id}"].available_abroad_amounts,
        "v3/funds-to-oversea/transactions/{transaction_id}/available_abroad_amounts",
    ),
    (lambda c: c.v3.merchant.media.video_upload, "v3/merchant/media/video_upload"),
    (lambda c: c.chain("v3/merchant").media.video_upload, "v3/merchant/media/video_upload"),
    (lambda c: c.v3.papay.insurance_sign.policy_periods, "v3/papay/insurance-sign/policy_periods"),
    (lambda c: c.v3.papay.insurance_sign.policyPeriods, "v3/papay/insurance-sign/policy-periods"),
    # The same words elsewhere are ordinary words.
    (lambda c: c.v3.ecommerce.applyments.applyment_id, "v3/ecommerce/applyments/applyment-id"),
    (lambda c: c.v3.video_upload, "v3/video-upload"),
    (lambda c: c.v3.other.mch_operate, "v3/other/mch-operate"),
    (lambda c: c.hk.v3.x_y.statements, "hk/v3/x-y/statements"),
    (lambda c: c.v3["a_b"].chain("c_d"), "v3/a_b/c_d"),
    (lambda c: c.v2.secapi.mch.sub_mch_add, "v2/secapi/mch/sub_mch_add"),
    (lambda c: c.v2.cgi_bin.mch, "v2/cgi-bin/mch"),
    (lambda c: c.v2.cgiBin.mch, "v2/cgi-bin/mch"),
    (lambda c: c.v3.global_.papay, "v3/global/papay"),
    (lambda c: c.v3.marketing.busifavor.coupons.return_, "v3/marketing/busifavor/coupons/return"),
    (lambda c: c.v3.x.import_, "v3/x/import"),
    (lambda c: c.v3.x["import"], "v3/x/import"),
    (lambda c: c.v3.authcode.try_, "v3/authcode/try"),
    (
        lambda c: c.v3.pay.transactions.id._transaction_id_,
        "v3/pay/transactions/id/{transaction_id}",
    ),
    (lambda c: c.v3.applyment4sub.applyment._empty_, "v3/applyment4sub/applyment/{empty}"),
    (lambda c: c.v3.stores[12345], "v3/stores/12345"),
    (lambda c: c.v3.profitsharing.receivers.delete, "v3/profitsharing/receivers/delete"),
    (lambda c: c.v3.x.post_async.y, "v3/x/post-async/y"),
    (lambda c: getattr(c.v3, "merchant-service"), "v3/merchant-service"),
    (lambda c: c.chain(""), ""),
]


@pytest.mark.parametrize(("walk", "path"), PATHS, ids=[path for _, path in PATHS])
def test_names_become_segments(walk: Any, path: str, root: Client) -> None:
    """Underscores, keywords, placeholders and verbs each become the segment they stand for."""
    assert str(walk(root)) == path


VERBS = ["get", "post", "put", "patch", "delete"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("form", ["{}", "{}_async", "{}Async"])
def test_a_verb_is_callable_and_a_segment(verb: str, form: str, root: Client) -> None:
    """A node named like a verb can be called, and can be walked through."""
    node = getattr(root.v3.receivers, form.format(verb))
    assert callable(node)
    assert isinstance(node, Chain)
    assert str(node.more).startswith(f"v3/receivers/{verb}")
    assert not callable(root.v3.receivers)


PROBES = [
    "__wrapped__", "__len__x__", "__array__", "__iter_x__", "__deepcopy_me__", "_repr_html_",
    "_repr_mimebundle_", "_ipython_display_", "_ipython_canary_method_should_not_exist_",
    "_is_coroutine", "_is_coroutine_marker", "_pytestfixturefunction", "_fields",
    "__clause_element__",
]  # fmt: skip


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_finds_nothing(name: str, root: Client) -> None:
    """What shells, debuggers and libraries ask an object for is not taken for a segment."""
    for thing in (root, root.v3, root.v3.x.get):
        assert not hasattr(thing, name)
        with pytest.raises(SegmentError) as caught:
            getattr(thing, name)
        assert isinstance(caught.value, AttributeError)


def test_a_node_is_never_mistaken_for_something_else(root: Client) -> None:
    """A node is no coroutine, awaitable, iterable, context manager or number."""
    for node in (root.v3.pay, root.v3.pay.get_async):
        assert not inspect.iscoroutine(node)
        assert not inspect.isawaitable(node)
        assert not asyncio.iscoroutine(node)
        assert not asyncio.iscoroutinefunction(node)
        assert not inspect.isgenerator(node)
        assert not isinstance(node, Iterable)
        assert not hasattr(type(node), "__enter__")
        with pytest.raises(TypeError):
            iter(node)
        with pytest.raises(TypeError):
            _ = "x" in node
        assert bool(node)


def test_a_node_cannot_be_changed(root: Client) -> None:
    """Setting or deleting an attribute of a node is refused."""
    node = root.v3.pay
    with pytest.raises(AttributeError, match="cannot be changed"):
        node.native = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        del node._path
    assert str(node) == "v3/pay"


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_copy_of_a_node_is_equal_and_works(twin: Any, root: Client) -> None:
    """Copying and pickling give an equal node, also of a verb, that knows its client."""
    for node in (root.v3.pay.transactions, root.v3.pay.delete, root.v3.pay.get_async):
        again = twin(node)
        assert again == node
        assert type(again) is type(node)
        assert str(again.chain("more")) == f"{node}/more"


def test_a_pickled_node_holds_no_key() -> None:
    """Elsewhere an unpickled node has its path and says how to bind it; no key travels."""
    with client() as root:
        data = pickle.dumps(root.v3.pay.transactions)
    assert b"PRIVATE" not in data
    assert len(data) < 300
    program = (
        "import pickle, sys; node = pickle.loads(sys.stdin.buffer.read()); print(repr(node))\n"
        "try: node.native.post(json={})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, check=True
    )
    first, second = run.stdout.decode().splitlines()
    assert first == "<Chain v3/pay/transactions>"
    assert second.startswith("ConfigurationError this chain was unpickled where its client is not")


def test_nodes_of_two_clients_differ(root: Client) -> None:
    """The same path of another merchant is another node."""
    with client() as other:
        assert other.v3.pay != root.v3.pay
        assert root.v3.pay != "v3/pay"
        assert len({root.v3.pay, root.v3.pay, other.v3.pay, root.v3.pay.get}) == 3


def test_a_client_is_not_pickled(root: Client) -> None:
    """A client holds keys, so pickling it is refused in words."""
    with pytest.raises(TypeError, match="holds keys"):
        pickle.dumps(root)


def test_capitals_in_a_path_warn_once() -> None:
    """A capital in chain() or an item becomes a hyphen, with one warning that names the cure."""
    with client() as root:
        with pytest.warns(CapitalWarning, match=r"placeholder") as caught:
            assert str(root.chain("v3/users/AbC")) == "v3/users/-ab-c"
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert str(root.v3["AbC"]) == "v3/ab-c"
    with client() as root, pytest.warns(CapitalWarning) as caught:
        assert str(root["v3/X"]) == "v3/-x"
    assert caught[0].filename == __file__
    with client() as root, pytest.warns(CapitalWarning) as caught:
        assert str(root.v3["aB"]) == "v3/a-b"
    assert caught[0].filename == __file__


@pytest.mark.parametrize("path", [None, True, 1.5, b"v3", ["v3"]])
def test_a_path_that_is_no_text_is_refused(path: Any, root: Client) -> None:
    """Only text, numbers and nodes are paths."""
    with pytest.raises(RequestError, match="a path must be a string"):
        root.chain(path)


def test_a_node_outlives_its_clients_name() -> None:
    """A node keeps what it needs of its client."""
    node = client().v3.pay
    assert str(node.native) == "v3/pay/native"
    with pytest.raises(RequestError, match="has no value"):
        node["{x}"].get()
