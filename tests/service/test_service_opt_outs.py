"""Whoever opted out is left out of a campaign before anything is sent, and nobody else is."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap64

from allmysms_async import (
    Campaign,
    CampaignStopped,
    InvalidRequest,
    Mail2SmsBackend,
    Reason,
    RetryPolicy,
    SmsMessage,
    SmsService,
    UnsupportedFeature,
)
from allmysms_async.batch.opt_outs import Barred, OptOuts
from allmysms_async.journal import EventJournal
from allmysms_async.model import OptOut
from allmysms_async.prepare import opt_outs_of
from allmysms_async.sandbox import Sandbox

from .conftest import SandboxClock

PEOPLE = [f"3361000{number:04d}" for number in range(100, 400)]
OUT = PEOPLE[::50]


def _campaign(purpose: Any = "marketing", people: Any = PEOPLE, **more: Any) -> Campaign:
    return Campaign("soldes", SmsMessage("Soldes. STOP au 36180", purpose=purpose), people, **more)


def _asked(sandbox: Sandbox) -> int:
    return sum(count for path, count in sandbox.state()["requests"].items() if "lacklist" in path)


def _phones(sandbox: Sandbox) -> list[str]:
    return [message["phone"] for message in sandbox.messages()]


async def test_marketing_leaves_out_whom_the_gateway_lists(sandbox: Sandbox, sms: SmsService, ledger: Any) -> None:
    """They are rejected as opted out before anything is sent, and everybody else is texted once."""
    for phone in OUT:
        sandbox.opt_out(phone)
    await ledger.follow(sms.stream(_campaign(), chunk_size=40))
    result = ledger.result
    assert (result.accepted, result.rejected, dict(result.rejections)) == (294, 6, {Reason.OPTED_OUT: 6})
    assert {row.phone for row in ledger.by_row.values() if row.reason == "opted_out"} == set(OUT)
    assert Counter(_phones(sandbox)) == Counter(set(PEOPLE) - set(OUT))
    assert _asked(sandbox) == 1


@pytest.mark.parametrize(("purpose", "exclude", "asked"), [
    ("transactional", None, 0), ("otp", None, 0), ("transactional", True, 1), ("marketing", False, 0),
])  # fmt: skip
async def test_other_purposes_leave_nobody_out_unless_asked(
    sandbox: Sandbox, sms: SmsService, purpose: str, *, exclude: bool | None, asked: int
) -> None:
    """A message that is owed to people is sent; the gateway still has the last word."""
    sandbox.opt_out(OUT[0])
    result = await sms.run(_campaign(purpose, exclude_opt_outs=exclude))
    assert _asked(sandbox) == asked
    assert result.rejections[Reason.OPTED_OUT] == 1  # here or at the gateway
    assert OUT[0] not in _phones(sandbox)


async def test_start_lets_a_number_be_texted_again(sandbox: Sandbox, sms: SmsService) -> None:
    """STOP and START take effect for the next campaign."""
    await sms.send("Bonjour", to=OUT[0])
    sandbox.reply(OUT[0], "STOP")
    assert (await sms.run(_campaign())).rejections[Reason.OPTED_OUT] == 1
    sandbox.reply(OUT[0], "START")
    result = await sms.run(_campaign())
    assert (result.accepted, result.rejected) == (len(PEOPLE), 0)


@pytest.mark.parametrize("fault", ["http_503", "reset_before", "reset_after", "garbage"])
async def test_list_that_fails_is_asked_for_again(sandbox: Sandbox, sms: SmsService, fault: str) -> None:
    """A gateway that fails for a moment costs nobody anything."""
    sandbox.opt_out(OUT[0])
    sandbox.faults([{"fault": fault, "times": 2, "path": "getBlacklist"}])
    result = await sms.run(_campaign(exclude_opt_outs=True))
    assert (result.accepted, result.rejected) == (len(PEOPLE) - 1, 1)


async def test_without_the_list_nothing_is_sent_if_it_was_asked_for(sandbox: Sandbox, sms: SmsService) -> None:
    """Who opted out must not be texted because the list could not be had; the campaign continues later."""
    sandbox.opt_out(OUT[0])
    sandbox.faults([{"fault": "http_500", "path": "getBlacklist"}])
    campaign = _campaign(exclude_opt_outs=True)
    with pytest.raises(CampaignStopped):
        await sms.run(campaign)
    assert not _phones(sandbox)
    sandbox.faults([])
    result = await sms.run(campaign)
    assert (result.accepted, result.rejected) == (len(PEOPLE) - 1, 1)


@pytest.mark.parametrize("fault", ["http_500", "reset_before", "garbage", "status_102"])
async def test_list_that_cannot_be_had_is_left_to_the_gateway_by_default(
    sandbox: Sandbox, sms: SmsService, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """The gateway refuses those people itself: the campaign goes on, they are not texted, and the log says so."""
    sandbox.opt_out(OUT[0])
    sandbox.faults([{"fault": fault, "path": "getBlacklist"}])
    result = await sms.run(_campaign())
    assert (result.accepted, dict(result.rejections)) == (len(PEOPLE) - 1, {Reason.OPTED_OUT: 1})
    assert OUT[0] not in _phones(sandbox)
    assert "left to the gateway" in caplog.text
    assert 1 <= _asked(sandbox) <= 3


async def test_entry_that_is_no_number_costs_nothing(sms: SmsService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands on the gateway's list, the numbers on it are left out and the campaign is sent."""

    async def listed() -> AsyncIterator[OptOut]:
        for phone in ("9" * 30, "", "x", "\u0663" * 11, OUT[0]):
            yield OptOut(phone=phone)

    monkeypatch.setattr(sms.backend, "opt_outs", listed)
    result = await sms.run(_campaign())
    assert (result.accepted, result.rejected) == (len(PEOPLE) - 1, 1)


async def test_number_that_repeats_counts_each_time(sandbox: Sandbox, sms: SmsService) -> None:
    """All rows of a number that opted out are rejected, and the sums hold."""
    sandbox.opt_out(OUT[0])
    result = await sms.run(_campaign(people=[OUT[0], "33699000001", OUT[0], "06 10 00 01 00"]))
    assert (result.rows, result.accepted, dict(result.rejections)) == (4, 1, {Reason.OPTED_OUT: 3})


async def test_journal_keeps_opt_outs_for_protocols_without_a_list(
    sandbox: Sandbox, tmp_path: Path, clock: Any, service: Any
) -> None:
    """A journal's own opt-outs are left out, whatever the gateway knows."""
    journal = tmp_path / "journal.db"
    async with EventJournal(journal) as events:
        await events.add_opt_outs([OptOut(phone=phone, source="import") for phone in OUT])
        await events.end_opt_outs(OUT[:2])
    result = await service().run(_campaign(), journal=journal)
    assert (result.accepted, dict(result.rejections)) == (296, {Reason.OPTED_OUT: 4})


async def test_what_a_journal_held_before_is_left_out_as_well(sandbox: Sandbox, tmp_path: Path, service: Any) -> None:
    """Who opts out between a stop and its continuation is not texted by it, and the others of the request are.

    The journal alone knows them: the gateway would text them.
    """
    journal = tmp_path / "journal.db"
    sandbox.faults([{"fault": "status_104", "path": "sendSms"}])
    with pytest.raises(CampaignStopped):
        await service().run(_campaign(), journal=journal, chunk_size=40)
    sandbox.faults([])
    out = {*OUT, *PEOPLE[40:80]}  # some of each request, and one request as a whole
    async with EventJournal(journal) as events:
        await events.add_opt_outs([OptOut(phone=phone, source="import") for phone in sorted(out)])
    run = await service().resume(journal)
    async for _ in run:
        pass
    left_out = sum(phone in out for phone in PEOPLE[: run.result.rows])
    assert left_out > 40
    assert dict(run.result.rejections) == {Reason.OPTED_OUT: left_out}
    assert run.result.accepted == run.result.rows - left_out
    result = await service().run(_campaign(), journal=journal)
    assert (result.rows, result.accepted) == (len(PEOPLE), len(PEOPLE) - len(out))
    assert Counter(_phones(sandbox)) == Counter(set(PEOPLE) - out)


async def test_nothing_that_knows_opt_outs_is_said_so() -> None:
    """Before anything is sent."""
    async with SmsService(Mail2SmsBackend("demo", "k", mail_from="a@example.com", hostname="mail.example.com")) as sms:
        with pytest.raises(UnsupportedFeature, match="lists no opt-outs"):
            sms.stream(_campaign(exclude_opt_outs=True))
        with pytest.raises(InvalidRequest, match="exclude_opt_outs"):
            sms.stream(_campaign(exclude_opt_outs="yes"))


async def test_journals_opt_outs_are_read_again_seconds_later(sandbox: Sandbox) -> None:
    """Whoever answers START is let in again, unless the gateway lists the number; a long list is read seldom."""
    clock, kept, looks = SandboxClock(sandbox), {1, 2}, 0

    async def listed() -> Barred:
        return {Reason.OPTED_OUT: BitMap64([2]), Reason.UNASSIGNED: BitMap64([9])}

    async def in_journal() -> BitMap64:
        nonlocal looks
        looks += 1
        sandbox.advance(1.0 if looks > 1 else 0.0)
        return BitMap64(kept)

    opt_outs = OptOuts(listed, clock, in_journal)
    await opt_outs.load()
    assert set(opt_outs.numbers) == {1, 2, 9}
    kept = {3}
    await opt_outs.renew()
    assert looks == 1
    sandbox.advance(5.0)
    await asyncio.gather(*(opt_outs.renew() for _ in range(5)))
    assert (looks, set(opt_outs.numbers)) == (2, {2, 3, 9})
    assert [opt_outs.reason(number) for number in (1, 2, 3, 9)] == [
        *(None, Reason.OPTED_OUT, Reason.OPTED_OUT, Reason.UNASSIGNED),
    ]
    sandbox.advance(19.0)
    await opt_outs.renew()
    assert looks == 2
    sandbox.advance(1.0)
    await opt_outs.renew()
    assert looks == 3


async def test_whoever_was_read_before_opting_out_is_left_out_as_well(
    sandbox: Sandbox, service: Any, tmp_path: Path
) -> None:
    """Of requests that wait for their turn those who said STOP meanwhile are cut out; the others are texted once."""
    journal = tmp_path / "run.db"
    sms: SmsService

    async def stop(_: object) -> None:
        if not sandbox.messages() or PEOPLE[-1] in _phones(sandbox):
            return
        async with EventJournal(journal) as events:
            await events.add_opt_outs([OptOut(phone=PEOPLE[-1])])
        sandbox.advance(60.0)

    async with service() as sms:
        async with aclosing(sms.stream(_campaign(), journal=journal, chunk_size=20, concurrency=1)) as run:
            async for outcome in run:
                await stop(outcome)
        result = run.result
    assert PEOPLE[-1] not in _phones(sandbox)
    assert (result.rejections[Reason.OPTED_OUT], result.accepted) == (1, len(PEOPLE) - 1)
    assert Counter(_phones(sandbox)) == Counter(PEOPLE[:-1])


async def test_journals_opt_outs_that_cannot_be_read_again_are_those_known(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether a journal still serves is for what is recorded there to tell: looking makes no file and no end."""
    clock, journal = SandboxClock(sandbox), tmp_path / "run.db"
    async with EventJournal(journal) as events:
        await events.add_opt_outs([OptOut(phone=PEOPLE[0])])
    campaign = _campaign("transactional", exclude_opt_outs=True)
    backend = Mail2SmsBackend("demo", "k", mail_from="a@example.com", hostname="mail.example.com")
    opt_outs = opt_outs_of(backend, campaign, journal, policy=RetryPolicy(), clock=clock, rng=random.Random(1))
    assert opt_outs is not None
    await opt_outs.load()
    for name in os.listdir(tmp_path):
        os.unlink(tmp_path / name)
    sandbox.advance(60.0)
    await opt_outs.renew()
    assert list(opt_outs.numbers) == [int(PEOPLE[0])]
    assert os.listdir(tmp_path) == []
    assert "opted out" in caplog.text


class _StopsMeanwhile(SandboxClock):
    """While it waits, the last of the people says STOP."""

    def __init__(self, sandbox: Sandbox, journal: Path) -> None:
        """Follow a sandbox, beside a journal."""
        super().__init__(sandbox)
        self._journal = journal

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        async with EventJournal(self._journal) as events:
            await events.add_opt_outs([OptOut(phone=PEOPLE[-1])])
        await super().sleep(seconds)


async def test_whoever_says_stop_between_two_attempts_is_cut_out(
    sandbox: Sandbox, service: Any, tmp_path: Path, ledger: Any
) -> None:
    """A request that surely was not sent goes again without those who said STOP while it waited."""
    journal = tmp_path / "run.db"
    sandbox.faults([{"fault": "http_429", "retry_after": 60, "times": 1, "path": "sendSms"}])
    async with service(clock=_StopsMeanwhile(sandbox, journal)) as sms:
        await ledger.follow(sms.stream(_campaign(people=PEOPLE[-20:]), journal=journal))
    assert dict(ledger.result.rejections) == {Reason.OPTED_OUT: 1}
    assert Counter(_phones(sandbox)) == Counter(PEOPLE[-20:-1])


async def test_whoever_says_stop_after_a_lost_answer_is_asked_about(
    sandbox: Sandbox, service: Any, tmp_path: Path, ledger: Any
) -> None:
    """What may have been sent is repeated as it was, under its key: leaving somebody out would make it another."""
    journal = tmp_path / "run.db"
    sandbox.faults([{"fault": "reset_after", "times": 1, "path": "sendSms"}])
    async with service(clock=_StopsMeanwhile(sandbox, journal)) as sms:
        await ledger.follow(sms.stream(_campaign(people=PEOPLE[-20:]), journal=journal))
    assert (ledger.result.accepted, ledger.result.rejected) == (20, 0)
    assert Counter(_phones(sandbox)) == Counter(PEOPLE[-20:])
