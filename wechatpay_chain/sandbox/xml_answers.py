"""Answers of the v2 protocol on their way out: drafted, signed inside their own fields.

The HTTP status is 200 whatever happened. A request with a wrong form or sign is
told so by an unsigned ``return_code`` FAIL; one that could not be carried out by
a signed ``result_code`` FAIL.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wechatpay_chain.sandbox.answers import Answer
from wechatpay_chain.sandbox.xml_document import XmlValue, write_xml
from wechatpay_chain.sandbox.xml_signing import xml_sign

__all__ = ["BusinessFailure", "FormFailure", "XmlDraft", "failed", "form_failed", "signed_xml"]

# Fields of a request that its answer repeats.
_ECHOED = (
    "appid",
    "mch_appid",
    "wxappid",
    "combine_appid",
    "mch_id",
    "mchid",
    "combine_mch_id",
    "sub_appid",
    "sub_mch_id",
    "device_info",
)


class FormFailure(Exception):  # noqa: N818 - an answer on its way, not an error of ours
    """A request that is not looked into: its form or its sign is wrong.

    `page` stands in for the XML where a web server in front of WeChat Pay answers.
    """

    def __init__(self, problem: str, status: int = 200, page: bytes | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status
        self.page = page


class BusinessFailure(Exception):  # noqa: N818 - an answer on its way, not an error of ours
    """A request that was understood and could not be carried out."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass(frozen=True)
class XmlDraft:
    """An answer before it is signed.

    `asked` are the fields of the request, `names` those that the operation answers with
    (None: any). Without a `sign_type` there is no signature; nested fields are in no
    answer that has one. A `body` is sent as it is, in place of the fields.
    """

    asked: Mapping[str, str] = field(repr=False)
    fields: Mapping[str, XmlValue] = field(repr=False)
    secret: str = field(repr=False, default="")
    sign_type: str | None = None
    status: int = 200
    body: bytes | None = field(repr=False, default=None)
    content_type: str = "text/xml; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    names: frozenset[str] | None = None

    @property
    def echoes(self) -> dict[str, str]:
        """The head of every answer: success in form, whose request it was, a new nonce."""
        head = {
            "return_code": "SUCCESS",
            "return_msg": "OK",
            **{name: self.asked[name] for name in _ECHOED if self.asked.get(name)},
            "nonce_str": secrets.token_hex(16),
        }
        return {n: text for n, text in head.items() if self.names is None or n in self.names}


def failed(draft: XmlDraft, code: str, description: str) -> XmlDraft:
    """Return the draft that says instead that the request could not be carried out."""
    fields = {"result_code": "FAIL", "err_code": code, "err_code_des": description}
    # Of the request nothing but its head is repeated: the rest was not looked up.
    return replace(draft, fields=fields, body=None, content_type=XmlDraft.content_type)


def form_failed(problem: str, status: int = 200, page: bytes | None = None) -> XmlDraft:
    """Draft the unsigned refusal of a request whose form or sign is wrong."""
    fields = {"return_code": "FAIL", "return_msg": problem}
    content_type = XmlDraft.content_type if page is None else "text/html"
    return XmlDraft({}, fields, status=status, body=page, content_type=content_type)


def signed_xml(draft: XmlDraft) -> Answer:
    """Write a draft as XML, signed with its sign_type if it has one."""
    body = draft.body
    if body is None:
        fields = {**draft.echoes, **draft.fields}
        if draft.fields.get("return_code") == "FAIL":
            # Whose request it was is not known as long as nobody has proved it.
            fields = dict(draft.fields)
        if draft.sign_type is not None:
            signed = {name: text for name, text in fields.items() if isinstance(text, str)}
            fields["sign"] = xml_sign(signed, draft.secret, draft.sign_type)
        body = write_xml(fields)
    content_type = [("Content-Type", draft.content_type)] if body else []
    return Answer(draft.status, (*content_type, *draft.headers), body)
