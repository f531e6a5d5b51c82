"""Receivers on a real journal, as users make them: restarted, side by side, and on a file that campaigns share."""

import asyncio
from collections import Counter
from pathlib import Path

from allmysms_async.journal.event_record import EventRecord
from allmysms_async.model import DeliveryStatus, OptOut, Reply
from allmysms_async.webhooks import Receiver

from .conftest import TOKEN, MovedClock, ask, query, reply_query

PATH = f"/hooks/{TOKEN}"


async def test_what_was_not_handled_is_handled_after_a_restart(tmp_path: Path, until: object) -> None:
    """Events that were answered OK are in the file, and handled by the receiver that opens it next, each once."""
    stuck = Receiver(TOKEN, tmp_path / "events.db", workers=2, grace=0)

    @stuck.on_reply
    async def never(reply: Reply) -> None:
        await asyncio.Event().wait()

    async with stuck:
        answers = await asyncio.gather(*(ask(stuck.asgi, f"{PATH}?{reply_query(n, 'STOP')}") for n in range(300)))
        again = await ask(stuck.asgi, f"{PATH}?{reply_query(7, 'STOP')}")
    assert {status for status, _, _ in (*answers, again)} == {200}
    assert stuck.stats.duplicates == 1

    seen: Counter[str] = Counter()
    receiver = Receiver(TOKEN, str(tmp_path / "events.db"))

    @receiver.on_opt_out
    async def handle(opt_out: OptOut) -> None:
        seen[opt_out.phone] += 1

    async with receiver:
        await until(lambda: receiver.stats.handled == 300)  # type: ignore[operator]
    assert seen == Counter(f"336{number:08d}" for number in range(300))
    async with receiver:
        assert receiver.stats.handled == 300


async def test_failure_is_tried_again_in_order(tmp_path: Path, clock: MovedClock) -> None:
    """A handler that failed is called again, before the next event of its number."""
    receiver = Receiver(TOKEN, tmp_path / "events.db", clock=clock)
    seen: list[str] = []

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.append(reply.text)
        if len(seen) == 1:
            raise OSError

    async with receiver:
        for text in "abc":
            assert (await ask(receiver.asgi, f"{PATH}?{reply_query(1, text)}"))[0] == 200
        assert (await ask(receiver.asgi, f"{PATH}?nothing=known"))[0] == 200
        while receiver.stats.handled < 4:
            clock.move(0.5)
            await asyncio.sleep(0.001)
    assert seen == ["a", "a", "b", "c"]
    assert (receiver.stats.failed, receiver.stats.unknown, receiver.stats.source_failures) == (1, 1, 0)


async def test_events_without_handlers_are_handled_by_being_stored(tmp_path: Path, until: object) -> None:
    """What no handler is for is in the journal and waits for nobody; handlers get what they are for, as ever."""
    receiver = Receiver(TOKEN, tmp_path / "events.db", workers=2)
    seen: list[str] = []

    @receiver.on_opt_out
    async def handle(opt_out: OptOut) -> None:
        seen.append(opt_out.phone)

    async with receiver:
        targets = [f"{PATH}?{query(n)}" for n in range(20)] + [f"{PATH}?{reply_query(n, 'STOP')}" for n in range(20)]
        answers = await asyncio.gather(*(ask(receiver.asgi, target) for target in targets))
        await until(lambda: receiver.stats.handled == 40)  # type: ignore[operator]
        assert (await ask(receiver.asgi, targets[0]))[0] == 200
    assert {status for status, _, _ in answers} == {200}
    assert (receiver.stats.received, receiver.stats.duplicates, receiver.stats.handled) == (41, 1, 40)
    assert sorted(seen) == [f"336{number:08d}" for number in range(20)]
    async with EventRecord(tmp_path / "events.db") as record:
        assert await record.waiting() == 0
        assert await record.deliveries() == {DeliveryStatus.DELIVERED: 20}
        assert await record.reply_count() == 20
