"""An attempt that a worker lets through late, or not any more."""

import asyncio

import pytest

from allmysms_async.batch.memory import MemorySink
from allmysms_async.errors import NotSent, RequestTimeout
from allmysms_async.runner.gate import Gate, Passage
from allmysms_async.runner.rate import Rate
from allmysms_async.runner.seat import Seats
from allmysms_async.runner.sending import _Gated


@pytest.mark.parametrize("left", [True, False])
async def test_an_attempt_that_waits_to_be_let_through_ends_with_the_grace(make_bench, gateway, number, clock, left):
    """Cancelled there, the request is unknown if an attempt before it may have left, else it waits as it did before."""
    fault = (RequestTimeout("late"),) if left else NotSent("no connection")
    gateway.script = lambda request, before: fault if before == 0 else None
    waits, stopping, attempts = asyncio.Event(), asyncio.Event(), 0

    class Waits(MemorySink):
        async def hold(self, claim):
            nonlocal attempts
            attempts += 1
            if attempts == 2:
                waits.set()
                await asyncio.Event().wait()
            return await super().hold(claim)

    class Halts:
        def __init__(self):
            self.stopping, self.fail = stopping, None

    bench = make_bench([number(1)])
    sink = bench.sink = _Gated(Waits(), stopping, "soldes")
    gate = Gate(Seats(None, "line", clock), Rate(None, "line", clock), None)
    sink.passages = dict.fromkeys(range(10), Passage(gate, clock, Halts()))
    running = asyncio.create_task(bench.finish())
    await waits.wait()
    stopping.set()
    running.cancel()
    await asyncio.wait({running})
    assert (attempts, sink.totals().unknown, sink.totals().pending) == (2, int(left), int(not left))
