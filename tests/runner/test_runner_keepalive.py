"""Every connection that a worker holds notices a dead peer in time: on this side, and on the server's."""

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path

import pytest

from allmysms_async.journal.database import Database
from allmysms_async.journal.session import SILENT_SECONDS
from allmysms_async.runner import Worker

from .conftest import campaign, placed

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux shows sockets and their timers")

_KEEPALIVE = 2  # of the kernel's timers: the next probe
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def links_to(port):
    """Return the options of this process's sockets that are connected to a port, by their own ports."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(fd))) as link:
            if link.family == socket.AF_INET and link.type == socket.SOCK_STREAM and link.getpeername()[1] == port:
                names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
                options = [link.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
                found[link.getsockname()[1]] = (link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *options)
    return found


def probes_from(port):
    """Return in how many seconds the server at a port probes each idle connection, by the other side's port."""
    found = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, _, _, timer, *_ = line.split()
        kind, when = timer.split(":")
        if int(local.split(":")[1], 16) == port and int(kind, 16) == _KEEPALIVE:
            found[int(remote.split(":")[1], 16)] = int(when, 16) / _TICKS
    return found


async def test_both_sides_of_every_connection_probe_the_other(sandbox, place, postgres, backend):
    """Idle or at work, a worker's connections, the engine's too, are given up within 30 seconds here, 60 there."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    await placed(campaign(400), place, backend(), chunk_size=2)
    worker = Worker(backend, journal=place, concurrency=2, max_in_flight=2)
    working = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(250):
            while sandbox.stats()["messages"] < 20:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
        links = links_to(postgres.port)
        assert len(links) >= 10  # of the control, the engine, seats, the record and its bell
        assert set(links.values()) == {(1, 10, 5, 4, 30_000)}
        # One that is asked something has another timer at that moment.
        seen = {}
        async with asyncio.timeout(250):
            while missing := set(links) & set(links_to(postgres.port)) - set(seen):
                seen |= {own: left for own, left in probes_from(postgres.port).items() if own in missing}
                await asyncio.sleep(0.01)
        assert seen
        assert max(seen.values()) <= SILENT_SECONDS / 2
    finally:
        worker.stop()
        await working


async def test_settings_are_those_that_the_bound_is_computed_from(place):
    """The server says it of a session: 30 seconds idle, then 3 probes 10 seconds apart; 60 for what is unanswered."""
    database = Database(place)
    try:
        session = await database.session()
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        idle, interval, count, unanswered = [
            int(await session.fetchval("select setting from pg_settings where name = $1", name)) for name in names
        ]
        assert idle + interval * count == unanswered / 1000 == SILENT_SECONDS
        assert await session.fetchval("show idle_session_timeout") == "0"
        await session.close()
    finally:
        await database.close()
