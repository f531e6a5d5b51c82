"""Leases while the journal fails: nobody trusts one that the journal does not have."""

import asyncio
import sqlite3

import pytest

from allmysms_async import CampaignStopped, JournalError
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.journal import Journal, open_sink
from allmysms_async.journal.database import Database
from allmysms_async.journal.left import PAGE

from .conftest import Hand, JumpingClock, campaign, people

AHEAD = 2 * 86_400


async def test_lease_whose_renewal_was_not_committed_is_not_trusted(sandbox, tmp_path, monkeypatch):
    """A renewal that fails at the commit leaves the lease as it was: the next attempt asks the journal."""
    hand = Hand(str(tmp_path / "soldes.db"), sandbox, keyed=True)
    claim = await hand.claimed(people(3))
    hand.clock.jump(100)
    write, beat = Database.write, hand.sink._leases._beat()

    async def uncommitted(self, work, *, apart=False):
        def then_fails(connection):
            work(connection)
            msg = "The disk is full."
            raise JournalError(msg)

        return await write(self, then_fails, apart=apart)

    async def once(_):
        if tried:
            raise asyncio.CancelledError
        tried.append(True)

    tried = []
    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", uncommitted)
        patched.setattr(asyncio, "sleep", once)
        with pytest.raises(asyncio.CancelledError):
            await beat
        with pytest.raises(JournalError):
            await hand.sink.hold(claim)
    assert await hand.sink.hold(claim)
    await hand.die()


@pytest.mark.parametrize("who", ["itself", "another"])
async def test_lease_that_was_ended_while_a_clock_was_ahead_is_not_trusted(sandbox, tmp_path, who):
    """Whoever finds leases over with a clock that is two days ahead ends them; put right, it does not give them back.

    What another process ended is known with the next renewal.
    """
    one = Hand(str(tmp_path / "soldes.db"), sandbox, keyed=False)
    claim = await one.claimed(people(3))
    other = Hand(str(tmp_path / "soldes.db"), sandbox, keyed=False, clock=one.clock)
    await other.open()
    assert await one.sink.hold(claim)
    one.clock.jump(AHEAD)
    await (one if who == "itself" else other).sink.resume(replayable_since=None)
    one.clock.jump(-AHEAD)
    if who == "another":
        await one.sink._leases.renew()
    assert not await one.sink.hold(claim)
    await one.die()
    await other.die()


async def test_renewals_go_on_after_anything_that_goes_wrong(tmp_path, monkeypatch, caplog):
    """An error of whatever kind is told, and the next renewal is made all the same."""
    sink = open_sink(tmp_path / "a.db", backend="rest", account="a", clock=JumpingClock(), keyed=True, lease=0.03)
    await sink.open(campaign(()))
    tried, done, loop = [], asyncio.Event(), asyncio.get_running_loop()

    def broken(connection):
        tried.append(connection)
        if len(tried) == 3:
            loop.call_soon_threadsafe(done.set)
        msg = "A defect."
        raise RuntimeError(msg)

    monkeypatch.setattr(sink._leases, "_renew_all", broken)
    await done.wait()
    await sink.close()
    assert "leases were not renewed" in caplog.text


@pytest.mark.parametrize("unanswered", [False, True])
async def test_journal_that_fails_before_an_attempt_stops_the_run_and_fails_nobody(
    sandbox, service, tmp_path, monkeypatch, unanswered
):
    """The run stops with the journal's error, and gives the request up at its end: it may have been sent before."""
    journal = tmp_path / "soldes.db"
    holds = []

    async def hold(self, claim):
        holds.append(claim)
        if unanswered and len(holds) == 1:
            return True
        msg = "The journal failed."
        raise JournalError(msg)

    sandbox.faults([{"fault": "reset_after", "path": "sendSms", "times": 1}])
    with monkeypatch.context() as patched:
        patched.setattr("allmysms_async.journal.sink.JournalSink.hold", hold)
        async with service() as sms:
            with pytest.raises(CampaignStopped) as stopped:
                await sms.run(campaign(people(30)), journal=journal, chunk_size=10, concurrency=1, lease=0.2)
    assert isinstance(stopped.value.reason, JournalError)
    assert stopped.value.result.failed == 0
    assert len(holds) == 1 + unanswered
    with sqlite3.connect(journal) as raw:
        states = [state for (state,) in raw.execute("select state from chunk order by seq")]
    raw.close()
    assert states[0] == "unknown"
    assert set(states[1:]) <= {"pending"}
    sandbox.advance(11)
    async with service() as sms:
        last = await sms.run(campaign(people(30)), journal=journal, chunk_size=10)
    assert (last.accepted, sandbox.stats()["max_per_handset"]) == (30, 1)


async def test_stranded_requests_are_read_back_some_at_a_time(sandbox, journal):
    """However many requests are too old to ask about, they are read a page at a time, each once."""
    hand = Hand(journal, sandbox, keyed=True)
    for number in range(PAGE + 3):
        await hand.lose(await hand.claimed(people(1, number)))
    hand.clock.jump(REPLAY_SECONDS + 60)
    first = await hand.sink.stranded()
    rest = await hand.sink.stranded(after=first[-1].chunk.seq)
    assert [each.chunk.seq for each in first + rest] == list(range(1, PAGE + 4))
    assert len(first) == PAGE
    assert await hand.sink.stranded(after=rest[-1].chunk.seq) == []
    async with Journal(journal, clock=hand.clock) as opened:
        assert len(await opened.chunks()) == PAGE + 3
    await hand.die()
