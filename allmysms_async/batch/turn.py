"""Waiting for a backend's request limit."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from allmysms_async import logs
from allmysms_async.backend import Paces, Sends
from allmysms_async.batch.desk import Desk, pause
from allmysms_async.clock import Clock
from allmysms_async.errors import CampaignTooLong, NotSent

__all__ = ["Turn"]

_LOOK_AGAIN = 5.0
"""Seconds after which a wait for a request limit is looked at again: a place may be free sooner than foreseen."""

_log = logging.getLogger("allmysms_async")


class Turn:
    """Tells the workers of one run when the next request may be sent.

    Args:
        backend: What sends.
        max_duration: Seconds that the limit may stretch the campaign to; None for any.
        clock: Where the time comes from.
        desk: What the run does for it.

    Attributes:
        waiting_until: When the next request may be sent, while the limit is reached.
    """

    def __init__(self, backend: Sends, max_duration: float | None, clock: Clock, desk: Desk) -> None:
        self.waiting_until: datetime | None = None
        self._paces = backend if isinstance(backend, Paces) else None
        self._max_duration = max_duration
        self._clock = clock
        self._desk = desk
        self._began = clock.now()

    async def came(self) -> bool:
        """Wait until the backend's request limit allows a request; tell whether it does, or the run is to stop.

        A chunk waits unclaimed: whatever happens meanwhile, it is known that nothing of it was sent.
        """
        while not self._desk.stopping.is_set():
            seconds = self._seconds()
            if seconds <= 0:
                return True
            until = (self._clock.now() + timedelta(seconds=seconds)).replace(microsecond=0)
            most = self._max_duration
            if most is not None and (until - self._began).total_seconds() > most:
                msg = (
                    f"The gateway's request limit stretches the campaign past max_duration, {timedelta(seconds=most)}."
                )
                self._desk.fail(CampaignTooLong(msg, seconds=(until - self._began).total_seconds()))
                return False
            if self.waiting_until is None or abs(until - self.waiting_until) > timedelta(seconds=_LOOK_AGAIN):
                _log.info(
                    "The gateway's request limit is reached; the next request may be sent at %s.",
                    until,
                    extra=logs.fields("limit_reached", until=until.isoformat()),
                )
                self.waiting_until = until
                self._desk.tell(())
            await pause(self._clock, self._desk.stopping, min(seconds, _LOOK_AGAIN))
        return False

    def _seconds(self) -> float:
        """Return the seconds until the request limit allows a request."""
        if self._paces is None:
            return 0.0
        try:
            return self._paces.turn_in()
        except NotSent as error:  # another process holds the record of the limit for a moment
            _log.info(
                "The request limit cannot be looked at: %s", error, extra=logs.fields("limit_unknown", error=error)
            )
            return 1.0
