"""Campaigns through the engine to the sandbox: everybody once, and the truth about everybody."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import (
    AuthenticationFailed,
    Campaign,
    CampaignResult,
    CampaignStopped,
    EnvoyerSmsProBackend,
    InsufficientCredit,
    NotPermitted,
    OutcomeUnknown,
    Reason,
    Recipient,
    RetryPolicy,
    SmsMessage,
    SmsService,
    errors,
)

Connect = Callable[..., EnvoyerSmsProBackend]
MESSAGE = SmsMessage("Bonjour", purpose="transactional")
PEOPLE = [f"336100{number:05d}" for number in range(10_000)]


def service(connect: Connect, sandbox_time: Any, sandbox: Any, **options: Any) -> SmsService:
    """Return a service whose waits let the sandbox's time pass."""
    return SmsService(connect(**options), clock=sandbox_time(sandbox), rng=random.Random(1))


def sums(result: CampaignResult) -> tuple[int, int, int, int, int]:
    """Return how rows ended: accepted, rejected, failed, unknown, pending."""
    return result.accepted, result.rejected, result.failed, result.unknown, result.pending


async def test_ten_thousand_people_have_the_text_once(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """A campaign of 10,000 takes ten requests; each handset has the text once, and every row is accepted."""
    sms = service(connect, sandbox_time, sandbox)
    rows = Counter[int]()
    run = sms.stream(Campaign("soldes", MESSAGE, PEOPLE))
    async for progress in run:
        rows.update(outcome.row for outcome in progress.outcomes)

    assert sums(run.result) == (10_000, 0, 0, 0, 0)
    assert run.result.all_accepted
    assert (run.result.parts, dict(run.result.problems)) == (10_000, {})
    assert set(rows.values()) == {1}
    assert len(rows) == 10_000
    assert sandbox.stats() == {"messages": 10_000, "handsets": 10_000, "max_per_handset": 1}
    assert sandbox.requests == {"envoyersmspro.message/send": 10}


async def test_rendered_texts_share_requests_when_they_are_equal(
    sandbox: Any, connect: Connect, sandbox_time: Any
) -> None:
    """The protocol has no placeholders: each distinct text is one request, and everybody has the own text."""
    people = [Recipient(phone, (f"magasin {number % 30}",)) for number, phone in enumerate(PEOPLE)]
    sms = service(connect, sandbox_time, sandbox)
    result = await sms.run(Campaign("soldes", SmsMessage("Vu au #param_1#", purpose="transactional"), people))

    assert result.all_accepted
    assert sandbox.requests == {"envoyersmspro.message/send": 30}
    texts = {entry["phone"]: entry["text"] for entry in sandbox.messages()}
    assert texts == {phone: f"Vu au magasin {number % 30}" for number, phone in enumerate(PEOPLE)}


async def test_wrong_numbers_are_rejected_and_the_others_texted(
    sandbox: Any, connect: Connect, sandbox_time: Any
) -> None:
    """Numbers that the provider names as wrong end alone; the rest of their request is sent again, once."""
    # The provider takes 998; it takes neither satellite networks nor Ascension.
    unknown = ["+881 123 456 78", "+998 12 345 67 89", "+247 12 345 678", "+881 123 456 79"]
    people = [*PEOPLE[:1500], *unknown, *PEOPLE[1500:2500]]
    sms = service(connect, sandbox_time, sandbox)
    campaign = Campaign("soldes", MESSAGE, people)
    result = await sms.run(campaign)
    again = await sms.run(campaign)

    assert len(sandbox.messages("998123456789")) == 1
    assert sums(result) == (2501, 3, 0, 0, 0)
    assert dict(result.rejections) == {Reason.INVALID_AT_GATEWAY: 3}
    assert [problem.count("33") for problem in result.problems] == [0]
    assert sandbox.stats() == {"messages": 2501, "handsets": 2501, "max_per_handset": 1}
    assert sums(again) == sums(result)
    assert sandbox.requests == {"envoyersmspro.message/send": 4}


async def test_request_with_nothing_but_wrong_numbers_is_rejected(
    sandbox: Any, connect: Connect, sandbox_time: Any
) -> None:
    """Where every number of a request is wrong there is nothing to send again."""
    people = ["+881 123 456 78", "+881 123 456 79"]
    result = await service(connect, sandbox_time, sandbox).run(Campaign("soldes", MESSAGE, people))

    assert sums(result) == (0, 2, 0, 0, 0)
    assert sandbox.requests == {"envoyersmspro.message/send": 1}


async def test_wrong_numbers_that_are_not_named_are_found_by_halving(
    sandbox: Any, connect: Connect, sandbox_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that names none of the request's numbers costs more requests, and nobody else's text."""
    people = [*PEOPLE[:60], "+881 123 456 78", *PEOPLE[60:99]]
    monkeypatch.setattr("allmysms_async.protocols.envoyersmspro.codec.listed_numbers", lambda _: ("1",))
    result = await service(connect, sandbox_time, sandbox).run(Campaign("soldes", MESSAGE, people))

    assert sums(result) == (99, 1, 0, 0, 0)
    assert sandbox.stats() == {"messages": 99, "handsets": 99, "max_per_handset": 1}


async def test_send_says_which_numbers_are_wrong(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """A send to a few is one request: some wrong numbers refuse it whole, and the error says which."""
    sms = service(connect, sandbox_time, sandbox)
    with pytest.raises(errors.NumbersRefused) as caught:
        await sms.send("Bonjour", [PEOPLE[0], "+881 123 456 78"])

    assert caught.value.positions == (1,)
    assert sandbox.messages() == []


TAKEN = {"http_500_after", "http_502_after", "reset_after", "truncated", "garbage", "html", "empty", "truncated_json"}
OPEN = {"http_500", "http_502", "http_504", "reset_before"}


@pytest.mark.parametrize("fault", sorted(TAKEN | OPEN))
async def test_unanswered_request_is_unknown_and_never_repeated(
    sandbox: Any, connect: Connect, sandbox_time: Any, fault: str
) -> None:
    """Without a key nothing tells whether a request was taken: its people are unknown, and nobody has two texts."""
    sandbox.faults([{"fault": fault, "times": 1}])
    campaign = Campaign("soldes", MESSAGE, PEOPLE[:400])
    sms = service(connect, sandbox_time, sandbox)
    result = await sms.run(campaign, chunk_size=100, concurrency=1)
    again = await sms.run(campaign)

    assert sums(result) == sums(again) == (300, 0, 0, 100, 0)
    assert sandbox.stats()["max_per_handset"] == 1
    assert sandbox.stats()["messages"] == (400 if fault in TAKEN else 300)
    assert sandbox.requests == {"envoyersmspro.message/send": 4}
    sandbox.faults([{"fault": fault, "times": 1}])
    with pytest.raises(OutcomeUnknown):
        await sms.send("Bonjour", PEOPLE[500])
    assert sandbox.stats()["max_per_handset"] == 1


@pytest.mark.parametrize("fault", ["http_503", "http_400", "http_429"])
async def test_request_that_was_not_taken_is_sent_again(
    sandbox: Any, connect: Connect, sandbox_time: Any, fault: str
) -> None:
    """Overloaded, or over the limit: nothing was sent, so it is sent once more and arrives once."""
    sandbox.faults([{"fault": fault, "times": 2}])
    sms = service(connect, sandbox_time, sandbox)
    result = await sms.run(Campaign("soldes", MESSAGE, PEOPLE[:400]), chunk_size=100, concurrency=1)

    assert result.all_accepted
    assert sandbox.stats() == {"messages": 400, "handsets": 400, "max_per_handset": 1}


STOPS = {
    "http_401": AuthenticationFailed,
    "http_403": NotPermitted,
    "status_1": AuthenticationFailed,
    "status_5": InsufficientCredit,
}


@pytest.mark.parametrize("fault", STOPS)
async def test_refusal_of_everything_stops_the_campaign(
    sandbox: Any, connect: Connect, sandbox_time: Any, fault: str
) -> None:
    """Login, permission and credit stop at once; whoever was not sent to waits, and is texted once later."""
    campaign = Campaign("soldes", MESSAGE, PEOPLE[:400])
    sms = service(connect, sandbox_time, sandbox)
    sandbox.faults([{"fault": fault}])
    with pytest.raises(CampaignStopped) as caught:
        await sms.run(campaign, chunk_size=100, concurrency=1)
    assert isinstance(caught.value.reason, STOPS[fault])
    assert sandbox.requests == {"envoyersmspro.message/send": 1}
    with pytest.raises(STOPS[fault]):
        await sms.send("Bonjour", PEOPLE[0])
    sandbox.faults([])

    assert (await sms.run(campaign)).all_accepted
    assert sandbox.stats() == {"messages": 400, "handsets": 400, "max_per_handset": 1}


REFUSALS = {"status_2": "FlowRefused", "status_3": "FlowRefused", "status_4": "TextRefused", "http_404": "HttpRefused"}


@pytest.mark.parametrize("fault", REFUSALS)
async def test_refused_request_is_not_repeated(sandbox: Any, connect: Connect, sandbox_time: Any, fault: str) -> None:
    """A refusal of one request is not sent again as it was; one of its form is cut in two, to find the row at fault."""
    sandbox.faults([{"fault": fault, "times": 1}])
    sms = service(connect, sandbox_time, sandbox)
    result = await sms.run(Campaign("soldes", MESSAGE, PEOPLE[:400]), chunk_size=100, concurrency=1)

    ends = {"http_404": (300, 0, 100, 0, 0), "status_4": (300, 100, 0, 0, 0)}
    assert sums(result) == ends.get(fault, (400, 0, 0, 0, 0))
    assert len(result.problems) == (fault in ends)
    assert sandbox.stats() == {"messages": result.accepted, "handsets": result.accepted, "max_per_handset": 1}
    sandbox.faults([{"fault": fault, "times": 1}])
    with pytest.raises(getattr(errors, REFUSALS[fault])):
        await sms.send("Bonjour", PEOPLE[0])


@pytest.mark.parametrize("error_id", [7, 8, 9, 10, 11, 12])
async def test_error_of_another_function_does_not_send_twice(
    sandbox: Any, connect: Connect, sandbox_time: Any, error_id: int
) -> None:
    """Errors that only other functions have are, for a send too, a refusal that is not repeated."""
    sandbox.faults([{"fault": f"status_{error_id}", "times": 1}])
    result = await service(connect, sandbox_time, sandbox).run(Campaign("soldes", MESSAGE, PEOPLE[:10]))

    assert sums(result) == (0, 10, 0, 0, 0)
    assert sandbox.messages() == []


async def test_unlisted_error_is_unknown(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """A number that the manual lacks comes with HTTP 400, so it is the limit; it is waited for, twice at most."""
    sandbox.faults([{"fault": "status_6"}])
    time = sandbox_time(sandbox)
    sms = SmsService(connect(), clock=time, rng=random.Random(1))
    begun = time.now()
    result = await sms.run(Campaign("soldes", MESSAGE, PEOPLE[:10]))

    assert sums(result) == (0, 0, 10, 0, 0)
    assert sandbox.requests == {"envoyersmspro.message/send": 3}
    assert 3600 <= (time.now() - begun).total_seconds() < 3700


async def test_failed_limit_can_be_continued(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Three refusals in a row fail a request; the campaign run again sends it."""
    sandbox.faults([{"fault": "http_400", "times": 3}])
    sms = service(connect, sandbox_time, sandbox)
    campaign = Campaign("soldes", MESSAGE, PEOPLE[:10])
    failed = await sms.run(campaign)
    again = await sms.run(campaign)

    assert sums(failed) == (0, 0, 10, 0, 0)
    assert again.all_accepted
    assert sandbox.stats() == {"messages": 10, "handsets": 10, "max_per_handset": 1}


async def test_send_does_not_wait_for_the_limit(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Somebody waits for a code: a send beyond the limit fails at once and says when the next may leave."""
    sandbox.faults([{"fault": "http_400", "times": 1, "retry_after": 90}])
    time = sandbox_time(sandbox)
    sms = SmsService(connect(), clock=time)
    for told in (True, False):
        with pytest.raises(errors.RequestLimitReached) as caught:
            await sms.send("Bonjour", PEOPLE[0])
        assert caught.value.told is told
        assert caught.value.retry_after == 90
    assert time.waits == []
    assert sandbox.requests == {"envoyersmspro.message/send": 1}
    sandbox.advance(90)

    assert len((await sms.send("Bonjour", PEOPLE[0])).accepted) == 1


async def test_different_count_is_kept_and_warned_about(
    sandbox: Any, connect: Connect, sandbox_time: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Success accepts everybody; where the provider counts fewer, the campaign's problems say so."""
    sandbox.opt_out(PEOPLE[3])
    result = await service(connect, sandbox_time, sandbox).run(Campaign("soldes", MESSAGE, PEOPLE[:10]))

    assert result.all_accepted
    assert list(result.problems) == ["message/send: the provider counts 9 SMS sent to 10 recipients, 10 were expected."]
    assert next(iter(result.problems)) in caplog.text


async def test_retries_of_an_overloaded_server_end(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """A server that stays overloaded fails the request after as many attempts as the policy allows."""
    sandbox.faults([{"fault": "http_503"}])
    policy = RetryPolicy(attempts=3)
    sms = SmsService(connect(), clock=sandbox_time(sandbox), policy=policy, rng=random.Random(1))
    result = await sms.run(Campaign("soldes", MESSAGE, PEOPLE[:10]))

    assert sums(result) == (0, 0, 10, 0, 0)
    assert sandbox.requests == {"envoyersmspro.message/send": 3}
