"""What happens to a callback, from its bytes to its answer: verified, handled once, answered.

Whatever goes wrong is logged in one line and answered with a no, so that WeChat Pay sends the
callback again. Neither log nor answer holds anything of the resource.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Callable
from typing import Any

from wechatpay_chain.errors import ConfigurationError, WebhookError, WechatPayError
from wechatpay_chain.protocol.text import one_line
from wechatpay_chain.webhooks.event import Event
from wechatpay_chain.webhooks.reply import Reply
from wechatpay_chain.webhooks.router import Handler
from wechatpay_chain.webhooks.seen import Claim, Hook, Seen
from wechatpay_chain.webhooks.steps import Call, Flow

__all__ = ["handled"]

logger = logging.getLogger("wechatpay_chain.webhooks")


def handled(
    parsing: Flow[Event[Any]],
    find: Callable[[Event[Any]], Handler | None],
    seen: Hook | None,
    unheard: set[str],
) -> Flow[Reply]:
    """Return the answer to a callback, having parsed it and called its handler.

    Args:
        parsing: gives the event.
        find: finds the handler.
        seen: what remembers the callbacks that were handled.
        unheard: the types without a handler that were logged.
    """
    try:
        event = yield from parsing
    except WebhookError as error:
        _log_refusal(error)
        return Reply.refusal(error)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - a ring of keys is anybody's; nothing is lost
        logger.error("a callback could not be read: %s", _described(error))
        return Reply.failure("it could not be read")
    handler = find(event)
    if handler is None:
        if event.type not in unheard:
            unheard.add(event.type)
            logger.warning(
                "no handler for %s (%s): such callbacks are not acknowledged, so that none is "
                'lost; add @webhooks.on("%s", protocol="%s")',
                *(one_line(event.type), event.protocol) * 2,
            )
        return event.fail("there is no handler for it")
    if seen is None:
        return (yield from _called(event, handler))
    if isinstance(seen, Seen):
        return (yield from _claimed(event, handler, seen))
    try:
        was_seen = yield Call(seen, (event.id,))
    except Exception as error:  # noqa: BLE001 - the hook is the user's
        return _not_remembered(event, error)
    return _duplicate(event) if was_seen else (yield from _called(event, handler))


def _claimed(event: Event[Any], handler: Handler, seen: Seen) -> Flow[Reply]:
    owner = secrets.token_hex(16)
    try:
        try:
            claim = yield Call(seen.claim, (event.id, owner))
        except Exception as error:  # noqa: BLE001 - the hook is the user's
            return _not_remembered(event, error)
        if claim == Claim.DONE:
            return _duplicate(event)
        if claim == Claim.BUSY:
            logger.info("%r is being handled already: to be sent again", event)
            return event.fail("it is being handled")
        if claim != Claim.MINE:
            wrong = f"claim must return a Claim, not {type(claim).__name__}"
            return _not_remembered(event, ConfigurationError(wrong))
        reply = yield from _called(event, handler)
    except GeneratorExit:
        # Nobody drives this any more; the lease runs out.
        raise
    except BaseException:
        yield from _forgotten(event, seen, owner)
        raise
    if reply.acknowledges:
        yield from _remembered(event, seen, owner)
    else:
        yield from _forgotten(event, seen, owner)
    return reply


def _remembered(event: Event[Any], seen: Seen, owner: str) -> Flow[None]:
    """Remember the event as handled; if that fails it is handled all the same."""
    try:
        kept = yield Call(seen.finish, (event.id, owner), to_its_end=True)
    except Exception as error:  # noqa: BLE001 - the hook is the user's
        logger.error("%r is handled, but that is not remembered: %s", event, _described(error))
        return
    if kept is False:
        logger.warning("%r took longer than its lease; it may have been handled twice", event)


def _forgotten(event: Event[Any], seen: Seen, owner: str) -> Flow[None]:
    """Let others handle the event; if they cannot be told, the lease runs out."""
    try:
        yield Call(seen.release, (event.id, owner), to_its_end=True)
    except Exception as error:  # noqa: BLE001 - the hook is the user's
        logger.error("%r stays claimed until its lease ends: %s", event, _described(error))


def _called(event: Event[Any], handler: Handler) -> Flow[Reply]:
    try:
        reply = yield Call(handler, (event,))
    except Exception as error:  # noqa: BLE001 - the handler is the user's
        logger.error("the handler of %r failed: %s", event, _described(error))
        return event.fail()
    if reply is None:
        return event.ack()
    if isinstance(reply, Reply):
        return reply
    logger.error(
        "the handler of %r must return None, event.ack(), event.fail() or a Reply, not %s",
        event,
        type(reply).__name__,
    )
    return event.fail()


def _duplicate(event: Event[Any]) -> Reply:
    logger.info("%r was handled before: acknowledged", event)
    return event.ack()


def _not_remembered(event: Event[Any], error: Exception) -> Reply:
    logger.error(
        "%r is not handled, because it cannot be known whether it was: %s",
        event,
        _described(error),
    )
    return event.fail("it cannot be handled now")


def _log_refusal(error: WebhookError) -> None:
    if error.is_probe:
        logger.info("refused WeChat Pay's own probe (%s), as it must be", error.reason.value)
    else:
        logger.warning("refused a callback (%s): %s", error.reason.value, error)


def _described(error: BaseException) -> str:
    """Return an error's kind and where it was raised, but its words only if they hold no data."""
    if isinstance(error, WechatPayError):
        return one_line(f"{type(error).__name__}: {error}")
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames[-3:]]
    return " ← ".join([type(error).__name__, *reversed(places)])
