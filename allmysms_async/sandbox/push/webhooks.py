"""What there is to ask of and to tell the webhooks."""

import asyncio
import math
from collections.abc import AsyncIterator
from weakref import WeakSet

from starlette.types import ASGIApp

from allmysms_async.sandbox.fault import ControlError, FaultBook
from allmysms_async.sandbox.state import Account, Campaign, Reply, World

from .outbox import CampaignReports, Once, known_reply
from .pusher import PushCounts, Pusher
from .synthetic import MOST, Load, Pushed, existing, invented, messages_of, reported

__all__ = ["Webhooks"]


class Webhooks:
    """Calls the addresses that are configured with every report and reply, the moment that it becomes known.

    Each account is called at its own addresses, and at none of its main account's. Only addresses of this machine are
    called, by plain HTTP. A reply that was pushed is still handed out by getPulls.
    """

    def __init__(self, world: World, faults: FaultBook) -> None:
        """Listen to a state."""
        self._world = world
        self._faults = faults
        self._applications: dict[str, ASGIApp] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._pusher = Pusher(world, faults, self._applications)
        self._runs = 0
        self._loads: WeakSet[Load] = WeakSet()
        world.observers.append(self)

    def counts(self) -> PushCounts:
        """Count what became of reports and replies since the last reset."""
        return self._pusher.counts()

    async def settled(self) -> None:
        """Wait until all that is known by the sandbox's clock was answered, given up, or waits to be pushed again.

        With a clock that stands still, this and `Sandbox.advance` are all that a test needs.
        """
        await self._pusher.settled()

    def push_into(self, application: ASGIApp, path: str, login: str) -> None:
        """Give an account's reports and replies to an application of this process.

        Raises:
            ControlError: There is no such account, or the path does not begin with a slash.
        """
        account = self._account(login)
        if not path.startswith("/"):
            raise ControlError("The path must begin with a slash.")
        host = f"application-{len(self._applications) + 1}"
        self._applications[host] = application
        for kind in ("dlr", "mo"):
            self._world.set_webhook(account, kind, f"http://{host}{path}")

    def push(
        self,
        *,
        reports: int = 0,
        replies: int = 0,
        rate: float | None = None,
        of_sent_texts: bool = False,
        login: str = "demo",
    ) -> AsyncIterator[Pushed]:
        """Push synthetic events for a load test, and return what became of each, in the order in which it did.

        Args:
            reports: How many reports, up to a million with the replies.
            replies: How many replies.
            rate: How many a second of the sandbox's clock; without it, as fast as they are answered.
            of_sent_texts: Whether they are of texts that were sent; else both texts and numbers are made up.
            login: The account.

        Raises:
            ControlError: They make no sense, or the account has no address for them.
        """
        account = self._account(login)
        if min(reports, replies) < 0 or not 0 < reports + replies <= MOST:
            raise ControlError(f"There can be 1 to {MOST} reports and replies.")
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise ControlError("The rate must be a number over 0.")
        for kind, wanted in (("dlr", reports), ("mo", replies)):
            if wanted and not account.webhooks.get(kind):
                raise ControlError(f"The account {login!r} has no webhook {kind!r}; configureWebhook sets one.")
        now = self._world.settle()
        if of_sent_texts:
            events = existing(self._world, account, reports, replies, now)
        else:
            self._runs += 1
            events = invented(account, self._runs, reports, replies, now)
        load = Load(events, reports + replies, now, rate)
        self._loads.add(load)
        self._pusher.add(load)
        return load.outcomes(self._pusher.add)

    def reset(self) -> None:
        """Forget everything that was to be pushed, and the applications."""
        for task in self._pusher.cancel():
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        for load in self._loads:
            load.end()
        self._applications.clear()
        self._runs = 0
        self._pusher = Pusher(self._world, self._faults, self._applications)

    async def stop(self) -> None:
        """Push no more, and close every connection."""
        self.reset()
        if self._ending:
            await asyncio.wait(self._ending)

    def wake(self) -> None:
        """The clock was moved."""
        self._pusher.wake()

    # What the state tells.

    def delivered(self, campaign: Campaign) -> None:
        """Push the reports on a campaign, if its account has an address for them."""
        account = self._world.account(campaign.login)
        if account is not None and account.webhooks.get("dlr") and reported(campaign):
            self._pusher.add(CampaignReports(account, campaign))

    def answered(self, reply: Reply) -> None:
        """Push a reply, if the account has an address for it."""
        account = self._world.account(reply.campaign.login)
        if account is not None and account.webhooks.get("mo") and reported(reply.campaign):
            self._pusher.add(Once(reply.at, known_reply(account, reply)))

    def configured(self, account: Account, kind: str) -> None:
        """Push the reports that are still to come on what the account sent before it had an address."""
        if kind != "dlr":
            return
        now, under_way = self._world.settle(), self._pusher.campaigns()
        for campaign in messages_of(self._world, account):
            if campaign.number not in under_way:
                self._pusher.add(CampaignReports(account, campaign, after=now))

    def _account(self, login: str) -> Account:
        """Return an account.

        Raises:
            ControlError: There is none.
        """
        account = self._world.account(login)
        if account is None:
            raise ControlError(f"There is no account {login!r}; there are {', '.join(self._world.accounts)}.")
        return account
