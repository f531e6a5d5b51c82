"""However a list is written, a turn of the event loop plans some hundred rows one by one at most."""

import asyncio
import itertools

import pytest

from allmysms_async.batch.block import ROWS_AT_ONCE
from allmysms_async.batch.fit import Fits
from allmysms_async.batch.intake import Intake
from allmysms_async.batch.plan import Planner
from allmysms_async.model import Blocks, People

ROWS = 2_600
NAME, UNICODE, TEXT = "Anne", "Łukasz", "Bonjour #param_1#"


def mobile(row):
    """Return somebody's mobile in national form."""
    return f"06{row:08d}"


def paired(row):
    """Return the same, as people write it."""
    digits = mobile(row)
    return " ".join(digits[at : at + 2] for at in range(0, 10, 2))


# The number and the value of a row, the text, and whether the gateway fills it in.
KINDS = {
    "usual": (mobile, lambda row: NAME, TEXT, True),
    "no number": (lambda row: "", lambda row: NAME, TEXT, True),
    "land lines": (lambda row: f"01{row:08d}", lambda row: NAME, TEXT, True),
    "short numbers": (lambda row: str(10_000 + row), lambda row: NAME, TEXT, True),
    "of Belgium": (lambda row: f"+32470{row:06d}", lambda row: NAME, TEXT, True),
    "in pairs": (paired, lambda row: NAME, TEXT, True),
    "rendered here": (mobile, lambda row: f"n{row % 3}", TEXT, False),
    "two codings": (mobile, lambda row: UNICODE if row % 2 else NAME, TEXT, True),
    "in Unicode": (mobile, lambda row: UNICODE, TEXT, True),
    "duplicates": (lambda row: mobile(row % 50), lambda row: NAME, TEXT, True),
    "duplicates between others": (lambda row: mobile(row % 50) if row % 60 else "", lambda row: NAME, TEXT, True),
    "met after the first": (lambda row: mobile(row) if row else paired(ROWS - 1), lambda row: NAME, TEXT, True),
    "all of these": (
        lambda row: (mobile(row), "", f"01{row:08d}", "12345", f"+32470{row:06d}", paired(row), mobile(3))[row % 7],
        lambda row: (NAME, UNICODE, "#param_1#", "x" * 2000)[row % 4],
        TEXT,
        True,
    ),
}


class OneBlock(Blocks):
    """Rows that come all at once, in columns."""

    def __init__(self, kind):
        """Make them."""
        phone, value, _, _ = KINDS[kind]
        rows = range(ROWS)
        self.people = People(list(map(phone, rows)), rows, [list(map(value, rows))])

    def blocks(self):
        """Yield them."""
        yield self.people


async def per_turn(monkeypatch, bench):
    """Run a campaign; return how many rows were looked at one by one in a turn of the loop, and refused at once, at
    most."""
    looked, most, refused = 0, 0, [0]

    def counted(original):
        def call(self, *args):
            nonlocal looked
            looked += 1
            return original(self, *args)

        return call

    async def turns():
        nonlocal looked, most
        while True:
            most, looked = max(most, looked), 0
            await asyncio.sleep(0)

    refuse = bench.sink.refuse

    async def record(outcomes):
        refused.append(len(outcomes))
        await refuse(outcomes)

    bench.sink.refuse = record
    with monkeypatch.context() as patch:
        for looks, name in ((Planner, "add"), (Fits, "of_usual")):
            patch.setattr(looks, name, counted(getattr(looks, name)))
        task = asyncio.create_task(turns())
        try:
            await bench.finish()
        finally:
            task.cancel()
    return max(most, looked), max(refused)


def ends(bench):
    """Return what became of everybody: the requests, and each row's outcome."""
    requests = [(request.text, request.coding, tuple(request.recipients)) for request in bench.gateway.requests]
    outcomes = sorted((each.row, each.line, each.phone, each.state, each.reason) for each in bench.outcomes)
    return requests, outcomes, bench.sink.result("soldes").rejections


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_few_rows_are_planned_one_by_one_in_a_turn(monkeypatch, make_bench, make_gateway, kind):
    """A long block of unusual rows is planned in portions, and ends as the same people one by one do."""
    _, _, text, personalises = KINDS[kind]
    source, made = OneBlock(kind), []
    for rows in (source, list(source.people)):
        gateway = make_gateway(personalises=personalises)
        bench = make_bench(rows, text=text, gateway=gateway, chunk_size=100, concurrency=1)
        looked, refused = await per_turn(monkeypatch, bench)
        # A row whose text was looked at, and cannot be sent so, is looked at once more.
        assert looked <= 2 * ROWS_AT_ONCE
        assert refused <= ROWS_AT_ONCE
        made.append(ends(bench))
    assert made[0] == made[1]
    assert len(made[0][1]) == ROWS


async def test_usual_block_is_planned_at_once(make_bench, monkeypatch):
    """Where no row has to be looked at, none is, and no portion of them is waited for."""
    portions = []
    add_rows = Planner.add_rows

    def noted(self, rows, refused):
        portions.append(len(rows))
        return add_rows(self, rows, refused)

    monkeypatch.setattr(Planner, "add_rows", noted)
    bench = make_bench(OneBlock("usual"), text=TEXT, chunk_size=1000)
    assert (await per_turn(monkeypatch, bench))[0] == 0
    assert max(portions) == ROWS


async def test_stop_between_two_portions_loses_nobody(make_bench):
    """Stopped while it plans a long block, a campaign goes on with whoever was left of it, each once."""
    bench = make_bench(OneBlock("in pairs"), text=TEXT, chunk_size=100, concurrency=1)
    run = bench.run()
    async for progress in run:
        if progress.accepted:
            run.stop()
    stopped = run.result
    assert stopped.rows < ROWS
    assert not stopped.complete
    await bench.finish()
    assert set(bench.gateway.texted.values()) == {1}
    assert bench.sink.result("soldes").accepted == len(bench.gateway.texted) == ROWS


class Growing(Blocks):
    """Two blocks, of which the first is long."""

    def blocks(self):
        """Yield them."""
        yield People([f"n{row}" for row in range(ROWS)], range(ROWS))
        yield People([f"n{ROWS}"], [ROWS])


async def taken(intake):
    """Return the rows of a take, as numbers and lines."""
    rows = await intake.take(asyncio.Event())
    return None if rows is None else [(row, person.line) for row, person in rows]


async def test_rows_that_are_given_back_come_next_some_at_a_time():
    """They come before the source goes on, in order, as columns; a take that is cancelled loses none of them."""
    intake = Intake(Growing())
    rows = await intake.take(asyncio.Event())
    intake.give_back(rows.part(300, ROWS))
    cancelled = asyncio.create_task(intake.take(asyncio.Event()))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    portions = []
    while (some := await taken(intake)) is not None:
        portions.append(some)
    assert [len(some) for some in portions] == [500, 500, 500, 500, 300, 1]
    assert list(itertools.chain.from_iterable(portions)) == [(row + 1, row) for row in range(300, ROWS + 1)]


async def test_rows_that_were_given_back_are_forgotten_where_the_source_begins_again():
    """Rewound, the source gives everybody from its first row, and nobody of the reading before."""
    intake = Intake(Growing())
    rows = await intake.take(asyncio.Event())
    intake.give_back(rows.part(100, ROWS))
    await intake.rewind()
    assert (await taken(intake))[:2] == [(1, 0), (2, 1)]
