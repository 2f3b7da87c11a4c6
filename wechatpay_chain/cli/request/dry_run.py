"""What a request would be, without sending it: stopped where the wire begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aiohttp import ClientHandlerType, ClientRequest
from aiohttp.payload import Payload

from wechatpay_chain.catalogue import Operation
from wechatpay_chain.client import Client
from wechatpay_chain.protocol.segments import is_v2
from wechatpay_chain.protocol.sensitive import replace

__all__ = ["Sketch", "rehearse"]

HIDDEN = "(hidden)"
_SECRET_HEADERS = {"authorization", "proxy-authorization"}


@dataclass(frozen=True)
class Sketch:
    """A request as it would leave, less what must not be seen of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    length: int | None
    """Bytes of the body, encrypted fields and all; None if that is not known before."""
    fields: Any = field(repr=False)
    """What was given as the body, its sensitive fields hidden."""

    @property
    def document(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "length": self.length,
            "body": self.fields,
        }


def rehearse(
    client: Client,
    method: str,
    template: str,
    options: Mapping[str, Any],
    operation: Operation | None,
) -> Sketch:
    """Return what a call would send; it is signed and encrypted, and nothing leaves.

    Raises:
        WechatPayError: as the call would before it is sent.
    """
    driver = client.get_driver()
    stack = driver.select("v2" if is_v2(template) else "v3").copy()
    stack.after(stack.names[-1], _stop, name="dry-run")
    try:
        driver.request(method, template, {**options, "handler": stack})
    except _Stopped as stopped:
        request = stopped.request
        length = request.body.size if isinstance(request.body, Payload) else 0
        headers = {name: _redacted(name, value) for name, value in request.headers.items()}
        shown = _shown(options, operation)
        return Sketch(request.method, str(request.url), headers, length, shown)
    raise AssertionError("a call passed the end of its stack")


class _Stopped(BaseException):
    """Carries what would have left; no Exception, so that nobody on the way takes it for one."""

    def __init__(self, request: ClientRequest) -> None:
        self.request = request


async def _stop(request: ClientRequest, handler: ClientHandlerType) -> NoReturn:
    raise _Stopped(request)


def _redacted(name: str, value: str) -> str:
    return f"{value.partition(' ')[0]} {HIDDEN}" if name.lower() in _SECRET_HEADERS else value


def _shown(options: Mapping[str, Any], operation: Operation | None) -> Any:
    """Return the body's fields, those hidden that the catalogue knows to be sensitive."""
    place = next((name for name in ("json", "xml", "upload") if name in options), None)
    if place is None:
        return None
    if place == "upload":
        return {"file": str(options[place]["file"]), "meta": _hide(options[place], operation)}
    return _hide(options, operation).get(place)


def _hide(options: Mapping[str, Any], operation: Operation | None) -> Any:
    shown: Any = {name: options[name] for name in ("json", "xml", "meta") if name in options}
    for path in () if operation is None else operation.encrypted:
        inner = path[1:] if path[0] == "body" else path
        shown = replace(shown, inner, lambda value, at: HIDDEN)
    return shown.get("meta", shown) if "file" in options else shown
