"""Whether a marketing text may be sent now, zone by zone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from allmysms_async.preview.result import CountryShare, ZoneHours

__all__ = ["hours_of"]


async def hours_of(countries: Sequence[CountryShare], instant: datetime) -> tuple[ZoneHours, ...]:
    """Return what quiet hours say of each zone of France that recipients are in, the most recipients first.

    The law's tables are imported in a thread: its calendars take a tenth of a second.

    Args:
        countries: Who is where.
        instant: The moment to look at, aware.
    """
    return await asyncio.to_thread(_hours_of, countries, instant)


def _hours_of(countries: Sequence[CountryShare], instant: datetime) -> tuple[ZoneHours, ...]:
    from allmysms_async.law import ZONES, may_send, next_legal

    return tuple(
        ZoneHours(
            zone=zone.name,
            code=each.code,
            recipients=each.recipients,
            may_send=may_send(zone, instant),
            next_legal=next_legal(zone, instant),
        )
        for each in countries
        if (zone := ZONES.get(each.code)) is not None
    )
