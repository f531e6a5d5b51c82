"""A worker and a submission: what ends them, what they refuse, what they survive."""

import asyncio
import logging
import signal

import httpx
import pytest
from procrastinate import App, PsycopgConnector

from allmysms_async import InvalidRequest, JournalError, Recipient
from allmysms_async.runner import Submission, Worker, lookout, schema, submit
from allmysms_async.runner.health import Health

from .conftest import asked, campaign, look_around, placed, result_of, texts_of, until_status


async def test_what_is_placed_is_sent_by_a_worker_that_ends_once_nothing_is_open(sandbox, place, backend, monkeypatch):
    """The library's own two calls: submit, and a worker until idle, which is told that nothing is left."""
    monkeypatch.setattr(lookout, "_BEAT_SECONDS", 1000.0)  # it does not end because it happens to look
    result = await submit(campaign(30), journal=place, backend=backend(), chunk_size=4)
    assert (result.rows, result.pending, result.complete, sandbox.stats()["messages"]) == (30, 30, True, 0)
    worker = Worker(backend, journal=place, until_idle=True)
    async with asyncio.timeout(250):
        await worker.run()
    assert worker.stats.outcomes == {"accepted": 30}
    assert (await result_of(place)).accepted == 30
    assert set(texts_of(sandbox).values()) == {1}


async def test_a_source_that_fails_is_placed_so_far_and_the_same_call_goes_on(sandbox, place, backend):
    """Rows read before the failure are placed; the next call places the rest, and nobody twice."""
    whole = campaign(50)
    rows = list(whole.recipients)

    class Failing:
        def __iter__(self):
            yield from rows[:20]
            raise OSError("the disk is gone")

    broken = type(whole)(whole.name, whole.message, Failing(), exclude_opt_outs=False, quiet_hours="ignore")
    with pytest.raises(Exception, match="source failed"):
        await placed(broken, place, backend(), chunk_size=4)
    assert (await result_of(place)).rows == 20
    result = await placed(whole, place, backend(), chunk_size=4)
    assert (result.rows, result.pending, result.complete) == (50, 50, True)
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, until_idle=True).run()
    assert set(texts_of(sandbox).values()) == {1}
    assert len(texts_of(sandbox)) == 50


async def test_two_that_read_one_source_are_refused_and_workers_begin_meanwhile(sandbox, place, backend):
    """The second reader is refused, in words; what the first one has read is sent before it ends."""
    gate = asyncio.Event()

    async def slow():
        for number in range(300):
            if number == 260:  # of which some are read at once
                await gate.wait()
            yield Recipient(f"06{10_000_000 + number:08d}", ("N",))

    first = campaign(0)
    slowly = type(first)(first.name, first.message, slow(), exclude_opt_outs=False, quiet_hours="ignore")
    placing = asyncio.create_task(placed(slowly, place, backend(), chunk_size=10))
    worker = Worker(backend, journal=place)
    working = asyncio.create_task(worker.run())
    async with asyncio.timeout(250):
        while sandbox.stats()["messages"] < 16:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
    with pytest.raises(JournalError, match="Another process reads"):
        await placed(campaign(300), place, backend(), chunk_size=2)
    gate.set()
    assert (await placing).complete
    await until_status(place)
    worker.stop()
    await working
    assert len(texts_of(sandbox)) == 300
    assert set(texts_of(sandbox).values()) == {1}


async def test_the_engines_tables_may_be_emptied_and_its_session_killed(sandbox, machine, place, backend):
    """With every job gone, and every connection cut, the machines find their way back; everybody is texted once."""
    sandbox.faults([{"fault": "latency", "seconds": 0.03}])
    await placed(campaign(160), place, backend(), chunk_size=2)
    lives = [await machine(concurrency=3) for _ in range(2)]
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    harms = {
        30: "truncate procrastinate_jobs, procrastinate_events, procrastinate_workers cascade",
        80: f"{cut} and datname = current_database()",
    }
    for threshold, harm in harms.items():
        async with asyncio.timeout(250):
            while sandbox.stats()["messages"] < threshold:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
        await asked(place, harm)
    await until_status(place)
    for life in lives:
        assert life.process.returncode is None
        life.process.send_signal(signal.SIGTERM)
        assert (await life.end())["error"] is None
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (160, {1})
    result = await result_of(place)
    assert (result.accepted, result.unknown) == (160, 0)


async def test_an_application_mounts_the_jobs_in_its_own_app(sandbox, place, backend):
    """The workers of an application's own engine send, while the worker only looks after them."""
    await placed(campaign(20), place, backend(), chunk_size=2)
    app = App(connector=PsycopgConnector(conninfo=place))
    worker = Worker(backend, journal=place, app=app)
    async with app.open_async(), worker.mounted():
        engine = asyncio.create_task(
            app.run_worker_async(queues=[worker.queue], concurrency=2, install_signal_handlers=False)
        )
        await until_status(place)
        engine.cancel()
        await asyncio.wait({engine})
    assert len(texts_of(sandbox)) == 20


async def test_an_older_worker_goes_on_beside_newer_tables_only_where_they_let_it(place, backend):
    """Tables of a later version are worked on while their least version allows it, and refused in words otherwise."""
    await placed(campaign(4), place, backend())
    await asked(place, "update allmysms_runner set version = $1, least = $2", schema.VERSION + 1, schema.VERSION)
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, until_idle=True).run()
    assert (await result_of(place)).accepted == 4
    await placed(campaign(4, "next"), place, backend())
    worker = Worker(backend, journal=place)
    await asked(place, "update runner_campaign set status = 'paused'")
    working = asyncio.create_task(worker.run())
    async with asyncio.timeout(250):
        while not worker.ready:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
    await asked(place, "update allmysms_runner set least = version")
    await look_around(place)
    with pytest.raises(JournalError, match=f"needs a worker of version {schema.VERSION + 1} or later"):
        await asyncio.wait_for(working, 250)
    with pytest.raises(JournalError, match="Update this worker"):
        await Worker(backend, journal=place).run()


async def test_a_newer_journal_is_refused_in_words(place, backend):
    """A worker of an older release does not begin on a journal of another version."""
    await placed(campaign(4), place, backend())
    await asked(place, "update allmysms_journal set version = version + 1")
    with pytest.raises(JournalError, match="has version"):
        await Worker(backend, journal=place).run()


async def test_a_file_is_refused(backend, tmp_path):
    """Several machines cannot share a file, and are told so before anything else."""
    with pytest.raises(InvalidRequest, match="postgresql://"):
        Worker(backend, journal=str(tmp_path / "soldes.db"))
    with pytest.raises(InvalidRequest, match="postgresql://"):
        Submission(campaign(1), journal=str(tmp_path / "soldes.db"), backend=backend())


async def test_health_tells_live_ready_and_counts_and_never_a_number(sandbox, place, backend, caplog):
    """Probes and Prometheus get what they ask for; neither there nor in the log is a number."""
    caplog.set_level(logging.DEBUG, "allmysms_async")
    await placed(campaign(6), place, backend(), chunk_size=2)
    worker = Worker(backend, journal=place)
    async with Health(worker, "127.0.0.1", 0) as health, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{health.port}"
        assert (await client.get(f"{url}/live")).status_code == 200
        assert (await client.get(f"{url}/ready")).status_code == 503
        working = asyncio.create_task(worker.run())
        await until_status(place)
        assert (await client.get(f"{url}/ready")).status_code == 200
        text = (await client.get(f"{url}/metrics")).text
        assert 'allmysms_recipients_total{outcome="accepted"} 6\n' in text
        assert (await client.get(f"{url}/other")).status_code == 404
        worker.stop()
        await working
        assert (await client.get(f"{url}/ready")).status_code == 503
    told = [vars(record) for record in caplog.records if hasattr(record, "allmysms_chunk")]
    ended = {(record["allmysms_campaign"], record["allmysms_chunk"]) for record in told}
    assert ended == {("soldes", seq) for seq in (1, 2, 3)}
    for phone in texts_of(sandbox):
        assert phone not in text + caplog.text
        assert phone[-8:] not in text + caplog.text
