"""Whatever a source holds, the journal can hold: no row of it stops a campaign, or is lost."""

import asyncio
import itertools
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from allmysms_async import CampaignStopped, Recipient, SmsMessage
from allmysms_async.batch.fit import Fits
from allmysms_async.batch.plan import Planner
from allmysms_async.clock import SystemClock
from allmysms_async.journal import Journal, JournalSink, open_sink
from allmysms_async.model import OutcomeState

from .conftest import Unkeyed, campaign, people

STRANGE: list[Any] = [
    Recipient("06\udc80", ("x",), 3),
    Recipient("06\x0012", ("x",), 4),
    Recipient("\udfff" * 100, ("x",)),
    Recipient("06 11 11 11 11", ("\udc80",)),
    Recipient("06 11 11 11 12", ("a\x00b",)),
    Recipient("06 11 11 11 13", None),  # type: ignore[arg-type]
    Recipient("06 11 11 11 14", ("x",), "line 9"),  # type: ignore[arg-type]
    Recipient("néant", ("x",), 2**70),
    None,
]


async def test_rows_that_no_database_holds_are_refused_and_the_others_sent(sandbox, service, journal):
    """Lone surrogates, NUL and values of a wrong type are refused row by row, once, with their reason and line."""
    rows = [*STRANGE, *people(300)]
    for _ in range(2):
        async with service() as sms:
            last = await sms.run(campaign(rows), journal=journal, chunk_size=50)
        assert (last.rows, last.accepted, last.complete) == (309, 301, True)
        assert {reason.value: count for reason, count in last.rejections.items()} == {
            "malformed": 5,
            "invalid_param": 3,
        }
    async with Journal(journal) as opened:
        refused = {outcome.row: outcome async for outcome in opened.outcomes() if outcome.reason}
    assert (refused[1].phone, refused[1].line) == ("06\\udc80", 3)
    assert (refused[2].phone, refused[2].line) == ("06\\x0012", 4)
    assert refused[8].line is None
    assert sandbox.stats()["max_per_handset"] == 1


async def test_wrong_values_matter_nothing_where_they_are_not_used(service, journal):
    """Values that no placeholder asks for are not looked at, whatever they are."""
    rows = [Recipient("0611111111", None), Recipient("0611111112", ("\udc80",))]
    async with service() as sms:
        last = await sms.run(campaign(rows, text="Bonjour. STOP au 36180"), journal=journal)
    assert (last.accepted, last.rejected) == (2, 0)


@pytest.mark.parametrize("where", ["refuse", "add"])
async def test_rows_are_read_again_whatever_kept_them_from_the_record(service, journal, monkeypatch, where):
    """Any failure of the record, also a defect, loses no row: the same object continues and accounts for all."""
    rows = [*people(100), "néant", *people(100, 100)]
    original = getattr(JournalSink, where)

    async def fails(self, *args):
        monkeypatch.setattr(JournalSink, where, original)
        raise UnicodeEncodeError("utf-8", "x", 0, 1, "not recorded")

    monkeypatch.setattr(JournalSink, where, fails)
    one = campaign(rows)
    async with service() as sms:
        with pytest.raises(CampaignStopped):
            await sms.run(one, journal=journal, chunk_size=50)
        last = await sms.run(one, journal=journal, chunk_size=50)
    assert (last.rows, last.accepted, last.rejected, last.complete) == (201, 200, 1, True)


@pytest.mark.parametrize(("planning", "way"), [(Fits, "of_block"), (Planner, "add")])
async def test_row_that_breaks_the_planner_loses_no_other(service, monkeypatch, planning, way):
    """A defect in the planning of a row stops the campaign; continued without it, everybody is accounted for once.

    The row may be like nearly all others, which are planned together, or one that takes a closer look.
    """
    rows, original = people(100), getattr(planning, way)
    rows[58] = replace(rows[58], phone=f"{rows[58].phone[:4]} {rows[58].phone[4:]}")

    def breaks(self, *args):
        if planning is Fits or args[0] == 60:
            monkeypatch.setattr(planning, way, original)
            raise RuntimeError
        return original(self, *args)

    monkeypatch.setattr(planning, way, breaks)
    one = campaign([*rows[:20], "néant", *rows[20:]])
    async with service() as sms:
        with pytest.raises(CampaignStopped):
            await sms.run(one, chunk_size=30)
        last = await sms.run(one, chunk_size=30)
    assert (last.rows, last.accepted, last.rejected) == (101, 100, 1)


# Each opens and closes a journal twice; .ci/run has 100.
EXAMPLES = 2 * int(os.environ.get("JOURNAL_EXAMPLES", "10"))
_names = itertools.count()
ANYTHING = st.text(st.characters(categories=None, codec=None), max_size=70)
ROWS = st.lists(
    st.builds(
        Recipient,
        ANYTHING | st.integers(600_000_000, 799_999_999).map(lambda number: f"0{number}"),
        st.lists(ANYTHING, max_size=2).map(tuple),
        st.none() | st.integers(),
    ),
    max_size=12,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_whatever_a_source_holds_is_read_back(journal, rows):
    """Every row of any text, number and line is in the journal exactly once, in a chunk or refused."""

    async def record() -> list[Any]:
        clock, name = SystemClock(), f"c{next(_names)}"
        sink = open_sink(journal, backend="rest", account="a", clock=clock, keyed=False)
        await sink.open(campaign((), name=name))
        assert await sink.lead()
        message = SmsMessage("Bonjour #param_1#", purpose="marketing")
        planner = Planner(message, Unkeyed.limits, chunk_size=3, seen=sink.seen, accounted=sink.accounted)
        refused = [outcome for row, item in enumerate(rows, 1) if (outcome := planner.add(row, item)) is not None]
        if refused:
            await sink.refuse(refused)
        for chunk in planner.flush():
            await sink.add(chunk)
        await sink.close()
        async with Journal(journal) as opened:
            return [outcome async for outcome in opened.outcomes(name)]

    outcomes = asyncio.run(record())
    assert Counter(outcome.row for outcome in outcomes) == Counter(range(1, len(rows) + 1))
    assert {outcome.state for outcome in outcomes} <= {OutcomeState.PENDING, OutcomeState.REJECTED}
    for outcome in outcomes:
        outcome.phone.encode()
