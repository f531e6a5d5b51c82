"""A process that is killed and started again goes on at once, on leases of the usual length."""

import asyncio
import os
import random
import signal
import sys
import time

import pytest

from .test_journal_chaos import FAULTS, texts_of

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
COUNT = int(os.environ.get("CHAOS_CHUNKS", "150")) * 4
PAUSE = 0.5  # of the supervisor, before it starts the process again


class Supervised:
    """What a supervisor runs again and again on one journal, with leases of two minutes."""

    def __init__(self, worker, sandbox, journal):
        """Prepare it."""
        self._worker, self._sandbox, self._journal = worker, sandbox, journal
        self._readers = []

    async def start(self):
        """Start a process, and keep reading what it says."""
        life = await self._worker(
            self._journal, count=COUNT, chunk_size=2, concurrency=4, lease=120.0, timeout=2.0, attempts=8
        )
        await life.line()
        self._readers.append(asyncio.create_task(life.end()))
        return life

    async def headway(self, life, before):
        """Wait until somebody was texted who was not before; return the seconds that took."""
        began = time.monotonic()
        while self._sandbox.stats()["messages"] <= before:
            assert life.process.returncode is None, life.lines[-1]
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def kill(self, *lives):
        """Kill processes, as ``kill -9`` does, and wait as a supervisor does."""
        for life in lives:
            if life.process.returncode is None:
                life.process.kill()
        for life in lives:
            await life.process.wait()
        await asyncio.gather(*self._readers)
        self._readers.clear()
        await asyncio.sleep(PAUSE)


def signal_to(life, number):
    """Send a signal to a process that may have ended."""
    if life.process.returncode is None:
        life.process.send_signal(number)


@pytest.mark.timeout(1800)
async def test_killed_process_goes_on_at_once_each_time_it_is_started_again(sandbox, worker, journal):
    """Every life texts somebody new long before a lease ends; nobody twice, nobody lost, also where some are stopped.

    In every third life the process is stopped for a while and another one started beside it; once it continues it does
    no harm.
    """
    rng, supervised = random.Random(4821), Supervised(worker, sandbox, journal)
    sandbox.faults([{"fault": "latency", "seconds": 0.1}, *FAULTS[1:6]])
    seconds, killed, stopped = [], 0, 0
    while killed < KILLS:
        before = sandbox.stats()["messages"]
        lives = [await supervised.start()]
        seconds.append(await supervised.headway(lives[0], before))
        if len(seconds) % 3 == 0:
            stopped += 1
            signal_to(lives[0], signal.SIGSTOP)
            lives.append(await supervised.start())
            await asyncio.sleep(rng.uniform(0, 1.2))
            signal_to(lives[0], signal.SIGCONT)
        await asyncio.sleep(rng.uniform(0, 0.6))
        killed += sum(life.process.returncode is None for life in lives)
        await supervised.kill(*lives)
    before = sandbox.stats()["messages"]
    sys.stderr.write(
        f"\n{killed} kills, {len(seconds)} restarts, {stopped} stopped: headway after {max(seconds):.2f} s at most, "
        f"{sum(seconds) / len(seconds):.2f} s on average; {before} of {COUNT} texted before the last life\n"
    )
    assert max(seconds) < 60
    assert 0 < before < COUNT, "the campaign was over before the last kill"
    sandbox.faults([])
    last = await (await worker(journal, fresh=True, count=COUNT, chunk_size=2, timeout=20.0, lease=120.0)).end()
    texts = texts_of(sandbox)
    assert (last["error"], last["complete"]) == (None, True)
    assert (len(texts), set(texts.values())) == (COUNT, {1})
    assert (last["rows"], last["accepted"], last["unknown"], last["pending"]) == (COUNT, COUNT, 0, 0)
