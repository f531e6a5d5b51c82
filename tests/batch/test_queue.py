"""The chunks that wait: each offered once, none lost, and no end while there is work that may bring more."""

import asyncio

import msgspec
import pytest
from pyroaring import BitMap64

from allmysms_async.batch.queue import ChunkQueue


@pytest.fixture
def stopping():
    """What asks the run to stop."""
    return asyncio.Event()


@pytest.fixture
def queue(stopping):
    """A queue that two chunks may wait in, followed by somebody who keeps up."""
    return ChunkQueue(stopping, 2, lambda: True)


async def test_chunk_that_was_claimed_is_never_offered_again(queue, chunk_of):
    """Whatever is offered twice is taken once, also after it was dealt with."""
    chunk = chunk_of(1, range(1, 3))
    assert (queue.offer([chunk]), queue.offer([chunk])) == (1, 0)
    assert await queue.take() is chunk
    queue.claimed(chunk)
    queue.done(chunk)
    queue.retry(held=True)
    assert queue.offer([chunk]) == 0
    assert queue.idle


async def test_chunk_that_was_put_back_is_not_forgotten_if_another_claims_it(queue, chunk_of):
    """Put back and then claimed by another process, it may be given back: the run is not over, and looks again."""
    chunk = chunk_of(1, range(1, 3))
    queue.offer([chunk])
    assert await queue.take() is chunk
    queue.claimed(chunk)
    queue.put_back(chunk)
    queue.done(chunk)
    assert queue.offer([chunk]) == 0
    assert not queue.denied
    assert await queue.take() is chunk
    queue.done(chunk)  # it could not be claimed
    assert queue.denied
    queue.retry(held=False)
    assert queue.offer([chunk]) == 1


@pytest.mark.parametrize("held", [True, False])
async def test_chunk_that_could_not_be_claimed_is_offered_again(queue, chunk_of, held):
    """What another process held may have been given back; if nobody holds it, it is offered once more only."""
    chunk = chunk_of(1, range(1, 3))
    for round_ in range(2):
        assert queue.offer([chunk]) == 1
        queue.done(await queue.take())
        assert queue.offer([chunk]) == 0
        assert queue.denied is (held or not round_)
        queue.retry(held=held)


async def test_no_worker_ends_while_another_may_cut_a_chunk(queue, chunk_of):
    """A worker that finds nothing waits for those that are busy: what they cut a chunk into is work for it."""
    whole, piece = chunk_of(1, range(1, 3)), chunk_of(2, range(1, 2))
    queue.offer([whole])
    taken = await queue.take()
    queue.end()
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.claimed(taken)
    queue.offer([piece])
    queue.done(taken)
    assert await waiting is piece
    queue.claimed(piece)
    queue.done(piece)
    assert await queue.take() is None


async def test_no_more_is_found_than_can_be_sent(queue, stopping, chunk_of):
    """With as many chunks waiting as there may be the reader waits, until one is taken or the run is to stop."""
    queue.offer([chunk_of(1, range(1, 2))])
    queue.coming = 1
    room = asyncio.ensure_future(queue.room())
    await asyncio.sleep(0)
    assert not room.done()
    await queue.take()
    await room
    queue.coming = 2
    room = asyncio.ensure_future(queue.room())
    stopping.set()
    queue.wake()
    await room


async def test_chunks_that_others_claimed_are_not_tried_one_after_the_other(queue, chunk_of):
    """After one chunk was found to be another's, those that wait here are looked at at once; what is put back stays."""
    chunks = [chunk_of(number, range(number, number + 1)) for number in range(1, 6)]
    queue.offer(chunks)
    asked = msgspec.structs.replace(chunk_of(9, range(9, 10)), first_sent_at=1.0)
    queue.offer([asked])
    first, second = await queue.take(), await queue.take()
    looks = []

    async def still_waits(seqs):
        looks.append(list(seqs))
        await asyncio.sleep(0)
        if len(looks) > 1:
            return BitMap64(seqs)
        mine = await queue.take()  # meanwhile one of them is claimed here, and given back
        queue.claimed(mine)
        queue.put_back(msgspec.structs.replace(mine))
        return BitMap64([4])

    await asyncio.gather(*(queue.sift(still_waits) for _ in range(4)))
    assert looks == [[3, 4, 5], [3, 4]]  # those who came while the first look was under way share another one
    left = [(await queue.take()).seq for _ in range(3)]
    assert left == [3, 4, 9]
    for each in (first, second):
        queue.done(each)
    assert queue.denied
    assert set(queue.known) >= {1, 2, 5}
    queue.retry(held=True)
    assert queue.offer([chunks[4]]) == 1


async def test_more_is_planned_once_others_send_of_it(queue, chunk_of):
    """One chunk for each worker is planned ahead; once another process was faster with one, three times that."""
    queue.offer([chunk_of(number, range(number, number + 1)) for number in (1, 2, 3)])
    taken = await queue.take()
    planning = asyncio.ensure_future(queue.room(planning=True))
    await asyncio.sleep(0)
    assert not planning.done()
    queue.done(taken)  # it was not to be had
    await planning
    assert queue.space == 0
    queue.coming = 4
    planning = asyncio.ensure_future(queue.room(planning=True))
    await asyncio.sleep(0)
    assert not planning.done()
    planning.cancel()


async def test_chunk_wakes_one_worker_and_the_next_if_that_one_is_cancelled(queue, chunk_of):
    """Each chunk wakes a worker of its own; whoever was woken and is cancelled leaves it to another that waits."""
    tasks = [asyncio.ensure_future(queue.take()) for _ in range(3)]
    await asyncio.sleep(0)
    chunk, other = chunk_of(1, range(1, 2)), chunk_of(2, range(2, 3))
    queue.offer([chunk])
    queue.wake()
    queue.wake()  # by anybody: it is the same one
    tasks[0].cancel()
    await asyncio.sleep(0)
    assert await tasks[1] is chunk
    assert not tasks[2].done()
    queue.offer([other])
    queue.wake()
    assert await tasks[2] is other


async def test_workers_all_wait_while_nobody_keeps_up(stopping, chunk_of):
    """Chunks are there, and nobody reads the progress: no worker goes on until somebody does."""
    keeps_up = False
    queue = ChunkQueue(stopping, 2, lambda: keeps_up)
    queue.offer([chunk_of(1, range(1, 2))])
    tasks = [asyncio.ensure_future(queue.take()) for _ in range(2)]
    room = asyncio.ensure_future(queue.room())
    queue.wake()
    await asyncio.sleep(0)
    queue.wake()
    await asyncio.sleep(0)
    assert not any(task.done() for task in (*tasks, room))
    keeps_up = True
    queue.wake()
    await room
    assert await tasks[0] is not None
    stopping.set()
    queue.wake()
    assert await tasks[1] is None


async def test_chunk_that_waits_after_all_is_offered_again(queue, chunk_of):
    """What the record has waiting is taken again, claimed here before or tried twice in vain."""
    claimed, vain = chunk_of(1, range(1, 3)), chunk_of(2, range(3, 5))
    queue.offer([claimed])
    assert await queue.take() is claimed
    queue.claimed(claimed)
    queue.done(claimed)
    for _ in range(2):
        assert queue.offer([claimed, vain]) == 1
        queue.done(await queue.take())
        queue.retry(held=False)
    assert queue.known == BitMap64([1])
    queue.offer_again([claimed, vain])
    assert [await queue.take(), await queue.take()] == [claimed, vain]
    assert not queue.idle
