"""What one request sends, what is made of it, and what it is known by. Pure."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence

import msgspec

from allmysms_async.errors import InvalidRequest
from allmysms_async.model import People, Recipient, SmsMessage
from allmysms_async.redaction import Discreet
from allmysms_async.text import Coding, Template

__all__ = ["Chunk", "halves", "idempotency_key", "marked_name", "only", "parts_of", "without"]


class Chunk(Discreet, frozen=True, kw_only=True):
    """What one request sends.

    Attributes:
        seq: Ordinal within the campaign, counted from 1.
        text: The text, a template when ``params`` is not 0.
        coding: The coding every expanded text of it is sent in.
        params: How many ``#param_N#`` the gateway is to replace.
        recipients: Canonical numbers, each once in the whole campaign; as columns where they were planned here.
        rows: The row of the source that each came from.
        parts: Text parts over all recipients, as measured here.
        generation: How often the gateway said that nothing of it was sent, so that a new key was due.
        first_sent_at: Unix time of the first attempt with the present key, or None.
        key: The idempotency key as recorded when it was first claimed, or None: computed by other versions of this
            library it might be another.
        claims: How often it was claimed when it was read or claimed here: whoever claimed it later knows better.
    """

    seq: int
    text: str
    coding: Coding
    params: int
    recipients: Sequence[Recipient]
    rows: tuple[int, ...]
    parts: int
    generation: int = 0
    first_sent_at: float | None = None
    key: str | None = None
    claims: int = 0


def parts_of(chunk: Chunk, recipients: Sequence[Recipient]) -> int:
    """Return the text parts of some of a chunk's recipients."""
    if len(recipients) == len(chunk.recipients):
        return chunk.parts
    if not chunk.params:
        return chunk.parts // len(chunk.recipients) * len(recipients)
    template = Template(chunk.text)
    return sum(template.size(recipient.params, chunk.coding).parts for recipient in recipients)


def halves(chunk: Chunk, next_seq: int) -> tuple[Chunk, Chunk]:
    """Return a chunk cut in two, each a new request with a key of its own.

    Args:
        chunk: With two recipients at least.
        next_seq: Ordinal of the first half.
    """
    rows = len(chunk.rows)
    if rows < 2:
        msg = "A chunk of one recipient cannot be cut in two."
        raise InvalidRequest(msg)
    first = [row < rows // 2 for row in range(rows)]
    return _cut(chunk, first, next_seq)


def without(chunk: Chunk, positions: Iterable[int], next_seq: int) -> tuple[Chunk, Chunk]:
    """Return a chunk without some of its recipients, and those recipients as another.

    Args:
        chunk: The chunk.
        positions: Which recipients to leave out, counted from 0; neither none nor all.
        next_seq: Ordinal of the first of the two.
    """
    out = frozenset(positions)
    return _cut(chunk, [position not in out for position in range(len(chunk.rows))], next_seq)


def _cut(chunk: Chunk, first: Sequence[bool], next_seq: int) -> tuple[Chunk, Chunk]:
    one, other = only(chunk, first), only(chunk, [not each for each in first])
    return msgspec.structs.replace(one, seq=next_seq), msgspec.structs.replace(other, seq=next_seq + 1)


def only(chunk: Chunk, wanted: Sequence[bool]) -> Chunk:
    """Return some of a chunk's recipients, not sent yet, as a chunk of their own.

    Args:
        chunk: The chunk.
        wanted: Which of its recipients; one at least.
    """
    recipients = tuple(itertools.compress(chunk.recipients, wanted))
    return msgspec.structs.replace(
        chunk,
        recipients=recipients,
        rows=tuple(itertools.compress(chunk.rows, wanted)),
        parts=parts_of(chunk, recipients),
        generation=0,
        first_sent_at=None,
        key=None,
        claims=0,
    )


def marked_name(name: str, run_id: str, chunk: Chunk) -> str:
    """Return a campaign's name with the mark that tells its requests apart in the provider's back office."""
    return f"{name} [{run_id[:8]}/{chunk.seq}]"


def idempotency_key(run_id: str, chunk: Chunk, message: SmsMessage) -> str:
    """Return the key of a chunk's request: no two requests ever share one, and every attempt of one request does.

    A gateway that is given a key again answers with the first request's result, so a shared key would lose people.
    """
    digest = hashlib.blake2b(run_id.encode(), digest_size=16)
    options = msgspec.structs.replace(message, text=chunk.text)
    digest.update(msgspec.json.encode([chunk.seq, chunk.generation, chunk.coding, chunk.params, options]))
    people = People.of(chunk.recipients)
    if people is None:
        digest.update(msgspec.json.encode([(recipient.phone, recipient.params) for recipient in chunk.recipients]))
    else:
        digest.update(msgspec.json.encode([people.phones, people.values]))
    return digest.hexdigest()
