"""The ASGI application: finds the face a request is for, lets faults strike, counts.

Requests to the provider do not go through a router or a request object, since load tests do and every microsecond
of the sandbox is one that the client under test does not get.
"""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from .exchange import BodyTooLarge, ClientLeft, Face, Reply, Request, Traffic, read_body
from .fault import FaultBook
from .inbox import RequestLog
from .mishap import BEFORE, Wire, alter, before
from .state import Clock

__all__ = ["CONTROL_PATH", "MAX_BODY", "Application"]

CONTROL_PATH = "/_sandbox/"
PAGE_PATH = "/"
MAX_BODY = 64 * 1024 * 1024
"""The largest request body, in bytes."""

_TOO_LARGE = Reply(b'{"error":"The request is too large."}', status=413, headers=((b"connection", b"close"),))
_NO_FACE = Reply(b'{"error":"Nothing is served here."}', status=404)


class _Closing(Exception):
    """The sandbox closes while a request waits."""


class Application:
    """Everything behind the HTTP port."""

    def __init__(
        self,
        faces: Sequence[Face],
        control: ASGIApp,
        faults: FaultBook,
        traffic: Traffic,
        log: RequestLog,
        clock: Clock,
        closing: asyncio.Event,
    ) -> None:
        """Put the parts together."""
        self._faces = faces
        self._control = control
        self._faults = faults
        self._traffic = traffic
        self._log = log
        self._clock = clock
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] == PAGE_PATH or scope["path"].startswith(CONTROL_PATH):
            await self._control(scope, receive, send)
            return
        traffic = self._traffic
        traffic.in_flight += 1
        traffic.max_in_flight = max(traffic.max_in_flight, traffic.in_flight)
        try:
            await self._serve(Wire(scope, receive, send, self._closing))
        finally:
            traffic.in_flight -= 1

    async def _serve(self, wire: Wire) -> None:
        scope = wire.scope
        path: str = scope["path"]
        try:
            body = await read_body(scope, wire.receive, MAX_BODY)
        except BodyTooLarge:
            await wire.reply(_TOO_LARGE)
            return
        except ClientLeft:
            return
        request = Request(scope["method"], path, scope["query_string"], scope["headers"], body)
        face, operation = self._route(path)
        self._traffic.requests[f"{face.name}.{operation}" if face else "unknown"] += 1
        wait, fault = self._faults.strike(path)
        kind = fault.fault if fault else ""

        def note(reply: Reply | None) -> None:
            status, answer = (reply.status, reply.body) if reply else (0, b"")
            asked = scope["method"], path, operation, kind
            self._log.note(self._clock.now(), *asked, body, status, answer)

        async def pause() -> None:
            if await wire.sleep(wait):
                raise _Closing

        def refuse(code: int) -> Reply:
            return face.refuse(request, operation, code) if face else _NO_FACE

        try:
            if fault is not None and fault.kind in BEFORE:
                await pause()
                note(Reply(b"", status=fault.code) if fault.kind == "http_NNN" else None)
                await before(wire, fault, path, refuse)
                return
            reply = await face.answer(request, operation, pause) if face else _NO_FACE
        except _Closing:
            await wire.cut()
            return
        note(reply)
        if fault is None:
            await wire.reply(reply)
        else:
            await alter(wire, fault, reply)

    def _route(self, path: str) -> tuple[Face | None, str]:
        """Return the face and the operation that a path names."""
        for face in self._faces:
            operation = face.operation(path)
            if operation is not None:
                return face, operation
        return None, ""
