"""XML that somebody made to hurt is refused, in little memory, and fetches nothing."""

from __future__ import annotations

import socket
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from wechatpay_chain import DecodeError, Response, Transformer
from wechatpay_chain.protocol.transformer import (
    MAXIMUM_ATTRIBUTES,
    MAXIMUM_DEPTH,
    MAXIMUM_ELEMENTS,
    MAXIMUM_NAME,
    MAXIMUM_SIZE,
)
from wechatpay_chain.response import SentRequest

MOST_MEMORY = 32 * 1024 * 1024
"""Bytes that reading one document may take, with all that is made of it."""

# Put in by the tests: a real file, and a real port on which somebody listens.
FILE, HTTP = "file:///SECRET", "http://127.0.0.1:PORT/x"
PLACES = (FILE, HTTP, "ftp://127.0.0.1:PORT/x", "/SECRET", "//127.0.0.1/SECRET",
          "php://filter/resource=/SECRET", "jar:http://127.0.0.1:PORT/x!/y", "data:,x")  # fmt: skip


def document(content: str = "<a>1</a>", before: str = "") -> str:
    """Return a document that would be an answer, if it had nothing else."""
    return f"{before}<xml>{content}</xml>"


def doctypes() -> Iterator[str]:
    """Yield document types of every form and in every place."""
    forms = [
        "<!DOCTYPE xml>", "<!DOCTYPE xml []>", "<!DOCTYPE xml[ ]>", "<!DOCTYPE\nxml\t>",
        "<!DOCTYPE other>", "<!DOCTYPE xml [<!ELEMENT xml ANY>]>", "<!DOCTYPE xml [<!-- -->]>",
        "<!DOCTYPE xml [<?pi?>]>", "<!DOCTYPE xml [<!ATTLIST a b CDATA 'c'>]>",
        "<!DOCTYPE xml [<!NOTATION n SYSTEM 'x'>]>", '<!DOCTYPE xml PUBLIC "p" "s">',
        "<!DOCTYPE xml [%p;]>", "<!DOCTYPE", "<!DOCTYPE>", "<!DOCTYPE xml [", "<!DOCTYPE a b>",
        "<!doctype xml>", "<!DocType xml>", "<! DOCTYPE xml>", "<!DOCTYPExml>",
        "<!DOCTYPE xml><!DOCTYPE xml>", "<!ENTITY e 'x'>", "<!ELEMENT xml ANY>",
    ]  # fmt: skip
    yield from (document(before=form) for form in forms)
    places = [
        '<?xml version="1.0"?>', "<!-- comment -->", "<?pi?>", " \r\n\t", "\ufeff",
        "<!-- <xml> --><?pi <!-- ?>", "<!--" + "x" * 10_000 + "-->",
    ]  # fmt: skip
    yield from (document(before=f"{place}<!DOCTYPE xml>") for place in places)
    yield document("<!DOCTYPE xml>")
    yield document() + "<!DOCTYPE xml>"
    for place in PLACES:
        yield document(before=f'<!DOCTYPE xml SYSTEM "{place}">')
        yield document(before=f'<!DOCTYPE xml PUBLIC "-//W3C//DTD" "{place}">')


def disguises() -> Iterator[str | bytes]:
    """Yield a document type with a character inside it that sanitising takes out."""
    word = '<!DOCTYPE xml [<!ENTITY e "x">]>'
    for position in (1, 2, 5, 9, 15, 17, 24):
        for letter in ("\x01", "\x00", "\x1f", "\ufffe", "\ud800"):
            yield document("<a>&e;</a>", word[:position] + letter + word[position:])
    yield document("<a>&\x01e;</a>", word.replace("T", "\x08T"))
    yield document("<a>&e;</a>", "\x0b".join(word)).encode()


def entities() -> Iterator[str]:
    """Yield declared entities of every kind, used or not, and undeclared ones."""
    declared = [
        '<!ENTITY e "x">', "<!ENTITY e '&#60;b/>'>", '<!ENTITY % p "x">',
        '<!ENTITY % p "<!ENTITY e \'x\'>">%p;', '<!ENTITY lt "&#38;#60;">', '<!ENTITY amp "y">',
        '<!ENTITY gt "&#62;"><!ENTITY quot "q">', '<!ENTITY e "&e;">',
        '<!ENTITY e "&f;"><!ENTITY f "&e;">', '<!ENTITY e "">', '<!ENTITY e "x" NDATA n>',
        "<!ATTLIST xml b CDATA '&e;'><!ENTITY e 'x'>", "<![INCLUDE[<!ENTITY e 'x'>]]>",
    ]  # fmt: skip
    for place in PLACES:
        declared += [
            f'<!ENTITY e SYSTEM "{place}">',
            f'<!ENTITY e PUBLIC "p" "{place}">',
            f'<!ENTITY % p SYSTEM "{place}">%p;',
            f'<!NOTATION n SYSTEM "n"><!ENTITY e SYSTEM "{place}" NDATA n>',
            f'<!ENTITY % f SYSTEM "{FILE}"><!ENTITY % p "<!ENTITY e SYSTEM \'{place}?%f;\'>">%p;',
        ]
    for subset in declared:
        yield document("<a>&e;</a>", f"<!DOCTYPE xml [{subset}]>")
    yield f'<!DOCTYPE xml [<!ENTITY e "x">]><xml b="&e;"/>'  # noqa: F541
    for reference in ("&e;", "&nbsp;", "&LT;", "&e", "&", "&;", "& amp;", "&%p;", "%p;&a.b;"):
        yield document(f"<a>{reference}</a>")
        yield f'<xml a="{reference}"/>'


def bombs() -> Iterator[str]:
    """Yield documents that would become very large."""
    for levels in (2, 5, 10, 20):
        for many in (2, 10):
            lines = [f'<!ENTITY e{n} "{f"&e{n - 1};" * many}">' for n in range(1, levels + 1)]
            head = f"<!DOCTYPE xml [<!ENTITY e0 'ha'>{''.join(lines)}]>"
            yield document(f"<a>&e{levels};</a>", head)
            yield f'{head}<xml a="&e{levels};"/>'
    for size in (1_000, 100_000):
        yield document(
            "<a>" + "&e;" * size + "</a>", f'<!DOCTYPE xml [<!ENTITY e "{"x" * size}">]>'
        )
    parameters = "".join(f'<!ENTITY % p{n} "{f"%p{n - 1};" * 9}">' for n in range(1, 9))
    yield document(before=f"<!DOCTYPE xml [<!ENTITY % p0 'ha'>{parameters}%p8;]>")


def inclusions() -> Iterator[str]:
    """Yield what other readers would fetch for: XInclude, schemas, namespaces."""
    include = "http://www.w3.org/2001/XInclude"
    for place in PLACES:
        yield f'<xml xmlns:xi="{include}"><xi:include href="{place}"/></xml>'
        yield document(f'<include xmlns="{include}" href="{place}" parse="text"/>')
        schema = "http://www.w3.org/2001/XMLSchema-instance"
        yield f'<xml xmlns:x="{schema}" x:noNamespaceSchemaLocation="{place}"/>'
        yield f'<xml xmlns="{place}"><a>1</a></xml>'
    yield from ("<xml:a/>", "<xml><xml:b>1</xml:b></xml>", "<xml><p:a>1</p:a></xml>")
    yield from ('<xml p:b="1"/>', '<xml xmlns:p=""/>', '<xml xmlns:xmlns="u"/>')


def floods() -> Iterator[str]:
    """Yield documents with too much of one thing."""
    for depth in (MAXIMUM_DEPTH + 1, 100, 1_000, 50_000):
        yield "<a>" * depth + "</a>" * depth
        yield "<a>" * depth
    for many in (MAXIMUM_ELEMENTS, 40_000, 200_000):
        yield document("<a/>" * many)
        yield document("<a/>\n" * many)
    yield document("".join(f"<a{n}>1</a{n}>" for n in range(MAXIMUM_ELEMENTS)))
    for many in (MAXIMUM_ATTRIBUTES + 1, 1_000, 90_000):
        yield "<xml " + " ".join(f"a{n}=''" for n in range(many)) + "/>"
    yield "<xml " + " ".join(f"xmlns:a{n}='u'" for n in range(50_000)) + "/>"
    for length in (MAXIMUM_NAME + 1, 10_000, 500_000):
        yield f"<{'a' * length}/>"
        yield document(f"<{'中' * length}/>")
        yield f'<xml {"a" * length}="1"'
    filler = "x" * MAXIMUM_SIZE
    yield from (document(f"<a>{filler}</a>"), f'<xml a="{filler}"/>', document(f"<!--{filler}-->"))
    yield from (document(f"<?pi {filler}?>"), document(f"<![CDATA[{filler}]]>"))
    yield from (document(before=" " * MAXIMUM_SIZE), document() + "\n" * MAXIMUM_SIZE)
    yield document("<a>" + "&amp;" * (MAXIMUM_SIZE // 5) + "</a>")
    yield document("<a>" + "😀" * MAXIMUM_SIZE + "</a>")


def broken() -> Iterator[str]:
    """Yield what is no well-formed XML."""
    contents = [
        "<a>", "</a>", "<a></b>", "<a><b></a></b>", "<a", "<a b", "<a b=", "<a b=>", "<a b=c/>",
        '<a b="c/>', "<a b/>", '<a b="1" b="2"/>', '<a b="1"c="2"/>', '<a b="<"/>', '<a b="&"/>',
        "<>", "</>", "< a/>", "<a / >", "</ a>", "<a></a b='1'>", "<1/>", "<-a/>", "<.a/>", "<a$/>",
        "<a,b/>", "<a\u00d7/>", "<\u0301/>", "<\ud83d\ude00/>", "<a:/>", "<:a/>", "<a:b:c/>",
        "<![CDATA[", "<![CDATA[x", "<![CDATA[x]]", "<![cdata[x]]>", "<![CDATA [x]]>", "<![X[x]]>",
        "<!--", "<!-- x", "<!-- x --", "<!-- -- -->", "<!-- x --->", "<!- x ->", "<!>", "<!a>",
        "<?", "<?pi", "<?pi x", "<??>", "<? pi?>", "<?xml?>", "<?XML?>", '<?xml version="1.0"?>',
        "]]>", "x]]>y", "<a>]]></a>", "<", "x < y", "a & b", "<%p;/>",
    ]  # fmt: skip
    yield from (document(content) for content in contents)
    references = [
        "0", "1", "8", "xB", "x1F", "xD800", "xDFFF", "xFFFE", "xFFFF",
        "x110000", "9" * 20, "x" + "F" * 1000, "", "x", "xG", "-1", " 65", "X41", "1.5",
    ]  # fmt: skip
    yield from (document(f"<a>&#{reference};</a>") for reference in references)
    yield from (document("<a>&#x41</a>"), document("<a>&#65 ;</a>"))
    yield from ("", " ", "\n", "not xml", "{}", '{"a":1}', "<", "<xml", "<xml>", "</xml>", "<xml/")
    yield from ("<html><body><p>502<br></body></html>", "<!-- only -->", "<?only?>", "xml<xml/>")
    yield from (
        "<xml/><xml/>",
        "<xml/>x",
        "<xml></xml></xml>",
        "<xml/><![CDATA[x]]>",
        "<xml/>&#65;",
    )
    declarations = [
        " <?xml version='1.0'?>", "<?xml?>", "<?xml version=1.0?>", "<?xml version='1.0'>",
        "<?xml encoding='UTF-8'?>", "<?xml version='1.0' standalone='maybe'?>",
        "<?XML version='1.0'?>",
        "<?xml version='1.0'?><?xml version='1.0'?>", "<?xml standalone='yes' version='1.0'?>",
        "<!-- --><?xml version='1.0'?>", "<?xml version=''?>", "<?xml version='1.0' x='y'?>",
    ]  # fmt: skip
    yield from (document(before=declaration) for declaration in declarations)


def encodings() -> Iterator[str | bytes]:
    """Yield other encodings than UTF-8, declared or not, and bytes that are none."""
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        head = f"<?xml version='1.0' encoding='{name}'?>"
        yield document().encode(name)
        yield document("<a>中</a>", head).encode(name)
        yield document(before="<!DOCTYPE xml>").encode(name)
    for name in ("cp037", "cp500", "cp1140", "utf-7"):
        yield document("<a>é</a>", f"<?xml version='1.0' encoding='{name}'?>").encode(name)
    yield b"+ADw-xml+AD4-+ADw-/xml+AD4-"
    for name in ("gbk", "gb18030", "big5", "shift_jis", "euc-kr", "iso2022_jp"):
        yield document("<a>中日</a>", f"<?xml version='1.0' encoding='{name}'?>").encode(name)
    for name in ("gbk", "big5", "shift_jis"):
        yield document("<a>中日</a>").encode(name)
    yield document("<a>é</a>").encode("latin-1")
    false = [
        "UTF-16", "utf-16le", "UTF-32", "GBK", "GB2312", "GB18030", "ISO-8859-1", "US-ASCII",
        "windows-1252", "UTF-7", "EBCDIC-CP-US", "x-user-defined", "UTF-8-SIG", "utf_8", "",
        "UTF-8 ", "rot13", "base64", "zlib", "unicode_escape", "../utf-8", "a" * 1000,
    ]  # fmt: skip
    for name in false:
        yield document(before=f"<?xml version='1.0' encoding='{name}'?>")
        yield document(before=f'\ufeff<?xml version="1.0" encoding = "{name}" ?>').encode()
    plain = document().encode()
    yield from (b"\xff\xfe" + plain, b"\xfe\xff" + plain, b"\xef\xbb" + plain, b"\xbb\xbf" + plain)
    yield from (b"\xef\xbb\xbf" * 2 + plain, b" \xef\xbb\xbf" + plain, b"\x2b\x2f\x76\x38" + plain)
    yield b"\xef\xbb\xbf" + document().encode("utf-16-le")
    malformed = [
        b"\xc0\xbc", b"\xe0\x80\xbc", b"\xf0\x80\x80\xbc", b"\xc1\x81", b"\xc0\x80",
        b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\x80",
        b"\xbf", b"\xc3", b"\xe4\xb8", b"\xff", b"\xfe",
    ]  # fmt: skip
    for bad in malformed:
        yield b"<xml><a>" + bad + b"</a></xml>"
        yield b"<xml><a" + bad + b"/></xml>"
        yield bad + b"!DOCTYPE xml>" + plain


def nuls() -> Iterator[str | bytes]:
    """Yield documents with a NUL somewhere."""
    text = document()
    for position in (0, 1, 3, 5, 7, 9, len(text)):
        yield text[:position] + "\x00" + text[position:]
        yield (text[:position] + "\x00" + text[position:]).encode()
    yield "\x00" * 1000
    yield document("<a>" + "\x00" * 500_000 + "</a>")


GROUPS = {
    group.__name__: [*group()]
    for group in (doctypes, disguises, entities, bombs, inclusions, floods, broken, encodings, nuls)
}
HOSTILE = [
    pytest.param(xml, id=f"{group}-{number}")
    for group, documents in GROUPS.items()
    for number, xml in enumerate(documents)
]

HARMLESS: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "stylesheet": (document(before=f'<?xml-stylesheet href="{HTTP}"?>'), {"a": "1"}),
    "stylesheet, file": (document(before=f'<?xml-stylesheet href="{FILE}"?>'), {"a": "1"}),
    "instruction inside": (document("<?php system('x') ?><a>1</a>"), {"a": "1"}),
    "document type in a comment": (document(before="<!-- <!DOCTYPE x> -->"), {"a": "1"}),
    "document type in a text": (
        document("<a><![CDATA[<!DOCTYPE x>&e;]]></a>"), {"a": "<!DOCTYPE x>&e;"},
    ),
    "attributes": (document(f'<a href="{HTTP}" b="&lt;">1</a>'), {"a": "1"}),
    "declaration": (document(before='<?xml version="1.0" encoding="utf-8"?>\n'), {"a": "1"}),
    "standalone": (document(before="<?xml version='1.0' standalone='yes'?>"), {"a": "1"}),
    "byte order mark": (document(before="\ufeff").encode(), {"a": "1"}),
    "byte order mark, declared": (
        document(before='\ufeff<?xml version="1.0" encoding="UTF-8"?>'), {"a": "1"},
    ),
    "predefined entities": (document("<a>&lt;&gt;&amp;&quot;&apos;</a>"), {"a": "<>&\"'"}),
    "references": (document("<a>&#65;&#x4e2d;&#x10FFFF;</a>"), {"a": "A中\U0010ffff"}),
    "split CDATA": (document("<a><![CDATA[]]]]><![CDATA[>]]></a>"), {"a": "]]>"}),
    "control characters": (document("<a>b\x01\x02\x1fc</a>"), {"a": "bc"}),
    "line ends": (document("<a>1\r\n2\r3</a>"), {"a": "1\n2\n3"}),
    "deepest": ("<a>" * MAXIMUM_DEPTH + "</a>" * MAXIMUM_DEPTH, {}),
    "no content": ("<xml/>", {}),
    "longest name": (document(f"<{'a' * MAXIMUM_NAME}/>"), {"a" * MAXIMUM_NAME: ""}),
    "most elements": (
        document("<a/>" * (MAXIMUM_ELEMENTS - 1)), {"a": [""] * (MAXIMUM_ELEMENTS - 1)},
    ),
    "largest": (document(f"<a>{'x' * (MAXIMUM_SIZE - 18)}</a>"), {"a": "x" * (MAXIMUM_SIZE - 18)}),
}  # fmt: skip

WATCHED = (
    "open",
    "socket.",
    "urllib.",
    "http.",
    "ftplib.",
    "subprocess.",
    "os.",
    "ctypes.",
    "exec",
)
seen: list[str] | None = None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what Python does with files, sockets and processes while a document is read."""
    if seen is not None and event.startswith(WATCHED):
        seen.append(f"{event} {arguments}")


# A hook stays for the life of the process, so it only notes while it is asked to.
sys.addaudithook(watch)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that must not be read."""
    path = tmp_path_factory.mktemp("hostile") / "secret"
    path.write_text("TOP-SECRET")
    return path


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port on which nobody must call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def aimed(xml: str | bytes, secret: Path, listener: socket.socket) -> str | bytes:
    """Return a document whose file and port are real ones."""
    if isinstance(xml, bytes):
        return xml
    port = str(listener.getsockname()[1])
    return xml.replace("/SECRET", str(secret)).replace("PORT", port)


def read(xml: str | bytes) -> dict[str, Any]:
    """Read a document while its memory, files and sockets are watched."""
    global seen
    tracemalloc.start()
    seen = []
    try:
        return Transformer.to_array(xml)
    finally:
        did, seen = seen, None
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert did == []
        assert peak < MOST_MEMORY


def response(xml: str | bytes) -> Response:
    """Return an answer with a document."""
    body = xml if isinstance(xml, bytes) else xml.encode("utf-8", "surrogatepass")
    headers: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
    return Response(200, headers, body, verified=True, sent=SentRequest("GET", "", headers))


def test_there_are_enough_documents() -> None:
    """Each group has its documents, and all together are more than two hundred."""
    assert min(map(len, GROUPS.values())) >= 10
    assert len(HOSTILE) >= 200


@pytest.mark.parametrize("xml", HOSTILE)
def test_a_hostile_document_is_refused(
    xml: str | bytes, secret: Path, listener: socket.socket
) -> None:
    """It is our own error in one line, within the memory, and nothing is opened or called."""
    document = aimed(xml, secret, listener)
    with pytest.raises(DecodeError) as caught:
        read(document)
    assert len(str(caught.value).splitlines()) == 1
    assert "TOP-SECRET" not in str(caught.value)
    with pytest.raises(DecodeError):
        response(document).xml()
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_but_harmless_document_is_read(
    name: str, secret: Path, listener: socket.socket
) -> None:
    """What PHP reads and hurts nobody is read, and what it names is not fetched."""
    xml, expected = HARMLESS[name]
    found = read(aimed(xml, secret, listener))
    if name == "deepest":
        found = {}
    assert found == expected
    assert response(aimed(xml, secret, listener)).xml() is not None
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_the_watch_sees_what_it_should(secret: Path, listener: socket.socket) -> None:
    """The watch is no decoration: it notes a file that is opened and a port that is called."""
    global seen
    seen = []
    secret.read_text()
    with socket.create_connection(listener.getsockname()):
        listener.accept()[0].close()
    did, seen = seen, None
    assert any(event.startswith("open ") for event in did)
    assert any(event.startswith("socket.connect ") for event in did)
