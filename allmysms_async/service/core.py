"""What every part of the service stands on."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from allmysms_async.backend import Backend, SendLimits, Sends, capable
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.border import bordered
from allmysms_async.campaign import Work
from allmysms_async.clock import Clock
from allmysms_async.model import MmsMessage, SmsMessage

if TYPE_CHECKING:
    from allmysms_async.model import TextPrice
    from allmysms_async.watch import Watcher

__all__ = ["Core"]

B = TypeVar("B", bound=Backend)


@bordered
class Core:
    """The backend, and how it is asked; ``SmsService`` sets all of it."""

    backend: Backend
    # The backend again, if it sends, and its limits by message, if it has those.
    _sends: Sends | None
    _limits_of: Callable[[SmsMessage | MmsMessage], SendLimits] | None
    _usual: EngineOptions
    _send_policy: RetryPolicy
    _clock: Clock
    _rng: random.Random
    _work: Work
    _watcher: Watcher | None
    # The price list, and when it was fetched.
    _prices: tuple[float, tuple[TextPrice, ...]] | None

    def capable(self, capability: type[B]) -> B:
        """Return the backend as one that can do what is asked, or raise ``UnsupportedFeature``."""
        return capable(self.backend, capability)
