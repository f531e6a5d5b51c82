"""A journal in PostgreSQL: several processes, kills, and the database restarted in the middle."""

import asyncio
import contextlib
import json
import random
import signal
from collections import Counter

import asyncpg
import pytest
import sqlalchemy as sa

from allmysms_async import CampaignStopped, JournalError
from allmysms_async.journal.database import Database
from tests.cli.conftest import finish as ended
from tests.cli.conftest import start

from .conftest import campaign, people
from .test_journal_chaos import CHUNKS, FAULTS, KILLS, SIZE, finish, kill_again_and_again, texts_of


@pytest.mark.timeout(900)
async def test_two_processes_on_one_postgresql_are_killed_and_everybody_is_texted_once(sandbox, worker, postgres):
    """Two processes on one PostgreSQL journal, killed again and again: every handset once, nothing unknown."""
    rng, journal = random.Random(1871), postgres.create("chaos")
    sandbox.faults(FAULTS)
    await kill_again_and_again(worker, journal, rng, kills=max(4, KILLS // 2), workers=2)
    assert texts_of(sandbox), "no worker lived long enough to send anything: the test proved nothing"
    sandbox.faults([])
    last = await finish(worker, journal)
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (CHUNKS * SIZE, {1})
    assert (last["accepted"], last["unknown"], last["pending"]) == (len(texts), 0, 0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_database_that_restarts_stops_the_campaign_and_loses_nobody(sandbox, worker, postgres, mode):
    """While the database is away nothing unrecorded leaves; when it is back everybody ends texted once."""
    journal = postgres.create(f"restart_{mode}")
    sandbox.faults([{"fault": "latency", "seconds": 0.03}])
    lives = [await worker(journal, count=400, chunk_size=2, timeout=5.0, lease=10.0) for _ in range(2)]
    while (await lives[0].line() or {}).get("accepted", 0) < 40:
        pass
    await asyncio.to_thread(postgres.stop, mode)
    try:
        ends = [await life.end() for life in lives]
    finally:
        await asyncio.to_thread(postgres.start)
    assert [end["error"].partition(":")[0] for end in ends] == ["JournalError", "JournalError"]
    assert "not-shown" not in ends[0]["error"]
    before = sum(texts_of(sandbox).values())
    assert 40 <= before < 400
    last = await (await worker(journal, count=400, chunk_size=2, timeout=5.0, lease=10.0)).end()
    assert (last["error"], last["accepted"], last["unknown"], last["pending"]) == (None, 400, 0, 0)
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (400, {1})


async def test_two_processes_share_one_postgresql(sandbox, worker, postgres):
    """Two processes that send one campaign both send some of it, nobody twice, and both end knowing all of it."""
    journal = postgres.create("shared")
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    lives = [await worker(journal, count=300, chunk_size=2, timeout=10.0, lease=20.0) for _ in range(2)]
    ends = [await life.end() for life in lives]
    assert [(end["error"], end["accepted"], end["complete"]) for end in ends] == [(None, 300, True)] * 2
    assert Counter(texts_of(sandbox).values()) == {1: 300}
    # Each said something of its own sends, so that both had some.
    assert all(any(line.get("accepted") for line in life.lines[:-1]) for life in lives)


async def test_tables_of_somebody_else_are_left_alone(service, sandbox, postgres):
    """A database whose table has the name of one of ours is refused, and nothing is sent."""
    url = postgres.create("shop")
    connection = await asyncpg.connect(url)
    await connection.execute("create table campaign (name text)")
    async with service() as sms:
        with pytest.raises(JournalError, match="is no journal"):
            await sms.run(campaign(people(3)), journal=url)
    rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    assert [row["tablename"] for row in rows] == ["campaign"]
    await connection.close()
    assert sandbox.requests == {}


async def test_connection_that_is_cut_stops_with_what_postgresql_says(service, sandbox, postgres):
    """A connection that an administrator cuts is a clear error; the campaign continues on a new one."""
    url = postgres.create("cut")
    admin = await asyncpg.connect(url.replace("/cut", "/postgres"))
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    async with service() as sms:
        run = sms.stream(campaign(people(200)), journal=url, chunk_size=4, concurrency=2, lease=1.0)
        with pytest.raises(CampaignStopped, match="journal postgresql://127") as stopped:
            await cut_once_accepted(run, admin)
        assert isinstance(stopped.value.reason, JournalError)
        last = await sms.run(campaign(people(200)), journal=url, chunk_size=4, lease=1.0)
    await admin.close()
    assert (last.accepted, last.unknown, last.pending) == (200, 0, 0)
    assert Counter(texts_of(sandbox).values()) == {1: 200}


async def cut_once_accepted(run, admin):
    """Iterate over a run, and cut its connections as soon as somebody was accepted."""
    async for progress in run:
        if progress.accepted:
            await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'cut'")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_interrupted_process_finishes_what_is_in_flight(sandbox, postgres, tmp_path, stop, until):
    """Ctrl-C and SIGTERM end a run on PostgreSQL with every answer recorded, and `resume` sends the rest."""
    url = postgres.create(f"stop_{stop.name.lower()}").replace(":not-shown", "")
    account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
    clients = tmp_path / "clients.csv"
    clients.write_text("mobile\n" + "\n".join(f"0612{number:06d}" for number in range(3000)))
    words = [
        "--text",
        "Bonjour. STOP au 36180",
        "--phone",
        "mobile",
        "--purpose",
        "marketing",
        "--quiet-hours",
        "ignore",
        "--json",
    ]
    size = ["--chunk-size", "10", "--concurrency", "2"]
    sandbox.faults([{"fault": "latency", "seconds": 0.1}])
    process = await start("campaign", "run", str(clients), *words, *size, "--journal", url, env=account)
    await until(lambda: sandbox.stats()["messages"])
    process.send_signal(stop)
    first = await ended(process)
    stopped = json.loads(first.out)
    assert first.code == 3
    assert stopped["accepted"] == sandbox.stats()["messages"] > 0
    assert (stopped["unknown"], stopped["failed"], stopped["pending"] > 0) == (0, 0, True)
    sandbox.faults([])
    last = await ended(await start("campaign", "resume", url, "--json", env=account))
    assert json.loads(last.out)["accepted"] == stopped["total"], last.err
    assert sandbox.stats()["max_per_handset"] == 1


async def test_options_of_the_url_reach_the_server(postgres):
    """The usual options are understood; one that the server cannot fulfil is one clear error."""
    url = postgres.create("options")
    database = Database(f"{url}?sslmode=disable&connect_timeout=5&application_name=soldes")
    await database.open(create=True)
    assert await database.read(lambda connection: connection.scalar(sa.text("show application_name"))) == "soldes"
    await database.close()
    database = Database(f"{url}?sslmode=require")
    with pytest.raises(JournalError, match="failed"):
        await database.open(create=True)
    await database.close()


async def test_commits_are_durable_whatever_the_database_is_set_to(postgres):
    """A database or role that trades durability for speed does not do so for the journal."""
    url = postgres.create("careless")
    admin = await asyncpg.connect(url)
    await admin.execute("alter database careless set synchronous_commit = off")
    await admin.execute("alter role tester in database careless set synchronous_commit = off")
    await admin.close()
    for more in ("", "?application_name=soldes"):
        database = Database(url + more)
        await database.open(create=True)
        for use in (database.read, database.write):
            assert await use(lambda connection: connection.scalar(sa.text("show synchronous_commit"))) == "on"
        await database.close()


async def test_password_comes_from_where_postgresqls_own_programs_have_it(postgres, monkeypatch, tmp_path):
    """PGPASSWORD or a password file lets the journal in, so that no command line and no URL needs to show it."""
    admin = await asyncpg.connect(postgres.create("guarded"))
    await admin.execute("create role guard login password 'sesame-4821'")
    await admin.execute("grant all on schema public to guard")
    await admin.close()
    postgres.ask_for_passwords("guard")
    passfile = tmp_path / "pgpass"
    passfile.write_text("127.0.0.1:*:*:guard:sesame-4821\n")
    passfile.chmod(0o600)
    url = f"postgresql://guard@127.0.0.1:{postgres.port}/guarded"

    async def opened(where):
        database = Database(where)
        try:
            await database.open(create=True)
        finally:
            await database.close()

    with pytest.raises(JournalError, match="PGPASSWORD"):
        await opened(url)
    await opened(f"{url}?passfile={passfile}")
    with monkeypatch.context() as environment:
        environment.setenv("PGPASSFILE", str(passfile))
        await opened(url)
    monkeypatch.setenv("PGPASSWORD", "sesame-4821")
    await opened(url)


@contextlib.asynccontextmanager
async def wire(port):
    """A way to a server that can be held: connections stay, and nothing passes any more."""
    passes, tasks, ends = asyncio.Event(), set(), []
    passes.set()

    async def pass_on(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await passes.wait()
                writer.write(data)
        writer.close()

    async def accept(reader, writer):
        tasks.add(asyncio.current_task())
        ends.append(writer)
        with contextlib.suppress(asyncio.CancelledError):  # at the end
            await passes.wait()
            behind, ahead = await asyncio.open_connection("127.0.0.1", port)
            ends.append(ahead)
            await asyncio.gather(pass_on(reader, ahead), pass_on(behind, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], passes
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            end.transport.abort()
        await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)


async def test_database_that_hangs_stops_the_campaign_and_loses_nobody(service, sandbox, postgres, pass_time):
    """A database that neither answers nor goes away stops the sending; nothing leaves that is not recorded."""
    url = postgres.create("hangs")
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    async with wire(postgres.port) as (port, passes), service() as sms:
        through = url.replace(f":{postgres.port}/", f":{port}/")
        run = sms.stream(campaign(people(400)), journal=through, chunk_size=4, concurrency=3, lease=2.0)
        with pytest.raises(CampaignStopped, match="journal postgresql://127") as stopped:
            await hold_once_accepted(run, passes, pass_time)
        assert isinstance(stopped.value.reason, JournalError)
        texts = texts_of(sandbox)
        assert 20 <= len(texts) < 400
        async with contextlib.AsyncExitStack() as stack:
            admin = await asyncpg.connect(url)
            stack.push_async_callback(admin.close)
            assert len(texts) <= await admin.fetchval("select sum(n) from chunk where state <> 'pending'")
        last = await sms.run(campaign(people(400)), journal=url, chunk_size=4, lease=10.0)
    assert (last.accepted, last.unknown, last.pending, last.complete) == (400, 0, 0, True)
    assert Counter(texts_of(sandbox).values()) == {1: 400}


async def hold_once_accepted(run, passes, pass_time):
    """Iterate over a run, and hold the way to its database as soon as somebody was accepted: time flies then."""

    async def fly():
        await held.wait()
        while True:
            await asyncio.sleep(0.02)
            pass_time(1.0)

    held = asyncio.Event()
    flying = asyncio.create_task(fly())
    try:
        async for progress in run:
            if progress.accepted >= 20:
                passes.clear()
                held.set()
    finally:
        flying.cancel()
