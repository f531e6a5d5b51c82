"""A campaign whose source or backend fails at any moment, then continued: nobody is lost, and nobody texted twice."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allmysms_async.batch.limits import StopConditions
from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.errors import (
    AuthenticationFailed,
    CampaignStopped,
    DuplicateRequest,
    GatewayError,
    InsufficientCredit,
    InvalidText,
    LimitReached,
    NotSent,
    NoValidNumber,
    RateLimited,
    RequestTimeout,
    ServerFailure,
    SourceIncomplete,
    StillProcessing,
    TextRefused,
)
from allmysms_async.model import OutcomeState, Recipient, SendReceipt

IMPATIENT = RetryPolicy(attempts=2, deadline=5.0)


def everybody(number, count):
    """Return a mapping of each number to one text."""
    return {number(index): 1 for index in range(count)}


def leftovers():
    """Return the names of the engine's tasks that still run."""
    return {name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("campaign")}


async def test_defect_of_a_backend_leaves_its_chunk_unknown(make_bench, gateway, number, balanced):
    """An error that is none of ours may have come after the bytes left; it stops the run and is told."""
    gateway.script = lambda request, before: KeyError("a defect") if before == 1 else None
    bench = make_bench([number(index) for index in range(100)], concurrency=1)
    with pytest.raises(CampaignStopped) as stopped:
        await bench.finish()
    assert isinstance(stopped.value.reason, KeyError)
    assert (stopped.value.result.unknown, stopped.value.result.accepted) == (10, 10)
    await bench.finish()
    assert gateway.texted == everybody(number, 100)


async def test_text_that_cannot_be_planned_ends_the_run(make_bench, gateway, number):
    """A run whose text no request can hold is told at once, leaves no task behind, and has sent nothing."""
    bench = make_bench([number(1)], text="x" * 2000)
    with pytest.raises(InvalidText) as refused:
        await bench.finish()
    assert (refused.value.reason, gateway.requests, leftovers()) == ("text_too_long", [], set())


async def test_answer_of_the_wrong_length_leaves_its_chunk_unknown(make_bench, gateway, number, balanced):
    """A backend that loses a recipient in its answer has sent the request: its rows are unknown, not waiting."""

    class Short(type(gateway)):
        def _take(self, request):
            taken = super()._take(request)
            return SendReceipt(campaign_id="c", results=taken.results[1:]) if self.taken == 1 else taken

    bench = make_bench([number(index) for index in range(30)], gateway=Short(), concurrency=1)
    with contextlib.suppress(CampaignStopped):
        await bench.finish()
    balanced(bench.sink.totals())
    assert bench.sink.totals().unknown == 10


async def test_send_cancelled_from_within_is_told(make_bench, gateway, number):
    """A backend whose own work was cancelled breaks the run off: that is not an end without an error."""
    gateway.script = lambda request, before: asyncio.CancelledError() if before == 0 else None
    bench = make_bench([number(index) for index in range(100)])
    with pytest.raises(CampaignStopped):
        await bench.finish()
    assert bench.sink.totals().unknown == 10


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("fail_at", [0, 7, 250, 255])
async def test_source_that_fails_loses_no_row_before(make_bench, gateway, number, balanced, asynchronous, fail_at):
    """The source's error stops the run; what was read is sent or waits; what can be read again is continued."""

    class Source:
        failed = False

        def rows(self):
            for index in range(300):
                if index == fail_at and not self.failed:
                    self.failed = True
                    raise OSError("unplugged")
                yield number(index)

    class Ordinary(Source):
        def __iter__(self):
            return self.rows()

    class Asynchronous(Source):
        async def __aiter__(self):
            for row in self.rows():
                yield row

    bench = make_bench(Asynchronous() if asynchronous else Ordinary())
    with pytest.raises(CampaignStopped, match=r"the source failed \(OSError\)") as stopped:
        await bench.finish()
    assert str(stopped.value.reason) == "unplugged"
    balanced(stopped.value.result)
    assert (stopped.value.result.rows, stopped.value.result.complete) == (fail_at, False)
    await bench.finish()
    assert gateway.texted == everybody(number, 300)
    assert bench.run().result.all_accepted


async def test_generator_that_fails_cannot_be_continued(make_bench, gateway, number):
    """What a generator gave before it failed is sent when continued, and that the rest is missing is told."""

    def rows():
        for index in range(25):
            yield number(index)
        raise OSError("unplugged")

    bench = make_bench(rows())
    reasons = []
    for _ in range(3):
        with pytest.raises(CampaignStopped) as stopped:
            await bench.finish()
        reasons.append(type(stopped.value.reason))
    assert reasons == [OSError, SourceIncomplete, SourceIncomplete]
    assert not stopped.value.result.complete
    assert set(gateway.texted.values()) <= {1}
    assert stopped.value.result.accepted + stopped.value.result.pending == 25


async def test_row_that_breaks_the_planner_loses_nobody_beside_it(make_bench, gateway, number, balanced):
    """A row that no type checker would let pass is its own misfortune: everybody else is texted."""
    people = [Recipient(number(index), None if index == 5 else ("x",)) for index in range(20)]
    bench = make_bench(iter(people), text="Bonjour #param_1#")
    for _ in range(2):
        with contextlib.suppress(CampaignStopped):
            await bench.finish()
    balanced(bench.sink.totals())
    assert gateway.texted == {number(index): 1 for index in range(20) if index != 5}


FAULTS = st.sampled_from(
    [None] * 6
    + [NotSent("No line."), RequestTimeout("Before."), (RequestTimeout("After."),), (ServerFailure("After."),)]
    + [RateLimited("429"), StillProcessing("160"), AuthenticationFailed("102"), InsufficientCredit("104")]
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    count=st.integers(1, 60),
    faults=st.lists(FAULTS, max_size=25),
    ends=st.lists(st.sampled_from(["break", "stop", "cancel", "listen"]), max_size=5),
    turns=st.lists(st.integers(0, 30), min_size=5, max_size=5),
    idempotent=st.booleans(),
    attempts=st.integers(1, 3),
)
def test_whatever_happens_nobody_is_texted_twice_and_nobody_is_lost(
    bench_type, make_clock, make_gateway, number, balanced, count, faults, ends, turns, idempotent, attempts
):
    """Runs that are broken off in every way, over a line of every kind, then continued in fair weather."""

    async def play():
        gateway = make_gateway(idempotent=idempotent)
        gateway.script = lambda request, before: faults[before] if before < len(faults) else None
        source = (number(index) for index in range(count))
        bench = bench_type(
            make_clock(), gateway, source, chunk_size=4, grace=0.001, policy=RetryPolicy(attempts=attempts)
        )
        for end, wait in zip(ends, turns, strict=False):
            task = asyncio.create_task(bench.finish(run := bench.run()))
            for _ in range(wait):
                await asyncio.sleep(0)
            {"break": task.cancel, "stop": run.stop, "cancel": task.cancel, "listen": bool}[end]()
            with contextlib.suppress(CampaignStopped, asyncio.CancelledError):
                await task
            await run.aclose()
            balanced(run.result)
            assert max(gateway.texted.values(), default=0) <= 1
        for _ in range(30):
            with contextlib.suppress(CampaignStopped):
                await bench.finish()
            if len(gateway.requests) > len(faults):
                break
        await bench.finish()
        result = bench.run().result
        balanced(result)
        assert (result.rows, result.pending, result.failed, result.complete) == (count, 0, 0, True)
        assert set(gateway.texted.values()) <= {1}
        assert result.accepted + result.unknown == count
        if idempotent:
            assert result.unknown == 0
            assert gateway.texted == everybody(number, count)
        untexted = count - len(gateway.texted)
        assert untexted <= result.unknown

    asyncio.run(play())


async def test_outcome_is_told_for_every_row_that_is_over(make_bench, gateway, number):
    """The outcomes of the progress, over all runs, name every row; the last word of each is where it ended."""
    gateway.script = lambda request, before: RequestTimeout("Lost.") if before < 2 else None
    bench = make_bench([number(index) for index in range(60)], policy=RetryPolicy(attempts=1))
    await bench.finish()
    await bench.finish()
    latest = {outcome.row: outcome.state for outcome in bench.outcomes}
    assert latest == dict.fromkeys(range(1, 61), OutcomeState.ACCEPTED)


@pytest.mark.parametrize("error", [NotSent("No line."), AuthenticationFailed("102"), RateLimited("429")])
async def test_unknown_stays_unknown_until_somebody_speaks_of_it(make_bench, gateway, number, error):
    """Lost in one run, then no line or a refused login in the next: still unknown, and the texts are not repeated."""
    faults = [(RequestTimeout("After."),), error]
    gateway.script = lambda request, before: faults[before] if before < 2 else None
    bench = make_bench([number(1)], policy=RetryPolicy(attempts=1))
    for _ in range(2):
        with contextlib.suppress(CampaignStopped):
            await bench.finish()
        assert bench.sink.totals().unknown == 1
    await bench.finish()
    assert len({request.idempotency_key for request in gateway.requests}) == 1
    assert (gateway.texted, bench.sink.totals().accepted) == ({number(1): 1}, 1)


async def test_key_is_asked_about_for_23_hours_over_all_runs(make_bench, gateway, number):
    """A run that continues late has only what is left of the 23 hours since the first send; a later one has none."""
    times = []
    gateway.script = lambda request, before: times.append(bench.clock.elapsed) or RequestTimeout("Lost.")
    bench = make_bench([number(1)], policy=RetryPolicy(attempts=10_000, deadline=600.0))
    await bench.finish()
    bench.clock.elapsed = 23 * 3600 - 120.0
    await bench.finish()
    assert 23 * 3600 - 120.0 < max(times) <= 23 * 3600
    bench.clock.elapsed = 23 * 3600 + 1.0
    made = len(times)
    await bench.finish()
    assert (len(times), bench.sink.totals().unknown) == (made, 1)


async def test_record_that_is_being_written_is_not_cut_off(make_bench, gateway, number, until, turns):
    """Cancelled while an answer is being recorded, the record is written first: accepted stays accepted."""
    writing, written = asyncio.Event(), asyncio.Event()
    bench = make_bench([number(1)], grace=0.0)
    settle = bench.sink.settle

    async def settle_slowly(chunk, settlement):
        writing.set()
        await written.wait()
        await settle(chunk, settlement)

    bench.sink.settle, bench.sink.at_once = settle_slowly, False
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await writing.wait()
    task.cancel()
    await turns()
    written.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (run.result.accepted, run.result.unknown, run.result.pending) == (1, 0, 0)
    assert (run.running, leftovers()) == (False, set())


async def test_chunk_claimed_while_it_was_cancelled_is_given_back(make_bench, gateway, number, turns):
    """Cancelled while a claim is recorded, nothing was sent: the chunk waits, and is sent once by the next run."""
    claiming, claimed = asyncio.Event(), asyncio.Event()
    bench = make_bench([number(1)], grace=0.0)
    claim = bench.sink.claim

    async def claim_slowly(chunk, now, afford):
        claim_of = await claim(chunk, now, afford)
        claiming.set()
        await claimed.wait()
        return claim_of

    bench.sink.claim, bench.sink.at_once = claim_slowly, False
    task = asyncio.create_task(bench.finish(run := bench.run()))
    await claiming.wait()
    task.cancel()
    await turns()
    claimed.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (run.result.pending, run.result.unknown, gateway.requests) == (1, 0, [])
    bench.sink.claim = claim
    await bench.finish()
    assert gateway.texted == {number(1): 1}


@pytest.mark.parametrize("refusal", [TextRefused, GatewayError, DuplicateRequest])
async def test_requests_that_are_refused_whole_count_as_failures(make_bench, gateway, number, refusal):
    """A gateway that refuses every request, also as a duplicate, stops the campaign at the given rate; others wait."""
    gateway.script = lambda request, before: refusal("No.", request="send", code="111")
    limits = StopConditions(max_failure_rate=0.3)
    bench = make_bench([number(index) for index in range(200)], concurrency=1, limits=limits)
    with pytest.raises(CampaignStopped, match="50 of 50 recipients failed, are unknown or were refused") as stopped:
        await bench.finish()
    assert isinstance(stopped.value.reason, LimitReached)
    assert (stopped.value.result.rejected, stopped.value.result.accepted) == (50, 0)


async def test_bad_numbers_do_not_count_as_failures(make_bench, gateway, number):
    """Numbers that the gateway does not take are no failure of the campaign, however many they are."""
    gateway.script = lambda request, before: NoValidNumber("No.", request="send", code="114")
    limits = StopConditions(max_failure_rate=0.1)
    bench = make_bench([number(index) for index in range(200)], concurrency=1, limits=limits)
    last = await bench.finish()
    assert (last.rejected, last.complete) == (200, True)
