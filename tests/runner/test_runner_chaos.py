"""Nobody twice, nobody lost, whenever one of the machines that send is killed."""

import asyncio
import os
import random
from collections import Counter

import pytest

from allmysms_async.journal import Journal
from tests.journal.worker import Task, backend_of

from .conftest import campaign, placed, result_of, texts_of, until_status

FAULTS = [
    {"fault": "latency", "seconds": 0.03},
    {"fault": "reset_before", "probability": 0.03},
    {"fault": "reset_after", "probability": 0.03},
    {"fault": "http_503_after", "probability": 0.02},
]
KILLS = int(os.environ.get("RUNNER_KILLS", "6"))
CHUNKS = int(os.environ.get("RUNNER_CHUNKS", "120"))
SIZE = 2


async def kill_machines(machine, sandbox, rng, *, kills, machines, **options):
    """Keep some machines at work, and kill one at random each time that more was sent; return those that live."""
    lives = [await machine(**options) for _ in range(machines)]
    for life in lives:
        await life.line()
    for number in range(kills):
        before, most = sandbox.stats()["messages"], CHUNKS * SIZE * (number + 1) * 0.8 / kills
        async with asyncio.timeout(250):
            while sandbox.stats()["messages"] <= max(before, most - 2 * SIZE):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        await asyncio.sleep(rng.uniform(0, 0.1))
        index = rng.randrange(len(lives))
        assert lives[index].process.returncode is None
        lives[index].process.kill()
        await lives[index].process.communicate()
        lives[index] = await machine(**options)
    return lives


@pytest.mark.timeout(900)
async def test_machines_killed_again_and_again_text_everybody_once(sandbox, machine, place, backend):
    """With keys, however often machines are killed, every handset gets its text once and nothing stays unknown."""
    sandbox.faults(FAULTS)
    await placed(campaign(CHUNKS * SIZE), place, backend(), chunk_size=SIZE)
    await kill_machines(machine, sandbox, random.Random(20270302), kills=KILLS, machines=3)
    await until_status(place)
    texts, result = texts_of(sandbox), await result_of(place)
    assert (len(texts), set(texts.values())) == (CHUNKS * SIZE, {1})
    assert (result.rows, result.accepted, result.unknown, result.pending) == (len(texts), len(texts), 0, 0)
    assert result.complete


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protocol", ["soap", "mail2sms", "mms", "envoyersmspro"])
async def test_without_keys_machines_text_nobody_twice_and_tell_the_rest(sandbox, machine, place, protocol):
    """Without keys nobody gets two texts, and whoever got none is reported unknown or failed, never accepted."""
    sandbox.envoyersmspro.limit_requests(100_000)
    impossible = {"envoyersmspro": ["http_503_after"], "mail2sms": ["http_503_after"]}.get(protocol, [])
    sandbox.faults([fault for fault in FAULTS if fault["fault"] not in impossible])
    options = {"protocol": protocol, "keyed": False}
    backend = backend_of(Task(url=sandbox.http_url, journal="", count=0, smtp_port=sandbox.smtp_port, **options))
    native = backend.limits.personalises
    await placed(campaign(CHUNKS * SIZE, native=native), place, backend, chunk_size=SIZE)
    await kill_machines(machine, sandbox, random.Random(1848), kills=max(2, KILLS // 3), machines=2, **options)
    await until_status(place)
    texts = texts_of(sandbox)
    assert set(texts.values()) == {1}
    async with Journal(place) as opened:
        states = {outcome.phone: outcome.state.value async for outcome in opened.outcomes()}
    assert len(states) == CHUNKS * SIZE
    assert {phone for phone, state in states.items() if state == "accepted"} <= set(texts)
    assert {state for phone, state in states.items() if phone not in texts} <= {"unknown", "failed"}
    assert Counter(states.values())["pending"] == 0
