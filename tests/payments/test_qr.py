"""QR codes: what is drawn is read again, by a reader of the tests' own."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import qr_reader
from wechatpay_chain import ConfigurationError, Payments, RequestError
from wechatpay_chain.payments import Qr

LINKS = ["weixin://wxpay/bizpayurl?pr=NwY5Mz9", "weixin://wxpay/s/An4baqw", "w://x"]
PAYMENTS = Payments("1900000109", secret="0" * 32)


def names(directory: Path) -> list[str]:
    """Return the names of what is in a directory."""
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("scale", "border"), [(1, 4), (3, 0), (8, 2)])
def test_each_drawing_holds_the_link(link: str, scale: int, border: int) -> None:
    """PNG, SVG and terminal show the same code, dark on light, whose text is the link."""
    code = Qr(link)
    png = qr_reader.from_png(code.png(scale=scale, border=border), scale, border)
    svg = qr_reader.from_svg(code.svg(scale=scale, border=border), border)
    terminal = qr_reader.from_terminal(code.terminal(), 4)
    assert png == svg == terminal
    assert qr_reader.read(png) == link


def test_a_terminal_without_colour() -> None:
    """Without colours it is nothing but half blocks; with them each line ends where it began."""
    code = PAYMENTS.native(LINKS[0])
    bare = code.terminal(colour=False)
    assert set(bare) <= set(" ▀▄█\n")
    lines = code.terminal().split("\n")
    assert lines == [f"\033[97;40m{line}\033[0m" for line in bare.split("\n")]


def test_it_is_saved_whole(tmp_path: Path) -> None:
    """A file is an image of its suffix, replaces an older one, and leaves nothing beside it."""
    code = Qr(LINKS[0])
    for name in ("code.png", "CODE.SVG"):
        path = tmp_path / name
        path.write_text("old")
        code.save(path if name[0] == "c" else str(path), scale=2)
    assert (tmp_path / "code.png").read_bytes() == code.png(scale=2)
    assert (tmp_path / "CODE.SVG").read_text("utf-8") == code.svg(scale=2)
    assert names(tmp_path) == ["CODE.SVG", "code.png"]


def test_what_cannot_be_saved_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails between writing and placing leaves the old file and no other."""
    path = tmp_path / "code.png"
    path.write_text("old")

    def broken(self: Path, target: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="no space"):
        Qr(LINKS[0]).save(path)
    assert names(tmp_path) == ["code.png"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", ["code.jpg", "code", ".png", "code.png.txt"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    """A code is SVG or PNG; another suffix is an error and no file."""
    with pytest.raises(RequestError, match=r"\.svg or \.png"):
        Qr(LINKS[0]).save(tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "link",
    ["", None, {"code_url": LINKS[0]}, LINKS[0].encode(), "https://example.com/", "weixin:wxpay",
     "wxpay/bizpayurl?pr=1", "weixin://wx pay", "weixin://wxpay\r\n", "weixin://\ud800"],
)  # fmt: skip
def test_native_wants_a_code_url(link: Any) -> None:
    """What is no weixin:// address is refused by its name, whatever is in it."""
    with pytest.raises(RequestError, match="code_url"):
        PAYMENTS.native(link)


@pytest.mark.parametrize(
    ("text", "match"), [("", "empty"), (None, "None"), ("x" * 3000, "too long"), ("\ud800", "text")]
)
def test_what_no_code_can_hold(text: Any, match: str) -> None:
    """A text that is none, or too long, is our own error."""
    with pytest.raises(RequestError, match=match):
        Qr(text)


@pytest.mark.parametrize(
    "options", [{"scale": 0}, {"scale": 1.5}, {"scale": True}, {"border": -1}, {"border": None}]
)
def test_sizes_are_whole_numbers(options: dict[str, Any]) -> None:
    """A size that is none is refused by its name, not by the library's words."""
    for draw in (Qr(LINKS[0]).png, Qr(LINKS[0]).svg):
        with pytest.raises(RequestError, match=next(iter(options))):
            draw(**options)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without segno the error names the extra; all else of payments works."""
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wechatpay-chain\[qr\]'"):
        PAYMENTS.native(LINKS[0])
    assert PAYMENTS.h5("https://wx.tenpay.com/?a=1")


def test_a_notebook_shows_it() -> None:
    """In a notebook a code is its picture."""
    code = Qr(LINKS[0])
    assert qr_reader.read(qr_reader.from_svg(code._repr_svg_(), 4)) == LINKS[0]
    assert LINKS[0] not in repr(code)


def test_a_saved_file_has_the_usual_mode(tmp_path: Path) -> None:
    """A code is no secret: its file can be served by a web server, as umask says."""
    umask = os.umask(0o022)
    try:
        Qr(LINKS[0]).save(tmp_path / "code.svg")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "code.svg").stat().st_mode) == 0o644
