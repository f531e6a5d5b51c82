"""A request that the gateway refused as a duplicate of one that nobody knows of: people decide what becomes of it."""

import csv
import re
from collections import Counter

import pytest
import sqlalchemy as sa

from allmysms_async import InvalidRequest
from allmysms_async.batch.state import ChunkState
from allmysms_async.journal import Journal, schema
from allmysms_async.journal.decision import doubted
from tests.cases import each
from tests.cli.conftest import finish as ended
from tests.cli.conftest import start

from .conftest import campaign, people

PEOPLE = people(30)
REFUSED = {"fault": "status_121", "times": 1}


async def refused(sandbox, service, journal, **options):
    """Run a campaign of three requests, the first of which the gateway wrongly refuses; return its result."""
    sandbox.faults([REFUSED])
    async with service(**options) as sms:
        result = await sms.run(campaign(PEOPLE), journal=journal, chunk_size=10, concurrency=1)
    assert {reason.value: count for reason, count in result.rejections.items()} == {"duplicate_at_gateway": 10}
    assert (result.accepted, result.complete) == (20, True)
    return result


async def key_of(journal):
    """Return the key that the first request was last sent with."""
    key = sa.select(schema.chunk.c.idem).where(schema.chunk.c.seq == 1)
    async with Journal(journal) as opened:
        return await opened._database.read(lambda connection: connection.execute(key).scalar_one())


async def test_refused_duplicates_are_sent_again_under_a_new_key(sandbox, service, journal):
    """An operator has them sent again: they are texted once, under another key, and nobody else is texted again."""
    await refused(sandbox, service, journal)
    before = await key_of(journal)
    async with Journal(journal) as opened:
        (view,) = [each for each in await opened.chunks(state=ChunkState.REJECTED) if each.duplicates]
        assert (view.rows, view.duplicates, view.unknown) == (10, 10, 0)
        assert await opened.resolve("resend", [view.seq]) == 10
        result = (await opened.campaign()).result
        assert (result.pending, result.rejected, dict(result.rejections)) == (10, 0, {})
    async with service() as sms:
        last = await sms.run(campaign(PEOPLE), journal=journal)
    assert (last.accepted, last.all_accepted, last.parts) == (30, True, 30)
    texts = Counter(message["phone"] for message in sandbox.all_messages())
    assert (len(texts), set(texts.values())) == (30, {1})
    assert before != await key_of(journal)


async def test_parts_of_what_is_sent_again_are_written_off(sandbox, service, journal):
    """What the other request may have cost stays under the ceiling: 20 taken, 10 written off and 10 more are 40."""
    await refused(sandbox, service, journal)
    async with Journal(journal) as opened:
        await opened.resolve("resend", [1])
    async with service() as sms:
        with pytest.raises(Exception, match="max_parts is 39"):
            await sms.run(campaign(PEOPLE), journal=journal, max_parts=39)
        assert (await sms.run(campaign(PEOPLE), journal=journal, max_parts=40)).accepted == 30


async def test_refused_duplicates_are_marked_as_sent(sandbox, service, journal):
    """Marked as sent they are accepted, with the parts that were measured, and are never sent."""
    await refused(sandbox, service, journal)
    async with Journal(journal) as opened:
        assert await opened.resolve("mark_sent", [1]) == 10
        result = (await opened.campaign()).result
        assert (result.all_accepted, result.accepted, result.parts) == (True, 30, 30)
        assert {outcome.reason async for outcome in opened.outcomes()} == {None}
        with pytest.raises(InvalidRequest, match="Request 1 is accepted"):
            await opened.resolve("resend", [1])
    async with service() as sms:
        assert (await sms.run(campaign(PEOPLE), journal=journal)).accepted == 30
    assert len(list(sandbox.all_messages())) == 20


async def test_request_that_is_rejected_for_another_reason_is_not_decided_about(sandbox, service, journal):
    """Numbers that the gateway refuses stay refused: no decision sends to them again."""
    for person in people(3):
        sandbox.opt_out("33" + person.phone[1:])
    async with service() as sms:
        assert (await sms.run(campaign(people(3)), journal=journal)).rejected == 3
    async with Journal(journal) as opened:
        for decision in ("resend", "mark_sent"):
            with pytest.raises(InvalidRequest, match="is rejected, not unknown"):
                await opened.resolve(decision, [1])


@each(
    ("state", "reasons", "count"),
    [
        ("rejected", '{"duplicate_at_gateway": 7}', 7),
        ("rejected", '{"duplicate": 7}', 7),  # as it was called before
        ("rejected", '{"opted_out": 7}', 0),
        ("accepted", '{"duplicate_at_gateway": 7}', 0),
        ("rejected", None, 0),
    ],
)
def test_only_this_reason_leaves_a_refusal_open(state, reasons, count):
    """A refusal is doubted for this one reason alone, also in a journal that was begun before it had its name."""
    assert doubted(state, reasons) == count


@pytest.mark.slow
async def test_command_line_says_what_it_means_and_decides(sandbox, service, tmp_path):
    """`status` lists the requests, each form of `report` says what it means and what to do, `resolve` does it."""
    journal = str(tmp_path / "soldes.db")
    await refused(sandbox, service, journal)

    async def command(*words):
        account = {"ALLMYSMS_LOGIN": "demo", "ALLMYSMS_API_KEY": "demo-key", "ALLMYSMS_BASE_URL": sandbox.http_url}
        return await ended(await start("campaign", *words, env=account))

    def told(text):
        return re.search(r"just taken an identical one.*nobody texted them.*--resend or --mark-sent", text, re.S)

    status = await command("status", journal)
    assert "Requests refused as duplicates" in status.out
    assert ["1", "10", "10"] in [line.split()[:3] for line in status.out.splitlines()]
    assert told(status.err), status.err
    lines, page = tmp_path / "lines.csv", tmp_path / "page.html"
    for words in (["--csv", str(lines)], [], ["--json"], ["--html", str(page)]):
        report = await command("report", journal, *words)
        assert (report.code, bool(told(report.err))) == (1, True), report.err
    assert told(page.read_text(encoding="utf-8"))
    with lines.open(encoding="utf-8", newline="") as file:
        assert Counter(row["reason"] for row in csv.DictReader(file)) == {"": 20, "duplicate_at_gateway": 10}
    resent = await command("resolve", journal, "--resend", "1")
    assert (resent.code, resent.err) == (0, "10 recipients wait to be sent again by 'campaign resume'.\n")
    assert (await command("resume", journal)).code == 0
    assert len(list(sandbox.all_messages())) == 30
    quiet = await command("report", journal)
    assert (quiet.code, quiet.err) == (0, "")
