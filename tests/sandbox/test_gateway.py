"""The server's life: start, stop, who can call it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import ssl
import threading
from urllib.parse import urlsplit

import pytest

from tests.sandbox.merchant import Merchant
from wechatpay_chain.client import Client
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.sandbox import Sandbox, throw_away_identity

NATIVE = "/v3/pay/transactions/native"


def threads() -> list[str]:
    """Return the names of the sandboxes' threads."""
    return [t.name for t in threading.enumerate() if t.name.startswith("wechatpay-sandbox")]


def test_nothing_is_left_behind() -> None:
    """After the block no thread runs, nobody listens, and connections are closed."""
    with Sandbox() as gateway:
        address = urlsplit(gateway.base_uri)
        idle = socket.create_connection((address.hostname, address.port), timeout=5)
        merchant = Merchant(gateway)
        merchant.call("POST", NATIVE, merchant.order())
        assert len(threads()) == 1
    assert threads() == []
    assert idle.recv(1) == b""
    idle.close()
    merchant.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)


def test_stopping_while_connections_arrive() -> None:
    """A connection that was not accepted when the gateway stopped leaks nothing."""
    for _ in range(20):
        with Sandbox() as gateway:
            address = (urlsplit(gateway.base_uri).hostname, urlsplit(gateway.base_uri).port)
            late = [socket.create_connection(address, timeout=5) for _ in range(3)]
        for connection in late:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            connection.close()


def test_start_and_stop() -> None:
    """It can be run without a block, stopped twice, and started again."""
    gateway = Sandbox().start()
    with pytest.raises(RuntimeError, match="started already"):
        gateway.start()
    gateway.stop()
    gateway.stop()
    with pytest.raises(ConfigurationError, match="not running"):
        _ = gateway.base_uri
    with gateway:
        assert gateway.base_uri.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken() -> None:
    """The error of the operating system arrives, and no thread stays."""
    with Sandbox() as gateway:
        port = urlsplit(gateway.base_uri).port
        assert port is not None
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()
        assert len(threads()) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_stopping_does_not_wait_for_a_delay(tls: bool) -> None:
    """A request that still waits is dropped when the gateway stops."""
    with Sandbox(tls=tls) as gateway:
        merchant = Merchant(gateway)
        body = b"{}"
        gateway.misbehave("delay", seconds=3600)
        connection = merchant.connect()
        connection.request("POST", NATIVE, body)
        while not gateway.requests:
            threading.Event().wait(0.001)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        connection.getresponse()
    merchant.close()


@pytest.mark.parametrize("tls", [False, True])
def test_stopping_does_not_wait_for_a_slow_reader(tls: bool) -> None:
    """A client that never reads a large answer cannot keep the loop alive."""
    with Sandbox(tls=tls) as gateway:
        gateway.misbehave("too-large", size=16 * 1024 * 1024)
        merchant = Merchant(gateway)
        connection = merchant.connect()
        connection.request("POST", NATIVE, b"{}")
        connection.sock.recv(1)
    merchant.close()


def test_half_a_request(gateway: Sandbox) -> None:
    """A client that goes away in the middle of a body is recorded as such."""
    address = urlsplit(gateway.base_uri)
    with socket.create_connection((address.hostname, address.port), timeout=5) as caller:
        caller.sendall(f"POST {NATIVE} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
    while not gateway.requests:
        threading.Event().wait(0.001)
    assert gateway.requests[0].problem == "the body broke off"


def test_connections_are_counted(merchant: Merchant, gateway: Sandbox) -> None:
    """A kept-alive connection counts once."""
    connection = merchant.connect()
    for _ in range(3):
        connection.request("GET", "/")
        connection.getresponse().read()
    merchant.call("GET", "/")
    assert (gateway.connections, len(gateway.requests)) == (2, 4)


def test_idle_connections_are_closed() -> None:
    """An idle connection lives as long as the gateway was told."""
    with Sandbox(keepalive_timeout=0.05) as gateway:
        merchant = Merchant(gateway)
        connection = merchant.connect()
        connection.request("GET", "/")
        connection.getresponse().read()
        assert connection.sock.recv(1) == b""
        merchant.close()


@pytest.mark.asyncio
async def test_in_a_running_loop() -> None:
    """The caller's loop and the gateway's do not get into each other's way."""
    async with Sandbox() as gateway:
        merchant = Merchant(gateway)
        answer = merchant.call("POST", NATIVE, merchant.order())
        in_a_thread = await asyncio.to_thread(
            merchant.call, "POST", NATIVE, merchant.order("order-0002")
        )
        merchant.close()
    assert (answer.status, in_a_thread.status) == (200, 200)


def test_many_threads(merchant: Merchant, gateway: Sandbox) -> None:
    """Callers in many threads are all served and all recorded."""
    statuses: list[int] = []

    def call(number: int) -> None:
        statuses.append(merchant.call("POST", NATIVE, merchant.order(f"order-{number:04}")).status)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [200] * 16
    assert len(gateway.requests) == 16


def test_a_forked_child(merchant: Merchant, gateway: Sandbox) -> None:
    """A forked child can call the gateway of its parent."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        status = 1
        try:
            status = merchant.call("POST", NATIVE, merchant.order()).status != 200
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gateway.pay("order-0001")


def test_a_client_of_the_gateway(gateway: Sandbox) -> None:
    """The package's own client comes configured; every setting can be overridden."""
    client = gateway.client(timeout=5)
    assert isinstance(client, Client)
    with pytest.raises(ConfigurationError):
        gateway.client(certs={})


def test_secrets_do_not_show(gateway: Sandbox) -> None:
    """No repr holds a key."""
    shown = repr((gateway, gateway.identity, gateway.requests))
    assert gateway.apiv3_key not in shown
    assert "PRIVATE" not in shown
    assert "RSA" not in shown


def test_throw_away_keys_are_made_once() -> None:
    """Two gateways of a process share their keys, also under different merchant numbers."""
    one, other = Sandbox(), Sandbox(mchid="1900000110")
    assert one.identity == throw_away_identity("1900000109")
    assert one.identity.merchant.private_key is other.identity.merchant.private_key
    assert other.identity.merchant.mchid == "1900000110"


def test_an_identity_of_ones_own() -> None:
    """The keys can be given; the PEM texts are what files would hold."""
    given = dataclasses.replace(throw_away_identity("1900000109"), apiv3_key="k" * 32)
    gateway = Sandbox(identity=given)
    assert gateway.apiv3_key == "k" * 32
    assert given.merchant.private_key_pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert given.public_key.pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert given.certificate.pem.startswith("-----BEGIN CERTIFICATE-----")


def test_the_date_is_the_gateways_own() -> None:
    """The Date of every answer is by the gateway's clock, by which a merchant sets its own."""
    with Sandbox(clock=lambda: 1_700_000_000.0) as gateway:
        merchant = Merchant(gateway)
        # Refused, as that clock is not ours; the date is there all the same.
        answer = merchant.call("GET", "/v3/certificates")
        merchant.close()
    assert (answer.status, answer.all("Date")) == (401, ["Tue, 14 Nov 2023 22:13:20 GMT"])
