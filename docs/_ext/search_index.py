"""What the site's search looks through: operations by name, path and field; guides by section.

The page of events is a guide here: each event is a section, found by its name and type.

Sphinx's own index knows pages, and words that blanks divide: it finds neither one
operation among a page's, nor 退款 in 申请退款. This one is looked through from its
beginning to its end, by ``search.js``: it is small enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from wechatpay_chain.catalogue import Operation, operations, walk
from wechatpay_chain.catalogue.pages import EVENTS, address


def made_of(documents: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    """Return the index of all operations, and of sections: (address, page, title, text)."""
    # Of what is alike, the newer protocol's comes first.
    known = [*operations("v3/"), *operations("v2/")]
    names = sorted({name for one in known for name in _field_names(one)})
    number = {name: position for position, name in enumerate(names)}
    entries = [
        [
            one.name,
            str(one),
            f"api/{address(one)}",
            sorted(number[name] for name in _field_names(one)),
        ]
        for one in known
    ]
    return {"fields": names, "operations": entries, "sections": documents}


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the index as a script, which a page can load from a disk as well."""
    if error is None and app.builder.format == "html":
        made = made_of([found for page in _guides(app) for found in _sections(app, page)])
        text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        target = Path(app.outdir) / "_static" / "search-index.js"
        target.write_text(f"window.searchIndex={text};\n", "utf-8")


def _field_names(operation: Operation) -> set[str]:
    return {
        field.name for tree in (operation.request, operation.response) for _, field in walk(tree)
    }


def _guides(app: Sphinx) -> list[str]:
    reference = (one for one in app.env.found_docs if one.startswith("api/"))
    return sorted(app.env.found_docs - set(reference) - {"index"} | {f"api/{EVENTS}"})


def _sections(app: Sphinx, page: str) -> Iterator[tuple[str, str, str, str]]:
    tree = app.env.get_doctree(page)
    uri = app.builder.get_target_uri(page)
    for section in tree.findall(nodes.section):
        inner = [node for node in section.children if not isinstance(node, nodes.section)]
        title, *rest = (" ".join(node.astext().split()) for node in inner)
        text = "" if page == f"api/{EVENTS}" else " ".join(rest)
        yield f"{uri}#{section['ids'][0]}", app.env.titles[page].astext(), title, text


def _without_sphinx_index(app: Sphinx) -> None:
    app.builder.search = False


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("builder-inited", _without_sphinx_index)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
