"""What went wrong with a bill, said with what it means: nothing is left, begin again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from wechatpay_chain import refusals
from wechatpay_chain.errors import (
    ClientError,
    DecodeError,
    DecryptError,
    OutcomeUnknownError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.protocol import transformer
from wechatpay_chain.response import Response

__all__ = ["explain", "of", "refuse"]

T = TypeVar("T")

_AGAIN = "nothing of it was kept: begin again"


def of(what: str, read: Callable[..., T], *arguments: Any) -> T:
    """Return what a reader makes of an answer; its errors say of which.

    Raises:
        DecodeError: it tells no bill.
        UnverifiedError: it promises no hash, or none that is known.
    """
    try:
        return read(*arguments)
    except DecodeError as error:
        problem: WechatPayError = DecodeError(f"{what}: {error}")
    except UnverifiedError as error:
        problem = UnverifiedError(f"{what}: {error}", reason=error.reason)
    raise problem


def refuse(what: str, body: bytes, response: Response) -> None:
    """Raise if what came in a bill's place is an error in XML, as v2 has it.

    Raises:
        BusinessError: it is.
        DecodeError: it is XML of another kind.
    """
    if not body:
        return
    fields = of(what, transformer.to_array, body)
    if "return_code" not in fields:
        raise DecodeError(f"{what}: the answer is neither a bill nor an error in XML")
    whole = Response(response.status, response.headers, body, verified=False, sent=response.request)
    raise refusals.of_business(what, fields, whole)


def explain(error: WechatPayError, what: str, *, is_given: bool) -> WechatPayError:
    """Return an error of a download as one that says what is left of it, and what to do."""
    if isinstance(error, OutcomeUnknownError):
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        told = OutcomeUnknownError(
            f"{what}: the download broke off or came damaged{cause}; {_AGAIN}"
        )
        told.__cause__ = error.__cause__
        return told
    if isinstance(error, UnverifiedError):
        return UnverifiedError(
            f"{what}: the bill cannot be trusted: {_problem(error)}; {_AGAIN}",
            reason=error.reason,
            is_probe=error.is_probe,
            response=error.response,
        )
    if isinstance(error, (DecodeError, DecryptError)):
        return type(error)(f"{what}: {error}; {_AGAIN}")
    if isinstance(error, ClientError):
        advised = (
            "an address lives 30 seconds: give the operation instead, which is asked at once"
            if is_given
            else "begin again"
        )
        return ClientError(
            f"{error} ({what}: {advised})",
            status=error.status,
            code=error.code,
            text=error.message,
            detail=error.detail,
            request_id=error.request_id,
            verified=error.verified,
            response=error.response,
        )
    return error


def _problem(error: UnverifiedError) -> str:
    """Return what is wrong, without the advice for operations that may have moved money."""
    text = str(error).partition("the answer cannot be trusted: ")[2] or str(error)
    return text.partition("; the operation may have happened")[0]
