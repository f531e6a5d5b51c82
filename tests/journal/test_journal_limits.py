"""Stop conditions: what a campaign may cost, how many parts it may take, how much may go wrong."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from allmysms_async import (
    CampaignStopped,
    CampaignTooLong,
    EnvoyerSmsProBackend,
    InvalidRequest,
    LimitReached,
    RestBackend,
    SmsService,
    UnsupportedFeature,
)
from allmysms_async.journal import Journal

from .conftest import Hand, JumpingClock, campaign, people

PRICE = Decimal("0.045")


class Silent(RestBackend):
    """A protocol that reports no cost."""

    limits = msgspec.structs.replace(RestBackend.limits, reports_cost=False)


async def stopped_by(sms, rows, **options):
    """Run a campaign that a limit stops; return what became of it, and the limit."""
    one = campaign(rows)
    with pytest.raises(CampaignStopped) as stopped:
        await sms.run(one, **options)
    assert isinstance(stopped.value.reason, LimitReached)
    return stopped.value.result, str(stopped.value.reason), one


@pytest.mark.parametrize("kept", ["memory", "journal"])
@pytest.mark.parametrize("concurrency", [1, 8])
async def test_cost_never_passes_its_ceiling_and_the_rest_waits(sandbox, service, tmp_path, kept, concurrency):
    """With a ceiling for 62 texts, in tens and many in flight, 60 are sent; a higher one sends the rest, once each."""
    sandbox.faults([{"fault": "latency", "seconds": 0.01}])
    options = {"chunk_size": 10, "concurrency": concurrency}
    if kept == "journal":
        options["journal"] = tmp_path / "soldes.db"
    async with service() as sms:
        result, why, one = await stopped_by(sms, people(200), max_cost=62 * PRICE, **options)
        assert (result.accepted, result.cost) == (60, 60 * PRICE)
        assert "max_cost" in why
        assert sandbox.stats()["messages"] == 60
        last = await sms.run(one, max_cost=200 * PRICE, **options)
    assert (last.accepted, last.cost, sandbox.stats()["max_per_handset"]) == (200, 200 * PRICE, 1)


async def test_first_request_is_not_sent_if_it_alone_passes_the_ceiling(sandbox, service):
    """The price is asked for before anything is sent."""
    async with service() as sms:
        result, _, _ = await stopped_by(sms, people(100), max_cost=50 * PRICE, chunk_size=100)
    assert (result.accepted, result.pending) == (0, 100)
    assert "v9.sendSms" not in sandbox.requests


async def test_unknown_requests_are_counted_as_if_they_were_paid(sandbox, service, tmp_path):
    """What may have been sent without an answer takes its share of the ceiling, until the answer is known."""
    journal = tmp_path / "soldes.db"
    sandbox.faults([{"fault": "reset_after", "path": "sendSms", "times": 6}])
    async with service() as sms:
        first, _, _ = await stopped_by(
            sms, people(40), journal=journal, max_cost=25 * PRICE, chunk_size=10, concurrency=1
        )
    # The first request had no answer in six attempts, the second was paid, a third might pass the ceiling.
    assert (first.unknown, first.accepted, first.cost) == (10, 10, 10 * PRICE)
    async with service() as sms:
        last = await sms.run(campaign(people(40)), journal=journal, max_cost=40 * PRICE, chunk_size=10)
    assert (last.accepted, last.cost) == (40, 40 * PRICE)


async def test_protocol_without_costs_has_parts_instead(sandbox, tmp_path):
    """max_cost is refused where no cost is reported, before anything is sent; max_parts stops there."""
    async with SmsService(Silent("demo", "demo-key", base_url=sandbox.http_url)) as sms:
        with pytest.raises(UnsupportedFeature, match="max_parts"):
            await sms.run(campaign(people(10)), max_cost=Decimal(5))
        assert sandbox.requests == {}
        result, why, one = await stopped_by(sms, people(100), max_parts=35, chunk_size=10, journal=tmp_path / "a.db")
        assert (result.accepted, "max_parts" in why) == (30, True)
        assert (await sms.run(one, max_parts=100, chunk_size=10, journal=tmp_path / "a.db")).accepted == 100


async def test_price_that_nobody_tells_is_learnt_from_one_request(sandbox, monkeypatch):
    """Where a protocol reports costs and cannot simulate, the first request goes alone and tells the price."""

    class Asked(RestBackend):
        simulate = None

    sandbox.faults([{"fault": "latency", "seconds": 0.01}])
    async with SmsService(Asked("demo", "demo-key", base_url=sandbox.http_url)) as sms:
        result, _, _ = await stopped_by(sms, people(200), max_cost=45 * PRICE, chunk_size=10)
    assert (result.accepted, result.cost) == (40, 40 * PRICE)


async def test_too_many_failures_stop_the_campaign(sandbox, service):
    """When more than the given share failed or is unknown the campaign stops; a few do not stop it."""
    sandbox.faults([{"fault": "http_404", "path": "sendSms", "probability": 0.5}])
    async with service() as sms:
        result, why, _ = await stopped_by(sms, people(1000), max_failure_rate=0.2, chunk_size=10, concurrency=1)
    assert 0 < result.failed <= 100
    assert result.pending
    assert "max_failure_rate is 0.2" in why
    sandbox.faults([{"fault": "http_404", "path": "sendSms", "times": 1}])
    async with service() as sms:
        assert (await sms.run(campaign(people(200)), max_failure_rate=0.2, chunk_size=10)).failed == 10


@pytest.mark.parametrize(
    "limit", [{"max_cost": Decimal(0)}, {"max_cost": Decimal("NaN")}, {"max_parts": 0}, {"max_failure_rate": 1.5}]
)
async def test_limit_that_makes_no_sense_is_refused(service, sandbox, limit):
    """A limit out of its range is refused before anything is sent."""
    async with service() as sms:
        with pytest.raises(InvalidRequest):
            await sms.run(campaign(people(3)), **limit)
        with pytest.raises(InvalidRequest):
            await sms.run(campaign(people(3)), journal="x.db", lease=0)
    assert sandbox.requests == {}


@pytest.mark.slow
async def test_request_limit_is_foreseen_for_what_is_left_only(sandbox, tmp_path):
    """What a journal holds needs no requests any more: a campaign that fits into its last hour is not refused."""
    sandbox_clock = LimitedClock(sandbox)
    rows, options = people(240), {"journal": tmp_path / "soldes.db", "chunk_size": 2}
    one = campaign(rows, text="Bonjour.", purpose="transactional")

    def service():
        backend = EnvoyerSmsProBackend(
            "demo",
            "demo-pass",
            default_sender="MAGASIN",
            base_url=sandbox.http_url,
            request_limit=100,
            clock=sandbox_clock,
        )
        return SmsService(backend, clock=sandbox_clock)

    async with service() as sms:
        with pytest.raises(CampaignTooLong):
            await sms.run(one, max_duration=600, **options)
        run = sms.stream(one, **options)
        async for progress in run:
            if progress.accepted >= 180:
                run.stop()
    sandbox.advance(3600)
    again = campaign(rows, text="Bonjour.", purpose="transactional")
    async with service() as sms:
        last = await sms.run(again, max_duration=600, **options)
    assert (last.accepted, last.rows) == (240, 240)


class LimitedClock:
    """The sandbox's own time for the client."""

    def __init__(self, sandbox):
        """Follow a sandbox."""
        self._sandbox = sandbox

    def now(self):
        """Return the present moment."""
        return datetime.fromtimestamp(self._sandbox.clock.now(), UTC)

    def monotonic(self):
        """Return seconds."""
        return self._sandbox.clock.now()

    async def sleep(self, seconds):
        """Let the time pass."""
        await asyncio.sleep(0.001)
        self._sandbox.advance(seconds)


@pytest.mark.parametrize("kept", ["memory", "journal"])
async def test_request_that_is_asked_about_keeps_its_share_of_the_ceiling(sandbox, service, tmp_path, kept):
    """While a request that never arrived is asked about, and so sent, no other takes its share of the ceiling."""
    options = {"chunk_size": 10, "max_cost": 15 * PRICE}
    if kept == "journal":
        options["journal"] = tmp_path / "soldes.db"
    sandbox.faults([{"fault": "reset_before", "path": "sendSms", "times": 6}])
    async with service() as sms:
        first, _, one = await stopped_by(sms, people(20), concurrency=1, **options)
        assert (first.unknown, first.cost) == (10, 0)
        sandbox.faults([{"fault": "latency", "seconds": 0.05}])
        with pytest.raises(CampaignStopped):
            await sms.run(one, concurrency=4, **options)
        with pytest.raises(CampaignStopped) as stopped:
            await sms.run(one, concurrency=4, **options)
    result = stopped.value.result
    assert (result.accepted, result.pending, result.cost) == (10, 10, 10 * PRICE)
    assert sandbox.stats()["messages"] == 10


@pytest.mark.parametrize("decision", ["mark_sent", "resend"])
async def test_what_an_operator_decided_about_takes_its_share_of_the_ceiling(sandbox, service, tmp_path, decision):
    """Marked as sent or sent again, a request that had no answer may have been paid, and counts as if it were."""
    journal = tmp_path / "soldes.db"
    options = {"journal": journal, "chunk_size": 10, "concurrency": 1}
    sandbox.faults([{"fault": "reset_after", "path": "sendSms", "times": 6}])
    async with service() as sms:
        first, _, _ = await stopped_by(sms, people(50), max_cost=25 * PRICE, **options)
    assert (first.unknown, first.accepted) == (10, 10)
    async with Journal(journal) as opened:
        assert await opened.resolve(decision, [1]) == 10
    sandbox.advance(11)
    async with service() as sms:
        last, _, _ = await stopped_by(sms, people(50), max_cost=35 * PRICE, **options)
    assert sandbox.stats()["messages"] == 30
    assert last.accepted == (30 if decision == "mark_sent" else 20)
    assert last.cost == 20 * PRICE


async def test_request_that_the_gateway_lists_told_of_takes_its_share_of_the_ceiling(sandbox, service, tmp_path):
    """Found in the gateway's lists, which tell no cost, a request counts with the price of the others."""
    clock, journal = JumpingClock(), str(tmp_path / "soldes.db")
    clock.jump(sandbox.clock.now() - clock.monotonic())
    hand = Hand(journal, sandbox, keyed=True, clock=clock)
    claim = await hand.claimed(people(10))
    await hand.send(claim)
    await hand.lose(claim)
    await hand.die()
    clock.jump(24 * 3600)
    sandbox.advance(24 * 3600)
    async with service(clock=clock) as sms:
        last, _, _ = await stopped_by(
            sms, people(50), journal=journal, chunk_size=10, concurrency=1, max_cost=35 * PRICE
        )
    assert (last.accepted, last.cost) == (30, 20 * PRICE)


@pytest.mark.parametrize("limit", [{"max_cost": 100 * PRICE}, {"max_parts": 100}])
async def test_limit_holds_for_all_processes_on_one_journal(sandbox, service, journal, limit):
    """Two services that run one campaign at once spend no more together than one of them may."""
    sandbox.faults([{"fault": "latency", "seconds": 0.02}])
    async with service() as one, service() as other:
        both = await asyncio.gather(
            *(
                stopped_by(sms, people(400), journal=journal, chunk_size=10, concurrency=2, **limit)
                for sms in (one, other)
            )
        )
    assert sandbox.stats()["messages"] == 100
    assert max(result.parts for result, _, _ in both) == 100
