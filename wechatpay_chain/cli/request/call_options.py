"""The options of ``wechatpay-chain request`` → those of a call: JSON, fields, headers, files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.argument_types import Once
from wechatpay_chain.errors import DecodeError, RequestError
from wechatpay_chain.protocol import document

__all__ = ["add_options", "body_of", "headers_of", "pairs_of", "query_of"]

STDIN = "-"
_FROM = "@"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says what to send."""
    group = parser.add_argument_group("what to send")
    add = group.add_argument
    add("-v", "--variable", action="append", default=[], metavar="NAME=VALUE",
        help="a variable of the path; may also stand directly behind the path")  # fmt: skip
    add("-q", "--query", action="append", default=[], metavar="NAME=VALUE",
        help="a part of the query, or all of it as a JSON object")  # fmt: skip
    add("-j", "--json-body", action=Once, metavar="JSON",
        help="the JSON body: as it is, @FILE, or - for stdin")  # fmt: skip
    add("-x", "--xml", action="append", default=[], metavar="NAME=VALUE",
        help="a field of the XML protocol (v2), or all as a JSON object, @FILE or -")  # fmt: skip
    add("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'",
        help="a header")  # fmt: skip
    add("--upload", action=Once, metavar="FILE",
        help="a file to upload; -j then is the rest of its meta part")  # fmt: skip
    add("--no-encrypt", action="store_true",
        help="send sensitive fields as they are: they were encrypted by you")  # fmt: skip
    add("--check", action="store_true",
        help="refuse a request that is not as documented, before it is sent")  # fmt: skip


def pairs_of(given: Iterable[str], what: str) -> dict[str, str]:
    """Return NAME=VALUE arguments by name.

    Raises:
        RequestError: one is no such pair, or a name is there twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name:
            # Not shown: a value may be where it does not belong.
            raise RequestError(f"{what} must be NAME=VALUE")
        if name in found:
            raise RequestError(f"{what} {name!r} is given twice")
        found[name] = value
    return found


def query_of(
    arguments: argparse.Namespace, before: Iterable[tuple[str, str]]
) -> dict[str, Any] | None:
    """Return the query, with what stood in the path before it.

    Raises:
        RequestError: a name is there twice, or JSON is no object.
    """
    query: dict[str, Any] = {}
    parts = [dict([pair]) for pair in before]
    for given in arguments.query:
        is_json = given.lstrip().startswith("{")
        parts.append(_object(given, "-q") if is_json else pairs_of([given], "-q"))
    for part in parts:
        for name, value in part.items():
            if name in query:
                raise RequestError(f"the query has {name!r} twice: give it once")
            query[name] = value
    return query or None


def body_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the option of a call that gives it its body.

    Raises:
        RequestError: it cannot be read, or there are two.
    """
    json = None
    if arguments.json_body is not None:
        json = _parsed(_text(arguments.json_body, "-j"), "-j")
    if arguments.upload is not None:
        if json is not None and not isinstance(json, Mapping):
            raise RequestError("-j must be a JSON object where a file is uploaded")
        upload: dict[str, Any] = {"file": Path(arguments.upload)}
        return {"upload": {**upload, **({"meta": json} if json is not None else {})}}
    if arguments.xml and arguments.json_body is not None:
        raise RequestError("-j and -x are two bodies: give one")
    if arguments.xml:
        return {"xml": _fields(arguments.xml)}
    return {} if arguments.json_body is None else {"json": json}


def headers_of(given: Iterable[str]) -> dict[str, str]:
    """Return 'NAME: VALUE' arguments by name.

    Raises:
        RequestError: one is no such pair, or a name is there twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, separator, value = one.partition(":")
        if not separator or not name.strip():
            raise RequestError("-H must be 'NAME: VALUE'")
        if name.strip().lower() in map(str.lower, found):
            raise RequestError(f"-H {name.strip()!r} is given twice")
        found[name.strip()] = value.strip()
    return found


def _fields(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        is_document = one.lstrip().startswith("{") or one.startswith(_FROM) or one == STDIN
        part = _object(_text(one, "-x"), "-x") if is_document else pairs_of([one], "-x")
        if found.keys() & part.keys():
            raise RequestError(f"-x {min(found.keys() & part.keys())!r} is given twice")
        found.update(part)
    return found


def _text(given: str, option: str) -> str:
    """Return what an argument is, or names with an @, or leaves to stdin."""
    try:
        if given in (STDIN, _FROM + STDIN):
            if sys.stdin is None:
                raise RequestError(f"{option} {given}: there is no stdin")
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if given.startswith(_FROM):
            return Path(given[1:]).expanduser().read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError(f"{option} is not UTF-8") from None
    except OSError as error:
        raise RequestError(f"{option} {given} cannot be read: {error.strerror}") from None
    return given


def _parsed(text: str, option: str) -> Any:
    problem = ""
    try:
        return document.loads(text.encode("utf-8", "surrogateescape"))
    except DecodeError as error:
        problem = str(error).removeprefix("the body ")
    raise RequestError(f"{option}: the text {problem}")


def _object(text: str, option: str) -> dict[str, Any]:
    value = _parsed(text, option)
    if not isinstance(value, dict):
        raise RequestError(f"{option} must be a JSON object, or NAME=VALUE")
    return value
