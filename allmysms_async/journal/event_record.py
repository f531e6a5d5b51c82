"""Looking into what came back: what became of texts, who answered, and who may not be texted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import sqlalchemy as sa
from pyroaring import BitMap64

from allmysms_async.border import bordered
from allmysms_async.clock import SYSTEM, Clock
from allmysms_async.journal import event_query as query
from allmysms_async.journal.database import Database
from allmysms_async.journal.event_row import event_of, moment, opt_out_from, stored
from allmysms_async.journal.event_schema import ensure_events, has_events
from allmysms_async.journal.failure import Use
from allmysms_async.model.record import OptOut, OptOutSource, Reply
from allmysms_async.model.vocabulary import DeliveryStatus, Reason
from allmysms_async.numbers import mask

__all__ = ["DeliveryState", "EventRecord"]

T = TypeVar("T")

_USE = Use(
    "what came back was stored in it",
    "What could not be stored there counts as not received.",
    "Nothing more is stored.",
    "Put that right, then start again whatever receives.",
)
_LONGEST = 19
"""Figures of which a number has fewer, and 8 bytes hold them."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


class DeliveryState(NamedTuple):
    """What became of one text, as far as is known.

    Attributes:
        phone: Canonical number.
        status: From the one vocabulary.
        at: When it came to be so, in UTC, or None where no report said when.
        campaign_id: The gateway's identifier of its send; empty where no report named one.
    """

    phone: str
    status: DeliveryStatus
    at: datetime | None
    campaign_id: str

    def __repr__(self) -> str:
        """Show the number masked."""
        return f"DeliveryState(phone={mask(self.phone)}, status={self.status.value}, campaign_id={self.campaign_id})"


@bordered
class EventRecord:
    """What came back, to be looked into; a journal that nothing was stored in yet is one of which nothing came back.

    Args:
        where: A path, or a ``postgresql://`` URL; campaigns may be in the same journal.
        clock: Where the time comes from; the machine's own by default.
        create: Whether a journal that is not there is created.

    Raises:
        InvalidRequest: The URL is of a kind that is not supported, or its driver is missing.
    """

    def __init__(self, where: str | os.PathLike[str], clock: Clock | None = None, *, create: bool = False) -> None:
        self._database = Database(where, _USE)
        self._clock = clock or SYSTEM
        self._create = create
        self._there = False

    async def open(self) -> None:
        """Open it.

        Raises:
            JournalError: It is not there, is something else, or cannot be used.
        """
        try:
            await self._database.open(create=self._create)
            if self._create:
                await self._written(lambda _: None)
        except BaseException:
            await self._database.close()
            raise

    async def aclose(self) -> None:
        """Close it."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        """Open it."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.aclose()

    async def deliveries(self, campaign_ids: Collection[str] | None = None) -> dict[DeliveryStatus, int]:
        """Return how many texts are in each state; a text of which no report came is in none.

        Args:
            campaign_ids: The gateway's identifiers of the sends; all of them without it.

        Raises:
            JournalError: The journal failed.
        """
        names = _listed(campaign_ids)
        rows = await self._page(query.count_states, names)
        return {DeliveryStatus(status): count for status, count in rows}

    async def delivery_states(self, campaign_ids: Collection[str] | None = None) -> AsyncIterator[DeliveryState]:
        """Iterate over what became of texts, in the order of sends and numbers; some at a time.

        Args:
            campaign_ids: The gateway's identifiers of the sends; all of them without it.

        Raises:
            JournalError: The journal failed.
        """
        names, after = _listed(campaign_ids), ("", "")
        while page := await self._page(query.state_page, names, after):
            for campaign_id, _, phone, status, at in page:
                yield DeliveryState(phone, DeliveryStatus(status), moment(at), campaign_id)
            after = page[-1][:2]

    async def over_time(self, campaign_ids: Collection[str] | None = None) -> dict[datetime, dict[DeliveryStatus, int]]:
        """Return how many texts came into the state that they are in, by the hour; without those that no date tells of.

        Args:
            campaign_ids: The gateway's identifiers of the sends; all of them without it.

        Returns:
            Counts by the beginnings of the hours, aware, in UTC, the first hour first.

        Raises:
            JournalError: The journal failed.
        """
        names = _listed(campaign_ids)
        found: dict[datetime, dict[DeliveryStatus, int]] = {}
        for hour, status, count in await self._page(query.hours, names):
            found.setdefault(_START + timedelta(hours=hour), {})[DeliveryStatus(status)] = count
        return found

    async def replies(self, campaign_ids: Collection[str] | None = None) -> AsyncIterator[Reply]:
        """Iterate over replies in the order of their dates, one without a date by when it was stored; some at a time.

        Args:
            campaign_ids: The gateway's identifiers of the sends that were answered; all replies without it.

        Raises:
            JournalError: The journal failed.
        """
        names, after = _listed(campaign_ids), (-1e308, 0)
        while page := await self._page(query.reply_page, names, after):
            for number, _, body in page:
                reply = event_of("reply", body, number, self._database.label)
                if isinstance(reply, Reply):  # as its kind says
                    yield reply
            after = (page[-1][1], page[-1][0])

    async def reply_count(self, campaign_ids: Collection[str] | None = None) -> int:
        """Return how many replies there are.

        Args:
            campaign_ids: The gateway's identifiers of the sends that were answered; all replies without it.

        Raises:
            JournalError: The journal failed.
        """
        names = _listed(campaign_ids)
        return await self._asked(lambda connection: query.count_replies(connection, names), 0)

    async def opt_outs(self, *, active: bool = True) -> AsyncIterator[OptOut]:
        """Iterate over opt-outs in the order of their numbers, some at a time.

        Args:
            active: Whether only those in force; if not, those that ended as well.

        Raises:
            JournalError: The journal failed.
        """
        after = ""
        while page := await self._page(query.opt_out_page, active, after):
            for row in page:
                yield opt_out_from(row)
            after = page[-1][0]

    async def opt_out_of(self, phone: str) -> OptOut | None:
        """Return the opt-out of a canonical number, in force or ended; None if there never was one.

        Raises:
            JournalError: The journal failed.
        """
        rows = await self._page(query.opt_out_of, stored(phone))
        return opt_out_from(rows[0]) if rows else None

    async def opt_out_counts(self, *, active: bool = True) -> dict[tuple[OptOutSource, Reason], int]:
        """Return how many opt-outs there are by what told of them and why.

        Args:
            active: Whether those in force; if not, those that ended.

        Raises:
            JournalError: The journal failed.
        """
        rows = await self._page(query.count_opt_outs, active)
        return {(source, Reason(reason)): count for source, reason, count in rows}

    async def opted_out_numbers(self) -> BitMap64:
        """Return the canonical numbers that may not be texted, as figures: 1 to 8 bytes each.

        Raises:
            JournalError: The journal failed.
        """
        numbers, after = BitMap64(), ""
        while True:
            page = await self._page(query.number_page, after)
            numbers.update(
                int(phone) for (phone,) in page if len(phone) < _LONGEST and phone.isascii() and phone.isdecimal()
            )
            if not page:
                return numbers
            after = page[-1][0]

    async def waiting(self) -> int:
        """Return how many events were not handled yet.

        Raises:
            JournalError: The journal failed.
        """
        return await self._asked(query.count_open, 0)

    async def watch_state(self, name: str) -> str | None:
        """Return what was kept under a name for whoever asks from time to time, or None.

        Raises:
            JournalError: The journal failed.
        """
        return await self._asked(lambda connection: query.watch_state(connection, name), None)

    async def keep_watch_state(self, name: str, state: str) -> None:
        """Keep something under a name, in place of what was kept there before; durable when it returns.

        Raises:
            JournalError: The journal failed.
        """
        await self._written(lambda connection: query.keep_watch_state(connection, name, state))

    async def _page(self, question: Callable[..., Sequence[Any]], *details: object) -> Sequence[Any]:
        """Return the rows that a question finds."""
        return await self._asked(lambda connection: question(connection, *details), ())

    async def _asked(self, work: Callable[[sa.Connection], T], nothing: T) -> T:
        """Return what a question finds; what there is no table of yet is nothing."""

        def asked(connection: sa.Connection) -> T:
            if not self._there:
                if not has_events(connection, self._database.label):
                    return nothing
                self._there = True
            return work(connection)

        return await self._database.read(asked)

    async def _written(self, work: Callable[[sa.Connection], T]) -> T:
        """Write something, with the tables if there are none yet; return once it is committed, and still there."""
        new = not self._there

        def written(connection: sa.Connection) -> T:
            if new:
                ensure_events(connection, self._database.label)
            return work(connection)

        result = await self._database.write(written, watched=True)
        self._there = True
        if (lost := self._database.lost) is not None:
            raise lost
        return result


def _listed(names: Collection[str] | None) -> list[Any] | None:
    """Return identifiers of sends, each once."""
    return None if names is None else sorted(set(names))
