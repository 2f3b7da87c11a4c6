"""The spellings of one call, as the demo shows and runs them.

The shown source is the very body of the function that runs, so the two cannot
drift apart. Each function hands what comes back to `show`.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from wechatpay_chain import Client, ClientError, UnverifiedError

__all__ = ["FORGED", "GATHERED", "ORDER", "PROBE", "QUERY", "REFUSED", "SPELLINGS", "Spelling"]

Json: TypeAlias = dict[str, Any]
Show: TypeAlias = Callable[[Any], object]

# 发起微众台账管控, as in https://pay.weixin.qq.com/doc/v3/merchant/4016025247
ORDER: Json = {
    "out_request_no": "example_out_request_no",
    "mchid": "example_mchid",
    "bal_account_no": "example_bal_account_no",
    "punish_scene": 1,
    "punish_reason": "example_punish_reason",
    "punish_end_time": "2015-05-20T13:29:35+08:00",
}

GATHERED = 20


@dataclass(frozen=True)
class Spelling:
    """One way to write the call: a title, and the function whose body is that way."""

    title: str
    call: Callable[[Client, Json, str, Show], Any]
    calls: int = 1

    @property
    def source(self) -> str:
        """The body of the function, as it stands in this file."""
        text = textwrap.dedent(inspect.getsource(self.call))
        (function,) = ast.parse(text).body
        first, last = function.body[0], function.body[-1]  # type: ignore[attr-defined]
        return textwrap.dedent("\n".join(text.splitlines()[first.lineno - 1 : last.end_lineno]))

    def run(self, client: Client, order: Json, serial: str, show: Show) -> None:
        """Make the call; a spelling that awaits gets an event loop."""
        made = self.call(client, order, serial, show)
        if inspect.iscoroutine(made):
            asyncio.run(made)


# What follows is laid out for reading in 76 columns, as the PHP examples are.
# fmt: off


def _async_chain(client: Client, order: Any, serial: str, show: Show) -> None:
    client.v3.aggracctBc.wbChannel.controlOrders.punish.postAsync({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    }).then(show).wait()


def _async_declared(client: Client, order: Any, serial: str, show: Show) -> None:
    client.chain("v3/aggracct-bc/wb-channel/control-orders/punish").postAsync({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    }).then(show).wait()


def _async_item(client: Client, order: Any, serial: str, show: Show) -> None:
    client["v3/aggracct-bc/wb-channel/control-orders/punish"].postAsync({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    }).then(show).wait()


def _sync_chain(client: Client, order: Any, serial: str, show: Show) -> None:
    response = client.v3.aggracctBc.wbChannel.controlOrders.punish.post({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    })
    show(response)


def _sync_declared(client: Client, order: Any, serial: str, show: Show) -> None:
    show(client.chain("v3/aggracct-bc/wb-channel/control-orders/punish").post({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    }))


def _sync_item(client: Client, order: Any, serial: str, show: Show) -> None:
    response = client["v3/aggracct-bc/wb-channel/control-orders/punish"].post({
        "json": order,
        "headers": {"Wechatpay-Serial": serial},
    })
    show(response)


def _python(client: Client, order: Any, serial: str, show: Show) -> None:
    response = client.v3.aggracct_bc.wb_channel.control_orders.punish.post(
        json=order, headers={"Wechatpay-Serial": serial}
    )
    show(response)


async def _python_async(client: Client, order: Any, serial: str, show: Show) -> None:
    punish = client.v3.aggracct_bc.wb_channel.control_orders.punish
    response = await punish.post_async(
        json=order, headers={"Wechatpay-Serial": serial}
    )
    show(response)


async def _python_gathered(client: Any, order: Any, serial: str, show: Show) -> None:
    punish = client.v3.aggracct_bc.wb_channel.control_orders.punish
    promises = [
        punish.post_async(
            json={**order, "out_request_no": f"example_{number}"},
            headers={"Wechatpay-Serial": serial},
        )
        for number in range(20)
    ]
    for response in await asyncio.gather(*promises):
        show(response)


def _refused(client: Any, order: Any, serial: str, show: Show) -> None:
    incomplete = {key: order[key] for key in order if key != "out_request_no"}
    try:
        client.v3.aggracct_bc.wb_channel.control_orders.punish.post(
            json=incomplete, headers={"Wechatpay-Serial": serial}
        )
    except ClientError as error:
        show(error)


def _forged(client: Client, order: Any, serial: str, show: Show) -> None:
    try:
        client.v3.aggracct_bc.wb_channel.control_orders.punish.post(
            json=order, headers={"Wechatpay-Serial": serial}
        )
    except UnverifiedError as error:
        show(error)


def _query(client: Client, order: Any, serial: str, show: Show) -> None:
    response = client.v3.aggracct_bc.wb_channel.control_orders["{out_request_no}"].get(
        out_request_no=order["out_request_no"],
        query={"control_type": "PUNISH", "mchid": order["mchid"]},
    )
    show(response)


# fmt: on

SPELLINGS = (
    Spelling("异步纯链式 · async, attributes", _async_chain),
    Spelling("异步声明式 · async, chain()", _async_declared),
    Spelling("异步属性式 · async, item", _async_item),
    Spelling("同步纯链式 · sync, attributes", _sync_chain),
    Spelling("同步声明式 · sync, chain()", _sync_declared),
    Spelling("同步属性式 · sync, item", _sync_item),
    Spelling("Python's own · sync", _python),
    Spelling("Python's own · await", _python_async),
    Spelling(f"Python's own · {GATHERED} at once", _python_gathered, GATHERED),
)
REFUSED = Spelling("A refusal · a required field is missing", _refused)
FORGED = Spelling("A forged answer · signed with a key that is not WeChat Pay's", _forged)
QUERY = Spelling("So ask · did it happen?", _query)
PROBE = Spelling("A probe · WeChat Pay's own test of this very check", _forged)
