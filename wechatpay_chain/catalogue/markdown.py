"""One operation's or event's entry in the reference pages, as Markdown.

It reads as it is, on the repository's web page. The site (``docs/_ext``) puts the
twelve samples into the place of the two that are written out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wechatpay_chain.catalogue import samples
from wechatpay_chain.catalogue.events import EventFacts
from wechatpay_chain.catalogue.operation import Field, Operation

__all__ = ["anchor", "entry", "event_anchor", "event_entry"]

_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
_SITE = re.compile(r"https?://pay\.weixin\.qq\.com/(?:doc/|wiki/doc/)?")
_NAMED_LINKS = 3
_DAYS_OF_A_YEAR = 365


def anchor(call: str) -> str:
    """Return an entry's address within its page: ``post-v3-refund`` for ``POST v3/refund``."""
    return _BETWEEN_WORDS.sub("-", call.lower()).strip("-")


def entry(operation: Operation) -> str:
    """Return the entry: name, facts, request's fields, samples, answer's fields."""
    parts = [
        f'## <a id="{anchor(str(operation))}"></a>{operation.name} `{operation}`\n',
        " · ".join(_facts(operation)) + "\n",
        "".join(_table("Request 请求参数", operation.request)),
        *_notes(operation),
        f"```python\n{samples.python(operation)}```\n",
        f"```php\n{samples.php(operation)}```\n",
        "".join(_spellings(operation)),
        "".join(_table("Answer 应答参数", operation.response)),
    ]
    return "\n".join(part for part in parts if part)


def event_anchor(event: EventFacts) -> str:
    """Return an event's address within its page: ``v3-refund-success``."""
    # Two events of v2 have one name but for capitals and a stop; payscore's say who they are.
    owner = "payscore " if event.protocol == "v2" and event.has_type else ""
    return anchor(f"{event.protocol} {owner}{event.type}")


def event_entry(event: EventFacts) -> str:
    """Return the entry of an event: its name, what it says of itself, its resource's fields."""
    facts = [f"type 类型 `{event.resource_name}`"]
    facts += [f"original_type `{one}`" for one in event.original_types]
    facts += [f"also 也作 `{one}`" for one in event.also]
    facts += [f"moved to 已改为 `{event.moved_to}`"] if event.moved_to else []
    facts += [f"encrypted 加密 `{event.cipher}`"] if event.cipher else []
    facts += [f"sign_type `{one}`" for one in event.sign_types]
    facts += [] if event.is_signed else ["**unsigned 无签名**"]
    parts = [
        f'### <a id="{event_anchor(event)}"></a>{event.name} `{event}`\n',
        " · ".join(facts) + "\n",
        "".join(_table("Resource 资源", event.fields)),
    ]
    return "\n".join(parts)


def _facts(operation: Operation) -> Iterator[str]:
    yield "官方文档: " + (", ".join(_links(operation.docs)) or "no page is known")
    if operation.deprecated:
        yield "**deprecated 已下线**"
    if operation.base_uri:
        yield f"host 域名 `{operation.base_uri}`"
    if operation.client_certificate:
        yield "client certificate 双向证书"
    if operation.rate_limit:
        yield f"rate limit 限频 {operation.rate_limit}"
    if operation.reentrant:
        yield f"re-entrant 可重入{_period(operation.reentrant_days)}"
    if operation.upload:
        yield "upload 上传"
    if operation.download:
        yield "download 下载"


def _links(urls: tuple[str, ...]) -> Iterator[str]:
    """Yield links, of which the first few say where they lead."""
    for number, url in enumerate(urls, 1):
        name = _SITE.sub("", url) if number <= _NAMED_LINKS else number
        yield f"[{name}]({_escaped(url)})"


def _period(days: int | None) -> str:
    if days is None:
        return ""
    years, rest = divmod(days, _DAYS_OF_A_YEAR)
    return f" {days} days" if rest else f" {years} year{'s' if years > 1 else ''}"


def _notes(operation: Operation) -> Iterator[str]:
    """Yield what to know of encrypted fields (敏感信息加密)."""
    if not operation.encrypted:
        return
    php = "In PHP, give them as `Rsa::encrypt` returns them"
    if operation.is_v2:
        yield f"Give encrypted fields (加密) as `Rsa.encrypt` returns them. {php}.\n"
    else:
        yield (
            "The client encrypts the fields marked 加密, and names the key in `Wechatpay-Serial`. "
            f"{php}, and name the key in `headers`.\n"
        )


def _table(title: str, fields: tuple[Field, ...]) -> Iterator[str]:
    if not fields:
        return
    yield f"| {title} | Type 类型 | Notes 说明 |\n|---|---|---|\n"
    for depth, field in _rows(fields):
        marks = ["必填"] * field.required + ["加密"] * field.encrypted
        notes = " ".join([*marks, *(f"`{value}`" for value in field.enum)])
        yield f"| {'&emsp;' * depth}`{field.name}` | {field.type} | {notes} |\n"


def _rows(fields: Iterable[Field], depth: int = 0) -> Iterator[tuple[int, Field]]:
    for field in fields:
        yield depth, field
        yield from _rows(field.fields, depth + 1)


def _spellings(operation: Operation) -> Iterator[str]:
    yield "| Spelling 写法 | Python | PHP |\n|---|---|---|\n"
    for style, asynchronous, label in samples.SPELLINGS:
        here = samples.python_call(operation, style, asynchronous=asynchronous)
        there = samples.php_call(operation, style, asynchronous=asynchronous)
        yield f"| {label} | `{here}(…)` | `{there}([…])` |\n"


def _escaped(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29")
