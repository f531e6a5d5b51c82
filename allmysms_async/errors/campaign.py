"""What ends a campaign, or a long change of a list, before its end."""

from __future__ import annotations

from allmysms_async.errors.base import AllMySmsError

__all__ = ["CampaignStopped", "JournalError", "JournalLost", "LimitReached", "ListStopped", "WorkerOutdated"]


class ListStopped(AllMySmsError):
    """A change to a contact list stopped before its end; what was done and what was not is told exactly.

    Args:
        message: What stopped it.
        reason: The error that stopped it.
        done: The ``ListChange`` of the requests that the gateway answered.
        rows_done: Rows, from the beginning, that the gateway answered for.
        rows_unknown: Rows after those that were in the request that stopped it, and may have been taken; 0 if they
            surely were not. Every later row was not sent.
    """

    def __init__(self, message: str, *, reason: BaseException, done: object, rows_done: int, rows_unknown: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.done = done
        self.rows_done = rows_done
        self.rows_unknown = rows_unknown


class JournalError(AllMySmsError):
    """The journal cannot be read or written.

    Sending stops before anything leaves that is not recorded; what was in flight is recorded as such, and is replayed
    or reported ``unknown`` when the campaign is continued.
    """


class WorkerOutdated(JournalError):
    """The tables that workers share are of a release that this one cannot work beside; it sends nothing more."""


class JournalLost(JournalError):
    """The journal was removed, replaced, cut short or put back from an older copy while a campaign ran on it.

    From then on nothing more is sent. What the open connection still held is saved, where that can be done.

    Args:
        message: What happened to it.
        remedy: What to do about it.
        saved: Name of the file that belongs in the journal's place and has all that it held, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str | None = None,
        code: str | None = None,
        remedy: str | None = None,
        saved: str | None = None,
    ) -> None:
        super().__init__(message, request=request, code=code, remedy=remedy)
        self.saved = saved


class LimitReached(AllMySmsError):
    """A stop condition of the campaign was met: ``max_cost``, ``max_parts`` or ``max_failure_rate``.

    What was not sent waits; run the campaign again with another limit to continue.
    """


class CampaignStopped(AllMySmsError):
    """A campaign stopped before its end; what was not sent is kept and can be continued.

    Running the same ``Campaign`` object again continues it: nobody is texted twice.

    Args:
        message: What stopped it.
        reason: The error that stopped it.
        result: The ``CampaignResult`` so far.
    """

    def __init__(self, message: str, *, reason: BaseException, result: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.result = result
