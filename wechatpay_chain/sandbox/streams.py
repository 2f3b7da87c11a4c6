"""Answers that are made while they are sent, and may break off."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web
from multidict import CIMultiDict

from wechatpay_chain.sandbox.bill_files import BillFile

__all__ = ["send_stream"]


async def send_stream(
    request: web.BaseRequest, status: int, headers: CIMultiDict[str], file: BillFile
) -> web.StreamResponse:
    """Send a file piece by piece, at the client's pace; close where it is to be cut."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = file.length
    # Whoever has enough hangs up.
    with suppress(ConnectionError):
        await response.prepare(request)
        for piece in file.pieces():
            if file.plan.pause:
                await asyncio.sleep(file.plan.pause)
            await response.write(piece)
        if file.plan.cut is not None and request.transport is not None:
            request.transport.close()
    return response
