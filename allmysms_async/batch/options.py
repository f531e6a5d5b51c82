"""How a campaign is sent: what a service hands to a run."""

from __future__ import annotations

from collections.abc import Callable

from allmysms_async.batch.hours import Hours
from allmysms_async.batch.limits import StopConditions
from allmysms_async.batch.opt_outs import OptOuts
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.redaction import Shown

__all__ = ["EngineOptions"]


class EngineOptions(Shown, frozen=True, kw_only=True):
    """How a campaign is sent.

    Attributes:
        chunk_size: Recipients in a request at most.
        concurrency: Requests in flight at most.
        policy: How long to keep trying.
        grace: Seconds that a run which is stopped still waits for answers to what it has sent.
        max_duration: Seconds that the gateway's request limit may stretch the campaign to; None for any.
        limits: What stops the campaign before its end.
        failures: Told of each request's recipients and of those of them that are lost, where others count them too.
        opt_outs: Whom it leaves out.
        hours: The quiet hours that it keeps, if it does.
        without_stop: Country codes whose people it refuses, since its text does not say how to opt out.
    """

    chunk_size: int
    concurrency: int = 8
    policy: RetryPolicy = RetryPolicy()
    grace: float = 10.0
    max_duration: float | None = None
    limits: StopConditions = StopConditions()
    failures: Callable[[int, int], None] | None = None
    opt_outs: OptOuts | None = None
    hours: Hours | None = None
    without_stop: frozenset[str] = frozenset()
