"""Reports and replies as they come, for services that no webhook reaches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Unpack

from allmysms_async.backend import ReceivesReplies, ReportsDelivery
from allmysms_async.border import bordered
from allmysms_async.model import DeliveryReport, Reply
from allmysms_async.service.core import Core

if TYPE_CHECKING:
    from allmysms_async.watch import Watched, Watcher, WatchOptions

__all__ = ["Watching"]


@bordered
class Watching(Core):
    """Asks at growing intervals for what comes back."""

    def watch_reports(self, sends: Watched, **options: Unpack[WatchOptions]) -> AsyncIterator[DeliveryReport]:
        """Iterate over delivery reports as they come, asked for at growing intervals, for services without a webhook.

        Each change is handed out once: a text that is handed to the operator and then delivered, twice. It ends when
        nothing can change any more, where the number of texts is known, and after 72 hours.

        Args:
            sends: The identifier of a send, several, a receipt or a campaign's result.
            options: As ``WatchOptions`` has them: ``journal``, ``pace``, ``until``.

        Raises:
            InvalidRequest: No send is named.
            UnsupportedFeature: The backend has no delivery reports.
            AllMySmsError: While iterating: the login is refused, or the journal cannot be used. What passes is asked
                again in the next round.
        """
        from allmysms_async.watch import checked, sends_of

        backend = self.capable(ReportsDelivery)
        return self._watching().reports(backend, *sends_of(sends), checked(options))

    def watch_replies(self, sends: Watched | None = None, **options: Unpack[WatchOptions]) -> AsyncIterator[Reply]:
        """Iterate over what people answer as it comes, asked for at growing intervals, for services without a webhook.

        Each answer is handed out once. Where the gateway does so too, for the whole account, none is lost all the same:
        with a journal it is durable before it is handed out, and after a question whose answer did not come the
        replies of all sends of the last 72 hours are read again. It ends when the caller breaks, or at ``until``.

        Args:
            sends: As for ``watch_reports``; None for whatever is new, on protocols that have that.
            options: As ``WatchOptions`` has them: ``journal``, ``pace``, ``until``.

        Raises:
            InvalidRequest: No send is named, and the protocol needs them.
            UnsupportedFeature: The backend has no replies.
            AllMySmsError: As for ``watch_reports``.
        """
        from allmysms_async.watch import checked, sends_for_replies

        backend = self.capable(ReceivesReplies)
        return self._watching().replies(backend, sends_for_replies(backend, sends), checked(options))

    def _watching(self) -> Watcher:
        """Return what watches for this service; it is imported by those who watch."""
        if self._watcher is None:
            from allmysms_async.watch import Watcher

            self._watcher = Watcher(self._clock)
        return self._watcher
