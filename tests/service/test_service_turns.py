"""One campaign has one run at a time, and the next begins when the one before has stopped."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import CampaignRun, InvalidRequest, SmsService
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]


async def finish(run: CampaignRun) -> None:
    """Go through a run to its end."""
    async for _ in run:
        pass


async def test_of_two_runs_made_at_once_one_sends(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """Two runs of one campaign, made before either began: one sends everybody, the other is refused."""
    people = crowd(2000)
    campaign = people.campaign()
    first, second = sms.stream(campaign, chunk_size=100), sms.stream(campaign, chunk_size=100)

    ends = await asyncio.gather(finish(first), finish(second), return_exceptions=True)

    assert ends[0] is None
    assert isinstance(ends[1], InvalidRequest)
    assert "is being sent already" in str(ends[1])
    assert first.result.all_accepted
    people.assert_texted_once(sandbox)


async def test_campaign_left_by_break_is_continued_at_once(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """After a break nothing has to be closed: the next run waits for what is in flight, then goes on."""
    people = crowd(2000)
    campaign = people.campaign()
    async for progress in sms.stream(campaign, chunk_size=50):
        if progress.accepted:
            break

    result = await sms.run(campaign, chunk_size=50)

    assert result.all_accepted
    assert result.rows == 2000
    people.assert_texted_once(sandbox)


@pytest.mark.parametrize("seed", range(3))
async def test_campaign_left_again_and_again_texts_each_once(
    sandbox: Sandbox, sms: SmsService, crowd: Any, seed: int
) -> None:
    """However often a campaign is left in the middle, under faults, everybody is texted once."""
    sandbox.faults([{"fault": "reset_after", "probability": 0.1}, {"fault": "http_503", "probability": 0.1}], seed=seed)
    people = crowd(1000)
    campaign = people.campaign()
    for steps in range(1, 4):
        seen = 0
        async for _ in sms.stream(campaign, chunk_size=20):
            seen += 1
            if seen == steps:
                break

    result = await sms.run(campaign, chunk_size=20)

    assert result.all_accepted
    people.assert_texted_once(sandbox)
