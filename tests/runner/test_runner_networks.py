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
from tests.journal.worker import Task, backend_of

from .conftest import asked, campaign, placed, result_of, texts_of, until_status
from .network import Cable

CHUNKS = int(os.environ.get("RUNNER_CHUNKS", "2000"))
KILLS = int(os.environ.get("RUNNER_KILLS", "30"))
SIZE = 2
RATE = 30.0
LEASE = 5.0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protocol", ["rest", "soap"])
async def test_whatever_happens_to_four_machines_nobody_is_texted_twice(sandbox, machine, place, postgres, protocol):
    """Killed, cut off, suspended past the lease, the database restarted, the engine emptied: v9 each exactly once."""
    began, rng = time.monotonic(), random.Random(1815)
    keyed = protocol == "rest"
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    here = backend_of(Task(url=sandbox.http_url, journal="", count=0, protocol=protocol, keyed=keyed))
    await placed(campaign(CHUNKS * SIZE), place, here, chunk_size=SIZE, lease=LEASE)
    async with contextlib.AsyncExitStack() as stack:
        cables = [
            await stack.enter_async_context(Cable(number, (postgres.port, sandbox.http_port))) for number in range(1, 5)
        ]

        async def start(cable):
            return await machine(
                netns=cable.name,
                protocol=protocol,
                keyed=keyed,
                timeout=5.0,
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
