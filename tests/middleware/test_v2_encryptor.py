"""Sensitive fields of v2: encrypted for the right key before the sign is made over them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.merchant import MCHID, PLATFORM_ID, client, pem, private
from tests.support.server import Server, serving
from tests.support.xml import SECRET, fields, sign, signed
from wechatpay_chain import Client, ConfigurationError, RequestError, Sensitive
from wechatpay_chain.catalogue import Operation, operations
from wechatpay_chain.protocol import rsa
from wechatpay_chain.sandbox import Sandbox

BANK = "v2/mmpaysptrans/pay_bank"
RISK = "v2/mchrisk/querymchrisk"
CARD = "6217000010001234567"
SERIAL = "7132D72A03E93CDDF8C03BBD1F37EEDF"
OWN = private("e3_key")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers every call, signed as RISK wants it."""
    with serving(lambda request: signed(sign_type=fields(request).get("sign_type", "MD5"))) as made:
        yield made


@pytest.fixture
def root(server: Server) -> Iterator[Client]:
    """A client with two platform keys."""
    certs = {PLATFORM_ID: pem("plat_pub"), SERIAL: pem("plat_cert")}
    with client(base_uri=server.base_uri, secret=SECRET, certs=certs) as made:
        yield made


def pkcs1(key: RSAPublicKey) -> str:
    """Return a public key as v2/risk/getpublickey answers it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


def sent(server: Server) -> dict[str, str]:
    """Return the fields that arrived last, whose sign was made over what arrived."""
    got = fields(server.requests[-1])
    assert got["sign"] == sign(got, got.get("sign_type", "MD5"))
    return got


ENCRYPTED = [one for one in operations("v2/") if one.encrypted]


@pytest.mark.parametrize("operation", ENCRYPTED, ids=str)
@pytest.mark.parametrize("face", ["sync", "async"])
def test_every_marked_field_is_encrypted(
    operation: Operation, face: str, root: Client, server: Server
) -> None:
    """The fields leave as ciphertext for WeChat Pay, each opens, and the rest is as it was."""
    names = [path[-1] for path in operation.encrypted]
    plain = {name: f"{CARD} {name}" for name in names}
    data = {"mch_id": MCHID, "sign_type": "HMAC-SHA256", **plain, "desc": "张三"}
    if face == "sync":
        root[operation.path].post(xml=data)
    else:

        async def call() -> None:
            await root[operation.path].post_async({"xml": data})
            await root.aclose()

        asyncio.run(call())
    got = sent(server)
    assert {name: rsa.decrypt(got[name], private("plat_key")) for name in names} == plain
    assert got["desc"] == "张三"
    assert data["desc"] == "张三"
    assert all(data[name] == plain[name] for name in names)


def test_a_base_with_a_path_hides_no_operation(server: Server) -> None:
    """Behind a prefix of the client's own the fields leave encrypted just the same."""
    settings: dict[str, Any] = {"secret": SECRET, "base_uri": f"{server.base_uri}wx/"}
    with client(**settings) as root:
        root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": CARD})
    assert server.requests[-1].target == "/wx/mmpaysptrans/pay_bank"
    assert rsa.decrypt(sent(server)["enc_bank_no"], private("plat_key")) == CARD


def test_there_are_operations_to_encrypt() -> None:
    """Two of them, with seven fields in all."""
    assert {one.path: len(one.encrypted) for one in ENCRYPTED} == {BANK: 2, RISK: 5}


def test_the_key_of_the_operation_is_named(root: Client, server: Server) -> None:
    """Where a field names the key, it is set to the one that was used, or chooses it."""
    data = {"mch_id": MCHID, "sign_type": "HMAC-SHA256", "certificates_name": "张三"}
    root[RISK].post(xml=data)
    assert sent(server)["cert_serial_number"] == PLATFORM_ID
    root[RISK].post(xml={**data, "cert_serial_number": SERIAL})
    got = sent(server)
    assert got["cert_serial_number"] == SERIAL
    assert rsa.decrypt(got["certificates_name"], private("plat_key")) == "张三"
    root[RISK].post(xml={"mch_id": MCHID, "sign_type": "HMAC-SHA256"})
    assert "cert_serial_number" not in sent(server)
    before = len(server.requests)
    with pytest.raises(RequestError, match="cert_serial_number names a key that is not in certs"):
        root[RISK].post(xml={**data, "cert_serial_number": "UNKNOWN"})
    assert len(server.requests) == before


@pytest.mark.parametrize("v2_only", [False, True])
def test_the_key_of_v2_goes_first(v2_only: bool, server: Server) -> None:
    """The key that getpublickey answers, PKCS#1 as it comes, is used for what it is for."""
    settings: dict[str, Any] = {
        "base_uri": server.base_uri,
        "secret": SECRET,
        "v2_public_key": pkcs1(OWN.public_key()),
    }
    with Client(mchid=MCHID, **settings) if v2_only else client(**settings) as root:
        root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": CARD})
    assert rsa.decrypt(sent(server)["enc_bank_no"], OWN) == CARD


def test_what_is_ciphertext_already_is_left_alone(root: Client, server: Server) -> None:
    """Code that encrypts by hand keeps working, also with a key that this client does not have."""
    by_hand = rsa.encrypt(CARD, OWN.public_key())
    root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": by_hand, "enc_true_name": None})
    got = sent(server)
    assert got["enc_bank_no"] == by_hand
    assert got["enc_true_name"] == ""


def test_encryption_can_be_turned_off(root: Client, server: Server) -> None:
    """encrypt=False sends what was given, marks and all."""
    data = {"mch_id": MCHID, "enc_bank_no": CARD, "enc_true_name": Sensitive("张三")}
    root[BANK].post(xml=data, encrypt=False)
    got = sent(server)
    assert (got["enc_bank_no"], got["enc_true_name"]) == (CARD, "张三")


def test_sensitive_marks_any_field_of_xml(root: Client, server: Server) -> None:
    """A field that nobody documented is encrypted if it is marked; in a GET's query it is not."""
    root.v2.pay.brand_new.post(xml={"mch_id": MCHID, "name": Sensitive("张三"), "other": "李四"})
    got = sent(server)
    assert rsa.decrypt(got["name"], private("plat_key")) == "张三"
    assert got["other"] == "李四"
    with pytest.raises(RequestError, match="Sensitive"):
        root.v2.papay.h5entrustweb.get(xml={"mch_id": MCHID, "name": Sensitive("x")})


def test_without_any_key_the_caller_has_encrypted(server: Server) -> None:
    """A client that has a secret only sends what it was given, as PHP does; marks are refused."""
    with Client(mchid=MCHID, secret=SECRET, base_uri=server.base_uri) as root:
        root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": "by hand"})
        assert sent(server)["enc_bank_no"] == "by hand"
        with pytest.raises(RequestError, match="no key to encrypt it for: give v2_public_key"):
            root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": Sensitive(CARD)})


@pytest.mark.parametrize("value", ["A" * 300, True, 1.5], ids=["long", "true", "float"])
def test_what_cannot_be_encrypted_is_not_sent(value: Any, root: Client, server: Server) -> None:
    """The error names the field, and nothing leaves."""
    with pytest.raises(RequestError, match=r"xml\.enc_bank_no"):
        root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": value})
    assert server.requests == []


def test_a_wrong_key_is_named() -> None:
    """A private key given for the public one is refused as what it is."""
    with pytest.raises(ConfigurationError, match="v2_public_key is a private key"):
        client(v2_public_key=pem("mch_key"))


def test_keys_that_are_downloaded_first() -> None:
    """Where certificates are refreshed, the first v2 call that must encrypt downloads one."""
    with Sandbox(tls=True) as gateway:
        certificate = gateway.identity.certificate
        gateway.platform.sign_with(certificate)
        with gateway.client(certs=None, refresh=True) as root:
            root[RISK].post(
                xml={"mch_id": MCHID, "sign_type": "HMAC-SHA256", "certificates_name": "张三"}
            )
        got = gateway.requests[-1].opened
        assert got is not None
        assert got["cert_serial_number"] == certificate.serial
        assert got["certificates_name"] == "张三"
        gateway.platform.make_public_key_only(gateway.identity.merchant.mchid)
        before = len(gateway.requests)
        with gateway.client(certs=None, refresh=True) as root:
            with pytest.raises(RequestError, match="there is no key to encrypt it for"):
                root[BANK].post(xml={"mch_id": MCHID, "enc_bank_no": CARD})
        assert [one.path for one in gateway.requests[before:]] == ["/v3/certificates"]
