"""The one state behind every face of the sandbox: accounts, campaigns, handsets, opt-outs, identifiers.

Nothing here runs in the background. What time brings about (a scheduled campaign, a report) is brought about on the
next look, by `settle`.
"""

import heapq
from dataclasses import dataclass
from typing import Protocol

from .account import Account, default_accounts
from .campaign import Campaign
from .clock import Clock
from .contact import ContactLists
from .handset import Handsets
from .identifier import KnownIdentifiers, RecentRequests
from .optout import OptOutList
from .order import Discard, Order, Plan, Reason, Refused, plan
from .recording import Recordings
from .reply import Replies, Reply

__all__ = ["Observer", "Sending", "World"]


@dataclass(frozen=True, slots=True)
class Sending:
    """An accepted request, with all that its answer says: a replay must say the same."""

    campaign: Campaign
    method: str
    verbose: bool
    credits_left: float
    discards: tuple[Discard, ...]


class Observer(Protocol):
    """What is told of texts that reach handsets, of replies, and of webhooks that are set."""

    def delivered(self, campaign: Campaign) -> None:
        """A campaign's texts reached the handsets."""
        ...

    def answered(self, reply: Reply) -> None:
        """Somebody answered a text."""
        ...

    def configured(self, account: Account, kind: str) -> None:
        """An account has a first address for `dlr` or `mo`."""
        ...


class World:
    """The provider's side, whatever protocol one looks at it through."""

    def __init__(self, clock: Clock) -> None:
        """Start afresh."""
        self.clock = clock
        self.observers: list[Observer] = []
        self._start()

    def _start(self) -> None:
        """Put everything but the clock at its beginning."""
        self.accounts: dict[str, Account] = default_accounts()
        self.campaigns: dict[str, Campaign] = {}
        self.by_number: list[Campaign] = []
        self.handsets = Handsets()
        self.opt_outs = OptOutList()
        self.identifiers: KnownIdentifiers[Sending] = KnownIdentifiers()
        self.replies = Replies()
        self.lists = ContactLists()
        self.recordings = Recordings()
        self.links: dict[str, str] = {}
        self._recent = RecentRequests()
        self._waiting: list[tuple[float, int, Campaign]] = []

    def reset(self) -> None:
        """Forget everything, and put the clock back."""
        self.clock.reset()
        self._start()

    def settle(self) -> float:
        """Bring about whatever the clock has passed, and return the moment."""
        now = self.clock.now()
        while self._waiting and self._waiting[0][0] <= now:
            campaign = heapq.heappop(self._waiting)[2]
            if not campaign.cancelled:
                self._deliver(campaign)
        for at, login, phone in self.handsets.reported_unassigned(now):
            self.opt_outs.add(phone, "blacklist_unassigned", at, login)
        return now

    @property
    def next_moment(self) -> float | None:
        """The moment for which the next campaign is scheduled."""
        return self._waiting[0][0] if self._waiting else None

    def set_webhook(self, account: Account, kind: str, url: str) -> None:
        """Let an account be called at an address with `dlr` (reports) or `mo` (replies)."""
        known = account.webhooks.get(kind)
        account.webhooks[kind] = url
        if not known:
            for observer in self.observers:
                observer.configured(account, kind)

    def account(self, login: str) -> Account | None:
        """Return an account by its login."""
        return self.accounts.get(login)

    def campaign_of(self, account: Account, campaign_id: str) -> Campaign | None:
        """Return a campaign, if the account has it."""
        campaign = self.campaigns.get(campaign_id)
        return campaign if campaign and campaign.login == account.login else None

    def message_of(self, account: Account, sms_id: str) -> tuple[Campaign, int] | None:
        """Return the campaign and position of a message, if the account sent it."""
        place = Campaign.place_of(sms_id)
        if place is None or place[0] >= len(self.by_number):
            return None
        campaign = self.by_number[place[0]]
        if campaign.login != account.login or place[1] >= len(campaign.phones):
            return None
        return campaign, place[1]

    def simulate(self, account: Account, order: Order) -> Plan:
        """Work out an order without sending it.

        Raises:
            Refused: The order could not be sent.
        """
        return plan(order, account.login, self.opt_outs, self.settle())

    def submit(self, account: Account, order: Order) -> Sending:
        """Accept an order: take its credits, and deliver it or keep it for its date.

        Args:
            account: Who pays.
            order: What is sent.

        Raises:
            Refused: Nothing was sent, and nothing is remembered.
        """
        now = self.settle()
        planned = plan(order, account.login, self.opt_outs, now)
        digest = order.digest(account.login)
        if not order.repeatable and self._recent.holds(digest, now):
            raise Refused(Reason.IDENTICAL_REQUEST)
        if planned.credits > account.credits:
            raise Refused(Reason.INSUFFICIENT_CREDIT, needed=planned.credits, available=account.credits)
        account.credits -= planned.credits
        self._recent.add(digest, now)
        campaign = self._open(account, order, planned, now)
        return Sending(campaign, order.method, order.verbose, account.credits, planned.discards)

    def _open(self, account: Account, order: Order, planned: Plan, now: float) -> Campaign:
        """Record a campaign."""
        invalid = sum(discard.reason == "invalid" for discard in planned.discards)
        campaign = Campaign(
            number=len(self.by_number),
            login=account.login,
            protocol=order.protocol,
            name=order.name,
            template=order.text,
            sender=order.sender,
            phones=planned.phones,
            texts=planned.texts,
            parts=planned.parts,
            credits=planned.credits,
            ordered_at=now,
            send_at=planned.send_at,
            scheduled=planned.scheduled,
            client_message_id=order.client_message_id,
            tracking=order.tracking,
            media=order.media,
            any_sender=order.any_sender,
            vocal=order.call_credits > 0,
            invalid=invalid,
            opted_out=len(planned.discards) - invalid,
        )
        self.by_number.append(campaign)
        self.campaigns[campaign.id] = campaign
        if planned.scheduled:
            heapq.heappush(self._waiting, (campaign.send_at, campaign.number, campaign))
        else:
            self._deliver(campaign)
        return campaign

    def _deliver(self, campaign: Campaign) -> None:
        """Put a campaign's texts on the handsets."""
        self.handsets.deliver(campaign)
        for observer in self.observers:
            observer.delivered(campaign)

    def cancel(self, campaign: Campaign) -> None:
        """Cancel a campaign that waits for its date, and give its credits back."""
        campaign.cancelled = True
        self.accounts[campaign.login].credits += campaign.credits

    def sub_accounts_of(self, account: Account) -> list[Account]:
        """Return an account's sub-accounts."""
        return [other for other in self.accounts.values() if other.master == account.login]

    def rename(self, account: Account, login: str) -> None:
        """Give an account another login; what it sent and keeps stays its own."""
        old = account.login
        for campaign in self.by_number:
            if campaign.login == old:
                campaign.login = login
        self.lists.rename(old, login)
        self.opt_outs.rename(old, login)
        self.recordings.rename(old, login)
        self.accounts = {login if key == old else key: value for key, value in self.accounts.items()}
        account.login = login

    def reply(self, phone: str, text: str) -> Reply | None:
        """Let a handset answer its last text; STOP and START are acted upon, as the manual's glossary says."""
        now = self.settle()
        place = self.handsets.latest(phone)
        if place is None:
            return None
        campaign, index = place
        match text.strip().upper():
            case "STOP":
                self.opt_outs.add(phone, "blacklist_stop", now, campaign.login)
            case "START" | "REABO":
                self.opt_outs.remove(campaign.login, phone)
            case _:
                pass
        reply = self.replies.add(campaign, index, text, now)
        for observer in self.observers:
            observer.answered(reply)
        return reply
