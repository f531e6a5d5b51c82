"""Who holds a lease: the dead are proven dead and what they held is taken over, of the others time decides."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import asyncpg
import pytest

from allmysms_async import InvalidRequest, JournalError, JournalLost
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.journal import Journal, liveness
from allmysms_async.journal.database import Database
from allmysms_async.journal.lock import FileLock
from allmysms_async.journal.rescue import rescue
from tests.cli.conftest import finish as ended
from tests.cli.conftest import start

from .conftest import Hand, campaign, people

_KEYS = "select classid::int, objid::int from pg_locks where locktype = 'advisory' and granted"
OPTIONS = {"chunk_size": 2, "concurrency": 2, "lease": 120.0, "timeout": 30.0}


def texts_of(sandbox):
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


async def change(journal, statement):
    """Change something in a journal, behind the library's back."""
    if "://" in journal:
        connection = await asyncpg.connect(journal)
        await connection.execute(statement)
        await connection.close()
        return
    with contextlib.closing(sqlite3.connect(journal)) as raw, raw:
        raw.execute(statement)


async def rescued(journal):
    """Let go of what the dead hold in a journal; return how much that was."""
    database = Database(journal)
    await database.open(create=False)
    try:
        return await rescue(database, None)
    finally:
        await database.close()


async def sending(sandbox, worker, journal, until, **options):
    """Start a process, and return it while its requests hang: nobody answers them."""
    sandbox.faults([{"fault": "hang_after"}])
    life = await worker(journal, count=40, **(OPTIONS | options))
    await until(lambda: sandbox.stats()["messages"] >= 4)
    sandbox.faults([])
    return life


async def killed(life):
    """Kill a process, and wait until it is gone."""
    life.process.kill()
    await life.process.wait()


def files_beside(journal):
    """Return the files of holders."""
    folder, name = os.path.split(journal)
    return [os.path.join(folder, each) for each in os.listdir(folder) if each.startswith(f"{name}.holder-")]


@pytest.fixture
def path(tmp_path):
    """A journal in a file."""
    return str(tmp_path / "soldes.db")


async def test_stopped_process_is_not_proven_dead_and_is_told_of_by_name(sandbox, worker, service, journal, until):
    """Whoever waits for a stopped process is told how many requests, whose, and until when; nothing is taken over."""
    life = await sending(sandbox, worker, journal, until)
    life.process.send_signal(signal.SIGSTOP)
    assert await rescued(journal) == 0
    async with service() as sms:
        run = await sms.resume(journal)
        async for progress in run:
            if progress.waiting_for is not None:
                break
        waiting = progress.waiting_for
        await run.aclose()
    assert (waiting.requests, waiting.holders) == (2, (f"process {life.process.pid} on this machine",))
    assert 60 < (waiting.until - datetime.now(UTC)).total_seconds() <= 121
    async with Journal(journal) as opened:
        assert (await opened.campaign()).held == waiting
        with pytest.raises(InvalidRequest, match=f"Process {life.process.pid} on this machine still holds request 1"):
            await opened.resolve("resend", [1])
    life.process.send_signal(signal.SIGCONT)
    await killed(life)
    async with service() as sms:
        last = await sms.run(campaign(people(40), name="chaos"), journal=journal)
    assert (last.accepted, last.unknown) == (40, 0)
    assert set(texts_of(sandbox).values()) == {1}


async def test_killed_process_leaves_nothing_to_wait_for(sandbox, worker, service, journal, until):
    """A run that comes after a kill takes everything over and waits for nothing; the files of both are gone then."""
    await killed(await sending(sandbox, worker, journal, until))
    async with service() as sms:
        run = sms.stream(campaign(people(40), name="chaos"), journal=journal)
        told = [progress.waiting_for async for progress in run]
    assert (run.result.accepted, run.result.complete) == (40, True)
    assert set(texts_of(sandbox).values()) == {1}
    if "://" not in journal:
        assert not any(told)
        assert files_beside(journal) == []
    assert (run.continued.accepted, run.continued.pending > 0) == (0, True)


async def test_operator_may_decide_at_once_about_what_a_dead_process_held(sandbox, worker, journal, until):
    """Without keys a resend is refused while the process lives, and taken as soon as it is dead."""
    life = await sending(sandbox, worker, journal, until, keyed=False)
    async with Journal(journal) as opened:
        with pytest.raises(InvalidRequest, match="still holds"):
            await opened.resolve("resend", [1])
        await killed(life)
        await gone_from(journal)
        assert await opened.resolve("resend", [1]) == 2
        (other,) = await opened.chunks()
        assert await opened.resolve("mark_sent", [other.seq]) == 2
        assert (await opened.campaign()).held is None


async def gone_from(journal):
    """Wait until the server has noticed that a process's connections ended."""
    if "://" not in journal:
        return
    admin = await asyncpg.connect(journal)
    # The lock of a session that ends is this one's as soon as it is free.
    for first, second in await admin.fetch(_KEYS):
        await admin.fetch("select pg_advisory_lock($1, $2), pg_advisory_unlock($1, $2)", first, second)
    await admin.close()


DOUBTS = {
    "another machine": "update holder set machine = 'web-2 0123456789abcdef', boot = 'another'",
    "no name of the machine": "update holder set machine = 'web-2', boot = null",
    "no lock": "update holder set lock_name = null",
    "another file": "update holder set lock_name = '1'",
    "its number is used again, nobody knows since when": "update holder set pid = 1, started = null",
}
PROOFS = {
    "this boot": "update holder set machine = 'other'",
    "another boot": "update holder set boot = 'earlier', pid = 1, started = null",
    "its number is used again": "update holder set pid = 1, started = '4821'",
    "another container": "update holder set pid_space = 'pid:[1]', machine = 'other'",
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_without_proof_time_decides(sandbox, worker, path, doubt, until):
    """Whoever is not surely dead keeps what it holds."""
    await killed(await sending(sandbox, worker, path, until))
    await change(path, DOUBTS[doubt])
    assert await rescued(path) == 0
    async with Journal(path) as opened:
        assert (await opened.campaign()).held.requests == 2


@pytest.mark.parametrize("proof", PROOFS)
async def test_each_proof_is_enough(sandbox, worker, path, proof, until):
    """A free lock, with what the machine knows of the process, is proof."""
    await killed(await sending(sandbox, worker, path, until))
    await change(path, PROOFS[proof])
    assert await rescued(path) == 3  # two requests and the source
    assert await rescued(path) == 0


async def test_lock_file_that_is_missing_proves_nothing(sandbox, worker, path, until):
    """Somebody who tidies up beside the journal makes others wait, and does nobody harm."""
    life = await sending(sandbox, worker, path, until)
    (file,) = files_beside(path)
    os.unlink(file)
    assert await rescued(path) == 0
    await killed(life)
    assert await rescued(path) == 0


@pytest.mark.slow
async def test_lock_of_a_forked_child_only_delays(path, until):
    """A child that inherits the lock keeps it after its parent: nothing is taken over before both are gone."""
    program = (
        "import os, sys, time\n"
        "from allmysms_async.journal.lock import FileLock\n"
        "lock = FileLock.taken(sys.argv[1], 'abc')\n"
        "if os.fork():\n"
        "    print(lock.name, flush=True)\n"
        "    os._exit(0)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220
        name = process.stdout.readline().strip()
        process.wait()
        assert FileLock.found(path, "abc", name) is None
        process.stdin.close()
    locks = []
    await until(lambda: locks.append(FileLock.found(path, "abc", name)) or locks[-1])
    locks[-1].release()
    assert files_beside(path) == []


async def test_lock_file_is_for_its_owner_alone(sandbox, path):
    """The file beside the journal holds nothing, and nobody else may open it."""
    hand = Hand(path, sandbox, keyed=True)
    await hand.open()
    (file,) = files_beside(path)
    seen = os.stat(file)
    assert (stat.S_IMODE(seen.st_mode), seen.st_size) == (0o600, 0)
    await hand.sink.close()
    await hand.backend.aclose()
    assert files_beside(path) == []


def test_process_that_runs_is_never_gone():
    """What this machine says of this very process is that it lives; of a zombie, that it is dead."""
    mine = liveness.here()
    assert not liveness.is_gone(mine, mine)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    zombie = liveness.Place(machine=mine.machine, boot=mine.boot, pid=child, started=None, pid_space=mine.pid_space)
    assert liveness.is_gone(zombie, mine)
    os.waitpid(child, 0)


# -- PostgreSQL: the session's lock -------------------------------------------------------------------------------


async def cut_off(url):
    """End the session that holds a lock, as a network that fails does."""
    admin = await asyncpg.connect(url)
    assert await admin.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory' and granted"
    )
    await admin.close()
    await gone_from(url)


@pytest.fixture
async def hand(postgres, sandbox):
    """A process far away, as others see it, that has claimed a chunk; it notices a lost lock when it needs it."""
    url = postgres.create("far")
    one = Hand(url, sandbox, keyed=True)
    claim = await one.claimed(people(3))
    await one.sink._leases.holder._unwatch()
    await change(url, "update holder set machine = 'web-2 0123456789abcdef', boot = 'another'")
    yield url, one, claim
    await one.die()
    admin = await asyncpg.connect(url.replace("/far", "/postgres"))
    await admin.execute("drop database far with (force)")
    await admin.close()


async def test_holder_that_lost_its_session_does_not_send_what_was_taken_over(sandbox, hand):
    """Its lease is looked up before anything leaves: the other one has it now."""
    url, one, claim = hand
    assert await one.sink.hold(claim)
    assert await rescued(url) == 0
    await cut_off(url)
    assert await rescued(url) == 2  # the request and the source
    assert not await one.sink.hold(claim)
    other = Hand(url, sandbox, keyed=True, clock=one.clock)
    await other.open()
    (left,) = await other.sink.resume(replayable_since=one.clock.now().timestamp() - REPLAY_SECONDS)
    assert (left.seq, left.key) == (claim.chunk.seq, claim.chunk.key)
    await other.die()


async def test_holder_that_lost_its_session_and_locks_again_in_time_keeps_what_it_holds(hand):
    """Once it is locked again nobody takes it for dead; another loss is found again."""
    url, one, claim = hand
    for _ in range(2):
        await cut_off(url)
        assert await one.sink.hold(claim)
        assert await rescued(url) == 0


async def test_holder_notices_the_loss_by_itself(hand, monkeypatch, until):
    """Also without anything to send it locks again within a few seconds."""
    url, one, claim = hand
    monkeypatch.setattr("allmysms_async.journal.holder.BEAT_SECONDS", 0.01)
    await cut_off(url)
    one.sink._leases.holder._watch = asyncio.create_task(one.sink._leases.holder._keep())
    await until(lambda: one.sink._leases.holder.standing >= 2)
    assert await rescued(url) == 0
    assert await one.sink.hold(claim)


async def test_holder_that_can_have_no_session_leaves_it_to_time(hand, monkeypatch):
    """A server that grants no further session: others are told that only time tells, and take nothing over."""
    url, one, claim = hand

    async def refused():
        msg = "too many connections"
        raise OSError(msg)

    await cut_off(url)
    monkeypatch.setattr(one.sink._leases.holder._session, "_connect", refused)
    assert await one.sink.hold(claim)
    assert await rescued(url) == 0
    assert await one.sink.hold(claim)


async def test_many_that_ask_at_once_share_the_question(hand):
    """However many requests are about to leave, the server is asked once or twice, and each learns the truth."""
    url, one, claim = hand
    assert await asyncio.gather(*(one.sink.hold(claim) for _ in range(50))) == [True] * 50
    await cut_off(url)
    assert await asyncio.gather(*(one.sink.hold(claim) for _ in range(50))) == [True] * 50
    assert await rescued(url) == 0
    await cut_off(url)
    assert await rescued(url) == 2
    assert await asyncio.gather(*(one.sink.hold(claim) for _ in range(50))) == [False] * 50


async def test_holder_that_ran_for_days_and_was_taken_for_dead_is_no_lost_journal(hand):
    """Its row stays however old it is: it finds its leases in other hands, and its journal where it was."""
    url, one, claim = hand
    await change(url, "update holder set opened_at = opened_at - 900000")
    await cut_off(url)
    assert await rescued(url) == 2
    assert await rescued(url) == 0
    assert not await one.sink.hold(claim)
    assert await one.sink.lead()
    assert await one.sink.hold(await one.claimed(people(3, 100)))
    await one.sink.close()
    admin = await asyncpg.connect(url)
    assert await admin.fetchval("select (select count(*) from loss) + (select count(*) from holder)") == 0
    await admin.close()


async def test_holder_whose_row_is_gone_when_it_locks_again_has_lost_its_journal(hand):
    """Nobody removes such a row: the database was put back from an older copy, and nothing more is sent."""
    url, one, claim = hand
    await change(url, "delete from holder")
    await cut_off(url)
    with pytest.raises(JournalLost, match="put back from an older copy"):
        await one.sink.hold(claim)
    with pytest.raises(JournalLost, match="put back from an older copy"):
        await one.claimed(people(3, 100))


ARMED = (
    "create function refused() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
    "create trigger refused before update of lock_name on holder for each row execute function refused()"
)
DISARMED = "drop trigger refused on holder"


async def test_holder_that_locked_again_and_could_not_say_so_says_so_next(hand):
    """While its row calls it dead it sends nothing, though it is locked again; then it stands as before."""
    url, one, claim = hand
    await cut_off(url)
    assert await rescued(url) == 2
    await change(url, ARMED)
    for _ in range(2):
        with pytest.raises(JournalError):
            await one.sink.hold(claim)
    await change(url, DISARMED)
    assert not await one.sink.hold(claim)
    assert await one.sink.lead()
    assert await one.sink.hold(await one.claimed(people(3, 100)))
    await cut_off(url)
    assert await rescued(url) == 2, "others can tell of it again"


async def test_holder_that_had_no_session_has_one_as_soon_as_there_is_one(hand, monkeypatch, until):
    """Others are told again by what they can tell, also if the first word of it failed."""
    url, one, claim = hand
    holder = one.sink._leases.holder
    connect, refusals = holder._session._connect, []

    async def refused():
        refusals.append(1)
        msg = "too many connections"
        raise OSError(msg)

    monkeypatch.setattr("allmysms_async.journal.holder.BEAT_SECONDS", 0.01)
    monkeypatch.setattr(holder._session, "_connect", refused)
    await cut_off(url)
    assert await one.sink.hold(claim)
    holder._watch = asyncio.create_task(holder._keep())
    await until(lambda: len(refusals) >= 3)
    assert await rescued(url) == 0
    await change(url, ARMED)
    monkeypatch.setattr(holder._session, "_connect", connect)
    await until(lambda: holder._session._connection is not None)
    await change(url, DISARMED)
    await until(lambda: not holder._timed)
    assert await one.sink.hold(claim)
    await holder._unwatch()
    await cut_off(url)
    assert await rescued(url) == 2


class Pooled:
    """A connection to a pooler that gives each statement the session that comes next."""

    def __init__(self, sessions):
        """Share these."""
        self._sessions = sessions
        self._turn = 0

    def _next(self):
        self._turn += 1
        return self._sessions[self._turn % len(self._sessions)]

    async def fetch(self, *args, **options):
        """Ask one of the sessions."""
        return await self._next().fetch(*args, **options)

    async def fetchval(self, *args, **options):
        """Ask one of the sessions."""
        return await self._next().fetchval(*args, **options)

    def terminate(self):
        """End, and leave the sessions to others."""


async def test_pooler_that_shares_sessions_is_noticed(sandbox, postgres, monkeypatch, caplog):
    """A lock that would not die with this process is not taken: one warning, and time decides."""
    url = postgres.create("pooled")
    sessions = [await asyncpg.connect(url) for _ in range(2)]

    async def connect(_):
        return Pooled(sessions)

    monkeypatch.setattr("allmysms_async.journal.postgresql.Server.connect", connect)
    one = Hand(url, sandbox, keyed=True)
    claim = await one.claimed(people(3))
    assert await one.sink.hold(claim)
    assert caplog.text.count("behind a pooler") == 1
    assert one.sink._database._held._bell is None  # whose sessions would listen for others
    assert await sessions[0].fetchval("select count(*) from pg_locks where locktype = 'advisory'") == 0
    assert await sessions[0].fetchval("select count(*) from holder where lock_name is null") == 1
    await change(url, "update holder set machine = 'web-2 0123456789abcdef', boot = 'another'")
    assert await rescued(url) == 0
    await one.die()
    for each in sessions:
        await each.close()


async def test_pooler_that_shares_sessions_is_refused_where_commits_may_be_lost(sandbox, postgres, monkeypatch):
    """What one session is set to does not hold for the next: the role's or the database's own word is asked for."""
    url = postgres.create("careless_pooled")
    await change(url, "alter database careless_pooled set synchronous_commit = off")
    sessions = [await asyncpg.connect(url) for _ in range(2)]

    async def connect(_):
        return Pooled(sessions)

    monkeypatch.setattr("allmysms_async.journal.postgresql.Server.connect", connect)
    one = Hand(url, sandbox, keyed=True)
    with pytest.raises(JournalError, match=r"synchronous_commit off.*Set it to on"):
        await one.claimed(people(3))
    assert sandbox.stats()["messages"] == 0
    await one.die()
    for each in sessions:
        await each.close()


# -- the command line ---------------------------------------------------------------------------------------------


async def test_command_says_what_it_waits_for(sandbox, worker, path, tmp_path, until):
    """A line on standard error and the JSON at the end name the process that holds requests, and until when."""
    life = await sending(sandbox, worker, path, until)
    life.process.send_signal(signal.SIGSTOP)
    account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
    status = await ended(await start("campaign", "status", path, env=account))
    held = rf"2 requests held by process {life.process.pid} on this machine until [\d:]{{8}} unless renewed"
    assert re.search(held, status.err), status.err
    process = await start("campaign", "resume", path, "--json", env=account)
    first, second = [(await process.stderr.readline()).decode() for _ in range(2)]
    assert first == f"Journal {path}: continues, 0 accepted already.\n"
    while "Waiting for" not in second:
        second = (await process.stderr.readline()).decode()
    assert re.match(f"Waiting for {held}", second), second
    process.send_signal(signal.SIGTERM)
    end = await ended(process)
    told = json.loads(end.out)
    assert told["continued"]
    assert told["waiting_for"]["requests"] == 2
    assert told["waiting_for"]["holders"] == [f"process {life.process.pid} on this machine"]
    assert "No longer waited for" in end.err
    await killed(life)
