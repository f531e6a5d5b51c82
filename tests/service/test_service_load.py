"""Many at once: sources are read no faster than sent, sends do not slow each other down, the event loop stays free."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from allmysms_async import Recipient, SmsService
from allmysms_async.sandbox import Sandbox

Service = Callable[..., SmsService]
SCRIPT = Path(sys.executable).with_name("allmysms")
# What the reader may hold beyond what was sent: chunks ready and in flight, and rows taken at once.
AHEAD = 1000


class Endless:
    """An asynchronous source without an end, which counts what was read of it."""

    def __init__(self) -> None:
        """Start with nobody read."""
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[Recipient]:
        """Yield one new person after the other."""
        while True:
            self.read += 1
            yield Recipient(f"336{10_000_000 + self.read}", ("Zoé",))


@pytest.fixture
async def apart() -> AsyncIterator[str]:
    """The address of a sandbox in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        str(SCRIPT), "sandbox", "--http-port", "0", "--smtp-port", "0", "--json", stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline()
        yield json.loads(line)["http_url"]
    finally:
        process.terminate()
        await process.communicate()


async def stats(url: str) -> dict[str, int]:
    """Ask a sandbox how much reached handsets."""
    async with httpx.AsyncClient(base_url=url, timeout=250) as http:
        return (await http.get("/_sandbox/stats")).json()


async def test_a_source_is_not_read_far_ahead_of_the_sends(
    sandbox: Sandbox, sms: SmsService, ledger: Any, crowd: Any
) -> None:
    """A source without an end is read no further than a few chunks past what the gateway took."""
    source = Endless()
    ahead: list[int] = []

    def look(run: Any, progress: Any) -> None:
        ahead.append(source.read - progress.accepted)
        if progress.accepted >= 5000:
            run.stop()

    await ledger.follow(sms.stream(crowd(0).campaign(source), chunk_size=100, concurrency=2), each=look)

    assert 5000 <= ledger.result.accepted < 7000
    assert max(ahead) <= AHEAD
    assert 0 <= source.read - ledger.result.rows <= 250
    assert sandbox.stats()["max_per_handset"] == 1


async def test_a_gateway_that_hangs_stops_the_reading(
    sandbox: Sandbox, service: Service, crowd: Any, until: Any, hurry: Any, turns: Any
) -> None:
    """While no answer comes, the source is read into a few chunks, and then left alone."""
    sandbox.faults([{"fault": "hang_before"}])
    source = Endless()
    task = asyncio.create_task(service(timeout=1e6).run(crowd(0).campaign(source), chunk_size=100, concurrency=2))
    await until(lambda: sandbox.in_flight >= 2)
    read = -1
    while read != source.read:
        read = source.read
        await turns()

    assert read <= AHEAD
    task.cancel()
    hurry(lambda: None, 1e6)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_reader_that_rests_stops_the_sending(sandbox: Sandbox, sms: SmsService, crowd: Any) -> None:
    """Progress that nobody takes does not pile up: reading and sending wait for it, and then go on."""
    source = Endless()
    run = sms.stream(crowd(0).campaign(source), chunk_size=100, concurrency=2)
    async for _ in run:
        rested = -1
        for _ in range(50):  # what was in flight comes to its end, sooner or later
            before, rested = rested, sandbox.stats()["messages"]
            if rested == before:
                break
            for _ in range(200):  # each side has had its turns
                await asyncio.sleep(0.0005)
        assert rested == before <= 2 * AHEAD
        assert source.read <= 3 * AHEAD
        break
    await run.aclose()
    assert run.result.accepted + run.result.pending == run.result.rows


@pytest.mark.slow
async def test_500_sends_at_once_are_not_slower_than_20(apart: str, service: Service) -> None:
    """With 500 calls in flight all complete, at a third or more of the rate at 20."""
    sms = service(url=apart)
    number = 10_000_000

    async def rate(in_flight: int, each: int) -> float:
        nonlocal number

        async def caller(first: int) -> None:
            for position in range(each):
                receipt = await sms.send(f"Votre code est {first + position}", f"336{first + position}")
                assert len(receipt.accepted) == 1

        began = time.perf_counter()
        await asyncio.gather(*(caller(number + position * each) for position in range(in_flight)))
        number += in_flight * each
        return in_flight * each / (time.perf_counter() - began)

    await rate(20, 5)  # connections are opened, modules imported
    ratios = []
    for _ in range(3):
        few, many = await rate(20, 20), await rate(500, 2)
        ratios.append(many / few)
        if ratios[-1] >= 1 / 3:
            break

    assert max(ratios) >= 1 / 3
    sent = number - 10_000_000
    assert await stats(apart) == {"messages": sent, "handsets": sent, "max_per_handset": 1}


async def test_500_sends_at_once_are_all_in_flight_or_waiting(
    sandbox: Sandbox, service: Service, until: Any, pass_time: Any
) -> None:
    """Calls beyond the connections wait for their turn; each text arrives once."""
    sandbox.faults([{"fault": "latency", "seconds": 100}])
    sms = service(timeout=1e6)

    sends = asyncio.gather(*(sms.send(f"Code {n}", f"06100{n:05d}") for n in range(500)))
    await until(lambda: sandbox.in_flight == 100)
    sandbox.faults([])
    pass_time(100)
    receipts = await sends

    assert sum(len(receipt.accepted) for receipt in receipts) == 500
    assert sandbox.max_in_flight == 100
    assert {message["phone"]: message["text"] for message in sandbox.messages()} == {
        f"336100{n:05d}": f"Code {n}" for n in range(500)
    }
    assert sandbox.stats()["max_per_handset"] == 1


@pytest.mark.slow
async def test_a_campaign_leaves_the_event_loop_free(
    apart: str, service: Service, crowd: Any, longest_gap: Any
) -> None:
    """During 20,000 recipients in chunks of 1,000 nothing holds the event loop for 50 ms."""
    gaps: list[float] = []
    limit = 0.05 if sys.gettrace() is None else 0.1  # measuring coverage doubles what every line takes
    gc.collect()
    gc.freeze()  # what the other tests left behind is not this campaign's to go through
    try:
        for turn in range(3):  # the first one imports
            campaign = crowd(20_000, first=20_000 * turn).campaign()
            run = asyncio.ensure_future(service(url=apart).run(campaign, chunk_size=1000))
            gaps.append(await longest_gap(run))
            assert (await run).all_accepted, (await run).rejections
    finally:
        gc.unfreeze()

    assert min(gaps) < limit, gaps
    assert (await stats(apart))["handsets"] == 60_000
