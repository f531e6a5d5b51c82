"""What a receiver counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from allmysms_async.redaction import Shown

__all__ = ["Counters", "ReceiverStats"]


class ReceiverStats(Shown, frozen=True, kw_only=True):
    """What a receiver did since it was made.

    Attributes:
        received: Events that were answered ``OK``; ``duplicates`` of them had come before, ``unknown`` of them were
            neither a report nor an answer.
        duplicates: Events that had come before.
        unknown: Requests of which neither a report nor an answer could be made.
        checks: Requests without an event, as the gateway checks a new address: answered ``OK``, and dropped.
        handled: Events whose handlers ended well, or that no handler was for.
        outdated: Reports that no handler was called for: one that says more of the same text was handled before.
        failed: Attempts in which a handler raised an error; the event is tried again.
        refused: Requests that were answered 4xx: a wrong token, an address that is not allowed, a wrong method, too
            large, too slow.
        unavailable: Requests that were answered 503: not started, too many waiting, a journal that fails. The gateway
            sends them again.
        source_failures: How often what was to be handled could not be taken from the journal.
    """

    received: int
    duplicates: int
    unknown: int
    checks: int
    handled: int
    outdated: int
    failed: int
    refused: int
    unavailable: int
    source_failures: int


@dataclass(slots=True)
class Counters:
    """The same, while it changes."""

    received: int = 0
    duplicates: int = 0
    unknown: int = 0
    checks: int = 0
    handled: int = 0
    outdated: int = 0
    failed: int = 0
    refused: int = 0
    unavailable: int = 0
    source_failures: int = 0

    def snapshot(self) -> ReceiverStats:
        """Return what was counted so far."""
        return ReceiverStats(**asdict(self))
