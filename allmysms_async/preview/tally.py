"""The figures of a plan, chunk by chunk: parts, countries, the longest texts, rejections. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from heapq import nlargest
from typing import TypeAlias

from allmysms_async.batch.chunk import Chunk
from allmysms_async.model import Outcome, People, Reason
from allmysms_async.numbering import country_code
from allmysms_async.preview.characters import Characters
from allmysms_async.preview.country import PriceList, countries_of
from allmysms_async.preview.measure import Measure
from allmysms_async.preview.result import CountryShare, LongRow
from allmysms_async.text import Coding, Template

__all__ = ["Shares", "Tally"]

_LONGEST = 5
_FIRST = 5
# Digits that hold any country code.
_CODE_DIGITS = 3

Shares: TypeAlias = Mapping[tuple[str, int], int]
"""Recipients by the first digits of their number and the parts of their text."""


class Tally:
    """What is counted of a plan; what it keeps does not grow with the list.

    Args:
        template: The campaign's.
        prices: What a part costs; None where there is no list.

    Attributes:
        recipients: How many are sent to.
        requests: How many requests that takes.
        parts: Text parts over all of them.
        characters: What forces Unicode.
        rejections: Rejected rows by reason.
        asleep: Those of them that are left out for quiet hours, by country code.
    """

    def __init__(self, template: Template, prices: PriceList | None) -> None:
        self.recipients = self.requests = self.parts = 0
        self.characters = Characters(template)
        self.rejections: Counter[Reason] = Counter()
        self.asleep: Counter[str] = Counter()
        self._first: dict[Reason, list[Outcome]] = {}
        self._prices = prices
        self._digits = max(_CODE_DIGITS, 0 if prices is None else prices.digits)
        self._measure = Measure(template) if template.count else None
        self._shares: Counter[tuple[str, int]] = Counter()
        self._longest: list[LongRow] = []
        self._floor = (0, 0)

    def add(self, chunk: Chunk) -> Shares:
        """Count a chunk; return its own shares."""
        rows = len(chunk.rows)
        self.recipients += rows
        self.requests += 1
        self.parts += chunk.parts
        digits = self._digits
        heads = [phone[:digits] for phone in People.phones_of(chunk.recipients)]
        parts = self._parts(chunk)
        shares: Shares
        if isinstance(parts, int) and rows == 1:
            shares = {(heads[0], parts): 1}
        elif isinstance(parts, int):
            shares = {(head, parts): count for head, count in Counter(heads).items()}
        else:
            shares = Counter(zip(heads, parts, strict=True))
        for share, count in shares.items():
            self._shares[share] += count
        if chunk.coding is Coding.UNICODE:
            self.characters.add(chunk, parts)
        if self._measure is not None:
            self._look_for_longest(chunk, parts)
        return shares

    def cost(self, shares: Shares) -> Decimal | None:
        """Return what some shares cost, or None if there is no price for one of them."""
        if self._prices is None:
            return None
        total = Decimal(0)
        for (head, parts), count in shares.items():
            price = self._prices.of(head)
            if price is None:
                return None
            total += price * parts * count
        return total

    def _parts(self, chunk: Chunk) -> Sequence[int] | int:
        """Return the parts of each row's text, or of all of them where they are the same."""
        rows = len(chunk.rows)
        if chunk.parts == rows or not chunk.params or self._measure is None:
            return chunk.parts // rows
        return self._measure.parts(chunk.coding, _columns(chunk))

    def _look_for_longest(self, chunk: Chunk, parts: Sequence[int] | int) -> None:
        """Keep the longest texts of those that were kept and those of a chunk: the most parts, then the most units."""
        most = parts if isinstance(parts, int) else max(parts)
        if most < self._floor[0] or self._measure is None:
            return
        rows = len(chunk.rows)
        if chunk.params:
            units = self._measure.units(chunk.coding, _columns(chunk))
        else:
            length = self._measure.whole(chunk.coding, chunk.text)
            if (most, length) <= self._floor:
                return
            units = [length] * rows
        each = [parts] * rows if isinstance(parts, int) else parts
        if max(zip(each, units, strict=True)) <= self._floor:
            return
        found = nlargest(_LONGEST, zip(each, units, range(0, -rows, -1), strict=True))
        self._longest += [
            LongRow(
                row=chunk.rows[-at],
                line=chunk.recipients[-at].line,
                phone=chunk.recipients[-at].phone,
                coding=chunk.coding,
                units=length,
                parts=count,
            )
            for count, length, at in found
        ]
        self._longest.sort(key=lambda row: (-row.parts, -row.units, row.row))
        del self._longest[_LONGEST:]
        if len(self._longest) == _LONGEST:
            self._floor = (self._longest[-1].parts, self._longest[-1].units)

    def refuse(self, outcomes: Iterable[Outcome]) -> None:
        """Count rows that are not sent to."""
        for outcome in outcomes:
            if outcome.reason is not None:
                self.rejections[outcome.reason] += 1
                if outcome.reason is Reason.QUIET_HOURS:
                    self.asleep[country_code(outcome.phone) or ""] += 1
                first = self._first.setdefault(outcome.reason, [])
                if len(first) < _FIRST:
                    first.append(outcome)

    # -- what was counted ---------------------------------------------------------------------------------------------

    @property
    def rejected(self) -> dict[Reason, int]:
        """Rejected rows by reason, the most frequent first."""
        return dict(sorted(self.rejections.items(), key=lambda item: (-item[1], item[0].value)))

    @property
    def first_rejected(self) -> Mapping[Reason, tuple[Outcome, ...]]:
        """The first rows of each reason."""
        return {reason: tuple(self._first[reason]) for reason in self.rejected}

    @property
    def longest(self) -> tuple[LongRow, ...]:
        """The longest texts, the longest first."""
        return tuple(self._longest)

    @property
    def histogram(self) -> dict[int, int]:
        """Recipients by the parts of their text, the fewest parts first."""
        found: Counter[int] = Counter()
        for (_, parts), count in self._shares.items():
            found[parts] += count
        return dict(sorted(found.items()))

    def countries(self) -> tuple[CountryShare, ...]:
        """Return the recipients by country code, the most first."""
        by_code: dict[str, list[tuple[str, int, int]]] = {}
        for (head, parts), count in self._shares.items():
            by_code.setdefault(country_code(head) or "", []).append((head, parts, count))
        shares = [self._country(code, some) for code, some in by_code.items()]
        return tuple(sorted(shares, key=lambda share: (-share.recipients, share.code)))

    def _country(self, code: str, some: Sequence[tuple[str, int, int]]) -> CountryShare:
        cost, unpriced, dearest = Decimal(0), 0, None
        for head, parts, count in some:
            price = None if self._prices is None else self._prices.of(head)
            if price is None:
                unpriced += parts * count
            else:
                cost += price * parts * count
                dearest = price if dearest is None else max(dearest, price)
        return CountryShare(
            code=code,
            countries=countries_of(code),
            recipients=sum(count for _, _, count in some),
            parts=sum(parts * count for _, parts, count in some),
            price=dearest,
            cost=None if dearest is None else cost,
            unpriced_parts=0 if self._prices is None else unpriced,
        )


def _columns(chunk: Chunk) -> Sequence[Sequence[str]]:
    """Return the values of a chunk's recipients, a column for each parameter."""
    people = People.of(chunk.recipients)
    if people is None:  # planned here, they are columns
        return list(zip(*(recipient.params[: chunk.params] for recipient in chunk.recipients), strict=True))
    return people.values[: chunk.params]
