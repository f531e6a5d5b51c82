"""Placing a campaign: what it is sent to is read into the journal, and workers are woken for it."""

from __future__ import annotations

import contextlib
import random
from typing import Unpack

import msgspec

from allmysms_async import argument
from allmysms_async.backend import Backend, Sends, added_to, capable
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.placement import Placement
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.environment import backend_of_environment
from allmysms_async.errors import InvalidRequest, JournalError
from allmysms_async.journal import open_sink
from allmysms_async.model import Campaign, CampaignResult, check_campaign
from allmysms_async.options import SendOptions, checked_journal
from allmysms_async.prepare import engine_options, iterable, lawful_campaign, opt_outs_of
from allmysms_async.runner import store
from allmysms_async.runner.control import Control, opened_database
from allmysms_async.runner.engine import Engine, needs_engine

__all__ = ["Submission", "submit"]


class Submission:
    """A campaign that is being placed.

    Args:
        campaign: What is sent to whom.
        journal: A ``postgresql://`` URL.
        backend: What is to send it: its protocol and account; the environment's by default. It sends nothing here.
        priority: Campaigns with a higher one are sent first.
        clock: Where the time comes from.
        options: As ``SendOptions`` has them; ``concurrency`` is each worker's own.

    Attributes:
        status: Where the campaign stands: ``paused`` or ``stopped`` if an operator said so, else ``open``.

    Raises:
        InvalidRequest: Something cannot be right, or the extra ``runner`` is not installed.
    """

    def __init__(
        self,
        campaign: Campaign,
        *,
        journal: str,
        backend: Backend | None = None,
        priority: int = 0,
        clock: Clock | None = None,
        **options: Unpack[SendOptions],
    ) -> None:
        needs_engine()
        check_campaign(campaign)
        iterable(campaign.recipients)
        place = checked_journal(journal)
        if place is None or "://" not in place:
            msg = "Several machines share a journal in PostgreSQL: give a postgresql:// URL; nothing was placed."
            raise InvalidRequest(msg)
        argument.given("priority", priority, int, "a whole number")
        self.status: store.Status = "open"
        self._journal = place
        self._backend = capable(backend_of_environment() if backend is None else backend, Sends)
        self._owns = backend is None
        self._priority = priority
        self._clock = clock or SystemClock()
        self._options = options
        campaign = lawful_campaign(self._backend, campaign, self._clock.now())
        engine = engine_options(
            *(self._backend, campaign, options, EngineOptions(chunk_size=0)), clock=self._clock, begins=False
        )
        opt_outs = opt_outs_of(
            *(self._backend, campaign, place),
            policy=engine.policy,
            clock=self._clock,
            rng=random.Random(),  # noqa: S311  # jitter is no secret
        )
        self._sink = open_sink(
            place,
            backend=self._backend.name,
            account=self._backend.identity,
            clock=self._clock,
            keyed=self._backend.limits.idempotent,
            added=added_to(self._backend, campaign.message),
            lease=options.get("lease"),
        )
        self._placement = Placement(
            self._backend, campaign, self._sink, msgspec.structs.replace(engine, opt_outs=opt_outs), self._clock
        )

    @property
    def result(self) -> CampaignResult:
        """What the journal has of the campaign so far."""
        return self._placement.result

    def stop(self) -> None:
        """Stop reading; what was read is sent, and the same call goes on with the rest."""
        self._placement.stopping.set()

    async def run(self) -> CampaignResult:
        """Read the source into the journal to its end; workers begin while it is read.

        Returns:
            What the journal has of the campaign: rows that are refused, pending, or sent by workers meanwhile.

        Raises:
            EmptyCampaign: The source held no row.
            CampaignStopped: The source failed; what was read is placed, and the same call goes on.
            CampaignChanged: The journal has another campaign under this name.
            QuietHoursError: It is marketing, refuses quiet hours and begins in them; nothing is placed.
            JournalError: The journal cannot be used, or another process reads the campaign's source.
        """
        try:
            database = await opened_database(self._journal)
            control = Control(database)
            try:
                await control.open()
                line = store.line_of(self._backend)
                engine = Engine(self._journal, line)
                async with engine.opened(control):

                    async def opened() -> None:
                        number = self._sink.campaign
                        self.status = await store.enter(control, number, line, self._priority, dict(self._options))
                        await self._wake(engine, number)

                    # Whatever ends it: what was read is to be sent.
                    try:
                        result = await self._placement.run(opened)
                    except BaseException:
                        with contextlib.suppress(JournalError):  # what ended it tells more
                            await self._wake_again(control, engine)
                        raise
                    await self._wake_again(control, engine)
                    return result
            finally:
                await control.aclose()
                await database.close()
        finally:
            if self._owns:
                await self._backend.aclose()

    async def _wake_again(self, control: Control, engine: Engine) -> None:
        """Wake workers that took the campaign for done while it was read."""
        if self._sink.campaign:
            await store.wake_up(control, self._sink.campaign)
            await self._wake(engine, self._sink.campaign)

    async def _wake(self, engine: Engine, campaign: int) -> None:
        """Wake a worker; each of those that live defers what it can do itself, also if this fails."""
        try:
            await engine.defer(campaign, 0, self._priority)
        except JournalError:
            return


async def submit(
    campaign: Campaign,
    *,
    journal: str,
    backend: Backend | None = None,
    priority: int = 0,
    **options: Unpack[SendOptions],
) -> CampaignResult:
    """Place a campaign in a journal, for workers on any machine to send.

    Whatever ends it, also ``kill -9``, the same call goes on where it was: nobody is placed twice. Of two that read one
    source at once the second is refused.

    Args:
        campaign: What is sent to whom; its source is read to its end.
        journal: A ``postgresql://`` URL.
        backend: What is to send it: its protocol and account; the environment's by default. It sends nothing here.
        priority: Campaigns with a higher one are sent first.
        options: ``chunk_size``, ``max_cost``, ``max_parts``, ``max_failure_rate``, ``max_duration``, ``lease``.

    Returns:
        What the journal has of the campaign.

    Raises:
        AllMySmsError: As ``Submission.run``.
    """
    return await Submission(campaign, journal=journal, backend=backend, priority=priority, **options).run()
