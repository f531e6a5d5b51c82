"""When a marketing text may be sent to France: the rules by name, each with its date and its source.

No statute fixes these hours. Each rule binds by contract: the gateway's by its manual, the operators' by their charter.
"""

from __future__ import annotations

from datetime import date, time
from types import MappingProxyType
from typing import Final

import msgspec

__all__ = ["RULES", "HoursRule"]


class HoursRule(msgspec.Struct, frozen=True):
    """Between which hours a marketing text may be sent, by the recipient's own clock and calendar."""

    name: str
    """What ``rule=`` calls it."""
    opens: time
    """The first moment of the day that is allowed."""
    closes: time
    """The first moment that is not any more."""
    days_off: bool
    """Whether Sundays and public holidays are closed all day."""
    since: date
    """When it came into force, or was printed."""
    source: str
    """Where it stands."""
    note: str = ""
    """What else is known of it."""


RULES: Final = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            HoursRule(
                name="gateway",
                opens=time(8),
                closes=time(20),
                days_off=True,
                since=date(2022, 3, 21),
                source="HTTPS API v9 of 2022-03-21, §6 and §7.1: no commercial SMS to France from 20:00 to 08:00 on "
                "Monday to Saturday, nor on Sundays and public holidays",
            ),
            HoursRule(
                name="af2m",
                opens=time(8),
                closes=time(22),
                days_off=True,
                since=date(2024, 9, 1),
                source="af2m, Charte Business Messaging, in force since 2024-09-01: on working days (jours ouvrables) "
                "from 08:00 to 22:00, for all but functional messages",
                note="Its edition of 2026, announced on 2026-02-17, ends the day at 21:30 and tolerates Sundays and "
                "public holidays: with margin=timedelta(minutes=30) this rule keeps both.",
            ),
        )
    }
)
"""The rules by name; ``gateway`` is the default."""
