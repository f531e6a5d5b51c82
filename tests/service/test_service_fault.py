"""Campaigns through a gateway and a network that fail: nobody twice, nobody lost, every sum right."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from allmysms_async import OutcomeUnknown, RetryPolicy, SmsService
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]

# What a key makes safe to ask again: in the end everybody is accepted.
KEYED = (
    "http_500", "http_502", "http_503", "http_504", "http_503_after", "http_408_after", "http_429",
    "reset_before", "reset_after", "status_160", "truncated", "truncated_json", "garbage", "html", "empty",
    "wrong_charset",
)  # fmt: skip
HANGING = ("hang_before", "hang_after")
# On a first attempt these mean that nothing was sent; after an unanswered one they say nothing of it.
REFUSING = ("status_121", "http_404", "redirect")


def some(*names: str, chance: float = 0.4) -> list[dict[str, Any]]:
    """Return faults that strike sends with a chance each."""
    return [{"fault": name, "probability": chance, "path": "sendSms"} for name in names]


def assert_fair(sandbox: Sandbox, ledger: Any, texts: dict[str, str]) -> None:
    """Assert that nobody was texted twice, and that everybody's outcome is what really happened."""
    received = Counter(message["phone"] for message in sandbox.messages())
    assert max(received.values(), default=0) <= 1
    assert all(texts[message["phone"]] == message["text"] for message in sandbox.messages())
    told = Counter(outcome.phone for outcome in ledger.by_row.values())
    assert set(told) <= set(texts)
    assert max(told.values()) == 1
    assert [phone for phone in ledger.phones("accepted") if phone not in received] == []
    for state in ("rejected", "failed"):
        assert [phone for phone in ledger.phones(state) if phone in received] == []


def moves(sandbox: Sandbox) -> object:
    """Return what changes as long as anything but time-outs is under way."""
    return sandbox.requests, sandbox.stats()["messages"], sandbox.in_flight


@pytest.mark.parametrize("fault", KEYED)
async def test_everybody_is_texted_once_although_the_gateway_fails(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any, fault: str
) -> None:
    """Whatever hides an answer, the request is repeated under its key until the answer comes."""
    sandbox.faults(some(fault), seed=7)
    people = crowd(300)

    await ledger.follow(service(policy=patient).stream(people.campaign(), chunk_size=15))

    assert ledger.result.all_accepted
    assert ledger.result.accepted == 300
    assert sandbox.requests["v9.sendSms"] > 20, "no fault struck"
    people.assert_texted_once(sandbox)
    assert_fair(sandbox, ledger, people.texts)


@pytest.mark.parametrize("fault", HANGING)
async def test_everybody_is_texted_once_although_answers_never_come(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any, fault: str, hurry: Any
) -> None:
    """A request without an answer in time is repeated under its key."""
    sandbox.faults([{"fault": fault, "times": 6}])
    people = crowd(300)

    hurry(lambda: moves(sandbox), 30)
    await ledger.follow(service(policy=patient, timeout=30).stream(people.campaign(), chunk_size=30))

    assert ledger.result.all_accepted
    assert sandbox.requests["v9.sendSms"] >= 16
    people.assert_texted_once(sandbox)


async def test_a_request_that_is_still_handled_is_waited_for(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, hurry: Any
) -> None:
    """After a time-out the gateway's own 160 is repeated until the first request's answer is there."""
    sandbox.faults([{"fault": "latency", "seconds": 90, "times": 4}])
    people = crowd(40)
    sms = service(policy=RetryPolicy(attempts=5000, deadline=1e9), timeout=30)
    hurry(lambda: None, 30)

    await ledger.follow(sms.stream(people.campaign(), chunk_size=10))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_everybody_is_texted_once_under_all_faults_together(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any, seed: int, hurry: Any
) -> None:
    """All that a key makes safe, mixed at random, with waits that outlast the time-out."""
    slow = [{"fault": "latency", "probability": 0.1, "seconds": 40}]
    sandbox.faults(slow + some(*KEYED, chance=0.035) + some(*HANGING, chance=0.01), seed=seed)
    people = crowd(400)

    hurry(lambda: moves(sandbox), 45)  # the slow ones are done, too
    await ledger.follow(service(policy=patient, timeout=30).stream(people.campaign(), chunk_size=10))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)
    assert_fair(sandbox, ledger, people.texts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_outcomes_are_true_under_all_faults_and_refusals_together(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, seed: int, hurry: Any
) -> None:
    """With few attempts and refusals in the mix, each outcome is what really happened, and unknown where it may be."""
    refusing = some(*REFUSING, chance=0.1)
    sandbox.faults(refusing + some(*KEYED, chance=0.03) + some(*HANGING, chance=0.01), seed=seed)
    people = crowd(600)
    sms = service(policy=RetryPolicy(attempts=2, deadline=1e9), timeout=30)
    hurry(lambda: moves(sandbox), 30)
    campaign = people.campaign()

    seen: set[str] = set()
    for _ in range(50):
        # A few chunks in a row without an answer stop a run; the campaign goes on with the next one.
        await ledger.follow(sms.stream(campaign, chunk_size=6))
        seen |= {outcome.state.value for outcome in ledger.by_row.values()}
        assert_fair(sandbox, ledger, people.texts)
        if ledger.stopped is None:
            break

    assert seen == {"accepted", "rejected", "failed", "unknown"}
    assert ledger.result.complete
    assert ledger.result.pending == 0

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=6))

    assert (ledger.result.failed, ledger.result.unknown) == (0, 0)
    assert_fair(sandbox, ledger, people.texts)
    assert {outcome.phone for outcome in ledger.by_row.values()} == people.texts.keys()
    assert len(sandbox.messages()) == ledger.result.accepted


async def test_an_identical_request_of_somebody_else_is_not_repeated(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any
) -> None:
    """121 on a first attempt rejects the chunk for a reason of its own, visible in each outcome; others are texted."""
    sandbox.faults([{"fault": "status_121", "times": 2}])
    people = crowd(100)

    await ledger.follow(service(policy=patient).stream(people.campaign(), chunk_size=10))

    assert {reason.value: count for reason, count in ledger.result.rejections.items()} == {"duplicate_at_gateway": 20}
    assert Counter(outcome.reason for outcome in ledger.by_row.values()) == {None: 80, "duplicate_at_gateway": 20}
    assert ledger.result.accepted == 80
    assert sandbox.requests["v9.sendSms"] == 10
    assert_fair(sandbox, ledger, people.texts)


@pytest.mark.parametrize("first", ["reset_before", "reset_after"])
async def test_121_after_a_lost_answer_is_waited_out(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any, clock: Any, first: str
) -> None:
    """121 after an unanswered attempt is repeated over ten seconds later, and everybody is texted once."""
    sandbox.faults([{"fault": first, "times": 1}, {"fault": "status_121", "times": 2}])
    people = crowd(30)

    await ledger.follow(service(policy=patient).stream(people.campaign()))

    assert ledger.result.all_accepted
    assert sum(wait > 10 for wait in clock.waits) == 2
    people.assert_texted_once(sandbox)


async def test_too_many_requests_wait_as_long_as_the_server_asks(
    sandbox: Sandbox, service: Service, patient: RetryPolicy, ledger: Any, crowd: Any, clock: Any
) -> None:
    """After 429 the next attempt is made no earlier than Retry-After says."""
    sandbox.faults([{"fault": "http_429", "retry_after": 90, "times": 2}])
    people = crowd(30)

    await ledger.follow(service(policy=patient).stream(people.campaign()))

    assert ledger.result.all_accepted
    assert len(clock.waits) == 2
    assert min(clock.waits) >= 90
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("fault", ["http_404", "redirect"])
async def test_what_surely_failed_is_sent_when_the_campaign_goes_on(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, fault: str
) -> None:
    """Another 4xx and a redirect fail without any repetition; the same campaign later texts everybody once."""
    sandbox.faults([{"fault": fault}])
    people = crowd(60)
    campaign = people.campaign()

    await ledger.follow(sms.stream(campaign, chunk_size=20))
    assert (ledger.result.failed, sandbox.requests["v9.sendSms"], sandbox.messages()) == (60, 3, [])
    assert sum(ledger.result.problems.values()) == 3

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=20))
    assert ledger.result.all_accepted
    assert dict(ledger.result.problems) == {}
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize(("fault", "texted"), [("http_503", 0), ("http_503_after", 60), ("status_160", 0)])
async def test_what_stayed_unknown_is_asked_about_when_the_campaign_goes_on(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, fault: str, texted: int
) -> None:
    """After all attempts everybody is unknown; the same campaign later learns what happened, texting nobody twice."""
    sandbox.faults([{"fault": fault}])
    people = crowd(60)
    campaign = people.campaign()

    await ledger.follow(sms.stream(campaign, chunk_size=20))
    assert ledger.result.unknown == 60
    assert len(sandbox.messages()) == texted

    sandbox.faults([])
    sandbox.advance(22 * 3600)
    await ledger.follow(sms.stream(campaign, chunk_size=20))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_key_is_not_repeated_after_23_hours(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any) -> None:
    """What stayed unknown for longer than the gateway may know its key stays unknown, and is not sent again."""
    sandbox.faults([{"fault": "http_503_after"}])
    people = crowd(60)
    campaign = people.campaign()
    await ledger.follow(sms.stream(campaign, chunk_size=20))
    sandbox.faults([])
    requests = sandbox.requests["v9.sendSms"]

    sandbox.advance(timedelta(hours=23).total_seconds())
    await ledger.follow(sms.stream(campaign, chunk_size=20))

    assert ledger.result.unknown == 60
    assert sandbox.requests["v9.sendSms"] == requests
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("fault", ["http_503", "http_503_after", "reset_after", "html"])
async def test_a_gateway_out_of_order_ends_the_run_and_keeps_everybody(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, fault: str
) -> None:
    """A few chunks in a row without an answer stop the run; later the same campaign texts everybody once."""
    sandbox.faults([{"fault": fault}])
    people = crowd(500)
    campaign = people.campaign()
    sms = service(concurrency=2)

    await ledger.follow(sms.stream(campaign, chunk_size=10))

    assert isinstance(ledger.stopped.reason, OutcomeUnknown)
    assert (ledger.result.accepted, ledger.result.failed) == (0, 0)
    assert 30 <= ledger.result.unknown <= 50

    sandbox.faults([])
    await ledger.follow(sms.stream(campaign, chunk_size=10))
    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_gateway_that_is_not_there_ends_the_run_and_keeps_everybody(
    sandbox: Sandbox, service: Service, ledger: Any, crowd: Any, closed_port: str
) -> None:
    """Without any connection the run stops after a few chunks; nobody is lost."""
    people = crowd(500)
    campaign = people.campaign()

    await ledger.follow(service(url=closed_port).stream(campaign, chunk_size=10, concurrency=2))

    assert type(ledger.stopped.reason).__name__ == "NotSent"
    result = ledger.result
    assert (result.accepted, result.rejected, result.unknown) == (0, 0, 0)
    assert 0 < result.failed <= 40
    assert result.rows <= 500
    assert sandbox.messages() == []
