"""With a durable place for events: OK only when they are there, in groups, and handled from there."""

import asyncio
import logging
from typing import Any

import pytest

from allmysms_async.model import Reply
from allmysms_async.webhooks import Receiver

from .conftest import START, TOKEN, Books, MovedClock, ask, query, reply_query

PATH = f"/hooks/{TOKEN}"


async def test_ok_comes_after_the_event_is_durable(journaled: Any, books: Books, turns: Any) -> None:
    """No request is answered before the event is stored; those that come meanwhile are one group."""
    books.gate.clear()
    async with journaled() as receiver:
        asked = [asyncio.create_task(ask(receiver.asgi, f"{PATH}?{query(0)}"))]
        await turns()
        asked += [asyncio.create_task(ask(receiver.asgi, f"{PATH}?{query(n)}")) for n in range(1, 100)]
        await turns()
        assert not any(one.done() for one in asked)
        books.gate.set()
        answers = await asyncio.gather(*asked)
    assert {status for status, _, _ in answers} == {200}
    assert books.groups == [1, 99]
    assert len(books.rows) == 100


async def test_store_that_fails_is_unavailable(
    journaled: Any, books: Books, caplog: pytest.LogCaptureFixture, clock: MovedClock, until: Any
) -> None:
    """An event that could not be stored is 503, and stored when it comes again; nothing of it is logged."""
    async with journaled() as receiver:
        books.fails = True
        assert (await ask(receiver.asgi, f"{PATH}?{query(1)}"))[0] == 503
        books.fails = False
        clock.move(5.0)
        assert (await ask(receiver.asgi, f"{PATH}?{query(1)}"))[0] == 200
        await until(lambda: receiver.stats.handled == 1)
    assert "OSError" in caplog.text
    assert "33612345678" not in caplog.text
    assert (receiver.stats.unavailable, receiver.stats.received) == (1, 1)


async def test_store_that_takes_too_long_is_unavailable(
    journaled: Any, books: Books, pass_time: Any, turns: Any
) -> None:
    """After four seconds the answer is 503, before the gateway gives up; what is stored all the same is a duplicate."""
    books.gate.clear()
    async with journaled() as receiver:
        asked = asyncio.create_task(ask(receiver.asgi, f"{PATH}?{query(1)}"))
        await turns()
        pass_time(4.5)
        assert (await asked)[0] == 503
        books.gate.set()
        assert (await ask(receiver.asgi, f"{PATH}?{query(1)}"))[0] == 200
    assert receiver.stats.duplicates == 1
    assert len(books.rows) == 1


async def test_full_queue_before_the_store_is_unavailable(
    journaled: Any, books: Books, pass_time: Any, turns: Any
) -> None:
    """No more than ``queue`` events wait to be stored; the next one waits three seconds for a place."""
    books.gate.clear()
    async with journaled(queue=2) as receiver:
        asked = [asyncio.create_task(ask(receiver.asgi, f"{PATH}?{query(n)}")) for n in range(3)]
        await turns()
        pass_time(3.5)
        assert (await asked[2])[0] == 503
        books.gate.set()
        assert [(await one)[0] for one in asked[:2]] == [200, 200]


async def test_events_are_handled_by_the_next_start(journaled: Any, books: Books, until: Any) -> None:
    """What was not handled when the receiver ended is handled by the next one, and nothing twice."""
    stuck = journaled(workers=1, grace=0)

    @stuck.on_reply
    async def never(reply: Reply) -> None:
        await asyncio.Event().wait()

    async with stuck:
        for number in range(20):
            assert (await ask(stuck.asgi, f"{PATH}?{reply_query(number)}"))[0] == 200
    seen: list[str] = []
    receiver = journaled()

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.append(reply.phone)

    async with receiver:
        await until(lambda: receiver.stats.handled == 20)
    assert sorted(seen) == [f"336{number:08d}" for number in range(20)]
    assert (books.opened, books.closed) == (2, 2)
    assert await books.waiting() == 0


async def test_retry_is_noted_where_the_event_is(journaled: Any, books: Books, clock: MovedClock, turns: Any) -> None:
    """An event that failed is tried again after its pause, by this process or another, in order for its number."""
    receiver = journaled()
    seen: list[str] = []
    failures = 2

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        nonlocal failures
        if failures and reply.text == "0":
            failures -= 1
            raise OSError
        seen.append(reply.text)

    async with receiver:
        for text in "012":
            await ask(receiver.asgi, f"{PATH}?{reply_query(1, text)}")
        while receiver.stats.handled < 3:
            clock.move(0.5)
            await turns()
    assert seen == ["0", "1", "2"]
    assert [row["attempts"] for row in books.rows.values()] == [2, 0, 0]
    assert next(iter(books.rows.values()))["at"] > START


async def test_journal_that_fails_for_a_while_is_tried_again(
    journaled: Any, books: Books, clock: MovedClock, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Events cannot be taken while the journal fails; they are when it does no more."""
    books.fails = True
    async with journaled() as receiver:
        await until(lambda: receiver.stats.source_failures == 1 and clock.waits)
        books.fails = False
        clock.move(1.0)
        await ask(receiver.asgi, f"{PATH}?{query(1)}")
        await until(lambda: receiver.stats.handled == 1)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_what_another_process_left_is_looked_for(
    journaled: Any, books: Books, clock: MovedClock, until: Any
) -> None:
    """Events that came into the journal by another process are found without being told of."""
    other = Receiver(TOKEN)
    async with journaled() as receiver:
        await until(lambda: clock.waits)
        from allmysms_async.webhooks import parse

        event = parse(reply_query(5))
        assert event is not None
        await books.store([event])
        clock.move(2.0)
        await until(lambda: receiver.stats.handled == 1)
    assert other.stats.handled == 0


async def test_many_numbers_are_taken_in_few_steps(journaled: Any, books: Books, until: Any) -> None:
    """A thousand events are noted as handled in groups, each once, those of one number in order."""
    receiver = journaled()
    seen: dict[str, list[str]] = {}

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.setdefault(reply.phone, []).append(reply.text)

    async with receiver:
        for turn in range(4):
            await asyncio.gather(
                *(ask(receiver.asgi, f"{PATH}?{reply_query(number, str(turn))}") for number in range(250))
            )
        await until(lambda: receiver.stats.handled == 1000)
        await until(lambda: all(row["done"] for row in books.rows.values()))
    assert seen == {f"336{number:08d}": list("0123") for number in range(250)}
    assert len(books.groups) <= 8


async def test_whoever_is_answered_together_is_stored_together_again(journaled: Any, books: Books) -> None:
    """While many come one after the other, all of them are in each group; one that comes alone waits for nobody."""

    async def push(person: int) -> None:
        for turn in range(5):
            await asyncio.sleep(0)  # one's answer is read before another's
            assert (await ask(receiver.asgi, f"{PATH}?{reply_query(person, str(turn))}"))[0] == 200

    async with journaled() as receiver:
        await asyncio.gather(*(push(person) for person in range(20)))
        assert sum(books.groups) == 100
        assert len(books.groups) <= 7
        books.groups.clear()
        assert (await ask(receiver.asgi, f"{PATH}?{reply_query(30)}"))[0] == 200
        assert (await ask(receiver.asgi, f"{PATH}?{reply_query(31)}"))[0] == 200
    assert books.groups == [1, 1]


async def test_journal_whose_work_somebody_cancelled_is_asked_again(
    journaled: Any, books: Books, clock: MovedClock, until: Any
) -> None:
    """A cancelled task of the journal's is a failure of the journal, and ends no receiver's handling."""
    given, seen = books.take, list[str]()

    async def cancelled_once(*_: Any) -> Any:
        books.take = given  # type: ignore[method-assign]
        raise asyncio.CancelledError

    books.take = cancelled_once  # type: ignore[method-assign]
    receiver = journaled()

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.append(reply.text)

    async with receiver:
        await until(lambda: receiver.stats.source_failures == 1)
        clock.move(1.0)
        assert (await ask(receiver.asgi, f"{PATH}?{reply_query(1)}"))[0] == 200
        await until(lambda: seen == ["Oui"])


async def test_journal_is_told_which_numbers_are_being_handled(journaled: Any, books: Books, until: Any) -> None:
    """By that it keeps them from other processes for as long as a handler takes, and gives them up afterwards."""
    told, gate, given = list[set[str]](), asyncio.Event(), books.take
    receiver = journaled()

    async def take(most: int, busy: Any) -> Any:
        told.append(set(busy))
        return await given(most, busy)

    books.take = take  # type: ignore[method-assign]

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        await gate.wait()

    async with receiver:
        await ask(receiver.asgi, f"{PATH}?{reply_query(1)}")
        await ask(receiver.asgi, f"{PATH}?{reply_query(2)}")
        await until(lambda: told[-1] == {"33600000001", "33600000002"})
        gate.set()
        await until(lambda: told[-1] == set())


async def test_what_another_process_got_meanwhile_is_not_begun_with(journaled: Any, books: Books, until: Any) -> None:
    """A receiver whose hold on a number was lost leaves its event to whoever has it, and takes it if it is nobody."""
    gate, seen, receiver = asyncio.Event(), list[str](), journaled(workers=1)

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.append(reply.text)
        await gate.wait()

    async with receiver:
        for number in range(3):
            await ask(receiver.asgi, f"{PATH}?{reply_query(number, str(number))}")
        await until(lambda: seen and receiver._running._handing._taken.qsize() == 2)
        rows = list(books.rows.values())
        books.lost |= {1, 2}
        rows[1]["done"] = True  # by the other process
        gate.set()
        await until(lambda: receiver.stats.handled == 1 and not receiver._running._handing._taken.qsize())
        books.lost.clear()
        await until(lambda: receiver.stats.handled == 2)
    assert seen == ["0", "2"]
