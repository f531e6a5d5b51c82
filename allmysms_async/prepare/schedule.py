"""When a message is to be sent: a moment that the gateway can be told without a doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidSchedule

__all__ = ["check_ahead", "check_date"]

_YEAR: Final = timedelta(days=366)


def check_ahead(when: datetime, now: datetime) -> None:
    """Refuse a date that is past.

    Raises:
        InvalidSchedule: It is; nothing was sent.
    """
    if when <= now:
        msg = f"send_at, {when.isoformat()}, is in the past; nothing was sent."
        raise InvalidSchedule(msg)


def check_date(when: datetime, now: datetime) -> None:
    """Refuse a date over a year ahead, or in an hour that a clock skips or shows twice.

    The gateways are told the time that the clocks of Paris show: of the hour that these show twice, they cannot be told
    which is meant.

    Args:
        when: The date, aware, as ``argument.moment`` lets it pass.
        now: The present moment.

    Raises:
        InvalidSchedule: Saying which; nothing was sent.
    """
    if when - now > _YEAR:
        msg = f"send_at, {when.isoformat()}, is over a year ahead; nothing was sent."
        raise InvalidSchedule(msg, remedy="Check the year.")
    moment = when.astimezone(UTC)
    if moment.astimezone(when.tzinfo).replace(tzinfo=None) != when.replace(tzinfo=None):
        msg = f"send_at, {when.isoformat()}, is in the hour that its clock skips; nothing was sent."
        raise InvalidSchedule(msg, remedy="Give a time an hour earlier or later.")
    shown = moment.astimezone(PARIS)
    if shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset():
        msg = (
            f"send_at, {when.isoformat()}, is in the hour that the clocks of Paris show twice, and the gateway is told "
            "no more than what they show; nothing was sent."
        )
        raise InvalidSchedule(msg, remedy="Give a time an hour earlier or later.")
