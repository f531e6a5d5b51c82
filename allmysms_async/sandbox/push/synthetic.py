"""Events for load tests: as many as wanted, as fast as they are answered, and what became of each.

Source: HTTPS API v9, §6.2 and §14.3.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import TypedDict

from allmysms_async.sandbox.fault import ControlError
from allmysms_async.sandbox.state import Account, Campaign, World, campaign_id, sms_id

from .outbox import NEVER, Known, known_reply
from .variables import reply_variables, report_variables

__all__ = ["MOST", "Load", "Pushed", "existing", "invented", "messages_of"]

MOST = 1_000_000
"""How many events one load may have."""

_UNREAD = 10_000
_A_CAMPAIGN = 1000
_STATUSES = "1111111245"
_FIRST_CAMPAIGN = 1 << 40
_REPLIES = ("Réponse {} : c'est noté à 100 % & merci", "STOP", "oui €{}")


class Pushed(TypedDict):
    """What became of one event: `ok`, `given_up`, `lost` by a fault, or `uncalled`; its variables tell which it is."""

    kind: str
    outcome: str
    tries: int
    variables: dict[str, str]


class Load:
    """A source of synthetic events; who reads what became of them sets the pace where the address does not."""

    def __init__(self, events: Iterator[Known], total: int, start: float, rate: float | None) -> None:
        """Begin.

        Args:
            events: The events.
            total: How many they are.
            start: The moment of the first.
            rate: How many a second of the sandbox's clock; without it, all at once.
        """
        self._events = events
        self._total = total
        self._start = start
        self._rate = rate
        self._taken = self._told = 0
        self._lines: deque[Pushed] = deque()
        self._news = asyncio.Event()
        self._paused = self._over = False

    @property
    def due(self) -> float:
        """The moment of the next event; never while what became of the others is not read."""
        if self._taken == self._total or self._paused:
            return NEVER
        return self._start if self._rate is None else self._start + self._taken / self._rate

    def take(self) -> Known:
        """Return the next event."""
        known = next(self._events)
        known.told = self._note
        self._taken += 1
        self._paused = self._taken - self._told + len(self._lines) >= _UNREAD
        return known

    def waiting(self, now: float) -> int:
        """Count the events that are known by now."""
        known = self._total
        if self._rate is not None:
            known = min(known, max(0, int((now - self._start) * self._rate) + 1))
        return max(0, known - self._taken)

    async def outcomes(self, resume: Callable[["Load"], None]) -> AsyncIterator[Pushed]:
        """Return what became of each, in the order in which it did.

        Args:
            resume: Takes the load back once it was paused for being read too slowly.
        """
        try:
            read = 0
            while not self._over:
                while self._lines:
                    yield self._lines.popleft()
                    read += 1
                    if self._paused and self._taken - self._told + len(self._lines) < _UNREAD // 2:
                        self._paused = False
                        resume(self)
                self._news.clear()
                if read == self._total:
                    return
                await self._news.wait()
        finally:
            self.end()

    def end(self) -> None:
        """Have no more events, and wait for the outcome of none."""
        self._total = self._taken
        self._over = True
        self._news.set()

    def _note(self, known: Known, outcome: str) -> None:
        """Note what became of an event."""
        self._told += 1
        self._lines.append(
            {"kind": known.kind, "outcome": outcome, "tries": known.tries, "variables": dict(known.variables)}
        )
        self._news.set()


def _kinds(reports: int, replies: int) -> Iterator[bool]:
    """Say for each event whether it is a reply: they are spread evenly."""
    total = reports + replies
    return ((place + 1) * replies // total > place * replies // total for place in range(total))


def invented(account: Account, run: int, reports: int, replies: int, now: float) -> Iterator[Known]:
    """Return events of texts that were never sent, each of another number, and no two loads alike."""
    for place, is_reply in enumerate(_kinds(reports, replies)):
        block, index = divmod(place, _A_CAMPAIGN)
        number = _FIRST_CAMPAIGN + run * MOST + block
        phone = f"336{(run * 7_919_311 + place) % 100_000_000:08}"
        text, campaign = sms_id(number, index), campaign_id(number)
        if is_reply:
            wording = _REPLIES[place % len(_REPLIES)].format(place)
            variables = reply_variables(text, str(number * _A_CAMPAIGN + index), now, phone, campaign, wording)
            yield Known("mo", account, phone, variables)
        else:
            variables = report_variables(text, _STATUSES[place % len(_STATUSES)], now, phone, campaign)
            yield Known("dlr", account, phone, variables)


def messages_of(world: World, account: Account) -> list[Campaign]:
    """Return an account's campaigns that people can answer and operators report on."""
    return [campaign for campaign in world.by_number if campaign.login == account.login and reported(campaign)]


def reported(campaign: Campaign) -> bool:
    """Say whether the webhooks tell of a campaign: a delivered one of texts, of this provider."""
    return campaign.delivered and not campaign.vocal and campaign.protocol != "envoyersmspro"


def existing(world: World, account: Account, reports: int, replies: int, now: float) -> Iterator[Known]:
    """Return the final reports on texts that were sent, and new replies to them, from the first text on.

    Raises:
        ControlError: There are not as many texts.
    """
    campaigns = messages_of(world, account)
    texts = sum(len(campaign.phones) for campaign in campaigns)
    if max(reports, replies) > texts:
        raise ControlError(f"There are {texts} delivered texts of {account.login!r}, and more were asked for.")

    def places() -> Iterator[tuple[Campaign, int]]:
        return ((campaign, index) for campaign in campaigns for index in range(len(campaign.phones)))

    def events() -> Iterator[Known]:
        to_report, to_answer = islice(places(), reports), islice(places(), replies)
        for place, is_reply in enumerate(_kinds(reports, replies)):
            if is_reply:
                campaign, index = next(to_answer)
                reply = world.replies.add(campaign, index, _REPLIES[0].format(place), now)
                yield known_reply(account, reply)
            else:
                campaign, index = next(to_report)
                ack = campaign.ack(index, NEVER)
                text = campaign.sms_id(index)
                yield Known(
                    "dlr", account, ack.phone, report_variables(text, ack.status, ack.at, ack.phone, campaign.id)
                )

    return events()
