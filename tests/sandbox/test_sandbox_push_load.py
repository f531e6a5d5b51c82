"""Webhooks in numbers: in order, a bounded number at once, and synthetic ones for load tests."""

import asyncio
import json
from collections import defaultdict

import pytest

from allmysms_async.sandbox import ControlError

from .called import OK, Called

NOT_OK = OK[:-2] + b"KO"


def phones(count: int) -> list[str]:
    """Return so many numbers."""
    return [f"336{number:08}" for number in range(count)]


async def test_numbers_are_told_in_order_over_connections_that_are_kept(sandbox, gateway, hooked: Called):
    """Of each number the intermediate report comes first, with 64 pushes at once at most, each on its connection."""
    await gateway.flow("Bonjour", *phones(500))
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    by_phone = defaultdict(list)
    for report in hooked.variables:
        by_phone[report["phoneNumber"]].append(report["status"])
    assert len(by_phone) == 500
    assert {tuple(statuses) for statuses in by_phone.values()} <= {("3", "1"), ("3", "2"), ("3", "4"), ("3", "5")}
    assert hooked.connections == 64


@pytest.mark.slow
async def test_slow_address_holds_up_nobody(sandbox, gateway, hooked: Called, until):
    """While no push is answered there are 64 at once, the gateway serves on, and what waits is counted, not made."""
    hooked.gate.clear()
    await gateway.flow("Bonjour", *phones(5000))
    await until(lambda: hooked.now == 64)
    assert (await gateway.call("getInfo"))["status"] == "Active Account"
    counts = (await gateway.http.get("/_sandbox/webhooks")).json()
    assert counts == sandbox.webhooks.counts()
    assert (counts["waiting"], counts["ok"], hooked.most) == (5000, 0, 64)
    sandbox.advance(30)
    assert sandbox.webhooks.counts()["waiting"] == 10_000
    hooked.gate.set()
    await sandbox.webhooks.settled()
    assert len(set(hooked.targets)) == len(hooked.targets) == 10_000
    assert sandbox.webhooks.counts()["ok"] == 10_000


@pytest.mark.slow
async def test_address_that_fails_for_long_fills_no_memory(sandbox, gateway, hooked: Called):
    """No more than 10,000 events wait to be pushed again; the others are made when there is room, and none is lost."""
    hooked.answer = lambda _: NOT_OK
    await gateway.flow("Bonjour", *phones(11_000))
    await sandbox.webhooks.settled()
    assert len(hooked.targets) < 10_000 + 64 * 20
    hooked.answer = lambda _: OK
    sandbox.advance(2)
    await sandbox.webhooks.settled()
    assert len(set(hooked.targets)) >= 11_000
    assert sandbox.webhooks.counts()["given_up"] == 0


# Synthetic ones.


async def test_synthetic_events_each_have_an_outcome(sandbox, hooked: Called):
    """As many reports and replies as asked for are pushed, no two alike, and each is named with what became of it."""
    outcomes = [outcome async for outcome in sandbox.webhooks.push(reports=300, replies=100)]
    assert [outcome["outcome"] for outcome in outcomes] == ["ok"] * 400
    assert sorted(map(repr, hooked.variables)) == sorted(repr(outcome["variables"]) for outcome in outcomes)
    assert len({tuple(outcome["variables"].values()) for outcome in outcomes}) == 400
    assert sum(outcome["kind"] == "mo" for outcome in outcomes) == 100
    kinds = ["smsMoId" in variables for variables in hooked.variables[:40]]
    assert 0 < sum(kinds) < 30
    again = [outcome async for outcome in sandbox.webhooks.push(reports=300, replies=100)]
    phones = {outcome["variables"]["phoneNumber"] for outcome in outcomes + again}
    assert len(phones) == 800


async def test_synthetic_events_over_http(sandbox, gateway, hooked: Called):
    """The control API pushes as well, and streams one line an event; the lost and the failed are named too."""
    sandbox.faults([{"fault": "push_lost", "times": 2}])
    response = await gateway.http.post("/_sandbox/push", json={"reports": 30, "replies": 10})
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert sorted(line["outcome"] for line in lines) == ["lost"] * 2 + ["ok"] * 38
    pushed = {line["variables"]["phoneNumber"] for line in lines if line["outcome"] == "ok"}
    assert pushed == {variables["phoneNumber"] for variables in hooked.variables}


async def test_synthetic_events_of_texts_that_were_sent(sandbox, gateway, hooked: Called):
    """They carry the texts' own identifiers, and replies to them can be asked for as well."""
    sent = await gateway.flow("Bonjour", *phones(20))
    sandbox.advance(30)
    await sandbox.webhooks.settled()
    hooked.targets.clear()
    outcomes = [outcome async for outcome in sandbox.webhooks.push(reports=20, replies=5, of_sent_texts=True)]
    ids = {text["smsId"]: text["phoneNumber"] for text in sent["smsIds"]}
    for outcome in outcomes:
        assert ids[outcome["variables"]["smsId"]] == outcome["variables"]["phoneNumber"]
    acks = {
        ack["phoneNumber"]: ack["receptionDate"]
        for ack in (await gateway.call("getAcks", campId=sent["campaignId"]))["acks"]
    }
    reports = [outcome["variables"] for outcome in outcomes if outcome["kind"] == "dlr"]
    assert {report["phoneNumber"]: report["receptionDate"] for report in reports} == acks
    assert len((await gateway.call("getPull", campId=sent["campaignId"]))["mos"]) == 5
    with pytest.raises(ControlError, match="20 delivered texts"):
        sandbox.webhooks.push(reports=21, of_sent_texts=True)


async def test_rate_is_kept_by_the_sandboxs_clock(sandbox, hooked: Called):
    """At 10 a second, the clock's second brings ten."""
    outcomes = sandbox.webhooks.push(reports=25, rate=10)
    for seconds, known in ((0, 1), (1, 11), (1, 21), (10, 25)):
        sandbox.advance(seconds)
        await sandbox.webhooks.settled()
        assert len(hooked.targets) == known
    assert len([outcome async for outcome in outcomes]) == 25


@pytest.mark.slow
async def test_load_whose_outcomes_nobody_reads_waits(sandbox, hooked: Called, until):
    """After 10,000 unread outcomes no more is pushed until somebody reads; who stops to read ends it."""
    outcomes = sandbox.webhooks.push(reports=10_500)
    await until(lambda: sandbox.webhooks.counts()["ok"] == 10_000)
    await sandbox.webhooks.settled()
    assert len(hooked.targets) == 10_000
    read = 0
    async for _ in outcomes:
        read += 1
    assert read == len(hooked.targets) == 10_500


async def test_load_that_is_given_up_or_reset_ends(sandbox, hooked: Called, until):
    """Nothing hangs on a load that nobody wants any more."""
    outcomes = sandbox.webhooks.push(reports=100, rate=1)
    assert (await anext(outcomes))["outcome"] == "ok"
    await outcomes.aclose()
    sandbox.advance(1000)
    await sandbox.webhooks.settled()
    assert len(hooked.targets) == 1
    reading = asyncio.ensure_future(anext(sandbox.webhooks.push(reports=1, rate=1e-9)))
    await reading
    waiting = asyncio.ensure_future(_all(sandbox.webhooks.push(reports=2, rate=1e-3)))
    await until(lambda: sandbox.webhooks.counts()["ok"] == 3)
    sandbox.reset()
    assert len(await waiting) == 1


async def _all(outcomes):
    return [outcome async for outcome in outcomes]


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"reports": -1, "replies": 5}, {"reports": 1_000_001}, {"reports": 1, "rate": 0}),
        *(
            {"reports": 1, "login": "nobody"},
            {"reports": 1, "login": "demo-shop"},
            {"reports": 1, "of_sent_texts": True},
        ),
    ],
)
async def test_load_that_makes_no_sense_is_refused(gateway, hooked: Called, body):
    """A sentence says why."""
    response = await gateway.http.post("/_sandbox/push", json=body)
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")
