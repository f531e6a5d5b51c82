"""When a marketing text may be sent to a zone: now, from when, and until when. Pure: the caller brings the moment.

Source: HTTPS API v9, §6, §7.1. No statute fixes these hours; the rules are in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allmysms_async import argument
from allmysms_async.border import border
from allmysms_async.errors import InvalidRequest
from allmysms_async.law.holiday import is_holiday
from allmysms_async.law.rule import RULES, HoursRule
from allmysms_async.law.zone import Territory, Zone

__all__ = ["MARGIN", "MAX_MARGIN", "NO_END", "legal_until", "may_send", "next_legal"]

MARGIN: Final = timedelta(minutes=10)
"""How long before the end of the hours nothing is sent any more, by default: a text takes its time to arrive."""

MAX_MARGIN: Final = timedelta(hours=6)
"""The longest margin: the territories of one code are an hour apart, and must have hours in common."""

NO_END: Final = datetime(9998, 12, 31, tzinfo=UTC)
"""What ``legal_until`` returns where no rule is known."""

_SUNDAY: Final = 6
_DAY: Final = timedelta(days=1)


@border
def may_send(
    zone: Zone,
    instant: datetime,
    *,
    rule: str = "gateway",
    margin: timedelta = MARGIN,
    alsace_moselle: bool = False,
) -> bool:
    """Tell whether a marketing text may be sent to a zone at a moment, by all of its clocks and calendars.

    Args:
        zone: Where the recipient is; ``ELSEWHERE`` has no rule here, and anything may be sent.
        instant: The moment, aware.
        rule: A name of ``RULES``.
        margin: How long before the end of the hours nothing is sent any more, from 0 to 6 hours.
        alsace_moselle: Whether Good Friday and 26 December are closed in metropolitan France.

    Raises:
        InvalidRequest: The moment is naive, there is no such rule, or the margin cannot be right.
    """
    hours, moment = _checked(instant, rule, margin)
    return all(_open(clock, where, moment, hours, margin, alsace_moselle) for where, clock in _clocks(zone))


@border
def next_legal(
    zone: Zone,
    instant: datetime,
    *,
    rule: str = "gateway",
    margin: timedelta = MARGIN,
    alsace_moselle: bool = False,
) -> datetime:
    """Return the first moment, at or after one, at which a marketing text may be sent to a zone.

    Args:
        zone: As for ``may_send``.
        instant: As for ``may_send``.
        rule: As for ``may_send``.
        margin: As for ``may_send``.
        alsace_moselle: As for ``may_send``.

    Returns:
        ``instant`` itself where that is legal, else the moment by the zone's (first) clock.

    Raises:
        InvalidRequest: As for ``may_send``.
    """
    hours, moment = _checked(instant, rule, margin)
    clocks = tuple(_clocks(zone))
    found = moment
    while True:
        before = found
        for where, clock in clocks:
            found = _opening(clock, where, found, hours, margin, alsace_moselle)
        if found == before:
            break
    return instant if found == moment else found.astimezone(clocks[0][1])


@border
def legal_until(
    zone: Zone,
    instant: datetime,
    *,
    rule: str = "gateway",
    margin: timedelta = MARGIN,
    alsace_moselle: bool = False,
) -> datetime:
    """Return when the hours end that a moment is in: the first moment, margin included, that is not legal any more.

    Args:
        zone: As for ``may_send``.
        instant: As for ``may_send``.
        rule: As for ``may_send``.
        margin: As for ``may_send``.
        alsace_moselle: As for ``may_send``.

    Returns:
        The moment by the zone's (first) clock; ``instant`` itself where it is not legal; ``NO_END`` elsewhere.

    Raises:
        InvalidRequest: As for ``may_send``.
    """
    hours, moment = _checked(instant, rule, margin)
    clocks = tuple(_clocks(zone))
    if not clocks:
        return NO_END
    if not all(_open(clock, where, moment, hours, margin, alsace_moselle) for where, clock in clocks):
        return instant
    ends = (_at(moment.astimezone(clock).date(), hours.closes, clock) - margin for _, clock in clocks)
    return min(ends).astimezone(clocks[0][1])


def _checked(instant: datetime, rule: str, margin: timedelta) -> tuple[HoursRule, datetime]:
    """Return the rule of a name, and a moment in UTC."""
    moment = argument.moment("instant", instant)
    argument.one_of("rule", rule, RULES)
    argument.given("margin", margin, timedelta, "a timedelta")
    if not timedelta() <= margin <= MAX_MARGIN:
        msg = f"margin must be 0 to {MAX_MARGIN // timedelta(hours=1)} hours; nothing was sent."
        raise InvalidRequest(msg)
    return RULES[rule], moment.astimezone(UTC)


def _clocks(zone: Zone) -> Iterator[tuple[Territory, ZoneInfo]]:
    """Return each clock of a zone with the territory that goes by it."""
    argument.given("zone", zone, Zone, "a Zone, such as zone_of(33612345678)")
    for territory in zone.territories:
        for clock in territory.time_zones:
            yield territory, clock


def _at(day: date, hour: time, clock: ZoneInfo) -> datetime:
    """Return the moment of a day at which a clock shows an hour; no clock of these is changed by day."""
    return datetime.combine(day, hour, clock).astimezone(UTC)


def _is_off(day: date, where: Territory, hours: HoursRule, alsace_moselle: bool) -> bool:
    return hours.days_off and (day.weekday() == _SUNDAY or is_holiday(where, day, alsace_moselle=alsace_moselle))


def _open(
    clock: ZoneInfo, where: Territory, moment: datetime, hours: HoursRule, margin: timedelta, alsace_moselle: bool
) -> bool:
    """Tell whether a moment is within the hours of one clock."""
    day = moment.astimezone(clock).date()
    if not _at(day, hours.opens, clock) <= moment < _at(day, hours.closes, clock) - margin:
        return False
    return not _is_off(day, where, hours, alsace_moselle)


def _opening(
    clock: ZoneInfo, where: Territory, moment: datetime, hours: HoursRule, margin: timedelta, alsace_moselle: bool
) -> datetime:
    """Return the first moment, at or after one, that is within the hours of one clock."""
    if _open(clock, where, moment, hours, margin, alsace_moselle):
        return moment
    day = moment.astimezone(clock).date()
    if moment >= _at(day, hours.opens, clock):
        day += _DAY
    while _is_off(day, where, hours, alsace_moselle):
        day += _DAY
    return _at(day, hours.opens, clock)
