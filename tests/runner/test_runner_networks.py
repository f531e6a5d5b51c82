"""Four machines with a network each, and all that can happen to them: `RUNNER_FULL=1`, as root."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter

import pytest

from allmysms_async.journal import Journal
from allmysms_async.journal.session import SILENT_SECONDS
from tests.journal.database import Postgres, programs
from tests.journal.worker import Task, backend_of

from .conftest import Watching, asked, campaign, placed, result_of, texts_of, until_status
from .network import Cable

CHUNKS = int(os.environ.get("RUNNER_CHUNKS", "2000"))
KILLS = int(os.environ.get("RUNNER_KILLS", "30"))
SIZE = 2
RATE = 30.0
REQUESTS_AN_HOUR = 100_000  # as Envoyer SMS Pro states it
LEASE = 5.0
TIMEOUT = 5.0
BUSY = 20.0
"""Seconds that a busy machine may add to a bound."""


@pytest.fixture(autouse=True)
def namespaces(machine_lacks):
    """Leave the tests out where no network can be made."""
    if os.geteuid() != 0 or not os.path.exists("/sbin/ip"):
        machine_lacks("root, or networks of its own (Debian: iproute2)")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protocol", ["rest", "soap", "mail2sms", "mms", "envoyersmspro"])
async def test_whatever_happens_to_four_machines_nobody_is_texted_twice(sandbox, machine, place, postgres, protocol):
    """Killed, cut off, suspended past the lease, the database restarted, the engine emptied: v9 each exactly once."""
    began, rng = time.monotonic(), random.Random(1815)
    keyed = protocol == "rest"
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    sandbox.envoyersmspro.limit_requests(REQUESTS_AN_HOUR)
    options = {"protocol": protocol, "keyed": keyed}
    here = backend_of(Task(url=sandbox.http_url, journal="", count=0, smtp_port=sandbox.smtp_port, **options))
    everybody = campaign(CHUNKS * SIZE, native=here.limits.personalises)
    await placed(everybody, place, here, chunk_size=SIZE, lease=LEASE)
    async with contextlib.AsyncExitStack() as stack:
        ports = (postgres.port, sandbox.http_port, sandbox.smtp_port)
        cables = [await stack.enter_async_context(Cable(number, ports)) for number in range(1, 5)]

        async def start(cable):
            return await machine(
                netns=cable.name,
                **options,
                timeout=TIMEOUT,
                rate=RATE,
                log=bool(os.environ.get("RUNNER_LOG")),
            )

        lives = [await start(cable) for cable in cables]
        for life in lives:
            await life.line()

        def count():
            return sandbox.stats()["messages"] / SIZE

        async def reached(share):
            async with asyncio.timeout(600):
                while count() < CHUNKS * share:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.05)

        async def cut():
            await reached(0.15)
            cables[0].cut()
            await asyncio.sleep(20)
            cables[0].mend()

        async def suspend():
            await reached(0.3)
            lives[1].process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE + 5)
            lives[1].process.send_signal(signal.SIGCONT)

        async def restart():
            await reached(0.6)
            await asyncio.to_thread(postgres.stop, "fast")
            await asyncio.to_thread(postgres.start)

        async def empty():
            await reached(0.75)
            await asked(place, "truncate procrastinate_jobs, procrastinate_events, procrastinate_workers cascade")

        async def kill():
            for number in range(KILLS):
                await reached(0.05 + 0.85 * number / KILLS)
                index = rng.choice([2, 3] if count() < CHUNKS * 0.5 else [0, 1, 2, 3])
                # One that began while the database was away has ended with an error, and is started again.
                lives[index].process.kill()
                await lives[index].process.communicate()
                lives[index] = await start(cables[index])

        await asyncio.gather(cut(), suspend(), restart(), empty(), kill())
        await until_status(place)
        for life in lives:
            life.process.send_signal(signal.SIGTERM)
            await life.end()
    texts, result = texts_of(sandbox), await result_of(place)
    states = Counter()
    async with Journal(place) as opened:
        async for outcome in opened.outcomes():
            states[outcome.state.value] += 1
            assert outcome.state.value != "accepted" or texts[outcome.phone] == 1
            assert outcome.phone in texts or outcome.state.value in {"unknown", "failed"}
    took, ended = time.monotonic() - began, Counter(texts.values())
    sys.stdout.write(f"\n{protocol}: {KILLS} kills, rows {dict(states)}, texts a handset {dict(ended)}, {took:.0f} s\n")
    assert set(texts.values()) == {1}
    assert result.rows == CHUNKS * SIZE
    assert result.pending == 0
    if keyed:
        assert (result.accepted, result.unknown, len(texts)) == (CHUNKS * SIZE, 0, CHUNKS * SIZE)


@pytest.mark.timeout(900)
async def test_a_machine_without_its_database_sends_nothing_and_its_seats_are_free_in_time(
    sandbox, machine, backend, reserve
):
    """Cut off from the database alone, it falls silent; the server gives its seats to the others within the bound."""
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    folder, seats, people = programs(), 3, 600
    assert folder is not None
    async with Cable(9, (), (sandbox.http_port,)) as cable:
        server = Postgres(folder, reserve(), {cable.address: cable.inside})
        try:
            server.start()
            near = server.create("seats")
            await placed(campaign(people), near, backend(), chunk_size=SIZE, lease=LEASE)
            options = {"timeout": TIMEOUT, "concurrency": seats, "max_in_flight": seats}
            far = near.replace("127.0.0.1", cable.address)
            lives = [await machine(netns=cable.name, journal=far, **options)]
            await lives[0].line()
            async with asyncio.timeout(250):
                while sandbox.stats()["messages"] < 60:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.01)
            cable.cut()
            cut_at, silence = time.monotonic(), 0.0
            lives.append(await machine(journal=near, **options))
            await lives[1].line()
            # The first has every seat for as long as the server keeps its session, and uses none of them.
            while silence < 15.0:
                await asyncio.sleep(0.1)
                silence = time.monotonic() - max(cable.said_at, cut_at)
            watching, before = Watching(), cable.said_at
            sandbox.observe(watching)
            async with asyncio.timeout(250):
                while len(watching.moments) < 20:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.01)
            free = watching.moments[0] - cut_at
            silent = before - cut_at
            sys.stdout.write(f"\nsilent {silent:.1f} s after the cut, its seats free after {free:.1f} s\n")
            assert cable.said_at == before < watching.moments[0]
            assert silent <= 4.0 + 1.0 + BUSY
            assert free <= max(SILENT_SECONDS, 4.0 + TIMEOUT + 1.0) + BUSY
            cable.mend()
            await until_status(near)
            for life in lives:
                life.process.send_signal(signal.SIGTERM)
                await life.end()
            result = await result_of(near)
            assert (result.accepted, result.unknown) == (people, 0)
        finally:
            server.stop("immediate")
            server.remove()
    assert set(texts_of(sandbox).values()) == {1}
    assert sandbox.max_in_flight == seats
