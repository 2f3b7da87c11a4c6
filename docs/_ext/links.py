"""What holds on the repository's web page holds on the site: links, anchors, the way through."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

# The README is outside of the site's directory: ``start.md`` includes it.
_README = re.compile(r"\]\((?:\.\./)+README\.md")
_FROM_README = re.compile(r"\]\(docs/")
_FILE = re.compile(r"\[([^\]]+)\]\((?:\.\./)*(?:LICENSE|tests/[^)]+)\)")


def rewrite(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links lead to the site's pages, and add the tree of pages that navigation shows."""
    text = source[0]
    if docname == "start":
        text = (app.srcdir.parent / "README.md").read_text("utf-8")
        text = _FROM_README.sub("](", text)
    up = "../" * docname.count("/")
    text = _README.sub(f"]({up}start.md", text)
    # Files of the repository that are no pages: their names remain.
    text = _FILE.sub(r"\1", text)
    for caption, pages in app.config.navigation.get(docname, {}).items():
        listed = "\n".join(pages)
        text += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{listed}\n```\n"
    source[0] = text


def name_sections(app: Sphinx, doctree: nodes.document) -> None:
    """Give each section its heading's slug as its only id, in place of ``id12``."""
    metadata = app.env.metadata[app.env.docname]
    slugs: dict[str, tuple[int, str, str]] = metadata.get("myst_slugs", {})
    renamed = {old: slug for slug, (_, old, _) in slugs.items()}
    for section in doctree.findall(nodes.section):
        # MyST gives some of them both.
        section["ids"] = list(dict.fromkeys(renamed.get(one, one) for one in section["ids"]))
    for reference in doctree.findall(nodes.reference):
        if "refid" in reference:
            reference["refid"] = renamed.get(reference["refid"], reference["refid"])
    metadata["myst_slugs"] = {slug: (line, slug, text) for slug, (line, _, text) in slugs.items()}


def set_language(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the language of Chinese pages, by which a browser chooses the shapes of characters."""
    if pagename.startswith(("zh/", "api/")):
        context["language"] = "zh-CN"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.add_config_value("navigation", {}, "env")
    app.connect("source-read", rewrite)
    # Before the table of contents is made.
    app.connect("doctree-read", name_sections, priority=100)
    app.connect("html-page-context", set_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
