"""Events for tests, and the clock that they are stored by."""

import asyncio
from datetime import UTC, datetime, timedelta

from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.model import DeliveryReport, DeliveryStatus, Reply, UnknownEvent

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class StillClock:
    """A clock that only goes on when it is told to."""

    def __init__(self) -> None:
        """Begin an hour after the events' first moment."""
        self.at = START + timedelta(hours=1)
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the present moment."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.jump(seconds)
        await asyncio.sleep(0)

    def jump(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.at += timedelta(seconds=seconds)
        self._seconds += seconds


def after(seconds: float) -> datetime:
    """Return a moment."""
    return START + timedelta(seconds=seconds)


def phone_of(person: int) -> str:
    """Return somebody's number."""
    return f"336{person:08d}"


def report(person=1, status="delivered", at=0.0, *, campaign="c1", code=None, sms_id=None) -> DeliveryReport:
    """Return a report."""
    return DeliveryReport(
        phone=phone_of(person),
        status=DeliveryStatus(status),
        code=code or status,
        received_at=None if at is None else after(at),
        campaign_id=campaign,
        sms_id=sms_id,
        raw={"phoneNumber": phone_of(person), "status": status},
    )


def reply(person=1, text="Oui", at=0.0, *, campaign="c1") -> Reply:
    """Return a reply."""
    return Reply(
        phone=phone_of(person),
        text=text,
        received_at=None if at is None else after(at),
        campaign_id=campaign,
        raw={"phoneNumber": phone_of(person), "message": text},
    )


def unknown(**raw: str) -> UnknownEvent:
    """Return an event of which nothing is known."""
    return UnknownEvent(raw=raw, reason="it names no number")


async def drained(journal: EventJournal, most: int = 10) -> list:
    """Handle all that can be handled now; return the events in the order in which they were handed out."""
    events = []
    while kept := await journal.take(most, ()):
        events += [each.event for each in kept]
        await journal.done(kept)
    return events


async def listed(items) -> list:
    """Return what can be iterated over."""
    return [item async for item in items]
