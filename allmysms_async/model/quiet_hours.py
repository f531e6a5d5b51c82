"""What becomes of a marketing text that would reach somebody in his quiet hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, TypeAlias, cast, get_args

from allmysms_async import argument
from allmysms_async.errors import InvalidRequest
from allmysms_async.model.vocabulary import Purpose
from allmysms_async.redaction import Shown

__all__ = ["HoursRuleName", "QuietHours", "QuietPolicy", "checked_quiet_hours", "quiet_hours_of"]

QuietPolicy: TypeAlias = Literal["refuse", "defer", "ignore"]
"""What is done about a marketing text in quiet hours."""

HoursRuleName: TypeAlias = Literal["gateway", "af2m"]
"""Which hours: a name of ``law.RULES``."""

_MAX_MARGIN = timedelta(hours=6)


class QuietHours(Shown, frozen=True):
    """What becomes of marketing texts in the quiet hours of each recipient's own zone; other purposes have none.

    No statute fixes the hours: each rule is the gateway's or the operators' own, see ``law.RULES``.

    Attributes:
        policy: ``refuse``: nothing begins in quiet hours, ``QuietHoursError`` names the next legal moment; people of a
            zone that has them when a campaign begins are rejected as ``quiet_hours``; a campaign that runs into them
            pauses and goes on by itself. ``defer``: each zone's part is scheduled for its next legal moment, and waits
            for it where the protocol schedules nothing. ``ignore``: sent at any hour; a journal records that.
        rule: ``gateway`` (08:00 to 20:00, no Sundays, no public holidays) or ``af2m`` (08:00 to 22:00, likewise).
        margin: How long before their end nothing is sent any more, 0 to 6 hours: a text takes its time to arrive.
        alsace_moselle: Whether Good Friday and 26 December count in metropolitan France.
    """

    policy: QuietPolicy = "refuse"
    rule: HoursRuleName = "gateway"
    margin: timedelta = timedelta(minutes=10)
    alsace_moselle: bool = False


def checked_quiet_hours(given: object) -> QuietHours:
    """Return what a caller asks for of quiet hours.

    Args:
        given: A ``QuietHours``, the name of a policy alone, or None for the default.

    Raises:
        InvalidRequest: It is something else.
    """
    policies = get_args(QuietPolicy)
    if isinstance(given, str):
        argument.one_of("quiet_hours", given, policies)
        given = QuietHours(cast("QuietPolicy", given))
    quiet = QuietHours() if given is None else given
    if not isinstance(quiet, QuietHours):
        argument.given("quiet_hours", quiet, QuietHours, f"a QuietHours, or {', '.join(policies)}")
        return QuietHours()  # it never comes here
    argument.one_of("quiet_hours.policy", quiet.policy, policies)
    argument.one_of("quiet_hours.rule", quiet.rule, get_args(HoursRuleName))
    argument.given("quiet_hours.alsace_moselle", quiet.alsace_moselle, bool, "true or false")
    argument.given("quiet_hours.margin", quiet.margin, timedelta, "a timedelta")
    if not timedelta() <= quiet.margin <= _MAX_MARGIN:
        msg = "quiet_hours.margin must be 0 to 6 hours; nothing was sent."
        raise InvalidRequest(msg)
    return quiet


def quiet_hours_of(purpose: Purpose | None, given: object) -> QuietHours | None:
    """Return what is to be done about quiet hours, or None if nothing is.

    Args:
        purpose: Why it is sent: only ``marketing`` has quiet hours.
        given: As for ``checked_quiet_hours``.

    Raises:
        InvalidRequest: It is something else.
    """
    if given is None and purpose != "marketing":
        return None
    quiet = checked_quiet_hours(given)
    return quiet if purpose == "marketing" and quiet.policy != "ignore" else None
