"""A campaign sent to its end: everybody once, so many requests at a time, no faster than it is read and listened to."""

import asyncio

import pytest

from allmysms_async.batch.policy import RetryPolicy
from allmysms_async.errors import (
    CampaignStopped,
    ConnectionLost,
    DuplicateRequest,
    EmptyCampaign,
    FlowRefused,
    InvalidRequest,
    NotSent,
    NoValidNumber,
    RateLimited,
    RequestTimeout,
    ServerFailure,
    StillProcessing,
    TextRefused,
)
from allmysms_async.model import OutcomeState, Reason, Recipient, Rejected, SendReceipt, Unconfirmed


class Source:
    """People who count how many of them were asked for."""

    def __init__(self, count, number):
        """Hold some people."""
        self.count, self.number, self.taken = count, number, 0

    def __iter__(self):
        """Yield them, one by one."""
        for index in range(self.count):
            self.taken += 1
            yield self.number(index)


async def test_everybody_is_texted_once(make_bench, gateway, number):
    """A list becomes requests of the chunk's size, each handset gets one text, and the sums say so."""
    bench = make_bench([number(index) for index in range(95)])
    last = await bench.finish()
    assert gateway.texted == dict.fromkeys(map(number, range(95)), 1)
    assert sorted(len(request.recipients) for request in gateway.requests) == [5, *[10] * 9]
    assert (last.accepted, last.rows, last.parts, last.complete) == (95, 95, 95, True)
    assert sorted(outcome.row for outcome in bench.outcomes) == list(range(1, 96))
    result = bench.run().result
    assert result.all_accepted
    assert len(result.campaign_ids) == 10


async def test_one_row_is_a_campaign(make_bench, gateway, number):
    """One person is enough."""
    bench = make_bench([Recipient(number(1), ("Anne",), 7)], text="Bonjour #param_1#")
    await bench.finish()
    assert gateway.handsets == {number(1): ["Bonjour Anne"]}
    (outcome,) = bench.outcomes
    assert (outcome.row, outcome.line, outcome.state) == (1, 7, OutcomeState.ACCEPTED)


async def test_request_says_which_run_and_chunk_it_is(make_bench, gateway, number):
    """Each request is marked in the back office, and has a key of its own where the protocol has keys."""
    bench = make_bench([number(index) for index in range(30)])
    await bench.finish()
    run = bench.sink.run_id[:8]
    assert {request.campaign_name for request in gateway.requests} == {f"soldes [{run}/{seq}]" for seq in (1, 2, 3)}
    assert len({request.idempotency_key for request in gateway.requests}) == 3


async def test_backend_without_keys_gets_none(make_bench, make_gateway, number):
    """A protocol that has no keys is not given one."""
    gateway = make_gateway(idempotent=False)
    await make_bench([number(1)], gateway=gateway).finish()
    assert [request.idempotency_key for request in gateway.requests] == [None]


@pytest.mark.parametrize("personalises", [True, False])
async def test_each_handset_shows_its_own_text(make_bench, make_gateway, number, personalises):
    """Whoever fills the template in, everybody reads his own name."""
    gateway = make_gateway(personalises=personalises)
    people = [Recipient(number(index), (f"n{index % 40}",)) for index in range(200)]
    await make_bench(people, text="Bonjour #param_1#", gateway=gateway).finish()
    assert gateway.handsets == {number(index): [f"Bonjour n{index % 40}"] for index in range(200)}


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_requests_in_flight_are_bounded(make_bench, gateway, number, until, concurrency, turns):
    """As many requests as allowed are in flight at once, and never one more."""
    gateway.gate.clear()
    bench = make_bench([number(index) for index in range(200)], concurrency=concurrency)
    task = asyncio.create_task(bench.finish())
    await until(lambda: gateway.in_flight == concurrency)
    await turns()
    assert gateway.in_flight == concurrency
    gateway.gate.set()
    await task
    assert gateway.most == concurrency
    assert len(gateway.texted) == 200


async def test_source_is_read_no_further_than_it_is_sent(make_bench, gateway, number, until, turns):
    """While nothing is answered, only what the workers need, one chunk more each, and one helping are read."""
    gateway.gate.clear()
    source = Source(100_000, number)
    bench = make_bench(source, chunk_size=500, concurrency=3)
    run = bench.run()
    task = asyncio.create_task(bench.finish(run))
    await until(lambda: gateway.in_flight == 3)
    await turns()
    assert source.taken <= (3 + 3 + 1) * 500 + 250
    run.stop()
    gateway.gate.set()
    await task


async def test_slow_listener_holds_the_campaign_back(make_bench, gateway, number, turns):
    """Who does not ask for progress is not run away from: sending and reading wait."""
    source = Source(100_000, number)
    bench = make_bench(source, chunk_size=10, concurrency=2)
    run = bench.run()
    iterator = aiter(run)
    await anext(iterator)
    await turns()
    sent, taken = len(gateway.requests), source.taken
    assert sent <= 20
    await turns()
    assert (len(gateway.requests), source.taken) == (sent, taken)
    await anext(iterator)
    await turns()
    assert len(gateway.requests) > sent
    await iterator.aclose()


async def test_refused_rows_are_told_and_not_sent(make_bench, gateway, number):
    """Rows that cannot be sent to are outcomes like others, and count."""
    bench = make_bench([number(1), "", "0142345678", number(1), "junk", number(2)])
    last = await bench.finish()
    assert (last.rows, last.accepted, last.rejected) == (6, 2, 4)
    reasons = {outcome.row: outcome.reason for outcome in bench.outcomes if outcome.reason}
    assert reasons == {2: Reason.EMPTY, 3: Reason.LAND_LINE, 4: Reason.DUPLICATE, 5: Reason.MALFORMED}
    assert len(gateway.requests) == 1


async def test_rows_that_are_all_refused_are_a_campaign(make_bench, gateway):
    """A file of junk is told row by row; it is not empty, and nothing is sent."""
    bench = make_bench(["junk"] * 700)
    await bench.finish()
    result = bench.sink.result("soldes")
    assert (result.rejected, result.rows, result.complete, gateway.requests) == (700, 700, True, [])


@pytest.mark.parametrize("source", [[], iter(())])
async def test_source_without_a_row_is_an_error(make_bench, source):
    """No row at all is most likely a mistake, and is told as one."""
    with pytest.raises(EmptyCampaign, match="nothing was sent"):
        await make_bench(source).finish()


async def test_run_is_started_once(make_bench, number):
    """The same run cannot be iterated over twice; another one continues."""
    bench = make_bench([number(1)])
    run = bench.run()
    assert not run.running
    iterator = aiter(run)
    assert run.running
    with pytest.raises(InvalidRequest, match="started already"):
        aiter(run)
    async for _ in iterator:
        pass
    assert not run.running
    with pytest.raises(InvalidRequest):
        aiter(run)


async def test_too_long_for_the_gateway_is_found_by_bisection(make_bench, gateway, number):
    """A 111 on personalised texts costs only the one whose text is too long; the others are texted once."""
    gateway.script = lambda request, _: next(
        (TextRefused("111") for recipient in request.recipients if recipient.params == ("long",)), None
    )
    people = [Recipient(number(index), ("long" if index == 13 else "ok",)) for index in range(40)]
    bench = make_bench(people, text="Bonjour #param_1#", chunk_size=32)
    last = await bench.finish()
    assert (last.accepted, last.rejected, last.parts) == (39, 1, 39)
    assert last.rejections == {Reason.TEXT_TOO_LONG: 1}
    assert [outcome.row for outcome in bench.outcomes if outcome.reason] == [14]
    assert gateway.texted == {number(index): 1 for index in range(40) if index != 13}
    keys = [request.idempotency_key for request in gateway.requests]
    assert len(keys) == len(set(keys))
    assert sorted(len(r.recipients) for r in gateway.requests) == [1, 1, 2, 2, 4, 4, 8, 8, 8, 16, 16, 32]


async def test_pieces_of_a_chunk_are_sent_side_by_side(make_bench, gateway, number, until, turns):
    """While a chunk is in flight that may still be cut in two, the idle workers wait for its pieces."""
    gateway.script = lambda request, before: TextRefused("111") if before == 0 else None
    people = [Recipient(number(index), ("x",)) for index in range(8)]
    gateway.gate.clear()
    task = asyncio.create_task(make_bench(people, text="Bonjour #param_1#", concurrency=2).finish())
    await until(lambda: gateway.in_flight == 1)
    await turns()
    gateway.gate.set()
    await task
    assert (gateway.most, len(gateway.texted)) == (2, 8)


async def test_too_long_for_everybody_is_not_bisected(make_bench, gateway, number):
    """A 111 on one text for all refuses them all with one request."""
    gateway.script = lambda request, _: TextRefused("111")
    last = await make_bench([number(index) for index in range(8)]).finish()
    assert (last.rejections, len(gateway.requests)) == ({Reason.TEXT_TOO_LONG: 8}, 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoValidNumber("108"), Reason.INVALID_AT_GATEWAY),
        (DuplicateRequest("121"), Reason.DUPLICATE_AT_GATEWAY),
    ],
)
async def test_refused_chunk_does_not_harm_the_others(make_bench, gateway, number, error, reason):
    """The gateway's refusal of one request is its rows' outcome, with a reason; the rest is sent."""
    gateway.script = lambda request, before: error if number(0) == request.recipients[0].phone else None
    bench = make_bench([number(index) for index in range(30)])
    last = await bench.finish()
    assert (last.accepted, last.rejections) == (20, {reason: 10})
    assert bench.sink.result("soldes").problems == {str(error): 1}


async def test_recipient_who_makes_a_request_wrong_is_cut_out(make_bench, gateway, number):
    """A request that the gateway finds wrong is cut in two until one row is left: the others are texted."""
    poison = number(4)
    gateway.script = lambda request, before: (
        FlowRefused("109") if poison in {recipient.phone for recipient in request.recipients} else None
    )
    bench = make_bench([number(index) for index in range(30)])
    last = await bench.finish()
    assert (last.accepted, last.rejections) == (29, {Reason.GATEWAY_REFUSED: 1})
    assert set(gateway.texted.values()) == {1}


async def test_gateway_that_finds_every_request_wrong_stops_the_run(make_bench, gateway, number):
    """It is not the recipients that are wrong then: nobody is rejected, and the campaign can be continued."""
    gateway.script = lambda request, before: FlowRefused("109")
    bench = make_bench([number(index) for index in range(3000)], chunk_size=100)
    with pytest.raises(CampaignStopped) as caught:
        await bench.finish()
    assert isinstance(caught.value.reason, FlowRefused)
    assert len(gateway.requests) < 20
    assert (caught.value.result.rejected, caught.value.result.failed, caught.value.result.unknown) == (0, 0, 0)
    gateway.script = lambda request, before: None
    last = await bench.finish()
    assert (last.accepted, set(gateway.texted.values())) == (3000, {1})


async def test_answer_is_read_for_each_recipient(make_bench, gateway, number):
    """Accepted, rejected and unconfirmed recipients of one answer are told apart."""

    class Choosy(type(gateway)):
        def _take(self, request):
            taken = super()._take(request)
            first, second, third, *rest = taken.results
            results = (first, Rejected(second.phone, Reason.OPTED_OUT), Unconfirmed(third.phone), *rest)
            return SendReceipt(campaign_id="c", results=results, parts=3)

    bench = make_bench([number(index) for index in range(5)], gateway=Choosy())
    last = await bench.finish()
    assert (last.accepted, last.rejected, last.unknown, last.parts) == (3, 1, 1, 3)
    assert [outcome.reason for outcome in bench.outcomes][1:3] == [Reason.OPTED_OUT, Reason.NOT_CONFIRMED]
    assert list(bench.sink.result("soldes").problems) == ["The gateway's answer says nothing of 1 recipients."]
    await bench.finish()
    first, again = bench.gateway.requests
    assert first.idempotency_key == again.idempotency_key
    assert (bench.gateway.texted, bench.sink.totals().rows) == ({number(index): 1 for index in range(5)}, 5)


async def test_weather_of_all_kinds_texts_everybody_once(make_bench, gateway, number):
    """Time-outs before and after acceptance, resets, 5xx, 429, 160, echoes: each handset has exactly one text."""
    kinds = [
        None,
        NotSent("No line."),
        RequestTimeout("Before."),
        (RequestTimeout("After."),),
        (ConnectionLost("Reset after."),),
        ServerFailure("503"),
        (ServerFailure("502 after"),),
        RateLimited("429", retry_after=1.0),
        StillProcessing("160"),
    ]
    attempts = {}

    def script(request, before):
        made = attempts[request.idempotency_key] = attempts.get(request.idempotency_key, 0) + 1
        return kinds[(before * 7 + made) % len(kinds)] if made < 4 else None

    gateway.script = script
    bench = make_bench([number(index) for index in range(900)], policy=RetryPolicy(deadline=1e6), concurrency=6)
    last = await bench.finish()
    assert last.accepted == 900
    assert gateway.texted == dict.fromkeys(map(number, range(900)), 1)
    assert len(gateway.requests) > 150
