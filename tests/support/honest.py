"""An honest answer to any call, in the protocol that it speaks."""

from __future__ import annotations

from tests.support.merchant import signed_headers
from tests.support.server import Request, answer
from tests.support.xml import signed

__all__ = ["honest"]


def honest(request: Request) -> bytes:
    """Answer an empty object to v3, SUCCESS to v2, signed."""
    if request.target.startswith("/v3/"):
        return answer(headers=signed_headers(b"{}"), body=b"{}")
    return signed()
