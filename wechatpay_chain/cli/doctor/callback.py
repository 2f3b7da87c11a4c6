"""The check of the callback address (回调地址): is it there, and does it refuse what is forged?"""

from __future__ import annotations

import ipaddress
import json
import secrets
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from wechatpay_chain.cli.doctor.examination import (
    Examination,
    Result,
    State,
    fault,
    ok,
    skipped,
    warning,
)
from wechatpay_chain.cli.doctor.reachability import Answered, Failed, look
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol import hosts

__all__ = ["callback"]

_CHECK = "callback"
_HEADERS = {"Content-Type": "application/json", "User-Agent": "wechatpay-chain doctor"}
_HOW: Mapping[str, str] = {
    "name": "give it a name in DNS, or mend notify_url",
    "connection": "start the program, and open port and firewall; WeChat Pay calls from outside",
    "certificate": "get a certificate of a public authority, with its whole chain, for that name",
    "tls": "speak TLS 1.2 or later there",
    "answer": "look into the program's log: it must answer within 5 s",
}


def callback(about: Examination) -> Iterator[Result]:
    """Post something that is not signed; a receiver that verifies must refuse it."""
    url = about.notify_url or about.profile.text("notify_url")
    if url is None:
        yield skipped(_CHECK, "there is no notify_url; give --notify-url to have it looked at")
        return
    problem = judge_address(url, is_local=about.is_local)
    if problem is not None:
        yield problem
    if problem is not None and problem.state is State.FAULT:
        return
    try:
        # The sandbox's authority too: there the callback may be behind the same one.
        context = about.tls() if about.is_local else ssl.create_default_context()
    except (ConfigurationError, ssl.SSLError):
        context = ssl.create_default_context()
    # As a real one looks, of a type that there is not, and sealed with no key at all.
    body = {
        "id": f"doctor-{secrets.token_hex(8)}",
        "create_time": "2015-05-20T13:29:35+08:00",
        "event_type": "DOCTOR.UNSIGNED",
        "resource_type": "encrypt-resource",
        "summary": "unsigned, to be refused",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "original_type": "doctor",
            "ciphertext": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "associated_data": "doctor",
            "nonce": "000000000000",
        },
    }
    seen = look(
        url,
        clock=about.clock,
        seconds=about.timeout,
        context=context,
        method="POST",
        body=json.dumps(body).encode(),
        headers=_HEADERS,
    )
    yield judge_answer(seen)


def judge_address(url: str, *, is_local: bool) -> Result | None:
    """Judge a callback's address as such; None if there is nothing to say."""
    try:
        hosts.origin(url)
        parts = urlsplit(url)
    except ValueError:
        return fault(_CHECK, "notify_url is no https:// address", "give the whole address")
    if not url.isascii() or not url.isprintable() or " " in url:
        return fault(
            _CHECK, "notify_url has letters that no address may have", "percent-encode them"
        )
    if parts.query or parts.fragment:
        what = "a query" if parts.query else "a fragment"
        return fault(
            _CHECK, f"notify_url has {what}, which WeChat Pay does not take", "take it off"
        )
    if is_local:
        return None
    if parts.scheme != "https":
        return fault(_CHECK, "notify_url is no https:// address", "let it be https://")
    if _is_private(parts):
        return warning(
            _CHECK,
            "notify_url names this machine or a private network",
            "give an address that can be reached from outside",
        )
    return None


def _is_private(parts: SplitResult) -> bool:
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_global
    except ValueError:
        return parts.hostname == "localhost"


def judge_answer(seen: Answered | Failed) -> Result:
    """Judge what came of a POST that is not signed."""
    if isinstance(seen, Failed):
        return fault(_CHECK, seen.problem, _HOW[seen.step])
    status = seen.status
    if 200 <= status < 300:
        return fault(
            _CHECK,
            f"a POST without a signature got {status}, so anybody can report a payment",
            "verify each callback before it is believed: client.webhooks.parse(headers, body)",
        )
    if 300 <= status < 400:
        return fault(
            _CHECK, f"it redirects ({status}), which WeChat Pay does not follow", "answer there"
        )
    if status in (404, 405):
        return warning(
            _CHECK,
            f"it answers {status}: nothing takes a POST at that path",
            "mend the path, or the program's routes",
        )
    if status >= 500:
        return warning(
            _CHECK,
            f"a POST without a signature got {status}",
            "refuse it with 401, so that a failure of the program can be told from a forgery",
        )
    if status < 400:
        return warning(_CHECK, f"it answers {status}", "answer a forgery with 401")
    return ok(_CHECK, f"it is there, and refuses what is not signed ({status})")
