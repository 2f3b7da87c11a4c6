"""An entry on the site: an operation's or event's tables made compact, samples in all spellings.

The Markdown of ``docs/api`` holds two samples and the calls' other spellings. In their
place stands one block for each language here, in which the lines that differ are there
once for each spelling; ``samples.js`` and ``site.css`` show those that are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PhpLexer, PythonLexer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from wechatpay_chain.catalogue import Operation, events, find, samples
from wechatpay_chain.catalogue.markdown import anchor, event_anchor
from wechatpay_chain.catalogue.pages import EVENTS

_CALL = re.compile(r"(?:^| )((?:GET|POST|PUT|PATCH|DELETE) v[23]/\S+)$")
_EVENT = re.compile(r"(?:^| )(?P<protocol>v[23]) (?P<type>[\w.-]+)$")
_EVENT_ID = re.compile(r"^### <a id=\"[^\"]+\"></a>", re.MULTILINE)
_HEADING = re.compile(
    r"^## <a id=\"[^\"]+\"></a>(?P<text>.*) `(?P<call>[A-Z]+ \S+)`$", re.MULTILINE
)
_SAMPLES = re.compile(
    r"```python\n(?P<python>.*?)```\n\n```php\n(?P<php>.*?)```\n\n\| Spelling.*?\n(?=\n|\Z)",
    re.DOTALL,
)
_TABLE = re.compile(r"^\| (?P<title>\w.*?) \|.*\n\|[-|]+\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
_CELL = re.compile(
    r"\| (?P<indent>(?:&emsp;)*)`(?P<name>[^`]+)` \| (?P<type>\S+) \| (?P<notes>.*) \|"
)
_VALUE = re.compile(r"`([^`]+)`")
_MARKS = {"必填": "<b>必填</b>", "加密": "<i>加密</i>"}
_LEXERS = {"python": PythonLexer(), "php": PhpLexer(startinline=True)}
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
# Blanks, names and punctuation have no colour to speak of, and are half of a page.
_PLAIN = re.compile(r'<span class="(?:w|n|p|o|nx)">([^<]*)</span>')


def slug(heading: str) -> str:
    """Return the address of a heading: an entry's own, else as repositories' hosts make it."""
    found = _CALL.search(heading)
    if found:
        return anchor(found[1])
    named = _EVENT.search(heading)
    event = events.find(named["type"], named["protocol"]) if named else None
    if event is not None:
        return event_anchor(event)
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def enhance(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put HTML into the place of what a browser can show better."""
    if docname == f"api/{EVENTS}":
        source[0] = _TABLE.sub(_compact, _EVENT_ID.sub("### ", source[0]))
    if not docname.startswith("api/v"):
        return
    text = source[0]
    headings = list(_HEADING.finditer(text))
    parts = [text[: headings[0].start()]]
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        method, _, path = heading["call"].partition(" ")
        operation = find(method, path)
        if operation is None:
            raise ExtensionError(
                f"{docname} has an entry that the catalogue lacks: {method} {path}"
            )
        body = _SAMPLES.sub(_in_all_spellings(operation), text[heading.end() : end], count=1)
        parts += [f"## {heading['text']} `{heading['call']}`", _TABLE.sub(_compact, body)]
    source[0] = "".join(parts)


def _compact(found: re.Match[str]) -> str:
    rows = "".join(_row(cells) for cells in _CELL.finditer(found["rows"]))
    head = f"<tr><th>{escape(found['title'])}</th><th>Type 类型</th><th>Values 可选值</th></tr>"
    return f'<table class="fields"><thead>{head}</thead><tbody>\n{rows}</tbody></table>\n'


def _row(cells: re.Match[str]) -> str:
    depth = cells["indent"].count("&")
    # The marks stand with the name, where a phone has room for them.
    marks = "".join(f" {_MARKS[mark]}" for mark in _MARKS if mark in cells["notes"].split())
    values = " ".join(f"<code>{escape(one)}</code>" for one in _VALUE.findall(cells["notes"]))
    name = f"<code>{escape(cells['name'])}</code>{marks}"
    inner = f"<td>{name}</td><td>{cells['type']}</td><td>{values}</td>"
    return f'<tr class="d{depth}">{inner}</tr>\n' if depth else f"<tr>{inner}</tr>\n"


def _in_all_spellings(operation: Operation) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        made = '<div class="samples">\n'
        for language, write in (("python", samples.python), ("php", samples.php)):
            texts = {
                (style, asynchronous): write(operation, style, asynchronous=asynchronous)
                for style, asynchronous, _ in samples.SPELLINGS
            }
            if found[language] != texts["pure", False]:
                raise ExtensionError(f"the page's {language} sample of {operation} is out of date")
            lines = "".join(_lines(texts, language))
            made += f'<div class="highlight s-{language}"><pre>{lines}</pre></div>\n'
        return made + "</div>\n"

    return replace


def _lines(texts: dict[tuple[str, bool], str], language: str) -> Iterator[str]:
    """Yield a sample's lines; what differs is there for each spelling, one of which is shown."""
    lines = {spelling: text.splitlines() for spelling, text in texts.items()}
    start = _alike(list(lines.values()))
    middle = _alike([one[start + 1 :] for one in lines.values()])
    end = start + 1 + middle
    first = lines["pure", False]
    coloured = _colour("\n".join(first), language).splitlines(keepends=True)
    yield from coloured[:start]
    for (style, asynchronous), one in lines.items():
        mode = "async" if asynchronous else "sync"
        yield f'<span class="s-{mode} s-{style}">{_colour(one[start], language)}</span>'
    yield from coloured[start + 1 : end]
    for asynchronous, mode in ((False, "sync"), (True, "async")):
        rest = "\n".join(lines["pure", asynchronous][end:])
        if rest:
            yield f'<span class="s-{mode}">{_colour(rest, language)}</span>'


def _alike(texts: list[list[str]]) -> int:
    """Return the number of lines by which all of them begin."""
    number = 0
    for row in zip(*texts, strict=False):
        if len(set(row)) > 1:
            break
        number += 1
    return number


@cache
def _colour(text: str, language: str) -> str:
    return _PLAIN.sub(r"\1", highlight(text, _LEXERS[language], _FORMATTER))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("source-read", enhance)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
