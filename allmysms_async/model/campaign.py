"""What became of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from allmysms_async.model.vocabulary import OutcomeState, Reason
from allmysms_async.numbers import mask
from allmysms_async.redaction import Shown

__all__ = [
    "CampaignResult",
    "Outcome",
    "Progress",
    "Totals",
    "Waiting",
]

_NAME_SHOWN = 40


class Outcome(Shown, frozen=True, gc=False):
    """What became of one row of a campaign's source.

    Attributes:
        row: Ordinal in the source, counted from 1.
        line: Line of the file, where the source has lines.
        phone: Canonical number, or the beginning of what the source held if it is not one; what no file can hold is
            escaped.
        state: accepted, rejected, failed (surely not sent), unknown (may have been sent).
        reason: Why it was not accepted.
        sms_id: The gateway's identifier of the text, where the protocol has one.
        campaign_id: The gateway's identifier of the send.
    """

    row: int
    line: int | None
    phone: str
    state: OutcomeState
    reason: Reason | None = None
    sms_id: str | None = None
    campaign_id: str | None = None

    def __repr__(self) -> str:
        """Show the number masked."""
        return f"<Outcome row {self.row} {mask(self.phone)} {self.state}{f' {self.reason}' if self.reason else ''}>"


class Totals(Shown, frozen=True, kw_only=True):
    """How the rows read so far ended; ``accepted + rejected + failed + unknown + pending = rows``.

    Attributes:
        rows: Rows read from the source.
        accepted: The gateway took the message.
        rejected: Surely not texted, with a reason.
        failed: Surely not sent, after all attempts.
        unknown: May have been sent; nothing more is known.
        pending: Read, and not over: nothing was sent to them, but to those in flight.
        in_flight: Those of the pending that are being sent now, here or by another process: they may have been sent.
        rejections: How many rows by reason.
        parts: Text parts that the gateway took.
        cost: Euros that the gateway reported, without tax.
        complete: Whether the source was read to its end.
    """

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    unknown: int = 0
    pending: int = 0
    in_flight: int = 0
    rejections: Mapping[Reason, int] = {}
    parts: int = 0
    cost: Decimal = Decimal(0)
    complete: bool = False


class Waiting(Shown, frozen=True, kw_only=True):
    """What a run waits for: other processes hold it, and may still learn what became of it.

    Whoever is proven dead is not waited for.

    Attributes:
        requests: How many requests they may have sent; 0 while one of them reads the source, and that is all.
        holders: Who they are, in words, such as ``process 4242 on this machine``.
        until: When the last of their leases ends, aware, unless it is renewed.
    """

    requests: int
    holders: tuple[str, ...]
    until: datetime


class Progress(Totals, frozen=True, kw_only=True):
    """Where a campaign stands.

    Attributes:
        outcomes: The rows whose outcome became known since the last progress; immutable, each is made when it is
            looked at.
        waiting_until: While the gateway's request limit allows no request, when the next one is allowed; else None.
        least_seconds: How long the campaign takes at least because of that limit, as foreseen at its start; 0 if it
            fits, None if that is not known (no limit, or a source without a length).
        recovered: Recipients read back from the journal so far, to know them again in a source that is read again.
        waiting_for: What other processes hold, while that is all that is left to wait for; else None.
        paused_until: While quiet hours hold up all that is left to send, when the first of it may be sent, aware; the
            run goes on by itself then. Else None.
        deferred_until: The latest moment that anything of this run was scheduled for because of quiet hours; else
            None.
    """

    outcomes: Sequence[Outcome] = ()
    waiting_until: datetime | None = None
    least_seconds: float | None = None
    recovered: int = 0
    waiting_for: Waiting | None = None
    paused_until: datetime | None = None
    deferred_until: datetime | None = None


class CampaignResult(Totals, frozen=True, kw_only=True):
    """What became of a campaign.

    Attributes:
        name: The campaign's name.
        run_id: The random identifier of this run; its first eight characters are in the provider's back office.
        campaign_ids: The gateway's identifiers of the sends, in no particular order.
        problems: What went wrong with chunks that failed or stayed unknown, each sentence once, with how often.
    """

    name: str
    run_id: str
    campaign_ids: tuple[str, ...] = ()
    problems: Mapping[str, int] = {}

    def __repr__(self) -> str:
        """Show the sums in one line under 300 characters; of what may be thousands, how many there are."""
        name = self.name if len(self.name) <= _NAME_SHOWN else self.name[: _NAME_SHOWN - 1] + "…"
        sums = ("rows", "accepted", "rejected", "failed", "unknown", "pending", "parts")
        shown = ", ".join(f"{each}={getattr(self, each)}" for each in sums)
        many = f"{len(self.rejections)} reasons, {len(self.campaign_ids)} campaign ids, {len(self.problems)} problems"
        shown += f", cost={self.cost}, complete={self.complete}"
        return f"<CampaignResult {name!r} run {self.run_id[:8]}, {shown}, {many}>"

    @property
    def all_accepted(self) -> bool:
        """Whether the source was read to its end and every row of it was accepted."""
        return self.complete and self.accepted == self.rows
