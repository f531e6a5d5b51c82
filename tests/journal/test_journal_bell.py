"""The notifications of PostgreSQL: who is woken by them, and what becomes of the connection that they go over."""

import asyncio

import asyncpg

from allmysms_async.journal.bell import Bell

_LISTENS = "select count(pg_terminate_backend(pid)) from pg_stat_activity where query ilike 'listen%'"


async def a_moment(_):
    """Wait until all that was begun has gone on."""
    await asyncio.sleep(0)


async def connected(until, *bells):
    """Wait until bells listen, and have heard nothing yet."""
    for bell in bells:
        await until(lambda bell=bell: bell._connection is not None)
        await bell.rung(a_moment)


async def test_nobody_is_woken_by_oneself_or_for_another_campaign(postgres, until):
    """A notification wakes the other processes on the same campaign, and nobody else."""
    url = postgres.create("bells")

    async def connect():
        return await asyncpg.connect(url)

    one, other, stranger = Bell(connect, 1), Bell(connect, 1), Bell(connect, 2)
    await connected(until, one, other, stranger)
    one.ring()
    await other.rung(a_moment)
    other.ring()
    await one.rung(a_moment)
    stranger.ring()
    one.ring()
    await other.rung(a_moment)  # what came before has been heard by now
    assert not stranger._heard.is_set()
    assert not other._heard.is_set()
    for bell in (one, other, stranger):
        await bell.close()


async def test_connection_that_dies_is_replaced_and_nothing_is_missed(postgres, until, monkeypatch):
    """Who lost the connection to listen on looks once it has another one, and is woken over that from then on."""
    monkeypatch.setattr("allmysms_async.journal.bell._AGAIN_SECONDS", 0.001)
    url = postgres.create("bell_lost")
    admin = await asyncpg.connect(url)
    refusals = []

    async def connect():
        if refusals:
            refusals.append(1)
            raise ConnectionRefusedError
        return await asyncpg.connect(url)

    one, other = Bell(lambda: asyncpg.connect(url), 1), Bell(connect, 1)
    await connected(until, one, other)
    first = other._connection
    refusals.append(1)
    assert await admin.fetchval(_LISTENS) >= 1
    await until(lambda: len(refusals) > 3)
    one.ring()  # nobody hears this
    refusals.clear()
    await other.rung(a_moment)
    await until(lambda: other._connection not in {None, first} and one._connection is not None)
    other._heard.clear()
    one.ring()
    await other.rung(a_moment)
    await one.close()
    await other.close()
    await admin.close()


async def test_silent_connection_is_tried_and_replaced(postgres, until, monkeypatch):
    """A connection over which nothing comes is asked from time to time; one that answers no more is replaced."""
    monkeypatch.setattr("allmysms_async.journal.bell._BEAT_SECONDS", 0.001)
    monkeypatch.setattr("allmysms_async.journal.bell._AGAIN_SECONDS", 0.001)
    url = postgres.create("bell_silent")
    opened = []

    async def connect():
        opened.append(await asyncpg.connect(url))
        return opened[-1]

    bell = Bell(connect, 1)
    await connected(until, bell)
    monkeypatch.setattr("allmysms_async.journal.bell._ANSWER_SECONDS", 1e-9)
    await until(lambda: len(opened) > 2)
    monkeypatch.setattr("allmysms_async.journal.bell._ANSWER_SECONDS", 30.0)
    await bell.rung(a_moment)
    await bell.close()
    assert all(each.is_closed() for each in opened)


async def test_end_of_a_process_is_rung_before_it_leaves(postgres, until):
    """What is to be rung when a process ends is rung before its connection is let go of."""
    url = postgres.create("bell_end")
    one, other = (Bell(lambda: asyncpg.connect(url), 1) for _ in range(2))
    await connected(until, one, other)
    one.ring()
    await one.close()
    await other.rung(a_moment)
    await other.close()


async def test_many_notifications_are_one_look_in_a_while(postgres, until):
    """Between two looks there is a pause, in which whatever else is rung becomes the same look."""
    url = postgres.create("bell_many")
    one, other = (Bell(lambda: asyncpg.connect(url), 1) for _ in range(2))
    now, paused = [0.0], []
    other._now = lambda: now[0]
    await connected(until, one, other)

    async def pause(seconds):
        paused.append(seconds)
        for _ in range(20):
            other._heard.clear()
            one.ring()
            await until(other._heard.is_set)

    one.ring()
    await other.rung(pause)
    assert paused == [0.02]
    assert not other._heard.is_set()
    now[0] += 1.0
    one.ring()
    await other.rung(pause)
    assert paused == [0.02]  # the first in a while is heard at once
    await one.close()
    await other.close()


async def test_ring_before_there_is_a_connection_is_heard(postgres, until):
    """A process that is over before its connection is there rings all the same."""
    url = postgres.create("bell_early")
    other = Bell(lambda: asyncpg.connect(url), 1)
    await connected(until, other)
    for _ in range(2):
        one = Bell(lambda: asyncpg.connect(url), 1)
        one.ring()
        await one.close()
        await other.rung(a_moment)
    await other.close()


async def test_process_that_cannot_ring_does_not_wait_for_it(until):
    """Where no connection can be had, the end of a process is not held up by what it wants to ring."""
    refused = []

    async def connect():
        refused.append(1)
        raise ConnectionRefusedError

    bell = Bell(connect, 1)
    await until(lambda: refused)
    bell.ring()
    await bell.close()
    assert len(refused) == 1


async def test_end_of_a_connection_is_not_rung(postgres, until, monkeypatch):
    """A connection that was lost, or that is let go of, is nothing that others have to look for."""
    monkeypatch.setattr("allmysms_async.journal.bell._AGAIN_SECONDS", 0.001)
    url = postgres.create("bell_quiet")
    admin, opened = await asyncpg.connect(url), []

    async def connect():
        opened.append(await asyncpg.connect(url))
        return opened[-1]

    one, other = Bell(connect, 1), Bell(lambda: asyncpg.connect(url), 1)
    await connected(until, one, other)
    assert await admin.fetchval("select pg_terminate_backend($1)", opened[0].get_server_pid())
    await until(lambda: one._connection not in {None, opened[0]})
    await one.close()
    heard = []
    await other._connection.add_listener("allmysms_journal", lambda *said: heard.append(said[-1]))
    await admin.execute("notify allmysms_journal, 'the last word'")
    await until(lambda: heard)
    assert not other._heard.is_set()
    await other.close()
    await admin.close()


async def test_connection_that_is_lost_at_once_is_opened_less_and_less_often(monkeypatch):
    """A server that lets one listen and then hangs up is not asked again and again."""
    waited = []

    class Hanging:
        """A connection that is lost as soon as it listens."""

        def add_termination_listener(self, told):
            self.told = told

        async def add_listener(self, channel, heard):
            asyncio.get_running_loop().call_soon(self.told, self)

        def terminate(self):
            self.told(self)

    async def connect():
        return Hanging()

    enough, original = asyncio.Event(), asyncio.sleep

    async def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 8:
            enough.set()
        await (original(0) if len(waited) < 8 else asyncio.Event().wait())

    monkeypatch.setattr("allmysms_async.journal.bell.asyncio.sleep", sleep)
    bell = Bell(connect, 1)
    await enough.wait()
    await bell.close()
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60]
