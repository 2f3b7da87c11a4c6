"""The gateway over TLS: whom it vouches for, which certificates it takes, what it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.sandbox.merchant import Merchant
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import Sandbox

NATIVE = "/v3/pay/transactions/native"
OTHER = "1900000110"


@pytest.fixture
def tls() -> Iterator[Sandbox]:
    with Sandbox(tls=True, mchids=[OTHER]) as running:
        yield running


@contextlib.contextmanager
def merchant_of(
    gateway: Sandbox, mchid: str = "", certificate: str | None = None
) -> Iterator[Merchant]:
    """Return a merchant that closes its connections at the end."""
    caller = Merchant(gateway, mchid, certificate)
    try:
        yield caller
    finally:
        caller.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_is_vouched_for(host: str, version: ssl.TLSVersion) -> None:
    """Whoever trusts its authority can call it by its names, in either version of TLS."""
    with Sandbox(host=host, tls=True) as gateway, merchant_of(gateway) as merchant:
        address = urlsplit(gateway.base_uri)
        assert (address.scheme, address.hostname) == ("https", host)
        context = merchant.tls()
        context.minimum_version = context.maximum_version = version
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection((host, address.port or 0), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=host) as wrapped,
        ):
            assert wrapped.version() == version.name.replace("_", ".")
        answer = merchant.call("POST", NATIVE, merchant.order())
        assert (answer.status, answer.problem()) == (200, None)


def test_nobody_else_trusts_it(tls: Sandbox) -> None:
    """A client that trusts the usual authorities refuses the gateway."""
    address = urlsplit(tls.base_uri)
    with socket.create_connection((address.hostname, address.port or 0), timeout=10) as raw:
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")


def test_an_old_version_of_tls(tls: Sandbox) -> None:
    """TLS before 1.2 is refused."""
    address = urlsplit(tls.base_uri)
    context = ssl.create_default_context(cadata=tls.ca)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((address.hostname, address.port or 0), timeout=10) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw, server_hostname="localhost")


def test_a_certificate_is_never_a_must(tls: Sandbox) -> None:
    """Most operations take a merchant with and without a certificate; the record tells which."""
    for number, certificate in enumerate((None, tls.identity.merchant.certificate_pem)):
        with merchant_of(tls, certificate=certificate) as merchant:
            assert merchant.call("POST", NATIVE, merchant.order(f"order-{number:04}")).status == 200
    shown = [request.client_certificate for request in tls.requests]
    assert shown == [None, tls.identity.merchant.serial]


@pytest.mark.parametrize("fault", ["expired", "foreign"])
def test_certificates_that_fail_the_handshake(tls: Sandbox, fault: str) -> None:
    """A certificate that has expired, or that another authority issued, ends the connection."""
    certificate = tls.identity.certificate_for(OTHER, **{fault: True})
    with merchant_of(tls, OTHER, certificate) as merchant:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            merchant.call("POST", NATIVE, merchant.order())
    with merchant_of(tls, OTHER) as merchant:
        assert merchant.call("POST", NATIVE, merchant.order()).status == 200
    assert len(tls.requests) == 1


def test_no_authority_without_tls(gateway: Sandbox) -> None:
    """Plain http has nobody who vouches for it, and says what to do."""
    with pytest.raises(ConfigurationError, match="tls=True"):
        _ = gateway.ca


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_nothing_is_left_behind_of_rude_clients() -> None:
    """Clients that never shake hands, never read or never say goodbye cost nothing at the end."""
    with Sandbox(tls=True) as gateway:
        with merchant_of(gateway) as merchant:
            merchant.call("POST", NATIVE, merchant.order())
    gc.collect()
    before = open_files()
    with Sandbox(tls=True) as gateway:
        address = urlsplit(gateway.base_uri)

        def connect() -> socket.socket:
            return socket.create_connection((address.hostname, address.port or 0), timeout=10)

        merchant = Merchant(gateway)
        context = merchant.tls()
        silent = [connect() for _ in range(3)]
        garbled = connect()
        garbled.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        idle = [context.wrap_socket(connect(), server_hostname="localhost") for _ in range(3)]
        gone = context.wrap_socket(connect(), server_hostname="localhost")
        os.close(gone.detach())
        gateway.misbehave("too-large", size=16 * 1024 * 1024)
        slow = merchant.connect()
        slow.request("POST", NATIVE, b"{}")
        slow.sock.recv(1)
        gateway.misbehave("hang-up-after")
        hung = merchant.connect()
        hung.request("POST", NATIVE, b"{}")
        while len(gateway.requests) < 2:
            threading.Event().wait(0.001)
    assert [t for t in threading.enumerate() if t.name.startswith("wechatpay-sandbox")] == []
    for connection in (*silent, garbled, *idle):
        with contextlib.suppress(OSError):
            assert connection.recv(1) == b""
        connection.close()
    merchant.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert open_files() <= before


def test_stopping_while_connections_arrive() -> None:
    """A handshake that was under way when the gateway stopped leaks nothing."""
    for _ in range(10):
        with Sandbox(tls=True) as gateway:
            address = (urlsplit(gateway.base_uri).hostname, urlsplit(gateway.base_uri).port)
            late = [socket.create_connection(address, timeout=5) for _ in range(3)]
        for connection in late:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            connection.close()
    gc.collect()
