"""Quiet hours as the engine keeps them agree with the law at every moment, whatever it was asked before."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.backend import SendRequest
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.reconcile import reconcile
from allmysms_async.batch.record import Stranded
from allmysms_async.errors import QuietHoursError
from allmysms_async.law import RULES, ZONES, may_send, next_legal, zone_of
from allmysms_async.model import Campaign, MmsMessage, QuietHours, Recipient, SmsMessage, quiet_hours_of
from allmysms_async.text import Coding

BEGIN = datetime(2027, 3, 25, tzinfo=UTC)  # with a change of clocks, Good Friday, Easter Monday and Labour Day ahead
PHONES = {
    "33": "33612345678",
    "262": "262692123456",
    "508": "508551234",
    "590": "590690123456",
    "594": "594694123456",
    "596": "596696123456",
    "681": "681821234",
    "687": "687751234",
    "689": "68987123456",
    "": "32470123456",
}


class SetClock:
    """A clock that shows what it is told."""

    def __init__(self) -> None:
        """Begin."""
        self.at = BEGIN

    def now(self) -> datetime:
        """Return the present moment."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds."""
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.at += timedelta(seconds=seconds)


def request(*phones: str, mms: MmsMessage | None = None) -> SendRequest:
    """Return a request to some numbers."""
    message = SmsMessage("Soldes", purpose="marketing")
    recipients = tuple(map(Recipient, phones))
    return SendRequest(message=message, text="Soldes", coding=Coding.GSM7, recipients=recipients, parts=1, mms=mms)


def hours(clock: SetClock, policy: Any = "refuse", *, schedules: bool = True, **options: Any) -> Hours:
    """Return what keeps quiet hours."""
    send_at = options.pop("send_at", None)
    return Hours(QuietHours(policy, **options), clock=clock, send_at=send_at, schedules=schedules)


MOMENTS = st.floats(0, 45 * 86400).map(lambda seconds: BEGIN + timedelta(seconds=round(seconds)))


@given(
    asked=st.lists(st.tuples(MOMENTS, st.sampled_from(sorted(PHONES))), min_size=1, max_size=12),
    rule=st.sampled_from(sorted(RULES)),
    alsace_moselle=st.booleans(),
)
def test_answers_are_the_laws(asked: list[tuple[datetime, str]], rule: Any, alsace_moselle: bool) -> None:
    """In any order of moments a request waits exactly until its zone's next legal one, or is given that as its date."""
    clock = SetClock()
    options = {"rule": rule, "alsace_moselle": alsace_moselle}
    waits, dates = hours(clock, **options), hours(clock, "defer", **options)
    for clock.at, code in asked:
        one = request(PHONES[code])
        zone = zone_of(int(PHONES[code]))
        legal = next_legal(zone, clock.at, **options)
        found = waits.zones_of(one.recipients)
        assert found == (zone,)
        until = waits.held_until(found, whole=False)
        assert (until is None) == may_send(zone, clock.at, **options)
        assert until is None or until == legal.timestamp()
        given_date = dates.dated(one, found, clock.at.timestamp()).message.send_at
        assert given_date == (None if until is None else legal)
        soon = until is not None and until - clock.at.timestamp() <= 60
        assert dates.held_until(found, whole=False) == (until if soon else None)


@given(codes=st.lists(st.sampled_from(sorted(PHONES)), min_size=1, max_size=4, unique=True), at=MOMENTS)
def test_moment_of_several_zones_is_legal_in_all(codes: list[str], at: datetime) -> None:
    """One request to several zones is given a moment that all of them have, or is refused because there is none."""
    clock = SetClock()
    clock.at = at
    one, kept = request(*(PHONES[code] for code in codes)), hours(clock, "defer")
    zones = kept.zones_of(one.recipients)
    assert set(zones) == {zone_of(int(PHONES[code])) for code in codes}
    date = None
    with contextlib.suppress(QuietHoursError):
        date = kept.dated(one, zones, at.timestamp()).message.send_at or at
    if date is None:
        for step in range(0, 3 * 86400, 600):
            assert not all(may_send(zone, at + timedelta(seconds=step)) for zone in zones)
    else:
        assert date >= at
        assert all(may_send(zone, date) for zone in zones)
    parted = kept.parted(one.recipients)
    assert [wanted.index(True) for wanted in parted] == list(range(len(codes)))
    assert all(sum(wanted) == 1 for wanted in parted)


async def test_replay_keeps_the_first_date_while_it_lies_ahead() -> None:
    """Later in the night the date of the first attempt is repeated; past it the request goes as it is."""
    clock = SetClock()
    clock.at = first = datetime(2027, 3, 2, 20, tzinfo=UTC)
    kept, one = hours(clock, "defer"), request(PHONES["33"], mms=MmsMessage(text="Soldes", purpose="marketing"))
    await kept.load()
    assert kept.zones == frozenset(ZONES)
    zones = kept.zones_of(one.recipients)
    morning = datetime(2027, 3, 3, 7, tzinfo=UTC)
    for later in (0, 5, 10):
        clock.at = first + timedelta(hours=later)
        dated = kept.dated(one, zones, first.timestamp())
        assert dated.message.send_at == morning
        assert dated.mms is not None
        assert dated.mms.send_at == morning
    clock.at = morning + timedelta(hours=1)
    assert kept.dated(one, zones, first.timestamp()) is one
    clock.at = morning + timedelta(hours=14)
    assert kept.dated(one, zones, first.timestamp()).message.send_at == morning + timedelta(days=1)
    assert kept.date_of(one.recipients, first.timestamp()) == morning
    assert kept.date_of(one.recipients, clock.at.timestamp() - 10 * 3600) is None


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("send_at", [None, datetime(2027, 3, 3, 6, 59, 30, tzinfo=UTC)])
def test_date_that_comes_in_a_minute_is_waited_for(whole: bool, send_at: datetime | None) -> None:
    """A gateway whose clock is ahead would refuse it as past, and so end the campaign."""
    clock = SetClock()
    kept = hours(clock, "defer", send_at=send_at)
    zones = kept.zones_of(request(PHONES["33"]).recipients)
    morning = datetime(2027, 3, 3, 7, tzinfo=UTC)
    for ahead, until in ((61, None), (60, morning.timestamp()), (1, morning.timestamp()), (0, None), (-60, None)):
        clock.at = morning - timedelta(seconds=ahead)
        assert kept.held_until(zones, whole=whole) == until


class Lists:
    """A gateway's lists, in which nothing is found."""

    def __init__(self) -> None:
        """Know of no question."""
        self.moments: list[list[datetime]] = []

    async def find_send(self, name: str, moments: Sequence[datetime], *, campaign_id: str | None = None) -> None:
        """Note the moments that are looked at."""
        del name, campaign_id
        self.moments.append(list(moments))


@pytest.mark.parametrize(("policy", "dates"), [("defer", [datetime(2027, 3, 3, 7, tzinfo=UTC)]), ("refuse", [])])
async def test_deferred_request_is_looked_up_at_the_date_it_was_given(policy: str, dates: list[datetime]) -> None:
    """The gateway's lists have it by that date, and not only by the moment at which it was handed over."""
    first, lists = datetime(2027, 3, 2, 20, tzinfo=UTC), Lists()
    recipients = (Recipient(PHONES["33"]),)
    chunk = Chunk(
        seq=1, text="Soldes", coding=Coding.GSM7, params=0, recipients=recipients, rows=(1,), parts=1,
        first_sent_at=first.timestamp(),
    )  # fmt: skip
    campaign = Campaign("soldes", SmsMessage("Soldes", purpose="marketing"), ())
    kept = hours(SetClock(), policy)
    assert [each async for each in reconcile(lists, campaign, "run", [Stranded(chunk=chunk)], kept)] == []
    assert lists.moments == [[first, *dates]]


def test_only_marketing_has_quiet_hours() -> None:
    """Other purposes have none, nor has what ignores them; a policy's name stands for its defaults."""
    for purpose in ("otp", "transactional", None):
        assert quiet_hours_of(purpose, "refuse") is None  # type: ignore[arg-type]
    assert quiet_hours_of("marketing", "ignore") is None
    assert quiet_hours_of("marketing", None) == quiet_hours_of("marketing", "refuse") == QuietHours()
    assert quiet_hours_of("marketing", QuietHours("defer", rule="af2m")) == QuietHours("defer", rule="af2m")
    assert msgspec.json.decode(msgspec.json.encode(QuietHours("defer")), type=QuietHours) == QuietHours("defer")


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_of_the_law_can_be_named(name: Any) -> None:
    """The policy knows the rules that the law does, and their margins."""
    from allmysms_async.law import MARGIN, MAX_MARGIN

    quiet = QuietHours(rule=name, margin=MAX_MARGIN)
    assert quiet_hours_of("marketing", quiet) is quiet
    assert QuietHours().margin == MARGIN
    with pytest.raises(ValueError, match="margin"):
        quiet_hours_of("marketing", QuietHours(margin=MAX_MARGIN + timedelta(seconds=1)))
