"""What a caller gives as a bill's source → an operation to ask, or addresses that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from wechatpay_chain.bills import advice
from wechatpay_chain.bills.digest import PromisedHash
from wechatpay_chain.bills.intake import Progress
from wechatpay_chain.bills.offers import Offer, read
from wechatpay_chain.bills.requests import BillRequest, stem_of
from wechatpay_chain.catalogue import Operation, find
from wechatpay_chain.chain import Chain, step_of
from wechatpay_chain.errors import RequestError, UnverifiedError
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import Response

__all__ = ["Asked", "Settings", "understand"]

_OWN_OPTIONS = {"sink": "give where it goes as `to`", "http_errors": "a refusal is an error here",
                "upload": "a bill is asked for with query, json or xml"}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How a bill is downloaded."""

    decompress: bool
    limit: int
    progress: Progress | None
    hash_value: str | None
    hash_type: str

    def check(self) -> None:
        """Check them.

        Raises:
            RequestError: one is wrong.
        """
        if not isinstance(self.decompress, bool):
            raise RequestError("decompress must be True or False")
        if type(self.limit) is not int or self.limit < 1:
            raise RequestError("limit must be a positive number of bytes")
        if self.progress is not None and not callable(self.progress):
            raise RequestError("progress must be called with two numbers")

    @property
    def promise(self) -> PromisedHash | None:
        """The hash that the caller knows."""
        if self.hash_value is None:
            return None
        try:
            return PromisedHash(self.hash_type, self.hash_value)
        except UnverifiedError as error:
            raise RequestError(str(error).removeprefix("its ")) from None


class Asked(NamedTuple):
    """What a bill is got from: an operation to be asked, or files that are known."""

    what: str
    method: str
    path: str
    options: Mapping[str, Any]
    operation: Operation | None
    stem: str
    offers: list[Offer] | None
    promise: PromisedHash | None
    is_given: bool = False
    """Whether the address came from the caller, who may have kept it too long."""

    def __repr__(self) -> str:
        return f"<{self.what}>"

    @property
    def is_file(self) -> bool:
        """Whether the operation gives the bill itself, and no address."""
        return self.operation is not None and self.operation.download


def understand(
    source: object, options: Mapping[str, Any], settings: Settings, identity: str
) -> Asked:
    """Return what a caller means by the source of a bill; a chain must be of the same `identity`.

    Raises:
        RequestError: it is none, or not this client's.
    """
    for name, advised in _OWN_OPTIONS.items():
        if name in options:
            raise RequestError(f"a bill has no option {name!r}: {advised}")
    promise = settings.promise
    if isinstance(source, str) and (not source.isprintable() or " " in source):
        raise RequestError("an address or path has no spaces or line breaks: give it as told")
    if isinstance(source, BillRequest):
        merged = {**source.options, **options}
        return _asked(source.method, source.path, merged, source.stem, promise)
    if isinstance(source, Response):
        return _answered(source, options)
    if isinstance(source, str) and source[:8].lower().startswith(("https://", "http://")):
        stem = f"bill-{promise.value[:12]}" if promise else "bill"
        offers = [Offer(Sensitive(source), promise)]
        return Asked("the bill", "GET", "", options, None, stem, offers, None, is_given=True)
    if isinstance(source, Chain):
        step = step_of(source)
        if step.identity != identity:
            raise RequestError("the chain belongs to another client")
        if step.method is not None:
            return _asked(step.method, step.path, options, "", promise)
        source = step.path
    if not isinstance(source, str) or not source.strip("/"):
        raise RequestError(
            "a bill comes from an address, a path, a chain, an answer or a request such as "
            f"client.bills.trade(…), not from {type(source).__name__}"
        )
    return _asked(_method_of(source), source, options, "", promise)


def _asked(
    method: str, path: str, options: Mapping[str, Any], stem: str, promise: PromisedHash | None
) -> Asked:
    path, _, query = path.lstrip("/").partition("?")
    if query:
        # It may hold a token, which no message shows.
        options = {"query": query, **options}
    operation = find(method, path)
    dates = [
        str(fields[name])
        for fields in options.values()
        if isinstance(fields, Mapping)
        for name in ("bill_date", "date")
        if name in fields
    ]
    stem = stem or stem_of(path, *dates[:1])
    what = f"{method} {one_line(path)}"
    asked = Asked(what, method, path, options, operation, stem, None, promise)
    if promise is not None and not asked.is_file:
        raise RequestError("hash_value goes with an address: an operation tells it by itself")
    return asked


def _answered(response: Response, options: Mapping[str, Any]) -> Asked:
    if not response.verified:
        raise RequestError("an answer that tells an address must be a verified one")
    path = response.request.url.partition("?")[0].partition("://")[2].partition("/")[2]
    operation = find(response.request.method, path)
    what = f"{response.request.method} {one_line(path)}"
    offers = advice.of(what, read, response, operation)
    return Asked(what, "GET", "", options, operation, stem_of(path), offers, None, is_given=True)


def _method_of(path: str) -> str:
    """Return the one method that an operation at a path is known with, by preference GET."""
    bare = path.lstrip("/").partition("?")[0]
    known = [method for method in METHODS if find(method, bare) is not None]
    return known[0] if known and "GET" not in known else "GET"
