"""Marketing and the hours at which people may be texted, against a sandbox whose clock is the only one."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from allmysms_async import (
    Campaign,
    CampaignStopped,
    Outcome,
    OutcomeUnknown,
    QuietHours,
    QuietHoursError,
    Recipient,
    RestBackend,
    RetryPolicy,
    SendReceipt,
    SmsMessage,
    SmsService,
)
from allmysms_async.backend import SendRequest
from allmysms_async.batch.plan import Planner
from allmysms_async.journal import Journal
from allmysms_async.sandbox import Clock, Sandbox

PARIS = ZoneInfo("Europe/Paris")
TEXT = "Soldes demain. STOP au 36180"
# A number of each zone, and the clocks that it may live by.
PEOPLE = {
    "33612345678": ["Europe/Paris"],
    "262692123456": ["Indian/Reunion", "Indian/Mayotte"],
    "508551234": ["America/Miquelon"],
    "590690123456": ["America/Guadeloupe", "America/Marigot"],
    "594694123456": ["America/Cayenne"],
    "596696123456": ["America/Martinique"],
    "681821234": ["Pacific/Wallis"],
    "687751234": ["Pacific/Noumea"],
    "68987123456": ["Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"],
}
REUNION = "262692123456"


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a moment of March 2027 in Paris; the 1st is a Monday."""
    return datetime(2027, 3, day, hour, minute, second, tzinfo=PARIS)


def move(sandbox: Sandbox, moment: datetime) -> None:
    """Move the sandbox's clock, which stands still otherwise, to a moment."""
    sandbox.advance(moment.timestamp() - sandbox.clock.now())


def message(**fields: object) -> SmsMessage:
    """Return a marketing text."""
    return SmsMessage(TEXT, **{"purpose": "marketing", **fields})  # type: ignore[arg-type]


def people(count: int) -> list[str]:
    """Return so many numbers of metropolitan France."""
    return [f"336100{number:05d}" for number in range(count)]


def campaign(recipients: object, **fields: object) -> Campaign:
    """Return a campaign of marketing."""
    options = {"exclude_opt_outs": False, **fields}
    return Campaign("soldes", options.pop("message", message()), recipients, **options)  # type: ignore[arg-type]


def received(sandbox: Sandbox) -> dict[str, list[datetime]]:
    """Return when each number received texts, by the sandbox's clock."""
    found: dict[str, list[datetime]] = {}
    for each in sandbox.messages():
        found.setdefault(each["phone"], []).append(datetime.fromisoformat(each["received_at"]))
    return found


def assert_nobody_woken(sandbox: Sandbox) -> None:
    """Assert that each text came between 08:00 and 19:50 of a working day by each clock that its number may live by."""
    for phone, moments in received(sandbox).items():
        for moment in moments:
            for name in PEOPLE.get(phone, ["Europe/Paris"]):
                local = moment.astimezone(ZoneInfo(name))
                since = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
                assert timedelta(hours=8) <= since < timedelta(hours=19, minutes=50), (phone, local)
                assert local.weekday() != 6, (phone, local)


@pytest.mark.parametrize(
    ("now", "next_legal"),
    [
        (at(2, 7, 59, 59), at(2, 8)),
        (at(2, 19, 50), at(3, 8)),
        (at(2, 23), at(3, 8)),
        (at(6, 21), at(8, 8)),  # Saturday to Monday
        (at(7, 12), at(8, 8)),
    ],
)
async def test_marketing_is_refused_in_quiet_hours(
    sandbox: Sandbox, sms: SmsService, now: datetime, next_legal: datetime
) -> None:
    """A text is refused with the next legal moment, and nothing is sent; codes and notices are never held up."""
    sandbox.clock._start = now.timestamp()
    with pytest.raises(QuietHoursError, match=r"metropolitan France.*nothing was sent") as caught:
        await sms.send(message(), to="0612345678")
    assert caught.value.next_legal == next_legal
    assert sandbox.stats()["messages"] == 0
    for phone, purpose in (("0612345678", "otp"), ("0687654321", "transactional"), ("0712345678", None)):
        await sms.send(message(purpose=purpose), to=phone)
    assert sandbox.stats()["messages"] == 3


@pytest.mark.parametrize("now", [at(2, 8), at(2, 19, 49, 59), at(6, 12)])
async def test_marketing_is_sent_in_the_hours(sandbox: Sandbox, sms: SmsService, now: datetime) -> None:
    """From 08:00:00 until the margin before 20:00 nothing is held up."""
    sandbox.clock._start = now.timestamp()
    assert not (await sms.send(message(), to="0612345678")).scheduled
    assert received(sandbox) == {"33612345678": [now]}


async def test_policy_of_a_send_is_obeyed(sandbox: Sandbox, sms: SmsService) -> None:
    """``defer`` gives the text its next legal moment as its date, ``ignore`` sends it now."""
    move(sandbox, at(2, 21))
    receipt = await sms.send(message(), to="0612345678", quiet_hours="defer")
    assert receipt.scheduled
    await sms.send(message(), to="0687654321", quiet_hours="ignore")
    assert received(sandbox) == {"33687654321": [at(2, 21)]}
    move(sandbox, at(3, 9))
    assert received(sandbox)["33612345678"] == [at(3, 8)]


async def test_date_of_a_message_is_what_counts(sandbox: Sandbox, sms: SmsService) -> None:
    """At night a text for the day is taken; by day one for the night is refused, or moved to the morning."""
    move(sandbox, at(2, 21))
    await sms.send(message(send_at=at(3, 10)), to="0612345678")
    night = message(send_at=at(3, 22))
    with pytest.raises(QuietHoursError) as caught:
        await sms.send(night, to="0687654321")
    assert caught.value.next_legal == at(4, 8)
    await sms.send(night, to="0687654321", quiet_hours=QuietHours("defer"))
    move(sandbox, at(5, 0))
    assert received(sandbox) == {"33612345678": [at(3, 10)], "33687654321": [at(4, 8)]}


async def test_rule_margin_and_alsace_are_obeyed(sandbox: Sandbox, sms: SmsService) -> None:
    """The operators' rule ends later; a margin of none goes to the last second; Good Friday counts on request."""
    move(sandbox, at(2, 20, 30))
    await sms.send(message(), to="0612345678", quiet_hours=QuietHours(rule="af2m"))
    move(sandbox, at(3, 19, 59, 59))
    await sms.send(message(), to="0612345678", quiet_hours=QuietHours(margin=timedelta(0)))
    move(sandbox, at(26, 10))
    with pytest.raises(QuietHoursError) as caught:
        await sms.send(message(), to="0612345678", quiet_hours=QuietHours(alsace_moselle=True))
    assert caught.value.next_legal == at(27, 8)
    await sms.send(message(), to="0612345678")


async def test_several_zones_in_one_send_need_a_moment_of_all(sandbox: Sandbox, sms: SmsService) -> None:
    """Of people who are never awake at once, one request is refused without a moment."""
    with pytest.raises(QuietHoursError, match="no moment") as caught:
        await sms.send(message(), to=["0612345678", "+681821234", "+68987123456"], quiet_hours="defer")
    assert caught.value.next_legal is None
    assert (await sms.send(message(), to=["0612345678", f"+{REUNION}"])).results
    move(sandbox, at(2, 22))
    with pytest.raises(QuietHoursError) as caught:
        await sms.send(message(), to=["0612345678", f"+{REUNION}"])
    assert caught.value.next_legal == at(3, 8)  # La Réunion alone could be texted two hours before


@pytest.mark.parametrize("given", ["never", 3, QuietHours("later"), QuietHours(rule="law"), QuietHours(margin=60)])  # type: ignore[arg-type]
async def test_policy_that_is_none_is_refused(sms: SmsService, given: object) -> None:
    """A wrong word or type is one sentence, whatever the purpose."""
    with pytest.raises(ValueError, match="quiet_hours"):
        await sms.send("Bonjour", to="0612345678", quiet_hours=given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="quiet_hours"):
        sms.stream(campaign([], quiet_hours=given))


@pytest.mark.parametrize("kind", [list, iter])
async def test_campaign_does_not_begin_at_night_and_does_in_the_morning(
    sandbox: Sandbox, sms: SmsService, kind: Callable[[list[str]], object]
) -> None:
    """The default raises before anything is sent; the same object, also of a generator, is sent whole the next day."""
    one = campaign(kind(people(1200)))
    move(sandbox, at(2, 22))
    for _ in range(2):
        with pytest.raises(QuietHoursError) as caught:
            await sms.run(one)
        assert caught.value.next_legal == at(3, 8)
    assert sandbox.stats()["messages"] == 0
    move(sandbox, at(3, 8))
    assert (await sms.run(one)).all_accepted
    assert len(received(sandbox)) == 1200


async def test_zone_that_sleeps_when_a_campaign_begins_is_left_out(sandbox: Sandbox, sms: SmsService) -> None:
    """At 19:00 in Paris people of La Réunion are rejected as ``quiet_hours``; a campaign to them alone is refused."""
    move(sandbox, at(2, 19))
    outcomes: list[Outcome] = []
    run = sms.stream(campaign([*people(30), f"+{REUNION}", "0612345678"]))
    async for progress in run:
        outcomes.extend(progress.outcomes)
    assert (run.result.accepted, run.result.rejections) == (31, {"quiet_hours": 1})
    (left,) = [outcome for outcome in outcomes if outcome.state == "rejected"]
    assert (left.row, left.phone, left.reason) == (31, REUNION, "quiet_hours")
    with pytest.raises(QuietHoursError, match="La Réunion"):
        await sms.run(campaign([f"+{REUNION}"]))
    assert_nobody_woken(sandbox)


async def test_metropolitan_france_sleeps_while_others_are_awake(sandbox: Sandbox, sms: SmsService) -> None:
    """At 06:00 in Paris it is 09:00 in La Réunion: people there are texted, all others rejected."""
    move(sandbox, at(2, 12))
    move(sandbox, at(3, 6))
    result = await sms.run(campaign([f"+{REUNION}", *people(1500)]))
    assert (result.accepted, result.rejections) == (1, {"quiet_hours": 1500})
    assert list(received(sandbox)) == [REUNION]


async def test_campaign_that_runs_into_the_night_pauses_and_goes_on(
    sandbox: Sandbox, evening: Callable[..., SmsService]
) -> None:
    """What was not sent by 19:50 is sent from 08:00 on by itself, and the progress says so meanwhile."""
    move(sandbox, at(2, 19, 40))
    run = evening(7, at(2, 19, 50)).stream(campaign(people(400)), chunk_size=10)
    told = [(step.paused_until, step.pending) async for step in run]
    paused = [each for each in told if each[0] is not None]
    assert run.result.all_accepted
    assert run.paused_until is None
    assert {until for until, _ in paused} == {at(3, 8)}
    assert paused[-1][1] == 330
    assert_nobody_woken(sandbox)
    assert Counter(moment for (moment,) in received(sandbox).values()) == {at(2, 19, 40): 70, at(3, 8): 330}


async def test_paused_campaign_can_be_stopped_and_goes_on_another_day(
    sandbox: Sandbox, evening: Callable[..., SmsService]
) -> None:
    """A stop ends the pause; continued in quiet hours it pauses again and raises nothing."""
    move(sandbox, at(2, 19, 40))
    one, sms = campaign(people(100)), evening(3, at(2, 20))
    run = sms.stream(one, chunk_size=10)
    async for progress in run:
        if progress.paused_until is not None:
            run.stop()
    assert (run.result.accepted, run.result.pending) == (30, 70)
    assert sandbox.clock.now() < at(3, 8).timestamp()
    assert (await sms.run(one, chunk_size=10)).all_accepted
    assert_nobody_woken(sandbox)


async def test_retry_after_the_hours_waits_for_the_morning(
    sandbox: Sandbox, service: Callable[..., SmsService]
) -> None:
    """A request that was surely not taken is not tried again once the hours are over, and is in the morning."""
    move(sandbox, at(2, 19, 49))
    sandbox.faults([{"fault": "http_429", "retry_after": 120, "times": 1}])
    result = await service(policy=RetryPolicy(deadline=600.0)).run(campaign(people(5)))
    assert result.all_accepted
    assert {moment for (moment,) in received(sandbox).values()} == {at(3, 8)}


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_replay_waits_for_the_morning_within_the_life_of_its_key(
    sandbox: Sandbox, service: Callable[..., SmsService], fault: str
) -> None:
    """Taken or not, a request without an answer is asked about in the morning, and nobody is texted twice."""
    move(sandbox, at(2, 19, 49))
    sandbox.faults([{"fault": fault, "times": 1}])
    sms = service(policy=RetryPolicy(base=300.0, cap=300.0, deadline=9000.0), rng=_Most())
    run = sms.stream(campaign(people(5)))
    seen = [(progress.unknown, progress.paused_until) async for progress in run]
    assert (5, at(3, 8)) in seen
    assert run.result.all_accepted
    moments = {moment for (moment,) in received(sandbox).values()}
    assert moments == {at(3, 8) if fault == "reset_before" else at(2, 19, 49)}


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_replay_whose_key_would_be_too_old_stays_unknown(
    sandbox: Sandbox, service: Callable[..., SmsService], tmp_path: Path, fault: str
) -> None:
    """On Saturday evening no legal moment is within 23 hours: nobody knows, and nobody is texted at night."""
    move(sandbox, at(6, 19, 49))
    sandbox.faults([{"fault": fault, "times": 1}])
    sms = service(policy=RetryPolicy(base=300.0, cap=300.0, deadline=9000.0), rng=_Most())
    one, journal = campaign(people(5)), tmp_path / "soldes.db"
    # The clock leaps over minutes, and a busy machine may renew no lease in between: it holds for longer.
    for _ in range(2):
        assert (await sms.run(one, journal=journal, lease=3600.0)).unknown == 5
    assert_nobody_woken(sandbox)
    async with Journal(journal) as opened:
        (chunk,) = await opened.chunks()
    assert str(chunk.problem).endswith("it may have been sent.")


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_send_that_night_falls_on_is_not_said_to_be_unsent(
    sandbox: Sandbox, service: Callable[..., SmsService], fault: str
) -> None:
    """Without an answer at 19:49 nobody knows at 19:54; the same call says what happened in the morning."""
    move(sandbox, at(2, 19, 49))
    sandbox.faults([{"fault": fault, "times": 1}])
    sms = service(send_policy=RetryPolicy(base=300.0, cap=300.0, deadline=9000.0), rng=_Most())
    with pytest.raises(OutcomeUnknown, match="Quiet hours began") as caught:
        await sms.send(message(), to="0612345678")
    assert "nothing was sent" not in str(caught.value)
    move(sandbox, at(3, 9))
    receipt = await sms.send(message(), to="0612345678", idempotency_key=caught.value.idempotency_key)
    assert receipt.replayed == (fault == "reset_after")
    assert len(sandbox.messages()) == 1
    assert_nobody_woken(sandbox)


class Evening(RestBackend):
    """A gateway beside which time passes: once it has answered some requests, it is later."""

    sandbox: Sandbox
    answers: int
    then: datetime

    async def send(self, request: SendRequest) -> SendReceipt:
        """Send, and move the clock when it is due; one request at a time, so that no other is on its way."""
        receipt = await super().send(request)
        self.answers -= 1
        if not self.answers:
            move(self.sandbox, self.then)
        return receipt


@pytest.fixture
async def evening(sandbox: Sandbox, clock: Any) -> AsyncIterator[Callable[..., SmsService]]:
    """Make a service on whose clock it is evening after so many answers."""
    made: list[SmsService] = []

    def make(answers: int, then: datetime) -> SmsService:
        backend = Evening("demo", "demo-key", base_url=sandbox.http_url)
        backend.sandbox, backend.answers, backend.then = sandbox, answers, then
        made.append(SmsService(backend, clock=clock, concurrency=1))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


class _Most(random.Random):
    """Draws the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper end."""
        return b


async def test_replay_of_a_deferred_request_keeps_its_date(
    sandbox: Sandbox, service: Callable[..., SmsService]
) -> None:
    """A deferred request is repeated at night with the same key and date; people are texted once, in the morning."""
    move(sandbox, at(2, 21))
    sandbox.faults([{"fault": "reset_after", "times": 1}, {"fault": "reset_before", "times": 1}])
    run = service().stream(campaign(people(5), quiet_hours="defer"))
    told = {(progress.deferred_until, progress.paused_until) async for progress in run}
    assert told == {(at(3, 8), None)}
    assert run.result.all_accepted
    move(sandbox, at(3, 12))
    assert {moment for (moment,) in received(sandbox).values()} == {at(3, 8)}


@pytest.mark.parametrize("now", [at(2, 6), at(2, 12), at(2, 23), at(6, 19, 55), at(7, 12)])
async def test_all_zones_are_deferred_each_to_its_morning(sandbox: Sandbox, sms: SmsService, now: datetime) -> None:
    """Whatever the hour, one campaign of all zones texts everybody once, and nobody in his night."""
    sandbox.clock._start = now.timestamp()
    result = await sms.run(campaign([f"+{phone}" for phone in PEOPLE] + people(50), quiet_hours="defer"))
    assert result.all_accepted
    sandbox.advance(4 * 86400)
    assert_nobody_woken(sandbox)
    found = received(sandbox)
    assert len(found) == len(PEOPLE) + 50
    assert {len(moments) for moments in found.values()} == {1}


async def test_protocol_without_dates_waits_for_each_zone(
    sandbox: Sandbox, service: Callable[..., SmsService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no request carries a date, ``defer`` waits, each zone for its own morning."""
    monkeypatch.setattr(RestBackend, "limits", msgspec.structs.replace(RestBackend.limits, schedules=False))
    move(sandbox, at(2, 23))
    result = await service().run(campaign([f"+{phone}" for phone in PEOPLE], quiet_hours="defer"))
    assert result.all_accepted
    assert_nobody_woken(sandbox)
    assert {moment.hour for (moment,) in received(sandbox).values()} == {23, 6, 8}


async def test_ignored_hours_hold_nothing_up(sandbox: Sandbox, sms: SmsService) -> None:
    """An explicit ``ignore`` sends at night."""
    move(sandbox, at(2, 23))
    assert (await sms.run(campaign(people(20), quiet_hours="ignore"))).all_accepted
    assert {moment for (moment,) in received(sandbox).values()} == {at(2, 23)}


async def test_scheduled_campaign_is_checked_at_its_date(sandbox: Sandbox, sms: SmsService) -> None:
    """A date in the night is refused by day; one by day is taken at night, and zones that sleep at it are left out."""
    with pytest.raises(QuietHoursError) as caught:
        await sms.run(campaign(people(3), message=message(send_at=at(2, 21))))
    assert caught.value.next_legal == at(3, 8)
    move(sandbox, at(2, 23))
    late = campaign([*people(3), f"+{REUNION}"], message=message(send_at=at(3, 18)))
    result = await sms.run(late)
    assert (result.accepted, result.rejections) == (3, {"quiet_hours": 1})
    move(sandbox, at(4, 12))
    assert {moment for (moment,) in received(sandbox).values()} == {at(3, 18)}


async def test_transactional_campaign_is_never_held_up(sandbox: Sandbox, sms: SmsService) -> None:
    """Other purposes have no quiet hours, whatever the policy says."""
    move(sandbox, at(7, 3))
    for purpose in ("otp", "transactional"):
        one = campaign(people(3), message=message(purpose=purpose), quiet_hours="refuse")
        assert (await sms.run(one)).all_accepted
    assert sandbox.stats()["messages"] == 6


async def test_held_source_is_read_no_further_than_memory_allows(
    sandbox: Sandbox, evening: Callable[..., SmsService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a journal a paused campaign stops reading its source, and reads on in the morning."""
    monkeypatch.setattr("allmysms_async.batch.supervisor._MOST_HELD", 3)
    move(sandbox, at(2, 19, 40))
    read: list[str] = []

    def source() -> Iterator[str]:
        for phone in people(5000):
            read.append(phone)
            yield phone

    run = evening(5, at(2, 20)).stream(campaign(source()), chunk_size=20)
    at_pause = [len(read) async for step in run if step.paused_until is not None]
    assert run.result.all_accepted
    assert min(at_pause) < 2500
    assert_nobody_woken(sandbox)


async def test_stop_for_another_reason_is_told_as_ever(sandbox: Sandbox, service: Callable[..., SmsService]) -> None:
    """A wrong key stops a campaign of marketing as any other."""
    with pytest.raises(CampaignStopped):
        await service(key="wrong").run(campaign([Recipient("0612345678")]))


def test_clock_of_these_tests_starts_by_day() -> None:
    """A Tuesday at 10:00 in Paris: what does not move the clock is never in quiet hours."""
    assert datetime.fromtimestamp(Clock(tick=lambda: 0.0).now(), PARIS) == at(2, 10)


@pytest.mark.parametrize("quiet_hours", ["defer", "refuse"])
async def test_request_of_several_zones_is_parted_where_they_disagree(
    sandbox: Sandbox, evening: Callable[..., SmsService], monkeypatch: pytest.MonkeyPatch, quiet_hours: str
) -> None:
    """What was planned before zones were kept apart goes its own way by zone, once each, and nobody is woken."""

    def mixed(*args: Any, **options: Any) -> Planner:
        return Planner(*args, **options | {"zones": frozenset()})

    monkeypatch.setattr("allmysms_async.batch.reader.Planner", mixed)
    awake = ["33612345678", "262692123456", "508551234", "590690123456", "594694123456", "596696123456"]
    move(sandbox, at(2, 15))
    run = evening(1, at(2, 23)).stream(
        campaign([*people(10), *(f"+{phone}" for phone in awake), *people(30)[10:]], quiet_hours=quiet_hours),
        chunk_size=10,
    )
    async for _ in run:
        pass
    assert run.result.all_accepted
    sandbox.advance(2 * 86400)
    assert_nobody_woken(sandbox)
    assert Counter(len(moments) for moments in received(sandbox).values()) == {1: 36}
