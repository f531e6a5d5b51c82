"""A preview of marketing says whether it may be sent now, zone by zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from allmysms_async import Campaign, InvalidText, SmsMessage, SmsService

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


async def hours_at(now: datetime, message: SmsMessage) -> Any:
    """Return the preview's hours by country code."""
    async with SmsService(Taking(), clock=At(now)) as sms:
        preview = await sms.preview(Campaign("essai", message, PEOPLE))
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


@pytest.mark.parametrize("purpose", ["transactional", "otp"])
async def test_other_purposes_are_never_held_up(purpose: Any) -> None:
    """Nothing is said of their hours, at night as little as by day."""
    night = datetime(2027, 3, 2, 2, tzinfo=UTC)
    assert await hours_at(night, SmsMessage("Bonjour", purpose=purpose)) == (True, {})


async def test_words_to_opt_out_by_are_counted_as_the_run_adds_them() -> None:
    """A text that ``add_stop`` makes longer is measured with it, and one that lacks it is refused as by a run."""
    message = SmsMessage("a" * 150, sender="MAGASIN", purpose="marketing", add_stop=True)
    async with SmsService(Taking(), clock=At(datetime(2027, 3, 2, 9, tzinfo=UTC))) as sms:
        preview = await sms.preview(Campaign("essai", message, PEOPLE))
        assert preview.histogram == {2: 5}
        lacking = SmsMessage("Soldes", sender="MAGASIN", purpose="marketing")
        with pytest.raises(InvalidText, match="opt out"):
            await sms.preview(Campaign("essai", lacking, PEOPLE))
