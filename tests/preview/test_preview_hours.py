"""A preview of marketing says whether it may be sent now, zone by zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from allmysms_async import Campaign, InvalidText, QuietHours, SmsMessage, SmsService
from allmysms_async.model import Reason

from .conftest import Taking

PEOPLE = ["0612345678", "0612345679", "0692123456", "0690123456", "+32470123456"]


class At:
    """A clock that stands."""

    def __init__(self, now: datetime) -> None:
        """Stand at a moment."""
        self._now = now

    def now(self) -> datetime:
        """Return the moment."""
        return self._now

    def monotonic(self) -> float:
        """Return nothing that moves."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait for nothing."""


async def hours_at(now: datetime, message: SmsMessage, **options: Any) -> Any:
    """Return the preview's hours by country code."""
    async with SmsService(Taking(), clock=At(now)) as sms:
        preview = await sms.preview(Campaign("essai", message, PEOPLE, **options))
    told = {each.code: (each.recipients, each.may_send, each.next_legal.astimezone(UTC)) for each in preview.hours}
    return preview.may_send, told


async def test_each_zone_is_told_by_its_own_clock() -> None:
    """On a Tuesday at 07:30 in Paris it is early there and in Guadeloupe, and 10:30 in Réunion."""
    now = datetime(2027, 3, 2, 6, 30, tzinfo=UTC)
    marketing = SmsMessage("Soldes. STOP au 36180", purpose="marketing")
    assert await hours_at(now, marketing) == (
        False,
        {
            "33": (2, False, datetime(2027, 3, 2, 7, tzinfo=UTC)),
            "262": (1, True, now),
            "590": (1, False, datetime(2027, 3, 2, 12, tzinfo=UTC)),
        },
    )


async def test_date_of_the_message_is_what_counts() -> None:
    """A text that is given a date is looked at by it, and not by the moment of the preview."""
    when = datetime(2027, 3, 2, 17, tzinfo=UTC)
    marketing = SmsMessage("Soldes. STOP au 36180", purpose="marketing", send_at=when)
    allowed, told = await hours_at(datetime(2027, 3, 2, 3, tzinfo=UTC), marketing)
    assert (allowed, told["33"], told["590"]) == (False, (2, True, when), (1, True, when))
    assert told["262"] == (1, False, datetime(2027, 3, 3, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("quiet", "france"),
    [
        (None, (2, False, datetime(2027, 3, 26, 7, tzinfo=UTC))),
        (QuietHours("ignore", rule="af2m"), (2, True, datetime(2027, 3, 25, 19, 30, tzinfo=UTC))),
        (QuietHours("defer", alsace_moselle=True), (2, False, datetime(2027, 3, 27, 7, tzinfo=UTC))),
        ("defer", (2, False, datetime(2027, 3, 26, 7, tzinfo=UTC))),
        (QuietHours("defer", "af2m", timedelta(hours=3), True), (2, False, datetime(2027, 3, 27, 7, tzinfo=UTC))),
    ],
)
async def test_hours_are_those_of_the_campaign(quiet: Any, france: Any) -> None:
    """Its rule, its margin and whether Good Friday counts, as the run has them; whatever is done about them."""
    now = datetime(2027, 3, 25, 19, 30, tzinfo=UTC)
    marketing = SmsMessage("Soldes. STOP au 36180", purpose="marketing")
    _, told = await hours_at(now, marketing, quiet_hours=quiet)
    assert told["33"] == france


@pytest.mark.parametrize("quiet", [None, "defer", "ignore"])
async def test_whom_quiet_hours_leave_out_is_rejected(quiet: Any) -> None:
    """In the evening of Paris La Réunion is asleep and left out by default; its hours are told all the same."""
    clock = At(datetime(2027, 3, 2, 17, tzinfo=UTC))
    campaign = Campaign("essai", SmsMessage("Soldes. STOP au 36180", purpose="marketing"), PEOPLE, quiet_hours=quiet)
    async with SmsService(Taking(), clock=clock) as sms:
        preview = await sms.preview(campaign)
    left_out = 0 if quiet else 1
    assert (preview.recipients, preview.rejections.get(Reason.QUIET_HOURS, 0)) == (5 - left_out, left_out)
    assert [outcome.row for outcome in preview.first_rejected.get(Reason.QUIET_HOURS, ())] == [3] * left_out
    assert {zone.code: zone.recipients for zone in preview.hours} == {"33": 2, "262": 1, "590": 1}
    assert preview.begins_at is None


async def test_campaign_that_would_be_refused_is_counted_as_if_it_were_not() -> None:
    """At night in all of its zones, the preview has the parts of everybody and says from when a run may begin."""
    now = datetime(2027, 3, 2, 2, tzinfo=UTC)
    campaign = Campaign("essai", SmsMessage("Soldes. STOP au 36180", purpose="marketing"), [*PEOPLE[:4], "rien"])
    async with SmsService(Taking(), clock=At(now)) as sms:
        preview = await sms.preview(campaign)
    assert (preview.recipients, preview.rejections) == (4, {"malformed": 1})
    assert preview.begins_at == datetime(2027, 3, 2, 5, tzinfo=UTC)  # La Réunion and Mayotte


@pytest.mark.parametrize("purpose", ["transactional", "otp"])
async def test_other_purposes_are_never_held_up(purpose: Any) -> None:
    """Nothing is said of their hours, at night as little as by day."""
    night = datetime(2027, 3, 2, 2, tzinfo=UTC)
    assert await hours_at(night, SmsMessage("Bonjour", purpose=purpose)) == (True, {})


async def test_words_to_opt_out_by_are_counted_as_the_run_adds_them() -> None:
    """A text that ``add_stop`` makes longer is measured with it, and one that lacks it is refused as by a run."""
    message = SmsMessage("a" * 150, sender="MAGASIN", purpose="marketing", add_stop=True)
    async with SmsService(Taking(), clock=At(datetime(2027, 3, 2, 14, tzinfo=UTC))) as sms:
        preview = await sms.preview(Campaign("essai", message, PEOPLE))
        assert preview.histogram == {2: 5}
        lacking = SmsMessage("Soldes", sender="MAGASIN", purpose="marketing")
        with pytest.raises(InvalidText, match="opt out"):
            await sms.preview(Campaign("essai", lacking, PEOPLE))
