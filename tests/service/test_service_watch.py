"""Watching for reports and replies where no webhook reaches: each once, none lost, within each protocol's limits."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from allmysms_async import (
    Campaign,
    CampaignNotFound,
    EnvoyerSmsProBackend,
    GatewayError,
    InvalidRequest,
    Mail2SmsBackend,
    Reply,
    RestBackend,
    SmsMessage,
    SmsService,
    SoapBackend,
    UnsupportedFeature,
)
from allmysms_async.inbox import MemoryEvents
from allmysms_async.model import FINAL, DeliveryStatus
from allmysms_async.sandbox import Sandbox
from allmysms_async.watch import Pace, catch_up
from tests.cases import each

ENDS = {
    "33610000001": DeliveryStatus.DELIVERED,
    "33610000002": DeliveryStatus.UNDELIVERED,
    "33610000004": DeliveryStatus.REJECTED,
    "33610000005": DeliveryStatus.UNKNOWN_NUMBER,
}
"""How the sandbox ends texts, by the numbers' last digits."""

_OPEN: dict[str, Callable[[Sandbox, Any], Any]] = {
    "rest": lambda sandbox, clock: RestBackend("demo", "demo-key", base_url=sandbox.http_url),
    "soap": lambda sandbox, clock: SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php"),
    "envoyersmspro": lambda sandbox, clock: EnvoyerSmsProBackend(
        "demo", "demo-pass", default_sender="MAGASIN", base_url=sandbox.http_url, clock=clock
    ),
}


@pytest.fixture(params=list(_OPEN))
async def spoken(request: pytest.FixtureRequest, sandbox: Sandbox, clock: Any) -> Any:
    """A service over each protocol that can be asked."""
    async with SmsService(_OPEN[request.param](sandbox, clock), clock=clock) as sms:
        yield sms


def _message() -> SmsMessage:
    return SmsMessage("Rendez-vous demain", sender=None, wants_replies=True)


async def _states(sms: SmsService, sends: Any, **options: Any) -> dict[str, list[DeliveryStatus]]:
    """Return what a watch tells of each number, in order."""
    told: dict[str, list[DeliveryStatus]] = {}
    async for report in sms.watch_reports(sends, **options):
        told.setdefault(report.phone, []).append(report.status)
    return told


async def test_every_text_is_told_to_its_end_and_the_watch_ends(spoken: SmsService) -> None:
    """Each protocol tells the same end of each text, once, and the watch ends when all are final."""
    receipt = await spoken.send(_message(), to=list(ENDS))
    told = await _states(spoken, receipt)
    few = spoken.backend.name == "envoyersmspro"  # it knows no finer words for a text that did not arrive
    ends = {phone: DeliveryStatus.UNDELIVERED if few and phone > "33610000001" else ENDS[phone] for phone in ENDS}
    assert {phone: states[-1] for phone, states in told.items()} == ends
    for states in told.values():
        assert len(states) == len(set(states))
        assert [state for state in states if state in FINAL] == states[-1:]


async def test_result_of_a_campaign_is_watched_as_a_whole(sandbox: Sandbox, sms: SmsService) -> None:
    """All requests of a campaign are asked about."""
    people = [f"3361000{number:04d}" for number in range(100, 130)]
    campaign = Campaign("soldes", SmsMessage("Soldes. STOP au 36180", purpose="marketing"), people)
    result = await sms.run(campaign, chunk_size=10)
    assert len(result.campaign_ids) == 3
    told = await _states(sms, result)
    assert Counter(states[-1] for states in told.values()) == {DeliveryStatus.DELIVERED: 30}


async def test_watch_ends_after_72_hours_at_the_latest(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """Where the number of texts is not known, questions go on at growing intervals for 72 hours."""
    receipt = await sms.send(_message(), to="33610000001")
    began = clock.now()
    told = await _states(sms, str(receipt.campaign_id))
    assert told["33610000001"][-1] is DeliveryStatus.DELIVERED
    assert timedelta(hours=72) <= clock.now() - began < timedelta(hours=73)
    assert clock.waits == sorted(clock.waits[:-1]) + clock.waits[-1:]
    assert max(clock.waits) <= 1800
    assert len(clock.waits) < 200


async def test_request_limit_leaves_room_for_sends(sandbox: Sandbox, clock: Any) -> None:
    """Envoyer SMS Pro is asked no more than half as often as its limit allows."""
    async with SmsService(_OPEN["envoyersmspro"](sandbox, clock), clock=clock) as sms:
        receipts = [await sms.send(_message(), to=phone) for phone in ENDS]
        began = clock.monotonic()
        before = sandbox.state()["requests"]
        pace = Pace(first=1.0, factor=1.0)
        await _states(
            sms, [str(each.campaign_id) for each in receipts], until=clock.now() + timedelta(hours=2), pace=pace
        )
        hours = (clock.monotonic() - began) / 3600
        asked = sum(sandbox.state()["requests"].values()) - sum(before.values())
    assert asked <= 50 * hours + 1


async def test_watch_that_came_to_its_end_is_forgotten(sandbox: Sandbox, sms: SmsService) -> None:
    """A service that watches each text that it sends does not grow with them; one that was broken off is kept."""
    for number in range(3):
        await _states(sms, await sms.send(f"Bonjour {number}", to="33610000001"))
    assert sms._watching()._kept == {}
    broken: Any = sms.watch_reports(await sms.send("Bonsoir", to="33610000001"))
    await anext(broken)
    await broken.aclose()
    assert len(sms._watching()._kept) == 1


async def test_failed_questions_are_asked_again(sandbox: Sandbox, sms: SmsService) -> None:
    """A gateway that fails for a while costs no report."""
    receipt = await sms.send(_message(), to=list(ENDS))
    sandbox.faults(
        [
            {"fault": "http_503", "times": 2, "path": "getAcks"},
            {"fault": "reset_before", "times": 1, "path": "getAcks"},
            {"fault": "garbage", "times": 1, "path": "getAcks"},
            {"fault": "http_429", "times": 1, "path": "getAcks", "retry_after": 60},
        ]
    )
    told = await _states(sms, receipt)
    assert {phone: states[-1] for phone, states in told.items()} == ENDS


async def test_refused_login_ends_the_watch(sandbox: Sandbox, service: Callable[..., SmsService]) -> None:
    """What no later question would mend is raised, in the gateway's words: it has no code of its own for it."""
    receipt = await service().send(_message(), to="33610000001")
    with pytest.raises(GatewayError, match="apiKey"):
        await _states(service(key="wrong"), receipt)
    with pytest.raises(GatewayError, match="apiKey"):
        await _replies(service(key="wrong"), 1)


async def test_refusal_after_answers_is_asked_again(sandbox: Sandbox, sms: SmsService) -> None:
    """A gateway that refuses for a while what it answered before is asked in the next round."""
    receipt = await sms.send(_message(), to=list(ENDS))
    watch: Any = sms.watch_reports(receipt)
    told = {(first := await anext(watch)).phone: first.status}
    sandbox.faults([{"fault": "status_105", "times": 1, "path": "getAcks"}])
    told |= {report.phone: report.status async for report in watch}
    assert told == ENDS


async def test_send_that_the_gateway_does_not_know_costs_the_others_nothing(sandbox: Sandbox, sms: SmsService) -> None:
    """One wrong identifier among several leaves the others."""
    receipt = await sms.send(_message(), to=list(ENDS))
    ids = ["ap_nothing", str(receipt.campaign_id)]
    told = await _states(sms, ids, until=sms._clock.now() + timedelta(hours=1))
    assert {phone: states[-1] for phone, states in told.items()} == ENDS


async def _replies(sms: SmsService, count: int, *sends: Any, **options: Any) -> list[Reply]:
    """Watch until so many replies came."""
    found: list[Reply] = []
    watch: Any = sms.watch_replies(*sends, **options)
    async with contextlib.aclosing(watch):
        async for reply in watch:
            found.append(reply)
            if len(found) == count:
                break
    return found


async def test_replies_of_a_send_are_told_once(spoken: SmsService, sandbox: Sandbox) -> None:
    """Each protocol tells each answer to a send once, however often it is asked."""
    receipt = await spoken.send(_message(), to=list(ENDS))
    for phone in ENDS:
        if spoken.backend.name == "envoyersmspro":
            sandbox.envoyersmspro.respond(str(receipt.campaign_id), phone, "oui")
        else:
            sandbox.reply(phone, "oui")
    until = spoken._clock.now() + timedelta(hours=1)
    told = [reply.phone async for reply in spoken.watch_replies(receipt, until=until)]
    assert sorted(told) == sorted(ENDS)


async def test_new_replies_to_any_send_are_told_once(sandbox: Sandbox, sms: SmsService) -> None:
    """The gateway's own list of new replies is watched where it has one."""
    await sms.send(_message(), to=list(ENDS))
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    found = await _replies(sms, len(ENDS))
    assert sorted(reply.phone for reply in found) == sorted(ENDS)


async def test_replies_left_by_one_watch_are_told_by_the_next(sandbox: Sandbox, sms: SmsService) -> None:
    """The gateway will not hand them out again; the service does."""
    await sms.send(_message(), to=list(ENDS))
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    (first,) = await _replies(sms, 1)
    until = sms._clock.now() + timedelta(minutes=10)
    rest = [reply.phone async for reply in sms.watch_replies(until=until)]
    # The one that was in hand when its watch was closed is told again: whether it was dealt with nobody knows.
    assert first.phone in rest
    assert sorted(rest) == sorted(ENDS)


@pytest.mark.parametrize("fault", ["reset_after", "http_503_after", "truncated", "garbage", "empty", "html"])
async def test_replies_that_were_handed_out_and_never_came_are_found(
    sandbox: Sandbox, sms: SmsService, fault: str
) -> None:
    """An answer that was lost on the way costs no reply: those of each send of the last 72 hours are read."""
    receipts = [await sms.send(_message(), to=phone) for phone in ENDS]
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    sandbox.faults([{"fault": fault, "times": 1, "path": "getPulls"}])
    found = await _replies(sms, len(ENDS))
    assert sorted((reply.phone, str(reply.campaign_id)) for reply in found) == sorted(
        (phone, str(receipt.campaign_id)) for phone, receipt in zip(ENDS, receipts, strict=True)
    )


async def test_rescue_that_fails_is_tried_again(sandbox: Sandbox, sms: SmsService) -> None:
    """What was lost is looked for until it was found."""
    await sms.send(_message(), to=list(ENDS))
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    sandbox.faults(
        [
            {"fault": "reset_after", "times": 1, "path": "getPulls"},
            {"fault": "http_500", "times": 1, "path": "getCampaignsInfo"},
            {"fault": "http_500", "times": 1, "path": "getPull/"},
        ]
    )
    found = await _replies(sms, len(ENDS))
    assert sorted(reply.phone for reply in found) == sorted(ENDS)


async def test_send_is_named_where_replies_are_known_by_it_alone(sandbox: Sandbox, clock: Any) -> None:
    """Who names none is told so before anything is asked."""
    async with SmsService(_OPEN["soap"](sandbox, clock), clock=clock) as sms:
        with pytest.raises(InvalidRequest, match="name the sends"):
            sms.watch_replies()
        with pytest.raises(InvalidRequest, match="No send"):
            sms.watch_reports([])
        with pytest.raises(InvalidRequest, match="not int"):
            sms.watch_reports(3)  # type: ignore[arg-type]
    async with SmsService(
        Mail2SmsBackend("demo", "demo-key", mail_from="a@example.com", hostname="mail.example.com")
    ) as sms:
        with pytest.raises(UnsupportedFeature):
            sms.watch_reports("ap_1")
        with pytest.raises(UnsupportedFeature):
            sms.watch_replies()


async def test_catching_up_finds_all_of_72_hours(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """Who was away asks once, and finds what others had handed out to them as well."""
    await sms.send(_message(), to=list(ENDS))
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    assert len([reply async for reply in sms.replies()]) == len(ENDS)  # handed out to somebody else
    sandbox.advance(3600)
    store = MemoryEvents()
    assert await catch_up(sms.backend, store, clock) == 2 * len(ENDS)
    assert await catch_up(sms.backend, store, clock) == 0
    assert await store.waiting() == 2 * len(ENDS)


async def test_watches_of_two_sends_tell_each_its_own(sandbox: Sandbox, sms: SmsService) -> None:
    """What one watch tells is none of another's business, at the same time or after it was left."""
    one, other = [await sms.send(_message(), to=phone) for phone in list(ENDS)[:2]]
    watch: Any = sms.watch_reports(one)
    async with contextlib.aclosing(watch):
        assert (await anext(watch)).campaign_id == one.campaign_id
        assert set(await _states(sms, other)) == {"33610000002"}
    assert set(await _states(sms, one)) == {"33610000001"}


@pytest.mark.parametrize(
    "options",
    [{"pace": 3}, {"until": "now"}, {"until": datetime(2027, 1, 1)}, {"journal": 3}],
    ids=["pace", "until", "naive", "journal"],
)
async def test_wrong_option_is_refused_at_once(sms: SmsService, options: Any) -> None:
    """Before anything is asked, and not when the first report is wanted."""
    with pytest.raises(InvalidRequest):
        sms.watch_reports("ap_1", **options)
    with pytest.raises(InvalidRequest):
        sms.watch_replies(**options)


@each(
    "wrong",
    [{"first": 0.0}, {"factor": 0.5}, {"most": 0.0}, {"first": float("nan")}, {"factor": float("inf")}],
    ids=str,
)
def test_pace_that_would_ask_without_a_pause_is_refused(wrong: dict[str, float]) -> None:
    """Waits are over 0, and do not shorten."""
    with pytest.raises(InvalidRequest):
        Pace(**wrong)


async def test_end_in_the_past_is_one_round(sandbox: Sandbox, sms: SmsService, clock: Any) -> None:
    """What is known is told, and nothing is waited for."""
    receipt = await sms.send(_message(), to=list(ENDS))
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    sandbox.advance(3600)
    past = clock.now() - timedelta(days=1)
    assert set(await _states(sms, str(receipt.campaign_id), until=past)) == set(ENDS)
    assert len([reply async for reply in sms.watch_replies(until=past)]) == len(ENDS)
    assert clock.waits == []


async def test_sends_that_nobody_knows_end_a_watch_of_replies(sms: SmsService) -> None:
    """With no send left to ask about it ends, and says why."""
    with pytest.raises(GatewayError, match="not found"):
        await _replies(sms, 1, ["ap_nothing", "ap_neither"])
    with pytest.raises(GatewayError):
        await _states(sms, ["ap_nothing", "ap_neither"])


async def test_report_of_what_is_scheduled_is_waited_for(spoken: SmsService) -> None:
    """A watch that begins before the send's date tells its reports after it."""
    at = spoken._clock.now() + timedelta(hours=20)
    message = SmsMessage("Rendez-vous demain", sender=None, send_at=at)
    receipt = await spoken.send(message, to="33610000001")
    told = await _states(spoken, receipt)
    assert told["33610000001"][-1] is DeliveryStatus.DELIVERED


async def test_send_without_replies_costs_the_others_nothing(sandbox: Sandbox, sms: SmsService) -> None:
    """What was lost is looked for in all sends, also beside one that the gateway will not tell of."""
    receipts = [await sms.send(_message(), to=phone) for phone in ENDS]
    for phone in ENDS:
        sandbox.reply(phone, "oui")
    backend: Any = sms.backend
    replies = backend.replies
    refusals = [GatewayError("busy", code="105")]

    def refuses(send: str, *more: Any) -> Any:
        if send == str(receipts[0].campaign_id):
            raise refusals.pop() if refusals else CampaignNotFound("none", code="999")
        return replies(send, *more)

    backend.replies = refuses
    sandbox.faults([{"fault": "reset_after", "times": 1, "path": "getPulls"}])
    found = await _replies(sms, len(ENDS) - 1)
    assert sorted(reply.phone for reply in found) == sorted(ENDS)[1:]
