"""What is the same campaign, and what is another one that looks the same."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from allmysms_async import Campaign, InvalidRequest, Recipient, SmsMessage, SmsService
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]


async def test_two_campaigns_that_look_the_same_are_both_sent(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """Another object with the same name, text and recipients is another campaign: keys are not shared."""
    people = crowd(300)

    first = await sms.run(people.campaign(), chunk_size=100)
    second = await sms.run(people.campaign(), chunk_size=100)

    assert first.all_accepted
    assert second.all_accepted
    assert first.run_id != second.run_id
    assert not set(first.campaign_ids) & set(second.campaign_ids)
    received = Counter(message["phone"] for message in sandbox.messages())
    assert received == dict.fromkeys(people.texts, 2)


async def test_the_same_object_is_sent_once(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """A campaign that is over and run again sends nothing and says the same."""
    people = crowd(300)
    campaign = people.campaign()

    first = await sms.run(campaign, chunk_size=100)
    requests = sandbox.requests
    second = await sms.run(campaign, chunk_size=100)

    assert first == second
    assert sandbox.requests == requests
    people.assert_texted_once(sandbox)


async def test_a_campaign_cannot_run_twice_at_the_same_time(
    sandbox: Sandbox, sms: SmsService, crowd: Any, until: Any
) -> None:
    """While a campaign is being sent, the same object is refused, and what runs is not disturbed."""
    sandbox.faults([{"fault": "latency", "seconds": 0.05}])
    people = crowd(300)
    campaign = people.campaign()
    task = asyncio.create_task(sms.run(campaign, chunk_size=100))
    await until(lambda: sandbox.in_flight)

    with pytest.raises(InvalidRequest, match="is being sent already"):
        await sms.run(campaign)

    assert (await task).all_accepted
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("asked", [False, True], ids=["left", "stopped"])
async def test_a_campaign_goes_on_right_after_its_loop_was_left(
    sandbox: Sandbox, sms: SmsService, crowd: Any, asked: bool
) -> None:
    """After a break nothing needs to be waited for: the next run begins when the one before has stopped."""
    sandbox.faults([{"fault": "latency", "seconds": 0.01}])
    people = crowd(500)
    campaign = people.campaign()
    run = sms.stream(campaign, chunk_size=20, concurrency=3)
    async for _ in run:
        if asked:
            run.stop()
        break

    assert (await sms.run(campaign, chunk_size=20)).all_accepted
    people.assert_texted_once(sandbox)


async def test_different_campaigns_run_at_the_same_time(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """Campaigns side by side each text their own people once."""
    crowds = [crowd(200, first=1000 * number) for number in range(5)]

    results = await asyncio.gather(*(sms.run(people.campaign(), chunk_size=50) for people in crowds))

    assert all(result.all_accepted for result in results)
    texts = {phone: text for people in crowds for phone, text in people.texts.items()}
    assert {message["phone"]: message["text"] for message in sandbox.messages()} == texts
    assert sandbox.stats()["max_per_handset"] == 1


async def test_one_person_in_many_spellings_is_texted_once(sandbox: Sandbox, sms: SmsService, ledger: Any) -> None:
    """The first row with a number wins, however far the others are from it."""
    spellings = ["06 10 00 00 01", "+33610000001", "0033 6.10.00.00.01", "'0610000001", "610000001", "33610000001"]
    filler = [f"06110{number:05d}" for number in range(900)]
    rows = [Recipient(spellings[0], ("premier",))]
    for spelling in spellings[1:]:
        rows += [Recipient(filler.pop(), ("autre",)) for _ in range(150)] + [Recipient(spelling, ("dernier",))]

    await ledger.follow(
        sms.stream(Campaign("doubles", SmsMessage("Vous êtes le #param_1#", purpose="marketing"), rows), chunk_size=100)
    )

    assert {reason.value: count for reason, count in ledger.result.rejections.items()} == {"duplicate": 5}
    assert [message["text"] for message in sandbox.messages("0610000001")] == ["Vous êtes le premier"]


@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
async def test_any_iterable_is_a_source(sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any, kind: str) -> None:
    """Lists, generators and asynchronous generators are read to their end."""
    people = crowd(1100)

    async def trickle() -> AsyncIterator[Recipient]:
        for recipient in people.recipients:
            yield recipient

    sources = {"list": people.recipients, "generator": iter(people.recipients), "async generator": trickle()}
    await ledger.follow(sms.stream(people.campaign(sources[kind]), chunk_size=100))

    assert ledger.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_a_source_that_fails_loses_nobody_it_gave(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any
) -> None:
    """The source's own error stops the campaign; a source that can be read again goes on, texting everybody once."""
    people = crowd(900)
    broken = True

    class Source:
        def __iter__(self) -> Any:
            for position, recipient in enumerate(people.recipients):
                if broken and position == 333:
                    raise OSError("the disk is gone")
                yield recipient

    campaign = people.campaign(Source())
    await ledger.follow(sms.stream(campaign, chunk_size=100))
    assert isinstance(ledger.stopped.reason, OSError)
    assert not ledger.result.complete
    assert ledger.result.rows == 333

    broken = False
    await ledger.follow(sms.stream(campaign, chunk_size=100))
    assert ledger.result.all_accepted
    assert ledger.result.rows == 900
    people.assert_texted_once(sandbox)
