"""What does a journal cost a recipient, with one text for all and with two parameters each?

A CSV file goes to a minimal gateway through ``SmsService.run``, without a journal and with a new one of SQLite, one
right after the other, and the other way round in every second round: whatever else the machine does meets both. The
difference of such a pair is the journal's, and the median of the differences counts. CPU time counts, all threads
included, for each recipient. What it costs once, whatever the number of recipients, is a part of it, and shown by
itself: it is what a journal adds to a campaign of one recipient.
"""

from __future__ import annotations

import asyncio
import gc
import pathlib
import tempfile
import time

from by_hand import SIZE, TEXTS, write_list
from harness import arguments, serving
from limits import Row, finish_rows, row

from allmysms_async import Campaign, RestBackend, SmsMessage, SmsService, read_csv

__all__ = ["main"]

_LIMITS = {0: 1.5, 2: 4.0}
_NAMES = {0: "one text", 2: "2 parameters"}


async def _send(path: pathlib.Path, params: int, address: str, journal: pathlib.Path | None) -> float:
    """Send a list; return the microseconds of CPU."""
    source = read_csv(path, phone="mobile", params=("prenom", "code")[:params])
    message = SmsMessage(TEXTS[params], purpose="marketing")
    gc.collect()
    before = time.process_time()
    async with SmsService(RestBackend("demo", "k", base_url=address)) as sms:
        result = await sms.run(
            Campaign("recorded", message, source, quiet_hours="ignore"), journal=journal, chunk_size=SIZE
        )
    spent = time.process_time() - before
    if not result.all_accepted:
        msg = f"{result.accepted} of {result.rows} recipients were accepted: {dict(result.problems)}"
        raise RuntimeError(msg)
    return 1e6 * spent


async def _pair(path: pathlib.Path, params: int, address: str, number: int) -> tuple[float, float]:
    """Send a list without a journal and with one; return the microseconds of CPU of the first, and the difference."""
    journal = path.with_name(f"{path.stem}-{params}-{number}.db")
    ways = (None, journal) if number % 2 else (journal, None)
    spent = {way: await _send(path, params, address, way) for way in ways}
    for left in path.parent.glob(f"{journal.name}*"):
        left.unlink()
    return spent[None], spent[journal] - spent[None]


async def _measure(folder: pathlib.Path, address: str, count: int, rounds: int) -> list[Row]:
    """Measure both kinds of text in turns, a round to warm up first."""
    one, all_ = folder / "one.csv", folder / "clients.csv"
    write_list(one, 1)
    write_list(all_, count)
    cost: dict[int, list[float]] = {params: [] for params in TEXTS}
    without: dict[int, list[float]] = {params: [] for params in TEXTS}
    once: list[float] = []
    for number in range(rounds + 1):
        for params in TEXTS:
            plain, added = await _pair(all_, params, address, number)
            _, alone = await _pair(one, params, address, number)
            if number:
                without[params].append(plain / count)
                cost[params].append(added / count)
                once.append(alone / 1000)
    rows = [row(f"{_NAMES[params]}: the journal", cost[params], "us", _LIMITS[params]) for params in TEXTS]
    rows += [row(f"{_NAMES[params]}: without one", without[params], "us") for params in TEXTS]
    return [*rows, row("the journal of one recipient", once, "ms")]


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__)
    parser.set_defaults(rounds=9)
    parser.add_argument("--recipients", type=int, default=200_000, help="recipients of a campaign (200,000)")
    given = parser.parse_args()
    count, rounds = (2 * SIZE, 1) if given.quick else (given.recipients, given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving("server.py") as address:
        rows = asyncio.run(_measure(pathlib.Path(folder), address, count, rounds))
    finish_rows("CPU of a journal for each recipient", rows, given)


if __name__ == "__main__":
    main()
