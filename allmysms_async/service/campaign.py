"""Campaigns: a text to as many as a source holds."""

from __future__ import annotations

import contextlib
import os
from typing import Unpack

import msgspec

from allmysms_async.backend import Sends
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.run import CampaignRun
from allmysms_async.border import bordered
from allmysms_async.campaign import Begun, import_journal, journal_sink, stored_campaign
from allmysms_async.model import Campaign, CampaignResult, QuietHours, QuietPolicy, check_campaign
from allmysms_async.options import RunOptions, SendOptions, checked_journal
from allmysms_async.prepare import engine_options, iterable, lawful_campaign, opt_outs_of
from allmysms_async.service.core import Core

__all__ = ["Campaigning"]


@bordered
class Campaigning(Core):
    """Sends campaigns, and continues them."""

    def stream(self, campaign: Campaign, **options: Unpack[RunOptions]) -> CampaignRun:
        """Send a campaign, and iterate over its progress.

        The source is read lazily, no faster than it is sent. Nobody is texted twice, whatever the source repeats. The
        same ``Campaign`` object given again, after a stop, continues, also with another service of the same account:
        what was sent stays sent, failed chunks are tried again, and unknown ones are asked about with their key. With a
        journal so does any campaign of the same name.

        Args:
            campaign: What is sent to whom; its message must say its purpose.
            options: As ``RunOptions`` has them: ``journal``, ``chunk_size``, ``concurrency``, ``max_cost``,
                ``max_parts``, ``max_failure_rate``, ``max_duration``, ``lease``.

        Returns:
            The run: ``async for progress in run``, ``run.stop()``, ``run.result``. The iteration raises
            ``CampaignStopped`` when login, permission, credit, a limit, an outage or the journal end it,
            ``EmptyCampaign`` without any row, ``CampaignTooLong`` and ``QuietHoursError`` before anything is sent,
            ``CampaignChanged`` and ``JournalError`` if the journal is of another campaign or cannot be opened,
            ``InvalidRequest`` if its URL cannot be right and its libraries were not imported when this was called.

        Raises:
            InvalidRequest: The text, the sender, the date or a number of the call cannot be right, or a marketing text
                with a sender does not say how to opt out; nothing was sent.
            UnsupportedFeature: ``max_cost`` on a protocol that reports no cost.
        """
        check_campaign(campaign)
        backend, journal = self.capable(Sends), checked_journal(options.get("journal"))
        iterable(campaign.recipients)
        begun = Begun.of(campaign, backend, journal)
        campaign = lawful_campaign(backend, campaign, self._clock.now())
        # What was begun may be continued after its date, if only to learn what became of it.
        begins = journal is None and not begun.sink.accounted
        checked = engine_options(backend, campaign, options, self._usual, clock=self._clock, begins=begins)
        checked = self._without_opt_outs(checked, campaign, journal)
        lease = options.get("lease")
        sink = begun.sink if journal is None else journal_sink(journal, campaign, backend, self._clock, lease)
        run = CampaignRun(backend, campaign, begun.intake, sink, checked, self._clock, self._rng)
        return self._work.add(run, begun)

    async def resume(
        self,
        journal: str | os.PathLike[str],
        name: str | None = None,
        *,
        quiet_hours: QuietHours | QuietPolicy | None = None,
        **options: Unpack[SendOptions],
    ) -> CampaignRun:
        """Continue a campaign with what its journal holds; its source is not read.

        Args:
            journal: As for ``stream``.
            name: The campaign's; needed if the journal has several.
            quiet_hours: What becomes of marketing in quiet hours from now on; as it was said last by default.
            options: As for ``stream``.

        Returns:
            The run, as from ``stream``; ``result.complete`` is false if the source was not read to its end before.

        Raises:
            InvalidRequest: The journal has no such campaign, or an option cannot be right.
            JournalError: The journal cannot be used.
        """
        path = checked_journal(journal) or ""
        await import_journal(path)
        campaign = await stored_campaign(path, name)
        if quiet_hours is not None:
            campaign = msgspec.structs.replace(campaign, quiet_hours=quiet_hours)
        backend = self.capable(Sends)
        checked = engine_options(backend, campaign, options, self._usual, clock=self._clock, begins=False)
        checked = self._without_opt_outs(checked, campaign, path)
        sink = journal_sink(journal, campaign, backend, self._clock, options.get("lease"))
        return self._work.add(CampaignRun(backend, campaign, None, sink, checked, self._clock, self._rng))

    def _without_opt_outs(
        self, options: EngineOptions, campaign: Campaign, journal: str | os.PathLike[str] | None
    ) -> EngineOptions:
        """Return how a campaign is sent to all but those who opted out, if it leaves them out."""
        opt_outs = opt_outs_of(self.backend, campaign, journal, policy=options.policy, clock=self._clock, rng=self._rng)
        return msgspec.structs.replace(options, opt_outs=opt_outs)

    async def run(self, campaign: Campaign, **options: Unpack[RunOptions]) -> CampaignResult:
        """Send a campaign to its end; ``stream`` without the progress.

        Raises:
            InvalidRequest: As for ``stream``.
            EmptyCampaign: The source held no row.
            CampaignStopped: Login, permission, credit, a limit or the journal ended it, or the source failed;
                ``reason`` and ``result`` say more. Run it again to continue.
            CampaignTooLong: A request limit would stretch it past ``max_duration``; nothing was sent.
            QuietHoursError: It is marketing, and begins in quiet hours; nothing was sent.
            JournalError: The journal cannot be opened; nothing was sent.
        """
        if (journal := checked_journal(options.get("journal"))) is not None:
            await import_journal(journal)
        run = self.stream(campaign, **options)
        async with contextlib.aclosing(run):
            async for _ in run:
                pass
        return run.result
