"""A protocol's own operation, repeated: what is said when the last attempt knows less than an earlier one."""

import random

import pytest

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.batch.question import repeat
from allmysms_async.errors import (
    AllMySmsError,
    AuthenticationFailed,
    ConnectionLost,
    DuplicateRequest,
    GatewayError,
    HttpRefused,
    InsufficientCredit,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RequestTimeout,
    StillProcessing,
)

LOST = RequestTimeout("No answer came.")


async def ended(clock, *answers, replay="key"):
    """Repeat by a script and return the error that it ends with."""
    script = iter(answers)

    async def ask():
        raise next(script)

    with pytest.raises(AllMySmsError) as caught:
        await repeat(
            ask,
            replay=replay,
            key="k-1" if replay == "key" else None,
            attempts=len(answers),
            policy=RetryPolicy(),
            clock=clock,
            rng=random.Random(1),
        )
    return caught.value


@pytest.mark.parametrize(
    "last",
    [
        NotSent("No connection; nothing was sent."),
        AuthenticationFailed("Nothing was sent."),
        HttpRefused("It was not taken."),
        RateLimited("It was not taken."),
        DuplicateRequest("Identical."),
        StillProcessing("Being handled."),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("lost", [LOST, StillProcessing("Being handled.")], ids=["timeout", "160"])
async def test_last_error_does_not_speak_for_an_attempt_before_it(clock, last, lost):
    """After a lost attempt, an error that is no word on its key leaves the outcome open, and the key is told."""
    error = await ended(clock, lost, last)
    assert isinstance(error, OutcomeUnknown)
    assert (error.idempotency_key, error.__cause__) == ("k-1", last)


@pytest.mark.parametrize("last", [GatewayError("Refused."), InsufficientCredit("No credit.")])
async def test_gateway_s_word_on_the_key_settles_it(clock, last):
    """A refusal that is said after the key was looked at is what became of the lost attempt too."""
    assert await ended(clock, LOST, last) is last


@pytest.mark.parametrize("last", [NotSent("No connection."), AuthenticationFailed("Login.")])
async def test_error_without_a_lost_attempt_is_raised_as_it_is(clock, last):
    """Where nothing was lost before, the last error is the whole truth."""
    assert await ended(clock, NotSent("No connection."), last) is last


async def test_last_of_lost_attempts_is_raised_as_it_is(clock):
    """A lost answer is raised as what it was, with the key."""
    last = ConnectionLost("Lost.")
    assert await ended(clock, LOST, last) is last
    assert last.idempotency_key == "k-1"


async def test_read_ends_with_its_last_error(clock):
    """What changes nothing has no outcome that could be open."""
    last = NotSent("No connection.")
    assert await ended(clock, LOST, last, replay="safe") is last
