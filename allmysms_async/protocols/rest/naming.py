"""How names and dates are written on the wire.

Source: HTTPS API v9, §7.2, §21, §23.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from allmysms_async.clock import PARIS
from allmysms_async.errors import InvalidSchedule

"""The gateway writes and reads wall-clock time of Paris."""

Naming: TypeAlias = Callable[[str], str]
"""Turns a Python name into a wire name; a result class says with ``wire_name`` which one its fields follow."""


def camel(name: str) -> str:
    """Return the usual wire name of a Python name: ``campaign_id`` is ``campaignId``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def pascal(name: str) -> str:
    """Return the wire name of a sub-account's field: ``last_name`` is ``LastName``."""
    return "".join(part.capitalize() for part in name.split("_"))


def shout(name: str) -> str:
    """Return the wire name of a flow's variable: ``last_name`` is ``LASTNAME``."""
    # The one that is printed with its underscore. Source: HTTPS API v9, §7.2, annex 12.
    return "CAMPAIGN_NAME" if name == "campaign_name" else name.replace("_", "").upper()


def wire_date(moment: datetime) -> str:
    """Return an aware datetime as the gateway writes it, wall-clock time of Paris.

    Raises:
        InvalidSchedule: The datetime is naive.

    Source: HTTPS API v9, §7.2.
    """
    if moment.tzinfo is None:
        msg = "A date is without a time zone, so it is not known which moment is meant; nothing was sent."
        raise InvalidSchedule(msg)
    return moment.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")
