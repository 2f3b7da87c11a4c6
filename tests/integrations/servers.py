"""The frameworks, each with a `webhook_view`, served by a real server in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import uvicorn
import werkzeug.serving
from aiohttp import web
from django.core.asgi import get_asgi_application
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from fastapi import FastAPI
from flask import Flask, request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.routing import Route

from tests.integrations import project
from wechatpay_chain.integrations import aiohttp, django, fastapi, flask, starlette
from wechatpay_chain.webhooks import Webhooks

# Every method reaches the views: that they answer POST alone is theirs to say.
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@web.middleware
async def read(request: web.Request, handler: Any) -> web.StreamResponse:
    """Read a body before the handler does."""
    await request.read()
    return await handler(request)


class Reading(BaseHTTPMiddleware):
    """Reads a body before the endpoint does."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Read it."""
        await request.body()
        return await call_next(request)


@contextmanager
def aiohttp_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """aiohttp.web."""
    # Less than a callback has: the limit is the webhooks'.
    size = 1024**2 if is_read else 10
    application = web.Application(client_max_size=size, middlewares=[read] * is_read)
    application.router.add_route("*", "/notify", aiohttp.webhook_view(webhooks))
    with listening() as listener:
        stop = asyncio.Event()

        async def serve() -> None:
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            turning.set_result(asyncio.get_running_loop())
            await stop.wait()
            await runner.cleanup()

        turning: Future[asyncio.AbstractEventLoop] = Future()

        def end() -> None:
            turning.result().call_soon_threadsafe(stop.set)

        with running(lambda: asyncio.run(serve()), end):
            yield url(listener)


@contextmanager
def starlette_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """Starlette on uvicorn."""
    view = starlette.webhook_view(webhooks)
    routes = [Route("/notify", view, methods=METHODS)]
    with asgi(Starlette(routes=routes, middleware=[Middleware(Reading)] * is_read)) as address:
        yield address


@contextmanager
def fastapi_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """FastAPI on uvicorn."""
    application = FastAPI(middleware=[Middleware(Reading)] * is_read)
    application.add_api_route("/notify", fastapi.webhook_view(webhooks), methods=METHODS)
    with asgi(application) as address:
        yield address


@contextmanager
def django_asgi_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """Django on uvicorn."""
    path = project.add(django.webhook_view(webhooks), is_read)
    with asgi(get_asgi_application(), path, lifespan="off") as address:
        yield address


class DjangoHandler(WSGIRequestHandler):
    """The handler of Django's own server, less its lines for each request."""

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class WerkzeugHandler(werkzeug.serving.WSGIRequestHandler):
    """The handler of werkzeug's server, less its lines for each request."""

    def log(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def django_wsgi_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """Django's own server (wsgiref)."""
    path = project.add(django.webhook_view(webhooks), is_read)
    server = ThreadedWSGIServer(("127.0.0.1", 0), DjangoHandler, allow_reuse_address=False)
    server.set_app(get_wsgi_application())
    with serving(server, path) as address:
        yield address


@contextmanager
def flask_server(webhooks: Webhooks, *, is_read: bool = False) -> Iterator[str]:
    """Flask on werkzeug's server."""
    application = Flask("wechatpay")
    application.add_url_rule("/notify", view_func=flask.webhook_view(webhooks), methods=METHODS)
    if is_read:
        application.before_request(lambda: request.get_data() and None)
    server = werkzeug.serving.make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=WerkzeugHandler
    )
    with serving(server) as address:
        yield address


Serve = Callable[..., AbstractContextManager[str]]
"""Takes a receiver, and ``is_read=True`` for a middleware that reads bodies; gives an address."""

SERVERS: dict[str, Serve] = {
    "aiohttp": aiohttp_server,
    "starlette": starlette_server,
    "fastapi": fastapi_server,
    "django-asgi": django_asgi_server,
    "django-wsgi": django_wsgi_server,
    "flask": flask_server,
}


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Give a socket that listens: who connects before its server runs only waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener


def url(listener: socket.socket, path: str = "/notify") -> str:
    """Return the address of the view."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}{path}"


@contextmanager
def asgi(application: Any, path: str = "/notify", lifespan: Any = "on") -> Iterator[str]:
    """Run an ASGI application on uvicorn."""
    with listening() as listener:
        config = uvicorn.Config(application, lifespan=lifespan, log_config=None, access_log=False)
        server = uvicorn.Server(config)

        def stop() -> None:
            server.should_exit = True

        with running(lambda: server.run(sockets=[listener]), stop):
            yield url(listener, path)


@contextmanager
def serving(server: Any, path: str = "/notify") -> Iterator[str]:
    """Run a server of the standard library's kind."""
    with server, running(lambda: server.serve_forever(0.05), server.shutdown):
        yield url(server.socket, path)


@contextmanager
def running(run: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    """Run something in a thread until the block ends."""
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join()
