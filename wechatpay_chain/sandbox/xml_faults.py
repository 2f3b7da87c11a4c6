"""What may go wrong with an answer of the v2 protocol: its sign, its XML, what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from wechatpay_chain.sandbox import hostile_xml
from wechatpay_chain.sandbox.answers import Answer
from wechatpay_chain.sandbox.faults import (
    ERRORS,
    WIRE_FAULTS,
    Fault,
    Options,
    redirect,
    show_page,
    with_body,
)
from wechatpay_chain.sandbox.xml_answers import XmlDraft, failed, form_failed
from wechatpay_chain.sandbox.xml_signing import SIGN_TYPES

__all__ = ["XML_FAULTS"]

_FORGED_SECRET = "0" * 32


def _unsign(draft: XmlDraft, options: Options) -> XmlDraft:
    return replace(draft, sign_type=None)


def _forge(draft: XmlDraft, options: Options) -> XmlDraft:
    return replace(draft, secret=_FORGED_SECRET)


def _swap_sign_type(draft: XmlDraft, options: Options) -> XmlDraft:
    if draft.sign_type is None:
        return draft
    return replace(draft, sign_type=next(name for name in SIGN_TYPES if name != draft.sign_type))


def _make_error(draft: XmlDraft, options: Options) -> XmlDraft:
    status = options.get("code") or options["status"]
    code, description = ERRORS.get(status, ERRORS[500 if status >= 500 else 400])
    return replace(failed(draft, code, description), status=status)


def _fail(draft: XmlDraft, options: Options) -> XmlDraft:
    return failed(draft, options["code"], options["message"])


def _fail_form(draft: XmlDraft, options: Options) -> XmlDraft:
    return form_failed(options["message"])


def _pad(draft: XmlDraft, options: Options) -> XmlDraft:
    return replace(draft, fields={**draft.fields, "padding": "x" * options["size"]}, body=None)


def _say(body: bytes) -> Callable[[XmlDraft, Options], XmlDraft]:
    return lambda draft, options: replace(draft, status=200, body=body)


def _rewrite(change: Callable[[bytes], bytes]) -> Callable[[Answer, Options], Answer]:
    """Return the change to an answer that is one to its bytes."""
    return lambda answer, options: with_body(answer, change(answer.body))


def _read_file(answer: Answer, options: Options) -> Answer:
    return with_body(answer, hostile_xml.read_file(answer.body, options["url"]))


XML_FAULTS: Mapping[str, Fault[XmlDraft]] = {
    **{name: Fault(answer=change) for name, change in WIRE_FAULTS.items()},
    "unsigned": Fault(draft=_unsign),
    "bad-signature": Fault(draft=_forge),
    "tampered-body": Fault(answer=_rewrite(hostile_xml.tamper)),
    "unsigned-error": Fault(draft=lambda draft, told: _unsign(_make_error(draft, told), told)),
    "status": Fault(draft=_make_error),
    "error-forged": Fault(draft=lambda draft, told: _forge(_make_error(draft, told), told)),
    "error-not-json": Fault(draft=show_page),
    "redirect": Fault(draft=redirect),
    "too-large": Fault(draft=_pad),
    "not-utf8": Fault(answer=_rewrite(hostile_xml.spoil_text)),
    "empty": Fault(draft=_say(b"")),
    "wrong-sign-type": Fault(draft=_swap_sign_type),
    "business-failure": Fault(draft=_fail),
    "return-fail": Fault(draft=_fail_form),
    "not-xml": Fault(draft=_say(b"SUCCESS")),
    "xml-doctype": Fault(answer=_rewrite(hostile_xml.declare)),
    "xml-entities": Fault(answer=_rewrite(hostile_xml.laugh)),
    "xml-external-entity": Fault(answer=_read_file),
    "xml-deep": Fault(answer=_rewrite(hostile_xml.nest)),
    "xml-repeated-sign": Fault(answer=_rewrite(hostile_xml.repeat_sign)),
}
