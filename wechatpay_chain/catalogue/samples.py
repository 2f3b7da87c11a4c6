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

__all__ = ["SPELLINGS", "STYLES", "expression", "php", "php_call", "python", "python_call"]

STYLES = ("pure", "declarative", "item")
"""By attributes (纯链式), by ``chain()`` (声明式), by item (属性式)."""

SPELLINGS = tuple(
    (style, asynchronous, f"{mode}{name}")
    for asynchronous, mode in ((False, "同步"), (True, "异步"))
    for style, name in zip(STYLES, ("纯链式", "声明式", "属性式"), strict=True)
)
"""The six spellings: (style, asynchronous, Chinese name)."""

_PHP_KEY = "PUB_KEY_ID_0114232134912410000000000000"


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
    keywords = "".join(f"    {name}={_python(item, 1)},\n" for name, item in made.items())
    call = python_call(operation, style, asynchronous=asynchronous)
    given = f"(\n{keywords})" if keywords else "()"
    return f"response = {call}{given}\nprint({_shown(operation)})\n"


def python_call(operation: Operation, style: str = "pure", *, asynchronous: bool = False) -> str:
    """Return what stands before the call's parentheses, such as ``await client.v3.x.get_async``."""
    node = expression(operation.path, style)
    verb = operation.method.lower()
    return f"await {node}.{verb}_async" if asynchronous else f"{node}.{verb}"


def php(operation: Operation, style: str = "pure", *, asynchronous: bool = False) -> str:
    """Return the same call as PHP statements.

    Fields that are sent encrypted stand in plain: a PHP program encrypts them itself.
    """
    made = {**examples.options(operation), **_sink(operation), **_told(operation)}
    # The stream, and with it the parts' boundary, is an object of the SDK.
    made.pop("upload", None)
    headers = {name: _php(item, 1) for name, item in _php_headers(operation, made).items()}
    made.pop("headers", None)
    rows = [f"'{name}' => {_php(item, 1)}" for name, item in made.items()]
    if operation.upload:
        rows.append("'body' => $media->getStream()")
        headers["Content-Type"] = "$media->getContentType()"
    if headers:
        inner = "".join(f"    '{name}' => {item},\n" for name, item in headers.items())
        rows.append(f"'headers' => [\n{inner}  ]")
    given = "(" + "[\n" + "".join(f"  {row},\n" for row in rows) + "])" if rows else "()"
    call = php_call(operation, style, asynchronous=asynchronous) + given
    shown = _php_shown(operation)
    before = ""
    if operation.upload:
        before = "$media = new \\WeChatPay\\Util\\MediaUtil('example.png');\n"
    if asynchronous:
        return f"{before}{call}\n->then(static function($response) {{\n  {shown}\n}})\n->wait();\n"
    return f"{before}$response = {call};\n{shown}\n"


def php_call(operation: Operation, style: str = "pure", *, asynchronous: bool = False) -> str:
    """Return what stands before the call's parentheses, such as ``$instance->v3->x->getAsync``."""
    verb = operation.method.lower() + ("Async" if asynchronous else "")
    return f"{_php_node(operation.path, style)}->{verb}"


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


def _php_headers(operation: Operation, made: dict[str, Any]) -> dict[str, Any]:
    """Return a call's headers, with the key that a PHP program encrypts by."""
    documented = operation.place("headers")
    named = documented is not None and any(
        field.name == "Wechatpay-Serial" for field in documented.fields
    )
    key = operation.encrypted and not operation.is_v2
    return {
        **made.get("headers", {}),
        **({"Wechatpay-Serial": _PHP_KEY} if named or key else {}),
    }


def _shown(operation: Operation) -> str:
    if operation.download:
        return "response.headers"
    # Where no field is documented there is nothing to decode: 204 No Content.
    if not operation.response and not operation.is_v2:
        return "response.status"
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
    return repr(item) if '"' in item else json.dumps(item, ensure_ascii=False)


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
    if not operation.response and not operation.is_v2:
        return "print_r($response->getStatusCode());"
    if operation.is_v2:
        return "print_r(\\WeChatPay\\Transformer::toArray((string) $response->getBody()));"
    return "print_r(json_decode((string) $response->getBody(), true));"
