"""Real servers that a receiver is served in, over real sockets, in the test's event loop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from aiohttp import web

from allmysms_async.webhooks import Receiver


@contextlib.contextmanager
def _access_log_restored() -> Iterator[None]:
    """Leave the access log as it was: a server that is told to keep none shuts the whole process's for good."""
    logger = logging.getLogger("uvicorn.access")
    before = logger.propagate, [*logger.handlers]
    try:
        yield
    finally:
        logger.propagate, logger.handlers = before


@contextlib.asynccontextmanager
async def uvicorn_server(app: Any, **options: Any) -> AsyncIterator[int]:
    """Serve an ASGI application over a real socket, in this event loop; give the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening, _access_log_restored():
        settings = {"lifespan": "on", "log_config": None, "proxy_headers": False} | options
        server = uvicorn.Server(uvicorn.Config(app, **settings))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        with contextlib.ExitStack() as stack:
            stack.callback(setattr, uvicorn.Server, "capture_signals", uvicorn.Server.capture_signals)
            uvicorn.Server.capture_signals = lambda _: contextlib.nullcontext()  # type: ignore[assignment,method-assign,misc]
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                assert not serving.done(), "it did not start"
                await asyncio.sleep(0.001)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def aiohttp_server(app: web.Application, **options: Any) -> AsyncIterator[int]:
    """Serve an aiohttp application over a real socket, in this event loop; give the port."""
    runner = web.AppRunner(app, handle_signals=False, **options)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def in_fastapi(receiver: Receiver, **options: Any) -> AbstractAsyncContextManager[int]:
    """Serve a receiver as a router of FastAPI under uvicorn."""
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(receiver.router(), prefix="/hooks")

    @app.get("/else/{name}")
    async def something_else(name: str) -> str:
        return name

    return uvicorn_server(app, **options)


def in_uvicorn(receiver: Receiver, **options: Any) -> AbstractAsyncContextManager[int]:
    """Serve a receiver alone under uvicorn."""
    return uvicorn_server(receiver.asgi, **options)


def in_aiohttp(receiver: Receiver, **options: Any) -> AbstractAsyncContextManager[int]:
    """Serve a receiver as routes of aiohttp.web."""
    app = web.Application()
    app.add_routes(receiver.routes("/hooks"))

    async def something_else(request: web.Request) -> web.Response:
        return web.json_response(request.match_info["name"])

    app.router.add_get("/else/{name}", something_else)

    async def running(_: web.Application) -> AsyncIterator[None]:
        async with receiver:
            yield

    app.cleanup_ctx.append(running)
    return aiohttp_server(app, **options)


SERVERS = {"fastapi": in_fastapi, "uvicorn": in_uvicorn, "aiohttp": in_aiohttp}


async def raw(port: int, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes, or a whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        answer = await _whole(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return answer


async def _whole(reader: asyncio.StreamReader) -> bytes:
    got = b""
    while True:
        try:
            got += await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            return got + getattr(error, "partial", b"")
        fields = dict(line.lower().split(b": ", 1) for line in got.split(b"\r\n")[1:] if b": " in line)
        return got + await reader.readexactly(int(fields.get(b"content-length", b"0")))


def status_of(answer: bytes) -> int:
    """Return the status of an answer; 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0
