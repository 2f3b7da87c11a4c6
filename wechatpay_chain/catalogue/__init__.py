"""Facts on WeChat Pay's operations: their fields, hosts, certificates, limits, pages.

The files in ``data`` are made by `build`, one for each group of operations, and
read when the first of the group is looked up: importing the package costs
nothing, and using it little.

A path is that of a URL, with values or with template variables, with or without
a prefix before ``/v3/``. The wire does not show that an operation belongs to the
XML protocol: its path is given with the ``v2/`` that the chain has.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wechatpay_chain.catalogue.index import children, find, headings, operations
from wechatpay_chain.catalogue.operation import (
    Field,
    FieldPath,
    Operation,
    RateLimit,
    UploadFields,
    walk,
)

if TYPE_CHECKING:
    from wechatpay_chain.catalogue.description import Description, describe
    from wechatpay_chain.catalogue.searching import Match, search

__all__ = [
    "Description",
    "Field",
    "FieldPath",
    "Match",
    "Operation",
    "RateLimit",
    "UploadFields",
    "children",
    "describe",
    "find",
    "headings",
    "operations",
    "search",
    "walk",
]

# What people ask for, and no call: loaded when it is.
_HOME = {
    "Description": "description",
    "Match": "searching",
    "describe": "description",
    "search": "searching",
}

# Hidden from type checkers, which would believe in any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
