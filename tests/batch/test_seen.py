"""A source that is read again, changed or not: nobody twice, nobody lost, and as many rows as there are."""

from array import array
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from allmysms_async import RestBackend, SmsMessage
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Planner
from allmysms_async.numbers import canonical_number

LIMITS = RestBackend.limits
SOURCES = st.lists(st.sampled_from(["06 12 34 56 71", "0612345671", "0612345672", "0612345673", "néant", "oups", ""]))


def key_of(row):
    """Return what two rows have in common that are one."""
    try:
        return canonical_number(row)
    except ValueError:
        return row


class Record:
    """What is recorded of a campaign over all its readings."""

    def __init__(self):
        """Begin with nothing."""
        self.seen, self.accounted, self.refused = BitMap64(), BitMap64(), array("Q")
        self.rows = []
        self.reasons = Counter()

    def read(self, source, unmet=None):
        """Read a source, from the row that comes next."""
        planner = Planner(
            SmsMessage("Bonjour"),
            LIMITS,
            chunk_size=3,
            seen=self.seen,
            accounted=self.accounted,
            refused=self.refused,
            unmet=unmet,
        )
        for row, item in source:
            outcome = planner.add(row, item)
            if outcome is not None:
                self.rows.append(key_of(outcome.phone))
                self.reasons[str(outcome.reason)] += 1
        self.rows.extend(recipient.phone for chunk in planner.flush() for recipient in chunk.recipients)


@given(sources=st.lists(SOURCES, min_size=1, max_size=4))
def test_readings_of_changed_sources_add_up_to_all_that_they_hold(sources):
    """Whatever was put in, taken out or moved between readings, each row is recorded as often as one of them has it."""
    record, expected = Record(), Counter()
    for source in sources:
        record.read(enumerate(source, 1))
        expected |= Counter(map(key_of, source))
        assert Counter(record.rows) == expected


@given(source=SOURCES, cuts=st.lists(st.integers(0, 20)), before=SOURCES)
def test_reading_that_goes_on_knows_what_it_met(source, cuts, before):
    """A source that is left and gone on with, over several runs, is told like one that is read at a stretch."""
    record, intake = Record(), Intake(())
    record.read(enumerate(before, 1))
    rows = list(enumerate(source, 1))
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        # A journal's record is another object in each run.
        record.seen, record.refused = BitMap64(record.seen), array("Q", record.refused)
        intake.unmet.learn(record.seen, record.refused)
        record.read(rows[begin:end], intake.unmet)
    assert Counter(record.rows) == Counter(map(key_of, before)) | Counter(map(key_of, source))


def test_malformed_row_put_in_front_is_reported_and_nobody_called_a_duplicate():
    """Rows that moved down by one are the people they were; the new one is reported with its own reason."""
    record, people = Record(), [f"06123456{number}" for number in range(10, 20)]
    record.read(enumerate(people, 1))
    record.read(enumerate(["néant", *people], 1))
    assert (len(record.rows), record.reasons) == (11, {"malformed": 1})


async def test_changed_source_is_reported_as_it_is(make_bench):
    """Over whole runs the figures are those of the changed source."""
    bench = make_bench([f"06123456{number}" for number in range(10, 20)])
    await bench.finish()
    bench.intake = Intake(["néant", *(f"06123456{number}" for number in range(10, 20)), "0612345610"])
    await bench.finish()
    totals = bench.sink.totals()
    assert (totals.rows, totals.accepted) == (12, 10)
    assert {reason.value: count for reason, count in totals.rejections.items()} == {"malformed": 1, "duplicate": 1}
