"""A source that ends without being at its end: nobody in its rest is told to have been texted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from allmysms_async import Campaign, CampaignResult, CampaignStopped, RestBackend, SmsService, SourceIncomplete
from allmysms_async.sandbox import Sandbox


async def asynchronous(recipients: list[Any]) -> AsyncIterator[Any]:
    """Yield recipients, as a database's driver would."""
    for recipient in recipients:
        yield recipient


class Again:
    """A source that begins anew each time it is iterated over."""

    def __init__(self, recipients: list[Any]) -> None:
        """Hold recipients."""
        self.recipients = recipients

    def __aiter__(self) -> AsyncIterator[Any]:
        """Begin anew."""
        return asynchronous(self.recipients)


async def attempt(sms: SmsService, campaign: Campaign, **options: Any) -> tuple[CampaignResult, Exception | None]:
    """Run a campaign; return what became of it, and what stopped it."""
    try:
        return await sms.run(campaign, chunk_size=100, concurrency=2, **options), None
    except CampaignStopped as stopped:
        return stopped.result, stopped.reason


@pytest.fixture
def two_loops(tmp_path: Path, crowd: Any) -> Callable[..., Any]:
    """Run a campaign with a ceiling in one event loop, and again, without, in another; the sandbox stays."""

    def run(source: Callable[[list[Any]], Any], journal: bool) -> Any:
        people = crowd(3000)
        campaign = people.campaign(source(people.recipients))
        where: dict[str, Any] = {"journal": tmp_path / "soldes.db"} if journal else {}
        with asyncio.Runner() as outer:
            sandbox = Sandbox()
            outer.run(sandbox.__aenter__())
            address = sandbox.http_url

            async def once(**options: Any) -> tuple[CampaignResult, Exception | None]:
                async with SmsService(RestBackend("demo", "demo-key", base_url=address)) as sms:
                    return await attempt(sms, campaign, **where, **options)

            async def in_another_loop(**options: Any) -> tuple[CampaignResult, Exception | None]:
                return await asyncio.to_thread(lambda: asyncio.run(once(**options)))

            first = outer.run(in_another_loop(max_parts=1000))
            second = outer.run(in_another_loop())
            phones = [message["phone"] for message in sandbox.all_messages()]
            outer.run(sandbox.__aexit__(None, None, None))
        return first, second, phones

    return run


@pytest.mark.parametrize("journal", [False, True])
def test_generator_of_a_loop_that_is_over_is_never_complete(two_loops: Callable[..., Any], journal: bool) -> None:
    """A generator that its event loop's end closed: what was read is sent, and that the rest was not is told."""
    (first, limit), (second, reason), phones = two_loops(asynchronous, journal)
    assert (limit is not None, first.complete) == (True, False)
    assert isinstance(reason, SourceIncomplete)
    assert "another event loop" in str(reason)
    assert "not texted" in str(reason)
    assert (second.complete, second.all_accepted) == (False, False)
    assert second.pending == 0
    assert 1000 <= second.accepted == second.rows == len(phones) == len(set(phones)) < 3000


@pytest.mark.parametrize("journal", [False, True])
def test_source_that_begins_anew_is_sent_whole_over_two_loops(two_loops: Callable[..., Any], journal: bool) -> None:
    """A source that can be read again reaches everybody once, though its first reading died with its loop."""
    (first, _), (second, reason), phones = two_loops(Again, journal)
    assert not first.complete
    assert reason is None
    assert second.all_accepted
    assert len(phones) == len(set(phones)) == 3000


async def test_generator_closed_between_two_runs_is_never_complete(
    sandbox: Sandbox, sms: SmsService, crowd: Any
) -> None:
    """Closed by its owner after a first run, a generator's rest is told to be unread by every later run."""
    people = crowd(1000)
    source = asynchronous(people.recipients)
    campaign = people.campaign(source)
    await attempt(sms, campaign, max_parts=300)
    await source.aclose()  # type: ignore[attr-defined]
    for _ in range(2):
        result, reason = await attempt(sms, campaign)
        assert isinstance(reason, SourceIncomplete)
        assert (result.complete, result.pending) == (False, 0)
        assert result.accepted == result.rows == len(sandbox.messages())


async def test_new_campaign_of_the_same_name_reads_the_rest_with_a_journal(
    sandbox: Sandbox, sms: SmsService, crowd: Any, tmp_path: Path
) -> None:
    """The error's remedy works: with a journal a source that is read from its start reaches exactly the others."""
    people = crowd(1000)
    source = asynchronous(people.recipients)
    campaign = people.campaign(source)
    journal = tmp_path / "soldes.db"
    await attempt(sms, campaign, max_parts=300, journal=journal)
    await source.aclose()  # type: ignore[attr-defined]
    _, reason = await attempt(sms, campaign, journal=journal)
    assert isinstance(reason, SourceIncomplete)
    result, reason = await attempt(sms, people.campaign(), journal=journal)
    assert reason is None
    assert result.all_accepted
    people.assert_texted_once(sandbox)
