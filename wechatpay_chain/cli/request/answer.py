"""What came back, shown: in colour to a person, bare to a pipe, whole to a program."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from wechatpay_chain.cli.failure import told_of
from wechatpay_chain.cli.output import document, is_terminal, print_document, printable
from wechatpay_chain.cli.streams import note
from wechatpay_chain.errors import DecodeError, UnverifiedError, WechatPayError
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import Response

__all__ = ["print_answer", "print_as_document", "print_pretty", "status_line"]


def status_line(response: Response) -> str:
    """Return status, whether it is verified, and the request's id."""
    trust = "verified" if response.verified else "not signed by WeChat Pay"
    words = [str(response.status), trust]
    if response.request_id:
        words.append(f"request id {one_line(response.request_id)}")
    return ", ".join(words)


def print_answer(response: Response, *, is_v2: bool, opened: bool, raw: bool) -> None:
    """Print the body on stdout, in colour on a terminal, and the status on stderr.

    Args:
        response: a 2xx.
        is_v2: whether it is of the XML protocol.
        opened: whether its encrypted fields are opened.
        raw: whether its bytes are written as they came.
    """
    note(status_line(response))
    if sys.stdout is None or not response.body:
        return
    value = None if raw else _value(response, is_v2=is_v2, opened=opened)
    if value is not None and (opened or is_terminal()):
        print_pretty(value)
    elif is_terminal() and not raw:
        print(printable(response.text))
    else:
        # The very bytes: what they are made into is the next program's business.
        sys.stdout.flush()
        end = b"" if raw or response.body.endswith(b"\n") else b"\n"
        sys.stdout.buffer.write(response.body + end)
        sys.stdout.buffer.flush()


def print_as_document(
    outcome: Response | WechatPayError, *, is_v2: bool, opened: bool, saved: str | None
) -> None:
    """Print one JSON document of an answer, or of an error and the answer in it, if there is one.

    Nothing of an answer that cannot be trusted is in it but its status.
    """
    error = outcome if isinstance(outcome, WechatPayError) else None
    response = outcome if isinstance(outcome, Response) else getattr(error, "response", None)
    told: dict[str, Any] = {"status": None, "verified": False, "request_id": "", "headers": {}}
    told |= {"body": None}
    if response is not None:
        told["status"] = response.status
    if response is not None and not isinstance(error, UnverifiedError):
        headers: dict[str, str] = {}
        for name, value in response.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        value = _value(response, is_v2=is_v2, opened=opened)
        told |= {
            "verified": response.verified,
            "request_id": response.request_id,
            "headers": headers,
            "body": response.text if value is None and response.body else value,
        }
    if saved is not None and error is None:
        told["saved"] = saved
    if error is not None:
        told["error"] = told_of(error)
    print_document(told)


def print_pretty(value: Any) -> None:
    """Print a value as indented JSON, in colour on a terminal."""
    text = document(value)
    if is_terminal():
        with suppress(ModuleNotFoundError):
            from rich.highlighter import JSONHighlighter

            from wechatpay_chain.cli.console import Output

            console = Output(highlight=False, markup=False, emoji=False)
            console.print(JSONHighlighter()(text), soft_wrap=True)
            return
    print(text)


def _value(response: Response, *, is_v2: bool, opened: bool) -> Any:
    """Return the document in a body; None if there is none in it."""
    with suppress(DecodeError):
        if not response.body:
            return None
        if not is_v2:
            # Refusals are opened too: nothing in them is encrypted.
            return response.json(decrypt=opened)
        return response.xml(decrypt=opened)
    return None
