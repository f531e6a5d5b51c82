"""Watching with a journal: what came is durable before it is told, and told by whoever goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from allmysms_async import DeliveryReport, JournalError, Reply, RestBackend, SmsMessage, SmsService
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import DeliveryStatus
from allmysms_async.protocols.rest.replies import GetPullsResult
from allmysms_async.protocols.rest.wire import read
from allmysms_async.sandbox import Sandbox
from allmysms_async.watch.replies import ReplyPoll

PHONES = [f"336100000{number:02}" for number in range(1, 10)]
_MESSAGE = SmsMessage("Rendez-vous demain", sender=None, wants_replies=True)


async def _first(watch: Any, count: int) -> list[Any]:
    """Return what a watch tells first, and close it."""
    found: list[Any] = []
    async with contextlib.aclosing(watch):
        async for event in watch:
            found.append(event)
            if len(found) == count:
                break
    return found


async def _answered(sms: SmsService, sandbox: Sandbox) -> None:
    """Send, and have everybody answer."""
    await sms.send(_MESSAGE, to=PHONES)
    for phone in PHONES:
        sandbox.reply(phone, "oui")


async def test_replies_are_told_by_the_next_process(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any
) -> None:
    """What one watch left, the next one tells; what it told is told once, but for the one that was in hand."""
    await _answered(service(), sandbox)
    first = await _first(service().watch_replies(journal=journal), 4)
    until = clock.now() + timedelta(minutes=5)
    rest = [reply.phone async for reply in service().watch_replies(journal=journal, until=until)]
    assert sorted(rest) == sorted(set(PHONES) - {reply.phone for reply in first[:3]})
    again = [reply async for reply in service().watch_replies(journal=journal, until=clock.now())]
    assert again == []


async def test_reports_are_told_by_the_next_process(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str
) -> None:
    """What one watch told of a send, the next one does not tell again."""
    receipt = await service().send(_MESSAGE, to=PHONES)
    first = await _first(service().watch_reports(receipt, journal=journal), 4)
    rest = [report async for report in service().watch_reports(receipt, journal=journal)]
    told = Counter((report.phone, report.status) for report in [*first[:3], *rest])
    assert set(told.values()) == {1}
    assert {phone for phone, _ in told} == set(PHONES)
    async with EventJournal(journal) as kept:
        assert await kept.waiting() == 0
        assert sum((await kept.deliveries()).values()) == len(PHONES)


async def test_what_is_told_is_durable(sandbox: Sandbox, service: Callable[..., SmsService], journal: str) -> None:
    """When the first reply is told all of its answer are in the journal."""
    await _answered(service(), sandbox)
    watch: Any = service().watch_replies(journal=journal)
    async with contextlib.aclosing(watch):
        await anext(watch)
        async with EventJournal(journal) as other:
            assert len([reply async for reply in other.replies()]) == len(PHONES)


@pytest.mark.parametrize("where", ["before the answer", "before it is kept"])
async def test_killed_with_an_answer_in_hand_it_finds_the_replies(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any, where: str, until: Any
) -> None:
    """Replies that were handed out to a process that died before it kept them are read by the next one."""
    await _answered(service(), sandbox)
    sms, store = service(), EventJournal(journal, clock, kind="reply")
    reached = asyncio.Event()

    async def stuck(*_: object) -> Any:
        if where == "before the answer":
            await given()
        reached.set()
        await asyncio.Event().wait()

    await store.open()
    backend: Any = sms.backend
    given = backend.new_replies
    if where == "before the answer":
        backend.new_replies = stuck
    else:
        store.store = stuck  # type: ignore[method-assign]
    dying = asyncio.create_task(ReplyPoll(backend, None, store, clock).ask())
    await reached.wait()
    dying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dying
    await store.aclose()
    found = await _first(service().watch_replies(journal=journal), len(PHONES))
    assert sorted(reply.phone for reply in found) == PHONES


async def test_other_account_on_the_journal_forgets_nobody_s_lost_answer(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any
) -> None:
    """What one account's lost answer held is looked for, also after another account's answer came."""
    await _answered(service(), sandbox)
    sandbox.faults(
        [{"fault": "reset_after", "times": 1, "path": "getPulls"}, {"fault": "http_500", "path": "getCampaignsInfo"}]
    )
    async with EventJournal(journal, clock) as store:
        ours: Any = service().backend
        other: Any = RestBackend("another", "key", base_url=sandbox.http_url)
        await ReplyPoll(ours, None, store, clock).ask()  # handed out, lost, and not found yet
        assert not await store.waiting()

        async def nothing() -> tuple[Reply, ...]:
            return ()

        async def nowhere(*_: object) -> AsyncIterator[object]:
            for none in ():
                yield none

        other.new_replies, other.campaigns = nothing, nowhere
        await ReplyPoll(other, None, store, clock).ask()
        sandbox.faults([])
        await ReplyPoll(ours, None, store, clock).ask()
        assert await store.waiting() == len(PHONES)
        await other.aclose()


async def test_many_reports_do_not_keep_replies_waiting(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any
) -> None:
    """Replies are told beside reports that nobody handles, also of the same numbers."""
    await _answered(service(), sandbox)
    async with EventJournal(journal, clock) as kept:
        await kept.store(
            [
                DeliveryReport(phone=phone, status=DeliveryStatus.PENDING, code=str(n))
                for phone in PHONES
                for n in range(200)
            ]
        )
    found = await _first(service().watch_replies(journal=journal), len(PHONES))
    assert sorted(reply.phone for reply in found) == PHONES


async def test_reports_and_replies_are_watched_on_one_journal_at_once(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any
) -> None:
    """A watch of reports keeps one of replies from nothing, nor it that one."""
    sms = service()
    receipt = await sms.send(_MESSAGE, to=PHONES)
    reports: Any = sms.watch_reports(receipt, journal=journal)
    await anext(reports)
    for phone in PHONES:
        sandbox.reply(phone, "oui")
    found = await asyncio.wait_for(_first(sms.watch_replies(journal=journal), len(PHONES)), 60)
    assert sorted(reply.phone for reply in found) == PHONES
    rest = [report async for report in reports]
    assert len({report.phone for report in rest}) == len(PHONES)


async def test_two_watches_of_one_journal_tell_each_reply_once(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any
) -> None:
    """Whichever of them tells it, and whichever asked for it."""
    await _answered(service(), sandbox)
    told: list[str] = []
    until = clock.now() + timedelta(minutes=20)

    async def watch(sms: SmsService) -> None:
        replies: AsyncIterator[Reply] = sms.watch_replies(journal=journal, until=until)
        async for reply in replies:
            told.append(reply.phone)
            await asyncio.sleep(0.002)

    await asyncio.gather(watch(service()), watch(service()))
    assert sorted(told) == PHONES


async def test_journal_that_fails_ends_the_watch(
    sandbox: Sandbox, service: Callable[..., SmsService], clock: Any, tmp_path: Any
) -> None:
    """What cannot be kept is not asked for again and again."""
    await _answered(service(), sandbox)
    sms, store = service(), EventJournal(tmp_path / "journal.db", clock, kind="reply")

    async def fails(*_: object) -> int:
        raise JournalError("no space")

    async with store:
        store.store = fails  # type: ignore[method-assign]
        with pytest.raises(JournalError, match="no space"):
            await ReplyPoll(sms.backend, None, store, clock).ask()  # type: ignore[arg-type]
    found = await _first(service().watch_replies(journal=tmp_path / "journal.db"), len(PHONES))
    assert sorted(reply.phone for reply in found) == PHONES


async def test_watch_that_is_left_closes_its_journal(
    sandbox: Sandbox, service: Callable[..., SmsService], clock: Any, tmp_path: Any
) -> None:
    """After a break, and after a cancellation in mid-wait, no lock and no file but the journal's is left."""
    await _answered(service(), sandbox)
    await _first(service().watch_replies(journal=tmp_path / "journal.db"), 2)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]

    async def all_of_it() -> None:
        async for _ in service().watch_replies(journal=tmp_path / "journal.db"):
            pass

    task = asyncio.create_task(all_of_it())
    while len(clock.waits) < 3:  # noqa: ASYNC110  # the watch's own clock
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]
    async with EventJournal(tmp_path / "journal.db") as kept:
        assert await kept.waiting() == 0


async def test_answer_of_another_form_is_durable_as_an_unknown_event(
    sandbox: Sandbox, service: Callable[..., SmsService], journal: str, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is handed out once: it waits in the journal for a handler of unknown events, and watches tell the others."""
    await _answered(service(), sandbox)
    sms = service()
    backend: Any = sms.backend
    call = backend._line.call

    async def odd(operation: Any) -> Any:
        answer = await call(operation)
        if not isinstance(answer, GetPullsResult) or not answer.mos:
            return answer
        mos: Any = answer.raw["mos"]
        return read(GetPullsResult, {"mos": [{"sender": "somebody", "text": "an odd one"}, *mos]})

    backend._line.call = odd
    found = await _first(sms.watch_replies(journal=journal), len(PHONES))
    assert sorted(reply.phone for reply in found) == PHONES
    async with EventJournal(journal, clock, kind="unknown") as events:
        [kept] = await events.take(5, ())
        assert kept.event.raw == {"sender": "somebody", "text": "an odd one"}  # type: ignore[union-attr]
    assert "another form" in caplog.text
    assert "odd one" not in caplog.text
