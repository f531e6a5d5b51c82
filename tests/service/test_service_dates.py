"""Dates of sending: what the clocks of Paris cannot show once is refused, and the seconds beside it are not."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from allmysms_async.errors import InvalidSchedule
from allmysms_async.prepare.schedule import check_ahead, check_date
from tests.cases import each

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (datetime(2027, 3, 28, 2, 0, tzinfo=PARIS), "clock skips"),
        (datetime(2027, 3, 28, 2, 59, 59, tzinfo=PARIS), "clock skips"),
        (datetime(2027, 3, 28, 2, 30, tzinfo=PARIS, fold=1), "clock skips"),
        (datetime(2027, 3, 14, 2, 30, tzinfo=ZoneInfo("America/Miquelon")), "clock skips"),
        (datetime(2027, 10, 31, 2, 0, tzinfo=PARIS), "show twice"),
        (datetime(2027, 10, 31, 2, 59, 59, tzinfo=PARIS, fold=1), "show twice"),
        (datetime(2027, 10, 31, 0, 0, tzinfo=UTC), "show twice"),
        (datetime(2027, 10, 31, 1, 59, 59, tzinfo=UTC), "show twice"),
        (datetime(2028, 2, 1, 12, tzinfo=PARIS), "over a year ahead; nothing was sent"),
        (datetime(9000, 2, 1, 12, tzinfo=PARIS), "over a year ahead"),
    ],
)
def test_dates_that_cannot_be_told_are_refused(when: datetime, words: str) -> None:
    """Over a year ahead, or an hour that a clock skips or that those of Paris show twice."""
    with pytest.raises(InvalidSchedule, match=words):
        check_date(when, NOW)


@each(
    "when",
    [
        datetime(2027, 3, 28, 1, 59, 59, tzinfo=PARIS),
        datetime(2027, 3, 28, 3, tzinfo=PARIS),
        datetime(2027, 3, 28, 2, 30, tzinfo=timezone(timedelta(hours=-3))),
        datetime(2027, 10, 31, 1, 59, 59, tzinfo=PARIS),
        datetime(2027, 10, 31, 3, tzinfo=PARIS),
        datetime(2027, 10, 30, 23, 59, 59, tzinfo=UTC),
        datetime(2027, 10, 31, 2, tzinfo=UTC),
        datetime(2028, 1, 15, 12, tzinfo=UTC),
    ],
)
def test_dates_beside_those_are_taken(when: datetime) -> None:
    """The seconds before and after are like any other, as is a day in a year's time."""
    check_date(when, NOW)
    check_ahead(when, NOW)


def test_a_date_must_lie_ahead() -> None:
    """This very moment is past already."""
    check_ahead(NOW + timedelta(microseconds=1), NOW)
    for when in (NOW, NOW - timedelta(microseconds=1), NOW.astimezone(PARIS)):
        with pytest.raises(InvalidSchedule, match="in the past; nothing was sent"):
            check_ahead(when, NOW)
