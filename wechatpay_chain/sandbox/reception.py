"""Where requests are judged and carried out: what was read in, what is to be said out.

It knows nothing of sockets. A request's way: `checks` refuse or open it →
`operations` carry it out in the ledger of its merchant → it is recorded → the
answer is drafted.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from wechatpay_chain.sandbox.answers import Draft, draft
from wechatpay_chain.sandbox.authorization import Nonces, check_authorization
from wechatpay_chain.sandbox.checks import (
    check_body,
    check_headers,
    check_known,
    check_required,
    check_types,
    main_document,
    open_request,
)
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.ledger import Ledger, Reply
from wechatpay_chain.sandbox.operations import operate
from wechatpay_chain.sandbox.records import ReceivedRequest, Refusal
from wechatpay_chain.sandbox.xml_answers import (
    BusinessFailure,
    FormFailure,
    XmlDraft,
    failed,
    form_failed,
)
from wechatpay_chain.sandbox.xml_calls import XmlCall
from wechatpay_chain.sandbox.xml_checks import check_xml_request
from wechatpay_chain.sandbox.xml_operations import operate_xml

__all__ = ["Reception"]


class Reception:
    """The gateway's judgement and memory: requests, nonces and a ledger for each merchant."""

    def __init__(self, identity: Identity, clock: Callable[[], float], *, tls: bool) -> None:
        self._identity = identity
        self._clock = clock
        self._tls = tls
        numbers = itertools.count(1)
        self._ledgers = {mchid: Ledger(numbers=numbers) for mchid in identity.merchants}
        self._nonces = Nonces()
        self._requests: list[ReceivedRequest] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Everything that arrived since the last `clear`, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def answer(self, received: ReceivedRequest) -> Draft | XmlDraft:
        """Check a request and carry it out; record it with what became of it."""
        now = self._clock()
        return self._xml(received, now) if received.is_xml else self._json(received, now)

    def _json(self, received: ReceivedRequest, now: float) -> Draft:
        try:
            with self._lock:
                merchant = check_authorization(received, self._identity, self._nonces, now)
            check_headers(received)
            check_known(received)
            check_body(received)
            check_types(received)
            check_required(received)
            places = open_request(received, self._identity)
            received = replace(received, opened=main_document(received, places))
            reply = operate(
                received,
                places,
                self._identity,
                merchant,
                self._ledgers[merchant.mchid],
                now,
                self._base_uri(received),
            )
            status = reply.status
        except Refusal as refusal:
            received = replace(received, problem=refusal.problem)
            status, reply = refusal.status, Reply(refusal.document)
        self._record(received)
        serial = received.headers.get("Wechatpay-Serial")
        return draft(self._identity, status, reply, serial=serial, now=now)

    def _xml(self, received: ReceivedRequest, now: float) -> XmlDraft:
        try:
            with self._lock:
                asked = check_xml_request(
                    received, self._identity, self._nonces, now, tls=self._tls
                )
            received = replace(received, opened=dict(asked.fields))
            answer = XmlDraft(
                asked.fields,
                {},
                asked.merchant.secret,
                asked.sign_type,
                names=frozenset(field.name for field in asked.operation.response),
            )
            ledger = self._ledgers[asked.merchant.mchid]
            call = XmlCall(self._identity, asked.merchant, ledger, now, asked.fields)
            try:
                reply = operate_xml(asked.operation, call, self._base_uri(received))
                answer = replace(answer, fields=reply.fields)
                if reply.file is not None:
                    answer = replace(answer, body=reply.file, content_type=reply.content_type)
            except BusinessFailure as failure:
                received = replace(received, problem=str(failure))
                answer = failed(answer, failure.code, failure.description)
        except FormFailure as failure:
            received = replace(received, problem=failure.problem)
            answer = form_failed(failure.problem, failure.status, failure.page)
        self._record(received)
        return answer

    def turn_away(self, received: ReceivedRequest, status: int, problem: str) -> Draft | XmlDraft:
        """Record a request that was not read to its end; draft the refusal."""
        self._record(replace(received, problem=problem))
        if received.is_xml:
            return form_failed(problem, status)
        reply = Reply(Refusal(status, "SANDBOX_ERROR", problem).document)
        return draft(self._identity, status, reply, serial=None, now=self._clock())

    def ledgers(self, mchid: str | None) -> Iterator[Ledger]:
        """Yield the ledger of a merchant, or for None that of each."""
        yield from self._ledgers.values() if mchid is None else [self._ledgers[mchid]]

    def clear(self) -> None:
        """Forget the requests, their nonces, and everything that they created."""
        with self._lock:
            self._requests.clear()
            self._nonces.clear()
        for ledger in self._ledgers.values():
            ledger.clear()

    def _base_uri(self, received: ReceivedRequest) -> str:
        """Return where the merchant has found the gateway."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{received.headers.get('Host', '')}/"

    def _record(self, received: ReceivedRequest) -> None:
        with self._lock:
            self._requests.append(received)
