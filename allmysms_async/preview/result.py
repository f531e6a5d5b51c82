"""What a preview says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from allmysms_async.model import Account, Outcome, Reason
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.text import Coding

__all__ = ["CountryShare", "Difference", "LongRow", "Preview", "Simulation", "UnicodeCharacter", "ZoneHours"]


class LongRow(Discreet, frozen=True, kw_only=True):
    """A row whose text is among the longest.

    Attributes:
        row: Ordinal in the source, counted from 1.
        line: Line of the file, where the source has lines.
        phone: Canonical number.
        coding: The coding that the text is sent in.
        units: Its length, in units of that coding.
        parts: Its text parts.
    """

    row: int
    line: int | None
    phone: str
    coding: Coding
    units: int
    parts: int


class UnicodeCharacter(Shown, frozen=True, kw_only=True):
    """A character that GSM-7 lacks, so that every text that holds it is sent as Unicode.

    Attributes:
        character: The character.
        recipients: How many texts hold it.
        extra_parts: Parts that those texts take over what they would take in GSM-7, with every such character replaced,
            or left out where nothing stands for it. A text that holds several counts for each of them.
        replacement: What of GSM-7 could stand in its place, maybe empty; None if nothing can. Beside a figure, a figure
            such as ``²`` has none.
        lossless: Whether nobody would miss it: a quote, a space, a dash.
        row: The first row that holds it, as far as chunks were filled in order.
        line: The line of that row, where the source has lines.
    """

    character: str
    recipients: int
    extra_parts: int
    replacement: str | None
    lossless: bool
    row: int
    line: int | None


class CountryShare(Shown, frozen=True, kw_only=True):
    """What goes to one country code.

    Attributes:
        code: The country code, such as ``33``.
        countries: The ISO codes of the countries that share it, the largest first; none for networks of no country.
        recipients: How many.
        parts: Text parts over all of them.
        price: Euros without tax for a part, the dearest where countries of the code differ; None if the price list has
            none, or there is no list.
        cost: Euros without tax for those of the parts that have a price; None where none has.
        unpriced_parts: Parts without a price, of which the cost says nothing.
    """

    code: str
    countries: tuple[str, ...]
    recipients: int
    parts: int
    price: Decimal | None = None
    cost: Decimal | None = None
    unpriced_parts: int = 0


class Difference(Shown, frozen=True, kw_only=True):
    """One figure that the gateway sees otherwise.

    Attributes:
        what: ``recipients``, ``parts`` or ``cost``.
        here: The figure as planned here.
        gateway: The gateway's.
        requests: How many requests differ.
        first: The first row or line of the first of them, and the last.
    """

    what: str
    here: Decimal
    gateway: Decimal
    requests: int
    first: tuple[int, int]


class Simulation(Shown, frozen=True, kw_only=True):
    """The gateway's own answer to the same requests, which it did not send.

    Attributes:
        requests: How many it was asked about.
        recipients: How many it would text.
        parts: Text parts that it counts.
        cost: Euros without tax, or None if it names none.
        rejections: Whom it would refuse, by reason.
        refused: Why it refused whole requests, in words, with how many they were.
        differences: What differs from the plan; none if nothing does.
    """

    requests: int
    recipients: int
    parts: int
    cost: Decimal | None
    rejections: Mapping[Reason, int]
    refused: Mapping[str, int]
    differences: tuple[Difference, ...]


class ZoneHours(Shown, frozen=True, kw_only=True):
    """Whether a marketing text may be sent to a zone of France at the moment that was looked at.

    Attributes:
        zone: Its name, such as ``metropolitan France``.
        code: Its country code.
        recipients: How many are in it.
        may_send: Whether the hours allow it.
        next_legal: The first moment that they do, at or after that moment.
    """

    zone: str
    code: str
    recipients: int
    may_send: bool
    next_legal: datetime


class Preview(Shown, frozen=True, kw_only=True):
    """What a campaign would be.

    Attributes:
        name: The campaign's name.
        backend: The protocol's short name.
        rows: Rows of the source.
        recipients: Those of them that would be sent to; ``recipients + rejected = rows``.
        requests: Requests that they take.
        parts: Text parts over all recipients.
        histogram: Recipients by the parts of their text, the fewest parts first.
        longest: The longest texts, the longest first; none where all have one text.
        rejections: Rejected rows by reason, the most frequent first.
        first_rejected: The first rows of each reason.
        unicode_recipients: Recipients whose text is sent as Unicode.
        unicode_parts: Parts of those texts.
        savable_parts: Parts that replacing characters would save: of the texts in which each has a replacement.
        lossless_parts: Those of them that ``gsm_replacements=True`` saves: the texts in which only quotes, spaces and
            dashes need it.
        chosen_parts: Parts that ``encoding="unicode"`` alone costs, of texts that GSM-7 could hold.
        characters: What forces Unicode, the dearest first; the first few hundred different ones.
        more_characters: Whether there are more.
        countries: Recipients by country code, the most first.
        cost: Euros without tax by the account's price list, or None without one.
        unpriced_parts: Parts that the list has no price for; ``cost`` says nothing of them.
        hours: Of a marketing text, whether it may be sent to each zone of France that somebody is in: now, or at its
            ``send_at``. Other countries' law is not known here.
        begins_at: From when a run may begin, where it would be refused for quiet hours; else None. All is counted as if
            it were not.
        account: What is left on the account, where the protocol can say.
        least_seconds: How long the protocol's request limit makes the campaign at least, or None where it has none.
        simulation: The gateway's own answer, where it was asked for.
        notes: What could not be had, a sentence each.
    """

    name: str
    backend: str
    rows: int
    recipients: int
    requests: int
    parts: int
    histogram: Mapping[int, int]
    longest: tuple[LongRow, ...]
    rejections: Mapping[Reason, int]
    first_rejected: Mapping[Reason, tuple[Outcome, ...]]
    unicode_recipients: int
    unicode_parts: int
    savable_parts: int
    lossless_parts: int
    chosen_parts: int
    characters: tuple[UnicodeCharacter, ...]
    more_characters: bool
    countries: tuple[CountryShare, ...]
    cost: Decimal | None = None
    unpriced_parts: int = 0
    hours: tuple[ZoneHours, ...] = ()
    begins_at: datetime | None = None
    account: Account | None = None
    least_seconds: float | None = None
    simulation: Simulation | None = None
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Rows that would not be sent to."""
        return sum(self.rejections.values())

    @property
    def duplicates(self) -> int:
        """Rows whose number stands in the source before."""
        return self.rejections.get(Reason.DUPLICATE, 0)

    @property
    def may_send(self) -> bool:
        """Whether no quiet hours that are known here forbid it."""
        return all(zone.may_send for zone in self.hours)

    @property
    def affordable(self) -> bool | None:
        """Whether what is left on the account is enough, or None if nobody can tell."""
        left = self.account
        if left is not None and self.cost is not None and left.balance is not None and not self.unpriced_parts:
            return self.cost <= left.balance
        return None if left is None or left.texts is None else self.parts <= left.texts
