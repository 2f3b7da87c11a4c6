"""A site that was made, by its HTML: addresses, links, samples, search, sizes.

It takes half a minute to make, and needs the extra ``docs``; so it is looked at where
``SITE`` names its directory:

    SITE=docs/_build/html python -m pytest tests/test_site.py
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from wechatpay_chain.catalogue import events, operations, samples, walk
from wechatpay_chain.catalogue.markdown import event_anchor
from wechatpay_chain.catalogue.pages import EVENTS, address

SITE = Path(os.environ.get("SITE", "docs/_build/html")).resolve()
pytestmark = pytest.mark.skipif("SITE" not in os.environ, reason="SITE names no site that was made")

BLOCK = re.compile(r'<div class="highlight s-(python|php)"><pre>(.*?)</pre></div>', re.DOTALL)
VARIANT = re.compile(
    r'<span class="(s-[a-z -]+)">((?:<span class="\w+">[^<]*</span>|[^<])*)</span>'
)


@cache
def html() -> dict[str, str]:
    """Return the text of each page by its address."""
    return {
        file.relative_to(SITE).as_posix(): file.read_text("utf-8") for file in SITE.rglob("*.html")
    }


@cache
def ids(page: str) -> Counter[str]:
    """Return how often each id is there on a page."""
    return Counter(re.findall(r'\sid="([^"]+)"', html()[page]))


def index() -> Any:
    """Return what the search looks through."""
    text = (SITE / "_static" / "search-index.js").read_text("utf-8")
    return json.loads(text.removeprefix("window.searchIndex=").removesuffix(";\n"))


def shown(block: str, style: str, asynchronous: bool) -> str:
    """Return a block's text as it stands when a spelling is chosen."""
    chosen = {f"s-{style}", "s-async" if asynchronous else "s-sync"}
    text = VARIANT.sub(lambda one: one[2] if set(one[1].split()) <= chosen else "", block)
    return unescape(re.sub(r"<[^>]+>", "", text))


def test_every_operation_has_its_address() -> None:
    """Each operation's address is there once, and no id is there twice on a page."""
    for one in operations():
        page, _, anchor = address(one).partition("#")
        assert ids(f"api/{page}")[anchor] == 1, str(one)
    assert {page: one for page in html() for one, n in ids(page).items() if n > 1} == {}


def test_every_event_has_its_address() -> None:
    """Each event's address is there once, and its fields stand in a table."""
    page = f"api/{EVENTS}.html"
    assert [str(one) for one in events.events() if ids(page)[event_anchor(one)] != 1] == []
    assert html()[page].count('<table class="fields">') == len(list(events.events()))


def test_links_lead_somewhere() -> None:
    """Each link within the site finds its page or file, and the place on the page."""
    broken = set()
    for page, text in html().items():
        for link in set(re.findall(r'\s(?:href|src)="([^"]*)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, fragment = unquote(unescape(link)).partition("#")
            target = (SITE / page).parent / path.partition("?")[0] if path else SITE / page
            name = os.path.relpath(target, SITE)
            if not target.is_file() or (fragment and name in html() and fragment not in ids(name)):
                broken.add((page, link))
    assert broken == set()


def test_every_sample_can_be_chosen_whole() -> None:
    """Each of an operation's twelve samples is what is shown, and copied, when it is chosen."""
    pages = {address(one).partition("#")[0] for one in operations()}
    blocks = {page: iter(BLOCK.findall(html()[f"api/{page}"])) for page in pages}
    for one in operations():
        for language, write in (("python", samples.python), ("php", samples.php)):
            found, block = next(blocks[address(one).partition("#")[0]])
            assert found == language
            for style, asynchronous, _ in samples.SPELLINGS:
                wanted = write(one, style, asynchronous=asynchronous)
                assert shown(block, style, asynchronous) == wanted, str(one)


def test_every_field_has_its_row() -> None:
    """The tables show every field, with its marks, as the Markdown does."""
    for page in {address(one).partition("#")[0] for one in operations()}:
        fields = [
            field
            for one in operations()
            if address(one).startswith(f"{page}#")
            for tree in (one.request, one.response)
            for _, field in walk(tree)
        ]
        found = re.findall(
            r"<td><code>([^<]+)</code>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>",
            html()[f"api/{page}"],
        )
        assert [(unescape(name), kind) for name, _, kind, _ in found] == [
            (field.name, field.type) for field in fields
        ]
        assert [("必填" in marks, "加密" in marks) for _, marks, _, _ in found] == [
            (field.required, field.encrypted) for field in fields
        ]
        assert [tuple(re.findall("<code>(.*?)</code>", values)) for *_, values in found] == [
            field.enum for field in fields
        ]


def test_the_search_knows_every_operation_and_section() -> None:
    """Each operation and each section of a guide is in the index, at an address that is there."""
    found = index()
    assert {call for _, call, _, _ in found["operations"]} == {str(one) for one in operations()}
    places = [place for _, _, place, _ in found["operations"]]
    places += [place for place, _, _, _ in found["sections"]]
    assert [one for one in places if not ids(one.partition("#")[0])[one.partition("#")[2]]] == []
    assert {"guide.html", "zh/guide.html", "start.html"} <= {
        one.partition("#")[0] for one in places
    }


def test_pages_and_index_are_small() -> None:
    """A phone loads a page, and the search, in a moment."""
    assert max(len(text.encode()) for text in html().values()) < 900_000
    assert (SITE / "_static" / "search-index.js").stat().st_size < 750_000
