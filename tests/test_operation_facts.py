"""What the catalogue decides where the caller is silent: host, certificate, nonce, a warning."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.honest import honest
from tests.support.merchant import MCHID, client, pem
from tests.support.server import Server, answer, serving
from tests.support.xml import SECRET, fields
from wechatpay_chain import (
    CheckError,
    Client,
    ConnectError,
    DeprecatedOperationWarning,
    RequestError,
)
from wechatpay_chain.catalogue import operations
from wechatpay_chain.options import Defaults, Prepared, prepare

HOME = "https://api.mch.weixin.qq.com/"
PARTNER_REFUND = "v3/refunds/id/{refund_id}"


def prepared(
    method: str, path: str, options: dict[str, Any] | None = None, **defaults: Any
) -> Prepared:
    """Return a request of a client that has the usual host, and says nothing of it."""
    settings: dict[str, Any] = {
        "timeout": 1.0,
        "connect_timeout": 1.0,
        "encrypt": True,
        "has_own_base": False,
    }
    return prepare(
        method, path, options, {}, Defaults(**{"base_uri": HOME, **settings, **defaults})
    )


HOSTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "v3/pay/transactions/native", {}, f"{HOME}v3/pay/transactions/native"),
    ("POST", "v3/refunds", {}, f"{HOME}hk/v3/refunds"),
    ("GET", PARTNER_REFUND, {"refund_id": "5"}, f"{HOME}hk/v3/refunds/id/5"),
    ("GET", "v3/refunds/id/5", {}, f"{HOME}hk/v3/refunds/id/5"),
    ("GET", "{+url}", {"url": "v3/refunds/id/5"}, f"{HOME}hk/v3/refunds/id/5"),
    ("GET", "v3/{kind}", {"kind": "refunds"}, f"{HOME}hk/v3/refunds"),
    ("GET", "v3/global/certificates", {}, "https://apihk.mch.weixin.qq.com/v3/global/certificates"),
    (
        "GET",
        "v3/customs/orders",
        {},
        "https://apihk.mch.weixin.qq.com/global/v3/customs/orders",
    ),
    ("POST", "v2/risk/getpublickey", {}, "https://fraud.mch.weixin.qq.com/risk/getpublickey"),
    # A query is no part of the path, nor is a slash in front of it.
    ("POST", "v3/refunds{?a}", {"a": "1"}, f"{HOME}hk/v3/refunds?a=1"),
    ("POST", "v3/refunds{?a}", {}, f"{HOME}hk/v3/refunds"),
    ("POST", "v3/refunds?a=1{&b}", {"b": "2"}, f"{HOME}hk/v3/refunds?a=1&b=2"),
    ("GET", "/v3/refunds/id/5", {}, f"{HOME}hk/v3/refunds/id/5"),
    (
        "GET",
        "v3/global/certificates?x=1",
        {},
        "https://apihk.mch.weixin.qq.com/v3/global/certificates?x=1",
    ),
    # Whoever writes the prefix, or a host, has chosen.
    ("POST", "hk/v3/refunds", {}, f"{HOME}hk/v3/refunds"),
    ("POST", "v3/refunds", {"base_uri": HOME}, f"{HOME}v3/refunds"),
    ("POST", "v3/refunds", {"base_uri": None}, f"{HOME}hk/v3/refunds"),
    ("POST", "v3/not-known-yet", {}, f"{HOME}v3/not-known-yet"),
]


@pytest.mark.parametrize(("method", "path", "options", "url"), HOSTS)
def test_an_operation_goes_to_its_own_host(
    method: str, path: str, options: dict[str, Any], url: str
) -> None:
    """The documented host and prefix are used, however the path is written."""
    assert prepared(method, path, options).url == url


def test_every_operation_has_its_host() -> None:
    """Those with a host of their own go there, all others to the usual one."""
    for one in operations():
        made = prepared(one.method, one.path, dict.fromkeys(one.variables, "x"))
        assert made.url.startswith(one.base_uri or HOME), str(one)
        assert made.operation is one


@pytest.mark.parametrize("path", ["hk/v3/refunds", f"{HOME}hk/v3/refunds", "v3/refunds?x=1"])
def test_all_but_the_host_holds_for_a_path_with_a_prefix(path: str) -> None:
    """Whoever chose the host has not chosen another operation: its fields are checked."""
    with pytest.raises(CheckError, match=r"json\.\w+ is required"):
        prepared("POST", path, check=True)


def test_a_path_that_is_not_sent_as_v2_is_none_of_v2() -> None:
    """With a slash in front nothing is XML, as in PHP, so no operation of v2 is meant."""
    made = prepared("POST", "/v2/secapi/pay/refund", has_certificate=True)
    assert (made.is_v2, made.operation, made.security) == (False, None, False)


def test_a_deprecated_operation_is_told_to_whoever_runs_a_program() -> None:
    """The warning of a call in an imported module is printed with Python's own filters."""
    code = (
        "import sys, types\n"
        "from wechatpay_chain import Client\n"
        "from wechatpay_chain.sandbox import Sandbox\n"
        "billing = types.ModuleType('billing')\n"
        "exec('def call(client): client.v3.merchant_service.complaints.get(http_errors=False)',"
        " billing.__dict__)\n"
        "with Sandbox() as gateway, gateway.client() as client: billing.call(client)\n"
    )
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept
    )
    assert done.stderr.count("is deprecated") == 1


def test_a_clients_own_base_goes_before_the_operations() -> None:
    """A client that was told where to go, such as the sandbox's, goes nowhere else."""
    made = prepared("POST", "v3/refunds", has_own_base=True, base_uri="http://127.0.0.1:1/")
    assert made.url == "http://127.0.0.1:1/v3/refunds"


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "apihk.mch.weixin.qq.com"),
        ({"base_uri": "https://api2.mch.weixin.qq.com/"}, "api2.mch.weixin.qq.com"),
    ],
)
def test_the_host_is_the_one_that_is_connected_to(settings: dict[str, Any], host: str) -> None:
    """A proxy is asked for the operation's own host, or for the one that the client was told."""
    with serving(lambda request: answer("502 Bad Gateway")) as proxy:
        with client(proxy=proxy.base_uri, **settings) as root, pytest.raises(ConnectError):
            root.v3.global_.certificates.get()
    assert [(one.method, one.target) for one in proxy.requests] == [("CONNECT", f"{host}:443")]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers every call, in either protocol."""
    with serving(honest) as running:
        yield running


NONCES: list[tuple[str, dict[str, Any], bool]] = [
    ("v2/papay/querycontract", {}, False),
    ("v2/papay/querycontract", {"nonceless": None}, False),
    ("v2/papay/querycontract", {"nonceless": False}, True),
    ("v2/pay/unifiedorder", {}, True),
    ("v2/pay/unifiedorder", {"nonceless": True}, False),
]


@pytest.mark.parametrize(("path", "options", "expected"), NONCES)
def test_the_nonce_is_left_out_where_it_is_not_wanted(
    path: str, options: dict[str, Any], expected: bool, server: Server
) -> None:
    """An operation without nonce_str gets none, unless the caller says otherwise."""
    with client(base_uri=server.base_uri, secret=SECRET) as root:
        root[path].post(xml={"mch_id": MCHID}, **options)
    assert ("nonce_str" in fields(server.requests[0])) is expected


CERTIFICATES: list[tuple[str, str, dict[str, Any], dict[str, Any], bool]] = [
    ("v2/secapi/pay/refund", HOME, {}, {"has_certificate": True}, True),
    ("v2/secapi/pay/refund", HOME, {"security": False}, {"has_certificate": True}, False),
    ("v2/secapi/pay/refund", HOME, {}, {}, False),
    ("v2/secapi/pay/refund", HOME, {"security": True}, {}, True),
    ("v2/secapi/pay/refund?x=1", HOME, {}, {"has_certificate": True}, True),
    ("V2/secapi/pay/refund", HOME, {}, {"has_certificate": True}, True),
    ("v2/pay/orderquery", HOME, {}, {"has_certificate": True}, False),
    # Plain http, which is for this machine itself, has no handshake to show it in.
    ("v2/secapi/pay/refund", "http://127.0.0.1:1/", {}, {"has_certificate": True}, False),
]


@pytest.mark.parametrize(("path", "base", "options", "defaults", "shown"), CERTIFICATES)
def test_the_certificate_is_shown_where_it_is_wanted(
    path: str, base: str, options: dict[str, Any], defaults: dict[str, Any], shown: bool
) -> None:
    """With a certificate at hand the catalogue decides, unless the caller says otherwise."""
    made = prepared("POST", path, {"xml": {"mch_id": MCHID}, **options}, base_uri=base, **defaults)
    assert made.security is shown


def test_an_https_proxy_is_not_shown_the_certificate() -> None:
    """Where the catalogue asks for the certificate, such a proxy is refused too."""
    options = {"xml": {"mch_id": MCHID}, "proxy": "https://127.0.0.1:1"}
    with pytest.raises(RequestError, match="https:// proxy"):
        prepared("POST", "v2/secapi/pay/refund", options, has_certificate=True)
    assert prepared("POST", "v2/pay/orderquery", options, has_certificate=True).proxy


def test_a_deprecated_operation_warns_once(server: Server) -> None:
    """The first call says so where it is made, the second, sync or async, says nothing."""
    with client(base_uri=server.base_uri) as root:
        with pytest.warns(DeprecatedOperationWarning, match=r"complaints .* is deprecated") as seen:
            root.v3.merchant_service.complaints.get()
        assert seen[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            root.v3.merchant_service.complaints.get()
            root.v3.merchant_service.complaints.get_async().wait()
            root.v3.merchant_service.complaints_v2.get()
        with pytest.warns(DeprecatedOperationWarning, match="feedbacks"):
            root.v3.merchant_service.feedbacks.post_async(json={}).wait()


def test_v2_alone_knows_them_too(server: Server) -> None:
    """A client that has only a secret leaves out the nonce by itself as well."""
    with Client(mchid=MCHID, secret=SECRET, base_uri=server.base_uri) as root:
        root.v2.papay.querycontract.post(xml={"mch_id": MCHID})
    assert "nonce_str" not in fields(server.requests[0])
    assert pem("mch_key") not in repr(server.requests[0])
