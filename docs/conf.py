"""The site, made by ``python -m sphinx -W -b html docs docs/_build/html``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "wechatpay-chain"
author = "wechatpay-chain"
language = "en"
extensions = ["myst_parser", "links", "entries", "search_index"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# The addresses of headings that the repository's web page has, and those of operations.
myst_heading_anchors = 3
myst_heading_slug_func = "entries.slug"

html_theme = "furo"
html_title = "wechatpay-chain"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["samples.js"]
html_additional_pages = {"search": "search.html"}
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False

# The documents say nothing of a site; these stand below the first of each tree.
navigation = {
    "index": {
        "English": [
            "Start <start>",
            "guide",
            "webhooks",
            "porting",
            "php-api",
            "changelog",
            "contributing",
        ],
        "简体中文": ["开始 <zh/README>", "zh/guide", "zh/webhooks", "zh/porting", "zh/php-api"],
        "API": ["api/index"],
    },
    "api/index": {"回调通知": ["Callbacks <events>"], "v3": ["v3/**"], "v2": ["v2/**"]},
}
