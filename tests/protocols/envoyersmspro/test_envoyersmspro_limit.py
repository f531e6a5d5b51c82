"""The limit of requests per hour, kept against the sandbox's own count of what arrived."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import (
    Campaign,
    CampaignTooLong,
    EnvoyerSmsProBackend,
    Recipient,
    RequestLimitReached,
    RetryPolicy,
    SmsMessage,
    SmsService,
)
from allmysms_async.errors import NotSent
from allmysms_async.exchange import departure

Connect = Callable[..., EnvoyerSmsProBackend]
MESSAGE = SmsMessage("Code #param_1#", purpose="transactional")


def people(count: int) -> list[Recipient]:
    """Return so many people, each with a text of the own."""
    return [Recipient(f"336100{number:05d}", (str(number),)) for number in range(count)]


async def test_250_requests_never_exceed_100_in_any_hour(
    fast_sandbox: Any, connect: Connect, sandbox_time: Any
) -> None:
    """With latency that jitters, 250 requests take three windows: none is refused, no hour sees more than 100."""
    face = fast_sandbox.envoyersmspro
    face.limit_requests(100)
    # A millisecond is 36 seconds there: requests arrive up to minutes after they were sent.
    fast_sandbox.faults(
        [
            {"fault": "latency", "probability": 0.4, "seconds": 0.003},
            {"fault": "latency", "probability": 0.2, "seconds": 0.01},
        ],
        seed=7,
    )
    time = sandbox_time(fast_sandbox, speed=36_000)
    sms = SmsService(connect(sandbox=fast_sandbox, clock=time), clock=time, rng=random.Random(1))
    begun = time.now()
    result = await sms.run(Campaign("codes", MESSAGE, people(250)))
    count = face.request_count()

    assert result.all_accepted
    assert count.refused == 0
    assert count.most_in_any_window <= 100
    assert count.arrived == 251  # one of them asked what the limit is
    assert (time.now() - begun).total_seconds() > 2 * 3600
    assert fast_sandbox.stats() == {"messages": 250, "handsets": 250, "max_per_handset": 1}


async def test_several_backends_share_the_limit(fast_sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Backends of one account in one process keep one count; another account under the login has its own."""
    face = fast_sandbox.envoyersmspro
    face.limit_requests(20)
    time = sandbox_time(fast_sandbox, speed=36_000)
    options = {"sandbox": fast_sandbox, "clock": time, "request_limit": 20}
    services = [SmsService(connect(**options), clock=time) for _ in range(3)]
    results = await asyncio.gather(
        *[
            sms.run(Campaign("codes", MESSAGE, people(15 * (number + 1))[15 * number :]))
            for number, sms in enumerate(services)
        ]
    )
    count = face.request_count()

    assert all(result.all_accepted for result in results)
    assert (count.arrived, count.refused) == (45, 0)
    assert count.most_in_any_window <= 20
    other = connect(sandbox=fast_sandbox, account_id="1", request_limit=20)
    assert other.turn_in() == 0


async def test_waiting_is_shown_and_can_be_stopped(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """While nothing may be sent, the progress says until when; asked to stop it stops, and nobody is lost."""
    time = sandbox_time(sandbox)
    sms = SmsService(connect(request_limit=10), clock=time)
    campaign = Campaign("codes", MESSAGE, people(25))
    run = sms.stream(campaign, concurrency=1)
    shown = []
    async for progress in run:
        shown.append((progress.waiting_until, progress.least_seconds))
        if progress.waiting_until is not None:
            assert 3500 < (progress.waiting_until - time.now()).total_seconds() < 3700
            run.stop()
    result = run.result

    assert shown[0] == (None, 2 * 3602.0)
    assert shown[-1][0] is not None
    assert (result.accepted, result.pending, result.unknown) == (10, 15, 0)
    assert sandbox.requests == {"envoyersmspro.message/send": 10}
    assert (await sms.run(campaign)).all_accepted
    assert sandbox.stats() == {"messages": 25, "handsets": 25, "max_per_handset": 1}


async def test_waiting_is_over_in_the_progress(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Once requests leave again, the progress no longer says that it waits."""
    sms = SmsService(connect(request_limit=10), clock=sandbox_time(sandbox))
    run = sms.stream(Campaign("codes", MESSAGE, people(15)), concurrency=1)
    waiting = [progress.waiting_until is not None async for progress in run]

    assert True in waiting
    assert waiting[-1] is False
    assert run.result.all_accepted


@pytest.mark.slow
async def test_campaign_of_hours_says_so_or_is_refused_first(
    sandbox: Any, connect: Connect, sandbox_time: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the source has a length, too long a campaign is refused before anything is sent, and can be allowed."""
    sms = SmsService(connect(request_limit=10), clock=sandbox_time(sandbox))
    campaign = Campaign("codes", MESSAGE, people(35))
    with pytest.raises(CampaignTooLong, match=r"35 requests.*3:00:06 hours, and max_duration") as caught:
        await sms.run(campaign, max_duration=2 * 3600)
    assert caught.value.seconds == 3 * 3602
    assert sandbox.requests == {}
    result = await sms.run(campaign, max_duration=4 * 3600)

    assert result.all_accepted
    assert "stretches that to 3:00:06 hours." in caplog.text


async def test_length_counts_distinct_texts_only(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Equal texts share requests, so the forecast counts texts; a source without a length has no forecast."""
    sms = SmsService(connect(request_limit=10), clock=sandbox_time(sandbox))
    same = [Recipient(person.phone, ("1",)) for person in people(200)]
    first = [progress.least_seconds async for progress in sms.stream(Campaign("codes", MESSAGE, same))]
    unknown = [progress.least_seconds async for progress in sms.stream(Campaign("codes", MESSAGE, iter(people(5))))]

    assert set(first) == {0.0}
    assert set(unknown) == {None}


class Roll:
    """A source that has a length and can be read once."""

    def __len__(self) -> int:
        """Say how many there are."""
        return 40

    def __iter__(self) -> Any:
        """Read it."""
        return iter(people(40))


async def test_source_with_a_length_is_taken_at_its_worst(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """Of a source that cannot be looked through, each text is taken for different."""
    sms = SmsService(connect(request_limit=10), clock=sandbox_time(sandbox))
    with pytest.raises(CampaignTooLong, match="40 requests"):
        await sms.run(Campaign("codes", MESSAGE, Roll()), max_duration=3600)


async def test_stated_limit_is_asked_for_when_it_matters(sandbox: Any, connect: Connect, sandbox_time: Any) -> None:
    """The default of 100 holds until it would be reached: then the account is asked, and 15000 need no wait."""
    time = sandbox_time(sandbox)
    sms = SmsService(connect(), clock=time)
    await sms.send("Bonjour", "0612345678")
    assert sandbox.requests == {"envoyersmspro.message/send": 1}
    result = await sms.run(Campaign("codes", MESSAGE, people(150)), max_duration=3600)

    assert result.all_accepted
    assert time.waits == []
    assert sandbox.requests == {"envoyersmspro.message/send": 151, "envoyersmspro.account/status": 1}


async def test_single_calls_ask_with_the_last_place(sandbox: Any, connect: Connect) -> None:
    """Calls one by one ask for the limit with the last place of the default, so that none is ever refused."""
    backend = connect()
    for _ in range(120):
        await backend.opted_out("33612345678")

    assert sandbox.requests == {"envoyersmspro.stopsms/check": 120, "envoyersmspro.account/status": 1}


async def test_limit_that_cannot_be_learnt_stays_the_default(sandbox: Any, connect: Connect) -> None:
    """If the question fails, 100 it is; the call beyond is not sent, and says how long to wait."""
    sandbox.faults([{"fault": "http_500", "path": "account/status"}])
    backend = connect()
    for _ in range(99):
        await backend.opted_out("33612345678")
    with pytest.raises(RequestLimitReached) as caught:
        await backend.opted_out("33612345678")

    assert not caught.value.told
    assert caught.value.retry_after == pytest.approx(3602, abs=1)
    assert sandbox.requests == {"envoyersmspro.stopsms/check": 99, "envoyersmspro.account/status": 1}


async def test_question_is_asked_again_after_a_window(sandbox: Any, connect: Connect) -> None:
    """One failed question costs one window at the default, not every one after it."""
    sandbox.faults([{"fault": "reset_before", "path": "account/status", "times": 1}])
    backend = connect()
    for _ in range(99):
        await backend.opted_out("33612345678")
    with pytest.raises(RequestLimitReached):
        await backend.opted_out("33612345678")
    sandbox.advance(4000)
    for _ in range(150):
        await backend.opted_out("33612345678")

    assert sandbox.requests == {"envoyersmspro.stopsms/check": 249, "envoyersmspro.account/status": 2}


async def test_limit_of_the_caller_is_kept(sandbox: Any, connect: Connect) -> None:
    """Asking for the credits, which states the account's own limit, does not raise the one that was wished."""
    backend = connect(request_limit=2)
    await backend.account()
    await backend.account()
    with pytest.raises(RequestLimitReached, match="2 requests"):
        await backend.account()


async def test_file_that_is_busy_is_waited_for(sandbox: Any, connect: Connect, tmp_path: Path) -> None:
    """A file that another program holds is told as such after a short wait, and nothing is sent."""
    path = tmp_path / "limit.db"
    backend = connect(limit_path=path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RequestLimitReached, match="busy") as caught:
        await backend.opted_out("33612345678")
    other.execute("ROLLBACK")
    other.close()

    assert caught.value.retry_after == 0.5
    assert sandbox.requests == {}
    assert await backend.opted_out("33612345678") is False


async def test_request_without_a_connection_takes_no_place(connect: Connect, reserve: Any) -> None:
    """A server that cannot be reached counts nothing, and neither does the client."""
    backend = connect(base_url=f"http://127.0.0.1:{reserve()}", request_limit=1)
    for _ in range(3):
        with pytest.raises(Exception, match="no connection"):
            await backend.account()
    assert backend.turn_in() == 0


async def test_cancelled_request_holds_its_place(sandbox: Any, connect: Connect, until: Any) -> None:
    """Whoever gives up waiting for an answer has still sent a request."""
    sandbox.faults([{"fault": "hang_before"}])
    backend = connect(request_limit=1)
    asking = asyncio.ensure_future(backend.account())
    await until(lambda: sandbox.in_flight)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert backend.turn_in() == pytest.approx(3602, abs=1)


async def test_file_keeps_the_count(sandbox: Any, connect: Connect, tmp_path: Path) -> None:
    """With a path the count is in a file, which another start of the program reads."""
    from allmysms_async.protocols.envoyersmspro import window

    path = tmp_path / "limit.db"
    await connect(limit_path=path, request_limit=2).account()
    window._windows.clear()
    backend = connect(limit_path=str(path))
    await backend.opted_out("33612345678")
    assert backend.turn_in() == 0  # account/status stated 15000, which is remembered
    assert path.read_bytes().count(b"demo") == 0
    window._windows.clear()


async def test_leave_to_send_is_not_used_to_ask_what_the_limit_is(sandbox: Any, connect: Connect) -> None:
    """Whoever sends with the last place asks before what the limit is; without leave the send itself is not written."""
    backend = connect()
    await SmsService(backend).run(Campaign("codes", MESSAGE, people(99)))
    asked: list[dict[str, int]] = []

    async def refuse() -> None:
        departure.set(None)  # it is for one request
        asked.append(dict(sandbox.requests))
        msg = "There is no leave."
        raise NotSent(msg)

    token = departure.set(refuse)
    try:
        with pytest.raises(NotSent, match="There is no leave"):
            await SmsService(backend, send_policy=RetryPolicy(attempts=1)).send("Bonjour", "33612000000")
    finally:
        departure.reset(token)
    assert asked == [{"envoyersmspro.message/send": 99, "envoyersmspro.account/status": 1}]
    assert sandbox.requests == asked[0]
