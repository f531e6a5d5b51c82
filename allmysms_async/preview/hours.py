"""Whether a marketing text may be sent at a moment, zone by zone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from allmysms_async.model import QuietHours
from allmysms_async.preview.result import ZoneHours

__all__ = ["hours_of"]


async def hours_of(people: Mapping[str, int], instant: datetime, quiet: QuietHours) -> tuple[ZoneHours, ...]:
    """Return what quiet hours say of each zone of France that people are in, the most people first.

    The law's tables are imported in a thread: its calendars take a tenth of a second.

    Args:
        people: How many are in which country code.
        instant: The moment to look at, aware.
        quiet: Which hours; whatever is done about them.
    """
    return await asyncio.to_thread(_hours_of, people, instant, quiet)


def _hours_of(people: Mapping[str, int], instant: datetime, quiet: QuietHours) -> tuple[ZoneHours, ...]:
    from allmysms_async.law import ZONES, next_legal

    found: list[ZoneHours] = []
    for code, count in sorted(people.items(), key=lambda each: (-each[1], each[0])):
        if (zone := ZONES.get(code)) is None:
            continue
        opens = next_legal(zone, instant, rule=quiet.rule, margin=quiet.margin, alsace_moselle=quiet.alsace_moselle)
        found.append(
            ZoneHours(zone=zone.name, code=code, recipients=count, may_send=opens <= instant, next_legal=opens)
        )
    return tuple(found)
