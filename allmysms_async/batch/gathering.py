"""Chunks that still take recipients, and those that are full. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TypeAlias

from allmysms_async.batch.block import Block
from allmysms_async.batch.chunk import Chunk
from allmysms_async.model import People
from allmysms_async.text import Coding

__all__ = ["Gathering", "Key", "OpenChunk"]

# Texts rendered here wait for others that are equal: so many rows at most, of so many different texts (some 100 MB).
_HELD_ROWS = 256_000
_OPEN_CHUNKS = 65_536

# Characters of a usual mobile's canonical number.
_USUAL_LENGTH = 11

Key: TypeAlias = tuple[str, int, Coding, str]
"""A text, how many placeholders the gateway replaces in it, its coding, and the country code of its zone where
zones are kept apart. A rendered text may read like the template itself and must still not be filled in."""


class OpenChunk:
    """A chunk that still takes recipients; whoever adds one says so to ``Gathering.added``.

    Args:
        params: How many values each has.

    Attributes:
        phones: Canonical numbers.
        numbers: The same as numbers.
        lines: The line of each, or None.
        values: A column for each value.
        rows: The row of each.
        parts: Text parts over all of them.
        length: Of their numbers, a character between each.
    """

    __slots__ = ("length", "lines", "numbers", "parts", "phones", "rows", "values")

    def __init__(self, params: int) -> None:
        self.phones: list[str] = []
        self.numbers = array("Q")
        self.lines: list[int | None] = []
        self.values: list[list[str]] = [[] for _ in range(params)]
        self.rows: list[int] = []
        self.parts = 0
        self.length = 0

    def fitting(self, most: int) -> int:
        """Return how many usual mobiles more fit where all numbers take so many characters at most; one always does.

        A number that is longer than all may be is in a chunk of its own, into which no other fits.
        """
        if not self.rows:
            return max(1, (most + 1) // (_USUAL_LENGTH + 1))
        return max(0, most - self.length) // (_USUAL_LENGTH + 1)

    def lengthen(self, count: int) -> None:
        """Count the characters of so many usual mobiles that are about to be added."""
        self.length += count * (_USUAL_LENGTH + 1) - (not self.rows)

    def add(self, row: int, phone: str, number: int, line: int | None, values: Sequence[str]) -> None:
        """Add a recipient to every column, and the characters of the number."""
        self.phones.append(phone)
        self.numbers.append(number)
        self.lines.append(line)
        for column, value in zip(self.values, values, strict=True):
            column.append(value)
        self.rows.append(row)
        self.length += len(phone) + (len(self.rows) > 1)

    def add_run(
        self, block: Block, begin: int, end: int, lines: Sequence[int | None], values: Sequence[Sequence[str]]
    ) -> None:
        """Add some rows of a block to every column.

        Args:
            block: Usual mobiles.
            begin: Position of the first row.
            end: Position after the last row.
            lines: The lines of the whole block.
            values: Its values, a column for each.
        """
        self.phones += block.phones[begin:end]
        self.numbers += array("Q", block.numbers[begin:end])
        self.lines += lines[begin:end]
        for column, more in zip(self.values, values, strict=True):
            column += more[begin:end]
        self.rows += block.rows[begin:end]


class Gathering:
    """The chunks of one plan.

    Args:
        chunk_size: Recipients in a chunk at most.
        next_seq: Ordinal of the next chunk.
    """

    def __init__(self, chunk_size: int, next_seq: int) -> None:
        self.next_seq = next_seq
        self._chunk_size = chunk_size
        self._open: dict[Key, OpenChunk] = {}
        self._held = 0
        self._sealed: list[Chunk] = []

    def chunk(self, key: Key) -> OpenChunk:
        """Return the chunk that takes the recipients of a text."""
        chunk = self._open.get(key)
        if chunk is None:
            chunk = self._open[key] = OpenChunk(key[1])
        return chunk

    def room(self, chunk: OpenChunk) -> int:
        """Return how many recipients a chunk takes yet."""
        return self._chunk_size - len(chunk.rows)

    def added(self, key: Key, count: int) -> None:
        """Count recipients that were added to a chunk, which is closed if it is full."""
        self._held += count
        if len(self._open[key].rows) >= self._chunk_size:
            self.seal(key)

    def give_way(self) -> None:
        """Close the fullest open chunks, if there are too many, until an eighth of the room is free.

        Looked for one by one, it would crawl.
        """
        if self._held < _HELD_ROWS and len(self._open) < _OPEN_CHUNKS:
            return
        for key in sorted(self._open, key=lambda key: len(self._open[key].rows), reverse=True):
            if self._held <= _HELD_ROWS * 7 // 8 and len(self._open) <= _OPEN_CHUNKS * 7 // 8:
                return
            self.seal(key)

    def seal(self, key: Key) -> None:
        """Close a chunk."""
        chunk, (text, params, coding, _) = self._open[key], key
        self._sealed.append(
            Chunk(
                seq=self.next_seq,
                text=text,
                coding=coding,
                params=params,
                recipients=People(chunk.phones, chunk.lines, chunk.values, chunk.numbers),
                rows=tuple(chunk.rows),
                parts=chunk.parts,
            )
        )
        del self._open[key]
        self._held -= len(chunk.rows)
        self.next_seq += 1

    def sealed(self) -> list[Chunk]:
        """Hand over the chunks that are full."""
        chunks, self._sealed = self._sealed, []
        return chunks

    def flush(self) -> list[Chunk]:
        """Hand over all chunks, full or not."""
        for key in list(self._open):
            self.seal(key)
        return self.sealed()
