"""The attempts at one request: how many, how far apart, for how long, and what is said of it at the end."""

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allmysms_async.batch.delivery import deliver
from allmysms_async.batch.policy import REPLAY_SECONDS, RetryPolicy
from allmysms_async.batch.state import ChunkEvent
from allmysms_async.errors import (
    AuthenticationFailed,
    DuplicateRequest,
    FlowRefused,
    HttpRefused,
    InsufficientCredit,
    NotSent,
    RateLimited,
    RequestTimeout,
    StillProcessing,
)
from allmysms_async.model import SendReceipt

RECEIPT = SendReceipt(campaign_id="c1", results=())
LOST, UNSENT, BUSY = RequestTimeout("No answer."), NotSent("No connection."), StillProcessing("Being handled.")
TWIN, LOGIN, CREDIT = DuplicateRequest("Identical."), AuthenticationFailed("Login."), InsufficientCredit("Credit.")
PATIENT = RetryPolicy(attempts=10_000)


class Script:
    """The answers to the attempts, in order, the last one for ever; notes when each was made."""

    def __init__(self, clock, *answers):
        """Take the answers."""
        self.clock = clock
        self.answers = list(answers)
        self.times = []

    async def __call__(self):
        """Make an attempt."""
        self.times.append(self.clock.elapsed)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def begin(script, *, keyed=True, policy=None, seed=1, **options):
    """Deliver by a script."""
    return deliver(
        script, keyed=keyed, policy=policy or RetryPolicy(), clock=script.clock, rng=random.Random(seed), **options
    )


async def test_first_answer_ends_it(clock):
    """An answer is not asked for twice."""
    delivery = await begin(script := Script(clock, RECEIPT))
    assert (delivery.event, delivery.receipt, delivery.attempts) == (None, RECEIPT, 1)
    assert (script.times, clock.waits) == ([0.0], [])


@pytest.mark.parametrize("keyed", [True, False])
async def test_unsent_request_fails_after_the_last_attempt(clock, keyed):
    """What surely was not sent is tried as often as the policy says, then failed."""
    delivery = await begin(script := Script(clock, UNSENT), keyed=keyed, policy=RetryPolicy(attempts=5))
    assert (delivery.event, delivery.error, delivery.stop) == (ChunkEvent.FAIL, UNSENT, False)
    assert delivery.attempts == len(script.times) == 5


@pytest.mark.parametrize(
    ("answer", "end"), [(UNSENT, ChunkEvent.FAIL), (LOST, ChunkEvent.LOSE), (BUSY, ChunkEvent.LOSE)]
)
async def test_no_attempt_begins_after_the_deadline(clock, answer, end):
    """The deadline counts from the first attempt, and is used: it does not end long before."""
    delivery = await begin(script := Script(clock, answer), policy=RetryPolicy(attempts=10_000, deadline=120.0))
    assert delivery.event is end
    assert 80.0 < max(script.times) <= 120.0


async def test_request_still_handled_is_asked_about_until_the_deadline(clock):
    """By default too, a 160 is replayed until the deadline of 300 s: the number of attempts does not cut that short."""
    delivery = await begin(script := Script(clock, BUSY))
    assert delivery.event is ChunkEvent.LOSE
    assert max(script.times) > RetryPolicy().deadline - 2 * RetryPolicy().cap


async def test_lost_request_with_key_is_replayed_until_answered(clock):
    """A time-out with a key is followed by the same request, and the late answer counts."""
    delivery = await begin(script := Script(clock, LOST, LOST, RECEIPT))
    assert (delivery.event, delivery.receipt, len(script.times)) == (None, RECEIPT, 3)


async def test_lost_request_without_key_is_unknown_at_once(clock):
    """A time-out without a key is never followed by another attempt."""
    delivery = await begin(script := Script(clock, LOST, RECEIPT), keyed=False)
    assert (delivery.event, len(script.times)) == (ChunkEvent.LOSE, 1)


@pytest.mark.parametrize("then", [LOGIN, HttpRefused("403"), UNSENT])
async def test_lost_request_stays_unknown_whatever_does_not_speak_of_it(clock, then):
    """After a lost attempt, a refused login, a 403 or a dead line say nothing of the first one."""
    delivery = await begin(Script(clock, LOST, then))
    assert (delivery.event, delivery.error) == (ChunkEvent.LOSE, then)
    assert delivery.stop is (then is LOGIN)


@pytest.mark.parametrize(("then", "event"), [(FlowRefused("105"), "reject"), (CREDIT, "release")])
async def test_gateways_word_on_the_key_settles_a_lost_attempt(clock, then, event):
    """A refusal that comes after the key was looked up says that the first attempt was not taken either."""
    assert (await begin(Script(clock, LOST, then))).event == event


@pytest.mark.parametrize("error", [LOGIN, CREDIT])
async def test_refusal_of_the_account_stops_the_campaign(clock, error):
    """Login and credit are not tried again, and stop what else would be sent."""
    delivery = await begin(script := Script(clock, error))
    assert (delivery.event, delivery.stop, len(script.times)) == (ChunkEvent.RELEASE, True, 1)


async def test_twin_of_somebody_else_is_never_retried(clock):
    """A 121 on a key's first attempt is final: these people are texted by the other request."""
    delivery = await begin(script := Script(clock, TWIN, RECEIPT))
    assert (delivery.event, len(script.times)) == (ChunkEvent.REJECT, 1)


async def test_own_twin_is_replayed_after_more_than_ten_seconds(clock):
    """A 121 after a lost attempt is that attempt's own echo: the replay waits until the gateway looks at the key."""
    delivery = await begin(script := Script(clock, LOST, TWIN, RECEIPT))
    assert delivery.receipt is RECEIPT
    assert script.times[2] - script.times[1] > 10.0


async def test_own_twin_of_an_earlier_run_is_replayed(clock):
    """What an earlier run left unanswered counts as a lost attempt."""
    delivery = await begin(script := Script(clock, TWIN, RECEIPT), unanswered=True)
    assert (delivery.receipt, len(script.times)) == (RECEIPT, 2)
    assert script.times[1] > 10.0


async def test_server_that_asks_to_wait_is_waited_for(clock):
    """Retry-After is a lower bound, also beyond the cap, and its jitter stays within the usual ceiling."""
    limited = RateLimited("Too many.", retry_after=45.0)
    delivery = await begin(script := Script(clock, limited, limited, RECEIPT))
    assert delivery.receipt is RECEIPT
    assert 45.0 <= clock.waits[0] <= 45.5
    assert 45.0 <= clock.waits[1] <= 46.0
    assert len(script.times) == 3


async def test_longer_wait_than_the_deadline_is_not_begun(clock):
    """A server that asks for an hour gets no second request, and the chunk is failed without waiting."""
    delivery = await begin(Script(clock, RateLimited("Too many.", retry_after=3600.0)))
    assert (delivery.event, delivery.attempts, clock.waits) == (ChunkEvent.FAIL, 1, [])


async def test_rate_limit_without_a_time_is_an_ordinary_wait(clock):
    """A 429 that does not say how long is waited for like a dead line."""
    await begin(Script(clock, RateLimited("Too many."), RECEIPT))
    assert 0 <= clock.waits[0] <= 0.5


async def test_key_is_not_replayed_past_its_budget(clock):
    """A key that has a minute left is not repeated after that minute, whatever the deadline says."""
    policy = RetryPolicy(attempts=10_000, deadline=1e6)
    delivery = await begin(script := Script(clock, LOST), policy=policy, unanswered=True, budget=60.0)
    assert delivery.event is ChunkEvent.LOSE
    assert 25.0 < max(script.times) <= 60.0


async def test_key_is_not_replayed_past_23_hours(clock):
    """Without a word about an earlier run, the budget is 23 hours from the first attempt."""
    policy = RetryPolicy(attempts=10_000, deadline=1e6)
    await begin(script := Script(clock, LOST), policy=policy)
    assert REPLAY_SECONDS - 31 < max(script.times) <= REPLAY_SECONDS == 23 * 3600


async def test_key_whose_time_is_over_is_not_sent_at_all(clock):
    """A chunk that waited in the queue until its key was too old stays unknown: the gateway may have forgotten it."""
    delivery = await begin(script := Script(clock, RECEIPT), unanswered=True, budget=-1.0)
    assert (script.times, delivery.event) == ([], ChunkEvent.LOSE)


async def test_key_is_not_replayed_by_a_clock_that_was_put_back(clock):
    """Two days ahead when the request was begun, then put right: nobody can tell how old the key is."""

    class PutRight(type(clock)):
        def now(self):
            return super().now() - (timedelta(days=2) if self.elapsed else timedelta())

    wrong = PutRight()
    delivery = await begin(script := Script(wrong, LOST), policy=RetryPolicy(attempts=10_000, deadline=1e9))
    assert (script.times, delivery.event) == ([0.0], ChunkEvent.LOSE)


async def test_key_does_not_outlive_a_machine_that_slept(clock):
    """The 23 hours are those of the wall clock: a monotonic clock may stand still while a machine is suspended."""

    class Suspended(type(clock)):
        def now(self):
            return super().now() + timedelta(hours=30 * len(self.waits))

    delivery = await begin(script := Script(Suspended(), LOST, RECEIPT))
    assert (delivery.event, len(script.times)) == (ChunkEvent.LOSE, 1)


async def test_halted_campaign_begins_nothing_again(clock):
    """Asked to stop, what surely was not sent is not tried again, and goes back to the waiting."""
    delivery = await begin(script := Script(clock, UNSENT), halted=lambda: bool(script.times))
    assert (delivery.event, delivery.stop, delivery.attempts, clock.waits) == (ChunkEvent.RELEASE, False, 1, [])


async def test_halt_during_a_wait_prevents_the_next_attempt(clock):
    """Asked to stop while it waits, the request is not made once more."""
    delivery = await begin(script := Script(clock, UNSENT), halted=lambda: bool(clock.waits))
    assert (delivery.event, delivery.stop, delivery.attempts, len(script.times)) == (ChunkEvent.RELEASE, False, 1, 1)


async def test_halted_campaign_still_asks_what_became_of_a_lost_request(clock):
    """Asked to stop, what may have been taken is still asked about with its key."""
    delivery = await begin(Script(clock, LOST, LOST, RECEIPT), halted=lambda: True)
    assert (delivery.receipt, delivery.attempts) == (RECEIPT, 3)


async def test_pause_replaces_the_clocks_sleep(clock):
    """Whoever runs it can wait in a way of his own."""
    waited = []

    async def pause(seconds):
        waited.append(seconds)

    await begin(Script(clock, UNSENT, UNSENT, RECEIPT), pause=pause)
    assert (len(waited), clock.waits) == (2, [])


@pytest.mark.parametrize("defect", [ZeroDivisionError("a defect"), KeyError("key"), OSError("disk")])
async def test_error_outside_the_tree_passes_through_once(clock, defect):
    """A defect is neither repeated nor turned into an outcome."""
    with pytest.raises(type(defect)):
        await begin(script := Script(clock, UNSENT, defect, RECEIPT))
    assert len(script.times) == 2


async def test_cancellation_passes_through_an_attempt_and_a_wait(clock):
    """Cancelled in an attempt or between two, it ends at once, with no further attempt."""
    never = asyncio.Event()
    calls = []

    async def hang():
        calls.append(1)
        await never.wait()

    async def fail():
        calls.append(1)
        raise UNSENT

    async def wait_for_ever(_):
        await never.wait()

    for send in (hang, fail):
        calls.clear()
        task = asyncio.ensure_future(
            deliver(send, keyed=True, policy=PATIENT, clock=clock, rng=random.Random(), pause=wait_for_ever)
        )
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert calls == [1]


@given(
    seed=st.integers(),
    base=st.floats(0.01, 5),
    cap=st.floats(0.01, 60),
    answers=st.lists(st.sampled_from([UNSENT, LOST, BUSY, TWIN]), min_size=1, max_size=12),
)
def test_every_wait_lies_between_its_bounds(make_clock, seed, base, cap, answers):
    """Jitter is full: from nothing to the doubling ceiling, under the cap, on top of what the answer asks for."""
    clock = make_clock()
    policy = RetryPolicy(attempts=100, deadline=1e6, base=base, cap=cap)
    script = Script(clock, LOST, *answers, RECEIPT)
    delivery = asyncio.run(begin(script, policy=policy, seed=seed))
    assert delivery.receipt is RECEIPT
    assert len(clock.waits) == len(answers) + 1
    for index, (answer, seconds) in enumerate(zip([LOST, *answers], clock.waits, strict=True)):
        least = {TWIN: 11.0, BUSY: min(1.0, cap)}.get(answer, 0.0)
        assert least <= seconds <= least + min(cap, base * 2**index) + 1e-9


async def test_jitter_spreads_over_the_whole_range(make_clock):
    """Many requests that failed together do not come back together."""
    firsts = []
    for seed in range(200):
        clock = make_clock()
        await begin(Script(clock, UNSENT, RECEIPT), seed=seed, policy=RetryPolicy(base=1.0))
        firsts += clock.waits
    assert min(firsts) < 0.1
    assert max(firsts) > 0.9


async def test_each_wait_is_logged_without_content(clock, caplog):
    """A warning for each further attempt says what happened and when the next one is."""
    await begin(Script(clock, UNSENT, RECEIPT))
    assert len(caplog.messages) == 1
    assert "attempt 1: No connection. Next one in " in caplog.text
