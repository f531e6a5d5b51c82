"""Quiet hours with a journal: across processes, kills and days."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from allmysms_async import Campaign, QuietHours, QuietHoursError, RestBackend, SmsMessage, SmsService
from allmysms_async.journal import Journal, schema
from allmysms_async.sandbox import Sandbox

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
PARIS = ZoneInfo("Europe/Paris")
MESSAGE = SmsMessage("Soldes demain. STOP au 36180", purpose="marketing")
# How the numbers of each zone begin, and the clocks that they may live by.
ZONES = {
    "+336123": ["Europe/Paris"],
    "+262692": ["Indian/Reunion", "Indian/Mayotte"],
    "+590690": ["America/Guadeloupe", "America/Marigot"],
    "+594694": ["America/Cayenne"],
    "+596696": ["America/Martinique"],
    "+68182": ["Pacific/Wallis"],
    "+68775": ["Pacific/Noumea"],
    "+68987": ["Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"],
}
_DIGITS = {"+336123": 5, "+262692": 6, "+590690": 6, "+594694": 6, "+596696": 6, "+68182": 4, "+68775": 4, "+68987": 6}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of March 2027 in Paris; the 1st is a Monday."""
    return datetime(2027, 3, day, hour, minute, tzinfo=PARIS)


def everywhere(each: int) -> list[str]:
    """Return so many numbers of each zone, mixed."""
    numbers = [f"{head}{number:0{_DIGITS[head]}d}" for head in ZONES for number in range(each)]
    random.Random(7).shuffle(numbers)
    return numbers


def people(count: int) -> list[str]:
    """Return so many numbers of metropolitan France."""
    return [f"336100{number:05d}" for number in range(count)]


def assert_each_once_by_day(sandbox: Sandbox, numbers: list[str]) -> None:
    """Assert that everybody has one text, and got it between 08:00 and 19:50 of a working day by his own clocks."""
    messages = list(sandbox.all_messages())
    assert sorted(message["phone"] for message in messages) == sorted(number.removeprefix("+") for number in numbers)
    for message in messages:
        clocks = next((clocks for head, clocks in ZONES.items() if message["phone"].startswith(head[1:])), None)
        for name in clocks or ["Europe/Paris"]:
            local = datetime.fromisoformat(message["received_at"]).astimezone(ZoneInfo(name))
            since = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
            assert timedelta(hours=8) <= since < timedelta(hours=19, minutes=50), message
            assert local.weekday() != 6, message


class SandboxClock:
    """The sandbox's own time; waiting moves it."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Follow a sandbox."""
        self._sandbox = sandbox

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._sandbox.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Let others run, then let the time have passed."""
        until = self._sandbox.clock.now() + seconds
        await asyncio.sleep(0.001)
        self._sandbox.advance(max(0.0, until - self._sandbox.clock.now()))


@pytest.fixture
async def make(sandbox: Sandbox) -> AsyncIterator[Callable[[], SmsService]]:
    """Make services whose clock is the sandbox's."""
    made: list[SmsService] = []

    def service() -> SmsService:
        backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url)
        made.append(SmsService(backend, clock=SandboxClock(sandbox), rng=random.Random(1)))
        return made[-1]

    yield service
    for each in made:
        await each.aclose()


async def move(sandbox: Sandbox, moment: datetime) -> None:
    """Move the sandbox's clock by its control API, once it has answered all that reached it before.

    What a killed process sent is read and looked at later, and would be so by the clock that was moved.
    """
    async with httpx.AsyncClient() as client:
        for _ in range(3):
            await client.get(f"{sandbox.http_url}/_sandbox/stats")
            while sandbox.in_flight:  # noqa: ASYNC110  # nothing tells of its end
                await asyncio.sleep(0.01)
        ahead = moment.timestamp() - sandbox.clock.now()
        answer = await client.post(f"{sandbox.http_url}/_sandbox/clock", json={"advance": ahead})
    assert answer.status_code == 200


@pytest.mark.timeout(250)
async def test_deferred_campaign_of_all_zones_survives_kills_and_the_night(sandbox, worker, journal):
    """Killed again and again in the evening, and once more the next day: everybody is texted once, by his own day."""
    numbers = everywhere(8)
    sandbox.faults(
        [
            {"fault": "latency", "seconds": 0.03},
            {"fault": "reset_after", "probability": 0.1},
            {"fault": "http_503", "probability": 0.1},
        ]
    )
    task = {"numbers": numbers, "count": 0, "quiet_hours": "defer", "chunk_size": 2, "concurrency": 3, "attempts": 3}
    task |= {"lease": 120.0, "timeout": 20.0}
    await move(sandbox, at(2, 20, 30))
    for life_number in range(KILLS + 1):
        if life_number == KILLS // 2 + 1:
            await move(sandbox, at(3, 12, 5))
        life = await worker(journal, began_at=sandbox.clock.now(), **task)
        before = None
        while (line := await life.line()) is not None:
            before = line.get("accepted", 0) if before is None and "accepted" in line else before
            if life_number < KILLS and line.get("accepted", 0) >= (before or 0) + 6:
                life.process.kill()
        await life.process.wait()
    end = life.lines[-1]
    sandbox.faults([])
    for _ in range(5):  # what an answer was lost of is asked about again
        if end["accepted"] == len(numbers):
            break
        life = await worker(journal, began_at=sandbox.clock.now(), **task)
        end = await life.end()
    assert (end["error"], end["accepted"], end["rows"], end["complete"]) == (None, len(numbers), len(numbers), True)
    await move(sandbox, at(6, 12))
    assert_each_once_by_day(sandbox, numbers)
    days = {datetime.fromisoformat(message["received_at"]).date() for message in sandbox.all_messages()}
    assert len(days) >= 2


@pytest.mark.slow
async def test_two_processes_pause_on_one_journal_and_go_on(sandbox, make, journal):
    """Both wait for the morning, and nobody is texted twice or at night."""
    await move(sandbox, at(2, 12))
    await begin(make(), journal, people(200))
    await move(sandbox, at(2, 21))
    results = await asyncio.gather(*(run_again(make(), journal, people(200)) for _ in range(2)))
    assert any(paused for _, paused in results)
    async with Journal(journal) as opened:
        assert (await opened.campaign()).result.all_accepted
    assert_each_once_by_day(sandbox, people(200))


def campaign(recipients, quiet_hours=None) -> Campaign:
    """Return a campaign; each call another object."""
    return Campaign("soldes", MESSAGE, recipients, False, quiet_hours)


async def begin(sms, journal, recipients, quiet_hours=None) -> None:
    """Begin a campaign, and stop it after its first answers."""
    run = sms.stream(campaign(recipients, quiet_hours), journal=journal, chunk_size=10, concurrency=1)
    async with aclosing(aiter(run)) as steps:
        async for step in steps:
            if step.accepted:
                break
    assert 0 < run.result.accepted < len(recipients)


async def run_again(sms, journal, recipients):
    """Continue it to its end; return the run and whether it paused."""
    run = sms.stream(campaign(recipients), journal=journal, chunk_size=10, concurrency=2)
    paused = [step.paused_until async for step in run if step.paused_until is not None]
    assert set(paused) <= {at(3, 8)}
    return run, bool(paused)


async def test_campaign_continued_at_night_pauses(sandbox, make, journal):
    """A process that continues a campaign at night raises nothing: it waits for the morning, also without a source."""
    await begin(make(), journal, people(100))
    await move(sandbox, at(2, 23))
    run = await make().resume(journal)
    assert {step.paused_until async for step in run} >= {at(3, 8)}
    await move(sandbox, at(3, 22))
    await make().run(campaign(people(100)), journal=journal)
    assert_each_once_by_day(sandbox, people(100))


async def test_refused_campaign_begins_another_day(sandbox, make, journal):
    """What was refused at night was not begun: the next day everybody awake is texted, and the journal says when."""
    await move(sandbox, at(2, 22))
    with pytest.raises(QuietHoursError):
        await make().run(campaign(people(20)), journal=journal)
    await move(sandbox, at(3, 9))
    assert (await make().run(campaign(people(20)), journal=journal)).all_accepted
    async with Journal(journal) as opened:
        stored = await opened.campaign()
    assert (stored.created_at, stored.quiet_hours) == (at(3, 9), None)


async def test_zone_left_out_at_the_beginning_stays_so(sandbox, make, journal):
    """However often the source is read again, also by day, who was rejected for quiet hours stays so, counted once."""
    await move(sandbox, at(2, 19))
    numbers = [*people(150), "+262692123456"]
    await begin(make(), journal, numbers)
    for day in (2, 3):
        await move(sandbox, at(day, 19 if day == 2 else 12))
        result = await make().run(campaign(numbers), journal=journal)
        assert (result.rows, result.accepted, result.rejections) == (151, 150, {"quiet_hours": 1})
    assert_each_once_by_day(sandbox, people(150))


@pytest.mark.parametrize("policy", ["defer", "ignore", QuietHours(rule="af2m")])
async def test_people_left_out_stay_so_under_another_policy(sandbox, make, journal, policy):
    """Rejected once, a row is not sent to when the campaign is continued otherwise, and counts once."""
    await move(sandbox, at(2, 21))
    numbers = [*people(40), *(f"+5906901000{number:02d}" for number in range(30)), *people(40)[:3]]
    await begin(make(), journal, numbers)
    for _ in range(2):
        result = await make().run(campaign(numbers, policy), journal=journal)
        assert (result.rows, result.accepted, result.rejections) == (73, 30, {"quiet_hours": 43})
    assert {message["phone"][:3] for message in sandbox.all_messages()} == {"590"}


@pytest.mark.parametrize("policy", ["defer", "ignore"])
async def test_what_begins_at_night_under_another_policy_leaves_out_nobody_by_day(sandbox, make, journal, policy):
    """Whoever was not read then is texted the next day, though the campaign refuses from then on."""
    await move(sandbox, at(2, 22))
    await begin(make(), journal, numbers := people(2000), policy)
    await move(sandbox, at(3, 12))
    result = await make().run(campaign(numbers), journal=journal)
    assert (result.rows, result.accepted, result.rejected) == (2000, 2000, 0)


async def test_ignored_hours_are_recorded(sandbox, make, tmp_path):
    """Who sent at night on purpose is told by the journal, with the moment; a resume does as the campaign was begun."""
    journal = str(tmp_path / "soldes.db")
    await move(sandbox, at(2, 23))
    sms = make()
    run = sms.stream(campaign(people(50), "ignore"), journal=journal, chunk_size=10, concurrency=1)
    async with aclosing(aiter(run)) as steps:
        async for step in steps:
            if step.accepted:
                break
    resumed = await sms.resume(journal)
    assert {step.paused_until async for step in resumed} == {None}
    async with Journal(journal) as opened:
        assert (await opened.campaign()).quiet_hours == QuietHours("ignore")
    engine = sa.create_engine(f"sqlite:///{journal}")
    with engine.connect() as connection:
        decided = connection.execute(sa.select(schema.decision.c.decided, schema.decision.c.decided_at)).all()
    engine.dispose()
    assert decided == [("ignore_quiet_hours", at(2, 23).timestamp())]
    assert {message["received_at"] for message in sandbox.all_messages()} == {at(2, 23).isoformat()}


async def test_policy_may_change_while_a_campaign_lasts(sandbox, make, journal):
    """What was begun by day may be deferred in the evening; the journal has what was said last."""
    await begin(make(), journal, people(100))
    await move(sandbox, at(2, 21))
    run = make().stream(campaign(people(100), QuietHours("defer", rule="af2m")), journal=journal)
    assert {step.deferred_until async for step in run} == {None}  # the operators' day is longer
    await move(sandbox, at(2, 23))
    async with Journal(journal) as opened:
        assert (await opened.campaign()).quiet_hours == QuietHours("defer", rule="af2m")
