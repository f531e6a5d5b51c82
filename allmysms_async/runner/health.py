"""What watches a worker over HTTP: whether it lives, whether it works, and its counts for Prometheus."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol, Self

from allmysms_async.errors import InvalidRequest
from allmysms_async.runner.stats import Stats

__all__ = ["Health", "Watched", "metrics"]

_SECONDS = 5.0
_MOST_BYTES = 8192
_MOST_AT_ONCE = 64
"""Connections; whatever comes beside them is cut off, so that nobody takes the worker's own files and sockets."""

_OUTCOMES = ("accepted", "rejected", "failed", "unknown")


class Watched(Protocol):
    """A worker, as far as it is watched."""

    @property
    def stats(self) -> Stats:
        """Its counts."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it works, and heard from the database a moment ago."""
        ...


def metrics(stats: Stats) -> str:
    """Return a worker's counts as Prometheus reads them; none holds a number, a name or a text.

    Source: Prometheus, "Text-based format", version 0.0.4.
    """
    gauges = {
        "workers": ("Workers of the account that live.", stats.workers),
        "campaigns_open": ("Campaigns that are open.", stats.open),
        "draining": ("Slots that this worker drains.", stats.draining),
        "seats": ("Seats among all requests in flight that this worker has.", stats.seats),
    }
    counters = {
        "drains": ("Slots that this worker drained for a while.", stats.drains),
        "campaigns_stopped": ("Campaigns that this worker stopped for all.", stats.stopped),
    }
    lines: list[str] = []
    for kind, figures in (("gauge", gauges), ("counter", counters)):
        for name, (words, value) in figures.items():
            full = f"allmysms_{name}" + ("_total" if kind == "counter" else "")
            lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}", f"{full} {value}"]
    name = "allmysms_recipients_total"
    lines += [f"# HELP {name} Recipients by how they ended, at this worker.", f"# TYPE {name} counter"]
    lines += [f'{name}{{outcome="{each}"}} {stats.outcomes[each]}' for each in _OUTCOMES]
    return "\n".join(lines) + "\n"


class Health:
    """A small server of ``/live``, ``/ready`` and ``/metrics``.

    Args:
        worker: What is watched.
        host: Where to listen.
        port: 0 for any free one.
    """

    def __init__(self, worker: Watched, host: str, port: int) -> None:
        self._worker = worker
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._served = 0

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            InvalidRequest: That cannot be done there.
        """
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=_MOST_BYTES)
        except OSError as error:
            why = error.strerror or type(error).__name__
            msg = f"Health cannot be served on port {self.port} of {self._host} ({why}); nothing was sent."
            raise InvalidRequest(msg, remedy="Name another port, or 0 for any free one, or another host.") from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; whoever is slow, or asks for nothing that can be read, is cut off."""
        if self._served >= _MOST_AT_ONCE:
            writer.transport.abort()
            return
        self._served += 1
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = self._answer(head.split(b" ", 2)[1].partition(b"?")[0] if head.count(b" ") > 1 else b"")
                kind = "text/plain; version=0.0.4; charset=utf-8"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
                    f"Connection: close\r\n\r\n{body}".encode()
                )
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._served -= 1

    def _answer(self, path: bytes) -> tuple[str, str]:
        """Return the status and the body for a path."""
        match path:
            case b"/live":
                return "200 OK", "live\n"
            case b"/ready":
                return ("200 OK", "ready\n") if self._worker.ready else ("503 Service Unavailable", "not ready\n")
            case b"/metrics":
                return "200 OK", metrics(self._worker.stats)
            case _:
                return "404 Not Found", "There are /live, /ready and /metrics.\n"
