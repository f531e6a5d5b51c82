"""Asking for delivery reports until they are final, or may change no more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from allmysms_async.backend import ReportsDelivery
from allmysms_async.clock import Clock
from allmysms_async.errors import AllMySmsError
from allmysms_async.inbox import WatchStore
from allmysms_async.model import FINAL, DeliveryStatus
from allmysms_async.watch.ask import Asker

__all__ = ["ReportPoll"]


class ReportPoll:
    """Rounds of questions about some sends.

    Args:
        backend: Who is asked.
        sends: The gateway's identifiers of the sends.
        store: Where the reports go.
        clock: Where the time comes from.
        expected: Texts that were accepted in all, or None if that is not known: then no round is the last.
    """

    def __init__(
        self, backend: ReportsDelivery, sends: Sequence[str], store: WatchStore, clock: Clock, expected: int | None
    ) -> None:
        self._backend = backend
        self._open = list(dict.fromkeys(sends))
        self._store = store
        self._asker = Asker(backend, clock)
        self._expected = expected
        self._final: dict[str, int] = {}

    @property
    def over(self) -> bool:
        """Whether no report can change any more, as far as is known."""
        return not self._open or (self._expected is not None and sum(self._final.values()) >= self._expected)

    @property
    def trouble(self) -> AllMySmsError | None:
        """The first question of the last round that failed, or None."""
        return self._asker.trouble

    async def round(self) -> AsyncGenerator[int]:
        """Ask about each send; yield how many reports were new after each answer.

        Raises:
            AllMySmsError: No other question would fare better.
        """
        self._asker.trouble = None
        for send in tuple(self._open):
            await self._asker.turn()
            try:
                reports = await self._backend.delivery_reports(send)
            except AllMySmsError as error:
                if not await self._asker.stumbled(error):
                    self._open.remove(send)
                continue
            self._asker.well()
            self._final[send] = sum(report.status in FINAL for report in reports)
            yield await self._store.store([each for each in reports if each.status is not DeliveryStatus.PENDING])
        self._asker.rounded()
