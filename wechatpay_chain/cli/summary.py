"""The end of the demo: what all calls together show, counted once more from the requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wechatpay_chain import RefusedError, Response, UnverifiedError
from wechatpay_chain.cli.evidence import (
    ACCOUNT_FIELD,
    NUMBER,
    Check,
    Finding,
    Seen,
    is_encrypted,
    passed_signature_check,
    sent_bytes,
)
from wechatpay_chain.cli.spellings import ORDER
from wechatpay_chain.sandbox import Sandbox

__all__ = ["NEXT", "Summary", "summarise"]

NEXT = (
    ("docs/guide.md", "the guide: your own keys, errors, asyncio"),
    ("wechatpay-chain sandbox", "a gateway like this one, to work against"),
)


@dataclass(frozen=True)
class Summary:
    """Claims on all calls, how many there were, and how many findings hold."""

    counts: dict[str, int]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return all(check.passed for check in self.checks)


def summarise(gateway: Sandbox, watched: Sequence[Seen], findings: Sequence[Finding]) -> Summary:
    """Count what the gateway received and what the package made of the answers."""
    requests = gateway.requests
    plain = ORDER[ACCOUNT_FIELD].encode()
    carrying = [one for one in requests if isinstance(one.json, dict) and ACCOUNT_FIELD in one.json]
    shown = [one for seen in watched for one in seen.shown]
    repeated = [seen for seen in watched if seen.order is ORDER and seen.spelling.calls == 1]
    numbers = [one.json().get(NUMBER) for seen in repeated for one in seen.responses]
    counts = {
        "calls": sum(seen.spelling.calls for seen in watched),
        "requests": len(requests),
        "connections": gateway.connections,
        "signed": sum(map(passed_signature_check, requests)),
        "to_encrypt": len(carrying),
        "encrypted": sum(map(is_encrypted, carrying)),
        "in_plain": sum(plain in sent_bytes(one) for one in requests),
        "verified": sum(isinstance(one, Response | RefusedError) and one.verified for one in shown),
        "caught": sum(isinstance(one, UnverifiedError) for one in shown),
        "repeated": len(numbers),
        "numbers": len(set(numbers)),
        "findings": len(findings),
        "findings_passed": sum(finding.passed for finding in findings),
    }
    serial = gateway.identity.public_key.serial
    return Summary(counts, tuple(_claims(counts, serial)))


def _claims(n: dict[str, int], serial: str) -> list[Check]:
    return [
        Check(
            f"{n['calls']} calls, {n['requests']} requests over {n['connections']} real "
            "connections: none was lost, none was sent twice",
            n["calls"] == n["requests"] > 0 < n["connections"],
        ),
        Check(
            f"{n['signed']} signed: method, path, time, nonce and body, with the merchant's key; "
            "the gateway checked each signature",
            n["signed"] == n["requests"],
        ),
        Check(
            f"{n['encrypted']} of {n['to_encrypt']} account numbers encrypted with WeChat Pay's "
            f"public key {serial}; {n['in_plain'] or 'no'} request shows one in plain",
            n["encrypted"] == n["to_encrypt"] > 0 == n["in_plain"],
        ),
        Check(
            f"{n['verified']} answers verified: time, nonce and the raw body, with the key that "
            "the answer's Wechatpay-Serial names",
            n["verified"] + n["caught"] == n["requests"],
        ),
        Check(
            f"{n['caught']} answers caught, as their signature does not hold: a forged one and a "
            "probe",
            n["caught"] == 2,
        ),
        Check(
            f"{n['repeated']} times the same order got {n['numbers']} wxpay_punish_no: "
            "WeChat Pay lets this call be repeated (接口支持重入)",
            n["repeated"] > n["numbers"] == 1,
        ),
        Check(
            f"{n['findings_passed']} of {n['findings']} steps above passed all their checks",
            n["findings_passed"] == n["findings"] > 0,
        ),
    ]
