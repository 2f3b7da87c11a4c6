"""What is told of an error: in lines to a person, in a document to a program."""

from __future__ import annotations

import json
from typing import Any

from wechatpay_chain.cli.streams import complain, note
from wechatpay_chain.errors import RefusedError, WechatPayError
from wechatpay_chain.protocol.text import one_line

__all__ = ["complain_of", "told_of"]

_LONGEST_DETAIL = 600


def complain_of(error: WechatPayError, hint: str = "") -> None:
    """Say on stderr what is wrong, with WeChat Pay's own detail of a refusal."""
    complain(f"{error}{hint}")
    if isinstance(error, RefusedError) and error.detail:
        text = json.dumps(error.detail, ensure_ascii=False)
        note(f"detail: {one_line(text, _LONGEST_DETAIL)}")


def told_of(error: WechatPayError | OSError) -> dict[str, Any]:
    """Return the same for a program; `sent` is None where the error does not know of it."""
    return {
        "class": type(error).__name__,
        "message": str(error),
        "sent": getattr(error, "sent", None),
        **({"code": error.code} if isinstance(error, RefusedError) else {}),
    }
