"""A large campaign: it neither holds the event loop up nor fills the memory."""

import gc
import sys
import tracemalloc

import pytest

from allmysms_async.model import Outcome, OutcomeState, Recipient


@pytest.mark.slow
async def test_event_loop_is_never_blocked(make_bench, number, longest_gap):
    """While 20,000 people are planned and sent to, others wait 50 ms at most for their turn."""
    people = [Recipient(number(index), (f"n{index}",)) for index in range(20_000)]
    gaps: list[float] = []
    gc.collect()
    gc.freeze()  # what other tests left behind is not this campaign's to go through
    try:
        for _ in range(3):
            bench = make_bench(people, text="Bonjour #param_1#", chunk_size=1000, concurrency=8)
            gaps.append(await longest_gap(_follow(bench)))
            assert bench.run().result.accepted == 20_000
    finally:
        gc.unfreeze()
    assert min(gaps) < (0.05 if sys.gettrace() is None else 0.1), gaps  # measuring coverage doubles all that


async def _follow(bench):
    """Run a bench to its end."""
    async for _ in bench.run():
        pass


@pytest.mark.slow
async def test_memory_stays_bounded(make_bench, make_gateway, number):
    """A generator of 50,000 people takes less than 10 MB at any moment: what is over is forgotten."""

    class Forgetful(make_gateway):
        async def send(self, request):
            answer = await super().send(request)
            self.requests.clear()
            self.handsets.clear()
            self.keys.clear()
            return answer

    bench = make_bench((number(index) for index in range(50_000)), chunk_size=1000, gateway=Forgetful())
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        async for progress in bench.run():
            rows = progress.accepted
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert rows == 50_000
    assert peak < 10e6


def test_recipients_and_outcomes_are_nothing_to_the_garbage_collector():
    """What there are millions of, and what cannot be part of a cycle, is not looked through again and again."""
    recipient = Recipient("33612345678", tuple("xy"), 1)
    assert not gc.is_tracked(recipient)
    assert not gc.is_tracked(Outcome(1, None, recipient.phone, OutcomeState.ACCEPTED))
