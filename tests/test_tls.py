"""TLS: whom the client trusts, and to whom and when it shows the merchant's certificate."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tests.support.merchant import client as plain_client
from tests.support.merchant import pem, private, signed_headers
from tests.support.server import HANG_UP, Request, Server, answer, serving
from tests.support.xml import SECRET
from wechatpay_chain import (
    BusinessError,
    Client,
    ClientError,
    ConfigurationError,
    ConnectError,
    KeyFileWarning,
    OutcomeUnknownError,
    WechatPayError,
)
from wechatpay_chain.sandbox import Sandbox
from wechatpay_chain.sandbox.authority import authority, server_context

OTHER = "1900000110"
MERCHANTS = [str(1900000200 + n) for n in range(50)]
PASSPHRASE = "1900000109"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A gateway that speaks TLS and knows many merchants."""
    with Sandbox(tls=True, mchids=[OTHER, *MERCHANTS]) as running:
        yield running


def refund(mchid: str, number: int = 1) -> dict[str, Any]:
    """Return the fields of a refund of v2, which wants the merchant's certificate."""
    return {
        "mch_id": mchid,
        "appid": "wxd678efh567hg6787",
        "out_trade_no": f"trade_{number}",
        "out_refund_no": f"refund_{number}",
        "total_fee": 1,
        "refund_fee": 1,
    }


def shown(gateway: Sandbox) -> list[str | None]:
    """Return the serials of the certificates that were shown, request by request."""
    return [request.client_certificate for request in gateway.requests]


def reach(client: Client, mchid: str, face: str, **options: Any) -> None:
    """Ask for a refund of an order that is not there: the answer that a right certificate gets."""
    verb = client.v2.secapi.pay.refund

    async def send() -> None:
        await verb.post_async(xml=refund(mchid), **options)

    with pytest.raises(BusinessError) as caught:
        if face == "sync":
            verb.post(xml=refund(mchid), **options)
        else:
            asyncio.run(send())
    assert caught.value.code == "ORDERNOTEXIST"
    assert caught.value.verified


@pytest.mark.parametrize("face", ["sync", "async"])
def test_the_right_certificate_is_accepted(face: str, gateway: Sandbox) -> None:
    """security=True shows the merchant's certificate in a real handshake."""
    gateway.clear()
    merchant = gateway.identity.merchant
    with gateway.client() as client:
        reach(client, merchant.mchid, face, security=True)
    assert shown(gateway) == [merchant.serial]


def test_no_certificate_is_refused(gateway: Sandbox) -> None:
    """Without the certificate the gateway refuses, and the error says where to give it."""
    gateway.clear()
    mchid = gateway.identity.merchant.mchid
    with gateway.client() as client:
        with pytest.raises(ClientError, match="needs merchant="):
            client.v2.secapi.pay.refund.post(xml=refund(mchid), security=False)
    with gateway.client(merchant=None) as client:
        with pytest.raises(ClientError, match="needs merchant="):
            client.v2.secapi.pay.refund.post(xml=refund(mchid))
    assert shown(gateway) == [None, None]


def test_the_catalogue_knows_who_wants_a_certificate(gateway: Sandbox) -> None:
    """An operation that wants it gets it without being told; one that does not, does not."""
    gateway.clear()
    merchant = gateway.identity.merchant
    with gateway.client() as client:
        for options in ({}, {"security": None}, {"security": True}):
            with pytest.raises(BusinessError):
                client.v2.secapi.pay.refund.post(xml=refund(merchant.mchid), **options)
        with pytest.raises(BusinessError):
            client.v2.pay.orderquery.post(
                xml={"mch_id": merchant.mchid, "appid": "wx", "out_trade_no": "no_such"}
            )
    assert shown(gateway) == [merchant.serial] * 3 + [None]


WRONG = {
    "another merchant's": (
        lambda gateway: gateway.identity.certificate_for(OTHER),
        {},
        (BusinessError, ClientError),
    ),
    "expired": (
        lambda gateway: gateway.identity.certificate_for(PASSPHRASE, expired=True),
        {},
        ConfigurationError,
    ),
    # A client whose clock is wrong cannot know better, and the gateway breaks off.
    "expired, by its clock": (
        lambda gateway: gateway.identity.certificate_for(PASSPHRASE, expired=True),
        {"clock": lambda: 1_440_000_000.0},
        (ConnectError, OutcomeUnknownError),
    ),
    "foreign": (
        lambda gateway: gateway.identity.certificate_for(PASSPHRASE, foreign=True),
        {},
        (ConnectError, OutcomeUnknownError),
    ),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_certificate_is_refused(name: str, face: str, gateway: Sandbox) -> None:
    """Another merchant's, an expired and a foreign certificate open nothing, and are named."""
    make, settings, error = WRONG[name]
    gateway.clear()
    merchant = gateway.identity.merchant
    assert merchant.mchid == PASSPHRASE
    identity = {"cert": make(gateway), "key": merchant.private_key_pem}
    with gateway.client(merchant=identity, **settings) as client:
        verb = client.v2.secapi.pay.refund

        async def send() -> None:
            await verb.post_async(xml=refund(merchant.mchid), security=True)

        with pytest.raises(error) as caught:
            if face == "sync":
                verb.post(xml=refund(merchant.mchid), security=True)
            else:
                asyncio.run(send())
    assert isinstance(caught.value, WechatPayError)
    assert not getattr(caught.value, "verified", False)
    assert "cert" in str(caught.value)
    assert merchant.serial not in shown(gateway)


@pytest.mark.parametrize("face", ["threads", "gather"])
def test_fifty_merchants_are_told_apart(face: str, gateway: Sandbox) -> None:
    """Over 1,000 interleaved calls each merchant is seen with its own certificate, when it asks."""
    gateway.clear()
    with ExitStack() as stack:
        clients = {mchid: stack.enter_context(gateway.client(mchid=mchid)) for mchid in MERCHANTS}
        rounds = list(itertools.product(range(10), MERCHANTS))

        def options(number: int) -> dict[str, Any]:
            return {"security": number % 2 == 0}

        def call(job: tuple[int, str]) -> None:
            number, mchid = job
            with pytest.raises((BusinessError, ClientError)):
                clients[mchid].v2.secapi.pay.refund.post(
                    xml=refund(mchid, number), **options(number)
                )

        async def call_async(job: tuple[int, str]) -> None:
            number, mchid = job
            with pytest.raises((BusinessError, ClientError)):
                await clients[mchid].v2.secapi.pay.refund.post_async(
                    xml=refund(mchid, number), **options(number)
                )

        async def all_async() -> None:
            for _ in range(2):
                await asyncio.gather(*map(call_async, rounds))
            for client in clients.values():
                await client.aclose()

        if face == "threads":
            with ThreadPoolExecutor(4) as pool:
                for _ in range(2):
                    list(pool.map(call, rounds))
        else:
            asyncio.run(all_async())
    assert len(gateway.requests) == 1000
    for request in gateway.requests:
        mchid, number = field(request.body, "mch_id"), field(request.body, "out_trade_no")
        serial = gateway.identity.merchants[mchid].serial
        assert request.client_certificate == (serial if int(number[-1]) % 2 == 0 else None)


def field(body: bytes, name: str) -> str:
    """Return a field of a v2 request."""
    return body.partition(f"<{name}>".encode())[2].partition(b"<")[0].decode()


def test_the_certificate_is_never_offered_elsewhere(gateway: Sandbox) -> None:
    """Calls before, between and after, of v2 and of v3, show none, whatever connection there is."""
    gateway.clear()
    merchant = gateway.identity.merchant
    with gateway.client() as client:
        for _ in range(3):
            client.v3.certificates.get()
            reach(client, merchant.mchid, "sync", security=True)
            with pytest.raises(BusinessError):
                client.v2.pay.orderquery.post(
                    xml={"mch_id": merchant.mchid, "appid": "wx", "out_trade_no": "no_such"}
                )
    assert shown(gateway) == [None, merchant.serial, None] * 3


def test_without_a_certificate_security_says_what_to_give() -> None:
    """security=True without merchant is refused before anything is sent."""
    with Client(mchid="1", secret=SECRET) as client:
        with pytest.raises(ConfigurationError, match="give merchant="):
            client.v2.x.post(xml={"mch_id": "1"}, security=True)


def test_only_the_given_authority_is_trusted(gateway: Sandbox) -> None:
    """A gateway that the system's authorities do not know is not talked to; nothing is sent."""
    gateway.clear()
    for face in ("sync", "async"):
        with gateway.client(ca_certs=None) as client:
            with pytest.raises(ConnectError, match="TLS certificate") as caught:
                if face == "sync":
                    client.v3.certificates.get()
                else:
                    asyncio.run(client.v3.certificates.get_async())
            assert not caught.value.sent
    with gateway.client(ca_certs=pem("plat_cert")) as client, pytest.raises(ConnectError):
        client.v3.certificates.get()
    assert gateway.requests == []


def forms(tmp_path: Path, key: Any, text: str) -> dict[str, dict[str, Any]]:
    """Return a certificate and its key in every form that is taken."""
    certificate = x509.load_pem_x509_certificate(text.encode())
    cert_file, key_file = tmp_path / "apiclient_cert.pem", tmp_path / "apiclient_key.pem"
    p12_file = tmp_path / "apiclient_cert.p12"
    cert_file.write_text(text)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key_file.write_text(plain)
    key_file.chmod(0o600)
    lock = BestAvailableEncryption(PASSPHRASE.encode())
    bundle = pkcs12.serialize_key_and_certificates(None, key, certificate, None, lock)
    p12_file.write_bytes(bundle)
    p12_file.chmod(0o600)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return {
        "text": {"cert": text, "key": plain},
        "paths": {"cert": str(cert_file), "key": key_file},
        "URLs": {"cert": f"file://{cert_file}", "key": f"file://{key_file}"},
        "PKCS#1": {"cert": text, "key": old},
        "DER": {"cert": certificate.public_bytes(Encoding.DER), "key": key},
        "objects": {"cert": certificate, "key": key},
        "a passphrase": {"cert": text, "key": (locked, PASSPHRASE)},
        "PHP's lists": {"cert": [text, PASSPHRASE], "key": [locked.decode(), PASSPHRASE]},
        "PKCS#12": {"cert": (bundle, PASSPHRASE)},
        "PKCS#12 file": {"cert": (str(p12_file), PASSPHRASE), "key": None},
        "PKCS#12 and key": {"cert": (p12_file, PASSPHRASE.encode()), "key": key},
        "both in one": {"cert": plain + text},
        "chain": {"cert": text + pem("plat_cert"), "key": key},
    }


FORMS = (
    "text", "paths", "URLs", "PKCS#1", "DER", "objects", "a passphrase", "PHP's lists",
    "PKCS#12", "PKCS#12 file", "PKCS#12 and key", "both in one", "chain",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_certificate_is_taken_in_every_form(form: str, tmp_path: Path, gateway: Sandbox) -> None:
    """PEM, DER, PKCS#12, files and objects, with and without passphrase: the gateway sees it."""
    gateway.clear()
    merchant = gateway.identity.merchant
    given = forms(tmp_path, merchant.private_key, merchant.certificate_pem)[form]
    with gateway.client(merchant=given) as client:
        reach(client, merchant.mchid, "sync", security=True)
    assert shown(gateway) == [merchant.serial]


BAD: dict[str, tuple[Any, str]] = {
    "no mapping": (["cert"], "merchant must be"),
    "no cert": ({"key": pem("mch_key")}, "merchant must be"),
    "surplus": ({"cert": pem("mch_cert"), "key": pem("mch_key"), "x": 1}, "merchant must be"),
    "no key": ({"cert": pem("mch_cert")}, r"merchant\['key'\] is missing"),
    "another key": ({"cert": pem("mch_cert"), "key": pem("plat_key")}, "is not the key of"),
    "no certificate": ({"cert": pem("mch_key"), "key": pem("mch_key")}, "is neither a certificate"),
    "a public key": ({"cert": pem("mch_cert"), "key": pem("plat_pub")}, "is a public key"),
    "no file": ({"cert": "/no/such/cert.pem", "key": pem("mch_key")}, "No such file"),
    "a number": ({"cert": 5, "key": pem("mch_key")}, "must be a path, PEM or DER, not int"),
    "empty": ({"cert": b"", "key": pem("mch_key")}, "neither a certificate nor a PKCS#12"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_identity_is_named_when_the_client_is_made(name: str) -> None:
    """Certificate and key are checked to belong together; the error says which is wrong."""
    merchant, words = BAD[name]
    with pytest.raises(ConfigurationError, match=words) as caught:
        plain_client(merchant=merchant)
    assert len(str(caught.value).splitlines()) == 1
    assert "PRIVATE" not in str(caught.value)


def test_a_wrong_passphrase_is_named(tmp_path: Path) -> None:
    """A PKCS#12 file that does not open says so, and what its passphrase usually is."""
    bundle, _ = forms(tmp_path, private("mch_key"), pem("mch_cert"))["PKCS#12"]["cert"]
    for passphrase in ("wrong", None):
        with pytest.raises(ConfigurationError, match="WeChat Pay's is the mchid"):
            plain_client(merchant={"cert": (bundle, passphrase)})


def test_a_key_file_that_others_can_read_warns(tmp_path: Path) -> None:
    """The merchant's key for TLS is guarded like the one that signs."""
    given = forms(tmp_path, private("mch_key"), pem("mch_cert"))
    for form, file in (("paths", "apiclient_key.pem"), ("PKCS#12 file", "apiclient_cert.p12")):
        (tmp_path / file).chmod(0o644)
        with pytest.warns(KeyFileWarning, match=f"chmod 600 .*{file}"):
            plain_client(merchant=given[form])


@pytest.mark.parametrize(
    ("ca_certs", "words"),
    [
        ("/no/such/ca.pem", "No such file"),
        (pem("plat_pub"), "holds no certificate"),
        (b"", "holds no certificate"),
        (5, "must be a path"),
    ],
    ids=["no file", "a key", "empty", "a number"],
)
def test_authorities_must_be_certificates(ca_certs: Any, words: str) -> None:
    """What is no authority is refused when the client is made."""
    with pytest.raises(ConfigurationError, match=words):
        plain_client(ca_certs=ca_certs)


def test_the_key_is_never_on_the_disk_in_the_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL is given a locked key in a file of the user's own, which is gone afterwards."""
    seen: list[tuple[bytes, int]] = []
    load = ssl.SSLContext.load_cert_chain

    def look(self: ssl.SSLContext, path: Any, *args: Any, **more: Any) -> None:
        seen.append((Path(path).read_bytes(), Path(path).stat().st_mode & 0o777))
        load(self, path, *args, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plain_client(merchant={"cert": pem("mch_cert"), "key": pem("mch_key")}).close()
    [(content, mode)] = seen
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert b"BEGIN PRIVATE KEY" not in content
    assert mode == 0o600
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_connection_that_was_closed_while_idle_is_replaced(face: str) -> None:
    """TLS's goodbye on an idle connection costs neither error nor resend."""

    def respond(request: Request) -> Any:
        return [answer(headers=signed_headers(b"{}"), body=b"{}"), HANG_UP]

    trusted = authority("a test's")
    context = server_context("127.0.0.1", trusted, trusted)
    ca_certs = trusted.certificate.public_bytes(Encoding.PEM)
    with (
        serving(respond, context) as server,
        plain_client(base_uri=server.base_uri, ca_certs=ca_certs) as client,
    ):
        if face == "sync":
            for _ in range(5):
                assert client.v3.x.post(json={}).verified
                wait_for_goodbye(server)
        else:
            asyncio.run(five_calls(client, server))
        assert server.connections == 5
        assert len(server.requests) == 5


async def five_calls(client: Client, server: Server) -> None:
    """Call, and let the loop stand still until the server has hung up."""
    for _ in range(5):
        assert (await client.v3.x.post_async(json={})).verified
        wait_for_goodbye(server)
    await client.aclose()


def wait_for_goodbye(server: Server) -> None:
    """Wait until the server has closed all its connections."""
    for thread in server._threads:
        thread.join()
