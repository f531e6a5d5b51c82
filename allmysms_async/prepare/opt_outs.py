"""Whom a campaign leaves out: those on the gateway's list, and those in its journal."""

from __future__ import annotations

import logging
import os
import random
from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from pyroaring import BitMap64

from allmysms_async import argument, logs
from allmysms_async.backend import CAPABILITIES, Backend, ListsOptOuts
from allmysms_async.batch.opt_outs import Barred, OptOuts
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.question import repeat
from allmysms_async.campaign import import_journal
from allmysms_async.clock import Clock
from allmysms_async.errors import AllMySmsError, UnsupportedFeature
from allmysms_async.model import Campaign, OptOut, Reason

__all__ = ["opt_outs_of"]

_LONGEST = 18
"""Figures of a number that fits where it is kept; nothing longer is one."""

_ATTEMPTS = 3
"""At a list that nobody asked for."""

_log = logging.getLogger("allmysms_async")


def opt_outs_of(
    backend: Backend,
    campaign: Campaign,
    journal: str | os.PathLike[str] | None,
    *,
    policy: RetryPolicy,
    clock: Clock,
    rng: random.Random,
) -> OptOuts | None:
    """Return what reads whom a campaign leaves out, or None if it leaves nobody out.

    Args:
        backend: What sends it.
        campaign: The campaign.
        journal: Where it is recorded, which may hold opt-outs of its own.
        policy: How long the gateway is asked for its list.
        clock: Where the time comes from.
        rng: Where the jitter comes from.

    Raises:
        InvalidRequest: ``exclude_opt_outs`` is neither true, false nor None.
        UnsupportedFeature: They are to be left out, and nothing knows them.
    """
    wanted = campaign.exclude_opt_outs
    asked = wanted is True
    argument.given("exclude_opt_outs", wanted, (bool, type(None)), "True, False or None")
    lists = backend if isinstance(backend, ListsOptOuts) else None
    if wanted is None:
        wanted = campaign.message.purpose == "marketing" and (lists is not None or journal is not None)
    if not wanted:
        return None
    if lists is None and journal is None:
        msg = f"The backend {backend.name} lists no opt-outs, and there is no journal that would; nothing was sent."
        raise UnsupportedFeature(msg, backends=CAPABILITIES[ListsOptOuts][1])

    async def read() -> Barred:
        if lists is None:
            return {}
        return _barred(await _listed(lists, asked=asked, policy=policy, clock=clock, rng=rng))

    return OptOuts(read, clock, None if journal is None else partial(_in_journal, journal, clock))


async def _listed(
    lists: ListsOptOuts, *, asked: bool, policy: RetryPolicy, clock: Clock, rng: random.Random
) -> list[OptOut]:
    """Return the gateway's list; where nobody asked for it and it cannot be had, an empty one.

    Raises:
        AllMySmsError: It was asked for, and cannot be had.
    """

    async def ask() -> list[OptOut]:
        return [opt_out async for opt_out in lists.opt_outs()]

    attempts = None if asked else _ATTEMPTS
    try:
        return await repeat(ask, replay="safe", key=None, attempts=attempts, policy=policy, clock=clock, rng=rng)
    except AllMySmsError as error:
        if asked:
            raise
        # Nobody on it is texted: the gateway refuses them itself, one by one.
        _log.warning(
            "The gateway's list of opt-outs could not be had, and is left to the gateway: %s",
            error,
            extra=logs.fields("opt_outs_missing", error=error),
        )
        return []


def _barred(opt_outs: Iterable[OptOut]) -> Barred:
    """Return the numbers that are opted out now, by the reason."""
    barred: defaultdict[Reason, BitMap64] = defaultdict(BitMap64)
    for opt_out in opt_outs:
        phone = opt_out.phone
        if len(phone) <= _LONGEST and phone.isascii() and phone.isdecimal() and opt_out.ended_at is None:
            barred[opt_out.reason].add(int(phone))
    return barred


async def _in_journal(journal: str | os.PathLike[str], clock: Clock) -> BitMap64:
    """Return the numbers that opted out as a journal has them."""
    await import_journal(journal)
    from allmysms_async.journal.event_record import EventRecord

    async with EventRecord(journal, clock) as record:
        return await record.opted_out_numbers()
