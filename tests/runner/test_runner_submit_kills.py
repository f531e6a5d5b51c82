"""A submission is killed at any moment: the same call goes on, and everybody is placed once and texted once."""

import asyncio
import contextlib
import os
import random
from pathlib import Path

import pytest

from allmysms_async import JournalError
from allmysms_async.journal import Journal
from allmysms_async.runner import Worker, submit
from tests.journal.conftest import Life
from tests.process import nursery

from .conftest import texts_of, until_status
from .submitter import Placing, backend_of, campaign_of

KILLS = int(os.environ.get("RUNNER_SUBMIT_KILLS", "4"))
COUNT = 9
SUBMITTER = Path(__file__).with_name("submitter.py")


async def killed_at(place, url, kill_at, index):
    """Have a process place a campaign, and killed at a step; return what it is to place, and what it said."""
    first = 10_000_000 + 1000 * index
    task = {"url": url, "journal": place, "name": f"c{index}", "first": first, "count": COUNT, "kill_at": kill_at}
    process = await nursery().fork(SUBMITTER, task)
    life = Life(process)
    with contextlib.suppress(IndexError):
        await life.end()
    await process.wait()
    assert process.returncode == (-9 if kill_at else 0)
    return Placing(**task), life.lines


async def placed_again(task):
    """Place what a killed process left; a server that has not noticed its end yet is asked again."""
    async with asyncio.timeout(250):
        while True:
            backend = backend_of(task)
            try:
                return await submit(campaign_of(task), journal=task.journal, backend=backend, chunk_size=2)
            except JournalError as error:
                if "Another process reads" not in str(error):
                    raise
                await asyncio.sleep(0.05)
            finally:
                await backend.aclose()


@pytest.mark.timeout(900)
async def test_a_submission_that_is_killed_at_any_step_is_gone_on_with(sandbox, place, backend):
    """Whatever step it was killed at, the next call places the rest, no row twice, and workers send it all."""
    _, said = await killed_at(place, sandbox.http_url, 0, 0)
    assert said[-1]["error"] is None
    steps = said[-1]["steps"]
    rng = random.Random(20270302)
    points = range(1, steps + 1) if steps <= KILLS else sorted(rng.sample(range(1, steps + 1), KILLS))
    killed = (killed_at(place, sandbox.http_url, point, index) for index, point in enumerate(points, 1))
    tasks = [task for task, _ in await asyncio.gather(*killed)]
    # One goes on while nobody sends, the other while a worker does, which took what was placed for all there is.
    worker = Worker(backend, journal=place)
    working = asyncio.create_task(worker.run())
    for task, result in zip(tasks, await asyncio.gather(*map(placed_again, tasks)), strict=True):
        assert (result.rows, result.complete) == (COUNT + 2, True), task.kill_at
        assert {reason.value: count for reason, count in result.rejections.items()} == {"malformed": 1, "duplicate": 1}
    await until_status(place)
    worker.stop()
    await working
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (COUNT * (len(tasks) + 1), {1})
    async with Journal(place) as journal:
        for task in tasks:
            seen = [outcome.phone async for outcome in journal.outcomes(task.name) if outcome.state.value == "accepted"]
            assert len(seen) == len(set(seen)) == COUNT


async def test_two_files_under_one_name_place_everybody_once(sandbox, place, backend):
    """Both are placed at once, one is refused and comes again: whoever is in either is texted, who is in both once."""
    task = {"url": sandbox.http_url, "journal": place, "name": "soldes", "count": 8}
    await asyncio.gather(*(placed_again(Placing(**task, first=first)) for first in (10_000_000, 10_000_005)))
    async with asyncio.timeout(250):
        await Worker(backend, journal=place, until_idle=True).run()
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (13, {1})
