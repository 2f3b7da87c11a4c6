"""Keys, secrets and Authorization never show: not in a repr, an error, a traceback, a pickle."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.merchant import MERCHANT_SERIAL, PLATFORM_ID, client, pem, signed_headers
from tests.support.server import HANG_UP, Request, answer, serving
from tests.support.xml import signed
from wechatpay_chain import (
    Builder,
    Client,
    ConfigurationError,
    Encryptor,
    Sensitive,
    Signer,
    Transformer,
    TransformRequest,
    UnverifiedError,
    Verifier,
    WechatPayError,
)

PASSPHRASE = "correct-horse-battery"
APIV3 = "0123456789abcdef0123456789ABCDEF"
V2 = "exposed_your_key_here_have_risks"
PLAINTEXT = "6222020200098765432"


def lines_of(key: str) -> list[str]:
    """Return the telling lines of a PEM text."""
    return [line for line in key.splitlines() if len(line) > 40]


MERCHANT_KEY = pem("mch_key")
SECRETS = [*lines_of(MERCHANT_KEY)[:4], PASSPHRASE, APIV3, V2]
AUTHORIZATION = 'signature="'


def assert_hidden(text: str, *more: str) -> None:
    """Check that nothing secret stands in a text."""
    for secret in (*SECRETS, *more):
        assert secret not in text
        assert repr(secret)[1:-1] not in text


def shown(error: BaseException) -> str:
    """Return all that a crash reporter could show of an error: frames with their locals, causes."""
    seen: list[str] = []
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None:
            continue
        queue += [one.__cause__, one.__context__]
        seen += [str(one), repr(one), repr(one.args), repr(vars(one))]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "wechatpay_chain" in frame.f_code.co_filename or "aiohttp" in (
                frame.f_code.co_filename
            ):
                seen += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
    return "\n".join(seen)


def ec_key() -> str:
    """Return a key of the wrong kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def locked_key() -> str:
    """Return the merchant's key behind a passphrase."""
    from tests.support.merchant import private

    lock = BestAvailableEncryption(PASSPHRASE.encode())
    return private("mch_key").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


def small_key() -> str:
    """Return a key that is too short."""
    key = rsa.generate_private_key(65537, 1024)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


BARE = "".join(MERCHANT_KEY.splitlines()[1:-1])
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "elliptic": ({"private_key": ec_key()}, "private_key is no RSA key"),
    "public": ({"private_key": pem("plat_pub")}, "private_key is a public key"),
    "certificate": ({"private_key": pem("mch_cert")}, "private_key is a certificate"),
    "short": ({"private_key": small_key()}, "private_key has 1024 bits"),
    "cut": ({"private_key": MERCHANT_KEY[:900]}, "private_key is no key that can be read"),
    "damaged": ({"private_key": MERCHANT_KEY.replace("MII", "XII", 1)}, "is no key that can be"),
    "bare base64": ({"private_key": BARE}, "private_key is neither a key nor a file"),
    "wrong prefix": ({"private_key": "private.pkcs1://" + BARE}, "private_key"),
    "DER cut": ({"private_key": MERCHANT_KEY.encode()[100:500]}, "private_key"),
    "no passphrase": ({"private_key": locked_key()}, r"give \(key, passphrase\)"),
    "wrong passphrase": ({"private_key": (locked_key(), PASSPHRASE + "!")}, "passphrase is wrong"),
    "needless passphrase": ({"private_key": (MERCHANT_KEY, PASSPHRASE)}, "not encrypted"),
    "odd passphrase": ({"private_key": (MERCHANT_KEY, 5)}, "neither text nor bytes"),
    "no file": ({"private_key": "/no/such/apiclient_key.pem"}, "No such file"),
    "empty": ({"private_key": b""}, "private_key"),
    "object": ({"private_key": object()}, "private_key is no RSA key"),
    "none": ({"private_key": None}, "private_key is missing"),
    "private among certs": ({"certs": {"A": MERCHANT_KEY}}, "is a private key"),
    "own serial": ({"certs": {MERCHANT_SERIAL: pem("plat_pub")}}, "is the merchant's own"),
    "own serial, lower": ({"certs": {MERCHANT_SERIAL.lower(): pem("plat_pub")}}, "merchant's own"),
    "own certificate": ({"certs": {"A": pem("mch_cert")}}, "is the merchant's own"),
    "no certs": ({"certs": {}}, "certs is missing"),
    "certs no mapping": ({"certs": [MERCHANT_KEY]}, "certs must be a mapping"),
    "short apiv3": ({"apiv3_key": APIV3[:-1]}, "apiv3_key must be text of 32 bytes"),
    "odd apiv3": ({"apiv3_key": 5}, "apiv3_key must be text"),
    "mchid": ({"mchid": 1900000109}, "mchid must be a string"),
    "mchid breaks": ({"mchid": '19"\r\nX: y'}, "mchid must be a string of visible"),
    "serial": ({"serial": ""}, "serial is missing"),
    "certs serial": ({"certs": {"a\nb": pem("plat_pub")}}, "serial of a platform key"),
    "base": ({"base_uri": "http://api.mch.weixin.qq.com/"}, "use https://"),
    "base no text": ({"base_uri": 5}, "base_uri must be"),
    "timeout": ({"timeout": "5"}, "timeout must be a number"),
    "encrypt": ({"encrypt": "yes"}, "encrypt must be"),
    "proxy": ({"proxy": "nonsense"}, "proxy must be"),
    "middleware": ({"middlewares": [5]}, "must be callable"),
    "merchant no mapping": ({"merchant": [MERCHANT_KEY]}, "merchant must be"),
    "merchant no cert": ({"merchant": {"key": MERCHANT_KEY}}, "merchant must be"),
    "merchant cert no file": (
        {"merchant": {"cert": "/no/such/cert.pem", "key": MERCHANT_KEY}},
        "No such file",
    ),
    "merchant cert a key": (
        {"merchant": {"cert": MERCHANT_KEY, "key": MERCHANT_KEY}},
        "is neither a certificate",
    ),
    "merchant cert bare": (
        {"merchant": {"cert": (BARE.encode(), PASSPHRASE), "key": MERCHANT_KEY}},
        "is neither a certificate",
    ),
    "merchant other key": (
        {"merchant": {"cert": pem("plat_cert"), "key": MERCHANT_KEY}},
        "is not the key of",
    ),
    "merchant wrong passphrase": (
        {"merchant": {"cert": pem("mch_cert"), "key": (locked_key(), "wrong")}},
        "passphrase is wrong",
    ),
    "merchant key for public": (
        {"merchant": {"cert": pem("mch_cert"), "key": pem("plat_pub")}},
        "is a public key",
    ),
    "authorities a key": ({"ca_certs": MERCHANT_KEY}, "holds no certificate"),
    "secret bytes": ({"secret": V2.encode()}, "secret must be text"),
    "proxy with a password": ({"proxy": f"ftp://user:{PASSPHRASE}@host"}, "proxy must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named_and_no_secret_is_shown(name: str) -> None:
    """A wrong key or setting is an error in one line that says which, and shows nothing."""
    settings, words = WRONG[name]
    full: dict[str, Any] = {
        "mchid": "1900000109",
        "serial": MERCHANT_SERIAL,
        "private_key": MERCHANT_KEY,
        "certs": {PLATFORM_ID: pem("plat_pub")},
        "apiv3_key": APIV3,
        "secret": V2,
    } | settings
    own = [
        line for value in settings.values() if isinstance(value, str) for line in lines_of(value)
    ]
    for make in (lambda: Client(**full), lambda: Builder.factory(full)):
        with pytest.raises(ConfigurationError, match=words) as caught:
            make()
        assert len(str(caught.value).splitlines()) == 1
        if "PRIVATE" in str(settings):
            assert_hidden(shown(caught.value), *own)
        else:
            assert_hidden(shown(caught.value))


def test_reprs_hide_everything() -> None:
    """No public object shows a key or secret, not even among its attributes' reprs."""
    root = client(private_key=MERCHANT_KEY, apiv3_key=APIV3, secret=V2)
    things: list[Any] = [
        root, root.stack, root.v3.pay, *root.stack, vars(root), vars(root._flow),
        Sensitive(MERCHANT_KEY), [Sensitive(APIV3)], {"a": Sensitive(V2)},
        f"{Sensitive(V2)}", root.v3.x.get_async().close(),
    ]  # fmt: skip
    assert_hidden(repr(things))


@pytest.mark.parametrize(
    "make",
    [
        lambda: client(),
        lambda: Signer("1", "S", pem("mch_key")),
        lambda: Sensitive("secret"),
    ],
    ids=["client", "signer", "sensitive"],
)
def test_what_holds_a_secret_is_not_pickled(make: Any) -> None:
    """Pickling and deep-copying what holds a key is refused."""
    with pytest.raises(TypeError):
        pickle.dumps(make())
    with pytest.raises(TypeError):
        copy.deepcopy(make())


FAILURES: dict[str, Any] = {
    "hang up": HANG_UP,
    "cut": [answer(headers={"Content-Length": "9"}, body=b"1"), HANG_UP],
    "no http": b"nonsense\r\n\r\n",
    "refused": answer("400 Bad Request", body=b'{"code":"PARAM_ERROR"}'),
    "unsigned": answer(body=b"{}"),
    "forged": answer(headers=signed_headers(b"other"), body=b"{}"),
    "redirect": answer("302 Found", {"Location": "https://evil.example/"}),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_call_shows_neither_authorization_nor_plaintext(
    name: str, face: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of the wire have no frame that holds the signature, and nothing is logged."""
    caplog.set_level(logging.DEBUG)

    def respond(request: Request) -> Any:
        return FAILURES[name]

    with serving(respond) as server, client(base_uri=server.base_uri, apiv3_key=APIV3) as root:
        node = root.v3.aggracct_bc.wb_channel.control_orders.punish
        with pytest.raises(WechatPayError) as caught:
            if face == "sync":
                node.post(json={"bal_account_no": Sensitive(PLAINTEXT)})
            else:
                asyncio.run(node.post_async(json={"bal_account_no": Sensitive(PLAINTEXT)}))
    # The caller's own frames may show what the caller has; ours may not.
    assert_hidden(shown(caught.value), AUTHORIZATION, PLAINTEXT)
    assert_hidden(caplog.text, AUTHORIZATION, PLAINTEXT)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert AUTHORIZATION.encode() not in pickle.dumps(caught.value)


V2_ANSWERS: dict[str, Any] = {
    "hang up": HANG_UP,
    "forged": signed(sign="0" * 32),
    "fail": signed({"result_code": "FAIL", "err_code": "X"}),
    "no xml": answer(body=b"<!DOCTYPE x>"),
    "refused": answer("400 Bad Request"),
}
V2_CALLS: dict[str, dict[str, Any]] = {
    "sent": {"xml": {"mch_id": "1900000109", "a": PLAINTEXT}},
    "another's": {"xml": {"mch_id": "1", "a": PLAINTEXT}},
    "sign_type": {"xml": {"mch_id": "1900000109", "sign_type": "X", "a": PLAINTEXT}},
    "no xml": {"body": PLAINTEXT},
    "debug": {"xml": {"mch_id": "1900000109", "a": PLAINTEXT}, "debug": io.StringIO()},
}


@pytest.mark.parametrize("call", V2_CALLS)
@pytest.mark.parametrize("name", V2_ANSWERS)
def test_a_failed_v2_call_shows_no_secret(
    name: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with a v2 call, its key shows nowhere, and its fields in no message."""
    caplog.set_level(logging.DEBUG)
    with (
        serving(lambda request: V2_ANSWERS[name]) as server,
        client(base_uri=server.base_uri, secret=V2) as root,
    ):
        with pytest.raises(WechatPayError) as caught:
            root.v2.pay.unifiedorder.post(V2_CALLS[call])
    assert_hidden(shown(caught.value))
    assert_hidden(str(caught.value), PLAINTEXT)
    assert_hidden(caplog.text, PLAINTEXT)
    assert_hidden(V2_CALLS["debug"]["debug"].getvalue(), PLAINTEXT)
    assert V2.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("call", ["sent", "another's", "sign_type", "no xml"])
def test_the_v2_middlewares_hide_the_secret_by_themselves(call: str) -> None:
    """In a plain session nobody cleans tracebacks, so no frame of theirs may hold the key."""
    middleware = TransformRequest("1900000109", V2, origins=["http://127.0.0.1:1"])
    options = V2_CALLS[call]
    body = Transformer.to_xml(options["xml"]) if "xml" in options else options["body"]

    async def send() -> None:
        async with aiohttp.ClientSession(middlewares=(middleware,)) as session:
            await session.post("http://127.0.0.1:1/x", data=body.encode())

    with pytest.raises((WechatPayError, aiohttp.ClientError)) as caught:
        asyncio.run(send())
    assert_hidden(shown(caught.value))


def test_a_response_shows_and_pickles_no_authorization() -> None:
    """A response's request is there to be looked at, less its signature."""
    body = b'{"a":1}'

    def respond(request: Request) -> bytes:
        return answer(headers=signed_headers(body), body=body)

    with serving(respond) as server, client(base_uri=server.base_uri) as root:
        response = root.v3.x.post(json={}, query={"openid": "o1"})
    request = response.request
    assert request.method == "POST"
    assert request.url == f"{server.base_uri}v3/x?openid=o1"
    assert request.headers["authorization"] == "(redacted)"
    assert request.headers["content-type"] == "application/json"
    assert "o1" not in repr(request)
    again = pickle.loads(pickle.dumps(response))
    assert (again.status, again.json(), again.verified) == (200, {"a": 1}, True)
    assert again.request.headers == request.headers
    assert AUTHORIZATION.encode() not in pickle.dumps(response)
    assert "a" not in repr(response).replace("verified", "").replace("bytes", "").lower()[10:]


def test_a_key_file_that_others_can_read_warns(tmp_path: Path) -> None:
    """A private key's file that is open to others is named in a warning; a private one is not."""
    from wechatpay_chain import KeyFileWarning

    path = tmp_path / "apiclient_key.pem"
    path.write_text(MERCHANT_KEY, "utf-8")
    path.chmod(0o644)
    with pytest.warns(KeyFileWarning, match="chmod 600"):
        client(private_key=path)
    path.chmod(0o600)
    client(private_key=str(path))
    client(private_key=f"file://{path}")


def forms() -> dict[str, Any]:
    """Return the merchant's key in every form that is taken."""
    from tests.support.merchant import private

    key = private("mch_key")
    traditional = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()
    old_lock = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw")
    )
    return {
        "object": key,
        "PKCS#8": MERCHANT_KEY,
        "PKCS#1": traditional,
        "bytes": MERCHANT_KEY.encode(),
        "bytearray": bytearray(MERCHANT_KEY.encode()),
        "CRLF": MERCHANT_KEY.replace("\n", "\r\n"),
        "one line": MERCHANT_KEY.replace("\n", ""),
        "escaped line feeds": MERCHANT_KEY.replace("\n", "\\n"),
        "indented": MERCHANT_KEY.replace("\n", "\n    "),
        "text before": "Bag Attributes\n" + MERCHANT_KEY,
        "DER": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "private.pkcs8": "private.pkcs8://" + BARE,
        "private.pkcs1": "private.pkcs1://" + "".join(traditional.splitlines()[1:-1]),
        "locked": (locked_key(), PASSPHRASE),
        "locked, bytes": (locked_key().encode(), PASSPHRASE.encode()),
        "locked the old way": (old_lock, "pw"),
        "no passphrase": (MERCHANT_KEY, None),
        "sensitive": Sensitive(MERCHANT_KEY),
        "sensitive pair": Sensitive((locked_key(), PASSPHRASE)),
        "pair of sensitive": (Sensitive(locked_key()), Sensitive(PASSPHRASE)),
    }


@pytest.mark.parametrize("form", forms())
def test_a_private_key_is_taken_in_every_form(form: str) -> None:
    """Whatever form a merchant has its key in, it is the same key."""
    from tests.support.merchant import private
    from wechatpay_chain.keys import load_private_key

    assert load_private_key(forms()[form]).private_numbers() == private("mch_key").private_numbers()


def public_forms() -> dict[str, Any]:
    """Return the platform's key in every form that is taken."""
    from tests.support.merchant import private

    key = private("plat_key").public_key()
    spki = pem("plat_pub")
    pkcs1 = key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    return {
        "object": key,
        "SPKI": spki,
        "PKCS#1": pkcs1,
        "certificate": pem("plat_cert"),
        "DER": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "public.spki": "public.spki://" + "".join(spki.splitlines()[1:-1]),
        "public.pkcs1": "public.pkcs1://" + "".join(pkcs1.splitlines()[1:-1]),
    }


@pytest.mark.parametrize("form", public_forms())
def test_a_public_key_is_taken_in_every_form(form: str) -> None:
    """Whatever form WeChat Pay's key comes in, it is the same key."""
    from tests.support.merchant import private
    from wechatpay_chain.keys import load_public_key

    expected = private("plat_key").public_key().public_numbers()
    assert load_public_key(public_forms()[form]).public_numbers() == expected


def test_middlewares_check_their_keys() -> None:
    """A middleware that is used by itself refuses a wrong key as the client does."""
    for make in (Encryptor, Verifier):
        with pytest.raises(ConfigurationError, match="is a private key"):
            make({"A": MERCHANT_KEY})
    with pytest.raises(ConfigurationError, match="is a public key"):
        Signer("1", "S", pem("plat_pub"))
    assert isinstance(UnverifiedError("x"), WechatPayError)
