"""Rows -> chunks: canonical numbers, duplicates, texts measured one by one, one text and one coding for each request.

Pure: the planner only sees rows and hands back chunks and refusals.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from operator import itemgetter
from typing import cast

import msgspec
from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch.block import ROWS_AT_ONCE, Block, Row, line_of, portion
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.fit import Fit, Fits
from allmysms_async.batch.gathering import Gathering
from allmysms_async.batch.opt_outs import Barred, OptOuts
from allmysms_async.batch.param import Unwritten, written
from allmysms_async.batch.seen import Refusals, Unmet, refusal
from allmysms_async.batch.wording import PARAM_REASONS
from allmysms_async.errors import InvalidNumber, InvalidText
from allmysms_async.model import Outcome, OutcomeState, Reason, Recipient, RefusedRow, SmsMessage
from allmysms_async.numbering import country_code
from allmysms_async.numbers import MAX_RAW_LENGTH, canonical_number, is_metropolitan_mobile, mask
from allmysms_async.text import Coding, Template, TextSize, escaped, has_placeholder

__all__ = ["Planner"]

# Why people are left out of whom another run may think otherwise: at another hour, with other lists or another policy.
_LEFT_OUT = (Reason.QUIET_HOURS, Reason.OPTED_OUT, Reason.UNASSIGNED, Reason.MANUAL_BLACKLIST)

# Whose usual mobiles are taken as columns.
_HOME = "33"


async def _nobody() -> Barred:
    return {}


class Planner:
    """Puts rows into chunks.

    Args:
        message: What is sent.
        limits: What one request of the protocol can hold.
        chunk_size: Recipients in a chunk at most.
        seen: Numbers already planned, over the whole campaign; added to.
        accounted: Rows already planned or refused, over the whole campaign; added to.
        refused: What was refused already, over the whole campaign; added to.
        unmet: What of these this reading of the source has not met yet; all of it by default.
        opt_outs: Whom to leave out, nobody by default; what it holds is looked up with each row.
        next_seq: Ordinal of the next chunk.
        template: What ``template_of`` says of the message, if somebody has asked it already.
        zones: Country codes that share a request with no others.
        without_stop: Country codes whose people are refused, since the text does not say how to opt out.

    Attributes:
        asleep: Those of the zones whose people are refused, since it is their quiet hours.

    Raises:
        InvalidText: The text cannot be sent to anybody.
    """

    def __init__(
        self,
        message: SmsMessage,
        limits: SendLimits,
        *,
        chunk_size: int,
        seen: BitMap64,
        accounted: BitMap64,
        refused: Refusals | None = None,
        unmet: Unmet | None = None,
        opt_outs: OptOuts | None = None,
        next_seq: int = 1,
        template: tuple[Template, TextSize | None] | None = None,
        zones: frozenset[str] = frozenset(),
        without_stop: frozenset[str] = frozenset(),
    ) -> None:
        self.asleep: frozenset[str] = frozenset()
        self._without_stop = without_stop
        self._zones = zones
        self._home = _HOME if _HOME in zones else ""
        self._fits = Fits(message, limits, template)
        self._template = self._fits.template
        self._limits = limits
        self._seen = seen
        self._accounted = accounted
        self._refused: Refusals = array("Q") if refused is None else refused
        if unmet is None:
            unmet = Unmet()
            unmet.learn(seen, self._refused)
        self._unmet = unmet
        self._opt_outs = OptOuts(_nobody) if opt_outs is None else opt_outs
        self._gathering = Gathering(chunk_size, next_seq)

    def add_rows(self, rows: Sequence[Row], refused: list[Outcome]) -> Sequence[Row]:
        """Take rows, as ``add`` takes each.

        Nearly all rows of nearly all lists are usual mobiles that nobody has met yet: whole runs of those are taken as
        columns.

        Args:
            rows: Ordinals, and what the source holds there.
            refused: Takes the outcomes of those that are refused.

        Returns:
            The last of them, which it left: none, unless more than ``ROWS_AT_ONCE`` are to be looked at one by one.
        """
        if not rows:
            return ()
        left: Sequence[Row] = ()
        if _HOME in self.asleep or _HOME in self._without_stop:  # every usual one is refused, and told
            left, rows = portion(rows, ROWS_AT_ONCE, len(rows)), portion(rows, 0, ROWS_AT_ONCE)
            for asleep in rows:
                self._add_one(*asleep, refused)
            return left
        fits = self._fits.of_block(block := Block(rows))
        unusual = block.phones.count("") + self._fits.unsized(fits) + len(self._barred(block))
        if len(rows) > ROWS_AT_ONCE and unusual > ROWS_AT_ONCE // 2:
            left, rows = portion(rows, ROWS_AT_ONCE, len(rows)), portion(rows, 0, ROWS_AT_ONCE)
            fits = self._fits.of_block(block := Block(rows))
        others = [at for at, phone in enumerate(block.phones) if not phone] if "" in block.phones else []
        if self._fits.unsized(fits):
            if self._limits.personalises:
                fits = [self._fits.of_usual(block.person(at)) if fit is None else fit for at, fit in enumerate(fits)]
            others = sorted({*others, *(at for at, fit in enumerate(fits) if fit is None)})
        if barred := self._barred(block):
            found = (at for at, phone in enumerate(block.phones) if phone and int(phone) in barred)
            others = sorted({*others, *found})
        begin = looked = 0
        for end in (*others, len(rows)):
            run = block.part(begin, end) if begin < end else None
            if run is not None and run.is_new(self._seen) and not self._holds_left_out(run):
                self._add_run(run, cast("list[Fit]", fits[begin:end]))
            elif run is not None:
                looked += end - begin
                if looked > ROWS_AT_ONCE < len(rows):
                    return portion(rows, begin, len(rows))
                for at, row in enumerate(run.rows):
                    self._add_one(row, run.person(at), refused)
            if end < len(rows):
                self._add_one(*rows[end], refused)
            begin = end + 1
        return left

    def _add_one(self, row: int, item: Recipient | str, refused: list[Outcome]) -> None:
        outcome = self.add(row, item)
        if outcome is not None:
            refused.append(outcome)

    def _barred(self, block: Block) -> BitMap64:
        """Return the numbers of usual rows that opted out."""
        return block.known & self._opt_outs.numbers if self._opt_outs.numbers else self._opt_outs.numbers

    def _holds_left_out(self, block: Block) -> bool:
        """Tell whether one of some usual rows is recorded as left out, and was not met yet."""
        if not self._unmet.refusals:
            return False
        digests = (refusal(phone, reason) for reason in _LEFT_OUT for phone in block.phones)
        return any(map(self._unmet.awaits_refusal, digests))

    def _add_run(self, block: Block, fits: list[Fit]) -> None:
        """Take usual rows of whom nobody was met before."""
        if fits.count(fits[0]) == len(fits):
            self._join_run(block, fits, fits[0][0])
        else:
            begin = 0
            for coding, some in itertools.groupby(fits, key=itemgetter(0)):
                end = begin + len(list(some))
                self._join_run(block.part(begin, end), fits[begin:end], coding)
                begin = end

    def _join_run(self, block: Block, fits: list[Fit], coding: Coding) -> None:
        """Put recipients of one text and coding into their open chunk, and into those after it."""
        text, count, begin, last = self._template.text, self._template.count, 0, len(block.rows)
        key, lines, values = (text, count, coding, self._home), block.lines(), block.columns(count)
        most = self._limits.max_numbers_length
        while begin < last:
            chunk = self._gathering.chunk(key)
            end = min(last, begin + self._gathering.room(chunk))
            if most is not None:
                end = min(end, begin + chunk.fitting(most))
                if end <= begin:
                    self._gathering.seal(key)
                    continue
                chunk.lengthen(end - begin)
            chunk.add_run(block, begin, end, lines, values)
            # Whatever breaks next, whoever is in a chunk is remembered: planned once more, they would be texted twice.
            self._seen.update(block.numbers[begin:end] if end - begin < last else block.known)
            self._accounted.update(block.rows[begin:end])
            chunk.parts += sum([parts for _, parts in fits[begin:end]])
            self._gathering.added(key, end - begin)
            begin = end

    def add(self, row: int, item: Recipient | str) -> Outcome | None:
        """Take a row; return its outcome if it is refused.

        What is recorded already (the source is read again) is passed over, wherever it stands now: rows may have been
        put in front of it.
        """
        recipient = item if isinstance(item, Recipient) else Recipient(item)
        if isinstance(recipient, RefusedRow):
            return self._refuse(row, recipient, recipient.phone, recipient.reason)
        try:
            phone = canonical_number(recipient.phone)
            if self._limits.metropolitan_only and not is_metropolitan_mobile(phone):
                msg = f"Only mobiles of metropolitan France (06, 07) can be reached ({mask(phone)})."
                raise InvalidNumber(msg, reason="outside_france")
        except InvalidNumber as error:
            return self._refuse(row, recipient, recipient.phone, Reason(error.reason))
        number = int(phone)
        if number in self._seen and not self._unmet.awaits(number):
            return self._refuse(row, recipient, phone, Reason.DUPLICATE)
        if self._unmet.refusals and any(self._unmet.meet_refusal(refusal(phone, reason)) for reason in _LEFT_OUT):
            return None  # what was told of a row stays so
        why = self._opt_outs.reason(number)
        if why is not None and number not in self._seen:
            return self._refuse(row, recipient, phone, why)
        try:
            size = self._fits.measure(recipient)
        except InvalidText as error:
            return self._refuse(row, recipient, recipient.phone, PARAM_REASONS[error.reason], number)
        except Unwritten:
            params = written(recipient.params[: self._template.count], gsm_replacements=self._fits.replaces)
            return self.add(row, msgspec.structs.replace(recipient, params=params))
        if self._unmet.meet(number):
            return None
        # Whatever is wrong with a row at any hour is told first.
        if self.asleep or self._without_stop:
            code = country_code(phone)
            if code in self._without_stop:
                return self._refuse(row, recipient, phone, Reason.MISSING_STOP)
            if code in self.asleep:
                return self._refuse(row, recipient, phone, Reason.QUIET_HOURS)
        self._join(row, recipient, phone, size.coding, size.parts)
        return None

    def _refuse(
        self, row: int, recipient: Recipient, phone: object, reason: Reason, number: int | None = None
    ) -> Outcome | None:
        """Return the outcome of a row that is not sent to, or None if it, or the person, is recorded."""
        told = escaped(str(phone)[:MAX_RAW_LENGTH])
        digest = refusal(told, reason)
        if self._unmet.meet_refusal(digest) or (number is not None and self._unmet.meet(number)):
            return None
        self._refused.append(digest)
        self._accounted.add(row)
        return Outcome(row, line_of(recipient), told, OutcomeState.REJECTED, reason)

    def _zone(self, phone: str) -> str:
        """Return the country code of a number whose zone is kept apart, empty for all others."""
        code = country_code(phone) if self._zones else None
        return code if code is not None and code in self._zones else ""

    def _join(self, row: int, recipient: Recipient, phone: str, coding: Coding, parts: int) -> None:
        count = self._template.count
        values = recipient.params[:count] if count else ()
        text, params = self._template.text, count
        if count and (not self._limits.personalises or any(map(has_placeholder, values))):
            # A value that looks like a placeholder must stay text, whatever the gateway would make of it.
            text, params, values = self._template.render(values), 0, ()
        key = (text, params, coding, self._zone(phone))
        self._gathering.give_way()
        chunk, most = self._gathering.chunk(key), self._limits.max_numbers_length
        if chunk.rows and most is not None and chunk.length + 1 + len(phone) > most:
            self._gathering.seal(key)
            chunk = self._gathering.chunk(key)
        number = int(phone)
        chunk.add(row, phone, number, line_of(recipient), values)
        self._seen.add(number)
        self._accounted.add(row)
        chunk.parts += parts
        self._gathering.added(key, 1)

    @property
    def next_seq(self) -> int:
        """Ordinal of the next chunk."""
        return self._gathering.next_seq

    @next_seq.setter
    def next_seq(self, seq: int) -> None:
        self._gathering.next_seq = seq

    def sealed(self) -> list[Chunk]:
        """Hand over the chunks that are full."""
        return self._gathering.sealed()

    def flush(self) -> list[Chunk]:
        """Hand over all chunks, full or not."""
        return self._gathering.flush()
