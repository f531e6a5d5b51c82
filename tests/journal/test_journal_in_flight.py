"""What is in flight may have been sent: it is told apart from what waits, and is unknown when nobody can record it."""

import asyncio
import contextlib
import io
import sqlite3

import pytest
from rich.console import Console

from allmysms_async import CampaignStopped, JournalError
from allmysms_async.cli.html import render
from allmysms_async.cli.report import Examples, closing_table, print_advice
from allmysms_async.journal import Journal
from allmysms_async.journal.database import Database

from .conftest import Hand, campaign, people


def balanced(totals):
    """Check that every row is somewhere."""
    states = totals.accepted + totals.rejected + totals.failed + totals.unknown + totals.pending
    assert states == totals.rows
    assert 0 <= totals.in_flight <= totals.pending


def printed(result):
    """Return the table and the advice of a result."""
    console = Console(file=io.StringIO(), width=100)
    console.print(closing_table(result, Examples(), width=100))
    print_advice(console, result, journal=True)
    return " ".join(console.file.getvalue().split())


async def test_rows_being_sent_are_told_apart_from_those_that_wait(sandbox, journal):
    """The process that sends and whoever looks see the same: in flight, then unknown once the lease has run out."""
    hand = Hand(journal, sandbox, keyed=False)
    await hand.claimed(people(4))
    totals = hand.sink.totals()
    assert (totals.rows, totals.pending, totals.in_flight) == (4, 4, 4)
    balanced(totals)
    async with Journal(journal, clock=hand.clock) as opened:
        result = (await opened.campaign()).result
        assert (result.pending, result.in_flight) == (4, 4)
        assert {outcome.state async for outcome in opened.outcomes()} == {"in_flight"}
        assert "4 in flight: a process is sending to them" in printed(result)
        assert "nothing was sent" not in printed(result)
        assert "In flight 4" in printed(result)
        assert "4 in flight, 0 pending" in render(await opened.campaign())
        hand.clock.jump(1000)
        result = (await opened.campaign()).result
        assert (result.pending, result.in_flight, result.unknown) == (0, 0, 4)
        assert {outcome.state async for outcome in opened.outcomes()} == {"unknown"}
    await hand.die()


@pytest.mark.parametrize("kept", ["memory", "journal"])
async def test_progress_of_a_run_says_what_is_in_flight(sandbox, service, tmp_path, kept):
    """While a run goes on what it is sending is in flight, in memory too; at its end nothing is."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    options = {"journal": tmp_path / "a.db"} if kept == "journal" else {}
    looks = []

    async def look():
        while True:
            looks.append(run.result)
            await asyncio.sleep(0.005)

    async with service() as sms:
        run = sms.stream(campaign(people(60)), chunk_size=10, concurrency=2, **options)
        looking = asyncio.create_task(look())
        async for progress in run:
            balanced(progress)
        looking.cancel()
    for each in looks:
        balanced(each)
    assert 10 <= max(each.in_flight for each in looks) <= 20
    assert (run.result.in_flight, run.result.accepted) == (0, 60)


async def lock_once_sent(sandbox, path):
    """Lock the journal as soon as a request arrived."""
    while not sandbox.requests.get("v9.sendSms"):  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.001)
    connection = sqlite3.connect(path, isolation_level=None, timeout=1)
    connection.execute("begin immediate")
    return connection


async def test_answers_that_cannot_be_recorded_are_unknown(sandbox, service, tmp_path, monkeypatch):
    """A journal that is locked while an answer is due: nobody is told that nothing was sent to those people."""
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"busy_timeout": 0.05})
    path = tmp_path / "soldes.db"
    sandbox.faults([{"fault": "latency", "seconds": 0.3}])
    async with service(keyed=False) as sms:
        locking = asyncio.create_task(lock_once_sent(sandbox, path))
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(campaign(people(10)), journal=path, chunk_size=10)
        with contextlib.closing(await locking):
            assert isinstance(stopped.value.reason, JournalError)
    assert sandbox.stats()["messages"] == 10
    result = stopped.value.result
    balanced(result)
    assert (result.rows, result.unknown, result.pending) == (10, 10, 0)
    assert result.problems == {"The journal failed before it was recorded what became of a request.": 1}
    async with Journal(path) as opened:
        told = printed((await opened.campaign()).result)
    assert "10 in flight" in told
    assert "nothing was sent" not in told
