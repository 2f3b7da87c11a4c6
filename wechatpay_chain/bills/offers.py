"""Where WeChat Pay says that a bill lies, and what it promises of it: an answer, read.

Most operations tell one address with a hash. Some tell a list of encrypted
files, to be put together in the order of their numbers. A list of anything else
is of several things, which nobody puts together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wechatpay_chain.bills.digest import PromisedHash
from wechatpay_chain.catalogue import Operation
from wechatpay_chain.catalogue.operation import walk
from wechatpay_chain.errors import DecodeError
from wechatpay_chain.protocol.sensitive import Sensitive
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.response import Response

__all__ = ["Offer", "read"]

MOST_FILES = 1000
_URLS = ("download_url", "url")
_LIST = "download_bill_list"
_STATES = ("state", "status", "receipt_state", "signature_status", "receipt_status")


@dataclass(frozen=True)
class Offer:
    """One file: its address, the hash it must have, and what opens it if it is encrypted."""

    url: Sensitive[str] = field(repr=False)
    promise: PromisedHash | None
    encrypt_key: Sensitive[str] | None = field(default=None, repr=False)
    nonce: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """The address up to its query, in which its token is."""
        place = re.split("[?#]", self.url.reveal(), maxsplit=1)[0]
        # An address is no template.
        return place.replace("{", "%7B").replace("}", "%7D")

    @property
    def query(self) -> Sensitive[str | None]:
        """The address's query, as it was told."""
        return Sensitive(self.url.reveal().partition("#")[0].partition("?")[2] or None)


def read(response: Response, operation: Operation | None) -> list[Offer]:
    """Return the files that a verified answer offers, in order.

    Raises:
        DecodeError: it is no JSON, or offers none, or several that are no one bill.
        UnverifiedError: an offer lacks the hash that the operation is documented to promise.
    """
    answer = response.json()
    if not isinstance(answer, Mapping):
        raise DecodeError("the answer is no JSON object, so it tells no download_url")
    promises = operation is not None and any(
        field.name == "hash_value" for _, field in walk(operation.response)
    )
    parts = answer.get(_LIST)
    if isinstance(parts, list):
        return [_offer(part, promises) for part in _in_order(answer, parts)]
    if _url(answer) is not None:
        return [_offer(answer, promises)]
    listed = [
        item
        for value in answer.values()
        if isinstance(value, list)
        for item in value
        if isinstance(item, Mapping) and _url(item) is not None
    ]
    if len(listed) == 1:
        return [_offer(listed[0], promises)]
    if listed:
        raise DecodeError(
            f"the answer tells {len(listed)} files that are no one bill: download each by its "
            "own address"
        )
    state = next((one_line(answer[n], 40) for n in _STATES if isinstance(answer.get(n), str)), "")
    told = f" (it says {state}: ask again later)" if state else ""
    raise DecodeError(f"the answer tells no download_url{told}")


def _url(told: Mapping[str, Any]) -> str | None:
    """Return the address in an answer; ``url`` is one only beside a hash."""
    for name in _URLS:
        value = told.get(name)
        if isinstance(value, str) and value and (name == _URLS[0] or "hash_value" in told):
            return value
    return None


def _offer(told: Mapping[str, Any], promises: bool) -> Offer:
    url = _url(told)
    if url is None:
        raise DecodeError("a file of the answer has no download_url")
    promise = None
    if promises or "hash_value" in told or "hash_type" in told:
        promise = PromisedHash(told.get("hash_type"), told.get("hash_value"))
    key = told.get("encrypt_key")
    if key is not None and not isinstance(key, str):
        raise DecodeError("the answer's encrypt_key is no text")
    sealed = Sensitive(key) if key else None
    return Offer(Sensitive(url), promise, sealed, str(told.get("nonce") or ""))


def _in_order(answer: Mapping[str, Any], parts: list[Any]) -> list[Mapping[str, Any]]:
    """Return the files of a bill in the order of their numbers, which must be all of them."""
    found = {
        part["bill_sequence"]: part
        for part in parts
        if isinstance(part, Mapping) and isinstance(part.get("bill_sequence"), int)
    }
    count = answer.get("download_bill_count", len(parts))
    if not parts or len(parts) > MOST_FILES or len(parts) != count:
        raise DecodeError(
            f"the answer tells {len(parts)} files, but counts {one_line(str(count), 20)}"
        )
    numbers = range(1, len(parts) + 1)
    if set(found) != set(numbers):
        raise DecodeError("the files of the answer are not numbered from 1 on without a gap")
    return [found[number] for number in numbers]
