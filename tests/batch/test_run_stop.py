"""A campaign left, cancelled or stopped at any moment, then continued: nobody is lost, nobody texted twice."""

import asyncio
import contextlib

import pytest

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignStopped,
    InsufficientCredit,
    NotPermitted,
    NotSent,
    RateLimited,
    RequestTimeout,
    TextRefused,
)
from allmysms_async.model import Recipient

IMPATIENT = RetryPolicy(attempts=2, deadline=5.0)


def everybody(number, count):
    """Return a mapping of each number to one text."""
    return {number(index): 1 for index in range(count)}


def leftovers():
    """Return the names of the engine's tasks that still run."""
    return {name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("campaign")}


@pytest.mark.parametrize("error", [AuthenticationFailed("102"), NotPermitted("103"), InsufficientCredit("104")])
async def test_refusal_of_the_account_stops_and_is_continued(make_bench, gateway, number, balanced, error):
    """Login, permission or credit end the run; its chunks wait, and after the top-up everyone is texted once."""
    gateway.script = lambda request, before: error if before >= 2 else None
    bench = make_bench([number(index) for index in range(100)], concurrency=2)
    with pytest.raises(CampaignStopped) as stopped:
        await bench.finish()
    assert stopped.value.reason is error
    result = stopped.value.result
    balanced(result)
    assert (result.accepted, result.unknown, result.failed) == (20, 0, 0)
    assert result.pending == result.rows - 20
    assert len(gateway.requests) <= 4
    gateway.script = lambda request, before: None
    last = await bench.finish()
    assert (last.accepted, last.rows) == (100, 100)
    assert gateway.texted == everybody(number, 100)


async def test_refused_request_has_a_new_key_when_continued(make_bench, gateway, number):
    """The gateway answers a key as it did the first time, so a refused request needs another one."""
    gateway.script = lambda request, before: InsufficientCredit("104") if before == 0 else None
    bench = make_bench([number(1)])
    with pytest.raises(CampaignStopped):
        await bench.finish()
    await bench.finish()
    first, second = gateway.requests
    assert first.idempotency_key != second.idempotency_key
    assert gateway.texted == {number(1): 1}


async def test_unknown_chunk_without_credit_is_texted_after_the_top_up(make_bench, gateway, number):
    """Lost, then asked about and refused for credit, then topped up: everyone is texted, in the end."""
    faults = [RequestTimeout("Lost."), InsufficientCredit("104")]
    gateway.script = lambda request, before: faults[before] if before < len(faults) else None
    bench = make_bench([number(1), number(2)], policy=RetryPolicy(attempts=1))
    await bench.finish()
    assert bench.run().result.unknown == 2
    with pytest.raises(CampaignStopped):
        await bench.finish()
    with contextlib.suppress(CampaignStopped):
        await bench.finish()
    assert gateway.texted == {number(1): 1, number(2): 1}


async def test_unknown_chunk_found_too_long_is_counted_once(make_bench, gateway, number):
    """Lost, then asked about and refused with 111: its rows are cut in two, and counted once."""
    gateway.script = lambda request, before: (
        RequestTimeout("Lost.") if before == 0 else (TextRefused("111") if len(request.recipients) == 4 else None)
    )
    people = [Recipient(number(index), ("x",)) for index in range(4)]
    bench = make_bench(people, text="Bonjour #param_1#", policy=RetryPolicy(attempts=1))
    await bench.finish()
    last = await bench.finish()
    assert gateway.texted == everybody(number, 4)
    assert (last.accepted, last.unknown, last.rows) == (4, 0, 4)


@pytest.mark.parametrize("error", [NotSent("No line."), RateLimited("429")])
async def test_three_unreachable_chunks_end_the_run(make_bench, gateway, number, balanced, error):
    """A gateway that is not there is not asked a thousand times; nobody is lost, and the next run sends everything."""
    gateway.script = lambda request, before: error
    bench = make_bench([number(index) for index in range(200)], concurrency=1, policy=IMPATIENT)
    with pytest.raises(CampaignStopped) as stopped:
        await bench.finish()
    result = stopped.value.result
    balanced(result)
    assert (result.failed, result.accepted, result.unknown) == (30, 0, 0)
    assert len(gateway.requests) == 6
    gateway.script = lambda request, before: None
    await bench.finish()
    assert gateway.texted == everybody(number, 200)
    assert bench.run().result.all_accepted


async def test_two_unreachable_chunks_do_not_end_the_run(make_bench, gateway, number):
    """An answer in between begins the count anew."""
    gateway.script = lambda request, before: (
        None if request.campaign_name.endswith(("3]", "6]")) else NotSent("No line.")
    )
    bench = make_bench([number(index) for index in range(80)], concurrency=1, policy=RetryPolicy(attempts=1))
    last = await bench.finish()
    assert (last.accepted, last.failed) == (20, 60)


async def test_break_stops_the_run(make_bench, gateway, number, until, turns):
    """Leaving the iteration stops the sending soon; closing waits for it; continued, everyone is texted once."""
    bench = make_bench([number(index) for index in range(2000)])
    run = bench.run()
    async for _ in run:
        break
    await run.aclose()
    assert not run.running
    sent = len(gateway.requests)
    assert sent < 30
    await turns()
    assert (len(gateway.requests), leftovers()) == (sent, set())
    await bench.finish()
    assert gateway.texted == everybody(number, 2000)


async def test_break_alone_leaves_nothing_running(make_bench, number, until):
    """Without an explicit closing, too, the run comes to its end."""
    run = make_bench([number(index) for index in range(2000)]).run()
    async for _ in run:
        break
    await until(lambda: not leftovers())
    assert not run.running


async def test_error_of_the_listener_stops_the_run(make_bench, gateway, number, until):
    """What the caller raises in his loop is his own, and stops the sending."""
    bench = make_bench([number(index) for index in range(2000)])

    async def listen():
        async for _ in bench.run():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await listen()
    await until(lambda: not leftovers())
    assert len(gateway.requests) < 30


async def test_stop_answers_what_is_in_flight(make_bench, gateway, number, until):
    """Asked to stop, requests in flight are answered and counted, no other begins, and the end is no error."""
    gateway.gate.clear()
    bench = make_bench([number(index) for index in range(200)])
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await until(lambda: gateway.in_flight == 3)
    run.stop()
    gateway.gate.set()
    await task
    assert (run.result.accepted, run.result.unknown, len(gateway.requests)) == (30, 0, 3)
    assert run.result.pending == run.result.rows - 30
    assert not run.result.complete or run.result.rows == 200
    await bench.finish()
    assert gateway.texted == everybody(number, 200)


async def test_stop_before_the_start_sends_nothing(make_bench, gateway, number):
    """Stopped before it began, a run ends at once; the rows are all there for the next one."""
    bench = make_bench([number(index) for index in range(20)])
    run = bench.run()
    run.stop()
    await bench.finish(run)
    assert (gateway.requests, run.result.rows) == ([], 0)
    await bench.finish()
    assert gateway.texted == everybody(number, 20)


async def test_stop_ends_a_wait_between_attempts(make_bench, gateway, number, until):
    """A request that surely was not sent and waits for its next attempt goes back to the waiting at once."""
    waiting = asyncio.Event()

    class Still(type(make_bench([]).clock)):
        async def sleep(self, seconds):
            waiting.set()
            await asyncio.Event().wait()

    gateway.script = lambda request, before: NotSent("No line.")
    bench = make_bench([number(1)], clock=Still())
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await waiting.wait()
    run.stop()
    await task
    assert (run.result.pending, run.result.unknown) == (1, 0)
    gateway.script = lambda request, before: None
    await bench.finish()
    assert gateway.texted == {number(1): 1}


@pytest.mark.parametrize("idempotent", [True, False])
async def test_cancelled_send_is_unknown(make_bench, make_gateway, number, until, balanced, idempotent):
    """Cancelled in the middle of a send, after the grace: who was in it is unknown, and with a key is asked about."""
    gateway = make_gateway(idempotent=idempotent)
    gateway.gate.clear()
    bench = make_bench([number(index) for index in range(100)], gateway=gateway)
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await until(lambda: gateway.in_flight == 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (run.running, leftovers()) == (False, set())
    balanced(run.result)
    assert (run.result.unknown, run.result.accepted, run.result.failed) == (30, 0, 0)
    gateway.gate.set()
    await bench.finish()
    texted = everybody(number, 100) if idempotent else {number(index): 1 for index in range(30, 100)}
    assert gateway.texted == texted
    assert bench.run().result.unknown == (0 if idempotent else 30)


async def test_cancelled_listener_waits_for_answers(make_bench, gateway, number, until, turns):
    """Cancelled, a run still takes in the answers that come within the grace."""
    gateway.gate.clear()
    bench = make_bench([number(index) for index in range(100)], grace=5.0)
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await until(lambda: gateway.in_flight == 3)
    task.cancel()
    await turns()
    gateway.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (run.result.unknown, run.result.accepted) == (0, 30)


async def test_stop_does_not_hurry_the_question_what_became_of_a_request(make_bench, gateway, number, until):
    """Asked to stop after a lost answer, the run still waits its time, asks with the same key, and takes the answer."""
    stopped_at = []

    def script(request, before):
        if before < 2:
            stopped_at.append(before)
            run.stop()
            return (RequestTimeout("After."),)
        return None

    gateway.script = script
    bench = make_bench([number(1)])
    run = bench.run()
    await bench.finish(run)
    assert (run.result.accepted, run.result.unknown, stopped_at) == (1, 0, [0, 1])
    assert len({request.idempotency_key for request in gateway.requests}) == 1
    assert len(bench.clock.waits) == 2
    assert gateway.texted == {number(1): 1}


async def test_chunk_that_somebody_else_claimed_is_not_sent(make_bench, gateway, number):
    """A record that refuses a claim has its reasons: the chunk is left alone, the others are sent."""
    bench = make_bench([number(index) for index in range(30)])
    claim = bench.sink.claim

    async def refuse_the_second(chunk, now, afford):
        return None if chunk.seq == 2 else await claim(chunk, now, afford)

    bench.sink.claim = refuse_the_second
    await bench.finish()
    assert gateway.texted == {number(index): 1 for index in range(30) if not 10 <= index < 20}
    assert (bench.sink.totals().accepted, bench.sink.totals().pending) == (20, 10)
