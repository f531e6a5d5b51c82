"""The chunks of one run that wait to be sent, and the tasks that wait for them."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from pyroaring import BitMap64

from allmysms_async.batch.chunk import Chunk

__all__ = ["ChunkQueue"]

_AHEAD = 3
"""So many times the chunks are planned ahead once other processes send of them."""


class ChunkQueue:
    """The chunks that wait to be sent: each is offered once, and no more of them wait than can be sent.

    Once another process was faster with one of them, more may be planned: what it sends as well.

    Args:
        stopping: Set when the run is asked to stop.
        most: Chunks that may wait.
        keeps_up: Tells whether whoever follows the run reads its progress.

    Attributes:
        coming: Chunks that are planned, and not recorded yet.
        most_held: So many chunks may be held at most while more is planned; None for any number.
    """

    def __init__(self, stopping: asyncio.Event, most: int, keeps_up: Callable[[], bool]) -> None:
        self.coming = 0
        self.most_held: int | None = None
        self._stopping = stopping
        self._most = most
        self._keeps_up = keeps_up
        self._takers: dict[asyncio.Future[None], None] = {}
        self._others: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self._ended = self._shared = False
        self._busy = 0
        self._ready: deque[Chunk] = deque()
        # Chunks by their ordinals: those that wait or are tried here, and those that were claimed here.
        self._queued: set[int] = set()
        self._handled = BitMap64()
        # Those that were put back by a worker that has not said yet that it is done with them.
        self._returned: set[int] = set()
        # Those that could not be claimed since others were last seen at work.
        self._denied = BitMap64()
        # Those that wait for the end of quiet hours in the record alone, each with its moment.
        self._held: dict[int, float] = {}
        self._sifting = asyncio.Lock()
        self._sifts = 0
        # Those of them that were offered once more since, though nobody was seen to hold them.
        self._retried = BitMap64()

    @property
    def idle(self) -> bool:
        """Whether all that was offered here has been dealt with."""
        return not (self._ready or self._busy)

    @property
    def empty(self) -> bool:
        """Whether whoever takes a chunk now has to wait for it."""
        return not self._ready

    @property
    def denied(self) -> bool:
        """Whether there are chunks that could not be claimed, and were not offered once more since."""
        return bool(self._denied - self._retried)

    def retry(self, *, held: bool) -> None:
        """Let chunks that could not be claimed be offered again.

        Args:
            held: Whether other processes hold any; if not, each is offered once more only.
        """
        self._retried = BitMap64() if held else self._denied
        self._denied = BitMap64()

    def offer(self, chunks: Sequence[Chunk]) -> int:
        """Put chunks where the workers find them, each once; return how many were not there before."""
        passed = (self._queued, self._handled, self._denied, self._held)
        new = [chunk for chunk in chunks if not any(chunk.seq in seqs for seqs in passed)]
        self._queued.update(chunk.seq for chunk in new)
        self._ready.extend(new)
        return len(new)

    def offer_again(self, chunks: Sequence[Chunk]) -> None:
        """Offer chunks that the record has waiting, whatever was made of them here; for when nothing is tried here."""
        seqs = BitMap64([chunk.seq for chunk in chunks])
        for passed in (self._handled, self._denied, self._retried):
            passed.difference_update(seqs)
        self.offer(chunks)

    @property
    def known(self) -> BitMap64:
        """The chunks that are not offered: those that are here, were claimed here, or could not be just now."""
        return BitMap64(self._queued) | self._handled | self._denied | self.held

    def put_back(self, chunk: Chunk) -> None:
        """Put a chunk where the next worker finds it, once more."""
        # It is like any other again: another process may claim it, and give it back.
        self._handled.discard(chunk.seq)
        self._returned.add(chunk.seq)
        self._queued.add(chunk.seq)
        self._ready.appendleft(chunk)

    @property
    def held(self) -> BitMap64:
        """The chunks that wait for the end of quiet hours."""
        return BitMap64(self._held)

    @property
    def held_until(self) -> float | None:
        """When the first of those may be sent that wait for the end of quiet hours, in Unix time; None if none does."""
        return min(self._held.values()) if self._held else None

    @property
    def paused_until(self) -> float | None:
        """The same while nothing else is done here."""
        return self.held_until if self.idle else None

    def hold(self, chunk: Chunk, until: float) -> None:
        """Note that a chunk is not to be offered before a moment; it stays in the record."""
        self._handled.discard(chunk.seq)
        self._held[chunk.seq] = until
        self.wake()

    def let_go(self, now: float) -> None:
        """Let those be offered again whose moment has come."""
        for seq in [seq for seq, until in self._held.items() if until <= now]:
            del self._held[seq]
        self.wake()

    async def until_held(self) -> None:
        """Wait until some chunk waits for the end of quiet hours."""
        await self._until(lambda: bool(self._held) or self._stopping.is_set())

    async def until_let_go(self) -> None:
        """Wait while chunks wait for the end of quiet hours, and nothing else is done."""
        await self._until(lambda: not self._held or not self.idle or self._stopping.is_set())

    async def take(self) -> Chunk | None:
        """Return the next chunk, which its worker gives to ``done`` in the end; None when the run is over."""
        while not (self._over or (self._ready and self._keeps_up())):
            waiter = asyncio.get_running_loop().create_future()
            self._takers[waiter] = None
            try:
                await waiter
            except BaseException:
                del self._takers[waiter]
                self.wake()  # what it was woken for is another's
                raise
            del self._takers[waiter]
        if self._stopping.is_set() or not self._ready:
            return None
        self._busy += 1
        chunk = self._ready.popleft()
        self.wake()
        return chunk

    @property
    def _over(self) -> bool:
        """Whether nothing is taken any more; a chunk in flight may still be cut in two, and until then it may be."""
        return self._stopping.is_set() or (self._ended and self.idle)

    def claimed(self, chunk: Chunk) -> None:
        """Note that a chunk was claimed here: it is not offered again."""
        self._handled.add(chunk.seq)

    def done(self, chunk: Chunk) -> None:
        """Take back a chunk that was dealt with."""
        self._busy -= 1
        if chunk.seq in self._returned:  # it waits here once more
            self._returned.discard(chunk.seq)
        else:
            self._queued.discard(chunk.seq)
            if chunk.seq not in self._handled and chunk.seq not in self._held:
                self._denied.add(chunk.seq)
                self._shared = True
        self.wake()

    async def sift(self, still_waits: Callable[[Sequence[int]], Awaitable[BitMap64]]) -> None:
        """Leave out chunks that other processes have claimed, after one was found to be: none of them is tried in vain.

        Args:
            still_waits: Tells which of some chunks nobody has claimed.
        """
        before = self._sifts
        async with self._sifting:
            # What was sent before is not among those that only wait: its claim decides.
            looked_at = [chunk for chunk in self._ready if chunk.first_sent_at is None]
            if self._sifts > before or not looked_at:
                return
            self._sifts += 1
            waits = await still_waits([chunk.seq for chunk in looked_at])
            taken = {id(chunk) for chunk in looked_at if chunk.seq not in waits}
            # One that was claimed here meanwhile and put back is another object, and stays.
            gone = [chunk.seq for chunk in self._ready if id(chunk) in taken]
            self._ready = deque(chunk for chunk in self._ready if id(chunk) not in taken)
            self._queued.difference_update(gone)
            self._denied.update(gone)

    def end(self) -> None:
        """Let the workers end once all is dealt with: the reader offers nothing more."""
        self._ended = True
        self.wake()

    @property
    def space(self) -> int:
        """How many chunks may still wait here."""
        return max(0, self._most - len(self._ready) - self.coming)

    async def room(self, *, planning: bool = False) -> None:
        """Wait until more can be sent: what is planned and not in flight is no more than can be at once.

        Args:
            planning: Whether other processes send of it as well.
        """

        def is_room() -> bool:
            most = _AHEAD * self._most if planning and self._shared else self._most
            room = self.most_held is None or not planning or len(self._held) < self.most_held
            return room and len(self._ready) + self.coming < most

        await self._until(lambda: (is_room() and self._keeps_up()) or self._stopping.is_set())

    async def rest(self) -> None:
        """Wait until all that was offered has been dealt with."""
        await self._until(lambda: self.idle or self._stopping.is_set())

    async def _until(self, may_go_on: Callable[[], bool]) -> None:
        while not may_go_on():
            waiter = asyncio.get_running_loop().create_future()
            self._others[waiter] = may_go_on
            try:
                await waiter
            finally:
                del self._others[waiter]

    def wake(self) -> None:
        """Let every task go on that may; of those that wait for a chunk as many as there are chunks."""
        takers = len(self._takers) if self._over else len(self._ready) if self._takers and self._keeps_up() else 0
        for waiter in itertools.islice(self._takers, takers):
            _release(waiter)
        for waiter, may_go_on in self._others.items():
            if may_go_on():
                _release(waiter)


def _release(waiter: asyncio.Future[None]) -> None:
    """Let who waits go on, unless it is about to, or was cancelled."""
    if not waiter.done():
        waiter.set_result(None)
