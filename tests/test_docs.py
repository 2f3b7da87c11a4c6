"""The documentation keeps its word: examples run, languages agree, links lead somewhere.

How an example is run:

- The ``python`` blocks of one file run in order, in one namespace and one directory.
- Before each block, `gateway` is a running sandbox and `client` a client of it. So an
  example may make a client for the real gateway, which sends nothing, and the next
  block sends to the sandbox all the same.
- The directory holds the key files that the examples name (`FILES`).
- A block may use ``await`` outside of a function; without one it runs outside any loop.
- What ``# →`` is followed by is what the block prints, line by line; ``…`` in it
  stands for anything.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import errors, options
from wechatpay_chain.sandbox import FORGERIES, MISBEHAVIOURS, Identity, Sandbox, throw_away_identity

ROOT = Path(__file__).parents[1]
# The generated pages have tests of their own.
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/zh/*.md")])
TRANSLATIONS = {
    "README.md": "docs/zh/README.md",
    "docs/guide.md": "docs/zh/guide.md",
    "docs/php-api.md": "docs/zh/php-api.md",
    "docs/porting.md": "docs/zh/porting.md",
    "docs/webhooks.md": "docs/zh/webhooks.md",
}

# What the examples call the merchant and WeChat Pay's keys.
MCHID = "1900000109"
SERIAL = "3775B6A45ACD588826D15E583A95F5DD00000000"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092410000000000000"

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
OUTPUT = re.compile(r"# → (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line on which that begins."""

    language: str
    text: str
    line: int


def name(document: Path) -> str:
    """Return a document's path below the project's root."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path, language: str) -> list[Block]:
    """Return a document's blocks in one language."""
    text = document.read_text("utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start(2)))
        for found in FENCE.finditer(text)
        if found[1] == language
    ]


@pytest.fixture(scope="module")
def identity() -> Identity:
    """The keys of a sandbox, under the names that the examples use."""
    made = throw_away_identity(MCHID)
    return replace(
        made,
        merchant=replace(made.merchant, serial=SERIAL),
        public_key=replace(made.public_key, serial=PUBLIC_KEY_ID),
    )


@pytest.fixture
def directory(tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files, and an environment with the names, of the examples."""
    files = {
        "apiclient_key.pem": identity.merchant.private_key_pem,
        "pub_key.pem": identity.public_key.pem,
        "platform_cert.pem": identity.certificate.pem,
        "apiclient_cert.pem": identity.merchant.certificate_pem,
        "image.jpg": "no image, but a file",
    }
    for file, content in files.items():
        (tmp_path / file).write_text(content)
        (tmp_path / file).chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WECHATPAY_PRIVATE_KEY", identity.merchant.private_key_pem)
    monkeypatch.setenv("WECHATPAY_SECRET", identity.merchant.secret)
    return tmp_path


@pytest.fixture
def gateway(identity: Identity) -> Iterator[Sandbox]:
    """A running sandbox."""
    with Sandbox(identity=identity) as running:
        yield running


def run(block: Block, namespace: dict[str, Any], document: Path) -> str:
    """Run a block and return what it printed; its tracebacks name the document's lines."""
    source = "\n" * block.line + block.text
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, name(document), "exec", flags=flags, dont_inherit=True)
    printed = io.StringIO()
    with redirect_stdout(printed):
        result = eval(code, namespace)  # noqa: S307 - our own documentation
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(result)
    return printed.getvalue()


def check_output(block: Block, printed: str) -> None:
    """Compare what a block printed with what it says that it prints."""
    promised = OUTPUT.findall(block.text)
    if promised:
        pattern = "\n".join(".*".join(map(re.escape, line.split("…"))) for line in promised)
        assert re.fullmatch(pattern + "\n", printed), f"promised {promised}, printed {printed!r}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_examples_run_and_print_what_they_say(
    document: Path, directory: Path, gateway: Sandbox
) -> None:
    """Each example runs, after those before it, and prints what its comments promise."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with gateway.client() as client:
        for block in blocks(document, "python"):
            namespace |= {"gateway": gateway, "client": client}
            check_output(block, run(block, namespace, document))


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_translations_have_the_same_code(english: str) -> None:
    """A document and its translation show the same code, comments aside."""
    chinese = TRANSLATIONS[english]
    for language, key in (("python", same_python), ("sh", same_shell)):
        here, there = (
            [key(block.text) for block in blocks(ROOT / path, language)]
            for path in (english, chinese)
        )
        assert here == there


def same_python(text: str) -> tuple[str, list[str]]:
    """Return what must be equal in two translations of an example: code and output."""
    return ast.dump(ast.parse(text)), OUTPUT.findall(text)


def same_shell(text: str) -> list[str]:
    """Return a shell block's lines, less its comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_readme_starts_with_two_commands() -> None:
    """The README's first two shell blocks hold one command line each: the demo, then the tests."""
    commands = [block.text for block in blocks(ROOT / "README.md", "sh")[:2]]
    assert all(command.count("\n") == 1 for command in commands)
    assert commands[0].rstrip().endswith(".venv/bin/wechatpay-chain demo")
    assert commands[1].rstrip().endswith(".venv/bin/python -m pytest -q")


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="only the repository has .ci")
def test_readme_and_ci_test_in_the_same_way() -> None:
    """The README's test command stands word for word in .ci/run."""
    command = blocks(ROOT / "README.md", "sh")[1].text.strip()
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to another document, or to a heading in it, finds what it names."""
    for target in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.is_relative_to(ROOT)
        assert linked.exists(), target
        if fragment:
            assert fragment in anchors(linked), target


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    text = FENCE.sub("", document.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", ["README.md", TRANSLATIONS["README.md"]])
def test_readme_names_every_option_and_error(document: str) -> None:
    """Each option of a call and each error stands in the README, in both languages."""
    text = (ROOT / document).read_text("utf-8")
    wanted = [f"`{option}`" for option in options.OPTIONS]
    wanted += [error for error in errors.__all__ if error != "Reason"]
    assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize("document", ["docs/guide.md", TRANSLATIONS["docs/guide.md"]])
def test_guide_names_every_misbehaviour(document: str) -> None:
    """Each way in which the sandbox can misbehave stands in the guide, with its options."""
    text = (ROOT / document).read_text("utf-8")
    table = text[text.index("| `unsigned` |") :].splitlines()
    for word, misbehaviour in MISBEHAVIOURS.items():
        row = next(line for line in table if f"`{word}`" in line.split("|")[1])
        assert [option for option in misbehaviour.options if f"`{option}`" not in row] == []


@pytest.mark.parametrize("document", ["docs/guide.md", TRANSLATIONS["docs/guide.md"]])
def test_guide_names_every_forgery(document: str) -> None:
    """Each forgery of a callback that the sandbox can send stands in the guide, and no other."""
    text = (ROOT / document).read_text("utf-8")
    cells = [line.split("|")[1] for line in text[text.index("`FORGERIES`") :].splitlines()[2:]]
    assert sorted(re.findall("`([^`]+)`", "".join(cells))) == sorted(FORGERIES)


@pytest.mark.parametrize("document", ["docs/guide.md", TRANSLATIONS["docs/guide.md"]])
def test_guide_names_every_reason(document: str) -> None:
    """Each reason why an answer or a callback is not trusted stands in the guide, or beside it."""
    page = ROOT / document
    text = page.read_text("utf-8") + page.with_name("webhooks.md").read_text("utf-8")
    assert [reason for reason in errors.Reason if f"`{reason}`" not in text] == []
