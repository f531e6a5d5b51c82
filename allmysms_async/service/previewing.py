"""What a campaign would be: looked at before it is sent."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar, Unpack

import msgspec

from allmysms_async import argument
from allmysms_async.backend import DescribesAccount, ListsPrices, SendRequest, Sends, Simulates
from allmysms_async.batch.question import repeat
from allmysms_async.border import bordered
from allmysms_async.errors import AllMySmsError
from allmysms_async.model import Campaign, Estimate, TextPrice, as_sms, check_campaign, checked_quiet_hours
from allmysms_async.options import RunOptions, checked_journal
from allmysms_async.prepare import engine_options, iterable, lawful_campaign, opt_outs_of
from allmysms_async.service.core import Core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from allmysms_async.preview import Preview

__all__ = ["Previewing"]

T = TypeVar("T")

_PRICES_SECONDS = 3600.0
_ATTEMPTS = 3
"""At what a preview can do without."""


@bordered
class Previewing(Core):
    """Looks at campaigns before they are sent, and at what texts cost."""

    async def prices(self) -> tuple[TextPrice, ...]:
        """Return what a text part costs in each country by the account's price list, which is kept for an hour.

        Raises:
            UnsupportedFeature: The backend lists no prices.
        """
        backend, now = self.capable(ListsPrices), self._clock.monotonic()
        if self._prices is None or now - self._prices[0] > _PRICES_SECONDS:
            self._prices = (now, await self._asked(backend.prices))
        return self._prices[1]

    async def preview(self, campaign: Campaign, *, simulate: bool = False, **options: Unpack[RunOptions]) -> Preview:
        """Say what a campaign would be, without sending: parts, what forces Unicode, countries, rejections, cost.

        The list is read to its end and planned as ``run`` plans it, so that parts and rejections are those that the run
        then reports, but for what the gateway refuses by itself. Memory does not grow with the list. What can be asked
        of the gateway is asked: prices, what is left on the account, the opt-outs that the run would leave out. Of
        marketing it says whether quiet hours allow it now, or at its ``send_at``, in each zone of France; where a run
        would leave out zones in theirs, they are rejected here as well, and where it would be refused whole, all is
        counted as if it were not, and ``begins_at`` says from when it is not. Whom an earlier run reached, as a journal
        has it, is not looked at.

        Args:
            campaign: As for ``run``; its source must be one that can be read again.
            simulate: Whether to ask the gateway about each request as well, and to name what differs.
            options: As for ``run``; ``chunk_size``, ``concurrency`` and ``journal`` (its opt-outs) matter here.

        Raises:
            InvalidRequest: As for ``run``, a marketing text with a sender that does not say how to opt out among them;
                or the source can be read only once.
            UnsupportedFeature: The backend cannot simulate, or cannot send this.
            InvalidSource: The source cannot be read to its end.
            TransportError: The gateway does not answer, where it is to simulate.
        """
        from allmysms_async.preview import previewed

        check_campaign(campaign)
        argument.given("simulate", simulate, bool, "true or false")
        backend, journal = self.capable(Sends), checked_journal(options.get("journal"))
        if simulate:
            self.capable(Simulates)
        iterable(campaign.recipients)
        campaign = lawful_campaign(backend, campaign, self._clock.now())
        checked = engine_options(backend, campaign, options, self._usual, clock=self._clock, begins=True)
        opt_outs = opt_outs_of(backend, campaign, journal, policy=checked.policy, clock=self._clock, rng=self._rng)
        message, notes = as_sms(campaign.message), list[str]()
        instant = (message.send_at or self._clock.now()) if message.purpose == "marketing" else None
        prices = account = None
        if isinstance(backend, ListsPrices):
            prices = await self._without(self.prices, "The price list", notes)
        if isinstance(backend, DescribesAccount):
            described = functools.partial(self._asked, backend.account)
            account = await self._without(described, "What is left on the account", notes)

        async def ask(request: SendRequest) -> Estimate:
            return await self._asked(functools.partial(self.capable(Simulates).simulate, request), attempts=None)

        return await previewed(
            backend,
            campaign,
            msgspec.structs.replace(checked, opt_outs=opt_outs),
            prices=prices,
            account=account,
            instant=instant,
            quiet=checked_quiet_hours(campaign.quiet_hours),
            ask=ask if simulate else None,
            notes=notes,
        )

    async def _asked(self, ask: Callable[[], Awaitable[T]], *, attempts: int | None = _ATTEMPTS) -> T:
        """Ask what may be asked again."""
        return await repeat(
            ask,
            replay="safe",
            key=None,
            attempts=attempts and min(attempts, self._send_policy.attempts),
            policy=self._send_policy,
            clock=self._clock,
            rng=self._rng,
        )

    async def _without(self, ask: Callable[[], Awaitable[T]], what: str, notes: list[str]) -> T | None:
        """Return an answer, or None with a note where there is none: a preview goes on without it."""
        try:
            return await ask()
        except AllMySmsError as error:
            notes.append(f"{what} could not be had: {error}")
            return None
