"""Many texts rendered here: equal ones wait for each other, within bounds, and the count of requests is foreseen."""

import random
import time
from collections import Counter
from typing import Any

import pytest
from pyroaring import BitMap64

from allmysms_async.backend import SendLimits
from allmysms_async.batch import gathering
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.forecast import planned_requests
from allmysms_async.batch.plan import Planner
from allmysms_async.model import Recipient, SmsMessage

LIMITS = SendLimits(
    recipients=1000, max_recipients=1000, max_gsm_units=459, max_ucs2_units=0, personalises=False, idempotent=False
)
MESSAGE = SmsMessage("Code #param_1#")


def planned(rows: Any, chunk_size: int = 1000, message: SmsMessage = MESSAGE) -> tuple[Planner, list[Chunk]]:
    """Plan rows, and return the planner before its flush with the chunks it gave so far."""
    planner = Planner(message, LIMITS, chunk_size=chunk_size, seen=BitMap64(), accounted=BitMap64())
    chunks: list[Chunk] = []
    for row, recipient in enumerate(rows, 1):
        planner.add(row, recipient)
        chunks += planner.sealed()
    return planner, chunks


def foreseen(rows: Any, message: SmsMessage = MESSAGE, accounted: BitMap64 | None = None) -> int:
    """Return how many requests are foreseen."""
    return planned_requests(message, LIMITS, rows, 1000, accounted or BitMap64())


@pytest.mark.slow
@pytest.mark.parametrize("texts", [300, 1000])
def test_each_of_many_texts_takes_as_few_requests_as_it_can(texts: int) -> None:
    """1000 texts, 50 people each, in any order, take 1000 requests: as many as were foreseen."""
    rng = random.Random(1)
    rows = [Recipient(f"336{index:08d}", (str(index % texts),)) for index in range(50 * texts)]
    rng.shuffle(rows)
    planner, chunks = planned(rows)
    chunks += planner.flush()

    assert len(chunks) == texts == foreseen(rows)
    assert Counter(len(chunk.rows) for chunk in chunks) == {50: texts}


def test_rows_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound the fullest are handed over until an eighth is free, and nobody is lost."""
    monkeypatch.setattr(gathering, "_HELD_ROWS", 80)
    rows = [Recipient(f"336{index:08d}", (str(index) if index % 8 else "same",)) for index in range(600)]
    planner, held = Planner(MESSAGE, LIMITS, chunk_size=50, seen=BitMap64(), accounted=BitMap64()), 0
    chunks: list[Chunk] = []
    for row, recipient in enumerate(rows, 1):
        planner.add(row, recipient)
        held = max(held, sum(len(chunk.rows) for chunk in planner._gathering._open.values()))
        chunks += planner.sealed()

    assert held <= 80
    assert (chunks[0].text, len(chunks[0].rows)) == ("Code same", 10)
    chunks += planner.flush()
    assert sorted(row for chunk in chunks for row in chunk.rows) == list(range(1, 601))


def test_texts_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many texts differ, so many chunks are open at most."""
    monkeypatch.setattr(gathering, "_OPEN_CHUNKS", 16)
    planner, chunks = planned(Recipient(f"336{index:08d}", (str(index),)) for index in range(100))

    assert len(planner._gathering._open) <= 16
    assert len(chunks) + len(planner.flush()) == 100


@pytest.mark.slow
def test_texts_that_all_differ_are_planned_without_a_search_for_each() -> None:
    """A code for each of 80000 people, more texts than may wait: the planner does not slow down."""
    rows = [Recipient(f"336{index:08d}", (str(index),)) for index in range(80_000)]
    begun = time.process_time()
    planner, chunks = planned(rows)
    assert len(chunks) + len(planner.flush()) == 80_000
    assert time.process_time() - begun < 8


@pytest.mark.slow
def test_forecast_counts_what_will_be_sent() -> None:
    """Duplicates, rows without the value and rows that are no recipients are refused, and take no request."""
    rows: list[Any] = [
        Recipient("33610000001", ["a"]),  # type: ignore[arg-type]
        Recipient("33610000002", ("a",)),
        Recipient("+33 6 10 00 00 02", ("b",)),
        Recipient("33610000003", None),  # type: ignore[arg-type]
        Recipient("33610000004", ([],)),  # type: ignore[arg-type]
        Recipient("33610000005", ({"b": 1},)),  # type: ignore[arg-type]
        Recipient("33610000006", ()),
        Recipient("nobody", ("c",)),
        "33610000007",
        Recipient("33610000008", ("d",)),
    ]
    assert foreseen(rows) == 2
    assert foreseen(["33610000001"] * 200_000, SmsMessage("Bonjour")) == 1


def test_forecast_of_a_campaign_that_is_continued() -> None:
    """Rows that are accounted for are not counted, nor are other rows with their numbers."""
    rows = [Recipient(f"336{index // 2:08d}", (str(index),)) for index in range(20)]
    assert foreseen(rows) == 10
    assert foreseen(rows, accounted=BitMap64([1, 3, 5])) == 7
    assert foreseen(rows, accounted=BitMap64(range(1, 30))) == 0
