"""``SmsService``: the one interface over every backend."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, Unpack

from allmysms_async import argument
from allmysms_async.backend import ActsForSubAccounts, Backend, LimitsByMessage, Sends
from allmysms_async.batch.options import EngineOptions
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.border import bordered
from allmysms_async.campaign import Work
from allmysms_async.clock import Clock, SystemClock
from allmysms_async.environment import backend_of_environment
from allmysms_async.options import ServiceSettings, check_settings
from allmysms_async.service.asking import Asking
from allmysms_async.service.campaign import Campaigning
from allmysms_async.service.contact_list import ContactLists
from allmysms_async.service.previewing import Previewing
from allmysms_async.service.sending import Sending
from allmysms_async.service.watching import Watching

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["SEND_POLICY", "SmsService"]

SEND_POLICY = RetryPolicy(attempts=5, deadline=60.0, cap=8.0)
"""For ``send``: somebody waits for a one-time code, so it gives up within a minute."""


@bordered
class SmsService(Sending, Campaigning, Previewing, Asking, Watching, ContactLists):
    """Sends texts and campaigns through a backend, and asks it for reports.

    It may be made once, at import, and used from any event loop, thread and process: each event loop has connections of
    its own, which close with it. Closed in one, it is closed for all event loops of the process.

    Args:
        backend: What reaches the gateway, such as ``RestBackend``; closed with the service.
        policy: How long ``run`` and ``stream`` keep trying each request.
        send_policy: The same for ``send``.
        concurrency: Requests in flight at most, in one campaign.
        grace: Seconds that a run which is stopped, or closed with the service, waits for answers to what it has sent.
        clock: Where the time comes from; the machine's own by default.
        rng: Where the jitter between attempts comes from.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        policy: RetryPolicy | None = None,
        send_policy: RetryPolicy = SEND_POLICY,
        concurrency: int = 8,
        grace: float = 30.0,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        argument.given("backend", backend, Backend, "a backend, such as RestBackend(…)")
        check_settings(policy, send_policy, concurrency, grace, clock, rng)
        self.backend = backend
        # Looked up once: what a backend can do does not change, and asking is a good part of a send's own time.
        self._sends = backend if isinstance(backend, Sends) else None
        self._limits_of = backend.limits_of if isinstance(backend, LimitsByMessage) else None
        self._usual = EngineOptions(chunk_size=0, concurrency=concurrency, policy=policy or RetryPolicy(), grace=grace)
        self._send_policy = send_policy
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret
        self._work = Work(self)
        self._watcher = None
        self._prices = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Unpack[ServiceSettings]) -> Self:
        """Return a service over the HTTPS API v9 for the account in the environment, as the command line has it.

        ``ALLMYSMS_LOGIN`` and ``ALLMYSMS_API_KEY`` must be set; ``ALLMYSMS_BASE_URL`` names another server.

        Args:
            environ: The variables; the process's own by default.
            settings: As the class has them.

        Raises:
            InvalidRequest: Naming the variable that is not set or cannot be right, never its value.
        """
        return cls(backend_of_environment(environ), **settings)

    async def __aenter__(self) -> SmsService:
        """Return the service itself; connections are opened when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the service."""
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs, wait up to ``grace`` for the answers to what was sent, and close the backend."""
        try:
            await self._work.aclose()
        finally:
            await self.backend.aclose()

    def with_sub_account(self, login: str) -> SmsService:
        """Return a view of this service that acts for a sub-account; connections are shared.

        Closing the view stops what runs in it and closes nothing else; close this service as always.

        Args:
            login: The sub-account's login.

        Raises:
            InvalidRequest: The login cannot travel.
            UnsupportedFeature: The backend cannot act for a sub-account.
        """
        return SmsService(
            self.capable(ActsForSubAccounts).with_sub_account(login),
            policy=self._usual.policy,
            send_policy=self._send_policy,
            concurrency=self._usual.concurrency,
            grace=self._usual.grace,
            clock=self._clock,
            rng=self._rng,
        )
