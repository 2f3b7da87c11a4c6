"""A link as a QR code: for a page, a file, or a terminal."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wechatpay_chain import placement
from wechatpay_chain.errors import RequestError
from wechatpay_chain.extras import missing
from wechatpay_chain.payments import fields
from wechatpay_chain.placement import is_replaceable

if TYPE_CHECKING:
    import segno

__all__ = ["Qr"]

_LIGHT_ON_DARK = "\033[97;40m"
_RESET = "\033[0m"


class Qr:
    """A QR code, of the size that its text needs, and readable with 15 % of it damaged (level M).

    In a notebook it shows itself.
    """

    def __init__(self, text: str) -> None:
        """Make the code of a text, such as a ``code_url``.

        Raises:
            RequestError: the text is missing, or too long for a code.
            ConfigurationError: the extra ``qr`` is not installed.
        """
        self.text = fields.plain(text, "the code's text")
        self._code = _make(self.text)

    def svg(self, *, scale: int = 4, border: int = 4) -> str:
        """Return an ``<svg>`` element, for a page or a file.

        Args:
            scale: pixels of a module, the smallest square.
            border: modules of white around the code; less than 4 is hard to scan.
        """
        return self._bytes("svg", scale, border).decode("utf-8")

    def png(self, *, scale: int = 8, border: int = 4) -> bytes:
        """Return an image as PNG; `scale` and `border` are as of `svg`."""
        return self._bytes("png", scale, border)

    def terminal(self, *, colour: bool = True) -> str:
        """Return the code in half blocks, to be printed.

        Args:
            colour: whether to set the colours, so that it is dark on light whatever the terminal's
                are; without them it is right on dark terminals.
        """
        out = io.StringIO()
        self._code.terminal(out=out, compact=True)
        lines = out.getvalue().splitlines()
        if colour:
            lines = [f"{_LIGHT_ON_DARK}{line}{_RESET}" for line in lines]
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str], *, scale: int = 8, border: int = 4) -> None:
        """Write it to a file, as its suffix says: ``.svg`` or ``.png``.

        Whoever reads the path meanwhile finds the old file or the whole new one.

        Raises:
            RequestError: the suffix is another one, or the path is no file's.
            OSError: the file cannot be written.
        """
        target = Path(path)
        kind = target.suffix.lower().removeprefix(".")
        if kind not in ("svg", "png"):
            raise RequestError(f"a code is saved as .svg or .png, not as {target.name}")
        if not is_replaceable(target):
            raise RequestError(f"{target} is a directory, device or pipe, and no file")
        placement.write(target, self._bytes(kind, scale, border))

    def __repr__(self) -> str:
        return f"<Qr version {self._code.version}>"

    def _repr_svg_(self) -> str:
        return self.svg()

    def _bytes(self, kind: str, scale: int, border: int) -> bytes:
        for name, value, least in (("scale", scale, 1), ("border", border, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise RequestError(f"{name} must be a whole number, at least {least}")
        out = io.BytesIO()
        # A page may be dark: the light modules are painted too.
        extra = {"xmldecl": False, "nl": False} if kind == "svg" else {}
        self._code.save(out, kind=kind, scale=scale, border=border, light="#fff", **extra)
        return out.getvalue()


def _make(text: str) -> segno.QRCode:
    try:
        import segno
    except ImportError:
        raise missing("a QR code", "qr") from None
    try:
        return segno.make_qr(text, error="m", boost_error=False)
    except (segno.DataOverflowError, UnicodeError):
        raise RequestError("the code's text is too long, or no text that a QR code holds") from None
