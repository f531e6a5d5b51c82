"""How a receiver lets events in and hands them over, without sockets."""

import asyncio
from typing import Any

import pytest

from allmysms_async.model import DeliveryReport, OptOut, Reply, UnknownEvent
from allmysms_async.webhooks import Receiver

from .conftest import TOKEN, MovedClock, ask, query, reply_query

PATH = f"/hooks/{TOKEN}"


async def test_full_queue_waits_and_then_is_unavailable(pass_time: Any, until: Any, turns: Any) -> None:
    """With no place left a request waits for three seconds; a place that gets free meanwhile is its own."""
    receiver = Receiver(TOKEN, queue=2, workers=1)
    gate = asyncio.Event()
    seen: list[str] = []

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        await gate.wait()
        seen.append(reply.text)

    async with receiver:
        assert [(await ask(receiver.asgi, f"{PATH}?{reply_query(n)}"))[0] for n in range(2)] == [200, 200]
        late = asyncio.create_task(ask(receiver.asgi, f"{PATH}?{reply_query(2, 'late')}"))
        await turns()
        assert not late.done()
        pass_time(2.5)
        await turns()
        assert not late.done()
        pass_time(1.0)
        assert (await late)[0] == 503
        lucky = asyncio.create_task(ask(receiver.asgi, f"{PATH}?{reply_query(3, 'lucky')}"))
        await turns()
        gate.set()
        assert (await lucky)[0] == 200
        await until(lambda: receiver.stats.handled == 3)
        assert (await ask(receiver.asgi, f"{PATH}?{reply_query(2, 'late')}"))[0] == 200
        await until(lambda: receiver.stats.handled == 4)
    assert seen == ["Oui", "Oui", "lucky", "late"]
    assert receiver.stats.unavailable == 1


async def test_large_events_take_more_places(turns: Any) -> None:
    """What waits is bounded in bytes too: an event takes a place for each 1,024 characters."""
    receiver = Receiver(TOKEN, queue=20)
    gate = asyncio.Event()

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        await gate.wait()

    async with receiver:
        first = await ask(receiver.asgi, f"{PATH}?{reply_query(1, 'x' * 14_000)}")
        waits = asyncio.create_task(ask(receiver.asgi, f"{PATH}?{reply_query(2, 'x' * 14_000)}"))
        await turns()
        assert first[0] == 200
        assert not waits.done()
        gate.set()
        assert (await waits)[0] == 200


async def test_failing_handler_is_tried_again_and_keeps_the_order(
    clock: MovedClock, until: Any, turns: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An error is logged without number and text, counted, and the event tried again after growing pauses, with the
    rest of its number behind it and all other numbers before it."""
    receiver = Receiver(TOKEN, clock=clock)
    seen: list[tuple[str, str]] = []
    failures = 3

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        nonlocal failures
        if reply.text == "first" and failures:
            failures -= 1
            raise ValueError(f"{reply.phone} said {reply.text}")
        seen.append((reply.phone, reply.text))

    async with receiver:
        for number, text in ((1, "first"), (1, "second"), (2, "other")):
            assert (await ask(receiver.asgi, f"{PATH}?{reply_query(number, text)}"))[0] == 200
        for attempt, pause in enumerate((1.0, 2.0, 4.0), start=1):
            await until(lambda attempt=attempt: receiver.stats.failed == attempt and len(clock.waits) == attempt)
            assert clock.waits[-1] == pause
            clock.move(pause)
        await until(lambda: receiver.stats.handled == 3)
    assert seen == [("33600000002", "other"), ("33600000001", "first"), ("33600000001", "second")]
    assert "ValueError at " in caplog.text
    assert "33600000001" not in caplog.text
    assert "first" not in caplog.text


async def test_handler_whose_own_work_is_cancelled_has_failed(clock: MovedClock, until: Any) -> None:
    """A cancellation that nobody asked this receiver for is a failure like any other, and ends no worker."""
    receiver = Receiver(TOKEN, clock=clock, workers=1)
    cancelled = False

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        nonlocal cancelled
        if not cancelled:
            cancelled = True
            raise asyncio.CancelledError

    async with receiver:
        await ask(receiver.asgi, f"{PATH}?{query(1)}")
        await until(lambda: receiver.stats.failed == 1 and clock.waits)
        await ask(receiver.asgi, f"{PATH}?{query(2)}")
        await until(lambda: receiver.stats.handled == 1)
        clock.move(1.0)
        await until(lambda: receiver.stats.handled == 2)


async def test_numbers_are_handled_in_parallel_and_each_in_order(until: Any) -> None:
    """Events of several numbers are handled at once, those of one never."""
    receiver = Receiver(TOKEN, workers=5)
    now: list[str] = []
    most = 0
    order: list[str] = []

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        nonlocal most
        assert reply.phone not in now
        now.append(reply.phone)
        most = max(most, len(now))
        await asyncio.sleep(0.001)
        now.remove(reply.phone)
        order.append(reply.phone + reply.text)

    async with receiver:
        for turn in range(5):
            for number in range(10):
                await ask(receiver.asgi, f"{PATH}?{reply_query(number, str(turn))}")
        await until(lambda: receiver.stats.handled + receiver.stats.failed == 50)
    assert receiver.stats.failed == 0
    assert most == 5
    for number in range(10):
        phone = f"336{number:08d}"
        assert [one[len(phone) :] for one in order if one.startswith(phone)] == list("01234")


async def test_same_event_twice_is_one(until: Any) -> None:
    """What comes again is OK, counted, and not handled again."""
    receiver = Receiver(TOKEN)
    seen: list[DeliveryReport] = []

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        seen.append(report)

    async with receiver:
        for _ in range(3):
            assert (await ask(receiver.asgi, f"{PATH}?{query(1)}"))[0] == 200
        await until(lambda: receiver.stats.handled == 1)
    assert len(seen) == 1
    assert (receiver.stats.received, receiver.stats.duplicates) == (3, 2)


async def test_late_intermediate_report_undoes_nothing(until: Any) -> None:
    """A report on the way to a final one that comes after it is not handed over; a status nobody knows is."""
    receiver = Receiver(TOKEN)
    states: list[tuple[str, str]] = []

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        states.append((report.phone, report.code))

    async with receiver:
        for number, status in ((1, "3"), (1, "1"), (1, "3"), (2, "1"), (1, "77"), (2, "0")):
            day = "06" if (number, status) == (1, "3") and states else "05"
            at = f"2027-01-{day}+11%3A40%3A3{len(states)}"
            await ask(receiver.asgi, f"{PATH}?{query(number, status=status, receptionDate=at)}")
            await until(lambda: receiver.stats.received == receiver.stats.handled)
    assert states == [("33600000001", "3"), ("33600000001", "1"), ("33600000002", "1"), ("33600000001", "77")]
    assert receiver.stats.outdated == 2


async def test_stop_and_start_are_opt_outs_and_answers(until: Any, clock: MovedClock) -> None:
    """A STOP reaches ``on_opt_out``, then ``on_reply``; a START too, with the moment since when it has ended."""
    receiver = Receiver(TOKEN, clock=clock)
    seen: list[object] = []

    @receiver.on_opt_out
    async def opt(opt_out: OptOut) -> None:
        seen.append((opt_out.phone, opt_out.since is not None, opt_out.ended_at, opt_out.source))

    @receiver.on_reply
    async def handle(reply: Reply) -> None:
        seen.append(reply.text)

    async with receiver:
        await ask(receiver.asgi, f"{PATH}?{reply_query(1, 'Stop.')}")
        await ask(receiver.asgi, f"{PATH}?{reply_query(1, 'START', receptionDate='')}")
        await ask(receiver.asgi, f"{PATH}?{reply_query(1, 'Bonjour')}")
        await until(lambda: receiver.stats.handled == 3)
    phone = "33600000001"
    assert seen == [(phone, True, None, "reply"), "Stop.", (phone, False, clock.now(), "reply"), "START", "Bonjour"]


async def test_failing_answer_handler_keeps_no_opt_out_back(until: Any, clock: MovedClock) -> None:
    """Every handler of an event is run, whatever another one does."""
    receiver = Receiver(TOKEN, clock=clock)
    seen: list[object] = []

    @receiver.on_reply
    async def fails(reply: Reply) -> None:
        raise OSError

    @receiver.on_reply
    async def second(reply: Reply) -> None:
        seen.append(reply.text)

    @receiver.on_opt_out
    async def opt(opt_out: OptOut) -> None:
        seen.append(opt_out.phone)

    async with receiver:
        await ask(receiver.asgi, f"{PATH}?{reply_query(1, 'STOP')}")
        await until(lambda: receiver.stats.failed == 1)
        receiver._handlers.of[Reply].remove(fails)
        await until(lambda: clock.waits)
        clock.move(1.0)
        await until(lambda: receiver.stats.handled == 1)
    assert seen == ["33600000001", "STOP"] * 2


async def test_unknown_events_are_kept_raw(until: Any) -> None:
    """What is neither report nor answer is OK, counted, and handed over as it came to whoever asks for it."""
    receiver = Receiver(TOKEN)
    seen: list[object] = []

    @receiver.on_unknown
    async def handle(event: UnknownEvent) -> None:
        seen.append(event.raw)

    async with receiver:
        assert (await ask(receiver.asgi, f"{PATH}?something=new&smsId=1"))[0] == 200
        await until(lambda: receiver.stats.handled == 1)
    assert seen == [{"something": "new", "smsId": "1"}]
    assert receiver.stats.unknown == 1


@pytest.mark.slow
async def test_ten_thousand_at_once_are_bounded(pass_time: Any, turns: Any, until: Any) -> None:
    """Of ten thousand requests at once as many are taken in as there are places, the others are 503 after three
    seconds, each is answered, and what was OK is handled."""
    receiver = Receiver(TOKEN, queue=1000)
    gate = asyncio.Event()

    @receiver.on_report
    async def handle(report: DeliveryReport) -> None:
        await gate.wait()

    async with receiver:
        asked = [asyncio.create_task(ask(receiver.asgi, f"{PATH}?{query(number)}")) for number in range(10_000)]
        await until(lambda: receiver.stats.received == 1000)
        await turns()
        pass_time(3.5)
        statuses = [(await one)[0] for one in asked]
        gate.set()
        await until(lambda: receiver.stats.handled == 1000)
    assert (statuses.count(200), statuses.count(503)) == (1000, 9000)
    assert receiver.stats.unavailable == 9000
