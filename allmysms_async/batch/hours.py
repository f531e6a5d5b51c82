"""Quiet hours as the engine keeps them: what may leave now, with which date, and what waits until when.

The law is imported when it is loaded, beside the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from allmysms_async.backend import SendRequest
from allmysms_async.batch.block import Row
from allmysms_async.clock import Clock
from allmysms_async.errors import InvalidNumber, QuietHoursError
from allmysms_async.model import People, QuietHours, Recipient
from allmysms_async.numbers import canonical_number

if TYPE_CHECKING:
    from allmysms_async.law import Zone

__all__ = ["Hours"]

_REMEDY = (
    'Send it then; or say quiet_hours="defer", which has the gateway send each zone\'s part at its next legal moment; '
    'quiet_hours="ignore" sends it now.'
)
_HOME = "33"
_ROUNDS = 40  # each goes on by half a day or so
_KEPT = 4
_SOON = 60.0
"""Seconds before a legal moment in which it is waited for, and not told as a date: a gateway refuses one just past."""


class _Window(msgspec.Struct, frozen=True):
    """A stretch of Unix time in a zone, from a moment that was looked at to the end of the same answer."""

    since: float
    until: float
    legal: bool


class Hours:
    """When a marketing message may be sent to whom.

    Args:
        quiet: What is to be done about quiet hours.
        clock: Where the time comes from.
        send_at: The message's own date, or None.
        schedules: Whether a request can carry a date.

    Attributes:
        zones: The country codes that have hours of their own; empty until they are loaded.
        deferred_until: The latest moment that anything was given as its date because of quiet hours.
    """

    def __init__(self, quiet: QuietHours, *, clock: Clock, send_at: datetime | None, schedules: bool) -> None:
        self.zones: frozenset[str] = frozenset()
        self.deferred_until: datetime | None = None
        self._rule: dict[str, Any] = {
            "rule": quiet.rule,
            "margin": quiet.margin,
            "alsace_moselle": quiet.alsace_moselle,
        }
        self._clock = clock
        self._send_at = None if send_at is None else send_at.timestamp()
        self._refuses = quiet.policy == "refuse"
        self._dates = quiet.policy == "defer" and schedules
        self._windows: dict[Zone, list[_Window]] = {}
        self._of_heads: dict[frozenset[str], tuple[Zone, ...]] = {}

    async def load(self) -> None:
        """Get ready, in a thread: calendars take a tenth of a second."""
        if not self.zones:
            await asyncio.to_thread(self._load)

    def _load(self) -> None:
        from allmysms_async.law import ZONES, load_holidays

        load_holidays()
        moment = self._moment(self._now())
        for zone in ZONES.values():
            self._opens(zone, moment)
        self.zones = frozenset(ZONES)

    # -- one zone -----------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _moment(self, now: float) -> float:
        """Return when a message is sent that is handed over at a moment and has no other date than its own."""
        return now if self._send_at is None or self._send_at <= now else self._send_at

    def _opens(self, zone: Zone, moment: float) -> float:
        """Return the first legal moment at or after one."""
        windows = self._windows.setdefault(zone, [])
        for window in windows:
            if window.since <= moment < window.until:
                return moment if window.legal else window.until
        from allmysms_async.law import legal_until, next_legal

        instant = datetime.fromtimestamp(moment, UTC)
        opens = next_legal(zone, instant, **self._rule)
        legal = opens <= instant
        until = legal_until(zone, instant, **self._rule) if legal else opens
        windows[:] = [_Window(moment, until.timestamp(), legal), *windows[: _KEPT - 1]]
        return moment if legal else until.timestamp()

    def _common(self, zones: Sequence[Zone], moment: float) -> float:
        """Return the first moment at or after one that is legal in all of some zones, infinity if none is near."""
        for _ in range(_ROUNDS):
            latest = max((self._opens(zone, moment) for zone in zones), default=moment)
            if latest <= moment:
                return moment
            moment = latest
        return float("inf")

    # -- whose zones --------------------------------------------------------------------------------------------------

    def zones_of(self, recipients: Sequence[Recipient]) -> tuple[Zone, ...]:
        """Return the zones of recipients, by the beginnings of their canonical numbers."""
        phones = People.phones_of(recipients)
        if min(phones)[:2] == max(phones)[:2] == _HOME:  # then so is what lies between them
            return self._zones((_HOME,))
        return self._zones({phone[:3] for phone in phones})

    def _zones(self, heads: Iterable[str]) -> tuple[Zone, ...]:
        known = frozenset(heads)
        zones = self._of_heads.get(known)
        if zones is None:
            from allmysms_async.law import zone_of

            zones = self._of_heads[known] = tuple(dict.fromkeys(zone_of(int(head)) for head in sorted(known)))
        return zones

    def parted(self, recipients: Sequence[Recipient]) -> list[list[bool]]:
        """Return which of some recipients are in each of their zones."""
        of_each = [self._zones([phone[:3]])[0] for phone in People.phones_of(recipients)]
        return [[each is zone for each in of_each] for zone in dict.fromkeys(of_each)]

    # -- a request ----------------------------------------------------------------------------------------------------

    def disagree(self, zones: Sequence[Zone]) -> bool:
        """Tell whether a message may be sent to some of several zones and not to others."""
        if len(zones) == 1:
            return False
        moment = self._moment(self._now())
        legal = {self._opens(zone, moment) <= moment for zone in zones}
        return len(legal) > 1 or (self._dates and False in legal)

    def held_until(self, zones: Sequence[Zone], *, whole: bool) -> float | None:
        """Return until when a request waits because of quiet hours, or None if it need not.

        Args:
            zones: Of its recipients.
            whole: Whether it cannot be parted by zones any more.
        """
        now = self._now()
        moment = self._moment(now)
        # What can be parted is once some of it may be sent.
        until = self._common(zones, moment) if whole else min(self._opens(zone, moment) for zone in zones)
        if until <= moment or (self._dates and now + _SOON < until < float("inf")):
            return None
        return until

    def dated(self, request: SendRequest, zones: Sequence[Zone], first_sent_at: float) -> SendRequest:
        """Return a request as it may leave now: as it is, or with a date at which it may be sent.

        The date of one that was tried before is that of the first attempt, as long as it lies ahead.

        Raises:
            QuietHoursError: It may not leave now.
        """
        now = self._now()
        moment = self._moment(now)
        date = moment
        if self._dates:
            first = self._moment(first_sent_at)
            date = self._common(zones, first)
            if date <= max(first, now):
                date = self._common(zones, moment)
        elif self._common(zones, moment) > moment:
            date = float("inf")
        if date == float("inf"):
            raise self.refusal(zones)
        if date <= moment:
            return request
        when = datetime.fromtimestamp(date, UTC)
        self.deferred_until = max(when, self.deferred_until or when)
        mms = None if request.mms is None else msgspec.structs.replace(request.mms, send_at=when)
        return msgspec.structs.replace(request, message=msgspec.structs.replace(request.message, send_at=when), mms=mms)

    def date_of(self, recipients: Sequence[Recipient], first_sent_at: float) -> datetime | None:
        """Return the date that a request was given when it was first sent, because of quiet hours, or None."""
        moment = self._moment(first_sent_at)
        date = self._common(self.zones_of(recipients), moment)
        return datetime.fromtimestamp(date, UTC) if self._dates and moment < date != float("inf") else None

    def refusal(self, zones: Sequence[Zone], *, together: bool = True) -> QuietHoursError:
        """Return the error of a message that may not be sent now.

        Args:
            zones: Of its recipients.
            together: Whether it is sent to all of them at once.
        """
        moment = self._moment(self._now())
        opens = {zone: self._opens(zone, moment) for zone in zones}
        closed = [zone for zone in zones if opens[zone] > moment]
        where = ", ".join(zone.name for zone in closed)
        when = "now" if moment != self._send_at else f"at {datetime.fromtimestamp(moment, UTC).isoformat()}"
        msg = f"A marketing text may not be sent to {where} {when}: these are quiet hours there"
        first = self._common(zones, moment) if together else min(opens.values())
        if first == float("inf"):
            msg += ", and no moment is near that is legal for all of these people; nothing was sent."
            return QuietHoursError(msg, next_legal=None, remedy="Send to each zone apart, or as a campaign.")
        clock = next((clock for zone in closed for each in zone.territories for clock in each.time_zones), UTC)
        legal = datetime.fromtimestamp(first, clock)
        msg += f", and may be again on {legal:%A %Y-%m-%d %H:%M} ({getattr(clock, 'key', 'UTC')}); nothing was sent."
        return QuietHoursError(msg, next_legal=legal, remedy=_REMEDY)

    # -- the beginning of a campaign ----------------------------------------------------------------------------------

    def zones_of_rows(self, rows: Iterable[Row]) -> tuple[Zone, ...]:
        """Return the zones of those of some rows whose numbers are numbers."""
        heads: set[str] = set()
        for _, item in rows:
            try:
                heads.add(canonical_number(item.phone if isinstance(item, Recipient) else item)[:3])
            except (InvalidNumber, AttributeError):  # callers are not all typed
                continue
        return self._zones(heads)

    def check_beginning(self, zones: Sequence[Zone]) -> None:
        """Refuse to begin a campaign of whose first people nobody may be texted.

        Raises:
            QuietHoursError: Naming the first moment at which somebody may.
        """
        moment = self._moment(self._now())
        if self._refuses and zones and all(self._opens(zone, moment) > moment for zone in zones):
            raise self.refusal(zones, together=False)

    def asleep(self, began: float | None = None) -> frozenset[str]:
        """Return the country codes whose people a campaign leaves out: it was begun in their quiet hours, and has them.

        Args:
            began: Unix time, now by default; what was begun at night under another policy leaves out nobody by day.
        """
        if not self._refuses:
            return frozenset()
        from allmysms_async.law import ZONES

        now = self._now()
        moments = {self._moment(now), self._moment(now if began is None else began)}
        return frozenset(
            code for code, zone in ZONES.items() if all(self._opens(zone, moment) > moment for moment in moments)
        )
