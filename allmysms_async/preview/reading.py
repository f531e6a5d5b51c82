"""A list read and planned as a run does, and counted instead of sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from pyroaring import BitMap64

from allmysms_async.backend import Paces, SendRequest, Sends, limits_of
from allmysms_async.batch.block import ROWS_AT_ONCE, Row, portion
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.hours import Hours
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.plan import Planner
from allmysms_async.batch.wording import template_of
from allmysms_async.errors import InvalidRequest, NotSent, QuietHoursError, RateLimited
from allmysms_async.model import Account, Campaign, Estimate, Outcome, QuietHours, TextPrice, as_sms
from allmysms_async.preview.country import PriceList
from allmysms_async.preview.hours import hours_of
from allmysms_async.preview.result import Preview
from allmysms_async.preview.simulation import Simulated
from allmysms_async.preview.tally import Tally
from allmysms_async.text import Template, TextSize

__all__ = ["previewed"]


async def previewed(
    backend: Sends,
    campaign: Campaign,
    options: EngineOptions,
    *,
    prices: Sequence[TextPrice] | None = None,
    account: Account | None = None,
    instant: datetime | None = None,
    quiet: QuietHours | None = None,
    ask: Callable[[SendRequest], Awaitable[Estimate]] | None = None,
    notes: Sequence[str] = (),
) -> Preview:
    """Read a campaign's list to its end and count what sending it would take; memory does not grow with it.

    Args:
        backend: What would send it.
        campaign: The campaign.
        options: How it would be sent.
        prices: What a part costs; None where that is not known.
        account: What is left on the account, if that is known.
        instant: When it would be sent, aware, where there are quiet hours; else None.
        quiet: Which they are; the default ones otherwise.
        ask: Asks the gateway about one request; None asks nothing.
        notes: What could not be had.

    Raises:
        InvalidRequest: The source can be read only once.
        InvalidSource: The source cannot be read to its end; or whatever else a source of the caller's own raises.
        AllMySmsError: The opt-outs that are to be left out cannot be had, or the gateway does not answer.
    """
    if isinstance(campaign.recipients, Iterator | AsyncIterator):
        msg = "The source of recipients can be read only once: a preview would leave nobody to send to."
        raise InvalidRequest(msg, remedy="Give one that can be read again: a list, read_csv, an object that iterates.")
    template = template_of(as_sms(campaign.message), limits_of(backend, campaign.message))
    tally = Tally(template[0], None if prices is None else PriceList(prices))
    simulated = None if ask is None else Simulated(campaign, ask)
    rows, begins_at = await _read(backend, campaign, options, template, tally, simulated)
    countries = tally.countries()
    people = tally.asleep + Counter({each.code: each.recipients for each in countries})
    characters = tally.characters
    return Preview(
        name=campaign.name,
        backend=backend.name,
        rows=rows,
        recipients=tally.recipients,
        requests=tally.requests,
        parts=tally.parts,
        histogram=tally.histogram,
        longest=tally.longest,
        rejections=tally.rejected,
        first_rejected=tally.first_rejected,
        unicode_recipients=characters.recipients,
        unicode_parts=characters.parts,
        savable_parts=characters.savable,
        lossless_parts=characters.lossless,
        chosen_parts=characters.chosen,
        characters=characters.found(),
        more_characters=characters.more,
        countries=countries,
        cost=None if prices is None else sum((each.cost for each in countries if each.cost is not None), Decimal(0)),
        unpriced_parts=sum(each.unpriced_parts for each in countries),
        hours=() if instant is None else await hours_of(people, instant, quiet or QuietHours()),
        begins_at=begins_at,
        account=account,
        least_seconds=await _least_seconds(backend, tally.requests),
        simulation=None if simulated is None else simulated.result(),
        notes=tuple(notes),
    )


async def _read(
    backend: Sends,
    campaign: Campaign,
    options: EngineOptions,
    template: tuple[Template, TextSize | None],
    tally: Tally,
    simulated: Simulated | None,
) -> tuple[int, datetime | None]:
    """Plan and count a campaign's list; return how many rows it has, and when it may begin where it may not now."""
    if options.opt_outs is not None:
        await options.opt_outs.load()
    hours, begins_at = options.hours, None
    if hours is not None:
        await hours.load()
    begun = hours is None
    planner = Planner(
        as_sms(campaign.message),
        limits_of(backend, campaign.message),
        chunk_size=options.chunk_size,
        seen=BitMap64(),
        accounted=BitMap64(),
        opt_outs=options.opt_outs,
        template=template,
        zones=frozenset() if hours is None else hours.zones,
        without_stop=options.without_stop,
    )
    intake, rows, stopping = Intake(campaign.recipients), 0, asyncio.Event()
    try:
        while (some := await intake.take(stopping)) is not None:
            if some and hours is not None and not begun:
                begun, begins_at = _begins(hours, some)
                if begins_at is None:
                    planner.asleep = hours.asleep()
            refused: list[Outcome] = []
            left = planner.add_rows(some, refused)
            if left:
                intake.give_back(left)
            rows += len(some) - len(left)
            tally.refuse(refused)
            await _count(tally, planner.sealed(), simulated, options.concurrency)
    finally:
        await intake.aclose()
    await _count(tally, planner.flush(), simulated, options.concurrency)
    return rows, begins_at


def _begins(hours: Hours, rows: Sequence[Row]) -> tuple[bool, datetime | None]:
    """Return whether some rows say whether a campaign may begin now, and when it may where it may not."""
    zones = hours.zones_of_rows(portion(rows, 0, ROWS_AT_ONCE))
    try:
        hours.check_beginning(zones)
    except QuietHoursError as error:
        return True, error.next_legal
    return bool(zones), None


async def _count(tally: Tally, chunks: Sequence[Chunk], simulated: Simulated | None, at_once: int) -> None:
    """Count chunks, and ask the gateway about them, so many at once."""
    for begin in range(0, len(chunks), at_once):
        some = [(chunk, tally.add(chunk)) for chunk in chunks[begin : begin + at_once]]
        if simulated is None:
            continue
        asking = [asyncio.ensure_future(simulated.look_at(chunk, tally.cost(shares))) for chunk, shares in some]
        try:
            await asyncio.gather(*asking)
        finally:
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


async def _least_seconds(backend: Sends, requests: int) -> float | None:
    """Return how long a request limit makes so many requests at least, or None where it is not known."""
    if not isinstance(backend, Paces):
        return None
    try:
        return await backend.least_seconds(requests)
    except (NotSent, RateLimited):  # another process holds the record of the limit
        return None
