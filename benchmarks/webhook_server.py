"""A server for webhooks under uvicorn: a bare Starlette endpoint that answers ``OK``, or the library's receiver.

Run as a script it serves on a loopback port of its own choice, prints the address to call, and ends by itself after
``--seconds``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import pathlib
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from allmysms_async import DeliveryReport, Reply
from allmysms_async.webhooks import Receiver

__all__ = ["main"]

_TOKEN = "a-token-for-benchmarks-alone"  # noqa: S105  # it opens nothing
_WAYS = ("bare", "received", "handled")


async def _ok(_: Request) -> Response:
    return PlainTextResponse("OK")


def _application(way: str, journal: pathlib.Path) -> Any:
    """Return what answers."""
    if way == "bare":
        return Starlette(routes=[Route("/{token}", _ok)])
    receiver = Receiver(_TOKEN, journal=journal)
    if way == "handled":

        @receiver.on_report
        async def report(_: DeliveryReport) -> None:
            """Do nothing with it."""

        @receiver.on_reply
        async def reply(_: Reply) -> None:
            """Do nothing with it."""

    return receiver.asgi


async def _serve(way: str, journal: pathlib.Path, seconds: float) -> None:
    """Serve for so long, after printing where."""
    # With its protocol named, asyncio has its connections write at once, as on sockets that it makes itself.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(1024)
        config = uvicorn.Config(_application(way, journal), access_log=False, log_level="warning", lifespan="auto")
        server = uvicorn.Server(config)
        asyncio.get_running_loop().call_later(seconds, lambda: setattr(server, "should_exit", True))
        print(f"http://127.0.0.1:{bound.getsockname()[1]}/{_TOKEN}", flush=True)
        await server.serve(sockets=[bound])


def main() -> None:
    """Serve until told to end, or until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=_WAYS, required=True)
    parser.add_argument("--journal", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=300.0, help="end by itself after so long")
    given = parser.parse_args()
    gc.freeze()
    asyncio.run(_serve(given.way, given.journal, given.seconds))


if __name__ == "__main__":
    main()
