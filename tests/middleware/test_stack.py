"""The client's stack: named, ordered, changed by its owner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.merchant import client, signed_headers
from tests.support.server import Request, answer, serving
from wechatpay_chain import ConfigurationError, Stack, guard


async def one(request: Any, handler: Any) -> Any:
    """Do nothing."""
    return await handler(request)


async def two(request: Any, handler: Any) -> Any:
    """Do nothing, too."""
    return await handler(request)


def stack() -> Stack:
    """Return the stack of a new client."""
    return client().stack


CHANGES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("as made", lambda s: None, ("verifier", "encryptor", "signer")),
    ("before", lambda s: s.before("signer", one), ("verifier", "encryptor", "one", "signer")),
    (
        "before, named",
        lambda s: s.before("verifier", one, name="log"),
        ("log", "verifier", "encryptor", "signer"),
    ),
    ("after", lambda s: s.after("signer", one), ("verifier", "encryptor", "signer", "one")),
    ("replace", lambda s: s.replace("encryptor", one), ("verifier", "encryptor", "signer")),
    ("remove", lambda s: s.remove("verifier"), ("encryptor", "signer")),
]


@pytest.mark.parametrize(("change", "names"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_stack_is_changed_by_name(change: Any, names: tuple[str, ...]) -> None:
    """before, after, replace and remove do what they say, and the repr shows it."""
    changed = stack()
    change(changed)
    assert changed.names == names
    assert repr(changed) == f"<Stack {' → '.join(names)} → the wire>"
    assert len(changed) == len(list(changed)) == len(names)
    assert all(name in changed for name in names)


REFUSED: list[tuple[Any, str]] = [
    (lambda s: s.before("nobody", one), "no middleware named 'nobody'"),
    (lambda s: s.after("nobody", one), "it has verifier, encryptor, signer"),
    (lambda s: s.replace("nobody", one), "no middleware named"),
    (lambda s: s.remove("nobody"), "no middleware named"),
    (lambda s: s["nobody"], "no middleware named"),
    (lambda s: s.before("signer", one, name="verifier"), "already has"),
    (lambda s: s.before("signer", "text"), "must be callable"),
    (lambda s: s.replace("signer", None), "must be callable"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_wrong_change_is_refused(change: Any, words: str) -> None:
    """A change that cannot be meant names what is there, and changes nothing."""
    changed = stack()
    with pytest.raises(ConfigurationError, match=words):
        change(changed)
    assert changed.names == ("verifier", "encryptor", "signer")


def test_where_a_middleware_stands_is_what_it_sees() -> None:
    """Outside the encryptor a middleware sees plaintext, inside the signer the signature."""
    seen: dict[str, Any] = {}

    def watch(name: str) -> Any:
        async def watching(request: Any, handler: Any) -> Any:
            body = await request.body.as_bytes()
            seen[name] = (b"6222" in body, "Authorization" in request.headers)
            got = await handler(request)
            seen[f"{name} status"] = got.status
            return got

        return watching

    def respond(request: Request) -> bytes:
        return answer(headers=signed_headers(b"{}"), body=b"{}")

    with serving(respond) as server:
        with client(base_uri=server.base_uri, middlewares=[watch("outermost")]) as root:
            assert root.stack.names == ("watching", "verifier", "encryptor", "signer")
            root.stack.before("encryptor", watch("before encryptor"), name="a")
            root.stack.before("signer", watch("before signer"), name="b")
            root.stack.after("signer", watch("innermost"), name="c")
            node = root.v3.aggracct_bc.wb_channel.control_orders.punish
            assert node.post(json={"bal_account_no": "6222"}).verified
    assert seen["outermost"] == seen["before encryptor"] == (True, False)
    assert seen["before signer"] == (False, False)
    assert seen["innermost"] == (False, True)
    assert seen["outermost status"] == 200


def test_a_middleware_may_change_the_request_before_it_is_signed() -> None:
    """What an outer middleware makes of a body is what is encrypted, signed and sent."""

    async def add(request: Any, handler: Any) -> Any:
        await request.update_body(b'{"bal_account_no":"changed"}')
        return await handler(request)

    from tests.support.merchant import private
    from tests.test_conformance_wire import check_signature
    from wechatpay_chain.protocol import rsa

    def respond(request: Request) -> bytes:
        return answer(headers=signed_headers(b"{}"), body=b"{}")

    with serving(respond) as server, client(base_uri=server.base_uri, middlewares=[add]) as root:
        root.v3.aggracct_bc.wb_channel.control_orders.punish.post(json={"bal_account_no": "x"})
    got = server.requests[0]
    assert rsa.decrypt(got.json["bal_account_no"], private("plat_key")) == "changed"
    check_signature("1900000109", got)


def test_without_a_verifier_nothing_is_called_verified() -> None:
    """Taking the verifier out is the owner's right; the response says what it is."""
    with serving(lambda request: answer(body=b"{}")) as server:
        with client(base_uri=server.base_uri) as root:
            root.stack.remove("verifier")
            response = root.v3.x.get()
    assert (response.body, response.verified) == (b"{}", False)


def test_a_retry_signs_anew_and_encrypts_once() -> None:
    """A middleware that sends again, outside the signer, gives each try a signature of its own."""

    async def again(request: Any, handler: Any) -> Any:
        got = await handler(request)
        if got.status == 503:
            got.close()
            got = await handler(request)
        return got

    answers = iter(
        [answer("503 Service Unavailable"), answer(headers=signed_headers(b"{}"), body=b"{}")]
    )
    with serving(lambda request: next(answers)) as server:
        with client(base_uri=server.base_uri) as root:
            root.stack.before("encryptor", again)
            node = root.v3.aggracct_bc.wb_channel.control_orders.punish
            assert node.post(json={"bal_account_no": "6222"}).verified
    first, second = server.requests
    assert first.body == second.body
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_the_guard_is_no_part_of_the_stack() -> None:
    """What keeps a request from being sent twice cannot be taken out by accident."""
    assert guard not in list(stack())
