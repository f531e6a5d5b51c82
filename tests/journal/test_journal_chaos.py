"""Nobody twice, nobody lost, whenever the process that sends is killed."""

import asyncio
import os
import random
from collections import Counter

import pytest

from allmysms_async.journal import Journal
from allmysms_async.sandbox import Sandbox

FAULTS = [
    {"fault": "latency", "seconds": 0.03},
    {"fault": "reset_before", "probability": 0.05},
    {"fault": "reset_after", "probability": 0.05},
    {"fault": "http_503", "probability": 0.03},
    {"fault": "http_503_after", "probability": 0.03},
    {"fault": "truncated", "probability": 0.02},
    {"fault": "hang_after", "probability": 0.01},
]
# As many as somebody who works on it waits for; .ci/run has 10 kills, `nox -s chaos` 50 over 2,000 chunks.
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
CHUNKS = int(os.environ.get("CHAOS_CHUNKS", "150"))
SIZE = 2


async def kill_again_and_again(worker, journal, rng, *, kills, workers=1, **options):
    """Start workers and kill them at random moments, so many times; return how often the campaign was over before."""
    over = killed = rounds = 0
    while killed < kills:
        rounds += 1
        lives = [await worker(journal, count=CHUNKS * SIZE, chunk_size=SIZE, **options) for _ in range(workers)]
        for life in lives:
            await life.line()
        if rounds % 2:  # at a random moment once somebody was texted, else also before
            while (said := await lives[0].line()) is not None and not said.get("accepted"):
                pass
        await asyncio.sleep(rng.uniform(0, 0.6))
        for life in lives:
            over += life.process.returncode is not None
            if life.process.returncode is None:
                life.process.kill()
                killed += 1
        for life in lives:
            await life.process.communicate()
    return over


async def finish(worker, journal, **options):
    """Run the campaign to its end, undisturbed, in a Python of its own."""
    options |= {"count": CHUNKS * SIZE, "chunk_size": SIZE, "timeout": 20.0, "lease": 30.0}
    last = await (await worker(journal, fresh=True, **options)).end()
    assert last["error"] is None, last
    return last


def texts_of(sandbox: Sandbox) -> Counter[str]:
    """Return how many texts each handset received."""
    return Counter(message["phone"] for message in sandbox.all_messages())


@pytest.mark.timeout(900)
async def test_killed_again_and_again_everybody_is_texted_once(sandbox, worker, tmp_path):
    """With keys, however often the process is killed, every handset gets its text once and nothing stays unknown."""
    rng, journal = random.Random(20270302), tmp_path / "chaos.db"
    sandbox.faults(FAULTS)
    await kill_again_and_again(worker, journal, rng, kills=KILLS)
    before = sum(texts_of(sandbox).values())
    sandbox.faults([])
    last = await finish(worker, journal)
    texts = texts_of(sandbox)
    assert before > 0, "no worker lived long enough to send anything: the test proved nothing"
    assert (len(texts), set(texts.values())) == (CHUNKS * SIZE, {1})
    assert (last["rows"], last["accepted"], last["unknown"], last["pending"]) == (len(texts), len(texts), 0, 0)
    assert last["complete"]
    # What the gateway took is what the journal says was paid, each answer counted once.
    assert float(last["cost"]) == pytest.approx(sum(c["credits"] for c in sandbox.state()["campaigns"]) * 0.003)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("protocol", ["rest", "soap", "mms", "mail2sms", "envoyersmspro"])
async def test_without_keys_nobody_is_texted_twice_and_the_rest_is_told(sandbox, worker, tmp_path, protocol):
    """Without keys nobody gets two texts, and whoever got none is reported unknown or failed, never accepted."""
    rng, journal = random.Random(1848), tmp_path / "chaos.db"
    # An account that may do more than 100 requests an hour, as its status states.
    sandbox.envoyersmspro.limit_requests(100_000)
    # Where 503 is the provider's word that nothing was taken, none comes after something was.
    impossible = {"envoyersmspro": ["http_503_after"], "mail2sms": ["http_503", "http_503_after"]}.get(protocol, [])
    faults = [fault for fault in FAULTS if fault["fault"] not in impossible]
    if protocol == "mail2sms":
        faults.append({"fault": "http_451", "probability": 0.05})
    sandbox.faults(faults)
    await kill_again_and_again(worker, journal, rng, kills=KILLS, keyed=False, protocol=protocol)
    sandbox.faults([])
    last = await finish(worker, journal, keyed=False, protocol=protocol)
    texts = texts_of(sandbox)
    assert set(texts.values()) == {1}
    async with Journal(journal) as opened:
        states = {outcome.phone: outcome.state.value async for outcome in opened.outcomes()}
    assert len(states) == CHUNKS * SIZE == last["rows"]
    assert {phone for phone, state in states.items() if state == "accepted"} <= set(texts)
    assert {state for phone, state in states.items() if phone not in texts} <= {"unknown", "failed"}
    assert last["pending"] == 0
    assert Counter(states.values())["unknown"] == last["unknown"] > 0


@pytest.mark.timeout(900)
async def test_two_processes_on_one_journal_are_killed_and_everybody_is_texted_once(sandbox, worker, tmp_path):
    """Two processes may send one campaign at once, and be killed, without texting anybody twice or losing anybody."""
    rng, journal = random.Random(1936), tmp_path / "chaos.db"
    sandbox.faults(FAULTS)
    await kill_again_and_again(worker, journal, rng, kills=max(4, KILLS // 2), workers=2)
    sandbox.faults([])
    last = await finish(worker, journal)
    texts = texts_of(sandbox)
    assert (len(texts), set(texts.values())) == (CHUNKS * SIZE, {1})
    assert (last["accepted"], last["unknown"], last["pending"]) == (len(texts), 0, 0)
