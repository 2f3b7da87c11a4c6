"""A ready sample of an operation's call, in Python and as the PHP SDK has it.

Six spellings: three styles, each synchronous or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wechatpay_chain.catalogue import examples
from wechatpay_chain.catalogue.operation import Operation
from wechatpay_chain.protocol.segments import camel, snake

__all__ = ["STYLES", "expression", "php", "python"]

STYLES = ("pure", "declarative", "item")
"""By attributes (纯链式), by ``chain()`` (声明式), by item (属性式)."""


def expression(path: str, style: str = "pure", *, spell: Callable[[str, str], Any] = snake) -> str:
    """Return the Python expression of a path's node, such as ``client.v3.pay.transactions``.

    Args:
        path: the template.
        style: one of `STYLES`.
        spell: `snake` or `camel`, from `wechatpay_chain.protocol.segments`.
    """
    if style == "declarative":
        return f'client.chain("{path}")'
    if style == "item":
        return f'client["{path}"]'
    made, above = "client", ""
    for segment in path.split("/"):
        name = None if segment.startswith("{") else spell(above, segment)
        made += f'["{segment}"]' if name is None else f".{name}"
        above = f"{above}/{segment}" if above else segment
    return made


def python(
    operation: Operation,
    style: str = "pure",
    *,
    asynchronous: bool = False,
    required_only: bool = False,
) -> str:
    """Return Python statements that make the call and show its answer."""
    made = examples.options(operation, required_only=required_only) | _sink(operation)
    node = expression(operation.path, style)
    verb = operation.method.lower() + ("_async" if asynchronous else "")
    keywords = "".join(f"    {name}={_python(item, 1)},\n" for name, item in made.items())
    wait = "await " if asynchronous else ""
    call = f"{node}.{verb}(\n{keywords})" if keywords else f"{node}.{verb}()"
    return f"response = {wait}{call}\nprint({_shown(operation)})\n"


def php(operation: Operation, style: str = "pure", *, asynchronous: bool = False) -> str:
    """Return the same call as PHP statements."""
    verb = operation.method.lower() + ("Async" if asynchronous else "")
    node = _php_node(operation.path, style)
    made = {**examples.options(operation), **_sink(operation), **_told(operation)}
    # The stream, and with it the parts' boundary, is an object of the SDK.
    made.pop("upload", None)
    rows = "".join(f"  '{name}' => {_php(item, 1)},\n" for name, item in made.items())
    if operation.upload:
        rows += "  'body' => $media->getStream(),\n"
        rows += "  'headers' => ['Content-Type' => $media->getContentType()],\n"
    call = f"{node}->{verb}([\n{rows}])"
    shown = _php_shown(operation)
    before = ""
    if operation.upload:
        before = "$media = new \\WeChatPay\\Util\\MediaUtil('example.png');\n"
    if asynchronous:
        return f"{before}{call}\n->then(static function($response) {{\n  {shown}\n}})\n->wait();\n"
    return f"{before}$response = {call};\n{shown}\n"


def _sink(operation: Operation) -> dict[str, Any]:
    return {"sink": "example.bin"} if operation.download else {}


def _told(operation: Operation) -> dict[str, Any]:
    """Return what PHP programs say of an operation, and this client knows by itself."""
    made: dict[str, Any] = {}
    if operation.base_uri:
        made["base_uri"] = operation.base_uri
    if operation.client_certificate:
        made["security"] = True
    if operation.nonceless:
        made["nonceless"] = True
    return made


def _shown(operation: Operation) -> str:
    if operation.download:
        return "response.headers"
    return "response.xml()" if operation.is_v2 else "response.json()"


def _python(item: Any, depth: int) -> str:
    """Return a literal, containers over several lines."""
    pad, end = "    " * (depth + 1), "    " * depth
    if isinstance(item, dict) and item:
        rows = "".join(f"{pad}{_text(key)}: {_python(v, depth + 1)},\n" for key, v in item.items())
        return f"{{\n{rows}{end}}}"
    if isinstance(item, list) and item:
        return "[\n" + "".join(f"{pad}{_python(v, depth + 1)},\n" for v in item) + f"{end}]"
    return _text(item) if isinstance(item, str) else repr(item)


def _text(item: str) -> str:
    return json.dumps(item, ensure_ascii=False)


def _php_node(path: str, style: str) -> str:
    if style == "declarative":
        return f"$instance->chain('{path}')"
    if style == "item":
        return f"$instance['{path}']"
    made, above = "$instance", ""
    for segment in path.split("/"):
        name = camel(above, segment)
        # PHP has no keywords among properties.
        made += f"['{segment}']" if name is None else f"->{name.removesuffix('_')}"
        if segment.startswith("{") and name is not None:
            made += "_"
        above = f"{above}/{segment}" if above else segment
    return made


def _php(item: Any, depth: int) -> str:
    pad, end = "  " * (depth + 1), "  " * depth
    if isinstance(item, dict):
        rows = "".join(f"{pad}'{key}' => {_php(v, depth + 1)},\n" for key, v in item.items())
        return f"[\n{rows}{end}]"
    if isinstance(item, list):
        return "[\n" + "".join(f"{pad}{_php(v, depth + 1)},\n" for v in item) + f"{end}]"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return "'" + item.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(item)


def _php_shown(operation: Operation) -> str:
    if operation.download:
        return "print_r($response->getHeaders());"
    if operation.is_v2:
        return "print_r(\\WeChatPay\\Transformer::toArray((string) $response->getBody()));"
    return "print_r(json_decode((string) $response->getBody(), true));"
