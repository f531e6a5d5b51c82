"""Looking at a list before anything is sent: how its rows are read, which are rejected, and what looks odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from pyroaring import BitMap64

from allmysms_async import argument
from allmysms_async.backend import SendLimits
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.param import written
from allmysms_async.batch.plan import Planner
from allmysms_async.law import with_stop
from allmysms_async.model import Reason, Recipient, SmsMessage
from allmysms_async.numbers import mask
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.redaction import Discreet, Shown
from allmysms_async.text import Template

__all__ = ["ListCheck", "check_list"]

_FIRST = 3
_LINES = 5


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
    from allmysms_async.source.oddity import Oddities  # here, since few programs check lists

    argument.given("message", message, (str, SmsMessage), "a text or an SmsMessage")
    message = SmsMessage(message) if isinstance(message, str) else message
    if message.add_stop and not (limits and limits.appended):
        message = msgspec.structs.replace(message, text=with_stop(message.text))
    planner = Planner(message, limits or RestBackend.limits, chunk_size=1000, seen=BitMap64(), accounted=BitMap64())
    rejections: Counter[Reason] = Counter()
    lines: dict[Reason, list[int]] = {}
    odd = Oddities()
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
                text = template.render(
                    written(recipient.params[: template.count], gsm_replacements=message.gsm_replacements)
                )
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
