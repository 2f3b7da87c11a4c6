"""Checks that ask the gateway: is it there, what is its clock, does it take our signature.

All that is sent changes nothing: an echo, a list, and a query of an order that never was.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

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
from wechatpay_chain.cli.doctor.refusals import echo_refused, platform_key_unknown
from wechatpay_chain.client import Client
from wechatpay_chain.errors import (
    ConfigurationError,
    DecodeError,
    DecryptError,
    NotSentError,
    OutcomeUnknownError,
    Reason,
    RefusedError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.platform_keys import PUBLIC_KEY_ID
from wechatpay_chain.protocol import document
from wechatpay_chain.protocol.signature import MAXIMUM_CLOCK_OFFSET
from wechatpay_chain.response import Response

__all__ = ["IDENTITY", "gateway", "json_of", "signature"]

DRIFT = 30.0
"""Seconds that the clock may be off before one should care."""

PROBES = 3
"""How often the echo is asked again when its answer is one of WeChat Pay's probes."""

IDENTITY = ("private_key", "serial", "merchant_cert", "clock", "settings")
"""Checks whose faults make the gateway refuse whatever is signed."""

_HOW: Mapping[str, str] = {
    "name": "check base_uri and DNS",
    "connection": "check base_uri, the network and the firewall; or set proxy",
    "certificate": "check base_uri; for the sandbox set ca_certs to its ca.pem",
    "tls": "check base_uri: does it speak https there?",
    "answer": "check base_uri and what stands between here and there",
}


def gateway(about: Examination) -> Iterator[Result]:
    """Look whether the gateway can be reached, and what its clock shows."""
    check = "gateway"
    if not about.is_reachable:
        yield skipped(check, "base_uri cannot be used")
        return
    if "proxy" in about.profile:
        yield skipped(check, "there is a proxy on the way; the signature's check goes through it")
        return
    try:
        context = about.tls()
    except (ConfigurationError, ssl.SSLError) as error:
        yield fault(check, about.profile.located(str(error)), "mend ca_certs")
        about.is_reachable = False
        return
    # Without a signature any answer will do: all of them have the date.
    url = about.base_uri + ("" if about.base_uri.endswith("/") else "/") + "v3/certificates"
    headers = {"Accept": "application/json", "User-Agent": "wechatpay-chain doctor"}
    seen = look(url, clock=about.clock, seconds=about.timeout, context=context, headers=headers)
    if isinstance(seen, Failed):
        about.is_reachable = False
        yield fault(check, seen.problem, _HOW[seen.step])
        return
    words = f"{seen.addresses[0]}, {seen.tls or 'without TLS'}"
    yield ok(check, f"{urlsplit(url).netloc} answers ({words})")
    yield judge_clock(seen)


def judge_clock(seen: Answered) -> Result:
    """Judge the clock here by the date in an answer: sent and received somewhere in between."""
    check = "clock"
    if seen.date is None:
        return skipped(check, "the answer has no date")
    # The date has whole seconds, cut off; the way there and back may have taken any part.
    tolerance = (seen.after - seen.before) / 2 + 1
    offset = (seen.before + seen.after) / 2 - (seen.date + 0.5)
    words = f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the gateway's"
    how = "let this machine's clock be set over the network (NTP): timedatectl set-ntp true"
    if abs(offset) > MAXIMUM_CLOCK_OFFSET + tolerance:
        return fault(check, f"it is {words}; {MAXIMUM_CLOCK_OFFSET} s are allowed", how)
    if abs(offset) > DRIFT + tolerance:
        return warning(
            check, f"it is {words}; at {MAXIMUM_CLOCK_OFFSET} s all requests are refused", how
        )
    return ok(check, f"it agrees with the gateway's, as far as can be seen (± {tolerance:.1f} s)")


def signature(about: Examination) -> Iterator[Result]:
    """Have a made-up message echoed for each key of WeChat Pay's, then an encrypted one."""
    check = "signature"
    if about.client is None and about.problem and not about.has_fault():
        yield fault("settings", about.problem, "mend that setting")
        return
    if about.profile.is_v2_only:
        return
    if not about.is_reachable or about.client is None:
        why = "the gateway was not reached" if about.client else "the settings above are not enough"
        yield skipped(check, why)
        return
    for name in about.platform:
        sent = {"echo_message": secrets.token_hex(8)}
        outcome = _echo(about.client, sent, name)
        result = judge_echo(
            outcome,
            sent,
            name,
            is_explained=about.has_fault(*IDENTITY),
            known=tuple(about.platform),
            keys_are_doubtful=about.has_fault("platform keys"),
        )
        yield result
        if result.state is not State.OK:
            return
    for name in about.platform:
        sent = {"echo_message": "-", "encrypted_echo_message": secrets.token_hex(8)}
        yield judge_secret_echo(_echo(about.client, sent, name), sent, name)


def _echo(client: Client, body: Mapping[str, str], serial: str) -> Response | WechatPayError:
    """Ask for an echo; what WeChat Pay's probing spoils is asked for again."""
    outcome: Response | WechatPayError = NotSentError("not asked")
    for _ in range(PROBES):
        try:
            return client.get_driver().request(
                "POST", "v3/security/echo", json=dict(body), headers={"Wechatpay-Serial": serial}
            )
        except WechatPayError as error:
            outcome = error
        if not isinstance(outcome, UnverifiedError) or not outcome.is_probe:
            break
    return outcome


def judge_echo(
    outcome: Response | WechatPayError,
    sent: Mapping[str, str],
    name: str,
    *,
    is_explained: bool = False,
    known: tuple[str, ...] = (),
    keys_are_doubtful: bool = False,
) -> Result:
    """Judge the answer to a signed echo.

    Args:
        outcome: the answer or the error.
        sent: what should come back.
        name: the id or serial of WeChat Pay's key that was asked for.
        is_explained: whether a fault was found already that makes the gateway refuse.
        known: the ids and serials of all keys that are set.
        keys_are_doubtful: whether some of WeChat Pay's keys could not be used.
    """
    check = "signature"
    if isinstance(outcome, Response):
        if json_of(outcome) == dict(sent):
            return ok(check, f"accepted; the answer is signed with {name}")
        return fault(check, "what came back is not what was sent", "check base_uri")
    if isinstance(outcome, UnverifiedError):
        return _judge_unverified(outcome, name, known, keys_are_doubtful)
    if isinstance(outcome, RefusedError) and outcome.status in (400, 401, 403) and is_explained:
        return skipped(check, f"refused with {outcome.status}, as follows from the fault above")
    if isinstance(outcome, RefusedError):
        return echo_refused(outcome)
    if isinstance(outcome, (NotSentError, OutcomeUnknownError)):
        return fault("gateway", str(outcome), "check network, base_uri, ca_certs and proxy")
    return fault(check, str(outcome), "see the message")


def _judge_unverified(
    error: UnverifiedError, name: str, known: tuple[str, ...], keys_are_doubtful: bool
) -> Result:
    if error.is_probe:
        return warning("signature", "every answer was a probe of WeChat Pay's", "try again later")
    if error.reason is Reason.CLOCK:
        return fault("clock", str(error), "set this machine's clock over the network (NTP)")
    named = error.response.headers.get("Wechatpay-Serial", "") if error.response else ""
    if error.reason is Reason.UNKNOWN_SERIAL:
        if keys_are_doubtful:
            return skipped("signature", "the answer is signed with a key that is at fault above")
        return platform_key_unknown(named, known)
    if error.reason is Reason.BAD_SIGNATURE:
        which = "the public key that is given for it is" if name.startswith(PUBLIC_KEY_ID) else (
            "the certificate that is given for it is"
        )  # fmt: skip
        return fault(
            "platform keys",
            f"the answer is signed with {named or name}, but {which} another one",
            "download that key again, and set the id that stands beside it",
        )
    return fault(
        "signature",
        f"the answer is not WeChat Pay's ({error.reason})",
        "check base_uri, and what stands between here and there",
    )


def judge_secret_echo(
    outcome: Response | WechatPayError, sent: Mapping[str, str], name: str
) -> Result:
    """Judge the answer to an encrypted echo; that a plain one works is known."""
    check = "encryption"
    if isinstance(outcome, Response):
        try:
            came = outcome.json()
        except (DecodeError, DecryptError):
            return fault(
                check,
                "the answer's encrypted field does not open with private_key",
                "it is encrypted for another certificate of the merchant's: check serial",
            )
        if came == dict(sent):
            return ok(check, f"works both ways, with {name} and private_key")
        return fault(check, "what came back is not what was sent", "check base_uri")
    if isinstance(outcome, RefusedError) and outcome.status < 500:
        return fault(
            "platform keys",
            f"what was encrypted with {name} was refused ({outcome.status} {outcome.code})",
            "download that key again, and set the id that stands beside it",
        )
    return warning(check, f"it could not be tried: {outcome}", "try again later")


def json_of(response: Response) -> Any:
    """Return the document in an answer; None if there is none."""
    try:
        return document.loads(response.body)
    except DecodeError:
        return None
