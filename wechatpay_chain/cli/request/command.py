"""``wechatpay-chain request``: any request from the shell, signed, encrypted and verified.

It is sent once. The exit code says what a script must do next (`CODES`).
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from wechatpay_chain.cli import argument_types, profile
from wechatpay_chain.cli.failure import complain_of
from wechatpay_chain.cli.output import print_document
from wechatpay_chain.cli.profile import Profile, open_profile
from wechatpay_chain.cli.request import call_options
from wechatpay_chain.cli.request.answer import (
    print_answer,
    print_as_document,
    print_pretty,
    status_line,
)
from wechatpay_chain.cli.request.dry_run import Sketch, rehearse
from wechatpay_chain.cli.request.target import Target, aim, suggestion
from wechatpay_chain.cli.signals import ended_as_by_ctrl_c
from wechatpay_chain.cli.streams import complain, discard_rest, note
from wechatpay_chain.client import Client
from wechatpay_chain.errors import (
    BusinessError,
    ConfigurationError,
    DecodeError,
    DecryptError,
    NotSentError,
    OutcomeUnknownError,
    RefusedError,
    ServerError,
    UnverifiedError,
    WechatPayError,
)
from wechatpay_chain.middleware import call as calls
from wechatpay_chain.protocol import hosts
from wechatpay_chain.protocol.methods import METHODS
from wechatpay_chain.protocol.segments import is_v2
from wechatpay_chain.response import Response

__all__ = ["add"]

REFUSED, UNKNOWN, NOT_SENT, FAILED, UNREADABLE, INTERRUPTED = 1, 3, 4, 5, 6, 130

CODES: tuple[tuple[type[WechatPayError], int], ...] = (
    (NotSentError, NOT_SENT),
    (ConfigurationError, NOT_SENT),
    (OutcomeUnknownError, UNKNOWN),
    (UnverifiedError, UNKNOWN),
    (ServerError, FAILED),
    (DecodeError, UNREADABLE),
    (DecryptError, UNREADABLE),
)
"""The exit code of each kind of error; `REFUSED` for all others."""

# Of the XML protocol's refusals, those that leave open what happened.
_OPEN = {"SYSTEMERROR", "SYSTEM_ERROR", "BANKERROR", "USERPAYING"}
_LEFT = "interrupted after the request was sent: it may have taken effect, so query it first"
_NOT_LEFT = "interrupted before anything was sent"


class _Asked(NamedTuple):
    """A call as it was asked for."""

    method: str
    target: Target
    options: dict[str, Any]

    @property
    def is_v2(self) -> bool:
        return is_v2(self.target.template)


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "request",
        help="send any request, signed, and show the verified answer (发请求)",
        description="Sends one request, once. The path may be spelled in any way that "
        "`wechatpay-chain api` knows. What stands on the command line can be seen by others on "
        "this machine: give what is confidential as -j @FILE or -j -.",
        epilog="Exit codes: 0 a 2xx; 1 refused; 2 wrong arguments; 3 the outcome is unknown, or "
        "cannot be written, so query it; 4 nothing was sent; 5 the gateway failed (5xx), so the "
        "same again later; 6 it took effect, but the answer cannot be opened; 130 Ctrl-C, SIGTERM.",
    )
    parser.add_argument(
        "method", type=argument_types.method, metavar="METHOD", help=", ".join(METHODS)
    )
    parser.add_argument("path", metavar="PATH", help="such as v3/pay/transactions/native")
    parser.add_argument(
        "pairs", nargs="*", default=[], metavar="NAME=VALUE", help="variables of the path"
    )
    call_options.add_options(parser)
    shown = parser.add_argument_group("what to show")
    shown.add_argument(
        "-o",
        "--output",
        action=argument_types.Once,
        type=_file,
        metavar="FILE",
        help="write it into a file",
    )
    shown.add_argument("--open", action="store_true", help="open the encrypted fields (解密)")
    shown.add_argument("--raw", action="store_true", help="the answer's bytes as they came")
    shown.add_argument("--json", action="store_true", help="print one JSON document instead")
    shown.add_argument("--dry-run", action="store_true", help="sign it and show what would be sent")
    shown.add_argument(
        "--timeout",
        type=argument_types.timeout,
        default=30.0,
        metavar="SECONDS",
        help="of the call (30)",
    )
    profile.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send the request and show its answer; return an exit code of the module's."""
    try:
        with ended_as_by_ctrl_c():
            return _run(arguments)
    except OSError as error:
        if arguments.dry_run or isinstance(error, BrokenPipeError):
            raise
        # Whatever goes wrong before the request leaves is an error of the package's.
        complain(f"the outcome cannot be written ({error}): query it before anything else")
        discard_rest()
        return UNKNOWN


def _run(arguments: argparse.Namespace) -> int:
    asked = None
    try:
        settings = open_profile(arguments)
        asked = _asked(arguments, settings)
        options = {"check": arguments.check, "timeout": arguments.timeout}
        with settings.client(**options) as client:
            if arguments.dry_run:
                sketch = rehearse(
                    client, asked.method, asked.target.template, asked.options,
                    asked.target.operation,
                )  # fmt: skip
                _show_sketch(sketch, as_document=arguments.json)
                return 0
            response = _send(client, asked)
        _show(response, asked, arguments)
    except _Interrupted as interrupted:
        complain(_LEFT if interrupted.left else _NOT_LEFT)
        return INTERRUPTED
    except WechatPayError as error:
        return _fail(error, asked, arguments)
    return 0


class _Interrupted(Exception):  # noqa: N818 - somebody wanted it
    """Ctrl-C or its like while a call was on its way."""

    def __init__(self, left: bool) -> None:
        self.left = left


def _send(client: Client, asked: _Asked) -> Response:
    """Send the request once; say on Ctrl-C whether it had left."""
    watched: list[calls.Call] = []

    async def watch(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        call = calls.of(request)
        watched.extend([call] if call else [])
        return await handler(request)

    options = {**asked.options, "middlewares": [watch]}
    try:
        return client.get_driver().request(asked.method, asked.target.template, options)
    except KeyboardInterrupt:
        left = any(call.left for call in watched)
    raise _Interrupted(left)


def _asked(arguments: argparse.Namespace, settings: Profile) -> _Asked:
    pairs = call_options.pairs_of([*arguments.pairs, *arguments.variable], "a path variable")
    target = aim(arguments.method, arguments.path, pairs)
    options: dict[str, Any] = {**target.variables, **call_options.body_of(arguments)}
    options["query"] = call_options.query_of(arguments, target.query)
    options["headers"] = call_options.headers_of(arguments.header)
    if arguments.no_encrypt:
        options["encrypt"] = False
    if arguments.output is not None:
        options["sink"] = arguments.output
    if target.origin is not None and not _is_usual(target.origin, settings):
        options["base_uri"] = f"{target.origin}/"
    return _Asked(arguments.method, target, options)


def _is_usual(origin: str, settings: Profile) -> bool:
    """Tell whether a pasted address has the host that documentation has, which says nothing.

    With a base_uri of one's own, as for the sandbox, all of WeChat Pay's hosts mean that.
    """
    is_official = origin in hosts.OFFICIAL
    return is_official and ("base_uri" in settings or f"{origin}/" == hosts.DEFAULT_BASE)


def _show(response: Response, asked: _Asked, arguments: argparse.Namespace) -> None:
    saved = arguments.output
    if arguments.json:
        print_as_document(response, is_v2=asked.is_v2, opened=arguments.open, saved=saved)
    elif saved is not None:
        note(f"{status_line(response)}, saved to {saved}")
    else:
        print_answer(response, is_v2=asked.is_v2, opened=arguments.open, raw=arguments.raw)


def _show_sketch(sketch: Sketch, *, as_document: bool) -> None:
    if as_document:
        print_document(sketch.document)
        return
    note("not sent: this is what would be")
    print(f"{sketch.method} {sketch.url}")
    for name, value in sketch.headers.items():
        print(f"{name}: {value}")
    print()
    print(f"{'some' if sketch.length is None else sketch.length} bytes")
    if sketch.fields is not None:
        print_pretty(sketch.fields)


def _fail(error: WechatPayError, asked: _Asked | None, arguments: argparse.Namespace) -> int:
    code = next((code for kind, code in CODES if isinstance(error, kind)), REFUSED)
    if isinstance(error, BusinessError) and error.code in _OPEN:
        code = UNKNOWN
    if arguments.json:
        is_v2 = asked is not None and asked.is_v2
        print_as_document(error, is_v2=is_v2, opened=False, saved=None)
    hint = ""
    if asked is not None and asked.target.operation is None and _may_be_the_path(error):
        hint = "; the path is not in the catalogue" + suggestion(
            asked.method, asked.target.template
        )
    if isinstance(error, DecryptError):
        hint = "; the request took effect: leave --open out to see the answer"
    complain_of(error, hint)
    return code


def _may_be_the_path(error: WechatPayError) -> bool:
    return isinstance(error, NotSentError) or (
        isinstance(error, RefusedError) and error.status in (404, 405)
    )


def _file(text: str) -> str | None:
    """Return where an answer goes; a dash is stdout, where it goes in any case."""
    return None if text == call_options.STDIN else text
