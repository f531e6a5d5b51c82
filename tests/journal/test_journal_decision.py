"""Operators' decisions about requests that were answered in part, or that somebody is just asking about."""

from collections import Counter

import msgspec
import pytest

from allmysms_async import InvalidRequest
from allmysms_async.batch.policy import REPLAY_SECONDS
from allmysms_async.journal import Journal
from allmysms_async.journal.lease import LEASE_SECONDS
from allmysms_async.model import Outcome, Reason, Rejected, Unconfirmed
from allmysms_async.model import OutcomeState as State
from tests.cli.conftest import finish as ended
from tests.cli.conftest import start

from .conftest import Hand, campaign, people


async def answered_in_part(journal, sandbox, *, keyed=True, rejected=0):
    """Send to five; the answer says nothing of the last one, and refuses the first so many others."""
    hand = Hand(journal, sandbox, keyed=keyed)
    claim = await hand.claimed(people(5))
    receipt = await hand.send(claim)
    results = [Rejected(each.phone, Reason.OPTED_OUT) for each in receipt.results[:rejected]]
    results += [*receipt.results[rejected:4], Unconfirmed(receipt.results[4].phone)]
    receipt = msgspec.structs.replace(receipt, results=tuple(results))
    await hand.answered(claim, receipt)
    return hand, claim, receipt


@pytest.mark.slow
@pytest.mark.parametrize(("keyed", "rejected"), [(True, 0), (False, 2), (False, 4)])
async def test_resend_of_a_partly_answered_request_is_for_the_unknown_alone(sandbox, service, journal, keyed, rejected):
    """Those of whom the answer told stay as they are; the one of whom it did not is texted again, in a new request."""
    hand, claim, receipt = await answered_in_part(journal, sandbox, keyed=keyed, rejected=rejected)
    async with Journal(journal, clock=hand.clock) as opened:
        (view,) = await opened.chunks()
        assert (view.rows, view.unknown) == (5, 1)
        before = {outcome.row: outcome async for outcome in opened.outcomes()}
        assert await opened.resolve("resend", [1]) == 1
        after = {outcome.row: outcome async for outcome in opened.outcomes()}
        assert {row: after[row] for row in range(1, 5)} == {row: before[row] for row in range(1, 5)}
        assert after[5] == Outcome(5, None, before[5].phone, State.PENDING)
        result = (await opened.campaign()).result
        assert (result.accepted, result.rejected, result.pending, result.unknown) == (4 - rejected, rejected, 1, 0)
        assert (result.parts, result.campaign_ids) == (5, (receipt.campaign_id,))
        assert await opened.chunks() == []
    # A late word on the whole of it does not fit any more, and changes nothing.
    await hand.answered(claim, receipt)
    await hand.lose(claim)
    await hand.die()
    hand.clock.jump(LEASE_SECONDS - 10)  # whoever waits looks again every moment
    sandbox.advance(11)
    async with service(keyed=keyed, clock=hand.clock) as sms:
        last = await sms.run(campaign(people(5)), journal=journal)
    assert (last.rows, last.accepted, last.rejected, last.unknown) == (5, 5 - rejected, rejected, 0)
    texts = Counter(message["phone"] for message in sandbox.all_messages())
    assert texts == {before[row].phone: 2 if row == 5 else 1 for row in range(1, 6)}


async def test_partly_answered_request_that_is_marked_counts_the_unknown_alone(sandbox, journal):
    """Marked as sent, those of whom nobody knows are accepted, and those who were rejected stay so."""
    hand, _, _ = await answered_in_part(journal, sandbox, rejected=2)
    await hand.die()
    async with Journal(journal, clock=hand.clock) as opened:
        assert await opened.resolve("mark_sent", [1]) == 1
        result = (await opened.campaign()).result
    assert (result.accepted, result.rejected, result.unknown) == (3, 2, 0)


async def test_request_that_is_just_asked_about_is_not_sent_again(sandbox, service, journal):
    """While a process asks about a request nothing can be decided about it; once its hold is over, it can."""
    hand = Hand(journal, sandbox, keyed=True)
    await hand.lose(await hand.claimed(people(3)))
    await hand.die()
    other = Hand(journal, sandbox, keyed=True, clock=hand.clock)
    await other.open()
    now = hand.clock.now().timestamp()
    (left,) = await other.sink.resume(replayable_since=now - REPLAY_SECONDS)
    assert (await other.sink.claim(left, now)).unanswered
    await other.die()
    async with Journal(journal, clock=hand.clock) as opened:
        assert [(view.leased, view.unknown) for view in await opened.chunks()] == [(True, 3)]
        for decision in ("resend", "mark_sent"):
            with pytest.raises(InvalidRequest, match="still holds request 1"):
                await opened.resolve(decision, [1])
        hand.clock.jump(121)
        assert await opened.resolve("resend", [1]) == 3


@pytest.mark.slow
async def test_command_line_decides_about_the_unknown_alone_and_never_against_a_live_hold(sandbox, tmp_path):
    """`status` says how many of a request are unknown, `resolve --resend` is refused while it is held, then resends."""
    journal = str(tmp_path / "soldes.db")
    hand, _, _ = await answered_in_part(journal, sandbox)
    await hand.claimed(people(3, 5))  # in flight, and held
    await hand.lose(await hand.claimed(people(3, 8)))
    (left,) = await hand.sink.resume(replayable_since=0.0)
    assert (await hand.sink.claim(left, hand.clock.now().timestamp())).unanswered
    await hand.die()

    async def command(*words):
        account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
        return await ended(await start("campaign", *words, env=account))

    status = await command("status", journal)
    table = [line.split()[:3] for line in status.out.splitlines() if line.strip()[:1].isdigit()]
    assert ["1", "5", "1"] in table
    assert ["3", "3", "3"] in table
    for held in ("2", "3"):
        refused = await command("resolve", journal, "--resend", "1", held)
        assert (refused.code, f"still holds request {held}" in refused.err) == (2, True), refused.err
    resent = await command("resolve", journal, "--resend", "1")
    assert (resent.code, resent.err.split()[0]) == (0, "1"), resent.err
