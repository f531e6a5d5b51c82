"""What came back to one campaign is counted by its sends, and told for certain texts, in both databases."""

import csv
import json

import msgspec
import pytest

from allmysms_async import CampaignResult, DeliveryStatus
from allmysms_async.batch.memory import MemorySink
from allmysms_async.journal.event_journal import EventJournal
from allmysms_async.journal.event_report import EventReport
from tests.cli.conftest import call

from .conftest import campaign, people
from .events import StillClock, after, phone_of, reply, report


def result(accepted: int, *sends: str) -> CampaignResult:
    """Return what became of a campaign."""
    totals = msgspec.structs.asdict(MemorySink().totals()) | {"accepted": accepted, "rows": accepted}
    return CampaignResult(name="soldes", run_id="0" * 32, campaign_ids=sends, **totals)


async def test_figures_are_of_the_campaigns_own_sends(journal: str) -> None:
    """Every state is there, what nothing is known of is pending, and nobody's opt-out counts twice."""
    async with EventJournal(journal, StillClock()) as kept:
        await kept.store(
            [
                *(report(person, status, 60.0, campaign=f"c{person % 2 + 1}")
                  for person, status in enumerate(("delivered", "delivered", "undelivered", "rejected", "opted_out"))),
                report(5, "pending"), report(6, "handed_to_operator"), report(7, "unknown_number"),
                report(8, "unknown"), report(1, "delivered", campaign="other"),
                report(9, "opted_out", campaign="other"),
                reply(1, "Oui", campaign="c1"), reply(1, " Stop ! ", 5.0, campaign="c2"),
                reply(4, "STÓP", campaign="c1"),
                reply(1, "STOP", 9.0, campaign="c1"), reply(1, "START", 99.0, campaign="c1"),
                reply(2, "STOP", campaign="other"), reply(2, "STOP", campaign=None),
            ]
        )  # fmt: skip
    async with EventReport(journal) as kept:
        figures = await kept.figures(result(20, "c1", "c2"))
        nothing = await kept.figures(result(3))
    assert {status.value: count for status, count in figures.delivery.items()} == {
        "pending": 12, "handed_to_operator": 1, "delivered": 2, "undelivered": 1, "rejected": 1, "unknown_number": 1,
        "unknown": 1, "opted_out": 1,
    }  # fmt: skip
    assert (figures.replies, figures.opt_outs, figures.stops, figures.told) == (5, 2, 2, True)
    assert sum(sum(hour.values()) for hour in figures.over_time.values()) == 9
    assert (nothing.told, nothing.replies, nothing.delivery[DeliveryStatus.PENDING]) == (False, 0, 3)


async def test_opt_out_of_a_report_alone_counts(journal: str) -> None:
    """Who never answered but is reported to have opted out is among the opt-outs."""
    async with EventJournal(journal, StillClock()) as kept:
        await kept.store([report(person, "opted_out") for person in range(2100)])
        await kept.store([reply(person, "STOP") for person in range(2000, 2200)])
    async with EventReport(journal) as kept:
        figures = await kept.figures(result(2200, "c1"))
    assert (figures.opt_outs, figures.stops, figures.delivery[DeliveryStatus.OPTED_OUT]) == (2200, 200, 2100)


@pytest.mark.parametrize("sends", [1, 400])
async def test_states_of_certain_texts(journal: str, sends: int) -> None:
    """Each text has its own state, however many sends they are of; one that no report is of has none."""
    texts = [(f"c{person % sends}", phone_of(person)) for person in range(1500)]
    async with EventJournal(journal, StillClock()) as kept:
        await kept.store(
            [report(person, "delivered", person % 60, campaign=texts[person][0]) for person in range(0, 1500, 3)]
        )
        await kept.store([report(3, "undelivered", campaign="elsewhere")])
    async with EventReport(journal) as kept:
        found = await kept.states_of(iter(texts))
        assert await kept.states_of([]) == {}
        assert await kept.states_of([('c"\\', "é'[]"), ("", "")]) == {}
    assert set(found) == set(texts[::3])
    assert {state.status for state in found.values()} == {DeliveryStatus.DELIVERED}
    assert [found[texts[person]].at for person in (3, 63)] == [after(3), after(3)]


async def test_journal_without_events_has_none(journal: str) -> None:
    """Where nothing was ever stored nothing came back, and looking creates nothing."""
    async with EventJournal(journal):
        pass
    async with EventReport(journal) as kept:
        figures = await kept.figures(result(3, "c1"))
        assert await kept.states_of([("c1", "33612345678")]) == {}
    assert (figures.told, figures.opt_outs, sum(figures.delivery.values())) == (False, 0, 3)


async def test_command_reports_from_either_database(service, journal: str, tmp_path) -> None:
    """The command line reads from each database what came back, also where nothing was ever stored."""
    async with service() as sms:
        sent = await sms.run(campaign(people(4)), journal=journal, chunk_size=2)
    place = {"ALLMYSMS_JOURNAL": journal}
    before = await call("campaign", "report", "--json", env=place)
    assert json.loads(before.out)["delivery"]["pending"] == 4, before.err
    send, path = sent.campaign_ids[0], tmp_path / "report.csv"
    first, second = "33610000000", "33610000001"
    async with EventJournal(journal) as kept:
        await kept.store(
            [
                *(
                    msgspec.structs.replace(report(1, "delivered", campaign=each), phone=phone)
                    for each in sent.campaign_ids
                    for phone in (first, second)
                ),
                reply(1, "Oui", campaign=send),
            ]
        )
    told = await call("campaign", "report", "--json", env=place)
    assert (json.loads(told.out)["delivery"]["delivered"], json.loads(told.out)["replies"]) == (4, 1), told.err
    assert (await call("campaign", "report", "--csv", str(path), env=place)).code == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    states = {row["number"]: row["delivery"] for row in csv.DictReader(lines)}
    assert {phone for phone, state in states.items() if state == "delivered"} == {first, second}
    assert "Oui" in (await call("campaign", "replies", env=place)).out
