"""Looking at a list before anything is sent: how its rows are read, which are rejected, and what looks odd."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

from pyroaring import BitMap64

from allmysms_async import argument
from allmysms_async.backend import SendLimits
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.plan import Planner
from allmysms_async.errors import InvalidNumber
from allmysms_async.model import Reason, Recipient, SmsMessage
from allmysms_async.numbers import canonical_number, mask
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.source.letters import wrong_values
from allmysms_async.text import Template

__all__ = ["ListCheck", "check_list", "wrongly_encoded"]

_FIRST = 3
_LINES = 5
_SAMPLE = 20_000
_OFTEN = 5
_two = re.compile(r"\s*(?:[,;/|&]|\bet\b|\bou\b|\n)\s*").split


class SampleRow(Discreet, frozen=True):
    """One of the first rows, as it will be sent.

    Attributes:
        line: Of the file, or None.
        phone: The number, masked.
        text: What the person reads.
    """

    line: int | None
    phone: str
    text: str


class ListCheck(Shown, frozen=True, kw_only=True):
    """What a list holds.

    Attributes:
        rows: How many there are, blank ones left out.
        sendable: How many would be sent to.
        parts: Text parts that they take.
        rejections: How many rows would be rejected, by reason.
        lines: The first lines of those, by reason.
        first: The first rows as they will be sent.
        oddities: What looks odd, a sentence each; nothing of it stops a campaign.
    """

    rows: int
    sendable: int
    parts: int
    rejections: Mapping[Reason, int]
    lines: Mapping[Reason, tuple[int, ...]]
    first: tuple[SampleRow, ...]
    oddities: tuple[str, ...]


def check_list(
    source: Iterable[Recipient | str], message: SmsMessage | str, limits: SendLimits | None = None
) -> ListCheck:
    """Read a list as a campaign would, and send nothing; all of it is read, so call it in a thread.

    Args:
        source: The recipients.
        message: What would be sent to them.
        limits: Of the backend that would send it; those of ``RestBackend`` by default.

    Raises:
        InvalidText: The text cannot be right for anybody.
        InvalidSource: The source cannot be read to its end.
    """
    argument.given("message", message, (str, SmsMessage), "a text or an SmsMessage")
    message = SmsMessage(message) if isinstance(message, str) else message
    planner = Planner(message, limits or RestBackend.limits, chunk_size=1000, seen=BitMap64(), accounted=BitMap64())
    rejections: Counter[Reason] = Counter()
    lines: dict[Reason, list[int]] = {}
    odd = _Oddities()
    rows = sendable = parts = 0
    first: list[SampleRow] = []
    template = Template(message.text)

    def planned(chunks: list[Chunk]) -> None:
        nonlocal sendable, parts
        sendable += sum(len(chunk.rows) for chunk in chunks)
        parts += sum(chunk.parts for chunk in chunks)

    for rows, item in enumerate(source, 1):
        recipient = item if isinstance(item, Recipient) else Recipient(item)
        outcome = planner.add(rows, recipient)
        odd.look_at(recipient, None if outcome is None else outcome.reason)
        if outcome is None:
            if len(first) < _FIRST:
                text = template.render(recipient.params[: template.count])
                first.append(SampleRow(recipient.line, mask(recipient.phone), text))
        elif outcome.reason is not None:
            rejections[outcome.reason] += 1
            if outcome.line is not None and len(found := lines.setdefault(outcome.reason, [])) < _LINES:
                found.append(outcome.line)
        planned(planner.sealed())
    planned(planner.flush())
    return ListCheck(
        rows=rows,
        sendable=sendable,
        parts=parts,
        rejections=dict(rejections.most_common()),
        lines={reason: tuple(found) for reason, found in lines.items()},
        first=tuple(first),
        oddities=tuple(odd.sentences()),
    )


class _Oddities:
    """What looks odd about the first rows of a list."""

    def __init__(self) -> None:
        self._rows = 0
        self._capitals: Counter[int] = Counter()
        self._numbers: Counter[int] = Counter()
        self._values: Counter[int] = Counter()
        self._phones: Counter[str] = Counter()
        self._several: list[int | None] = []
        self._wrong: dict[int, list[int | None]] = {}

    def look_at(self, recipient: Recipient, reason: Reason | None) -> None:
        """Take a row in."""
        self._rows += 1
        for line, position, _ in wrong_values((recipient,)):
            self._wrong.setdefault(position, []).append(line)
        if self._rows > _SAMPLE:
            return
        self._phones[recipient.phone.strip()] += 1
        if reason is Reason.MALFORMED and _holds_two(recipient.phone):
            self._several.append(recipient.line)
        for position, value in enumerate(recipient.params, 1):
            word = value.strip()
            if word:
                self._values[position] += 1
                self._capitals[position] += len(word) > 1 and word.isupper() and word.isalpha()
                self._numbers[position] += len(word) >= 8 and _is_number(word)

    def sentences(self) -> Iterable[str]:
        """Say what looks odd."""
        for position, count in sorted(self._values.items()):
            if self._capitals[position] * 2 > count and count > 1:
                yield f"Most values of #param_{position}# are in capitals."
            if self._numbers[position]:
                yield f"{self._numbers[position]} values of #param_{position}# are phone numbers."
        yield from _wrong_sentences(self._wrong)
        phone, times = next(chain(self._phones.most_common(1), [("", 0)]))
        if phone and times >= _OFTEN and times * 100 > min(self._rows, _SAMPLE):
            yield f"One number ({mask(phone)}) stands in {times} rows."
        if self._several:
            count = len(self._several)
            yield f"{count} cells hold two numbers or more{_such_as(self._several)}: nobody is texted for those."


def wrongly_encoded(rows: Iterable[Recipient]) -> tuple[str, ...]:
    """Say which values of a list were encoded twice or hold a lost letter, a sentence for each parameter."""
    wrong: dict[int, list[int | None]] = {}
    for line, position, _ in wrong_values(rows):
        wrong.setdefault(position, []).append(line)
    return tuple(_wrong_sentences(wrong))


def _wrong_sentences(wrong: Mapping[int, list[int | None]]) -> Iterable[str]:
    """Say where wrong letters are, by the parameter's number."""
    for position, lines in sorted(wrong.items()):
        what = f"{len(lines)} values of #param_{position}# are wrongly encoded{_such_as(lines)}"
        yield f"{what}: people would read them as they stand."


def _such_as(lines: list[int | None]) -> str:
    """Return the first of some lines as the end of a clause."""
    known = [str(line) for line in lines[:_LINES] if line is not None]
    return f", such as line {', '.join(known)}" if known else ""


def _holds_two(cell: str) -> bool:
    """Tell whether a cell holds a number and more digits after it: of a second one, or its end such as ``/ 57``."""
    first, *others = _two(cell[:200])
    return any(map(str.isdigit, "".join(others))) and any(map(_is_number, (first, *others)))


def _is_number(cell: str) -> bool:
    """Tell whether a cell holds a number that can be texted."""
    try:
        canonical_number(cell)
    except InvalidNumber:
        return False
    return True
