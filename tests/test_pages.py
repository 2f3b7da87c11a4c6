"""The reference pages: up to date, one entry for each operation, all that is known in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from wechatpay_chain.catalogue import Field, Operation, events, find, operations, samples
from wechatpay_chain.catalogue.markdown import event_anchor
from wechatpay_chain.catalogue.pages import address, pages

DIRECTORY = Path(__file__).parents[1] / "docs" / "api"
PUNISH = "v3/aggracct-bc/wb-channel/control-orders/punish"

HEADING = re.compile(r'^## <a id="(?P<id>[a-z0-9-]+)"></a>(?P<name>.+) `(?P<call>[A-Z]+ v\S+)`$')
ROW = re.compile(
    r"\| (?P<indent>(?:&emsp;)*)`(?P<name>[^`]+)` \| (?P<type>\S+) \| (?P<notes>.*) \|"
)
NOTE = re.compile(r"`[^`]+`|[^ `]+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def entries() -> dict[str, tuple[str, str]]:
    """Return (heading, text) of each entry by its address, as the files have them."""
    found: dict[str, tuple[str, str]] = {}
    for file in DIRECTORY.rglob("*.md"):
        page = file.relative_to(DIRECTORY).with_suffix(".html").as_posix()
        for block in re.split(r"^(?=## <a)", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            head, _, text = block.partition("\n")
            heading = HEADING.fullmatch(head)
            assert heading, head
            assert f"{page}#{heading['id']}" not in found
            found[f"{page}#{heading['id']}"] = f"{heading['name']} {heading['call']}", text
    return found


def of(method: str, path: str) -> Operation:
    """Return a known operation."""
    found = find(method, path)
    assert found is not None
    return found


def rows(fields: tuple[Field, ...], depth: int = 0) -> list[tuple[int, str, str, list[str]]]:
    """Return the rows that a table of such fields must have: depth, name, type, notes."""
    made = []
    for field in fields:
        notes = ["必填"] * field.required + ["加密"] * field.encrypted
        made.append((depth, field.name, field.type, [*notes, *(f"`{one}`" for one in field.enum)]))
        made += rows(field.fields, depth + 1)
    return made


def test_the_pages_are_up_to_date() -> None:
    """The files are, byte for byte, what the catalogue makes; no other file is there."""
    made = pages()
    kept = {file.relative_to(DIRECTORY).as_posix(): file for file in DIRECTORY.rglob("*.md")}
    again = "run python -m wechatpay_chain.catalogue.pages"
    assert sorted(made) == sorted(kept), again
    assert [name for name in made if made[name].encode() != kept[name].read_bytes()] == [], again
    assert all("do not edit" in text.splitlines()[0] for text in made.values())


def test_every_operation_has_one_entry() -> None:
    """Each operation stands at its address, under its name, and nothing else has an entry."""
    headings = {place: heading for place, (heading, _) in entries().items()}
    assert headings == {address(one): f"{one.name} {one}" for one in operations()}


ADDRESSES: list[tuple[str, str, str]] = [
    ("POST", "v3/refund/domestic/refunds", "v3/refund.html#post-v3-refund-domestic-refunds"),
    ("GET", "v3/certificates", "v3/certificates.html#get-v3-certificates"),
    ("POST", "v2/secapi/pay/refund", "v2/secapi.html#post-v2-secapi-pay-refund"),
    (
        "GET",
        "v3/pay/transactions/id/{transaction_id}",
        "v3/pay.html#get-v3-pay-transactions-id-transaction-id",
    ),
    (
        "GET",
        "v3/marketing/favor/stocks/{stock_id}",
        "v3/marketing/favor.html#get-v3-marketing-favor-stocks-stock-id",
    ),
]


@pytest.mark.parametrize(("method", "path", "wanted"), ADDRESSES)
def test_addresses_stay(method: str, path: str, wanted: str) -> None:
    """Addresses that people have written down lead where they led."""
    assert address(of(method, path)) == wanted
    assert wanted in entries()


def test_every_field_has_its_row() -> None:
    """Request's and answer's fields stand in their order, with depth, type, marks and values."""
    for one in operations():
        _, text = entries()[address(one)]
        found = [
            (row["indent"].count("&"), row["name"], row["type"], NOTE.findall(row["notes"]))
            for row in map(ROW.fullmatch, text.splitlines())
            if row
        ]
        assert found == rows(one.request) + rows(one.response), str(one)


def test_samples_are_there_in_every_spelling() -> None:
    """Each entry has both languages' samples, and each language's six calls."""
    for one in operations():
        _, text = entries()[address(one)]
        assert f"```python\n{samples.python(one)}```\n" in text
        assert f"```php\n{samples.php(one)}```\n" in text
        calls = set()
        for style, asynchronous, label in samples.SPELLINGS:
            here = samples.python_call(one, style, asynchronous=asynchronous)
            there = samples.php_call(one, style, asynchronous=asynchronous)
            assert f"| {label} | `{here}(…)` | `{there}([…])` |\n" in text
            assert here in samples.python(one, style, asynchronous=asynchronous)
            assert there in samples.php(one, style, asynchronous=asynchronous)
            calls |= {here, there}
        assert len(calls) == 12


def test_official_pages_are_linked() -> None:
    """Each entry links to all official pages of its operation, and to no other place."""
    for one in operations():
        _, text = entries()[address(one)]
        links = [link.replace("%28", "(").replace("%29", ")") for link in LINK.findall(text)]
        assert links == list(one.docs), str(one)


def test_the_index_leads_to_every_entry() -> None:
    """The index links each group's page and each entry, once, by its name."""
    text = (DIRECTORY / "index.md").read_text("utf-8")
    linked = re.findall(r"\[([^\]*]+)\]\((v[^)#]+)\.md#([^)]+)\)", text)
    wanted = [(one.name, address(one)) for one in operations()]
    assert sorted((name, f"{page}.html#{part}") for name, page, part in linked) == sorted(wanted)
    for page in {place.partition(".html")[0] for _, place in wanted}:
        number = sum(place.startswith(f"{page}.html#") for _, place in wanted)
        assert f"**[{page}]({page}.md)** ({number}): " in text


def test_the_page_of_events_has_every_event() -> None:
    """Each event has one entry, linked at the top of the page, with the rows of its resource."""
    text = (DIRECTORY / "events.md").read_text("utf-8")
    head, *blocks = re.split(r"^### ", text, flags=re.MULTILINE)
    assert len(blocks) == len(list(events.events()))
    for one, block in zip(events.events(), blocks, strict=True):
        place = event_anchor(one)
        assert block.startswith(f'<a id="{place}"></a>{one.name} `{one}`\n')
        assert text.count(f"[{one.type}](#{place})") == 1
        assert f"`{one.resource_name}`" in block
        found = [
            (row["indent"].count("&"), row["name"], row["type"], NOTE.findall(row["notes"]))
            for row in map(ROW.fullmatch, block.splitlines())
            if row
        ]
        assert found == rows(one.fields), str(one)
    assert "(events.md)" in (DIRECTORY / "index.md").read_text("utf-8")
    assert "## v3 JSON" in head


def test_pages_are_small() -> None:
    """A page can be read on a phone, and all of them kept in a repository."""
    sizes = [len(text.encode()) for text in pages().values()]
    assert max(sizes) < 350_000
    assert sum(sizes) < 5_000_000


PHP: list[tuple[str, str, bool]] = [
    ("POST", PUNISH, True),
    # The documentation does not name the header; fields are encrypted all the same.
    ("POST", "v3/global/profit-sharing/receivers", True),
    # Here it names the header, and no field is encrypted.
    ("GET", "v3/aggracct-bc/wb-channel/control-orders/{out_request_no}", True),
    ("POST", "v3/refund/domestic/refunds", False),
    ("POST", "v2/mmpaysptrans/pay_bank", False),
]


@pytest.mark.parametrize(("method", "path", "named"), PHP)
def test_php_names_the_key(method: str, path: str, named: bool) -> None:
    """A PHP program names the key that it encrypts by; here the client does."""
    header = "'headers' => [\n    'Wechatpay-Serial' => 'PUB_KEY_ID_"
    assert (header in samples.php(of(method, path))) is named
    assert "Wechatpay-Serial" not in samples.python(of(method, path))


def test_a_php_upload_has_one_set_of_headers() -> None:
    """The key's name and the parts' boundary stand side by side."""
    made = samples.php(of("POST", "v3/marketing/shopping-receipt/shoppingreceipts"))
    assert made.count("'headers' =>") == 1
    assert "'Wechatpay-Serial' => 'PUB_KEY_ID_" in made
    assert "'Content-Type' => $media->getContentType()," in made


SHOWN: list[tuple[str, str, str, str]] = [
    ("POST", "v3/refund/domestic/refunds", "response.json()", "json_decode("),
    ("GET", "v3/billdownload/file", "response.headers", "getHeaders()"),
    ("POST", "v2/pay/unifiedorder", "response.xml()", "Transformer::toArray("),
    (
        "POST",
        "v3/pay/transactions/out-trade-no/{out_trade_no}/close",
        "response.status",
        "getStatusCode()",
    ),
]


@pytest.mark.parametrize(("method", "path", "here", "there"), SHOWN)
def test_a_sample_shows_what_the_answer_has(method: str, path: str, here: str, there: str) -> None:
    """A sample decodes no body where none is documented, and none that went to a file."""
    assert f"print({here})\n" in samples.python(of(method, path))
    assert there in samples.php(of(method, path), asynchronous=True)


def test_notes_say_who_encrypts() -> None:
    """The client encrypts under v3 and not under v2, and the entries say so."""
    for one in operations():
        _, text = entries()[address(one)]
        assert ("The client encrypts" in text) is bool(one.encrypted and not one.is_v2)
        assert ("Give encrypted fields" in text) is bool(one.encrypted and one.is_v2)
